"""What the owner of a search's study counts: the overlap of its masks, with the control and within a language."""

from __future__ import annotations

from neutral.masks import Mask
from neutral.runs.kept import Kept
from neutral.study import PRETRAINED

OF_CONTROL = {"pretrained", "beyond"}
"""Kinds of counts that take the mask of the untouched weights."""


def missing(kept: Kept, sparsity: float, seed: int, codes: list[str]) -> set[str]:
    """Return the kinds of counts that masks of a sparsity and seed are not in yet, of those that the plan asks for."""
    plan = kept.plan
    kinds = {"languages", *(OF_CONTROL if "pretrained" in plan.controls else ())}
    kinds |= {"shuffled"} & set(plan.controls)
    return {kind for kind in kinds if not kept.counted(sparsity, seed, kind, codes)}


def count(kept: Kept, sparsity: float, seed: int, reference: Mask | None = None) -> None:
    """Count a complete set of masks that is not counted yet; with `reference`, the control, against that too."""
    codes = kept.with_masks(sparsity, seed)
    kinds = missing(kept, sparsity, seed, codes) if codes else set()
    kinds -= OF_CONTROL if reference is None else set()
    if not kinds:
        return
    masks = [kept.mask(sparsity, seed, code) for code in codes]
    if "languages" in kinds:
        kept.write_counts(masks, codes, sparsity, seed, "languages")
    if kinds & OF_CONTROL:
        kept.write_counts([*masks, reference], [*codes, PRETRAINED], sparsity, seed, "pretrained")
        kept.write_counts([mask ^ reference for mask in masks], codes, sparsity, seed, "beyond")
    if "shuffled" in kinds:
        kept.write_counts([mask.shuffled(seed) for mask in masks], codes, sparsity, seed, "shuffled")


def count_within(kept: Kept, sparsity: float) -> None:
    """Count masks of the same language against each other: other seeds, other halves of the text."""
    plan, first, index = kept.plan, kept.plan.seeds[0], kept.study.masks_index()
    stored = index[(index.task == plan.task) & (index.method == plan.method) & (index.sparsity == sparsity)]
    whole = stored[stored.variant == ""]
    several = whole[whole.groupby("language").seed.transform("nunique") > 1].sort_values(["language", "seed"])
    halves = stored[stored.variant.isin(["a", "b"]) & (stored.seed == first)].sort_values(["language", "variant"])
    for kind, rows, names in (
        ("seeds", several, [f"{row.language}/{row.seed}" for row in several.itertuples()]),
        ("halves", halves, [f"{row.language}/{row.variant}" for row in halves.itertuples()]),
    ):
        if len(rows) and not kept.counted(sparsity, first, kind, names):
            masks = [kept.read(path) for path in rows.path]
            kept.write_counts(masks, names, sparsity, first, kind)
