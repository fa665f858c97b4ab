"""The plan of `retrieve` and `represent`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neutral.errors import NeutralError

SENTENCES = Path(__file__).parents[3] / "data" / "sentences"
MASKS = ("full", "each", "core", "random", "pretrained")
"""Which masks to look under.

full: no mask; each: every language's own mask; core: the weights that all of them keep, which are fewer than each
keeps; random and pretrained: random weights, and the largest of the untouched ones, at the plan's sparsity.
"""


@dataclass(frozen=True)
class InsidePlan:
    """What `retrieve` and `represent` do: under which masks, and on which sentences."""

    model: str
    masks: tuple[str, ...] = ("full",)
    method: str = "magnitude"
    sparsity: float = 0.5
    seed: int = 0
    files: tuple[str, ...] = ()  # mask files to use in place of the study's
    sentences: str | Path = SENTENCES
    languages: tuple[str, ...] = ()  # all of the study's, if none
    batch: int = 32


def check(plan: InsidePlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if unknown := [name for name in plan.masks if name not in MASKS]:
        raise NeutralError(f"--masks {unknown[0]}: unknown; use some of {','.join(MASKS)}")
    if plan.sentences == SENTENCES and not SENTENCES.is_dir():
        raise NeutralError(
            f"{SENTENCES}: the bundled sentences come with the repository, not with the package; name a folder of "
            "parallel text with --sentences"
        )
