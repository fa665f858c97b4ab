"""What a unit of a search reads and writes, in words and bytes, before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neutral import overlap
from neutral.memory import amount
from neutral.overlap import stored
from neutral.runs.search import counting
from neutral.runs.search.worker import Check, Control
from neutral.runs.units import Effect, Unit
from neutral.search import ITERATIVE
from neutral.study import PRETRAINED

if TYPE_CHECKING:
    from neutral.runs.search.work import Finder

_ROW = 350  # bytes of a score
_EXAMPLE = 8  # bytes of what an example adds to a metric, in a row


def effect(work: Finder, unit: Unit, sizes: Mapping[str, int], prunable: int, matrices: int) -> Effect:
    """Return what a unit reads and writes.

    `sizes` are the languages' examples to train on, `prunable` the weights, in so many `matrices`.
    """
    plan, asked, mask = work.plan, unit.asked, prunable // 8
    row = _ROW + (_EXAMPLE * plan.held_out if plan.is_labelled else 0)
    if isinstance(asked, Control):
        of_control = sum(counts(kind, work.languages, matrices) for kind in counting.OF_CONTROL)
        return Effect("the untouched weights", "counts of the masks against a control", of_control)
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
    sets = len(plan.sparsities) if masks and plan.method not in ITERATIVE else masks
    counted = sets * _counted(work, matrices) // len(plan.languages)
    reads = f"{read:,} {kind} of {asked.code}, and its held-out text"
    return Effect(reads, ", ".join(writes), kept * mask + scored * row + counted)


def _counted(work: Finder, matrices: int) -> int:
    """Return about how many bytes the counts of the masks of one sparsity and seed take, without those of a control."""
    plan, codes = work.plan, work.languages
    kinds = ["languages", *["shuffled"] * ("shuffled" in plan.controls), *["halves"] * plan.halves]
    every = sum(counts(kind, codes, matrices) for kind in kinds)
    seeds = len(plan.seeds)
    return every + (counts("seeds", codes, matrices, seeds) // seeds if seeds > 1 else 0)


def counts(kind: str, codes: Sequence[str], matrices: int, several: int = 2) -> int:
    """Return about how many bytes counts of a kind (`study.KINDS`) take of these languages, each found `several` times.

    How often one was found counts for halves and seeds alone.
    """
    members = [*codes, *[PRETRAINED] * (kind == PRETRAINED)]
    if kind in ("halves", "seeds"):
        members = [f"{code}/{one}" for code in codes for one in range(several)]
    pairs = overlap.meant(kind, members)
    every = len(members) * (len(members) - 1) // 2
    number = every if pairs is None else len(pairs)
    return stored.size(matrices, len(members), number, exactly=pairs is None)
