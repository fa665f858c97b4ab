"""What is known of one language of a study: by its code, and by what was measured on its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral.languages import UNKNOWN, Language, branches, language
from neutral.members import speaker
from neutral.references import FULL
from neutral.search import evaluations
from neutral.study import at_sparsity
from neutral.summary import Choice, Source

SCORE_COLUMNS = ["metric", "variant", "full", "value", "ratio", "full_bits", "bits"]
TEXT_COLUMNS = ["lines", "characters", "bytes", "tokens", "unknown", "fallback"]


class Facts(NamedTuple):
    """What is known of a language."""

    spoken: Language
    branch: str
    """The branch that its family has among the languages shown; `UNKNOWN` without family."""
    scores: pd.DataFrame
    """Columns `SCORE_COLUMNS`, a row a metric and variant: of the full model and under its mask; bits a character."""
    text: dict[str, float]
    """Of `TEXT_COLUMNS` those that are known: numbers, and the shares of tokens unknown or standing for bytes."""


def facts(source: Source, choice: Choice, member: str, members: Sequence[str]) -> Facts:
    """Return what is known of a member's language; `members` are those that its branch is told among."""
    label = speaker(member)
    branch = branches([*map(speaker, members), label])[label]
    return Facts(language(label), branch, _scores(source, choice, member), _text(source.table("text"), member))


def is_placed(spoken: Language) -> bool:
    """Whether a language's place is known."""
    return spoken.latitude is not None and spoken.longitude is not None


def has_family(spoken: Language) -> bool:
    """Whether a language's family is known."""
    return spoken.family != UNKNOWN


def _scores(source: Source, choice: Choice, member: str) -> pd.DataFrame:
    rows = source.table("score")
    scores = evaluations.scores(rows, choice.task, [member])
    scores = evaluations.at(scores, choice.method, choice.sparsity, member)
    if scores.empty:
        return pd.DataFrame(columns=SCORE_COLUMNS)
    own = rows[(rows["task"] == choice.task) & (rows["language"] == member)]
    full = own[own["method"] == FULL]
    masked = own[(own["method"] == choice.method) & at_sparsity(own["sparsity"], choice.sparsity)]
    return scores.assign(full_bits=_bits(full), bits=_bits(masked))[SCORE_COLUMNS].reset_index(drop=True)


def _bits(rows: pd.DataFrame) -> float:
    """Return bits a character, the mean of rows of scores: log2 perplexity · tokens / characters; NaN if unknown."""
    if not {"tokens", "characters"} <= set(rows.columns):
        return float("nan")
    rows = rows[rows["metric"] == "perplexity"]
    tokens, characters, value = (pd.to_numeric(rows[c], errors="coerce") for c in ("tokens", "characters", "value"))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((np.log2(value) * tokens / characters.where(characters > 0)).mean())


def _text(rows: pd.DataFrame, member: str) -> dict[str, float]:
    """Return the numbers of a language's row of the kind text; later rows replace earlier ones."""
    if "language" not in rows:
        return {}
    own = rows[rows["language"] == member].reindex(columns=TEXT_COLUMNS).apply(pd.to_numeric, errors="coerce")
    return own.iloc[-1].dropna().to_dict() if len(own) else {}
