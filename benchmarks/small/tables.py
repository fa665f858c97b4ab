"""The tables of `benchmarks/small.md`, from rows of results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

FULL = "full"
_DRAWS = 4000
_SEED = 20
_BEYOND = 1000.0  # perplexity so many times the full model's, or more, is not told apart


def read(paths: Iterable[str | Path]) -> list[dict]:
    """Return the rows of files; of several for the same model, seed, ratio and method the last."""
    rows = {}
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows[row["model"], row["seed"], row["ratio"], row["method"]] = row
    return list(rows.values())


@dataclass(frozen=True)
class Change:
    """What a method adds to the loss: nats of each block over the full model's, and scored tokens.

    Attributes
    ----------
    languages : tuple of str
    nats : array (seeds, languages, blocks)
    counts : array (seeds, languages, blocks)
    """

    languages: tuple[str, ...]
    nats: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, rows: list[dict], fulls: dict[int, dict], text: str) -> Change:
        """Compare rows, one a seed, to the full model's row of the same seed."""
        languages = tuple(fulls[rows[0]["seed"]]["losses"][text])
        nats = [
            [np.subtract(row["losses"][text][code], fulls[row["seed"]]["losses"][text][code]) for code in languages]
            for row in rows
        ]
        counts = [[fulls[row["seed"]]["counts"][text][code] for code in languages] for row in rows]
        return cls(languages, np.array(nats), np.array(counts, dtype=float))

    @cached_property
    def by_seed(self) -> np.ndarray:
        """Nats a token over the full model's, (seeds, languages)."""
        return self.nats.sum(axis=2) / self.counts.sum(axis=2)

    @property
    def by_language(self) -> np.ndarray:
        """The mean over seeds, (languages,)."""
        return self.by_seed.mean(axis=0)

    @property
    def worst(self) -> int:
        """The place of the language that pays most."""
        return int(self.by_language.argmax())

    @cached_property
    def drawn(self) -> np.ndarray:
        """The mean over seeds of blocks drawn anew within each language, the same for all seeds: (draws, languages)."""
        blocks = self.nats.shape[2]
        draw = np.random.default_rng(_SEED).integers(0, blocks, (_DRAWS, len(self.languages), blocks))
        places = np.arange(len(self.languages))[None, :, None]
        changes = [
            nats[places, draw].sum(axis=2) / counts[places, draw].sum(axis=2)
            for nats, counts in zip(self.nats, self.counts, strict=True)
        ]
        return np.mean(changes, axis=0)

    def mean(self) -> str:
        """The geometric mean over languages, its 95 % interval, and the range over seeds."""
        seeds = self.by_seed.mean(axis=1)
        return _told(self.by_language.mean(), self.drawn.mean(axis=1), seeds)

    def most(self) -> str:
        """The worst language, its interval, and the range over seeds of whichever is worst there."""
        place = self.worst
        return (
            f"{self.languages[place]} {_told(self.by_language[place], self.drawn[:, place], self.by_seed.max(axis=1))}"
        )


def factor(nats: float) -> str:
    """Return a ratio of perplexities as text.

    >>> factor(0.0953), factor(50.0)
    ('1.100', '> 1000')
    """
    if nats > np.log(_BEYOND):
        return f"> {_BEYOND:.0f}"
    value = float(np.exp(nats))
    return f"{value:.3f}" if value < 10 else f"{value:.3g}"


def _told(value: float, drawn: np.ndarray, seeds: np.ndarray) -> str:
    if value > np.log(_BEYOND):
        return factor(value)
    low, high = np.quantile(drawn, [0.025, 0.975])
    text = f"{factor(value)} ({factor(low)}–{factor(high)})"
    return text + f"; {factor(seeds.min())}–{factor(seeds.max())}" if len(seeds) > 1 else text


def glance(row: dict, full: dict) -> str:
    """Return one row in a few words."""
    parts = []
    for text in row["losses"]:
        change = Change.of([row], {row["seed"]: full}, text)
        worst = change.worst
        mean, most = factor(change.by_language.mean()), factor(change.by_language[worst])
        parts.append(f"{text} {mean} worst {change.languages[worst]} {most}")
    return ", ".join(parts)


def markdown(rows: list[dict]) -> str:
    """Return a table for each model, ratio and text, methods in the order of their worst language."""
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        fulls = {row["seed"]: row for row in own if row["method"] == FULL}
        for ratio in sorted({row["ratio"] for row in own} - {1.0}, reverse=True):
            for text in next(iter(fulls.values()))["losses"]:
                at_ratio = [row for row in own if row["ratio"] == ratio]
                lines += [f"### {model}, {ratio:g} times fewer bytes, {text}", "", *_table(at_ratio, fulls, text), ""]
    return "\n".join(lines)


def _table(rows: list[dict], fulls: dict[int, dict], text: str) -> list[str]:
    lines = ["| method | smaller | seeds | mean | worst |", "| --- | --- | --- | --- | --- |"]
    found, failed = [], []
    for name in dict.fromkeys(row["method"] for row in rows):
        of_name = [row for row in rows if row["method"] == name and "losses" in row]
        if not of_name:
            error = next(row["error"] for row in rows if row["method"] == name)
            failed.append(f"| {name} | {error} | | | |")
            continue
        change = Change.of(of_name, fulls, text)
        smaller = of_name[0]["full_bytes"] / of_name[0]["bytes"]
        line = f"| {name} | {smaller:.2f} | {len(of_name)} | {change.mean()} | {change.most()} |"
        found.append((change.by_language.max(), line))
    return [*lines, *(line for _, line in sorted(found)), *failed]
