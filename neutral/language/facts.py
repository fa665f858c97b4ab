"""What is known of one language of a study: by its code, and by what was measured on its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from neutral.association.properties import properties
from neutral.languages import UNKNOWN, Language, branches, language
from neutral.members import speaker
from neutral.references import FULL
from neutral.search import evaluations
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


def properties_of(source: Source, task: str, members: Sequence[str]) -> pd.DataFrame:
    """Return the properties of members' languages, a row each: `properties`, by what was measured on their text."""
    return properties(members, evaluations.bits(source.table("score"), task), source.table("text"))


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
    spent = evaluations.bits(rows, choice.task, [member])
    full = spent[spent["method"] == FULL].set_index("variant")["value"]
    masked = evaluations.at(spent, choice.method, choice.sparsity, member).set_index("variant")["value"]
    found = scores.assign(full_bits=scores["variant"].map(full), bits=scores["variant"].map(masked))
    return found[SCORE_COLUMNS].reset_index(drop=True)


def _text(rows: pd.DataFrame, member: str) -> dict[str, float]:
    """Return the numbers of a language's row of the kind text, if there is one."""
    own = rows[rows["language"] == member] if "language" in rows else rows
    return own.iloc[-1].reindex(TEXT_COLUMNS).dropna().astype(float).to_dict() if len(own) else {}
