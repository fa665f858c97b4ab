"""Fine-tune a model for a task with a compressed table in place, against the full one.

This is the second check of Bałazy et al. (2021), who ran it on GLUE and SQuAD: what a table costs a model that is then
trained for a task. The full model trains its whole table. Of a compressed table there trains, as asked for (`WAYS`),

factors   all that its method allows: the factors of a low-rank table; nothing of codes
decoder   the decoder of a low-rank table, its latents frozen
none      nothing; of the full model's table neither
paper     as in the paper's scripts: the decoder of the auto-encoder, nothing of any other table

and it stays compressed throughout; all else in the model trains. Under one seed all models start from the same weights,
new head included, and see the same examples in the same order, so that differences are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from transformers import PreTrainedModel, set_seed

from neutral import models
from neutral.compression import WAYS
from neutral.compression.placement import put_in
from neutral.compression.table import Table
from neutral.curves import Curve
from neutral.errors import NeutralError
from neutral.models import adapters
from neutral.progress import bar, say
from neutral.recipes import Recipe
from neutral.tasks import Order, Score, Task, benchmarks
from neutral.tasks.base import tell_padding
from neutral.tasks.benchmarks import Benchmark
from neutral.training import memory_limit, train

RECIPE = Recipe(steps=500, batch_size=32, rate=5e-5)
"""One of the settings among which Devlin et al. (2019) chose for GLUE, with steps in place of epochs."""

PAPER = {"squad": Recipe(batch_size=16, rate=3e-5, warmup=0.0)}
"""Task -> the settings of the paper's scripts, in which steps come from `PAPER_EPOCHS`."""

PAPER_GLUE = Recipe(batch_size=32, rate=2e-5, warmup=0.0)
PAPER_EPOCHS = 3

_FROZEN = ("latents",)


def finetune(
    source: str | Path,
    data: Benchmark | str | Path,
    tables: Mapping[str, Table | None],
    recipe: Recipe = RECIPE,
    seeds: Sequence[int] = (0,),
    *,
    ways: Sequence[str] = ("factors",),
    length: int = 128,
    stride: int = 128,
    device: str = "auto",
    quiet: bool = False,
    tell: Callable[[Sequence[str]], object] | None = None,
    done: Collection[tuple[str, int, str]] = (),
    **options: object,
) -> Iterator[tuple[dict[str, object], dict[str, list[Score]]]]:
    """Fine-tune a model for a task with each token table of `tables` under each seed and way; yield scores of each.

    Parameters
    ----------
    source : str or Path
        The model.
    data : Benchmark or path
        Examples, or what `benchmarks.load` reads.
    tables : name -> Table or None
        Tables to put in; None is the model's own.
    recipe : Recipe
        Steps, batch size and rate of the training; the seed is replaced by each of `seeds`.
    seeds : sequence of int
        Seeds of head, order and dropout.
    ways : sequence of str
        What trains of a table (`WAYS`). Ways that come to the same for a table are run once.
    length, stride : int
        Most tokens of an example; tokens that SQuAD's windows share.
    device : str
        Where it trains.
    quiet : bool
        Whether to show no progress bar.
    tell : callable, optional
        Takes the notes on the first model that is loaded: its new head, say. By default they go to standard error.
    done : collection of (table, seed, what trains)
        Those that are passed over; what trains is as `trained` names it.
    **options
        For the loaders of model and tokenizer.

    Yields
    ------
    (dict, split -> scores)
        table, seed, train (what trained), steps, and numbers: how many numbers of the token table trained; and the
        scores of each held-out split by each of the task's metrics. They come as soon as a model is finished.

    Raises
    ------
    NeutralError
        For data as `benchmarks.load` does, an unknown way, a table that does not fit the model, no table at all, and a
        device without the memory.
    """
    if not tables or not seeds or not ways:
        raise NeutralError("nothing to fine-tune: give at least one table (or the full one), one seed and one way")
    if unknown := [way for way in ways if way not in WAYS]:
        raise NeutralError(f"--finetune-train {unknown[0]}: unknown; there are {', '.join(WAYS)}")
    if not isinstance(data, Benchmark):
        data = benchmarks.load(data)
    task = data.over(models.load_tokenizer(source, **options), length=length, stride=stride)
    runs = plan(tables, seeds, ways, done)
    items, tell = task.items(data.train) if runs else [], tell or partial(say, quiet=quiet)
    with bar(len(runs) * recipe.steps, "step", quiet=quiet) as progress:
        for name, seed, what in runs:
            progress.set_description(f"{name} ({what} trains), seed {seed}")
            how = {"train": what, "device": device, "step": lambda *_: progress.update(), "tell": tell}
            numbers, scores = tuned(
                source, data, task, items, tables[name], replace(recipe, seed=seed), **how, **options
            )
            tell = None
            yield {"table": name, "seed": seed, "train": what, "steps": recipe.steps, "numbers": numbers}, scores


def tuned(
    source: str | Path,
    data: Benchmark,
    task: Task,
    items: Sequence,
    table: Table | None,
    recipe: Recipe,
    *,
    train: str,
    device: str = "auto",
    step: Callable[[int, int], object] | None = None,
    tell: Callable[[Sequence[str]], object] | None = None,
    curve: Curve | None = None,
    **options: object,
) -> tuple[int, dict[str, list[Score]]]:
    """Fine-tune a model with one table; return how many numbers of it trained, and the scores of each held-out split.

    `task` is the data's over the model's tokenizer, and `items` what it makes of the examples to train on. `train` is
    what trains of the table, as `trained` says it; `step` is told every step, and `curve` takes loss and rate. Other
    arguments are those of `finetune`.
    """
    model = start(source, task, table, recipe.seed, device, train=train, tell=tell, **options)
    adapters.speak(model, data.language)
    numbers = sum(p.numel() for p in model.get_input_embeddings().parameters() if p.requires_grad)
    with memory_limit("lower the batch size or the length; finished rows are kept"):
        fit(model, task, items, recipe, step, curve)
        held_out = data.held_out.items()
        return numbers, {
            split: task.scores(model, examples, batch_size=recipe.batch_size) for split, examples in held_out
        }


def plan(
    tables: Mapping[str, Table | type[Table] | None],
    seeds: Sequence[int],
    ways: Sequence[str],
    done: Collection[tuple[str, int, str]],
) -> list[tuple[str, int, str]]:
    """Return what is to be run: (table, seed, what trains), each once, without what is done."""
    runs = dict.fromkeys(
        (name, seed, trained(table, way)) for seed in seeds for name, table in tables.items() for way in ways
    )
    return [run for run in runs if run not in set(done)]


def trained(table: Table | type[Table] | None, way: str) -> str:
    """Return what trains of a table, or of a class's, in a way: "table" (the full one), "factors", "decoder" or "none".

    >>> trained(None, "paper"), trained(None, "none")
    ('table', 'none')
    """
    if table is None:
        return "none" if way == "none" else "table"
    if way == "paper":
        way = "decoder" if table.method == "autoencoder" else "none"
    return way if table.trainable else "none"


def start(
    source: str | Path,
    task: Task,
    table: Table | None,
    seed: int,
    device: str = "auto",
    *,
    train: str = "factors",
    tell: Callable[[Sequence[str]], object] | None = None,
    **options: object,
) -> PreTrainedModel:
    """Return the model with a new head drawn from `seed`, and with `table` for its own token table if given.

    `train` is what trains of the table, as `trained` says it. The memory of the model's own table is then free. `tell`
    takes the notes on the model. Raises `NeutralError` if the table does not fit.
    """
    set_seed(seed)
    own = {"tokenizer": task.tokenizer, "seed": seed, "device": device, **task.model_options}
    loaded = models.load(source, task.head, length=getattr(task, "length", None), **own, **options)
    model = loaded.model
    if tell:
        tell(loaded.notes)
    tell_padding(model, task.tokenizer)
    if table is not None:
        names = table.trainable if train == "factors" else [n for n in table.trainable if n not in _FROZEN]
        put_in(model, table, "input", train=names if train != "none" else ())
    elif train == "none":
        model.get_input_embeddings().requires_grad_(False)
    return model


def fit(
    model: PreTrainedModel,
    task: Task,
    items: Sequence,
    recipe: Recipe,
    tell: Callable[[int, int], object] | None,
    curve: Curve | None = None,
) -> None:
    """Train `model` in place on `items`, as `task.items` makes them; the recipe's seed draws order and dropout."""
    set_seed(recipe.seed)
    order = Order(task, {"": items}, recipe.steps * recipe.batch_size, recipe.seed)
    model.train()
    train(model, task, order, recipe, tell=tell, curve=curve)


def paper(task: str) -> Recipe:
    """Return batch size, rate and warm-up of the paper's scripts for a task; its steps are those of `epochs`."""
    return PAPER.get(task, PAPER_GLUE)


def epochs(count: float, items: int, recipe: Recipe) -> Recipe:
    """Return a recipe whose steps go over `items` examples `count` times."""
    return replace(recipe, steps=max(1, math.ceil(count * items / recipe.batch_size)))
