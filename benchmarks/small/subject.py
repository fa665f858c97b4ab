"""A model, the text that tables are fitted to, and the texts that they are judged on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from neutral import compression, corpora, models
from neutral.compression import tokens, trimming
from neutral.compression.calibration import output_metric
from neutral.compression.placement import embedding, put_in
from neutral.compression.retokenization import Retokenized
from neutral.compression.sensitivity import sensitivity
from neutral.compression.table import Rebuilt
from neutral.tasks import IGNORED, LanguageModelling, stacked

SEEDS = 3
_LOGITS = {"cuda": 2**30, "cpu": 2**26}  # at most so many at a time
_MASKS = 20261127  # with the seed, draws the places that are masked


class Subject:
    """A model and the texts that its tables are scored on; `case` has what a seed fits to.

    Attributes
    ----------
    texts : name -> language -> array (blocks, length)
        "held out" is of the kind of the fitting text, "other domain" of another.
    """

    def __init__(
        self,
        source: str,
        text: str,
        other: str,
        *,
        device: str = "cpu",
        blocks: int = 16,
        calibration: int = 8,
        steps: int = 200,
        languages: list[str] | None = None,
        length: int = 128,
    ) -> None:
        self.name, self.device, self.calibration, self.steps = (
            Path(source).resolve().name,
            torch.device(device),
            calibration,
            steps,
        )
        corpus = corpora.load(text, languages)
        kind = models.natural_task(source)
        self.tokenizer = models.load_tokenizer(source)
        loaded = models.load(source, kind, tokenizer=self.tokenizer, length=length, device=self.device)
        self.model = loaded.model.eval().requires_grad_(False)
        self.matrix = compression.checked(embedding(self.model).weight).clone()
        self.task = LanguageModelling(kind, self.tokenizer, length=length)
        self.train, held_out = corpus.train, corpus.held_out
        lines = corpora.load(other, list(self.train)).train
        self.texts = {
            "held out": {code: self.task.blocks(held_out[code])[:blocks] for code in self.train},
            "other domain": {code: self.task.blocks(lines[code])[:blocks] for code in self.train},
        }

    def case(self, seed: int) -> Case:
        """Return what a seed fits to: its own third of the fitting text."""
        lines = {code: text[seed::SEEDS] for code, text in self.train.items()}
        return Case(self, seed, lines, self.model, self.task, self.matrix, None)


class Case:
    """What the methods get under one seed: a table, and what a third of the text says of it.

    Attributes
    ----------
    matrix : tensor (V, d)
        The table that is compressed; of a trimmed case only the rows that stay.
    frequency : array (V,)
        Special tokens count as much as the most frequent.
    blocks : language -> array (blocks, length)
        Of the fitting text, by the full tokenizer.
    """

    def __init__(
        self,
        subject: Subject,
        seed: int,
        lines: dict[str, list[str]],
        model: torch.nn.Module,
        task: LanguageModelling,
        matrix: torch.Tensor,
        whole: Case | None,
    ) -> None:
        self.subject, self.seed, self.lines = subject, seed, lines
        self.model, self.task, self.matrix, self._whole = model, task, matrix, whole
        self._trimmed: Case | None = None

    @cached_property
    def _counts(self) -> list[dict[str, np.ndarray]]:
        """What each half of the text uses."""
        halves = [{code: lines[half::2] for code, lines in self.lines.items()} for half in (0, 1)]
        return [tokens.count(self.task.tokenizer, half, len(self.matrix)) for half in halves]

    @cached_property
    def frequency(self) -> np.ndarray:
        """The mean over languages of how often a token is used, (V,)."""
        one, other = self._counts
        return self._special_first(tokens.mean_frequency({code: one[code] + other[code] for code in one}))

    @cached_property
    def expected(self) -> np.ndarray:
        """How often a token is to be expected in more text, (V,)."""
        scripts = tokens.scripts(tokens.pieces(self.task.tokenizer, len(self.matrix)))
        return self._special_first(tokens.expected_frequency(self._counts, scripts))

    def _special_first(self, frequency: np.ndarray) -> np.ndarray:
        """Return frequencies in which special tokens, which are in no line and in every example, are most frequent."""
        frequency[[i for i in self.task.special if i < len(frequency)]] = frequency.max()
        return frequency

    @cached_property
    def blocks(self) -> dict[str, np.ndarray]:
        """Blocks of the fitting text."""
        return {code: self.subject.task.blocks(lines[:800]) for code, lines in self.lines.items()}

    @cached_property
    def sensitivity(self) -> torch.Tensor:
        """What errors meet by direction (d, d), float64."""
        if self._whole:
            return self._whole.sensitivity
        return sensitivity(self.model, self.task, self._few).to(self.matrix.device)

    @cached_property
    def output_metric(self) -> torch.Tensor:
        """The second moment of the vectors that enter the output layer (d, d), float64."""
        if self._whole:
            return self._whole.output_metric
        return output_metric(self.model, self.task, self._few).to(self.matrix.device)

    @property
    def _few(self) -> dict[str, np.ndarray]:
        return {code: rows[: self.subject.calibration] for code, rows in self.blocks.items()}

    def weights(self, kind: str) -> torch.Tensor:
        """How much each token counts, (V,) of mean 1."""
        expected = self.expected if kind == "expected" else None
        return tokens.weights(kind, self.frequency, expected).to(self.matrix.device)

    def bytes(self, ratio: float) -> int:
        """How many bytes a table has that is `ratio` times smaller than the full float32 one, trimmed or not."""
        return int(4 * self.subject.matrix.numel() / ratio)

    def trimmed(self) -> Case:
        """Return this case with the tokens alone that its text uses: the library's `trim`, tokenizer included."""
        if self._trimmed is None:
            model = deepcopy(self.model)
            cut = trimming.trim(model, self.subject.tokenizer, self.lines)
            task = Retokenized(self.subject.task, cut.tokenizer, list(cut.keep))
            matrix = self.matrix[torch.as_tensor(cut.keep, device=self.matrix.device)]
            self._trimmed = Case(self.subject, self.seed, self.lines, model, task, matrix, self)
        return self._trimmed

    @contextmanager
    def holding(self, rebuilt: torch.Tensor) -> Iterator[None]:
        """Let the model use a table (V, d) within, in the input and a tied output layer."""
        with put_in(self.model, Rebuilt(rebuilt.shape, {"dense": rebuilt}), train=False):
            yield

    @torch.inference_mode()
    def losses(self, text: str) -> dict[str, tuple[list[float], list[int]]]:
        """Return language -> each block's loss in nats, and its scored tokens of the full tokenizer.

        The masks are those of the seed, the same for every table.
        """
        of_text = self.subject.texts[text]
        rows = [(code, i, block) for code, blocks in of_text.items() for i, block in enumerate(blocks)]
        if isinstance(self.task, Retokenized):
            self.task.length = max(sum(len(self.task.rewritten[token]) for token in block) for _, _, block in rows)
        size = self.task.length * len(self.matrix) * (1 if self.task.name == "clm" else self.task.mask_share)
        step = max(1, min(64, int(_LOGITS[self.matrix.device.type] // size)))
        nats = []
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            batch = stacked(self.task.example(block, (_MASKS, self.seed, i)) for _, i, block in part)
            batch = {name: tensor.to(self.matrix.device) for name, tensor in batch.items()}
            logits, targets, places = self.task.predictions(self.model, batch)
            loss = F.cross_entropy(logits.float(), targets, reduction="none").double()
            nats.append(torch.zeros(len(part), dtype=torch.float64, device=loss.device).index_add_(0, places, loss))
        nats = torch.cat(nats).tolist()
        original = self.subject.task
        counts = [
            int((original.answers({"labels": original.example(block, (0,))["labels"][None]}) != IGNORED).sum())
            for _, _, block in rows
        ]
        found: dict[str, tuple[list[float], list[int]]] = {code: ([], []) for code in of_text}
        for (code, _, _), loss, count in zip(rows, nats, counts, strict=True):
            found[code][0].append(round(loss, 3))
            found[code][1].append(count)
        return found
