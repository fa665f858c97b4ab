"""The Typology page's sentences: which distances go with the overlap, and what may be believed of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from neutral.association import LEAST, possible, schemes
from neutral.corpora.readings import several
from neutral.figures.theme import number, short_layer, signed
from neutral.labels import WHOLE
from neutral.members import display
from neutral.metrics import SIGNIFICANT
from neutral.typology import KINDS
from neutral.typology import label as kind_label
from neutral.typology.similarity import Languages
from pages.parts.text import as_text, in_words

_METHOD = """
**ρ** is Spearman's rank correlation of overlap and distance over the pairs; below 0: the nearer, the more alike. Pairs
are not independent (a language is in many of them), so **p** comes from a Mantel test: languages are permuted, whole
rows and columns. But languages are not independent either: relatives are alike in everything, in their masks and in
their syntax, and permuting all languages then calls too much significant. **In families**, languages are exchanged only
within their family, and what families differ by is taken out of ρ, so that its sign can be another. What holds there
is more than “relatives are alike”; but {movable}.
**Holm** corrects for all distances in the table; the smallest p possible is 1 ÷ (permutations + 1).
"""

COLUMNS = {
    "name": st.column_config.TextColumn("Distance", pinned=True),
    "rho": st.column_config.NumberColumn("ρ", format="%.3f", help="Spearman's; below 0: the nearer, the more alike"),
    "p": st.column_config.NumberColumn("p", format="%.4f", help="All languages permuted (plain Mantel test)"),
    "holm": st.column_config.NumberColumn("Holm", format="%.4f", help="p, corrected for the distances of this table"),
    "tested_within": st.column_config.NumberColumn(
        "ρ, in families", format="%.3f", help="What is left of ρ when what families differ by is taken out"
    ),
    "p_within": st.column_config.NumberColumn(
        "p, in families", format="%.4f", help="Only languages of one family exchanged"
    ),
    "holm_within": st.column_config.NumberColumn("Holm, in families", format="%.4f"),
    "partial": st.column_config.NumberColumn("Partial ρ", format="%.3f", help="With the other distance held"),
    "partial_p": st.column_config.NumberColumn("Partial p", format="%.4f"),
    "partial_p_within": st.column_config.NumberColumn("Partial p, in families", format="%.4f"),
    "languages": st.column_config.NumberColumn("Languages", format="%d"),
    "pairs": st.column_config.NumberColumn("Pairs", format="%d"),
    "left_out": st.column_config.TextColumn("Without data"),
    "permutations": st.column_config.NumberColumn("Permutations", format="%d"),
    "permutations_within": st.column_config.NumberColumn("In families", format="%d"),
}


def method(spoken: Languages) -> str:
    """Explain the tests, and the languages that they are about."""
    sizes = Counter(spoken.blocks.values())
    related = [code for code in spoken.codes if sizes[spoken.blocks[code]] > 1]
    if not related:
        movable = "here no two languages are of one family, so it cannot be done"
    elif len(related) == len(spoken.codes) and len(sizes) == 1:
        movable = "here all languages are of one family, so it is the same as permuting all"
    else:
        moving = some(related) if len(related) <= NAMED else f"{len(related)} of {len(spoken.codes)}"
        ways = possible(spoken.codes, spoken.blocks)
        written = f"{ways:,}" if ways < 10**6 else "very many"
        movable = f"here only {moving} can be exchanged, in {written} ways, so it speaks for these"
    return _METHOD.format(movable=movable)


CONTROL = (
    "The table then shows what each distance has to do with the overlap beyond this one. It does not make the plain "
    "test valid: languages of one family stay dependent."
)

NO_VOCABULARY = (
    "Shared vocabulary and text size need the model's tokenizer and its text: `python -m neutral typology --study DIR "
    "--model MODEL --text TEXT` adds them to a study."
)

ADD_VOCABULARY = "Add shared vocabulary and text size"

MRM = "Multiple regression on distance matrices, on ranks; Holm over the distances in it."
CHOOSE = "Choose distances for the regression above."


LEAST_PAIRS = 5  # to a distance of a regression
STRANGERS = (
    "No two of these languages are of one family: relatives cannot be what makes it, and there is nothing to exchange "
    "within families."
)
NAMED = 15  # so many languages are named in a sentence, more are counted
ALIKE = 0.005  # overlaps that differ by less tell languages apart hardly more than a second run does

REGRESSION = {
    "name": "Distance",
    "beta": st.column_config.NumberColumn(
        "β", format="%.3f", help="Standardised, on ranks: the change with this distance while the others are held"
    ),
    "p": st.column_config.NumberColumn("p", format="%.4f"),
    "holm": st.column_config.NumberColumn("Holm", format="%.4f"),
    "p_within": st.column_config.NumberColumn("p, in families", format="%.4f"),
    "languages": st.column_config.NumberColumn("Languages", format="%d"),
    "pairs": st.column_config.NumberColumn("Pairs", format="%d"),
}


def label(kind: str) -> str:
    """Return the name of a kind of distance for people, in Markdown: a study may have kinds of its own."""
    return as_text(kind_label(kind))


def who(spoken: Languages) -> str:
    """Say which masks are no languages, and which count together."""
    sentences = []
    if spoken.others:
        names = ", ".join(f"“{as_text(name)}”" for name in spoken.others)
        are = "is no language" if len(spoken.others) == 1 else "are no languages"
        sentences.append(
            f"{names} {are} by any ISO 639 code, so nothing is known of how near others are. Rename masks by their "
            "language (en, swh, …) on the page Your masks."
        )
    if spoken.outside_uriel:
        sentences.append(f"{some(spoken.outside_uriel)}: not in URIEL+, so left out of its distances.")
    if spoken.repeated:
        sentences.append("Several masks of one language count together, by their mean.")
    return " ".join(sentences)


def too_few(spoken: Languages) -> str:
    """Say that there are too few languages."""
    names = f": {', '.join(map(in_words, spoken.codes))}" if spoken.codes else ""
    return (
        f"What explains an overlap takes {LEAST} languages, which have six pairs; there "
        f"{'is' if len(spoken.codes) == 1 else 'are'} {len(spoken.codes)} here{names}."
    )


def verdict(table: pd.DataFrame, measure: str, spoken: Languages) -> str:
    """Say which distances go with the overlap, and under which test. The table is of one group."""
    strangers = possible(spoken.codes, spoken.blocks) == 1
    known = table.dropna(subset="rho")
    if known.empty:
        return f"No distance can be tested: {measure} or all distances are the same for every pair."
    both, plain = schemes.holding(known)
    movable = known["p_within"].notna().any()
    nothing = "nothing holds within families" if movable else "no two of them can be exchanged within a family"
    if movable and (least := schemes.smallest_p(known, within=True)) > SIGNIFICANT:
        nothing = f"within families too few can be exchanged to tell (no corrected p can be below {least:.2f})"
    if (least := schemes.smallest_p(known)) > SIGNIFICANT:
        return (
            f"**{known['languages'].max():.0f} languages are too few to tell.** With so few permutations and "
            f"{len(known)} distances no corrected p can be below {least:.2f}. {_largest(known)}"
        )
    if len(both):
        sentences = [
            f"**{measure} goes with {_names(both, within=True)}**: that holds when languages are exchanged only "
            "within families."
        ]
        if len(both) > 1:
            sentences.append(
                "Such distances go along with each other; the regression below tells them apart if it can."
            )
        if len(plain):
            sentences.append(
                f"When all languages are permuted, with {_names(plain)} as well: relatives alone can make that."
            )
    elif len(plain) and strangers:
        sentences = [f"**{measure} goes with {_names(plain)}** when all languages are permuted. {STRANGERS}"]
    elif len(plain):
        sentences = [
            f"**{measure} goes with {_names(plain)}** when all languages are permuted, but {nothing}: relatives alone "
            "can make this."
        ]
    else:
        also = "" if movable else f", and {nothing}"
        sentences = [
            f"**No distance here explains {measure}**: none holds after correction, even when all are permuted{also}."
        ]
    if not len(both):
        sentences.append(_largest(known))
    return " ".join(sentences)


def spread(overlap: pd.DataFrame) -> str:
    """Say so if all pairs overlap alike: then there is little to explain."""
    low, high = overlap["value"].min(), overlap["value"].max()
    if not high - low < ALIKE:
        return ""
    return f"All pairs lie between {low:.4f} and {high:.4f}, so there is little to explain."


def _largest(known: pd.DataFrame) -> str:
    top = schemes.largest(known)
    way = "nearer" if top["rho"] < 0 else "further"
    within = f", within families {number(top['p_within'])}" if top["p_within"] == top["p_within"] else ""
    return (
        f"The largest: {label(top['distance'])}, ρ = {signed(top['rho'])} (the {way}, the more alike; "
        f"p = {number(top['p'])}{within})."
    )


def layers(heat: pd.DataFrame, kind: str) -> str:
    """Say in which layers one distance goes with the overlap."""
    rows = heat[(heat["distance"] == kind) & (heat["group"] != WHOLE)]
    short = short_layer(list(rows["group"]))
    held = (set(each["group"]) for each in schemes.holding(rows))
    both, plain = ([short[group] for group in rows["group"] if group in groups] for groups in held)
    if not both and not plain:
        return f"**{label(kind)}**: in no single layer, corrected for all layers and distances."
    parts = [f"within families in layer {as_text(', '.join(both))}"] if both else []
    parts += [f"when all are permuted{' also' if both else ''} in layer {as_text(', '.join(plain))}"] if plain else []
    return f"**{label(kind)}**: {'; '.join(parts)}."


def written(row: pd.Series) -> list[str]:
    """Return the lines on the scatter: ρ, and both tests."""
    if row["rho"] != row["rho"]:
        return ["No correlation: one side is the same for all pairs"]
    return [
        f"<b>Spearman's ρ = {signed(row['rho'])}</b>, {row['pairs']:.0f} pairs",
        _test("all permuted", row["p"], row["holm"], row["permutations"], row["exact"]),
        _test(
            f"in families: ρ = {signed(row['tested_within'])},",
            row["p_within"],
            row["holm_within"],
            row["permutations_within"],
            row["exact_within"],
        ),
    ]


def _test(name: str, p: float, holm: float, permutations: int, exact: bool) -> str:
    if p != p:
        return "in families: nothing to exchange" if "famil" in name else f"{name}: nothing to exchange"
    every = "all " if exact else ""
    name = name if name.endswith(",") else f"{name}:"
    return f"{name} p = {number(p)}, Holm {number(holm)} <i>({every}{permutations:,} perm.)</i>"


def _names(table: pd.DataFrame, *, within: bool = False) -> str:
    named = []
    for _, row in table.iterrows():
        also = f", in families {signed(row['tested_within'])}" if within else ""
        named.append(f"{label(row['distance'])} ({signed(row['rho'])}{also})")
    return ", ".join(named)


def no_overlap(title: str, group: str) -> str:
    """Say that masks have no overlap in a group of weights."""
    return f"{as_text(title)} has no overlap to speak of in “{as_text(group)}”."


def partial(control: str) -> str:
    """Say what the partial tests hold."""
    return f"Partial: with {label(control).lower()} held."


def unknown(kind: str) -> str:
    """Say that a distance is not known."""
    return f"There is no {label(kind).lower()} distance for these languages."


def meaning(kind: str, row: pd.Series, points: pd.DataFrame) -> str:
    """Say what a distance compares, on how many features it rests, and who was left out of its test."""
    known = KINDS.get(kind)
    about = f"{known.meaning[:1].upper()}{known.meaning[1:]} ({known.origin})." if known else ""
    features = points.dropna(subset="distance")["features"] if "features" in points else ()
    rests = f"It rests on {_from_to(features)} features that both languages have in URIEL+." if len(features) else ""
    return " ".join(filter(None, [about, rests, left_out(row["left_out"].split(", ")) if row["left_out"] else ""]))


def _from_to(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low} to {high}" if low < high else str(low)


def left_out(codes: Sequence[str]) -> str:
    """Say which languages were left out for want of data."""
    return f"Without enough data, so left out: {some(codes)}."


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of tests with the languages that were left out by name."""
    if "left_out" not in table:
        return table
    left = table["left_out"].fillna("").map(lambda codes: ", ".join(map(display, filter(None, codes.split(", ")))))
    return table.assign(left_out=left)


def constant(distances: pd.DataFrame, kinds: Sequence[str]) -> str:
    """Say which of these distances are the same for all pairs, so that their rows are empty; "" if none is."""
    values = {kind: set(distances.loc[distances["distance"] == kind, "value"].dropna()) for kind in kinds}
    same = [label(kind) for kind in kinds if len(values[kind]) == 1]
    if not same:
        return ""
    return f"No value: {', '.join(same)}, the same for all pairs here."


def heat(table: pd.DataFrame) -> str:
    """Say what the marks of the heatmap mean: `table` has the whole network and all layers."""
    cells = table[table["group"] != WHOLE]["p"].notna().sum()
    return (
        "● p < 0.05 within families, ○ only when all languages are permuted; Holm over the distances in “all”, over "
        f"all {cells} cells in the layers (stricter). Click a cell for its pairs."
    )


def too_few_pairs(table: pd.DataFrame) -> str:
    """Say that the languages have too few pairs for a regression; "" if they have enough."""
    count, pairs, kinds = int(table["languages"].iloc[0]), int(table["pairs"].iloc[0]), len(table)
    if pairs >= LEAST_PAIRS * kinds:
        return ""
    return (
        f"{count} languages have {pairs} pairs; a regression on {kinds} distances would fit them whatever they are. "
        f"Choose fewer distances, or more languages: {LEAST_PAIRS} pairs a distance."
    )


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
    return (
        f"Together they explain **R² = {row['r2']:.2f}** of the ranks of the overlap (p = {number(row['r2_p'])}, "
        f"within families {number(row['r2_p_within'])}; {row['permutations']:,} permutations).{left}"
    )


def some(codes: Sequence[str]) -> str:
    """Name languages; of many the first, and how many more there are."""
    return several(list(map(in_words, codes)), NAMED if len(codes) <= NAMED else NAMED // 3)
