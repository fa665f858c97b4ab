"""What the pages Overlap, Language pair and Layers say. The Overview's are in `answers`, Your masks' in `uploaded`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from neutral import bounds, glossary, summary
from neutral.figures import theme
from neutral.figures.heatmap import NAMED_UP_TO
from neutral.members import display, is_known, relation, speaker
from neutral.overlap import Counts, about_opposed
from neutral.study import FULL
from pages.parts import formats, pickers
from pages.parts.formats import Tile
from pages.parts.text import as_text, in_words, listed
from pages.parts.views import View

if TYPE_CHECKING:  # scipy takes a while to import: only pages that test import it
    from neutral.search.experts import Routing


LEVELS = {level: glossary.line(level) for level in ("chance", "shuffled", "pretrained", "seeds")}
LEVELS["halves"] = glossary.line("same_halves")
"""Level of `summary.levels` -> what it is."""

MANY = "Coloured bands are families. Hover for names; zoom with the buttons above the figure. "

SMALL_CELLS = (
    "A language that you find is framed: a click in its row or column shows the pair beside it; one on a row of the "
    "table opens the pair."
)

AGAIN = {"seeds": "another seed", "halves": "other half of text", None: "not measured"}

BAND = "All languages against their references. The band is from the least to the most alike pair."

JOINT = "Weights that all masks keep ÷ weights that any of them keeps, and what independent masks as dense would have."

EXCESS = "Overlap less that of independent masks as dense: dense layers overlap more by chance alone."

BY_EXPERT = (
    "The experts of each layer, left to right; an expert's number is its place in its own layer. Outside are attention "
    "and whatever else every token goes through. In the figures by component, the experts of a layer are averaged."
)

POSSIBLE = "Of what is possible"
"""The tile of how far a pair is on the way from chance to one language found again."""

ONE_MASK = "One mask of this network so far. Upload another language's to compare them."

ONE_OF_PAIR = "There is one mask here. A pair takes two: add another language."

PAIR_CHECK = "Perplexity under each mask, without training; the cost is in % of that under the text's own mask."
OTHER_BLOCKS = "It was scored on other blocks of the text than the table beside it, so the numbers differ."

WANDA = (
    "Wanda cuts the same share in every output row, so its sparsity is flat over layers and components by construction."
)

EXPERTS = (
    "Share of the layer's routed tokens that each expert, left to right, gets from a language's text. A token goes "
    "to several experts. Grey is an even share."
)

RELATIONS = {
    "same branch": "languages of one branch of a family",
    "same family": "languages of one family, from different branches",
    "same script": "not related, but written in the same script",
    "unrelated": "neither related nor written in the same script",
}

SCORE_COLUMNS = {
    "language": "Language",
    "variant": "Trained",
    "value": "Perplexity",
    "full": "Full model",
    "ratio": "Ratio",
}


def pair(row: pd.Series) -> str:
    """Name the two languages of a row."""
    return f"{in_words(row['source'])}, {in_words(row['target'])}"


def both(row: pd.Series) -> str:
    """Name the two languages of a row in a sentence."""
    return f"{in_words(row['source'])} and {in_words(row['target'])}"


def digits(pairs: pd.DataFrame) -> int:
    """Return how many decimals of a percentage tell the values of pairs apart: 1, or 2 where they lie close."""
    return 1 if pairs["value"].max() - pairs["value"].min() >= 0.01 else 2


def opposed(counts: Counts) -> str:
    """Say which uploaded masks may mean the opposite by 1, and what turns them; "" for none."""
    said = about_opposed(counts, display)
    turn = "If so, remove it on the page Your masks, tick “1 means removed” there, and upload its file again."
    return f"{as_text(said)}. {turn}" if said else ""


def routing(told: Routing) -> str:
    """Say how far languages are sent to the same experts, and which pair least."""
    (most, high), (least, low), (source, target, lowest) = told.most, told.least, told.apart
    where = f", {low:.0%} in {as_text(least)} to {high:.0%} in {as_text(most)}" if most != least else ""
    parts = [f"Two languages share {told.mean:.0%} of their routing in the mean{where}"]
    if told.halves is not None:
        parts.append(f"two halves of one language's text share {told.halves:.0%}")
    if told.pairs > 1:
        parts.append(f"{in_words(source)} and {in_words(target)} share least ({lowest:.0%})")
    return "; ".join(parts) + "."


def pair_tiles(levels: pd.DataFrame) -> list[Tile]:
    """Return a pair's overlap, and what it is compared with."""
    value, again = summary.by_level(levels), summary.bound(levels)
    rows = [
        ("Overlap", value["between"], "of the pair"),
        ("By chance", value["chance"], "independent masks"),
        ("Pretrained control", value.get("pretrained"), "mean of the two"),
        ("Same language", value.get(again), AGAIN[again]),
    ]
    tiles = [Tile(label, formats.share(number), note) for label, number, note in rows if number is not None]
    way = summary.way(levels)
    return [*tiles, Tile(POSSIBLE, f"{way:.0%}", "0% is chance, 100% the same language")] if way == way else tiles


def pair_line(name: str, levels: pd.DataFrame) -> str:
    """Say in a line a pair's overlap, by a measure called `name`, and what it is compared with."""
    first, *others = pair_tiles(levels)
    rest = "; ".join(f"{label.lower()} {number}" for label, number, *_ in others if number != "–")
    return f"{name} **{first.number}**" + (f" ({rest})" if rest else "")


def about_pair(a: str, b: str, members: Sequence[str], found_twice: Collection[str]) -> str:
    """Say how two languages relate, and whose overlap with itself stands in if neither was found twice."""
    notes = []
    if is_known(a) and is_known(b):
        notes.append(f"{in_words(a)} and {in_words(b)}: {RELATIONS[relation(a, b, members)]}.")
    if found_twice and not {speaker(a), speaker(b)} & set(found_twice):
        notes.append(f"Neither was found twice; figures show the mean of {listed(found_twice)} for that.")
    return " ".join(notes)


def pair_scores(sparsity: float) -> str:
    """Say what the scores of two languages are."""
    return f"Perplexity with {sparsity:.0%} removed, beside the full model treated likewise."


def pair_check(scores: pd.DataFrame, check: pd.DataFrame) -> str:
    """Say what the functional check of a pair is, and if its text is not that of the pair's scores."""
    full = dict(zip(scores["language"], scores["full"], strict=True)) if len(scores) else {}
    rows = check[check["source"] == FULL]
    pairs = [(value, full[text]) for text, value in zip(rows["target"], rows["value"], strict=True) if text in full]
    differs = any(abs(value - other) > 1e-6 * other for value, other in pairs)
    return f"{PAIR_CHECK} {OTHER_BLOCKS}" if differs else PAIR_CHECK


def lines(who: str | None, *, many: bool) -> str:
    """Say what the lines by layer are: of all languages, or of one; if there are `many`, of families."""
    said = "How far each language's mean with the others is from that of all languages in the layer."
    if who is not None:
        said = f"How far {in_words(who)}'s overlap with each other language is from the mean of these in the layer."
    return f"{said} Of many languages the median of each family, and its range." if many else said


def lacks(title: str, missing: Sequence[str], members: Sequence[str]) -> str:
    """Say which languages a source lacks, and which it has."""
    lacking = " and no ".join(map(in_words, missing))
    return f"{as_text(title)} has no {lacking}. It has {listed(members)}."


def nothing(view: View, by: str, group: str) -> str:
    """Say why there is no overlap in a group of weights."""
    if len(view.members) < 2:
        return "There is one mask here. An overlap takes two."
    if group in view.counts().groups(by):
        return "These masks keep nothing at all here, so there is no overlap to speak of."
    where = as_text(pickers.readable(group))
    return f"{as_text(view.title)} has no weights called “{where}”. Choose another layer or component."


def diagonal(view: View, measure: str, by: str, group: str) -> str:
    """Say what stands on the diagonal of the overlap matrix, and what a click does."""
    click = "Click a cell to see the pair beside it; a row of the table opens the pair."
    if (n := len(view.members)) > theme.MANY:
        return MANY + (click if n <= NAMED_UP_TO else SMALL_CELLS)
    kind = next((kind for kind in ("seeds", "halves") if view.within(measure, by, group) and kind in view.kinds()), "")
    twice = {"seeds": "under another seed", "halves": "from the other half of its text"}.get(kind)
    return f"On the diagonal, without a colour: the same language found again {twice}. {click}" if twice else click


def levels(table: pd.DataFrame) -> str:
    """Say what the overlap is compared with, a line a level; the table is that of `summary.levels` in one group."""
    lines = []
    for level, (name, _, _) in theme.LEVELS.items():
        rows = table[table["level"] == level].dropna(subset="value")
        if rows.empty or level == "between":
            continue
        row = rows.iloc[0]
        count = f", mean of {row['n']:,.0f}" if row["n"] > 1 else ""
        lines.append(f"- **{name}: {row['value']:.3f}**{count}. {LEVELS[level]}")
    return "\n".join(lines)


def joint(row: pd.Series) -> str:
    """Say what all masks keep of what any keeps, in a row of `overlap.joint`."""
    return (
        f"All **{row['masks']}** masks keep **{row['value']:.1%}** of the weights that any of them keeps; independent "
        f"masks with the same density in every tensor would keep {row['chance']:.1%}."
    )


def untold(view: View) -> str:
    """Say why some members' masks can't be compared all at once."""
    title, every = as_text(view.title), len(view.all_counts().members)
    return (
        f"{title} stores counts, not masks: what all keep at once is known of all {every} and of any two, not of "
        f"these {len(view.chosen)}. `python -m neutral overlap --joint FILE FILE …` counts masks where they are."
    )


def peaks(table: pd.DataFrame, measure: str, what: str = "mean of all pairs") -> str:
    """Say in which layers masks are most and least alike, of pairs by layer or their means; "" if they keep nothing."""
    means = summary.peaks(table)
    if not means:
        return ""
    short = theme.short_layer(list(dict.fromkeys(table.dropna(subset="value")["group"])))
    (top, highest), (bottom, lowest) = next(iter(means.items())), list(means.items())[-1]
    return (
        f"**{theme.UNITS[measure][0]} is highest in layer {as_text(short[top])} ({highest:.3f}, {what}) "
        f"and lowest in layer {as_text(short[bottom])} ({lowest:.3f}).**"
    )


def by_layer(levels: pd.DataFrame) -> str:
    """Say of how many layers pairs differ by noise alone, and against what that is; "" where it was not measured.

    `levels` is that of `summary.levels` by layer.
    """
    again = summary.bound(levels)
    if again is None:
        return ""
    layers, found = levels["group"].nunique(), bounds.noisy(levels)
    rows = levels[levels["level"] == again]["value"]
    against = f"one language found again has {rows.min():.3f} to {rows.max():.3f}"
    if not found:
        return f"In all {layers} layers two languages are less alike than one language found twice ({against})."
    short = theme.short_layer(list(dict.fromkeys(levels["group"])))
    where = "any layer" if len(found) == layers else f"layer {as_text(', '.join(short[group] for group in found))}"
    return f"**Two languages are no less alike than one language found twice in {where}** ({against})."


def noise(levels: pd.DataFrame) -> float:
    """Return what a language found again differs by from itself, in the layer where that is most; 0 if not measured."""
    rows = levels[levels["level"] == summary.bound(levels)]["value"]
    return 1 - rows.min() if len(rows) else 0.0


def is_flat(shares: pd.DataFrame) -> bool:
    """Whether as much was removed in every group: then a figure of it shows nothing."""
    return bool(shares["value"].max() - shares["value"].min() < FLAT)


def removed(layers: pd.DataFrame) -> str:
    """Say in which layers most and least was removed: group, language, value."""
    means = summary.peaks(layers)
    (top, most), (bottom, least) = next(iter(means.items())), list(means.items())[-1]
    if most - least < FLAT:
        return f"In every layer {most:.1%} of the weights were removed."
    short = theme.short_layer(list(dict.fromkeys(layers["group"])))
    return (
        f"Most was removed in layer **{as_text(short[top])}** ({most:.1%}), least in layer "
        f"**{as_text(short[bottom])}** ({least:.1%})."
    )


FLAT = 0.001
"""Shares of weights removed that differ by less are the same."""
