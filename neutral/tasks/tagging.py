"""Token classification: a tag for every word; names in text (`ner`, span F1) or parts of speech (`pos`, accuracy).

The first sub-word of a word carries its tag (Devlin et al. 2019, section 5.3). Files are CoNLL's (a line has a word and
its tag with spaces or a tab between them, other columns are ignored, a blank line ends a sentence; WikiAnn's `en:word`
is understood), CoNLL-U, or JSON lines and Parquet with `tokens` and `ner_tags` or `upos`. `splits` finds the files.

Span F1 is that of `seqeval` (CoNLL-2000's rules): a span is right if its type, first and last word are. Tags are
IOB2: B-LOC, I-LOC, O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import corpora, encoding
from neutral.errors import FileError, NeutralError
from neutral.tasks import splits
from neutral.tasks.base import IGNORED, Score, alike, autocast, padded, padding_token, require_room, require_scored

NAMES = ("ner", "pos")
OUTSIDE = "O"

_WORDS = ("tokens", "words")
_TAGS = {"ner": ("ner_tags", "tags", "labels"), "pos": ("upos", "pos_tags", "tags", "labels")}
_IOB2 = re.compile(r"^(?:O|[BI]-\S+)$")
_UPOS = 3  # CoNLL-U: id, form, lemma, upos, …


@dataclass(frozen=True)
class Sentence:
    """Words, and the number of the tag of each."""

    words: tuple[str, ...]
    tags: tuple[int, ...]


@dataclass(frozen=True)
class TagSplit:
    """The sentences of a split as words, and the names of their tags."""

    name: str
    words: list[tuple[str, ...]]
    tags: list[tuple[str, ...]]

    def examples(self, names: Sequence[str]) -> list[Sentence]:
        """Return the sentences, tags numbered as in `names`. Raises `NeutralError` for a tag that `names` lacks."""
        number = {name: i for i, name in enumerate(names)}
        if unknown := sorted(set(chain.from_iterable(self.tags)) - set(number)):
            raise NeutralError(f"{self.name} has tags that the training data has not: {', '.join(unknown[:5])}")
        return [
            Sentence(words, tuple(number[tag] for tag in tags))
            for words, tags in zip(self.words, self.tags, strict=True)
        ]

    def lines(self) -> list[str]:
        """Return one line for each sentence that holds all of it, for a digest."""
        return [" ".join(chain(words, tags)) for words, tags in zip(self.words, self.tags, strict=True)]


def read(name: str, source: str | Path) -> tuple[TagSplit, TagSplit]:
    """Read the training split of a data set for `ner` or `pos`, and the one to score.

    Raises `FileError` / `NeutralError`, naming the split, for a split that is missing or empty, for sentences whose
    words and tags differ in number, and for tags of `ner` that are not IOB2.
    """
    readers = {
        ".conll": read_conll,
        ".conllu": partial(read_conll, column=_UPOS),
        ".txt": read_conll,
        ".tsv": read_conll,
        "": read_conll,
        ".jsonl": lambda path: pd.read_json(path, lines=True, dtype=False),
        ".parquet": pd.read_parquet,
    }
    both = [_split(name, f"{source}: {split}", frame) for split, frame in splits.tables(source, readers)]
    return both[0], both[1]


def names(train: Iterable[TagSplit]) -> list[str]:
    """Return the names of the tags of training splits: O first, then by type and alphabet.

    A type of name has both its tags, B- and I-, even if all its names are of one word: so the head is the same whatever
    languages are loaded together.
    """
    tags = {tag for split in train for sentence in split.tags for tag in sentence}
    tags |= {f"{begin}-{tag[2:]}" for tag in tags if tag[:2] in ("B-", "I-") for begin in "BI"}
    return sorted(tags, key=lambda tag: (tag != OUTSIDE, tag[2:], tag))


def read_conll(path: Path, column: int | None = None) -> pd.DataFrame:
    """Read a CoNLL file into a table with columns tokens and tags, one row for each sentence.

    The word is the first column and the tag the last. With `column` (CoNLL-U) that column has the tag, the second one
    the word, and comments and words of several tokens are skipped. A prefix that all words share (`en:`) is removed.

    Raises `FileError` for a line without a tag, or text that is not UTF-8.
    """
    sentences: list[list[tuple[str, str]]] = [[]]
    for number, line in enumerate(corpora.all_lines(path), start=1):
        parts = line.split("\t") if "\t" in line else line.split()
        if not line:
            sentences.append([])
        elif parts[0] == "-DOCSTART-" or (column is not None and not parts[0].isdigit()):
            continue
        elif len(parts) <= (column or 1):
            raise FileError(path, f"line {number} holds a word without a tag: {parts[0]}")
        else:
            word, tag = (parts[0], parts[-1]) if column is None else (parts[1], parts[column])
            sentences[-1].append((word, tag))
    full = [sentence for sentence in sentences if sentence]
    prefix = _prefix(word for sentence in full for word, _ in sentence)
    return pd.DataFrame(
        {
            "tokens": [[word[len(prefix) :] for word, _ in sentence] for sentence in full],
            "tags": [[tag for _, tag in sentence] for sentence in full],
        }
    )


class TokenClassification:
    """Token classification over one tokenizer: makes batches, and gives their loss and a model's F1 or accuracy."""

    head = "tagging"

    def __init__(
        self, name: str, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], *, length: int = 128
    ) -> None:
        self.name, self.tokenizer, self.labels, self.length = name, tokenizer, list(labels), length
        self.metric = "f1" if name == "ner" else "accuracy"
        self.model_options = {"num_labels": len(self.labels)}
        self._fillers = {"input_ids": padding_token(tokenizer), "labels": IGNORED}

    def items(self, data: Sequence[Sentence]) -> Sequence[Sentence]:
        """Return the sentences as they are. Raises `NeutralError` if the length leaves room for no word."""
        require_room(self.length, self.tokenizer.num_special_tokens_to_add() + 1)
        return data

    def example(self, sentence: Sentence, _seed: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
        """Return the tokens of a sentence, (T,) each, T ≤ length, and `labels`, `IGNORED` but on first sub-words."""
        example, _ = self._example(sentence)
        return example

    def collate(self, rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Pad sentences on the right to the longest of them, (B, T)."""
        return padded(rows, self._fillers)

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way."""
        with autocast(model.device):
            self._logits(model, batch)

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's tags."""
        return F.cross_entropy(
            self._logits(model, batch).flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED
        )

    @torch.inference_mode()
    def evaluate(
        self, model: PreTrainedModel, sentences: Sequence[Sentence], *, batch_size: int = 32, passes: int = 1
    ) -> Score:
        """Score a model; sentences of like length are batched together. Nothing is random, so one pass is enough.

        A word that the length cuts off, or that the tokenizer has no token for, counts as outside of all names (`ner`)
        or as wrong (`pos`). Raises `NeutralError` if no word of any sentence is left.
        """
        was_training, place = model.training, next(model.parameters()).device
        model.eval()
        parts = np.zeros((len(sentences), 3 if self.name == "ner" else 2))
        loss, words = 0.0, 0
        for places in alike(sentences, lambda sentence: len(sentence.words), batch_size):
            rows, labelled_words = zip(*(self._example(sentences[i]) for i in places), strict=True)
            batch = {key: tensor.to(place) for key, tensor in self.collate(rows).items()}
            with autocast(place):
                logits = self._logits(model, batch)
            scored = batch["labels"] != IGNORED
            loss += float(F.cross_entropy(logits[scored], batch["labels"][scored], reduction="sum"))
            words += int(scored.sum())
            for i, row, is_scored, word_places in zip(
                places, logits.argmax(dim=-1), scored, labelled_words, strict=True
            ):
                parts[i] = self.part(sentences[i], dict(zip(word_places, row[is_scored].tolist(), strict=True)))
        model.train(was_training)
        require_scored(words, "word")
        return Score(loss / words, len(sentences), self.metric, parts)

    def part(self, sentence: Sentence, predicted: dict[int, int]) -> tuple[int, ...]:
        """Return what a sentence adds to the metric.

        `predicted` maps the place of a word to the number of its predicted tag. For `ner` the numbers are spans that
        are right, predicted, true; for `pos` words that are right, words.
        """
        if self.name != "ner":
            return sum(tag == predicted.get(i) for i, tag in enumerate(sentence.tags)), len(sentence.tags)
        from seqeval.metrics.sequence_labeling import get_entities

        predicted_tags = [self.labels[predicted[i]] if i in predicted else OUTSIDE for i in range(len(sentence.tags))]
        predicted_spans, true_spans = (
            set(get_entities(predicted_tags)),
            set(get_entities([self.labels[tag] for tag in sentence.tags])),
        )
        return len(predicted_spans & true_spans), len(predicted_spans), len(true_spans)

    def _example(self, sentence: Sentence) -> tuple[dict[str, torch.Tensor], list[int]]:
        """Return the example of a sentence, and the places of the words that carry a label in it."""
        tokens, words = encoding.sentence(self.tokenizer, sentence.words, self.length)
        labels, labelled_words, last = [], [], None
        for word in words:
            first = word is not None and word != last
            labels.append(sentence.tags[word] if first else IGNORED)
            if first:
                labelled_words.append(word)
            last = word
        return {key: torch.tensor(row) for key, row in tokens.items()} | {
            "labels": torch.tensor(labels)
        }, labelled_words

    def _logits(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return float32 logits (B, T, tags)."""
        return model(**{key: tensor for key, tensor in batch.items() if key != "labels"}).logits.float()


def _split(task: str, name: str, frame: pd.DataFrame) -> TagSplit:
    """Take words and tags from a split's rows."""
    columns = [next((c for c in candidates if c in frame), None) for candidates in (_WORDS, _TAGS[task])]
    if None in columns:
        existing = ", ".join(map(str, frame.columns))
        raise NeutralError(f"{name} has no columns of words and tags (tokens, {_TAGS[task][0]}); it has {existing}")
    words, tags = (
        [tuple(map(str, row)) for row in frame[column] if not isinstance(row, (str, float))] for column in columns
    )
    if len(words) != len(tags) or len(words) != len(frame):
        raise NeutralError(f"{name}: {columns[0]} and {columns[1]} must hold a list in every row")
    if not words:
        raise NeutralError(f"{name} has no sentences")
    for number, (sentence_words, sentence_tags) in enumerate(zip(words, tags, strict=True), start=1):
        if len(sentence_words) != len(sentence_tags):
            raise NeutralError(
                f"{name}: sentence {number} has {len(sentence_words)} words and {len(sentence_tags)} tags"
            )
        odd = next((tag for tag in sentence_tags if task == "ner" and not _IOB2.match(tag)), None)
        if odd is not None:
            raise NeutralError(f"{name}: sentence {number} has the tag {odd}; names are tagged B-TYPE, I-TYPE and O")
    kept = [i for i, sentence_words in enumerate(words) if sentence_words]
    return TagSplit(name, [words[i] for i in kept], [tags[i] for i in kept])


def _prefix(words: Iterable[str]) -> str:
    """Return the prefix like `en:` that all words begin with and none ends in; else nothing."""
    prefix = None
    for word in words:
        if prefix is None:
            match = re.match(r"^[a-z-]{2,12}:(?=.)", word)
            prefix = match[0] if match else ""
        if not prefix or not word.startswith(prefix):
            return ""
    return prefix or ""
