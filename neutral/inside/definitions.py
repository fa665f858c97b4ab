"""What retrieval is: among which candidates, of which states and by which score a translation is looked for.

Foroutan et al. (2022) rank the k nearest sentences by cosine only, and their states are means over all tokens, the
special ones included: `PAPER`. A row of a study that says nothing of its settings is of a time when all sentences were
ranked, by means without special tokens: `UNWRITTEN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CANDIDATES = ("nearest", "all")
POOLINGS = ("mean", "mean-with-special", "cls")
SCORES = ("ratio", "distance", "absolute")


@dataclass(frozen=True)
class Definition:
    """One definition of retrieval.

    Attributes
    ----------
    candidates : str
        nearest: the score ranks only the k nearest sentences by cosine; all: it ranks all.
    pooling : str
        A sentence's state. mean: of its own tokens; mean-with-special: of all its tokens, special ones included; cls:
        the state of its first token.
    score : str
        ratio, distance or absolute; see `retrieval.margin`.
    """

    candidates: str = "nearest"
    pooling: str = "mean-with-special"
    score: str = "ratio"


PAPER = Definition()
UNWRITTEN = Definition("all", "mean", "ratio")
FIELDS = tuple(asdict(UNWRITTEN))


def written(definition: Definition, fields: tuple[str, ...] = FIELDS) -> dict[str, str]:
    """Return the settings, of those in `fields`, that a row has to say: those that differ from `UNWRITTEN`.

    >>> written(Definition("all", "cls", "ratio"))
    {'pooling': 'cls'}
    """
    old = asdict(UNWRITTEN)
    return {name: value for name, value in asdict(definition).items() if name in fields and value != old[name]}


def completed(row: Mapping) -> dict:
    """Return a row with the settings that it says nothing of."""
    return {**asdict(UNWRITTEN), **row}


def filled(frame: pd.DataFrame, fields: tuple[str, ...] = FIELDS) -> pd.DataFrame:
    """Return rows with a column for each of `fields`, where a row may have said nothing of it."""
    old = asdict(UNWRITTEN)
    return frame.assign(**{name: frame[name].fillna(old[name]) if name in frame else old[name] for name in fields})


def among(table: pd.DataFrame) -> list[Definition]:
    """Return the definitions that a table of retrieval has rows of, the paper's first, else in order of appearance."""
    rows = table[list(FIELDS)].drop_duplicates().itertuples(index=False)
    return sorted((Definition(*row) for row in rows), key=lambda definition: definition != PAPER)
