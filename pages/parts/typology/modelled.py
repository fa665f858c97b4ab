"""What the Typology page says of its models: the regression, of pairs with random effects, of languages one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from neutral.association import findings
from neutral.association.findings import column
from neutral.association.properties import PROPERTIES
from neutral.figures.theme import number, signed
from neutral.metrics import SIGNIFICANT
from pages.parts.formats import number_column
from pages.parts.text import in_words
from pages.parts.typology.answers import FAINT, WAYS
from pages.parts.typology.words import label

PAIRS = "A mixed model of the pairs (MLPE)"
LANGUAGES = "Languages one by one: kinship, place and distances in the overlap's main directions"
LIKE = "Languages one by one: kinship, place and what each language is like"


REGRESSION = {
    "name": st.column_config.TextColumn("Distance"),
    "beta": number_column(
        "β", "Standardised, on ranks: the change with this distance while the others are held", digits=3
    ),
    "p_tree": number_column("p, tree"),
    "p_globe": number_column("p, globe"),
    "p_within": number_column("p, in families"),
    "p": number_column("p"),
    "holm": number_column("Holm"),
    "languages": st.column_config.NumberColumn("Languages", format="%d"),
    "pairs": st.column_config.NumberColumn("Pairs", format="%d"),
}

MIXED = {
    "name": st.column_config.TextColumn("Distance", pinned=True),
    "beta": number_column("β alone", "Standardised, on ranks; below 0: the nearer, the more alike", digits=3),
    "p": number_column("p alone"),
    "holm": number_column("Holm", "p alone, corrected for the distances of this table"),
    "r2": number_column("R² alone", digits=3),
    "partial": number_column("β beside all", "The others held", digits=3),
    "partial_p": number_column("p beside all"),
    "r2_added": number_column(
        "R² added", "Beside all: the share of variance of what the others do not have of this one", digits=3
    ),
    "aic": number_column(
        "ΔAIC", "Against a model without the distance; below 0: it is worth its coefficient", digits=1
    ),
    "language": number_column("Languages", "Share of variance that goes with single languages", digits=2),
    "family": number_column("Families", "Share of variance that goes with the two families", digits=2),
    "area": number_column("Areas", "Share of variance that goes with the two macroareas", digits=2),
    "languages": st.column_config.NumberColumn("n", format="%d"),
    "pairs": st.column_config.NumberColumn("Pairs", format="%d"),
}
PROCESS = {
    "component": st.column_config.NumberColumn("Direction", format="%d", pinned=True),
    "share": number_column("Its share", "Of the overlap's variation", digits=2),
    "name": st.column_config.TextColumn("Distance"),
    "f": number_column("F", digits=2),
    "p": number_column("p"),
    "holm": number_column("Holm"),
    "r2": number_column("Distances", "Share of the direction's variance that the distances explain", digits=2),
    "phylogeny": number_column("Kinship", "Share that goes with Glottolog's tree", digits=2),
    "phylogeny_p": number_column("p, kinship"),
    "space": number_column("Place", "Share that goes with the place on the globe", digits=2),
    "space_p": number_column("p, place"),
    "noise": number_column("Own", "Share of each language's own", digits=2),
    "range_km": st.column_config.NumberColumn("Range, km", format="%.0f"),
    "languages": st.column_config.NumberColumn("n", format="%d"),
}


_BEFORE = ("component", "share")
OF_LANGUAGES = {
    **{name: PROCESS[name] for name in _BEFORE},
    "name": st.column_config.TextColumn("Property"),
    "beta": number_column("β", "Standardised; none of a script, which is several columns", digits=3),
    **{name: column for name, column in PROCESS.items() if name not in (*_BEFORE, "name")},
    "r2": number_column("Properties", "Share of the direction's variance that the properties explain", digits=2),
}


def mixed(table: pd.DataFrame) -> str:
    """Say what explains pairs, beside what pairs of shared languages, families and areas have in common."""
    known = table.dropna(subset="p")
    if known.empty:
        return "These languages are too few for such a model, or one side is the same for all pairs."
    row = known.iloc[0]
    beside = known[known["partial_p"] < SIGNIFICANT]
    names = ", ".join(f"{label(each.distance)} (β = {signed(each.partial)})" for each in beside.itertuples())
    parts = {"single languages": row["language"], "two families": row["family"], "two macroareas": row["area"]}
    shared = ", ".join(f"{share:.0%} with {what}" for what, share in parts.items() if share == share)
    return (
        f"**{names or 'No distance'}** adds to all the others (p < 0.05, uncorrected). Of the overlap's variance in "
        f"ranks go {shared}. A pair shares its languages, its two families and its two areas with others, and counts "
        "as that much less. **It compares explanations and is no test**: in simulations nearly all is significant "
        "where relatives or neighbours have anything in common."
    )


def process(table: pd.DataFrame, name: Callable[[str], str] = label, others: str = "with other distances") -> str:
    """Say what the main directions of an overlap go with; `name` says what a predictor is called."""
    known = table.dropna(subset="phylogeny")
    if known.empty:
        return "These languages are too few for such a model: it takes twelve, and three for each column."
    lines = []
    for component in dict.fromkeys(known["component"]):
        rows = known[known["component"] == component]
        row = rows.iloc[0]
        held = ", ".join(name(each.predictor) for each in rows.itertuples() if each.holm < SIGNIFICANT)
        lines.append(
            f"- Direction {component} ({row['share']:.0%} of the differences): {row['phylogeny']:.0%} kinship "
            f"(p = {number(row['phylogeny_p'])}), {row['space']:.0%} place (p = {number(row['space_p'])})"
            f"{f'; beyond these {held}' if held else ''}."
        )
    return (
        "The overlap's main directions (principal coordinates) are scores of languages, one each. What of them goes "
        f"with Glottolog's tree, with the place on the globe, and {others} beyond both:\n\n" + "\n".join(lines)
    )


def first(table: pd.DataFrame, unit: str) -> str:
    """Say of languages one by one which distances go with the overlap, and why that is said first.

    Empty where the languages are too few for the model.
    """
    times, count = findings.directions(table)
    if not times:
        return ""
    held = [kind for kind in times if times[kind]]
    named = ", ".join(f"{label(kind).lower()} in {times[kind]}" for kind in held)
    lost = ", ".join(label(kind).lower() for kind in times if not times[kind])
    says = f"**{unit} goes with {named} of its {count} main directions**" if held else f"**{unit} goes with none**"
    says += f", not with {lost}" if held and lost else f" of {lost}" if lost else ""
    return (
        f"Beyond kinship and place, languages one by one: {says} (p < 0.05 after Holm). In simulations this test is "
        "wrong about as seldom as any of those of pairs, below, and finds more; it fails where branches of a family "
        "differ much."
    )


def properties(table: pd.DataFrame) -> str:
    """Say what the main directions of an overlap have to do with what single languages are like."""
    told = process(table, property_name, "with properties of each language")
    known = [PROPERTIES[name] for name in dict.fromkeys(table["predictor"]) if name in PROPERTIES]
    return f"{told}\n\n{'; '.join(f'**{each.label}**: {each.meaning}' for each in known)}."


def property_name(name: str) -> str:
    """Return what a property of languages is called."""
    return PROPERTIES[name].label if name in PROPERTIES else name


def regression(table: pd.DataFrame) -> str:
    """Say what a regression explains."""
    row = table.iloc[0]
    if row["r2"] != row["r2"]:
        return "There are too few pairs for so many distances, or one side is the same for all pairs."
    left = (
        f" Left out for want of data: {', '.join(map(in_words, row['left_out'].split(', ')))}."
        if row["left_out"]
        else ""
    )
    ps = ", ".join(f"{WAYS[scheme].name} {number(row[column('r2_p', scheme)])}" for scheme in _regressed(table))
    return (
        f"Together they explain **R² = {row['r2']:.2f}** of the ranks of the overlap (p: {ps}; "
        f"{row['permutations']:,} permutations).{left}"
    )


def turned(table: pd.DataFrame, tested: pd.DataFrame) -> str:
    """Say which distances have another sign beside the others than alone, and why that can be; "" if none has.

    `table` is a regression's, `tested` are the tests of each distance alone.
    """
    alone = tested.set_index("distance")["rho"]
    rows = [
        f"{label(row.distance)} (β = {signed(row.beta)}, alone ρ = {signed(alone[row.distance])})"
        for row in table.itertuples()
        if row.distance in alone.index and row.beta * alone[row.distance] < 0
        if max(abs(row.beta), abs(alone[row.distance])) >= FAINT
    ]
    if not rows:
        return ""
    return (
        f"Another sign beside the others than alone: {', '.join(rows)}. A β compares only pairs that are as far by all "
        "the other distances; what those have in common with this one is theirs. Read ρ for what goes with the overlap."
    )


def _regressed(table: pd.DataFrame) -> Sequence[str]:
    return [scheme for scheme in WAYS if column("r2_p", scheme) in table]
