"""What the Overview says: the answer in a paragraph, the key numbers, where to look first."""

from __future__ import annotations

import pandas as pd

from neutral import summary
from pages.parts import formats
from pages.parts.formats import Tile
from pages.parts.overlap import words
from pages.parts.text import as_text, in_words
from pages.parts.views import View

INTRODUCTION = (
    "A multilingual model may use the same weights for every language, or keep some apart. For each language a "
    "sub-network was found: the weights that matter for it. Here is how far these sub-networks are the same."
)

PRUNABLE = (
    "The weight matrices of the transformer blocks; token table, norms, biases and the task's head are never removed."
)

NO_SPEED = (
    "A mask sets weights to zero and leaves the matrices dense: a masked model takes as much memory and time as the "
    "full one. Masks show which weights matter; they make nothing smaller or faster by themselves."
)

FUNCTIONAL = (
    "What every language's mask costs each language, without any training after the cut: by how much its perplexity "
    "is worse, in per cent of that under its own mask. 0% means that another language's mask serves as well as its own."
)

NOT_RELATED = {"same script": "unrelated, same script", "unrelated": "unrelated, other scripts"}
"""What the table of relatives calls the relations of languages that are none."""

KINSHIP_COLUMNS = {"relation": "Pairs with", "value": "Mean", "low": "Lowest", "high": "Highest", "n": "Pairs"}


def answer(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> str:
    """Answer the question of the Overview from the numbers, in a paragraph."""
    if pairs.empty and len(view.members) > 1:
        return "These masks keep nothing at all, so there is no overlap to speak of."
    if pairs.empty:
        return f"There is one mask here, **{in_words(view.members[0])}**. An overlap takes two: add another language."
    value, choice = summary.by_level(levels), view.choice
    by = "" if choice.method == "upload" else f" by {as_text(choice.method)}"
    sentences = [
        f"With {choice.sparsity:.0%} of the weights removed{by}, the masks of two of these {len(view.members)} "
        f"languages share **{value['between']:.1%}** of the weights that either keeps, where independent masks would "
        f"share {value['chance']:.1%}."
    ]
    kind, way = summary.bound(levels), summary.way(levels)
    if way == way:
        again = "under another seed" if kind == "seeds" else "from the other half of its text"
        sentences.append(
            f"One language found again {again} shares {value[kind]:.1%} with itself: different languages are {way:.1%} "
            "of the way from chance to that."
        )
    else:
        sentences.append("How much one language would share with itself was not measured here.")
    if "pretrained" in value:
        sentences.append(_control(value["between"], value["pretrained"]))
    if "beyond" in view.kinds():
        changes = summary.by_level(view.levels("beyond"))
        sentences.append(
            f"Of what a language changes against that mask, two languages share {changes['between']:.1%}, "
            f"where {changes['chance']:.1%} is chance."
        )
    return " ".join(sentences)


def _control(between: float, pretrained: float) -> str:
    if between > pretrained:
        return (
            f"With the mask of the untouched pretrained weights they share less, {pretrained:.1%}: part of the overlap "
            "does not come from the size of these weights alone."
        )
    return (
        f"With the mask of the untouched pretrained weights they share no less, {pretrained:.1%}: most of the overlap "
        "comes from the pretrained weights themselves."
    )


def tiles(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> list[Tile]:
    """Return the Overview's key numbers."""
    value, again = summary.by_level(levels), summary.bound(levels)
    info, counts = view.source.info, view.counts()
    kind = "masks" if view.choice.method == "upload" else "languages"
    size = info.get("prunable") or int(counts.sizes.sum())
    rows = [
        Tile(kind.capitalize(), str(len(view.members)), as_text(info.get("model") or "one network")),
        Tile("Prunable weights", formats.amount(size), f"{len(counts.groups('layer'))} layers", PRUNABLE),
    ]
    if len(pairs):
        rows.append(Tile("Mean overlap", formats.share(value["between"]), formats.count(len(pairs), "pair")))
        rows.append(Tile("By chance", formats.share(value["chance"]), "independent masks", words.LEVELS["chance"]))
        if "pretrained" in value:
            control = formats.share(value["pretrained"])
            rows.append(Tile("Pretrained control", control, "no training", words.LEVELS["pretrained"]))
        rows.append(Tile("Same language", formats.share(value.get(again)), words.AGAIN[again], words.LEVELS.get(again)))
    if len(pairs) > 1:
        most, least = summary.extremes(pairs)
        digits = 3 if most["value"] - least["value"] >= 0.01 else 4
        rows.append(Tile("Most alike", formats.share(most["value"], digits), words.pair(most)))
        rows.append(Tile("Least alike", formats.share(least["value"], digits), words.pair(least)))
    return rows


def first_looks(pairs: pd.DataFrame) -> list[tuple[pd.Series, str]]:
    """Return the most and the least alike pair, each with what a link to it says; one pair only once."""
    most, least = summary.extremes(pairs)
    rows = [(most, ", the most alike"), (least, ", the least alike")] if len(pairs) > 1 else [(most, "")]
    return [(row, f"{words.pair(row)}{which}, layer by layer") for row, which in rows]
