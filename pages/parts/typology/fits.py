"""Models of the overlap, and tests without one family or script: the study's rows, else made here and remembered."""

from __future__ import annotations

import pandas as pd

from neutral import typology
from neutral.association import stored
from neutral.language import facts
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.typology import tables
from pages.parts.views import View


def model(kind: str, view: View, measure: str, by: str, group: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Return a model of one group by what `names` names: the study's rows, else `association.models.fit`.

    Raises `NeutralError` for names that follow from one another on these languages.
    """
    return _model(view.source, view.choice, measure, by, group, view.chosen, kind, names)


def held(kind: str, view: View, measure: str, by: str, group: str, names: tuple[str, ...]) -> pd.DataFrame | None:
    """Return a model that the study has; None if it lacks it."""
    from neutral.association import models

    asked = {"group": group, "kinds": names, **tables.key(view, measure, by)}
    return stored.read_models(catalogue.table(view.source, kind), models.COLUMNS[kind], **asked)


@catalogue.remembered
def _model(
    source: catalogue.Source,
    choice: Choice,
    measure: str,
    by: str,
    group: str,
    chosen: tuple[str, ...],
    kind: str,
    names: tuple[str, ...],
) -> pd.DataFrame:
    from neutral.association import models

    view = View(source, choice, chosen)
    if (there := held(kind, view, measure, by, group, names)) is not None:
        return there
    table, apart, codes = tables.of_group(view, measure, by, group)
    known = {"distances": apart, "properties": properties(view)}
    blocks = {"families": typology.families(codes), "areas": typology.areas(codes)}
    return models.fit(kind, table, names, **known, **blocks)


def properties(view: View) -> pd.DataFrame:
    """Return `properties_of` the languages of a view."""
    return _properties(view.source, view.choice.task, tables.languages(view.members).codes)


@catalogue.remembered
def _properties(source: catalogue.Source, task: str, codes: tuple[str, ...]) -> pd.DataFrame:
    return facts.properties_of(source, task, codes)


def leaving(view: View, measure: str, by: str, tested: pd.DataFrame) -> pd.DataFrame | None:
    """Return `stored.read_leaving` of a view's whole network: None unless its study has what goes with these tests."""
    rows = catalogue.table(view.source, "leaving")
    return stored.read_leaving(rows, tested, **tables.key(view, measure, by)) if by == "all" else None
