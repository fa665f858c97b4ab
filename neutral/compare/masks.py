"""A pinned view of masks: their overlap by layer, component, language and pair; of one place, within it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from neutral import summary
from neutral.compare.again import Again, placed
from neutral.compare.pins import MaskPin
from neutral.compare.views import AND, COLUMNS, View, place_of
from neutral.errors import NeutralError
from neutral.language import nearest
from neutral.members import display, order, speaker
from neutral.overlap import Counts
from neutral.summary import Source

_GROUPED = ("layer", "component", "layer-component")


def chosen(pin: MaskPin, source: Source) -> tuple[MaskPin, list[str]]:
    """Return a pin with everything said that was left to be found, and the languages that its masks are of.

    Raises `NeutralError` when there are no such masks or languages.
    """
    asked = {"task": pin.task, "method": pin.method, "sparsity": pin.sparsity, "seed": pin.seed}
    choice = nearest.choice_of(source, **asked)
    every = [m for m in summary.counts_of(source, choice, pin.measure).members if m not in nearest.CONTROLS]
    members = tuple(dict.fromkeys(nearest.member_called(member, every) for member in pin.members))
    if pin.kind == "pair" and len(members) < 2:
        raise NeutralError(f"{' and '.join(pin.members)} are one mask here; a pair is of two")
    return replace(pin, members=members, **choice._asdict()), every


def view(pin: MaskPin, source: Source) -> View:
    """Return what a pin shows of a study or of masks in memory. Raises `NeutralError` when these are not there."""
    pin, every = chosen(pin, source)
    choice = summary.Choice(pin.task, pin.method, pin.sparsity, pin.seed)
    counts = placed(summary.counts_of(source, choice, pin.measure, _counted(pin, every)), pin)
    again = Again(source, choice, pin)
    by_group = {by: _by_group(counts, pin, again, by) for by in _GROUPED}
    several = by_group
    if place_of(pin):  # of one place there is one row by what it is one of, which says what the whole says
        several = {by: table for by, table in by_group.items() if len(table) > 1}
    tables = several | _by_member(counts, pin, again) or {"layer-component": by_group["layer-component"]}
    title = str(source.info.get("title") or source.path.name)
    whole = float(counts.means(summary.base(pin.measure), member=_centre(pin))["value"].iloc[0])
    name = _name(pin, len(counts.members))
    over_all = _by_group(counts, pin, again, "all").iloc[0][COLUMNS[2:]].astype(float).to_dict()
    return View(pin, name, title, settings(pin, title, name), pin.measure, again.kind, whole, tables, over_all)


def _counted(pin: MaskPin, every: list[str]) -> list[str]:
    return list(pin.members) if pin.kind != "language" and pin.members else every


def _centre(pin: MaskPin) -> str:
    """Return the one language that all pairs are of; "" for none."""
    return pin.members[0] if pin.kind == "language" else ""


def _by_group(counts: Counts, pin: MaskPin, again: Again, by: str) -> pd.DataFrame:
    means = counts.means(summary.base(pin.measure), by, _centre(pin))
    own = again.of(list(pin.members or counts.members), by)
    low = again.of(list(pin.members), by, lowest=True) if pin.kind == "pair" else own
    if pin.kind == "overlap" and len(counts.members) > 2:
        low = own * np.nan  # the bound is of one mask found again; a mean of many pairs has none by it
    usual = again.usual(by, means=pin.kind != "pair")
    found = {"again": own, "lowest": low, "usual": usual}
    return pd.DataFrame(
        {
            "place": means["group"],
            "value": means["value"],
            "chance": means["value"] - means["excess"],
            **{name: means["group"].map(values).astype(float) for name, values in found.items()},
        }
    )


def _by_member(counts: Counts, pin: MaskPin, again: Again) -> dict[str, pd.DataFrame]:
    """Return the tables by language and by pair, where there are several."""
    if pin.kind == "pair":
        return {}
    own, centre = again.each(), _centre(pin)
    shown = counts.only([(centre, other) for other in counts.members if other != centre]) if centre else counts
    pairs = summary.pairs(shown, pin.measure)
    bound = pd.DataFrame({side: pairs[side].map(speaker).map(own) for side in ("source", "target")}).astype(float)
    pairs = pairs.assign(again=bound.mean(axis=1), lowest=bound.min(axis=1), usual=again.usual_of_pairs())
    if centre:
        other = pairs["source"].where(pairs["source"] != centre, pairs["target"])
        return {"language": pairs.assign(place=other)[COLUMNS]}
    both = [pairs.assign(place=pairs[side]) for side in ("source", "target")]
    means = pd.concat(both).groupby("place", sort=False)[["value", "chance"]].mean().loc[order(list(counts.members))]
    languages = means.reset_index()
    languages["again"] = languages["lowest"] = languages["place"].map(speaker).map(own).astype(float)
    languages["usual"] = again.usual_of_languages()
    pairs["place"] = pairs["source"] + AND + pairs["target"]
    return {"language": languages[COLUMNS], "pair": pairs[[*COLUMNS, "source", "target"]]}


def _name(pin: MaskPin, n: int) -> str:
    where = f", {place_of(pin)}" if place_of(pin) else ""
    if pin.kind == "pair":
        return f"{display(pin.members[0])} and {display(pin.members[1])}{where}"
    if pin.kind == "language":
        return f"{display(pin.members[0])} with {n - 1} others{where}"
    return f"{n} languages{where}"


def settings(pin: MaskPin, title: str, name: str) -> str:
    """Return everything that the numbers of masks hang on, in a line."""
    method = [] if pin.method == "upload" else [pin.method]
    seed = [f"seed {pin.seed}"] if method else []
    parts = [title, name, *method, f"{np.round(100 * pin.sparsity, 1):g}% removed", f"task {pin.task}", *seed]
    return " · ".join([*parts, pin.measure])
