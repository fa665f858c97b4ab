"""What the Typology page says of its tests: which distances go with the overlap, and what may be believed of it."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pandas as pd
import streamlit as st

from neutral.association import findings, possible, schemes
from neutral.association.findings import column
from neutral.figures.theme import number, short_layer, signed
from neutral.labels import WHOLE
from neutral.metrics import SIGNIFICANT
from neutral.typology.similarity import Languages
from pages.parts.formats import number_column
from pages.parts.text import as_text
from pages.parts.typology.words import NAMED, label, some


class Way(NamedTuple):
    """A scheme for people: what it is called, when a distance holds under it, and what is more than that."""

    name: str
    holds: str
    asks: str


WAYS = {
    "tree": Way(
        "along the tree",
        "that holds against overlaps that are drawn to be as alike along Glottolog's tree as the real ones",
        "It is more than that relatives are alike; neighbours can still make it, unless geography is controlled for.",
    ),
    "globe": Way(
        "over the globe",
        "that holds against overlaps that are drawn to be as alike over the globe as the real ones",
        "It is more than that neighbours are alike.",
    ),
    "family": Way(
        "in families",
        "that holds when languages are exchanged only within families",
        "It is more than that families differ; branches inside a family can still make it.",
    ),
    "plain": Way(
        "all permuted",
        "that holds when all languages are permuted",
        "Relatives alone can make it.",
    ),
}
"""Scheme of `schemes.SCHEMES` -> its words."""

_METHOD = """
**ρ** is Spearman's rank correlation of overlap and distance over the pairs; below 0: the nearer, the more alike. Pairs
are not independent (a language is in many of them), so p comes from a Mantel test. But languages are not independent
either: relatives and neighbours are alike in everything, in their masks and in their syntax, and a test that forgets
that calls too much significant. So the overlap is compared with others that could have been, in four ways:

- **Along the tree**, **over the globe**: overlaps are drawn that are as alike along Glottolog's family tree, or over
  the globe, as the real ones (Moran spectral randomization). What holds is more than that relatives, or neighbours, are
  alike.
- **In families**: languages are exchanged only within their family, and what families differ by is taken out of ρ, so
  that its sign can be another. What holds is more than that families differ; but {movable}.
- **All permuted**: any languages are exchanged (the plain Mantel test). Relatives alone can make what holds.

**Holm** corrects for all distances in the table; the smallest p possible is 1 ÷ (permutations + 1). How often each test
finds what is not there was measured by simulation: see the methods of statistics in the documentation.
"""


COLUMNS = {
    "name": st.column_config.TextColumn("Distance", pinned=True),
    "rho": number_column("ρ", "Spearman's; below 0: the nearer, the more alike", digits=3),
    "p_tree": number_column("p, tree", "Against overlaps as alike along Glottolog's tree as the real ones"),
    "holm_tree": number_column("Holm, tree", "p, corrected for the distances of this table"),
    "p_globe": number_column("p, globe", "Against overlaps as alike over the globe as the real ones"),
    "holm_globe": number_column("Holm, globe"),
    "tested_within": number_column(
        "ρ, in families", "What is left of ρ when what families differ by is taken out", digits=3
    ),
    "p_within": number_column("p, in families", "Only languages of one family exchanged"),
    "holm_within": number_column("Holm, in families"),
    "p": number_column("p", "All languages permuted (plain Mantel test)"),
    "holm": number_column("Holm", "p, corrected for the distances of this table"),
    "partial": number_column("Partial ρ", "With the other distance held", digits=3),
    "partial_p_tree": number_column("Partial p, tree"),
    "partial_p": number_column("Partial p"),
    "partial_p_within": number_column("Partial p, in families"),
    "languages": st.column_config.NumberColumn("Languages", format="%d"),
    "pairs": st.column_config.NumberColumn("Pairs", format="%d"),
    "left_out": st.column_config.TextColumn("Without data"),
    "permutations": st.column_config.NumberColumn("Permutations", format="%d"),
    "permutations_within": st.column_config.NumberColumn("In families", format="%d"),
}

STRANGERS = (
    "No two of these languages are of one family: relatives cannot be what makes it, and there is nothing to exchange "
    "within families."
)


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


KIN = ("family", "tree", "genetic")
"""Distances that say how related two languages are; the first that is known speaks for them."""
FAINT = 0.1  # ρ that is hardly any, and a difference of two that says little


KINSHIP = (
    "A test along the tree cannot find kinship itself: what is drawn is as alike along the tree as the real overlap. "
    "So it does not say “place, not family”."
)
SIZE = "Text size, of the same text: how many more tokens the tokenizer makes of it."


def lead(table: pd.DataFrame, measure: str, hangs: str = "") -> str:
    """Answer "family or place?", and say what holds under the test to believe; "" where that cannot be told.

    The table is that of `verdict`, which says the rest. `hangs` is that of `hanging.first`: what holds along the tree
    without any one family or script; "" where that is not known.
    """
    known = table.dropna(subset="rho")
    rows = {row["distance"]: row for _, row in known.iterrows()}
    kin = next((rows[kind] for kind in KIN if kind in rows), None)
    if kin is None or "geographic" not in rows or findings.smallest_p(known, "plain") > SIGNIFICANT:
        return ""
    near = rows["geographic"]
    more = "Place more than family" if near["rho"] < kin["rho"] else "Family more than place"
    if max(-near["rho"], -kin["rho"]) < FAINT:
        more = "Neither"
    elif abs(near["rho"] - kin["rho"]) < FAINT:
        more = "Both about alike"
    sentence = (
        f"**Family or place? {more}**: {measure} goes with {label('geographic').lower()} at ρ = {signed(near['rho'])} "
        f"and with {label(kin['distance']).lower()} at ρ = {signed(kin['rho'])} (below 0: the nearer, the more alike)."
    )
    scheme = findings.first(known)
    held = findings.held(known, scheme)
    if scheme == "plain":
        told = f"after correction {_names(held)} hold{'s' * (len(held) == 1)}" if len(held) else "nothing holds"
        return f"{sentence} When all languages are permuted, {told}."
    name = WAYS[scheme].name
    notes = [KINSHIP] if scheme == "tree" and kin["distance"] not in set(held["distance"]) else []
    if held.empty:
        said = f"{sentence} No distance holds {name} after correction: relatives alone can make this."
        return " ".join([said, *notes])
    notes += [SIZE] if "size" in set(held["distance"]) else []
    said = f"{sentence} Tested {name}, beyond what relatives share, {_names(held, scheme)} hold{'s' * (len(held) == 1)}"
    return " ".join([f"{said} with all languages.", *filter(None, [hangs if scheme == "tree" else ""]), *notes])


def verdict(table: pd.DataFrame, measure: str, spoken: Languages) -> str:
    """Say which distances go with the overlap, first under the test to believe. The table is of one group."""
    known = table.dropna(subset="rho")
    if known.empty:
        return f"No distance can be tested: {measure} or all distances are the same for every pair."
    if (least := findings.smallest_p(known, "plain")) > SIGNIFICANT:
        return (
            f"**{known['languages'].max():.0f} languages are too few to tell.** With so few permutations and "
            f"{len(known)} distances no corrected p can be below {least:.2f}. {_largest(known)}"
        )
    scheme = findings.first(known)
    sure, plain = findings.held(known, scheme), findings.held(known, "plain")
    loose = findings.only(plain, sure)
    if scheme == "plain":
        return _only_plain(plain, known, measure, spoken)
    if sure.empty:
        return _not_sure(loose, known, measure, scheme)
    way = WAYS[scheme]
    sentences = [
        f"**{measure} goes with {_names(sure, scheme)}**: {way.holds}. {way.asks}",
        _elsewhere(sure, known, scheme),
    ]
    if len(sure) > 1:
        sentences.append("Such distances go along with each other; the regression below tells them apart if it can.")
    if len(loose):
        sentences.append(
            f"When all languages are permuted, with {_names(loose)} as well: relatives alone can make that."
        )
    return " ".join(filter(None, sentences))


def _elsewhere(sure: pd.DataFrame, known: pd.DataFrame, scheme: str) -> str:
    """Say which of the rows that hold under the first scheme hold over the globe, too."""
    if scheme == "globe" or "globe" not in findings.made(known):
        return ""
    there = findings.held(sure, "globe")
    if len(there) == len(sure):
        return "So it does against overlaps that are as alike over the globe."
    names = ", ".join(label(kind) for kind in there["distance"])
    return f"Over the globe {f'only {names} holds' if names else 'nothing holds'}: neighbours alone can make the rest."


def _only_plain(plain: pd.DataFrame, known: pd.DataFrame, measure: str, spoken: Languages) -> str:
    """Say what holds when all are permuted, where no better test can tell."""
    movable = known["p_within"].notna().any() if "p_within" in known else False
    nothing = "no two of them can be exchanged within a family"
    if movable:
        least = findings.smallest_p(known, "family")
        nothing = f"within families too few can be exchanged to tell (no corrected p can be below {least:.2f})"
    if plain.empty:
        also = "" if movable else f", and {nothing}"
        return (
            f"**No distance here explains {measure}**: none holds after correction, even when all are permuted{also}. "
            f"{_largest(known)}"
        )
    if possible(spoken.codes, spoken.blocks) == 1:
        return f"**{measure} goes with {_names(plain)}** when all languages are permuted. {STRANGERS} {_largest(known)}"
    return (
        f"**{measure} goes with {_names(plain)}** when all languages are permuted, but {nothing}: relatives alone can "
        f"make this. {_largest(known)}"
    )


def _not_sure(loose: pd.DataFrame, known: pd.DataFrame, measure: str, scheme: str) -> str:
    """Say that nothing holds under the test to believe."""
    if loose.empty:
        return (
            f"**No distance here explains {measure}**: none holds after correction, even when all are permuted. "
            f"{_largest(known)}"
        )
    where = {"family": "within families"}.get(scheme, WAYS[scheme].name)
    return (
        f"**{measure} goes with {_names(loose)}** when all languages are permuted, but nothing holds {where}: "
        f"relatives alone can make this. {_largest(known)}"
    )


def _largest(known: pd.DataFrame) -> str:
    top = schemes.largest(known)
    direction = "nearer" if top["rho"] < 0 else "further"
    ps = [f"p = {number(top['p'])}"]
    ps += [
        f"{WAYS[scheme].name} {number(top[column('p', scheme)])}"
        for scheme in findings.made(known)
        if scheme != "plain" and top[column("p", scheme)] == top[column("p", scheme)]
    ]
    return (
        f"The largest: {label(top['distance'])}, ρ = {signed(top['rho'])} (the {direction}, the more alike; "
        f"{', '.join(ps)})."
    )


def layers(heat: pd.DataFrame, kind: str) -> str:
    """Say in which layers one distance goes with the overlap."""
    scheme = believed(heat)
    rows = heat[(heat["distance"] == kind) & (heat["group"] != WHOLE)]
    short = short_layer(list(rows["group"]))
    held, plain = findings.held(rows, scheme), findings.held(rows, "plain")
    certain, loose = (
        [short[group] for group in rows["group"] if group in set(each["group"])]
        for each in (held, findings.only(plain, held))
    )
    if scheme == "plain":
        certain, loose = [], certain
    if not certain and not loose:
        return f"**{label(kind)}**: in no single layer, corrected for all layers and distances."
    where = {"family": "within families"}.get(scheme, WAYS[scheme].name)
    parts = [f"{where} in layer {as_text(', '.join(certain))}"] if certain else []
    parts += (
        [f"when all are permuted{' also' if certain else ''} in layer {as_text(', '.join(loose))}"] if loose else []
    )
    return f"**{label(kind)}**: {'; '.join(parts)}."


def written(row: pd.Series) -> list[str]:
    """Return the lines on the scatter: ρ, and every test of it, those to believe first."""
    if row["rho"] != row["rho"]:
        return ["No correlation: one side is the same for all pairs"]
    schemes = [scheme for scheme in WAYS if column("p", scheme) in row]
    counts = {
        f"{'all ' if row[column('exact', each)] else ''}{row[column('permutations', each)]:,}" for each in schemes
    }
    same = f", {counts.pop()} perm." if len(counts) == 1 else ""
    lines = [f"<b>Spearman's ρ = {signed(row['rho'])}</b>, {row['pairs']:,.0f} pairs{same}"]
    return lines + [_test(row, scheme, counted=not same) for scheme in schemes]


def _test(row: pd.Series, scheme: str, *, counted: bool) -> str:
    name = WAYS[scheme].name
    p, corrected = (row[column(each, scheme)] for each in ("p", "holm"))
    if p != p:
        return f"{name}: nothing to exchange"
    left = f" ρ = {signed(row['tested_within'])}," if scheme == "family" else ""
    of_them = f" <i>({_permutations(row, scheme)} perm.)</i>" if counted else ""
    return f"{name}:{left} p = {number(p)}, Holm {number(corrected)}{of_them}"


def _permutations(row: pd.Series, scheme: str) -> str:
    return f"{'all ' if row[column('exact', scheme)] else ''}{row[column('permutations', scheme)]:,}"


def _names(table: pd.DataFrame, scheme: str = "plain") -> str:
    named = []
    for _, row in table.iterrows():
        also = f", in families {signed(row['tested_within'])}" if scheme == "family" else ""
        named.append(f"{label(row['distance'])} ({signed(row['rho'])}{also})")
    return ", ".join(named)


def believed(heat: pd.DataFrame) -> str:
    """Return the scheme to believe first of those under which every layer was tested."""
    of_layers = heat[heat["group"] != WHOLE]
    return findings.first(of_layers if len(of_layers) else heat)


def heat(table: pd.DataFrame) -> str:
    """Say what the marks of the heatmap mean: `table` has the whole network and all layers."""
    cells, scheme = table[table["group"] != WHOLE]["p"].notna().sum(), believed(table)
    full = "" if scheme == "plain" else f"● p < 0.05 {WAYS[scheme].name}, "
    return (
        f"{full}○ {'' if scheme == 'plain' else 'only '}when all languages are permuted; Holm over the distances in "
        f"“all”, over all {cells} cells in the layers (stricter). Click a cell for its pairs."
    )
