"""Sentences and number formats that pages share."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from neutral import summary
from neutral.languages import LANGUAGES
from neutral.members import display
from pages.parts.views import View

TILE = 168  # px of a metric tile: two fit a phone

AGAIN = {"seeds": "another seed", "halves": "other half of text", None: "not measured"}

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
    "Perplexity of each language under every language's mask, without any training after the cut, divided by that "
    "under its own mask: 1 means another language's mask serves as well as its own."
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

NUMBERS = {
    **{name: st.column_config.NumberColumn(format="%.2f") for name in ("Perplexity", "Full model")},
    **{name: st.column_config.NumberColumn(format="%.3f") for name in ("Ratio",)},
    **{
        name: st.column_config.NumberColumn(format="%.4f")
        for name in ("Mean", "Lowest", "Highest", "value", "chance", "excess")
    },
}

KNOWN = [f"{code} ({language.name})" for code, language in LANGUAGES.items()]

KINSHIP_COLUMNS = {"relation": "Pairs with", "value": "Mean", "low": "Lowest", "high": "Highest", "n": "Pairs"}


def share(value: float | None, digits: int = 3) -> str:
    """Write an overlap; a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def amount(n: int) -> str:
    """Write a number of weights."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return str(n)


def count(n: int, thing: str) -> str:
    """Write a number of things."""
    return f"{n} {thing}{'s' if n != 1 else ''}"


def pair(row: pd.Series) -> str:
    """Name the two languages of a row."""
    return f"{display(row['source'])}, {display(row['target'])}"


def answer(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> str:
    """Answer the question of the page from the numbers, in a paragraph."""
    if pairs.empty and len(view.members) > 1:
        return "These masks keep nothing at all, so there is no overlap to speak of."
    if pairs.empty:
        return f"There is one mask here, **{display(view.members[0])}**. An overlap takes two: add another language."
    value = levels.set_index("level")["value"].to_dict()
    between, chance, choice = value["between"], value["chance"], view.choice
    by = "" if choice.method == "upload" else f" by {choice.method}"
    said = [
        f"With {choice.sparsity:.0%} of the weights removed{by}, two languages' masks share **{between:.1%}** of the "
        f"weights that either keeps, where independent masks would share {chance:.1%}."
    ]
    kind = summary.bound(levels)
    if kind and value[kind] > chance:
        again = "under another seed" if kind == "seeds" else "from the other half of its text"
        way = (between - chance) / (value[kind] - chance)
        said.append(
            f"One language found again {again} shares {value[kind]:.1%} with itself: different languages are {way:.1%} "
            "of the way from chance to that."
        )
    else:
        said.append("How much one language would share with itself was not measured here.")
    if "pretrained" in value:
        said.append(_control(between, value["pretrained"]))
    if "beyond" in view.kinds():
        changes = view.levels("beyond").set_index("level")["value"]
        said.append(
            f"Of what a language changes against that mask, two languages share {changes['between']:.1%}, "
            f"where {changes['chance']:.1%} is chance."
        )
    return " ".join(said)


def _control(between: float, pretrained: float) -> str:
    if between > pretrained:
        return (
            f"With the mask of the untouched pretrained weights they share less, {pretrained:.1%}: part of the overlap "
            "is what languages came to share."
        )
    return (
        f"With the mask of the untouched pretrained weights they share no less, {pretrained:.1%}: most of the overlap "
        "comes from the pretrained weights themselves."
    )
