"""What the parts of the Typology page share: what is looked at, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import typology
from neutral.figures.theme import UNITS
from neutral.typology import similarity
from neutral.typology.similarity import Languages
from pages.parts.typology import words
from pages.parts.views import View

OVERLAP, NOTHING = "Overlap", "Nothing"


class Asked(NamedTuple):
    """What a part's pickers choose from: the kinds of distances, and the languages of every source."""

    kinds: list[str]
    everyone: list[Languages]

    @property
    def codes(self) -> list[str]:
        """The languages of all sources, each once."""
        return list(dict.fromkeys(code for spoken in self.everyone for code in spoken.codes))

    @property
    def families(self) -> dict[str, str]:
        """Code -> family of all sources' languages, as `typology.families` has them."""
        return {code: family for spoken in self.everyone for code, family in spoken.blocks.items()}


class Shown(NamedTuple):
    """One source, what is looked at in it, and the tables of that."""

    view: View
    spoken: Languages
    measure: str
    by: str
    group: str
    overlap: pd.DataFrame  # between languages, in this group
    distances: pd.DataFrame
    kind: str  # the distance chosen
    place: DeltaGenerator | None = None  # for the answer, above the pickers; none where several sources have theirs

    @property
    def unit(self) -> str:
        """What the measure is called."""
        return UNITS[self.measure][0]

    @property
    def square(self) -> pd.DataFrame:
        """The overlap, languages × languages."""
        return similarity.square(self.overlap, self.spoken.codes)

    def far(self, kind: str) -> pd.DataFrame:
        """A distance, languages × languages; that of the masks is 1 - overlap."""
        return 1 - self.square if kind == OVERLAP else typology.square(self.distances, kind, self.spoken.codes)

    def far_name(self, kind: str) -> str:
        """What an axis calls such a distance."""
        return f"1 − {self.unit}" if kind == OVERLAP else f"{typology.label(kind)} distance"

    def knows(self, kind: str) -> bool:
        """Whether anything is known of such a distance between these languages."""
        return kind == OVERLAP or kind in typology.kinds_in(self.distances)


def named(kind: str) -> str:
    """Return what a picker calls a kind of distance, the overlap, or nothing."""
    return kind if kind in (OVERLAP, NOTHING) else typology.label(kind)


def left_out(spoken: Languages, far: pd.DataFrame) -> None:
    """Say which languages a complete square of distances lacks."""
    if lacking := lacks(spoken.codes, far.index):
        st.caption(words.left_out(lacking))


def lacks(codes: Sequence[str], there: Sequence[str]) -> list[str]:
    """Return the languages that are not there."""
    return [code for code in codes if code not in there]
