"""What the Overview says: the answer in a paragraph, the key numbers, where to look first."""

from __future__ import annotations

import re

import pandas as pd

from neutral import bounds, summary
from pages.parts import formats
from pages.parts.formats import Tile
from pages.parts.overlap import alike, words
from pages.parts.text import as_text, in_words
from pages.parts.views import View

INTRODUCTION = "For each language a sub-network was found: the weights that matter for it. How far are these the same?"

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
    """Answer the question of the Overview in a verdict with its numbers, and in a second sentence the extremes.

    `pairs` and `levels` are by Jaccard over all weights.
    """
    if pairs.empty and len(view.members) > 1:
        return "These masks keep nothing at all, so there is no overlap to speak of."
    if pairs.empty:
        return f"There is one mask here, **{in_words(view.members[0])}**. An overlap takes two: add another language."
    if len(pairs) == 1:
        return of_pairs(view, pairs, levels, "jaccard")
    return " ".join(filter(None, [_verdict(view, pairs, levels), _noise(view, pairs, "jaccard") or _ends(pairs)]))


def _verdict(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> str:
    """Say plainly how much languages share in the model, and against what that number is to be read."""
    value, again, choice = summary.by_level(levels), summary.bound(levels), view.choice
    way = summary.way(levels)
    if way != way:  # no language was found again: up to equal masks
        way = (value["between"] - value["chance"]) / (1 - value["chance"])
    plainly = next(words for least, words in VERDICTS if way >= least)
    by = "" if choice.method == "upload" else f" by {as_text(choice.method)}"
    against = f"by chance it would be {written(value['chance'], 'jaccard')}"
    if again:
        against += (
            f", and one language found again {AGAIN[again]} shares {written(value[again], 'jaccard')} with itself"
        )
    return (
        f"**In {model(view)} the {len(view.members)} languages {plainly}:** two of them share "
        f"{written(value['between'], 'jaccard', words.digits(pairs))} of what either keeps, in the mean, with "
        f"{choice.sparsity:.0%} of the weights removed{by}; {against}."
    )


def _ends(pairs: pd.DataFrame) -> str:
    """Say which pairs share most and least."""
    most, least = summary.extremes(_unequal(pairs))
    high, low = (written(row["value"], "jaccard", words.digits(pairs)) for row in (most, least))
    return f"{words.both(most)} share most ({high}), {words.both(least)} least ({low}).{_equal(pairs)}"


def model(view: View) -> str:
    """Return the model's name for people: as the study's title begins with it, else its own.

    A title is "Gemma 3 270M, 128 languages", the model gemma-3-270m.
    """
    name = str(view.source.info.get("model") or "")
    first = re.split("[,:]", view.title)[0].strip()
    same = re.sub(r"\W+", "", first).casefold() == re.sub(r"\W+", "", name.rpartition("/")[2]).casefold()
    return as_text(first if same else name or "this network")


def overlap(view: View, pairs: pd.DataFrame, levels: pd.DataFrame, measure: str, by: str, group: str) -> str:
    """Say of one group of weights which pairs share most and least, against what, and whether that is noise."""
    said = [_noise(view, pairs, measure, by, group), of_pairs(view, pairs, levels, measure)]
    return " ".join([*filter(None, said), alike.said(pairs, view.within(measure, by, group))])


def of_pairs(view: View, pairs: pd.DataFrame, levels: pd.DataFrame, measure: str) -> str:
    """Say which pairs share most and least, and what all do in the mean, beside chance and the bound."""
    value, choice = summary.by_level(levels), view.choice
    by = "" if choice.method == "upload" else f" by {as_text(choice.method)}"
    what = f"{WHAT[measure]} with {choice.sparsity:.0%} removed{by}"
    against = f"against {written(value['chance'], measure)} by chance"
    if again := summary.bound(levels):
        against += f" and {written(value[again], measure)} for one language found again {AGAIN[again]}"
    if len(pairs) == 1:
        only = pairs.iloc[0]
        first = f"**{words.both(only)} share {written(only['value'], measure)}** {what}"
    else:
        most, least = summary.extremes(_unequal(pairs))
        digits = words.digits(pairs)
        high, low = (written(row["value"], measure, digits) for row in (most, least))
        first = (
            f"**{words.both(most)} share most ({high}), {words.both(least)} least ({low})** {what}; "
            f"all {len(pairs):,} pairs {written(value['between'], measure, digits)} in the mean"
        )
    return f"{first}, {against}.{_equal(pairs)}"


def _unequal(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs whose masks are not equal bit by bit, as those of one text under two names are; else all."""
    unequal = pairs[pairs["value"] < 1]
    return unequal if len(unequal) > 1 else pairs


def _equal(pairs: pd.DataFrame) -> str:
    """Say which pairs have one mask, where others have not."""
    equal = pairs[pairs["value"] >= 1]
    if equal.empty or len(equal) > MOST_EQUAL or len(_unequal(pairs)) == len(pairs):
        return ""
    return f" {'; '.join(words.both(row) for _, row in equal.iterrows())} have the very same mask."


def pair(view: View, a: str, b: str, measure: str, levels: pd.DataFrame, layers: pd.DataFrame) -> str:
    """Say how much two languages share, against what, at which place among all pairs, and in which layers.

    `levels` is that of `summary.levels` of the two, `layers` the same by layer.
    """
    value, every = summary.by_level(levels), view.pairs(measure).dropna(subset="value")
    if value["between"] != value["between"]:
        return "These two masks keep nothing here, so there is no overlap to speak of."
    against = [f"{written(value['chance'], measure)} by chance"]
    told_apart = ""
    if again := summary.bound(levels):
        against.append(f"{written(value[again], measure)} for one language found again {AGAIN[again]}")
        if value["between"] >= value[again]:
            told_apart = ", so the two are not told apart"
    place = f"the {_ordinal(summary.place(every, a, b))} of {len(every):,} pairs" if len(every) > 1 else "the only pair"
    said = [
        f"**{in_words(a)} and {in_words(b)} share {written(value['between'], measure)}** {WHAT[measure]}, {place}, "
        f"against {' and '.join(against)}{told_apart}."
    ]
    means = summary.peaks(layers[layers["level"] == "between"])
    if len(means) == 2:
        (top, high), (bottom, low) = means.items()
        said.append(
            f"They share most in {as_text(top)} ({written(high, measure)}), least in {as_text(bottom)} "
            f"({written(low, measure)})."
        )
    return " ".join(said)


def _ordinal(place: int) -> str:
    """Write a place among pairs, the most alike first.

    >>> _ordinal(1), _ordinal(2), _ordinal(11), _ordinal(23)
    ('most alike', '2nd most alike', '11th most alike', '23rd most alike')
    """
    if place == 1:
        return "most alike"
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{ending} most alike"


def _noise(view: View, pairs: pd.DataFrame, measure: str, by: str = "all", group: str = "all") -> str:
    """Say that pairs differ by no more than noise, if so; else nothing."""
    told = bounds.told(pairs, view.within(measure, by, group))
    if len(pairs) < 2 or not told.is_noise:
        return ""
    return (
        f"**The differences between pairs are noise:** all {len(pairs):,} pairs lie within {told.spread:.4f}, and one "
        f"language found again differs by {told.noise:.4f} from itself."
    )


def why(levels: pd.DataFrame, kinship: pd.DataFrame) -> str:
    """Say what part of the overlap the pretrained weights have, and whether relatives share more; "" for neither.

    `kinship` is that of `summary.kinship`.
    """
    value, parts = summary.by_level(levels), []
    if "pretrained" in value:
        chance, less = value["chance"], value["between"] > value["pretrained"]
        most = value["pretrained"] - chance > (value["between"] - chance) / 2
        parts.append(
            f"{'Most' if most else 'Part'} of this needs no text: a mask that keeps the largest pretrained weights "
            f"shares {value['pretrained']:.1%} with each language's"
            + ("; what is above that comes from the texts." if less else ", no less than two languages do.")
        )
    shared = dict(zip(kinship["relation"], kinship["value"], strict=True)) if len(kinship) else {}
    near = next((name for name in _RELATED if name in shared), None)
    far = kinship[kinship["relation"].isin(_UNRELATED)] if near else kinship.head(0)
    if len(far):
        mean = (far["value"] * far["n"]).sum() / far["n"].sum()
        parts.append(f"Languages of one {near.split()[1]} share {shared[near]:.1%}, unrelated ones {mean:.1%}.")
    return " ".join(parts)


def scripts(pairs: pd.DataFrame, kinship: pd.DataFrame) -> str:
    """Say why unrelated languages of one script share less than those of other scripts, where one language is why."""
    shared = dict(zip(kinship["relation"], kinship["value"], strict=True))
    if not set(_UNRELATED) <= set(shared) or shared["same script"] >= shared["unrelated"]:
        return ""
    language, its, every = summary.commonest(pairs, "same script")
    return f"{in_words(language)} is in {its} of the {formats.count(every, 'pair')} that share only their script."


VERDICTS = (
    (0.75, "mostly keep the same weights"),
    (0.4, "keep the same weights in part"),
    (0.1, "mostly keep weights of their own"),
    (-float("inf"), "share hardly more than chance"),
)
"""Least way from chance (0) to one language found again (1) -> what languages do."""
MOST_EQUAL = 3
"""Pairs of equal masks that a sentence names."""
_RELATED = ("same branch", "same family")
_UNRELATED = ("unrelated", "same script")
AGAIN = {"seeds": "under another seed", "halves": "from the other half of its text"}
"""What a language was found again by -> in words."""
WHAT = {
    "jaccard": "of the weights that either keeps",
    "dice": "by Dice",
    "agreement": "of the decisions, removed ones included",
    "phi": "by the correlation φ",
    "beyond": "of what either changes against the pretrained mask",
}
"""Measure -> of what, after "share 90%"."""


def written(value: float, measure: str, digits: int = 1) -> str:
    """Write an overlap in a sentence: as per cent, or a coefficient as such.

    >>> written(0.9312, "jaccard"), written(0.9312, "phi"), written(0.98031, "jaccard", 2)
    ('93.1%', '0.931', '98.03%')
    """
    return f"{value:.{digits + 2}f}" if measure == "phi" else f"{value:.{digits}%}"


def tiles(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> list[Tile]:
    """Return the Overview's key numbers, five at most: no more have room in a row."""
    if pairs.empty:
        return []
    value, again = summary.by_level(levels), summary.bound(levels)
    rows = [Tile("Mean overlap", formats.percent(value["between"]), formats.count(len(pairs), "pair"))]
    if len(pairs) > 1:
        digits = words.digits(pairs)
        for label, row in zip(("Most alike", "Least alike"), summary.extremes(_unequal(pairs)), strict=True):
            rows.append(Tile(label, formats.percent(row["value"], digits), words.pair(row)))
    rows.append(Tile("Same language", formats.percent(value.get(again)), words.AGAIN[again]))
    if "pretrained" in value:
        rows.append(Tile("Pretrained control", formats.percent(value["pretrained"]), "untouched weights"))
    else:
        rows.append(Tile("By chance", formats.percent(value["chance"]), "independent masks"))
    return rows


def network(view: View) -> str:
    """Say of which network the masks are, and of how many weights."""
    info, counts = view.source.info, view.counts()
    size = info.get("prunable") or int(counts.sizes.sum())
    model = as_text(info.get("model") or "one network")
    return f"{model}: {formats.amount(size)} prunable weights in {formats.count(len(counts.groups('layer')), 'layer')}"


def first_looks(pairs: pd.DataFrame) -> list[tuple[pd.Series, str]]:
    """Return the most and the least alike pair, each with what a link to it says; one pair only once."""
    most, least = summary.extremes(_unequal(pairs))
    rows = [(most, ", the most alike"), (least, ", the least alike")] if len(pairs) > 1 else [(most, "")]
    return [(row, f"{words.pair(row)}{which}, layer by layer") for row, which in rows]
