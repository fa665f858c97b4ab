"""Fine-tune a model for classification with a compressed table in place, against the full one.

This is the second check of Bałazy et al. (2021), who ran it on GLUE: what a table costs a model that is then trained
for a task. The full model trains its whole table. A compressed table trains only what its method allows (the factors of
a low-rank table) and stays compressed throughout. Under one seed all models start from the same weights, new classifier
included, and see the same examples in the same order, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import PreTrainedModel, set_seed

from neutral import models
from neutral.compression.placement import put_in
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.progress import bar
from neutral.tasks import Order, classification
from neutral.tasks.classification import Classification, Data
from neutral.training import Recipe, memory_limit, train

RECIPE = Recipe(steps=500, batch_size=32, rate=5e-5)
"""One of the settings among which Devlin et al. (2019) chose for GLUE, with steps in place of epochs."""


def finetune(
    source: str | Path,
    data: Data | str | Path,
    tables: Mapping[str, Table | None],
    recipe: Recipe = RECIPE,
    seeds: Sequence[int] = (0,),
    *,
    length: int = 128,
    device: str = "auto",
    quiet: bool = False,
    done: Collection[tuple[str, int]] = (),
    **options: object,
) -> Iterator[dict[str, object]]:
    """Fine-tune a model for classification with each token table of `tables` under each seed; yield a row each.

    Parameters
    ----------
    source : str or Path
        The model.
    data : Data or path
        Examples, or the folder that `classification.load` reads.
    tables : name -> Table or None
        Tables to put in; None is the model's own.
    recipe : Recipe
        Steps, batch size and rate of the training; the seed is replaced by each of `seeds`.
    seeds : sequence of int
        Seeds of classifier, order and dropout.
    length : int
        Most tokens of an example.
    device : str
        Where it trains.
    quiet : bool
        Whether to show no progress bar.
    done : collection of (table, seed)
        Those that are passed over.
    **options
        For the loaders of model and tokenizer.

    Yields
    ------
    dict
        table, seed, metric ("accuracy"), value, loss (nats an example), examples (scored), steps, and numbers: how many
        numbers of the token table trained. Each row comes as soon as it is finished.

    Raises
    ------
    NeutralError
        For data as `classification.load` does, a table that does not fit the model, no table at all, and a device
        without the memory.
    """
    if not tables or not seeds:
        raise NeutralError("nothing to fine-tune: give at least one table (or the full one) and one seed")
    if not isinstance(data, Data):
        data = classification.load(data)
    task = Classification(models.load_tokenizer(source, **options), length=length)
    plan = [(name, seed) for seed in seeds for name in tables if (name, seed) not in set(done)]
    with bar(len(plan) * recipe.steps, "step", quiet=quiet) as progress:
        for name, seed in plan:
            progress.set_description(f"{name}, seed {seed}")
            model = start(source, data, task, tables[name], seed, device, **options)
            numbers = sum(p.numel() for p in model.get_input_embeddings().parameters() if p.requires_grad)
            with memory_limit("lower the batch size or the length; finished rows are kept"):
                fit(model, task, data, replace(recipe, seed=seed), lambda *_: progress.update())
                score = task.evaluate(model, data.validation, batch_size=recipe.batch_size)
            yield {
                "table": name,
                "seed": seed,
                "metric": task.metric,
                "value": score.value,
                "loss": score.loss,
                "examples": score.count,
                "steps": recipe.steps,
                "numbers": numbers,
            }


def start(
    source: str | Path,
    data: Data,
    task: Classification,
    table: Table | None,
    seed: int,
    device: str = "auto",
    **options: object,
) -> PreTrainedModel:
    """Return the model with a new classifier drawn from `seed`, and with `table` for its own token table if given.

    The memory of the model's own table is then free. Raises `NeutralError` if the table does not fit.
    """
    set_seed(seed)
    model = models.load_model(source, "classification", num_labels=len(data.labels), **options)
    model.config.pad_token_id = task.tokenizer.pad_token_id  # a causal model finds a text's last token by it
    model.to(models.device(device))
    if table is not None:
        put_in(model, table, "input")
    return model


def fit(
    model: PreTrainedModel, task: Classification, data: Data, recipe: Recipe, tell: Callable[[int, int], None]
) -> None:
    """Train `model` in place on the training examples; the recipe's seed draws their order and the dropout."""
    set_seed(recipe.seed)
    order = Order(task, {"": data.train}, recipe.steps * recipe.batch_size, recipe.seed)
    model.train()
    with TemporaryDirectory() as folder:
        train(model, task, order, recipe, folder=folder, tell=tell)
