"""A pinned view of winning tickets: the highest share of weights that each language's ticket can do without."""

from __future__ import annotations

from dataclasses import replace

from neutral.compare.pins import MaskPin
from neutral.compare.views import REMOVED, View, rows
from neutral.errors import NeutralError
from neutral.language import nearest
from neutral.members import order
from neutral.metrics import by_accuracy
from neutral.search import winning
from neutral.study import Study

RULES = ("within_std", "not_worse")
"""The paper's rule, and the bootstrap's where that cannot be applied (`winning`)."""


def view(pin: MaskPin, source: Study) -> View:
    """Return what a pin shows of a study's tickets, in % of the weights removed, by one rule for all languages.

    Languages without a winning ticket have 0. Raises `NeutralError` when no ticket was scored beside the full model.
    """
    runs = winning.runs(source)
    runs = by_accuracy(runs) if pin.measure == "accuracy" and len(runs) else runs
    if runs.empty:
        raise NeutralError(f"{pin.study}: no tickets were scored")
    masked = runs[~runs["method"].isin(("full", "random", "pretrained"))]
    for field in ("task", "method"):
        there = sorted(set(masked[field]))
        value = getattr(pin, field) or (there[0] if len(there) == 1 else "")
        if value not in there:
            raise NeutralError(f"{pin.study}: {field} {value!r} has no tickets; there are {', '.join(there)}")
        pin, masked = replace(pin, **{field: value}), masked[masked[field] == value]
    for variant in ("trained", "untrained"):
        levels = winning.levels(runs, pin.task, pin.method, variant=variant)
        if len(levels):
            break
    won = winning.winners(levels)
    rule = next((rule for rule in RULES if (won["rule"] == rule).any()), "")
    if not rule:
        raise NeutralError(f"{pin.study}: no ticket of {pin.task}, {pin.method} can be judged beside the full model")
    best = won[won["rule"] == rule].set_index("language")["sparsity"].fillna(0.0) * 100
    members = tuple(dict.fromkeys(nearest.member_called(member, list(best.index), "ticket") for member in pin.members))
    best = best.loc[order(list(members or best.index))]
    pin = replace(pin, members=members)
    title = str(source.info.get("title") or source.path.name)
    name = f"Winning tickets of {len(best)} languages"
    how = {"within_std": "within one deviation of the full model", "not_worse": "not significantly worse than it"}[rule]
    scored = f"by {levels['metric'].iloc[0]}, {how}, {variant}"
    told = " · ".join((title, name, pin.method, f"task {pin.task}", scored))
    return View(pin, name, title, told, REMOVED, "", float(best.mean()), {"language": rows(best.index, best)})
