"""The answer of the Compression page: pick a language and a tolerance, get the table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st

from neutral import glossary
from neutral.compression import choosing
from neutral.compression.results import ALL
from neutral.members import order
from neutral.study import Study
from pages.parts import origins, pickers, show
from pages.parts.compression import budget_words, columns, models, tables
from pages.parts.compression.tables import TableChoice


@dataclass(frozen=True)
class Budget:
    """What is asked, and what it comes to: rows of `choosing.within`, the one that reaches furthest first."""

    who: str  # a language, `results.ALL` or `choosing.WORST`
    tolerance: float
    rows: pd.DataFrame

    @property
    def limit(self) -> float:
        """The largest perplexity that is allowed, over the full model's."""
        return choosing.limit_of(self.tolerance)

    @property
    def best(self) -> pd.Series | None:
        """The row that reaches furthest, if any is within the tolerance."""
        kept = self.rows[self.rows["bound"] != "below"]
        return kept.iloc[0] if len(kept) else None

    @property
    def line(self) -> str:
        """The line of the best row; "" for none."""
        return "" if self.best is None else str(self.best["line"])


def answer(study: Study, choice: TableChoice) -> Budget | None:
    """Say which table to take, above the pickers that ask; None where a choice has no perplexities."""
    scored = tables.chosen(study, choice, None)
    if scored.empty:
        return None
    said = st.container()
    left, right, _ = st.columns([2, 1, 1])
    members = order(list(dict.fromkeys(scored["language"])))
    with left:
        options = [choosing.WORST, ALL, *members]
        who = pickers.pick("Language", options, "of", names=budget_words.name, help=glossary.line("whose"))
    with right:
        tolerance = pickers.pick(
            "Worse by at most",
            budget_words.TOLERANCES,
            "within",
            default=choosing.TOLERANCE,
            names="{:.0%}".format,
        )
    rows = tables.budget(study, choice, who, tolerance)
    nearest = tables.nearest(study, choice, who)
    changed = tables.change(study, choice, who, tolerance)
    with said:
        st.markdown(budget_words.answer(rows, nearest, changed, study, choice, who, tolerance))
    show.tiles(budget_words.tiles(rows, changed, study, choice))
    if origin := origins.said(study):
        st.caption(origin)
    return Budget(who, tolerance, rows)


def details(study: Study, choice: TableChoice, budget: Budget) -> None:
    """Show how far every method reaches, and the command that makes the best table."""
    reach = partial(tables.reach, study, choice, budget.who, budget.tolerance)
    title = f"How far every method goes: {budget_words.name(budget.who)}, {budget.tolerance:.0%}"
    show.table(reach, title, "budget", named=columns.reach, digits=2)
    if budget.best is not None:
        with st.expander("The command that makes this table", icon=":material/terminal:"):
            model = models.named(study)
            st.code(choosing.command(study.info, budget.best, model), language="sh", wrap_lines=True)
            st.caption(budget_words.stands_for("" if model else choosing.placeholder(study.info)))
