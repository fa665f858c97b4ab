"""How two views differ, place by place, and where they differ by more than finding a mask again may make of it.

1 - Jaccard is a distance (Levandowsky & Winter 1971), and so is 1 - agreement. By the triangle inequality an overlap
changes by at most 1 - J(a, a') when the mask a is replaced by a'. With the overlap of a language found again as
J(a, a'), that is the bound here: a difference within it could come of finding one of the masks again. Most such
differences are far smaller: the bound is what cannot be passed, not what is usual. For Dice and phi it is a yardstick.
What is usual is measured where a study has counts between languages of both findings (`again`): of two views the root
of the sum of both squares.

Views are aligned by what they share: layers of one name, or, of networks with other layers, relative depth (0 is the
first layer, 1 the last; the deeper network's values are interpolated); components; languages, whatever their codes;
pairs of them; sizes (interpolated along the logarithm of the ratio).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral.compare.views import FACTOR, OF_LANGUAGES, PLACES, TO, View
from neutral.errors import NeutralError
from neutral.labels import parsed
from neutral.languages import language, matching
from neutral.members import speaker

COLUMNS = ["place", "left", "right", "difference", "bound", "usual"]

SURE = 2.0
"""Times the usual difference, within which a difference is as finding masks again makes it."""


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
        `COLUMNS`: bound and usual are NaN where they are not known; by pair and direction source and target, too.
    """

    by: str
    aligned: str
    table: pd.DataFrame


class Found(NamedTuple):
    """What a difference comes to."""

    mean: float
    """The mean difference over the places."""
    left: float
    right: float
    """The means of both views over the places."""
    most: pd.DataFrame
    """The rows that differ most, the most first."""
    beyond: int
    """Places whose difference passes the bound."""
    bounded: int
    """Places that have a bound."""
    places: int
    usual: float
    """The usual difference of masks that were found again, mean over the places; NaN if it is not known."""
    unusual: int
    """Places whose difference is more than `SURE` times the usual one there."""

    more: int
    """Places where the second is above the first."""

    @property
    def one_sign(self) -> int:
        """Places whose difference has the sign that most of them have."""
        return max(self.more, self.places - self.more)

    @property
    def within(self) -> int:
        """Places whose difference is within the bound."""
        return self.bounded - self.beyond

    @property
    def is_noise(self) -> bool:
        """Whether all places are within the bound, and none differs by more than is usual, if that is known."""
        known = self.bounded == self.places > 0 or self.usual == self.usual
        return known and not self.beyond and not self.unusual


def shared(views: list[View]) -> list[str]:
    """Return what all the views have tables by, of which each can be set beside the first."""
    if len({view.measure for view in views}) != 1:
        return []
    found = [by for by in PLACES if all(by in view.tables for view in views)]
    return [by for by in found if all(_is_shared(views[0], other, by) for other in views[1:])]


def _is_shared(left: View, right: View, by: str) -> bool:
    """Whether two views have a place in common."""
    if by not in ("language", "pair") or not _is_of_all(left) or not _is_of_all(right):
        return len(_aligned(left, right, by)[1]) > 0
    here = set(left.tables["language"]["place"])
    names = _same_languages(_members(right), _members(left))
    return sum(names.get(place) in here for place in right.tables["language"]["place"]) > 1


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
    extra = ["source", "target"] if by in ("pair", "direction") else []
    return Difference(by, aligned, table[[*COLUMNS, *extra]])


def found(difference: Difference, most: int = 3) -> Found:
    """Return what a difference comes to: the mean, the places that differ most, how many pass the bound."""
    table = difference.table.dropna(subset="difference")
    size = table["difference"].abs()
    beyond = table["bound"].notna() & (size > table["bound"])
    ranked = table.loc[size.sort_values(ascending=False, kind="stable").index]
    means = [float(table[column].mean()) for column in ("difference", "left", "right")]
    counted = int(beyond.sum()), int(table["bound"].notna().sum()), len(table)
    unusual = int((size > SURE * table["usual"]).sum())
    more = int((table["difference"] > 0).sum())
    return Found(*means, ranked.head(most), *counted, float(table["usual"].mean()), unusual, more)


def _aligned(left: View, right: View, by: str) -> tuple[str, pd.DataFrame]:
    """Return how the views were aligned, and the table without the difference."""
    one, other = left.tables[by], right.tables[by]
    if by == "size":
        return "size", _by_size(one, other)
    if by == "layer" and set(one["place"]) != set(other["place"]):
        return "depth", _by_depth(one, other)
    if by == "layer-component" and {parsed(p).layer for p in one["place"]} != {parsed(p).layer for p in other["place"]}:
        return "same", _joined(one.head(0), other.head(0))
    if by == "pair":
        return "same", _joined(one, _pairs_renamed(left, right))
    if by == "direction":
        return "same", _joined(one, _directions_renamed(left, right))
    if by in OF_LANGUAGES:
        names = _same_languages(_members(right, by), _members(left, by))
        if by == "language" and _is_of_all(left) and _is_of_all(right):
            return "same", _by_common(left, right, names)
        other = other.assign(place=other["place"].map(names)).dropna(subset="place")
    return "same", _joined(one, other)


def _joined(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Join the rows of one place; the bound is that of the view in which a language is less like itself."""
    both = one.merge(other[["place", "value", "lowest", "usual"]], on="place", suffixes=("", "_right"))
    both["bound"] = 1 - both[["lowest", "lowest_right"]].min(axis=1)
    both["usual"] = np.hypot(both["usual"], both["usual_right"])
    return both.rename(columns={"value": "left", "value_right": "right"})


def _is_of_all(view: View) -> bool:
    """Whether a view has all pairs of its languages."""
    return "pair" in view.tables


def _members(view: View, by: str = "language") -> list[str]:
    """Return all languages of a view, the one in its middle too: it is no other language's counterpart."""
    centre = view.pin.members if view.pin.kind == "language" else ()
    return [*centre, *view.tables[by]["place"]]


def _pairs_renamed(left: View, right: View) -> pd.DataFrame:
    """Return the right view's pairs with the languages written as in the left one: fra for fr."""
    names, own, table = _same_languages(_members(right), _members(left)), left.tables["pair"], right.tables["pair"]
    places = {frozenset(sides): place for *sides, place in zip(own["source"], own["target"], own["place"], strict=True)}
    pairs = zip(table["source"], table["target"], strict=True)
    found = [places.get(frozenset((names.get(one), names.get(other)))) for one, other in pairs]
    return table.assign(place=found).dropna(subset="place")


def _directions_renamed(left: View, right: View) -> pd.DataFrame:
    """Return the right view's masks and the languages that they are trained on, written as in the left one."""
    table = right.tables["direction"]
    sides = [list(dict.fromkeys(view.tables["direction"][["source", "target"]].stack())) for view in (right, left)]
    names = _same_languages(*sides)
    one, other = (table[side].map(names) for side in ("source", "target"))
    return table.assign(place=one + TO + other).dropna(subset="place")


def _by_common(left: View, right: View, names: dict[str, str]) -> pd.DataFrame:
    """Join languages by their mean with the others that both views have."""
    pairs = _joined(left.tables["pair"], _pairs_renamed(left, right))
    sides = [pairs.assign(place=pairs[side])[["place", "left", "right"]] for side in ("source", "target")]
    means = pd.concat(sides).groupby("place", sort=False).mean().reset_index()
    other = right.tables["language"]
    own = _joined(left.tables["language"], other.assign(place=other["place"].map(names)).dropna(subset="place"))
    return means.merge(own[["place", "bound", "usual"]], on="place")


def _same_languages(members: list[str], others: list[str]) -> dict[str, str]:
    """Return member -> the other that is the same language, whatever its code; those without one are left out.

    The same member goes first, then the same language in the same script and region, then what `matching` takes.
    """
    found = {member: member for member in members if member in others}
    for exact in (True, False):
        free: dict[str, str] = {}
        for other in others:
            if other not in found.values():
                free.setdefault(speaker(other), other)
        for member in members:
            if member in found:
                continue
            label = matching(speaker(member), free)
            if label and (not exact or _written(speaker(member)) == _written(label)):
                found[member] = free.pop(label)
    return found


def _written(label: str) -> tuple[str, str, str]:
    spoken = language(label)
    return spoken.iso3, spoken.script, spoken.region


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
    left, right = (
        pd.DataFrame(
            {name: np.interp(depth, table["depth"], table[name]) for name in ("value", "lowest", "usual")},
        )
        for table in (one, other)
    )
    places = [f"{stack} {100 * d:.0f}%".strip() for d in depth]
    bound = 1 - pd.DataFrame({"left": left["lowest"], "right": right["lowest"]}).min(axis=1)
    usual = np.hypot(left["usual"], right["usual"])
    return pd.DataFrame(
        {"place": places, "left": left["value"], "right": right["value"], "bound": bound, "usual": usual}
    )


def _by_size(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Join two curves at the sizes of the first that lie within the second."""
    size, beside = one["place"].to_numpy(dtype=float), other["place"].to_numpy(dtype=float)
    inside = (size >= beside.min()) & (size <= beside.max())
    right = np.exp(np.interp(np.log(size[inside]), np.log(beside), np.log(other["value"].to_numpy())))
    rows = one[inside]
    return pd.DataFrame(
        {"place": rows["place"], "left": rows["value"], "right": right, "bound": np.nan, "usual": np.nan}
    )
