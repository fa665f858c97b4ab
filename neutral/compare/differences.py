"""How two views differ, place by place, and where they differ by more than finding a mask again may make of it.

1 - Jaccard is a distance (Levandowsky & Winter 1971), and so is 1 - agreement. By the triangle inequality an overlap
changes by at most 1 - J(a, a') when the mask a is replaced by a'. With the overlap of a language found again as
J(a, a'), that is the bound here: a difference within it could come of finding one of the masks again. Most such
differences are far smaller: the bound is what cannot be passed, not what is usual. For Dice and phi it is a yardstick.

Views are aligned by what they share: layers of one name, or, of networks with other layers, relative depth (0 is the
first layer, 1 the last; the deeper network's values are interpolated); components; languages, whatever their codes;
pairs of them; sizes (interpolated along the logarithm of the ratio).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral.compare.views import AND, FACTOR, PLACES, View
from neutral.errors import NeutralError
from neutral.labels import parsed
from neutral.languages import matching
from neutral.members import speaker

COLUMNS = ["place", "left", "right", "difference", "bound"]


@dataclass(frozen=True)
class Difference:
    """The second view less the first, place by place; of perplexities the logarithm of their ratio, nats a token.

    Attributes
    ----------
    by : str
        One of `views.PLACES`.
    aligned : str
        same (places of one name), depth (relative depth), or size (one ratio after the other).
    table : DataFrame
        `COLUMNS`: the bound is NaN where no language was found again; by pair source and target, too.
    """

    by: str
    aligned: str
    table: pd.DataFrame


class Found(NamedTuple):
    """What a difference comes to."""

    mean: float
    """The mean difference over the places."""
    most: pd.DataFrame
    """The rows that differ most, the most first."""
    beyond: int
    """Places whose difference passes the bound."""
    bounded: int
    """Places that have a bound."""
    places: int


def shared(views: list[View]) -> list[str]:
    """Return what all the views have tables by, of which each can be set beside the first."""
    if len({view.measure for view in views}) != 1:
        return []
    found = [by for by in PLACES if all(by in view.tables for view in views)]
    return [by for by in found if all(len(_aligned(views[0], other, by)[1]) for other in views[1:])]


def difference(left: View, right: View, by: str) -> Difference:
    """Return the right view less the left one, by one of `views.PLACES`.

    Raises `NeutralError` when they have nothing in common by that.
    """
    if left.measure != right.measure:
        raise NeutralError(
            f"{left.name} is in {left.measure} and {right.name} in {right.measure}: there is no difference of these"
        )
    missing = [view.name for view in (left, right) if by not in view.tables]
    if missing:
        raise NeutralError(f"{' and '.join(missing)}: no values by {by}")
    aligned, table = _aligned(left, right, by)
    if table.empty:
        raise NeutralError(f"{left.name} and {right.name} share no {by}")
    is_factor = left.measure == FACTOR
    table["difference"] = np.log(table["right"] / table["left"]) if is_factor else table["right"] - table["left"]
    extra = ["source", "target"] if by == "pair" else []
    return Difference(by, aligned, table[[*COLUMNS, *extra]])


def found(difference: Difference, most: int = 3) -> Found:
    """Return what a difference comes to: the mean, the places that differ most, how many pass the bound."""
    table = difference.table.dropna(subset="difference")
    size = table["difference"].abs()
    beyond = table["bound"].notna() & (size > table["bound"])
    ranked = table.loc[size.sort_values(ascending=False, kind="stable").index]
    mean = float(table["difference"].mean()) if len(table) else float("nan")
    return Found(mean, ranked.head(most), int(beyond.sum()), int(table["bound"].notna().sum()), len(table))


def _aligned(left: View, right: View, by: str) -> tuple[str, pd.DataFrame]:
    """Return how the views were aligned, and the table without the difference."""
    one, other = left.tables[by], right.tables[by]
    if by == "size":
        return "size", _by_size(one, other)
    if by == "layer" and set(one["place"]) != set(other["place"]):
        return "depth", _by_depth(one, other)
    if by == "layer-component" and {parsed(p).layer for p in one["place"]} != {parsed(p).layer for p in other["place"]}:
        return "same", _joined(one.head(0), other.head(0))
    if by in ("language", "pair"):
        other = _renamed(one, other, by)
    return "same", _joined(one, other)


def _joined(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Join the rows of one place; the bound is that of the view in which a language is less like itself."""
    both = one.merge(other[["place", "value", "again"]], on="place", suffixes=("", "_right"))
    both["bound"] = 1 - both[["again", "again_right"]].min(axis=1)
    return both.rename(columns={"value": "left", "value_right": "right"})


def _renamed(one: pd.DataFrame, other: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the other table with the languages written as in the first: fra for fr."""
    columns = ["source", "target"] if by == "pair" else ["place"]
    here = list(dict.fromkeys(pd.concat([one[column] for column in columns])))
    there = dict.fromkeys(pd.concat([other[column] for column in columns]))
    if by == "language":
        names = _same_languages(list(there), here)
        return other.assign(place=other["place"].map(names)).dropna(subset="place")
    names = _same_languages(list(there), here)
    sides = pd.DataFrame({column: other[column].map(names) for column in columns})
    known = sides.notna().all(axis=1)
    wanted = set(one["place"])
    forward = sides["source"] + AND + sides["target"]
    back = sides["target"] + AND + sides["source"]
    return other.assign(place=forward.where(forward.isin(wanted), back))[known]


def _same_languages(members: list[str], others: list[str]) -> dict[str, str]:
    """Return member -> the other that is the same language, whatever its code; those without one are left out."""
    exact = {member: member for member in members if member in others}
    free = {}
    for other in others:
        if other not in exact:
            free.setdefault(speaker(other), other)
    for member in members:
        if member not in exact and (label := matching(speaker(member), free)):
            exact[member] = free.pop(label)
    return exact


def _by_depth(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Join layers by their relative depth, at the layers of the network that has fewer."""
    stacks, others = _stacks(one), _stacks(other)
    if len(stacks) == len(others) == 1:
        pairs = [(next(iter(stacks)), next(iter(others)))]
    else:
        pairs = [(stack, stack) for stack in stacks if stack in others]
    tables = [_interpolated(stacks[stack], others[beside], stack if len(pairs) > 1 else "") for stack, beside in pairs]
    return pd.concat(tables, ignore_index=True) if tables else _joined(one.head(0), other.head(0))


def _stacks(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return stack -> its numbered layers in their order, with a column depth, 0 to 1."""
    layers = table["place"].str.extract(r"^(?P<stack>\w+) (?P<number>\d+)$")
    rows = table.join(layers).dropna(subset="number")
    found = {}
    for stack, of_stack in rows.groupby("stack", sort=False):
        number = of_stack["number"].astype(int)
        found[stack] = of_stack.assign(depth=number / max(1, number.max())).sort_values("depth")
    return found


def _interpolated(one: pd.DataFrame, other: pd.DataFrame, stack: str) -> pd.DataFrame:
    depth = (one if len(one) <= len(other) else other)["depth"].to_numpy()
    columns = {}
    for table, name, again in ((one, "left", "one"), (other, "right", "two")):
        at = table["depth"].to_numpy()
        columns[name] = np.interp(depth, at, table["value"].to_numpy())
        columns[again] = np.interp(depth, at, table["again"].to_numpy())
    places = [f"{stack} {100 * d:.0f}%".strip() for d in depth]
    bound = 1 - pd.DataFrame(columns)[["one", "two"]].min(axis=1)
    return pd.DataFrame({"place": places, "left": columns["left"], "right": columns["right"], "bound": bound})


def _by_size(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Join two curves at the sizes of the first that lie within the second."""
    size, beside = one["place"].to_numpy(dtype=float), other["place"].to_numpy(dtype=float)
    inside = (size >= beside.min()) & (size <= beside.max())
    right = np.exp(np.interp(np.log(size[inside]), np.log(beside), np.log(other["value"].to_numpy())))
    rows = one[inside]
    return pd.DataFrame({"place": rows["place"], "left": rows["value"], "right": right, "bound": np.nan})
