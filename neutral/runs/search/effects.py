"""What a unit of a search reads and writes, in words and bytes, before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neutral.memory import amount
from neutral.runs.search.worker import Check, Control
from neutral.runs.units import Effect, Unit
from neutral.search import ITERATIVE

if TYPE_CHECKING:
    from neutral.runs.search.work import Finder

_ROW = 350  # bytes of a score
_EXAMPLE = 8  # bytes of what an example adds to a metric, in a row
_COUNTS = 30_000  # bytes of the counts of a set of masks


def effect(work: Finder, unit: Unit, sizes: Mapping[str, int], prunable: int) -> Effect:
    """Return what a unit reads and writes; `sizes` are the languages' examples to train on, `prunable` the weights."""
    plan, asked, mask = work.plan, unit.asked, prunable // 8
    row = _ROW + (_EXAMPLE * plan.held_out if plan.is_labelled else 0)
    if isinstance(asked, Control):
        return Effect("the untouched weights", "counts of the masks against a control", 2 * _COUNTS)
    if isinstance(asked, Check):
        many = f"{len(asked.targets)} languages" if len(asked.targets) > 1 else asked.targets[0]
        source = f"the mask of {asked.source}, held-out text" if asked.source in plan.languages else "held-out text"
        return Effect(f"{source} of {many}", f"{len(asked.targets)} scores", row * len(asked.targets))
    if plan.method in ITERATIVE:
        scored = len(unit.rounds)
        masks = max(scored - 1, 0)  # the last round cuts no further
    else:
        given = work.given(unit)
        scored = len(given["scores"])
        masks = len(plan.sparsities) * (3 if plan.halves else 1) if given["cut"] else 0
    read = sizes[asked.code] if plan.trains else min(plan.blocks, sizes[asked.code])
    kind = "examples" if plan.is_labelled else "blocks"
    kept = masks if plan.keep is None else min(masks, len(plan.keep))
    writes = [f"{masks} masks of {amount(mask)}"] * bool(masks) + [f"{scored} scores"] * bool(scored)
    counts = _COUNTS * masks // len(plan.languages)
    reads = f"{read:,} {kind} of {asked.code}, and its held-out text"
    return Effect(reads, ", ".join(writes), kept * mask + scored * row + counts)
