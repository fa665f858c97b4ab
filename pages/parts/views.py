"""What a page is to show: one source of masks and a choice from it, or several beside each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import glossary, opening
from neutral.errors import NeutralError
from neutral.figures.families import Families
from neutral.masksets import MaskSet
from neutral.members import display, order, speaker
from neutral.overlap import Counts
from neutral.study import Study
from neutral.summary import Choice
from pages.parts import catalogue, pickers, uploads, whose
from pages.parts.errors import tell
from pages.parts.overlap import tables
from pages.parts.text import as_text

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
        """The source's name for people."""
        return self.source.info.get("title") or self.source.path.name

    @property
    def members(self) -> tuple[str, ...]:
        """The languages to show, by family."""
        return tuple(order(self.chosen or self.counts().members))

    @property
    def families(self) -> Families:
        """The colours of its languages' families, whichever are chosen."""
        return catalogue.families(self.source, self.all_counts().members)

    def settings(self) -> dict[str, str | list[str]]:
        """What a caption says of it."""
        told = {"Study": self.title, "Model": str(self.source.info.get("model") or "")}
        if self.choice.method != "upload":
            task = pickers.task_name(self.choice.task)
            told |= {"Task": task, "Method": self.choice.method, "Seed": str(self.choice.seed)}
        told["Sparsity"] = f"{self.choice.sparsity:.0%}"
        return {**told, "Languages": [display(member) for member in self.members]}

    def kinds(self) -> dict[str, int]:
        """The kinds of counts that the source has for the choice."""
        return tables.kinds(self.source, self.choice)

    def counts(self, measure: str = "jaccard") -> Counts:
        """The counts of the chosen languages behind a measure."""
        return tables.counts(self.source, self.choice, measure, self.chosen)

    def all_counts(self) -> Counts:
        """The counts of all languages, chosen or not."""
        return tables.counts(self.source, self.choice, "jaccard", ())

    def pairs(self, measure: str, by: str = "all", members: tuple[str, ...] = (), group: str = "") -> pd.DataFrame:
        """`summary.pairs` of the chosen languages, or of `members`."""
        return tables.pairs(self.source, self.choice, measure, by, members or self.chosen, group)

    def levels(self, measure: str, by: str = "all", members: tuple[str, ...] = (), group: str = "") -> pd.DataFrame:
        """`summary.levels` of the chosen languages, or of `members`."""
        return tables.levels(self.source, self.choice, measure, by, members or self.chosen, group)

    def joint(self, by: str = "all") -> pd.DataFrame:
        """`summary.joint` of the chosen languages. Raises `NeutralError` where only counts are stored."""
        return tables.joint(self.source, self.choice, by, self.chosen)

    def within(self, measure: str, by: str = "all", group: str = "all") -> dict[str, float]:
        """Language -> overlap with itself under another seed or half of the text, of the chosen if any was found twice.

        Empty if that was not measured.
        """
        kind = next((kind for kind in ("seeds", "halves") if kind in self.kinds()), None)
        if kind is None or measure == "beyond":
            return {}
        table = tables.within(self.source, self.choice, kind, measure, by)
        rows = table[table["group"] == group]
        shown = rows[rows["language"].isin(set(map(speaker, self.chosen)))]
        rows = shown if len(shown) else rows
        return dict(zip(rows["language"], rows["value"], strict=True))

    def scores(self) -> pd.DataFrame:
        """`evaluations.scores` of the chosen languages."""
        return tables.scores(self.source, self.choice.task, self.chosen)

    def functional(self, members: tuple[str, ...] = ()) -> pd.DataFrame:
        """`evaluations.functional` of the chosen languages, or of `members`."""
        return tables.functional(self.source, self.choice, members or self.chosen)


def choose_all(notices: DeltaGenerator) -> list[View]:
    """Choose as `choose` does, but all languages: for a page that has pickers of its own for them."""
    whose.pass_on()
    return choose(notices, narrowed=False)


def choose(notices: DeltaGenerator, *, narrowed: bool = True, without: Collection[str] = ()) -> list[View]:
    """Draw the sidebar's pickers and return what to show; empty when there is neither study nor upload.

    `without` are those of task, method, sparsity and seed that change nothing on the page: they have no picker there,
    and keep for other pages what was chosen.

    What the address names and this machine lacks is written into `notices`, and so is the switch of languages.

    Raises `NeutralError` when what was chosen cannot be shown.
    """
    studies, broken = catalogue.studies()
    tell(broken, notices)
    uploaded = uploads.collections()
    shown = _which(bool(studies), bool(uploaded), notices)
    if shown is None:
        return []
    if shown == MINE and len(uploaded) == 1:
        only = uploaded[0]
        chosen = whose.pick_members(only.members, notices) if narrowed else ()
        views = [View(only, tables.choices(only)[0], chosen)]
    else:
        views = [_of_study(studies, notices, narrowed=narrowed, without=without)] if shown != MINE else []
        views = _with_uploads(views, uploaded, notices) if shown != STUDY else views
    if any(len(view.chosen) == 1 for view in views):
        raise NeutralError("An overlap takes two languages: choose another, or none for all.")
    return views


def at_first() -> View | None:
    """Return what a visitor sees who has chosen nothing: what the pickers open on; None if there is no study."""
    studies, _ = catalogue.studies()
    if not studies:
        return None
    study = studies[_first(studies) or next(iter(studies))]
    choices = tables.choices(study)
    if not choices:
        return None
    choice = opening.choice(choices, partial(tables.tells, study))
    members = order(tables.counts(study, choice, "jaccard", ()).members)
    return View(study, choice, next(iter(opening.sets(members).values())))


def _which(studies: bool, uploaded: bool, notices: DeltaGenerator) -> str | None:
    linked = st.query_params.get("show")
    if linked in (MINE, BOTH) and not uploaded:
        notices.info("This link shows masks that somebody uploaded, and they are not here (any more). Upload yours.")
    options = [STUDY] * studies + [MINE] * uploaded + [BOTH] * (studies and uploaded)
    return pickers.pick("Show", options, "show", told=linked not in (MINE, BOTH)) if options else None


def _of_study(studies: dict[str, Study], notices: DeltaGenerator, *, narrowed: bool, without: Collection[str]) -> View:
    linked = st.query_params.get("study")
    if linked and linked not in studies:
        names = ", ".join(map(as_text, studies))
        notices.warning(f"There is no study called “{as_text(linked)}” here. There is {names}.")
    names = list(studies)
    study = studies[pickers.pick("Study", names, "study", default=_first(studies), help=_about(studies), told=False)]
    choice = _choice(study, tables.choices(study), without)
    if choice is None:
        raise NeutralError(
            f"{study.info.get('title') or study.path.name} has no overlap counts yet; they come once every "
            "language has its mask. Go on with it with the same “python -m neutral find” command."
        )
    if not narrowed:
        return View(study, choice)
    members = order(tables.counts(study, choice, "jaccard", ()).members)
    return View(study, choice, whose.pick_members(members, notices))


def _about(studies: Mapping[str, Study]) -> str:
    """Say what each study is, by the names that the picker has."""
    titles = {name: str(study.info.get("title") or "") for name, study in studies.items()}
    return "\n".join(
        [glossary.of("Study") or "", "", *(f"- **{as_text(n)}**: {as_text(t)}" for n, t in titles.items() if t)]
    )


def _first(studies: Mapping[str, Study]) -> str | None:
    """Return the study to show first: one that NEUTRAL_STUDIES names itself, else the one that tells most."""
    return catalogue.first(studies) or opening.study(studies, tables.tells)


def _choice(source: catalogue.Source, choices: list[Choice], without: Collection[str]) -> Choice | None:
    """Narrow the choices down, picker by picker; each opens on what tells most of those that are left."""
    for field, label, names in (
        ("task", "Task", pickers.task_name),
        ("method", "Method", str.capitalize),
        ("sparsity", "Sparsity", lambda sparsity: f"{sparsity:.0%}"),
        ("seed", "Seed", str),
    ):
        if not choices:
            return None
        options = sorted({getattr(choice, field) for choice in choices})
        default = getattr(opening.choice(choices, partial(tables.tells, source)), field)
        if field in without:
            value = pickers.held(options, field, default=default, names=names)
        else:
            value = pickers.pick(label, options, field, default=default, names=names)
        choices = [choice for choice in choices if getattr(choice, field) == value]
    return choices[0]


def _with_uploads(views: list[View], collections: list[MaskSet], notices: DeltaGenerator) -> list[View]:
    """Put uploads beside the study: in one view if they are of the same network, else in views of their own."""
    shown = [View(v.source, v.choice, v.chosen, heading=v.title) for v in views]
    for collection in collections:
        joined = uploads.joined(shown[0].source, shown[0].choice, shown[0].chosen, collection) if shown else None
        source = joined or collection
        for line in joined.bridges if joined else ():
            notices.info(as_text(f"{line[0].upper()}{line[1:]}."))
        view = View(source, tables.choices(source)[0], heading=source.title)
        shown = [view, *shown[1:]] if joined else [*shown, view]
    return shown
