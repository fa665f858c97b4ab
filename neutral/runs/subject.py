"""A model at work on a task: its tokenizer's view of every language's data, and the weights it starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from transformers import PreTrainedModel

from neutral import models
from neutral.corpora import Corpus, parts
from neutral.errors import NeutralError
from neutral.search.rewind import snapshot
from neutral.search.search import Search
from neutral.tasks import Task, making
from neutral.training import Recipe

_ORDER_SEED = 20220512  # fixed for ever, so that data of the same size is drawn alike in every language


@dataclass
class Subject:
    """A model with its task.

    Attributes:
        model: the model on its device; `origin` are its weights as loaded, a new head included.
        train, held_out: language -> what `Task.items` gives; a mixture has equal parts of each of its languages.
        examples: how many labelled examples every language is trained on; None for text.
        seed, new: the names of the weights that the checkpoint lacks, as a new head, and the seed they are drawn from.
    """

    model: PreTrainedModel
    task: Task
    train: dict[str, Sequence]
    held_out: dict[str, Sequence]
    origin: dict[str, torch.Tensor]
    examples: int | None = None
    seed: int = 0
    new: frozenset[str] = frozenset()
    load: Callable[[int], tuple[PreTrainedModel, frozenset[str]]] | None = None

    def start(self, seed: int) -> dict[str, torch.Tensor]:
        """Return θ0 as a seed has it: what the checkpoint lacks is drawn from the seed."""
        if self.new and seed != self.seed:
            drawn, _ = self.load(seed)
            self.model.load_state_dict(drawn.state_dict())
            self.origin = snapshot(self.model)
        self.seed = seed
        return self.origin

    def search(
        self, language: str, recipe: Recipe, *, seed: int, scope: str = "global", only: str = "", passes: int = 1
    ) -> Search:
        """Return a search in a language's data, from the weights that a seed starts from and by its examples."""
        return Search(
            self.model,
            self.task,
            self.train[language],
            self.held_out[language],
            replace(recipe, seed=seed),
            scope=scope,
            passes=passes,
            origin=self.start(seed),
            only=only,
        )


def subject(
    source: str,
    task: str,
    corpus: Corpus,
    languages: Sequence[str],
    *,
    length: int = 128,
    held_out: int = 1000,
    examples: int | None = None,
    seed: int = 0,
    device: str = "auto",
    **options: object,
) -> Subject:
    """Load a model with the head that the task takes, and prepare the data of `languages`.

    At most `held_out` items a language are scored. Of labelled data every language has `examples` to train on, by
    default as many as the language with fewest. Weights that the checkpoint lacks are drawn from `seed`. `options` go
    to the loaders of model and tokenizer.

    Raises `NeutralError` for a language with less than `examples`.
    """
    tokenizer = models.load_tokenizer(source, **options)
    is_labelled = task in making.LABELLED
    encoder_decoder = is_labelled and models.is_encoder_decoder(source, **options)
    made = making.make(task, tokenizer, labels=corpus.labels, length=length, encoder_decoder=encoder_decoder)

    def load(seed: int) -> tuple[PreTrainedModel, frozenset[str]]:
        model, new = models.load_seeded(source, made.head, seed, **made.model_options, **options)
        if is_labelled:
            model.config.pad_token_id = tokenizer.pad_token_id  # where a causal model looks for a text's last token
        return model, new

    single = list(dict.fromkeys(part for code in languages for part in parts(code)))
    train = {code: made.items(corpus.train[code]) for code in single}
    held = {code: made.items(corpus.held_out[code]) for code in single}
    if is_labelled:
        examples = _equal({code: len(items) for code, items in train.items()}, examples)
        train = {code: _drawn(items, examples) for code, items in train.items()}
        held = {code: _drawn(items, held_out) for code, items in held.items()}
    held = {code: items[:held_out] for code, items in held.items()}
    model, new = load(seed)
    model.to(models.device(device))
    return Subject(
        model,
        made,
        {code: _of(code, train) for code in languages},
        {code: _of(code, held) for code in languages},
        snapshot(model),
        examples if is_labelled else None,
        seed,
        new,
        load,
    )


def _equal(sizes: Mapping[str, int], asked: int | None) -> int:
    """Return the number of training examples that every language has."""
    fewest = min(sizes, key=sizes.get)
    if asked is not None and sizes[fewest] < asked:
        raise NeutralError(f"--examples {asked}: {fewest} has {sizes[fewest]} training examples only")
    return sizes[fewest] if asked is None else asked


def _drawn(items: Sequence, count: int) -> list:
    """Return `count` items, or all, in an order drawn at random: files are often sorted by class."""
    order = np.random.default_rng(_ORDER_SEED).permutation(len(items))
    return [items[i] for i in order[:count]]


def _of(code: str, items: Mapping[str, Sequence]) -> Sequence:
    """Return a language's items, or a mixture's: as many as its smallest part has, in equal parts, at random places.

    From each of n parts comes every n-th item, so that lines which mean the same in all parts come once.
    """
    codes = parts(code)
    if len(codes) == 1:
        return items[code]
    total = min(len(items[part]) for part in codes)
    order = np.random.default_rng(_ORDER_SEED).permutation(total)
    mixed = [items[codes[i % len(codes)]][i] for i in order]
    return np.stack(mixed) if isinstance(items[codes[0]], np.ndarray) else mixed
