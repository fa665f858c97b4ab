"""SQuAD v1.1 (Rajpurkar et al. 2016): the answer to a question is a span of a text, the context.

Data are the hub's (`context`, `question`, `answers` with `text` and `answer_start`) or the original JSON
(`train-v1.1.json`, `dev-v1.1.json`). A context that is too long is read in windows that overlap by `stride` tokens
(Devlin et al. 2019). In training, a window without the answer has the first token for its answer. A model's answer is
the span of at most `LONGEST` tokens, in any window of the question, whose first and last token have the largest sum of
logits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import encoding
from neutral.corpora.readings import listed
from neutral.errors import NeutralError, described
from neutral.tasks import answers, records, splits
from neutral.tasks.base import Score, alike, autocast, padded, padding_token

LONGEST = 30
"""Tokens that an answer may have."""

QUESTION = 64
"""Tokens of a question that are read."""

_SPLITS = (("train", "train-v1.1"), ("validation", "dev", "dev-v1.1"))


@dataclass(frozen=True)
class Question:
    """A question, the context that holds its answer, the true answers, and the letter where each begins."""

    question: str
    context: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """A question and a part of its context as tokens.

    Attributes
    ----------
    number : int
        The question's place in the data.
    tokens : name -> (T,) int32
        The model's inputs.
    first : int
        The place of the context's first token.
    letters : (tokens of the context, 2)
        Where each token of the context begins and ends in it.
    span : (int, int)
        The places of the answer's first and last token; (0, 0) if the window lacks the answer.
    """

    number: int
    tokens: dict[str, np.ndarray]
    first: int
    letters: np.ndarray
    span: tuple[int, int]


def read(source: str | Path) -> dict[str, list[Question]]:
    """Read the training split and the one to score from a folder or the hub: `train` and `validation` -> questions.

    Raises `FileError` / `NeutralError`, naming the file, for a split or column that is missing, a row that lacks a text
    or an answer, and an answer that is not where the row says.
    """
    both = splits.tables(source, records.READERS | {".json": read_original}, _SPLITS, named=False)
    return {names[0]: _questions(f"{source}: {file}", rows) for names, (file, rows) in zip(_SPLITS, both, strict=True)}


def read_original(path: Path) -> pd.DataFrame:
    """Return the rows of a JSON file, SQuAD's own (articles with paragraphs with questions) or one of records.

    Raises `ValueError` for another file.
    """
    rows = records.read_json(path)
    if "data" not in rows:
        return rows
    try:
        return pd.DataFrame(
            {
                "context": paragraph["context"],
                "question": question["question"],
                "answers": {key: [answer[key] for answer in question["answers"]] for key in ("text", "answer_start")},
            }
            for article in _articles(rows)
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        )
    except Exception as error:  # of any type
        raise ValueError(f"is not laid out as SQuAD's JSON: {described(error)}") from error


def _articles(rows: pd.DataFrame) -> list[dict]:
    """Return the articles of a file that was read as records, or as lists by column."""
    first = rows["data"].iloc[0]
    return first if isinstance(first, list) else list(rows["data"])


class Squad:
    """Answers as spans over one tokenizer: makes windows, and gives their loss, exact match and F1."""

    name, head, metric = "squad", "answering", "exact_match"
    metrics = ("exact_match", "answer_f1")

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, length: int = 384, stride: int = 128) -> None:
        encoding.require_backend(tokenizer, "squad, which needs the place of each token in the text")
        self.tokenizer, self.length, self.stride = tokenizer, length, stride
        self.model_options: dict[str, object] = {}
        self._fillers = {"input_ids": padding_token(tokenizer)}
        room = length - min(QUESTION, length // 2) - tokenizer.num_special_tokens_to_add(pair=True)
        if not 0 <= stride < room:
            raise NeutralError(
                f"--finetune-length {length}: leaves {max(room, 0)} tokens of a context beside a long question; "
                f"windows that overlap by --finetune-stride {stride} take more"
            )

    def items(self, data: Sequence[Question]) -> list[Window]:
        """Return the windows of questions."""
        return [window for number, question in enumerate(data) for window in self._windows(number, question)]

    def example(self, window: Window, _seed: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
        """Return a window's tokens, (T,) each, T ≤ length, and the answer's first and last place, (2,)."""
        tokens = {name: torch.from_numpy(values).long() for name, values in window.tokens.items()}
        return tokens | {"labels": torch.tensor(window.span)}

    def collate(self, rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Pad windows on the right to the longest of them, (B, T); stack their spans, (B, 2)."""
        return padded(rows, self._fillers)

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way."""
        with autocast(model.device):
            self._logits(model, batch)

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's first and last tokens."""
        return self._losses(self._logits(model, batch), batch["labels"]).mean()

    def evaluate(
        self, model: PreTrainedModel, data: Sequence[Question], *, batch_size: int = 32, passes: int = 1
    ) -> Score:
        """Score a model by exact match. Nothing is random."""
        return self.scores(model, data, batch_size=batch_size)[0]

    def scores(self, model: PreTrainedModel, data: Sequence[Question], *, batch_size: int = 32) -> list[Score]:
        """Score a model by exact match, and by the F1 of the answers' words; the loss is that of a window."""
        given, loss = self.answers(model, data, batch_size=batch_size)
        right = [answers.exact_match(answer, row.answers) for answer, row in zip(given, data, strict=True)]
        shared = [answers.f1(answer, row.answers) for answer, row in zip(given, data, strict=True)]
        one = np.ones(len(data))
        values = zip(self.metrics, (right, shared), strict=True)
        return [Score(loss, len(data), name, np.stack([np.array(value, float), one], axis=1)) for name, value in values]

    @torch.inference_mode()
    def answers(
        self, model: PreTrainedModel, data: Sequence[Question], *, batch_size: int = 32
    ) -> tuple[list[str], float]:
        """Return a model's answer to each question, and the mean loss of a window."""
        was_training, place = model.training, next(model.parameters()).device
        model.eval()
        windows, loss = self.items(data), 0.0
        best, given = np.full(len(data), -np.inf), [""] * len(data)
        for places in alike(windows, lambda window: len(window.tokens["input_ids"]), batch_size):
            batch = self.collate([self.example(windows[i]) for i in places])
            with autocast(place):
                logits = self._logits(model, {name: tensor.to(place) for name, tensor in batch.items()})
            loss += float(self._losses(logits, batch["labels"].to(place)).sum())
            for i, first_logits, last_logits in zip(places, *logits.cpu().numpy().transpose(2, 0, 1), strict=True):
                window = windows[i]
                context = slice(window.first, window.first + len(window.letters))
                score, first, last = likeliest(first_logits[context], last_logits[context])
                if score > best[window.number]:
                    start, end = window.letters[first][0], window.letters[last][1]
                    best[window.number], given[window.number] = score, data[window.number].context[start:end]
        model.train(was_training)
        return given, loss / len(windows)

    def _windows(self, number: int, row: Question) -> list[Window]:
        """Return the windows of a question."""
        question = self.tokenizer(
            row.question,
            add_special_tokens=False,
            truncation=True,
            max_length=min(QUESTION, self.length // 2),
            return_offsets_mapping=True,
        )
        end = question["offset_mapping"][-1][1] if question["offset_mapping"] else 0
        encoded = self.tokenizer(
            row.question[:end],
            row.context,
            truncation="only_second",
            max_length=self.length,
            stride=self.stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        inputs = [name for name in self.tokenizer.model_input_names if name in encoded]
        answer = row.starts[0], row.starts[0] + len(row.answers[0])
        windows = []
        for i, letters in enumerate(encoded["offset_mapping"]):
            places = [place for place, part in enumerate(encoded.sequence_ids(i)) if part == 1]
            if not places:
                continue
            within = np.array(letters, dtype=np.int32)[places[0] : places[-1] + 1]
            tokens = {name: np.array(encoded[name][i], dtype=np.int32) for name in inputs}
            windows.append(Window(number, tokens, places[0], within, span_of(within, answer, places[0])))
        if not windows:
            raise NeutralError(f"question {number + 1}: its context has no tokens: {row.context[:40]!r}")
        return windows

    def _logits(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the float32 logits of each place as the first and as the last of the answer, (B, T, 2)."""
        output = model(**{name: tensor for name, tensor in batch.items() if name != "labels"})
        logits = torch.stack([output.start_logits, output.end_logits], dim=-1).float()
        padding = batch["attention_mask"] == 0
        return logits.masked_fill(padding.unsqueeze(-1), torch.finfo(logits.dtype).min)

    @staticmethod
    def _losses(logits: torch.Tensor, spans: torch.Tensor) -> torch.Tensor:
        """Return the mean negative log-likelihood of each window's first and last token, (B,)."""
        return F.cross_entropy(logits, spans, reduction="none").mean(dim=1)


def span_of(letters: np.ndarray, answer: tuple[int, int], first: int) -> tuple[int, int]:
    """Return the places of an answer's first and last token; (0, 0) if it is not whole in the window.

    `letters` (n, 2) is where each token of the context begins and ends, `answer` where the answer does, and `first` the
    place of the context's first token.
    """
    start, end = answer
    if start < letters[0][0] or end > letters[-1][1]:
        return 0, 0
    last_begun = np.flatnonzero(letters[:, 0] <= start)
    first_over = np.flatnonzero(letters[:, 1] >= end)
    return first + int(last_begun[-1]), first + int(max(first_over[0], last_begun[-1]))


def likeliest(first: np.ndarray, last: np.ndarray, longest: int = LONGEST) -> tuple[float, int, int]:
    """Return the largest sum of logits of a first and a last token (n,) each, and the places of both.

    The last is not before the first, and the span has at most `longest` tokens.
    """
    ends = np.concatenate([last, np.full(longest - 1, -np.inf, dtype=last.dtype)])
    sums = first[:, None] + np.lib.stride_tricks.sliding_window_view(ends, longest)  # (n, longest)
    start, length = np.unravel_index(int(sums.argmax()), sums.shape)
    return float(sums[start, length]), int(start), int(start + length)


def _questions(file: str, rows: pd.DataFrame) -> list[Question]:
    """Return the questions of a split's rows."""
    needed = ("context", "question", "answers")
    for column in needed:
        if column not in rows:
            has = ", ".join(map(str, rows.columns))
            raise NeutralError(f"{file} has no column {column}; squad has {', '.join(needed)}, this file {has}")
    if rows.empty:
        raise NeutralError(f"{file} has no rows")
    if broken := records.told(rows):
        raise NeutralError(f"{file} has lines that cannot be read: {listed(broken)}")
    questions = []
    for number, (context, question, given) in enumerate(rows[list(needed)].itertuples(index=False, name=None), 1):
        for column, text in (("context", context), ("question", question)):
            if not isinstance(text, str) or not text.strip():
                raise NeutralError(f"{file}: row {number} has no text in column {column}")
        texts, starts = _given(f"{file}: row {number}", given)
        for text, start in zip(texts, starts, strict=True):
            if not text or context[start : start + len(text)] != text:
                raise NeutralError(
                    f"{file}: row {number}: the answer {text[:40]!r} is not at letter {start} of the context"
                )
        questions.append(Question(question, context, texts, starts))
    return questions


def _given(row: str, given: object) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the true answers of a row and where each begins. Raises `NeutralError` for a row without."""
    try:
        given = json.loads(given) if isinstance(given, str) else given
        if not isinstance(given, Mapping):  # a list of answers, as the original JSON has
            given = {key: [answer[key] for answer in given] for key in ("text", "answer_start")}
        texts, starts = tuple(map(str, given["text"])), tuple(map(int, given["answer_start"]))
    except Exception as error:  # of any type
        raise NeutralError(f'{row}: column answers holds no {{"text": […], "answer_start": […]}}') from error
    if len(texts) != len(starts) or not texts:
        without = "no answer; questions without one (SQuAD v2) are not part of this task"
        raise NeutralError(f"{row} has {without if not texts else 'not as many answers as beginnings'}")
    return texts, starts
