"""What the Transfer page shows of masks from another task, and of masks of several languages at once."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral import figures
from neutral.corpora import parts
from neutral.members import display, order
from neutral.metrics import better, metric
from neutral.transfer import published
from pages.parts import pickers, show
from pages.parts.transfer.tables import MARKED, PAPER, SIGNIFICANT, Experiment


def tasks(shown: list[Experiment]) -> None:
    """Show another task's masks beside the task's own."""
    tables = {one.title: found for one in shown if len(found := one.across())}
    if not tables:
        return
    st.subheader("Across tasks", anchor=False)
    st.caption("A mask found on another task, for the same language, against the task's own mask; below 0 is worse.")
    targets = dict.fromkeys(task for table in tables.values() for task in table["target_task"])
    with st.columns([2, 5])[0]:
        usual = shown[0].task
        target = pickers.pick("Trained and scored on", list(targets), "target", default=usual, names=pickers.task_name)
    columns = st.columns(len(tables), gap="medium")
    for column, (title, table) in zip(columns, tables.items(), strict=True):
        rows = _in_points(table[table["target_task"] == target], ["own", "difference", "low", "high"], title)
        with column:
            st.markdown(f"##### {title}")
            if rows.empty:
                st.info(f"No masks were trained across to {pickers.task_name(target).lower()} here.")
                continue
            languages = order(list(dict.fromkeys(rows["language"])))
            names = {task: pickers.task_name(task) for task in rows["source_task"]} | {"random": "Random mask"}
            marks = {(r.source_task, r.language): "*" for r in rows.itertuples() if r.p < SIGNIFICANT}
            show.figure(figures.cross_task_matrix(rows, languages, names, marks=marks), f"cross-{title}")
            unit = "Perplexity" if target in ("mlm", "clm") else "Points"
            seeds = "; ".join(dict.fromkeys(rows["seeds"]))
            own = rows.drop_duplicates("language").set_index("language")["own"]
            scores = ", ".join(f"{display(code)} {own[code]:.3g}" for code in languages)
            ours = f"{unit}. {MARKED}. Own masks score {scores}. {_trained(seeds)}."
            st.caption(f"{unit}. Figure 9, mBERT. {published.CITATION}." if title == PAPER else ours)
            show.table(rows, "Across tasks", f"cross-{title}")


def _trained(seeds: str) -> str:
    """Say which seeds of the training scores are of."""
    return f"Training seed{'s' if ',' in seeds or ';' in seeds else ''} {seeds}"


def _in_points(table: pd.DataFrame, columns: list[str], title: str) -> pd.DataFrame:
    """Write our shares in percent, as the paper prints F1 and accuracy; perplexities stay."""
    shares = table["metric"] != "perplexity"
    if title == PAPER or not shares.any():
        return table
    return table.assign(**{c: table[c].where(~shares, 100 * table[c]) for c in columns})


def _behind(mean: pd.Series, name: str) -> str:
    """Warn of a full model that is behind its own masks: it was trained for as few steps."""
    if not {"Full model", "Own mask"} <= set(mean.index) or better(name, *mean[["Own mask", "Full model"]]) < 5:
        return ""
    return (
        "The full model has learnt less than its masks in as many steps: this tells how fast they learn, not how well."
    )


def languages(shown: list[Experiment]) -> None:
    """Show masks found on several languages at once beside single ones."""
    tables = {one.title: found for one in shown if len(found := one.multilingual())}
    if not tables:
        return
    st.subheader("A ticket for several languages", anchor=False)
    st.caption("One mask from the mixed data of several languages, as many examples in all, beside single ones.")
    columns = st.columns(len(tables), gap="medium")
    for column, (title, table) in zip(columns, tables.items(), strict=True):
        with column:
            st.markdown(f"##### {title}")
            for (task, mixture), rows in _in_points(table, ["value"], title).groupby(["task", "mixture"], sort=False):
                square = rows.pivot(index="source", columns="target", values="value")
                sources = [source for source in dict.fromkeys(rows["source"]) if source in square.index]
                square = square.loc[sources, order(list(square.columns))].rename(columns=display)
                square.insert(0, "Mean", square.dropna(axis="columns").mean(axis=1))  # the same columns in every row
                codes = ", ".join(parts(mixture))
                names = {"full": "Full model", "own": "Own mask", mixture: f"{codes} mixed"}
                square.index = pd.Index([names.get(s) or display(s) for s in sources], name="Mask of")
                said = f"{pickers.task_name(task)}, {metric(rows['metric'].iloc[0]).label}, trained and scored on. "
                if title != PAPER:
                    said += f"{_trained('; '.join(dict.fromkeys(rows['seeds'])))}. "
                st.caption(said + _behind(square["Mean"], rows["metric"].iloc[0]))
                formats = {column: st.column_config.NumberColumn(format="%.2f") for column in square.columns}
                st.dataframe(square, column_config=formats, height="content", key=f"mixed-{title}-{mixture}-{task}")
            if title == PAPER:
                st.caption(f"Table 1, mBERT, percent. {published.CITATION}.")
