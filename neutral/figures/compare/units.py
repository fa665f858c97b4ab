"""How the places and the values of pinned views are called."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neutral import typology
from neutral.compare import AND, COST, FACTOR, REMOVED, RHO, TO, View
from neutral.figures import theme
from neutral.members import display

NATS = "Nats a token"
SIZE = "Times smaller"
_UNITS = {
    FACTOR: "Perplexity ÷ full table's",
    COST: "Cost, % of the own mask's score",
    RHO: "Spearman's ρ of overlap and distance",
    REMOVED: "Sparsest winning ticket, % removed",
}
_COLUMNS = {FACTOR: "perplexity_ratio", COST: "cost_percent", REMOVED: "removed_percent"}
BY = {
    "layer": "layer",
    "component": "component",
    "layer-component": "layer and component",
    "language": "language",
    "pair": "pair of languages",
    "mask": "language of the mask",
    "target": "language trained on",
    "direction": "mask and language trained on",
    "distance": "distance",
    "size": "size",
}
"""One of `views.PLACES` -> in words."""


def unit(view: View) -> str:
    """Return what a view's values are, for an axis."""
    return _UNITS.get(view.measure) or theme.UNITS[view.measure][0]


def unit_of_gap(view: View) -> str:
    """Return what differences of such views are: those of perplexities are of their logarithms."""
    return NATS if view.measure == FACTOR else unit(view)


def told(table: pd.DataFrame, view: View, by: str) -> pd.DataFrame:
    """Return a table of a view, or of a difference of two, under names that say what it holds; columns of nothing go.

    A pair is language_a and language_b, a transfer mask and trained_on; values are called by their measure.
    """
    name = _COLUMNS.get(view.measure, view.measure)
    gap = "nats_difference" if view.measure == FACTOR else f"{name}_difference"
    names = {"value": name, "chance": f"{name}_by_chance", "again": f"{name}_same_language_again"}
    names |= {"left": f"{name}_first", "right": f"{name}_second", "difference": gap, "bound": f"{name}_bound"}
    names["usual"] = f"{name}_usual_change"
    sides = {"pair": ("language_a", "language_b"), "direction": ("mask", "trained_on")}.get(by)
    if sides:
        names |= dict(zip(("source", "target"), sides, strict=True))
        table = table[["source", "target", *(c for c in table if c not in ("place", "source", "target"))]]
    kept = [column for column in table if column != "lowest" and table[column].notna().any()]
    place = {"target": "trained_on", "size": "times_smaller"}.get(by, by.replace("-", "_"))
    return table[kept].rename(columns={"place": place, **names})


def places_along(places: Sequence[object], by: str) -> list[str]:
    """Return places as an axis takes them."""
    if by == "layer":
        return list(theme.layer_names(list(places)).values())
    if by == "distance":
        return [theme.plain(typology.label(str(place))) for place in places]
    return [theme.plain(str(place).replace("_", " ")) for place in places]


def place_names(places: Sequence[object], by: str) -> list[str]:
    """Return places for people; the stack is said where there are several.

    >>> place_names(["decoder 3", "decoder 4"], "layer"), place_names(["encoder 0", "decoder 0"], "layer")
    (['layer 3', 'layer 4'], ['encoder 0', 'decoder 0'])
    >>> place_names(["en / fr"], "pair"), place_names(["35%"], "layer"), place_names([10.0], "size")
    (['English and French'], ['depth 35%'], ['10 times smaller'])
    >>> place_names(["en → fr"], "direction"), place_names(["genetic"], "distance")
    (['English’s mask on French'], ['Genealogy'])
    """
    stacks = {str(place).split(" ")[0] for place in places if " " in str(place)}
    return [_place_name(place, by, one_stack=len(stacks) == 1) for place in places]


def _place_name(place: object, by: str, *, one_stack: bool) -> str:
    if by == "size":
        return f"{float(place):.3g} times smaller"
    text = str(place)
    if by in ("language", "target"):
        return display(text)
    if by == "mask":
        return f"{display(text)}’s mask"
    if by == "direction":
        mask, _, target = text.partition(TO)
        return f"{display(mask)}’s mask on {display(target)}"
    if by == "distance":
        return typology.label(text)
    if by == "pair":
        return " and ".join(map(display, text.split(AND)))
    if by == "layer" and text.endswith("%"):
        return f"depth {text}"
    if by != "component" and one_stack and " " in text:
        text = f"layer {text.partition(' ')[2]}"
    return text.replace("_", " ")
