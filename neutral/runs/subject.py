"""A model at work on a task: its tokenizer's view of every language's data, and the weights it starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from transformers import PreTrainedModel

from neutral import models
from neutral.corpora import Corpus, documents, parts
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.search import calibration
from neutral.search.calibration import Calibration
from neutral.search.rewind import snapshot
from neutral.search.search import Search
from neutral.tasks import Task, making
from neutral.tasks.base import tell_padding
from neutral.tasks.overview import texts_of
from neutral.tasks.wording import Wording

_NAMED = 5  # languages that a note names, at most
_ORDER_SEED = 20220512  # fixed for ever, so that data of the same size is drawn alike in every language


@dataclass
class Subject:
    """A model with its task.

    Attributes
    ----------
    model : PreTrainedModel
        On its device.
    task : Task
    train, held_out : language -> sequence
        The items of `Task.items`; a mixture has equal parts of each of its languages.
    origin : name -> tensor
        The weights as loaded, a new head included.
    examples : int or None
        How many labelled examples every language is trained on; None for text.
    seed : int
        The seed that the weights in `new` are drawn from.
    new : frozenset of str
        Names of the weights that the checkpoint lacks, as a new head's.
    load : callable, optional
        Loads the model anew with another seed for the weights in `new`, on the device that is named second.
    notes : tuple of str
        What the user should know of model and text.
    unknown : language -> float
        The share of its text's tokens that are unknown to the tokenizer.
    lines : language -> Calibration
        Text of whole lines that weights are scored on, if lines are asked for.
    """

    model: PreTrainedModel
    task: Task
    train: dict[str, Sequence]
    held_out: dict[str, Sequence]
    origin: dict[str, torch.Tensor]
    examples: int | None = None
    seed: int = 0
    new: frozenset[str] = frozenset()
    load: Callable[..., models.Loaded] | None = None
    notes: tuple[str, ...] = ()
    unknown: dict[str, float] = field(default_factory=dict)
    lines: dict[str, Calibration] = field(default_factory=dict)

    def calibration(self, language: str, blocks: int) -> Calibration:
        """Return the text that weights are scored on: whole lines if they were asked for, else so many blocks."""
        return self.lines.get(language) or calibration.alternating(self.train[language][:blocks])

    def start(self, seed: int) -> dict[str, torch.Tensor]:
        """Return θ0 under a seed, from which the weights that the checkpoint lacks are drawn."""
        if self.new and seed != self.seed:
            self.model.load_state_dict(self.load(seed, "cpu").model.state_dict())  # one network on the device
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
            replace(recipe, seed=seed).of(len(self.train[language])),
            scope=scope,
            passes=passes,
            origin=self.start(seed),
            only=only,
            language=language,
        )


@dataclass(frozen=True)
class Ready:
    """A task over a model's tokenizer, whose text is known to it, and how to load the model; nothing is loaded yet.

    Attributes
    ----------
    task : Task
    load : callable
        Takes the seed that weights are drawn from which the checkpoint lacks, and a device if it is to be another;
        returns a `models.Loaded`.
    unknown : language -> float
        The share of its text's tokens that are unknown to the tokenizer.
    notes : tuple of str
        What the user should know of the text: what was assumed, left out and passed over, and what is unknown.
    """

    task: Task
    load: Callable[..., models.Loaded]
    unknown: dict[str, float]
    notes: tuple[str, ...]


def ready(
    source: str,
    task: str,
    corpus: Corpus,
    languages: Sequence[str],
    *,
    length: int = 128,
    wording: Wording | None = None,
    device: str = "auto",
    **options: object,
) -> Ready:
    """Make a task over a model's tokenizer, and hold the text of `languages` against it.

    Arguments are those of `subject`. Raises `NeutralError` for a tokenizer that is missing or does not know a text, and
    for a wording of another task or model.
    """
    tokenizer = models.load_tokenizer(source, **options)
    texts = {code: texts_of([*corpus.train[code], *corpus.held_out[code]]) for code in languages}
    unknown, notes = models.require_known(source, tokenizer, texts)
    is_labelled = task in making.LABELLED
    encoder_decoder = is_labelled and models.is_encoder_decoder(source, **options)
    wanted = {"encoder_decoder": encoder_decoder, "wording": wording}
    objective = making.make(task, tokenizer, labels=corpus.labels, length=length, **wanted)
    labels = {"labels": corpus.labels} if objective.head in ("classification", "tagging") else {}

    def load(seed: int, device: str = device) -> models.Loaded:
        own = {"tokenizer": tokenizer, "length": length, "device": device, "seed": seed, **objective.model_options}
        loaded = models.load(source, objective.head, **own, **labels, **options)
        if is_labelled:
            tell_padding(loaded.model, tokenizer)
        return loaded

    return Ready(objective, load, unknown, (*corpus.notes, *notes))


def facts(notes: Sequence[str], unknown: Mapping[str, float]) -> dict:
    """Return what study.json keeps of a loading: notes, if there are any, and the share of unknown tokens."""
    return ({"notes": list(notes)} if notes else {}) | {"unknown": dict(unknown)}


def subject(
    source: str,
    task: str,
    corpus: Corpus,
    languages: Sequence[str],
    *,
    length: int = 128,
    held_out: int = 1000,
    examples: int | None = None,
    lines: int | None = None,
    held_out_lines: int | None = None,
    blocks: int | None = None,
    seed: int = 0,
    wording: Wording | None = None,
    device: str = "auto",
    **options: object,
) -> Subject:
    """Load a model with the head that the task takes, and prepare the data of `languages`.

    Parameters
    ----------
    source : str
        Hub id or folder of the model.
    task : str
        One of `making.NAMES`.
    corpus : Corpus
    languages : sequence of str
        Mixtures ("en+fa") included.
    length : int
        Tokens in a block or example.
    held_out : int
        How many items of a language are scored, at most.
    examples : int, optional
        How many labelled examples every language is trained on; by default as many as the language with fewest has.
    lines : int, optional
        How many whole lines of text weights are scored on, in place of blocks.
    held_out_lines : int, optional
        How many whole lines of held-out text are scored, in place of blocks.
    blocks : int, optional
        How many of the first items are looked at, by default all: a note says which languages have fewer, because the
        blocks of two halves are as many.
    seed : int
        Weights that the checkpoint lacks are drawn from it.
    wording : Wording, optional
        Of text to text, for nli on an encoder-decoder.
    device : str
        auto | cpu | cuda | mps.
    **options
        Go to the loaders of model and tokenizer.

    Raises
    ------
    NeutralError
        For what `models.load` refuses, for text that the tokenizer does not know, for a language that has fewer than
        `examples` labelled examples, for a wording of another task or model, and for a language or mixture that the
        model has no part to read with (`adapters.speak`).
    """
    single = list(dict.fromkeys(part for code in languages for part in parts(code)))
    prepared = ready(source, task, corpus, single, length=length, wording=wording, device=device, **options)
    objective, is_labelled = prepared.task, task in making.LABELLED
    found = {code: _items(objective, corpus, code) for code in single}
    train, surplus = ({code: each[i] for code, each in found.items()} for i in (0, 1))
    short = {code: left for code, left in surplus.items() if left and (blocks is None or len(train[code]) < blocks)}
    if held_out_lines:
        held = {code: objective.whole(_scored(corpus.held_out[code], code, held_out_lines)) for code in single}
    else:
        held = {code: objective.items(corpus.held_out[code]) for code in single}
    if is_labelled:
        examples = _equal({code: len(items) for code, items in train.items()}, examples)
        train = {code: _drawn(items, examples) for code, items in train.items()}
        held = {code: _drawn(items, held_out) for code, items in held.items()}
    if not held_out_lines:
        held = {code: items[:held_out] for code, items in held.items()}
    loaded = prepared.load(seed)
    spoken = models.adapters.prepare(loaded.model, languages)
    return Subject(
        loaded.model,
        objective,
        {code: _of(code, train, bool(corpus.documents)) for code in languages},
        {code: _of(code, held) for code in languages},
        snapshot(loaded.model),
        examples if is_labelled else None,
        seed,
        loaded.new,
        prepared.load,
        (*loaded.notes, *prepared.notes, *spoken, *_unequal(short, train)),
        prepared.unknown,
        {code: _lines(objective, corpus, code, lines) for code in languages} if lines else {},
    )


def _items(task: Task, corpus: Corpus, code: str) -> tuple[Sequence, int]:
    """Return what a language is trained on, and how many blocks of it are left out.

    Where documents are known, blocks of text of two halves of them come in turn, and what the longer half has beyond
    the other is left out. Raises `NeutralError` for text to train on of one document.
    """
    if not corpus.documents.get(code):
        return task.items(corpus.train[code]), 0
    halves = documents.halves(corpus.train[code], corpus.documents[code])
    if not all(halves):
        raise NeutralError(f"--documents: the text of {code} to train on is of one document; its halves take two")
    one, other = map(task.items, halves)
    return calibration.interleaved(one, other), abs(len(one) - len(other))


def _unequal(left_out: Mapping[str, int], train: Mapping[str, Sequence]) -> list[str]:
    """Say, in a line if there is anything to say, how many blocks of which languages are left out of `train`."""
    if not left_out:
        return []
    most = sorted(left_out, key=left_out.get, reverse=True)
    named = [f"{code} {left_out[code]} of {left_out[code] + len(train[code])}" for code in most[:_NAMED]]
    rest = [f"and fewer of {len(most) - _NAMED} more languages"] * (len(most) > _NAMED)
    told = "two halves of the text by document take turns, so the longer one's last blocks are left out"
    return [f"--documents: {told}: {', '.join(named + rest)}"]


def _scored(lines: Sequence[str], code: str, count: int) -> Sequence[str]:
    """Return the first lines of held-out text. Raises `NeutralError` for a language with fewer."""
    if len(lines) < count:
        raise NeutralError(f"--held-out-lines {count}: {code} has {len(lines)} lines of held-out text")
    return lines[:count]


def _lines(task: Task, corpus: Corpus, code: str, count: int) -> Calibration:
    """Return so many lines of a language's text in blocks, half of them from other documents than the other half.

    Where no documents are known every other line is of the other half. Of a mixture line i is of its i-th part, again
    and again, so that lines which mean the same come once. Raises `NeutralError` for a language with fewer lines.
    """
    codes = parts(code)
    halves = ([], [])
    for place, part in enumerate(codes):
        known = corpus.documents.get(part)
        each = documents.halves(corpus.train[part], known) if known else tuple(corpus.train[part][i::2] for i in (0, 1))
        for half, lines in zip(halves, each, strict=True):
            if len(lines) < count // 2:
                raise NeutralError(f"--lines {count}: {part} has {len(lines)} lines in one half of its training text")
            half += [(i, lines[i]) for i in range(place, count // 2, len(codes))]
    one, other = ([line for _, line in sorted(half)] for half in halves)
    return calibration.joined(task.whole(one), task.whole(other))


def _equal(sizes: Mapping[str, int], requested: int | None) -> int:
    """Return the number of training examples that every language has."""
    fewest = min(sizes, key=sizes.get)
    if requested is not None and sizes[fewest] < requested:
        raise NeutralError(f"--train-examples {requested}: {fewest} has {sizes[fewest]} training examples only")
    return sizes[fewest] if requested is None else requested


def _drawn(items: Sequence, count: int) -> list:
    """Return `count` items, or all, in an order drawn at random: files are often sorted by class."""
    order = np.random.default_rng(_ORDER_SEED).permutation(len(items))
    return [items[i] for i in order[:count]]


def _of(code: str, items: Mapping[str, Sequence], in_turn: bool = False) -> Sequence:
    """Return a language's items, or a mixture's: as many as its smallest part has, in equal parts, at random places.

    Each of n parts gives every n-th item, so that lines which mean the same in all parts come once. Of items that are
    of two halves `in_turn`, each part gives every n-th of either half, and the mixture's are in turn as well.
    """
    codes = parts(code)
    if len(codes) == 1:
        return items[code]
    total = min(len(items[part]) for part in codes)
    order = np.random.default_rng(_ORDER_SEED).permutation(total)
    step = 1
    if in_turn:
        step, total = 2, total // 2 * 2
        order = np.stack([order[(order < total) & (order % 2 == half)] for half in (0, 1)], axis=1).ravel()
    mixed = [items[codes[i // step % len(codes)]][i] for i in order]
    return np.stack(mixed) if isinstance(items[codes[0]], np.ndarray) else mixed
