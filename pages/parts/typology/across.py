"""The part Other text: this study's masks beside those of other studies of the same languages."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral import across as beside
from neutral.labels import WHOLE
from pages.parts import export, figures, show
from pages.parts.text import as_text
from pages.parts.typology import tables
from pages.parts.typology.shown import Asked, Shown

NOTHING = (
    "Nothing was compared with these masks. Find masks of the same languages in another study, from other text or with "
    "another model, and run `neutral study across` on both."
)
ABOUT = (
    "Masks of the same languages in other studies. What stays the same there is the language's, or the model's; what "
    "changes came with what is other there: the text, say."
)
COLOURS = "A point is a language, its colour that of its family. Dotted: a language found again in this study."
AGAIN = {"halves": "from half of its text and from the other half", "seeds": "under another seed"}


def ask(_asked: Asked) -> dict:
    """Nothing is picked: all other studies are shown."""
    st.caption(ABOUT)
    return {}


def draw(shown: Shown) -> None:
    """Say and show how masks and their overlap change, over the whole network."""
    alike, own = tables.across(shown.view)
    if alike.empty:
        st.info(NOTHING)
        return
    whole = alike[alike["group"] == WHOLE]
    for called in dict.fromkeys(whole["called"]):
        scripts = by_script(own[own["called"] == called]) if len(own) else ""
        st.markdown(sentence(whole[whole["called"] == called], scripts))
    left, right = st.columns(2, gap="medium")
    if len(own):
        with left:
            st.markdown("## A language's mask and its mask there")
            bounds = whole[whole["what"] == "own"].dropna(subset="here").set_index("called")["here"]
            show.figure(figures.own_masks(own, bounds, shown.view.families), f"own-masks-{shown.view.key}", own)
            st.caption(COLOURS)
    with right if len(own) else st.container():
        st.markdown("## What the overlap goes with")
        far = whole[whole["what"] == "distance"]
        by_layer = export.More("Other text, by layer as well", alike)
        show.figure(figures.reasons(far), f"reasons-{shown.view.key}", more=[by_layer])
        st.caption("ρ has no p here: what is tested of each study stands under Distances, in that study.")


def by_script(own: pd.DataFrame) -> str:
    """Say how far masks overlap with their own in Latin and in other scripts; "" unless there are languages of both.

    `own` is of one other study, with columns language and value.
    """
    if (split := beside.by_script(own)) is None:
        return ""
    return (
        f"that is the mean of all {len(own)}: {split.others:.3f} of the {split.other_languages} in other scripts than "
        f"Latin, {split.latin:.3f} of the {split.latin_languages} in Latin"
    )


def sentence(table: pd.DataFrame, scripts: str = "") -> str:
    """Say how another study's masks differ: `table` is of one, over the whole network; `scripts` is of `by_script`."""
    rows = {row["what"]: row for row in table.to_dict("records")}
    if "own" in rows and scripts:
        rows = {"own": rows["own"], "scripts": {"there": 0.0, "said": scripts}, **rows}
    parts = [says(rows[what]) for what, says in SAYS.items() if what in rows and _is_known(rows[what]["there"])]
    return f"**{as_text(table['called'].iloc[0])}**: {'; '.join(parts)}."


def _own(row: dict) -> str:
    beside = f" (here {AGAIN[row['again']]}: {row['here']:.3f})" if row["again"] in AGAIN else ""
    return f"a language's mask overlaps {row['there']:.3f} with its own there{beside}"


SAYS = {
    "own": _own,
    "scripts": lambda row: row["said"],
    "order": lambda row: f"the pairs of languages keep their order at ρ = **{row['there']:.2f}**",
    "between": lambda row: f"two languages overlap {row['there']:.3f} (here {row['here']:.3f})",
    "branch": lambda row: f"{row['there']:.0%} have the nearest in their own branch (here {row['here']:.0%})",
}
"""What rows say -> their sentences."""


def _is_known(value: float | None) -> bool:
    return value is not None and value == value
