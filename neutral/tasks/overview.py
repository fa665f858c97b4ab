"""What `data show` says of data: a language's numbers, labels and first example, as facts and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from neutral import encoding
from neutral.corpora import Survey
from neutral.corpora.readings import listed, several
from neutral.coverage import coverage
from neutral.errors import NeutralError
from neutral.languages import language
from neutral.models.tokenizers import REFUSED, unknown

if TYPE_CHECKING:  # transformers takes seconds to import
    from transformers import PreTrainedTokenizerBase

UNREAD = "no run takes such text: leave out the language, or take a model that knows its script"

_WIDTH = 48  # letters of the first example in a table
_LABELS = 7  # in a table


def facts(survey: Survey, tokenizer: PreTrainedTokenizerBase | None = None) -> dict[str, dict]:
    """Return language -> what came of reading its data.

    `name` is the language's; `read` counts what was read of both splits (`train`, `held_out`), in `unit`; `left_out`,
    `labels`, `words` and `first` are those of `readings.Reading`. With a tokenizer `tokens` are counted, and `unknown`
    is the share of them that it does not know, `fallback` of those that are pieces of a character. A language that
    cannot be read, or whose text the tokenizer does not know, has a `problem`.
    """
    told: dict[str, dict] = {}
    for code, (train, held) in survey.corpus.readings.items():
        both = train + held
        told[code] = {
            "name": language(code).name,
            "read": both.read,
            "unit": both.unit,
            "train": train.read,
            "held_out": held.read,
            **({} if both.words is None else {"words": both.words}),
            "left_out": dict(both.left_out),
            "labels": dict(both.labels),
            "first": dict(both.first),
        }
        if tokenizer is not None and code in survey.corpus.train:
            texts = texts_of([*survey.corpus.train[code], *survey.corpus.held_out[code]])
            told[code]["tokens"] = sum(map(len, encoding.ids(tokenizer, texts)))
            told[code]["fallback"] = coverage(tokenizer, texts).fallback
            told[code]["unknown"] = share = round(unknown(tokenizer, texts), 4)
            if share >= REFUSED:
                told[code]["problem"] = f"the model's tokenizer does not know its text ({share:.0%} of the tokens)"
    for code, problem in survey.problems.items():
        if code:
            told[code] = {
                "name": language(code).name,
                "read": 0,
                "left_out": {},
                "labels": {},
                "first": {},
                "problem": str(problem),
            }
    return told


def table(told: dict[str, dict], *, whole: bool = False) -> pd.DataFrame:
    """Return the facts as a table, a row a language; `whole` shortens nothing."""
    rows = []
    for code, each in told.items():
        labels = [f"{label} {count:,}" for label, count in each["labels"].items()]
        first = _first(each["first"])
        rows.append(
            {
                "language": code,
                "name": each["name"],
                **{name: each.get(name) for name in ("train", "held_out", "words")},
                "left_out": listed(each["left_out"]),
                "labels": ", ".join(labels) if whole else several(labels, _LABELS),
                **{name: each.get(name) for name in ("tokens", "unknown")},
                "first": first if whole or len(first) <= _WIDTH else f"{first[: _WIDTH - 1]}…",
                "problem": each.get("problem", ""),
            }
        )
    made = pd.DataFrame(rows)
    counts = made.columns.intersection(["train", "held_out", "words", "tokens"])
    made[counts] = made[counts].astype("Int64")
    return made.astype(object).where(made.notna(), "").loc[:, [name for name in made if _is_filled(made[name])]]


def require(survey: Survey, told: Mapping[str, dict] | None = None) -> None:
    """Raise `NeutralError` for a language that cannot be read or has a `problem`, and for labels that do not agree."""
    lost = [code for code in survey.problems if code]
    first = next(iter(survey.problems.values()), None)
    if len(lost) > 1:
        raise NeutralError(f"{len(lost)} languages cannot be read ({several(lost)}); {first}")
    if first is not None:
        raise first
    if unread := {code: each["problem"] for code, each in (told or {}).items() if "problem" in each}:
        names = several([f"{(told or {})[code]['name']} ({code})" for code in unread])
        raise NeutralError(f"{names}: {next(iter(unread.values()))}; {UNREAD}")


def texts_of(items: Iterable[object]) -> list[str]:
    """Return the text of each item: a line as it is, the words of a tagged sentence, the texts of an example."""
    return [
        item if isinstance(item, str) else " ".join(getattr(item, "words", None) or getattr(item, "texts", ()))
        for item in items
    ]


def _is_filled(column: pd.Series) -> bool:
    return not (column.isna() | (column.astype(object) == "")).all()


def _first(first: dict) -> str:
    """Return the first example in a line: words with their tags, or texts and the class."""
    if "words" in first:
        return _tagged(first["words"], first["labels"])
    return " | ".join(map(str, first.values()))


def _tagged(words: Sequence[str], tags: Sequence[str]) -> str:
    return " ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True))
