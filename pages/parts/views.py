"""What a page is to show: one source of masks and a choice from it, or several beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral.errors import NeutralError
from neutral.masksets import MaskSet
from neutral.members import order
from neutral.overlap import Counts
from neutral.study import Study
from neutral.summary import Choice
from pages.parts import catalogue, pickers, uploads

STUDY, MINE, BOTH = "Study", "Your masks", "Both"


@dataclass(frozen=True)
class View:
    """One source, the masks chosen from it, and the languages chosen (() is all). Tables come remembered."""

    source: catalogue.Source
    choice: Choice
    chosen: tuple[str, ...] = ()
    heading: str = ""

    @property
    def key(self) -> str:
        """Tells the widgets of views on one page apart."""
        return self.heading or "study"

    @property
    def title(self) -> str:
        """What the source is called."""
        return self.source.info.get("title") or self.source.path.name

    @property
    def members(self) -> tuple[str, ...]:
        """The languages to show, by family."""
        return tuple(order(self.chosen or self.counts().members))

    def kinds(self) -> dict[str, int]:
        """The kinds of counts there are for the choice."""
        return catalogue.kinds(self.source, self.choice)

    def counts(self, measure: str = "jaccard") -> Counts:
        """The counts of the chosen languages behind a measure."""
        return catalogue.counts(self.source, self.choice, measure, self.chosen)

    def all_counts(self) -> Counts:
        """The counts of all languages, chosen or not."""
        return catalogue.counts(self.source, self.choice, "jaccard", ())

    def pairs(self, measure: str, by: str = "all", members: tuple[str, ...] = ()) -> pd.DataFrame:
        """`summary.pairs` of the chosen languages, or of some."""
        return catalogue.pairs(self.source, self.choice, measure, by, members or self.chosen)

    def levels(self, measure: str, by: str = "all", members: tuple[str, ...] = ()) -> pd.DataFrame:
        """`summary.levels` of the chosen languages, or of some."""
        return catalogue.levels(self.source, self.choice, measure, by, members or self.chosen)

    def within(self, measure: str, by: str = "all", group: str = "all") -> dict[str, float]:
        """Language -> overlap with itself under another seed or half of the text, as far as there is."""
        kind = next((kind for kind in ("seeds", "halves") if kind in self.kinds()), None)
        if kind is None or measure == "beyond":
            return {}
        table = catalogue.within(self.source, self.choice, kind, measure, by)
        rows = table[table["group"] == group]
        return dict(zip(rows["language"], rows["value"], strict=True))

    def scores(self) -> pd.DataFrame:
        """`evaluations.scores` of the chosen languages."""
        return catalogue.scores(self.source, self.choice.task, self.chosen)

    def functional(self, members: tuple[str, ...] = ()) -> pd.DataFrame:
        """`evaluations.functional` of the chosen languages, or of some."""
        return catalogue.functional(self.source, self.choice, members or self.chosen)


def choose(notices: DeltaGenerator) -> list[View]:
    """Draw the sidebar's pickers and return what to show; empty when there is neither study nor upload.

    What the address asked for and is not there is said in `notices`.

    Raises `NeutralError` when what was chosen cannot be shown.
    """
    studies, broken = catalogue.studies()
    for line in broken:
        notices.error(line)
    mine = uploads.collections()
    shown = _which(bool(studies), bool(mine), notices)
    if shown is None:
        return []
    if shown == MINE and len(mine) == 1:
        views = [View(mine[0], catalogue.choices(mine[0])[0], pickers.pick_members(mine[0].members))]
    else:
        views = [_of_study(studies, notices)] if shown != MINE else []
        views = _with_uploads(views, mine) if shown != STUDY else views
    if any(len(view.chosen) == 1 for view in views):
        raise NeutralError("An overlap takes two languages: choose another, or none for all.")
    return views


def _which(studies: bool, mine: bool, notices: DeltaGenerator) -> str | None:
    asked = st.query_params.get("show")
    if asked in (MINE, BOTH) and not mine:
        notices.info("This link shows masks that somebody uploaded. They stay in that person's session; upload yours.")
    options = [STUDY] * studies + [MINE] * mine + [BOTH] * (studies and mine)
    return pickers.pick("Show", options, "show") if options else None


def _of_study(studies: dict[str, Study], notices: DeltaGenerator) -> View:
    asked = st.query_params.get("study")
    if asked and asked not in studies:
        notices.warning(f"There is no study called “{asked}” here. There is {', '.join(studies)}.")
    study = studies[pickers.pick("Study", list(studies), "study")]
    choice = _choice(catalogue.choices(study))
    if choice is None:
        raise NeutralError(
            f"{study.info.get('title') or study.path.name} has no overlap counts yet; they come once every "
            "language has its mask. Go on with it with the same `python -m neutral find` command."
        )
    members = order(catalogue.counts(study, choice, "jaccard", ()).members)
    return View(study, choice, pickers.pick_members(members))


def _choice(there: list[Choice]) -> Choice | None:
    """Narrow the choices down, picker by picker."""
    for field, label, default, names in (
        ("task", "Task", "mlm", pickers.task_name),
        ("method", "Method", "magnitude", str.capitalize),
        ("sparsity", "Sparsity", 0.5, lambda sparsity: f"{sparsity:.0%}"),
        ("seed", "Seed", 0, str),
    ):
        options = sorted({getattr(choice, field) for choice in there})
        if not options:
            return None
        value = pickers.pick(label, options, field, default=default, names=names)
        there = [choice for choice in there if getattr(choice, field) == value]
    return there[0]


def _with_uploads(views: list[View], mine: list[MaskSet]) -> list[View]:
    """Put uploads beside the study: in one view where they are of the same network, else in views of their own."""
    found = [View(v.source, v.choice, v.chosen, heading=v.title) for v in views]
    for collection in mine:
        joined = uploads.joined(found[0].source, found[0].choice, found[0].chosen, collection) if found else None
        source = joined or collection
        view = View(source, catalogue.choices(source)[0], heading=source.title)
        found = [view, *found[1:]] if joined else [*found, view]
    return found
