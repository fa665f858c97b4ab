"""What the pages Overlap, Language pair and Layers say. The Overview's are in `answers`, Your masks' in `uploaded`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from neutral import summary
from neutral.figures import theme
from neutral.figures.heatmap import NAMED_UP_TO
from neutral.members import display, is_known, relation, speaker
from neutral.overlap import Counts, about_opposed
from pages.parts import formats, pickers
from pages.parts.formats import Tile
from pages.parts.text import as_text, in_words, listed
from pages.parts.views import View

if TYPE_CHECKING:  # scipy takes a while to import: only pages that test import it
    from neutral.search.experts import Routing


LEVELS = {
    "chance": "what independent masks with the same density in every tensor would have",
    "shuffled": "each mask shuffled within its tensors, then compared: chance, measured",
    "pretrained": "each language's mask against the mask that the untouched pretrained weights give at this sparsity; "
    "what languages share beyond it does not come from the size of these weights alone",
    "seeds": "the same language found twice under different seeds: as alike as two masks can be expected to be",
    "halves": "the same language found twice from disjoint halves of its text: as alike as two masks can be expected "
    "to be",
}

MANY = "Coloured bands are families. Hover for names; zoom with the buttons above the figure. "

SMALL_CELLS = (
    "A language that you find is framed: a click in its row or column opens the pair, and so does one on a row of the "
    "table."
)

AGAIN = {"seeds": "another seed", "halves": "other half of text", None: "not measured"}

BAND = "All languages against their references. The band is from the least to the most alike pair."

JOINT = "Weights that all masks keep ÷ weights that any of them keeps, and what independent masks as dense would have."

EXCESS = "Overlap less that of independent masks as dense: dense layers overlap more by chance alone."

BY_EXPERT = (
    "The experts of each layer, left to right; an expert's number is its place in its own layer. Outside are attention "
    "and whatever else every token goes through. In the figures by component, the experts of a layer are averaged."
)

ONE_MASK = "One mask of this network so far. Upload another language's to compare them."

ONE_OF_PAIR = "There is one mask here. A pair takes two: add another language."

PAIR_CHECK = "Perplexity under each mask, without training; the cost is in % of that under the text's own mask."

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
    "variant": "Model",
    "value": "Perplexity",
    "full": "Full model",
    "ratio": "Ratio",
}


def pair(row: pd.Series) -> str:
    """Name the two languages of a row."""
    return f"{in_words(row['source'])}, {in_words(row['target'])}"


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


def pair_tiles(name: str, levels: pd.DataFrame) -> list[Tile]:
    """Return a pair's overlap, by a measure called `name`, and what it is compared with."""
    value, again = summary.by_level(levels), summary.bound(levels)
    rows = [
        (name, value["between"], "overlap of the pair"),
        ("By chance", value["chance"], "independent masks"),
        ("Pretrained control", value.get("pretrained"), "mean of the two"),
        ("Same language", value.get(again), AGAIN[again]),
    ]
    return [Tile(label, formats.share(number), note) for label, number, note in rows if number is not None]


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


def lines(who: str | None, *, many: bool) -> str:
    """Say what the lines by layer are: of all languages, or of one; if there are `many`, of families."""
    said = "Each language's mean with the others." if who is None else f"{in_words(who)} with each other."
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
    click = "Click a cell, or a row of the table, to open the pair."
    if (n := len(view.members)) > theme.MANY:
        return MANY + (click if n <= NAMED_UP_TO else SMALL_CELLS)
    kind = next((kind for kind in ("seeds", "halves") if view.within(measure, by, group) and kind in view.kinds()), "")
    twice = {"seeds": "under another seed", "halves": "from the other half of its text"}.get(kind)
    return f"On the diagonal: the language found again {twice}. {click}" if twice else click


def levels(table: pd.DataFrame) -> str:
    """Say what the overlap is compared with, a line a level; the table is that of `summary.levels` in one group."""
    lines = []
    for level, (name, _, _) in theme.LEVELS.items():
        rows = table[table["level"] == level].dropna(subset="value")
        if rows.empty or level == "between":
            continue
        row = rows.iloc[0]
        count = f", mean of {row['n']:,.0f}" if row["n"] > 1 else ""
        explained = LEVELS[level]
        lines.append(f"- **{name}: {row['value']:.3f}**{count}. {explained[:1].upper()}{explained[1:]}.")
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


def peaks(table: pd.DataFrame, measure: str) -> str:
    """Say in which layers masks are most and least alike, of pairs by layer or their means; "" if they keep nothing."""
    means = summary.peaks(table)
    if not means:
        return ""
    short = theme.short_layer(list(dict.fromkeys(table.dropna(subset="value")["group"])))
    (top, highest), (bottom, lowest) = next(iter(means.items())), list(means.items())[-1]
    return (
        f"{theme.UNITS[measure][0]} is highest in layer **{as_text(short[top])}** ({highest:.3f}, mean of all pairs) "
        f"and lowest in layer **{as_text(short[bottom])}** ({lowest:.3f})."
    )
