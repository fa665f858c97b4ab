"""A pinned view of masks: their overlap by layer, component, language and pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from neutral import summary
from neutral.compare.pins import MaskPin
from neutral.compare.views import AND, COLUMNS, View
from neutral.errors import NeutralError
from neutral.language import nearest
from neutral.members import display, order, speaker
from neutral.overlap import Counts
from neutral.summary import Choice, Source

_GROUPED = ("layer", "component", "layer-component")


def view(pin: MaskPin, source: Source) -> View:
    """Return what a pin shows of a study or of masks in memory. Raises `NeutralError` when these are not there."""
    asked = {"task": pin.task, "method": pin.method, "sparsity": pin.sparsity, "seed": pin.seed}
    choice = nearest.choice_of(source, **asked)
    every = [m for m in summary.counts_of(source, choice, pin.measure).members if m not in nearest.CONTROLS]
    members = tuple(dict.fromkeys(nearest.member_called(member, every) for member in pin.members))
    if pin.kind == "pair" and len(members) < 2:
        raise NeutralError(f"{' and '.join(pin.members)} are one mask here; a pair is of two")
    pin = replace(pin, members=members, **choice._asdict())
    counts = summary.counts_of(source, choice, pin.measure, _counted(pin, every))
    kind = next((k for k in ("seeds", "halves") if k in summary.kinds(source, choice)), "")
    again = _Again(source, choice, "" if pin.measure == "beyond" else kind, pin.measure)
    tables = {by: _by_group(counts, pin, again, by) for by in _GROUPED} | _by_member(counts, pin, again)
    title = str(source.info.get("title") or source.path.name)
    whole = float(counts.means(summary.base(pin.measure), member=_centre(pin))["value"].iloc[0])
    name = _name(pin, len(counts.members))
    settings = _settings(pin, title, name)
    return View(pin, name, title, settings, pin.measure, again.kind, whole, tables)


def _counted(pin: MaskPin, every: list[str]) -> list[str]:
    return list(pin.members) if pin.kind != "language" and pin.members else every


def _centre(pin: MaskPin) -> str:
    """Return the one language that all pairs are of; "" for none."""
    return pin.members[0] if pin.kind == "language" else ""


class _Again:
    """The overlap of languages with themselves, found again."""

    def __init__(self, source: Source, choice: Choice, kind: str, measure: str) -> None:
        self.kind, self._asked = kind, (source, choice, kind, measure)

    def of(self, members: list[str], by: str, *, lowest: bool) -> pd.Series:
        """Return group -> the lowest or the mean of members; of all that were found twice, if none of these was."""
        if not self.kind:
            return pd.Series(dtype=float)
        own = summary.within(*self._asked, by)
        spoken = own[own["language"].isin([speaker(member) for member in members])]
        grouped = (spoken if len(spoken) else own).groupby("group", sort=False)["value"]
        return grouped.min() if lowest and len(spoken) else grouped.mean()

    def each(self) -> dict[str, float]:
        """Return label of a language -> its overlap with itself, over all weights."""
        if not self.kind:
            return {}
        own = summary.within(*self._asked, "all")
        return dict(zip(own["language"].map(speaker), own["value"], strict=True))


def _by_group(counts: Counts, pin: MaskPin, again: _Again, by: str) -> pd.DataFrame:
    means = counts.means(summary.base(pin.measure), by, _centre(pin))
    own = again.of(list(pin.members or counts.members), by, lowest=pin.kind == "pair")
    return pd.DataFrame(
        {
            "place": means["group"],
            "value": means["value"],
            "chance": means["value"] - means["excess"],
            "again": means["group"].map(own).astype(float),
        }
    )


def _by_member(counts: Counts, pin: MaskPin, again: _Again) -> dict[str, pd.DataFrame]:
    """Return the tables by language and by pair, where there are several."""
    if pin.kind == "pair":
        return {}
    own, centre = again.each(), _centre(pin)
    shown = counts.only([(centre, other) for other in counts.members if other != centre]) if centre else counts
    pairs = summary.pairs(shown, pin.measure)
    bound = pd.DataFrame({side: pairs[side].map(speaker).map(own) for side in ("source", "target")}).astype(float)
    pairs["again"] = bound.min(axis=1)
    if centre:
        other = pairs["source"].where(pairs["source"] != centre, pairs["target"])
        return {"language": pairs.assign(place=other)[COLUMNS]}
    both = [pairs.assign(place=pairs[side]) for side in ("source", "target")]
    means = pd.concat(both).groupby("place", sort=False)[["value", "chance"]].mean().loc[order(list(counts.members))]
    languages = means.reset_index()
    languages["again"] = languages["place"].map(speaker).map(own).astype(float)
    pairs["place"] = pairs["source"] + AND + pairs["target"]
    return {"language": languages[COLUMNS], "pair": pairs[[*COLUMNS, "source", "target"]]}


def _name(pin: MaskPin, n: int) -> str:
    if pin.kind == "pair":
        return f"{display(pin.members[0])} and {display(pin.members[1])}"
    if pin.kind == "language":
        return f"{display(pin.members[0])} with {n - 1} others"
    return f"{n} languages"


def _settings(pin: MaskPin, title: str, name: str) -> str:
    method = [] if pin.method == "upload" else [pin.method]
    seed = [f"seed {pin.seed}"] if method else []
    parts = [title, name, *method, f"{np.round(100 * pin.sparsity, 1):g}% removed", f"task {pin.task}", *seed]
    return " · ".join([*parts, pin.measure])
