"""What the page Inside the model shows of a study, remembered."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd

from neutral import summary
from neutral.errors import NeutralError
from neutral.inside import curves, definitions, representations, retrieval
from neutral.inside.definitions import Definition
from neutral.study import Study, at_sparsity
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.views import View


@catalogue.remembered
def _retrieval(source: catalogue.Source) -> pd.DataFrame:
    return retrieval.table(source.table("retrieval"))


@catalogue.remembered
def _representation(source: catalogue.Source) -> pd.DataFrame:
    return representations.table(source.table("representation"))


def having(command: str) -> dict[str, str]:
    """Return name -> title of the studies here that have results of a command, `retrieve` or `represent`.

    One that cannot be read is passed over: it is told where it is chosen.
    """
    kept = {"retrieve": _retrieval, "represent": _representation}[command]
    found = {}
    for name, study in catalogue.studies()[0].items():
        with suppress(NeutralError):
            if len(kept(study)):
                found[name] = study.info.get("title") or name
    return found


def instead(view: View) -> View | None:
    """Return the first study here with results, by masks that were looked at, where a view's own study has none.

    None where it has some, and where no study that can be read has.
    """
    if not isinstance(view.source, Study) or len(_retrieval(view.source)) or len(_representation(view.source)):
        return None
    studies = catalogue.studies()[0]
    for name in [*having("retrieve"), *having("represent")]:
        with suppress(NeutralError):
            choices = summary.choices(studies[name])
            looked = [choice for choice in choices if len(_masked(studies[name], choice))]
            if choices:
                other = View(studies[name], next(iter(looked), choices[0]), heading=view.heading)
                other.pairs(summary.MEASURES[0], "layer")  # its counts can be read
                return other
    return None


def _masked(study: Study, choice: Choice) -> pd.DataFrame:
    """Return the rows of retrieval under masks of a choice."""
    table = _retrieval(study)
    if table.empty:
        return table
    same = (table["task"] == choice.task) & (table["method"] == choice.method) & (table["seed"] == choice.seed)
    return table[same & at_sparsity(table["sparsity"], choice.sparsity)]


@catalogue.remembered
def definitions_of(source: catalogue.Source, choice: Choice) -> list[Definition]:
    """Return the definitions of retrieval that a study has results by, the paper's first."""
    table = _retrieval(source)
    return definitions.among(table[table["task"] == choice.task])


def shown(source: catalogue.Source, choice: Choice, chosen: Definition) -> Definition:
    """Return the definition to show: the chosen one, or the study's first where it has no results by it."""
    present = definitions_of(source, choice)
    return chosen if chosen in present or not present else present[0]


def of_states(source: catalogue.Source, definition: Definition) -> Definition:
    """See `curves.pooling_in`, of a study's representations."""
    return curves.pooling_in(_representation(source), definition)


@catalogue.remembered
def pairs(
    source: catalogue.Source, choice: Choice, members: tuple[str, ...], what: str, definition: Definition
) -> pd.DataFrame:
    """See `curves.pairs`; `what` is at1, at5 or a measure of representations."""
    table = _retrieval(source) if what in curves.RETRIEVAL else _representation(source)
    return curves.pairs(table, choice, members, what, definition)
