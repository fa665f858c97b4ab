"""A pinned token table: its perplexity over the full table's, by language at one ratio, and by ratio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neutral.compare.pins import TablePin
from neutral.compare.views import FACTOR, View, rows
from neutral.compression import results
from neutral.errors import NeutralError
from neutral.members import rows_in_order
from neutral.study import Study

NEAR = 10.0
"""The ratio that is taken where none is said: the measured one nearest to it."""


def view(pin: TablePin, source: Study) -> View:
    """Return what a pin shows of a study of token tables. Raises `NeutralError` when the study has no such results."""
    scores = results.scores(source.table("perplexity"), results.tables(source.table("table")))
    if scores.empty:
        raise NeutralError(f"{pin.study}: has no perplexities of token tables")
    for field, usual in (("line", None), ("by", "bytes"), ("where", "input"), ("words", False), ("scoring", "blocks")):
        there = list(dict.fromkeys(scores[field]))
        value = getattr(pin, field)
        value = (usual if usual in there else there[0]) if value in ("", None) else value
        if value not in there:
            raise NeutralError(f"{pin.study}: no token tables with {field} {value!r}; there are {_listed(there)}")
        pin, scores = replace(pin, **{field: value}), scores[scores[field] == value]
    ratios = sorted(set(scores["ratio"]))
    nearest = min(ratios, key=lambda ratio: abs(np.log(ratio / (pin.ratio or NEAR))))
    if pin.ratio is not None and abs(nearest - pin.ratio) > 0.005 * pin.ratio:
        raise NeutralError(f"{pin.study}: no {pin.line} at ratio {pin.ratio:g}; there are {_listed(ratios)}")
    pin = replace(pin, ratio=float(nearest))
    at = rows_in_order(scores[scores["ratio"] == nearest])
    title = str(source.info.get("title") or source.path.name)
    curve = results.at_size(results.mean(scores), pin.by)
    tables = {"language": rows(at["language"], at["factor"]), "size": rows(curve["size"], curve["factor"])}
    whole = float(np.exp(at["nats"].mean()))
    name = f"{pin.line}, {nearest:g} times smaller"
    masking = "whole words" if pin.words else "word pieces"
    parts = (title, name, f"by {pin.by}", f"table in the {pin.where}", masking, f"scored in {pin.scoring}")
    return View(pin, name, title, " · ".join(parts), FACTOR, "", whole, tables)


def _listed(values: list) -> str:
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
