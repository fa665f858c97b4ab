"""A pinned view of transfers: what masks cost, in per cent of the own mask's score, above 0 is worse."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from neutral.compare.pins import MaskPin
from neutral.compare.views import COST, TO, View, rows
from neutral.errors import NeutralError
from neutral.language import nearest
from neutral.members import order, rows_in_order
from neutral.metrics import by_accuracy
from neutral.study import FULL, Study
from neutral.transfer import answers, published, results, seeds

_FIELDS = ("task", "method", "sparsity")


def view(pin: MaskPin, source: Study | None) -> View:
    """Return what a pin shows of a study's transfers, or of the paper's for None.

    Raises `NeutralError` when there are no such transfers, and for a language that has none.
    """
    if source is None:
        pin, matrix, title = _of_paper(pin)
    else:
        pin, matrix = _of_study(pin, source)
        title = str(source.info.get("title") or source.path.name)
    there = answers.languages(matrix)
    members = tuple(dict.fromkeys(nearest.member_called(member, there, "transfer") for member in pin.members))
    pin = replace(pin, members=members)
    between = answers.between(matrix).dropna(subset="cost")
    if members:
        between = between[between["source"].isin(members) & between["target"].isin(members)]
    if between.empty:
        raise NeutralError(f"{pin.study}: no mask of another language was trained beside the own one there")
    name = f"Transfer between {len(dict.fromkeys([*between['source'], *between['target']]))} languages"
    seed = "all seeds" if pin.seed is None else f"seed {pin.seed}"
    parts = (title, name, pin.method, f"{pin.sparsity:.0%} removed", f"task {pin.task}", seed, _scored(pin, matrix))
    return View(pin, name, title, " · ".join(parts), COST, "", float(100 * between["cost"].mean()), _tables(between))


def _tables(between: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the mean cost of each mask, that on each text, and every one."""
    between = between.assign(cost=100 * between["cost"])
    tables = {}
    for by, side in (("mask", "source"), ("target", "target")):
        means = between.groupby(side)["cost"].mean()
        means = means.loc[order(list(means.index))]
        tables[by] = rows(means.index, means)
    each = rows_in_order(between, "source")
    sides = {side: each[side].to_numpy() for side in ("source", "target")}
    tables["direction"] = rows(each["source"] + TO + each["target"], each["cost"]).assign(**sides)
    return tables


def _scored(pin: MaskPin, matrix: pd.DataFrame) -> str:
    return f"scored by {matrix['metric'].iloc[0]}"


def _of_study(pin: MaskPin, source: Study) -> tuple[MaskPin, pd.DataFrame]:
    """Return a pin with all said, and its matrix (`results.against_own`)."""
    table = source.table("transfer")
    if table.empty:
        raise NeutralError(f"{pin.study}: has no transfers; `transfer` makes them")
    masked = table[(table["method"] != FULL) & (table["source_task"] == table["task"])]
    left = masked[list(_FIELDS)].drop_duplicates()
    for field in _FIELDS:
        value, there = getattr(pin, field), sorted(set(left[field]))
        if value in ("", None):
            if len(there) > 1 and field != "sparsity":
                raise NeutralError(f"{pin.study}: there are transfers of {field} {', '.join(there)}; say which")
            value = min(there, key=lambda one: abs(one - 0.5)) if field == "sparsity" else there[0]
        fits = left[(left[field] - value).abs() < 1e-9] if field == "sparsity" else left[left[field] == value]
        if fits.empty:
            raise NeutralError(f"{pin.study}: no transfers of {field} {value}; there are {', '.join(map(str, there))}")
        left, pin = fits, replace(pin, **{field: value})
    selected = results.select(table, pin.task, pin.sparsity, method=pin.method)
    if pin.measure == "accuracy":
        selected = by_accuracy(selected)
    if pin.seed is not None:
        selected = selected[selected["seed"] == pin.seed]
        if selected.empty:
            there = ", ".join(map(str, seeds.cells(results.select(table, pin.task, pin.sparsity)).index))
            raise NeutralError(f"{pin.study}: no transfers of training seed {pin.seed}; there are {there}")
    return pin, results.against_own(results.matrix(selected))


def _of_paper(pin: MaskPin) -> tuple[MaskPin, pd.DataFrame, str]:
    pairs = published.experiments()
    fits = [pair for pair in pairs if pin.method in ("", pair[0]) and pin.task in ("", pair[1])]
    if not fits or pin.sparsity not in (None, published.SPARSITY):
        printed = ", ".join(f"{model} {task}" for model, task in pairs)
        raise NeutralError(f"{pin.study}: no table of {pin.method} {pin.task}; the paper has {printed}, at 50%")
    model, task = fits[0]
    pin = replace(pin, method=model, task=task, sparsity=published.SPARSITY)
    return pin, results.against_own(published.transfer(model, task)), published.NAME
