"""The plan of `retrieve` and `represent`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neutral.errors import NeutralError
from neutral.inside.definitions import CANDIDATES, PAPER, POOLINGS, SCORES
from neutral.runs.plans.numbers import require_least, require_seeds

SENTENCES = Path(__file__).parents[3] / "data" / "sentences"
MASKS = ("full", "each", "own", "core", "random", "pretrained")
"""Which masks to look under.

full: no mask; each: all sentences under every language's mask in turn; own: each sentence under its own language's
mask, as in the paper; core: the weights that all masks keep, which are fewer than each keeps; random and pretrained:
random weights, and the largest of the untouched ones, at the plan's sparsity.
"""


@dataclass(frozen=True)
class InsidePlan:
    """What `retrieve` and `represent` do: under which masks, on which sentences, by which definition.

    The defaults are the paper's. `pooling` None is that too, but for decoders: see `states.usual_pooling`. `represent`
    has no candidates and no score.
    """

    model: str
    masks: tuple[str, ...] = ("full",)
    method: str = "magnitude"
    sparsity: float = 0.5
    seed: int = 0
    files: tuple[str, ...] = ()  # mask files to use in place of the study's
    sentences: str | Path = SENTENCES
    languages: tuple[str, ...] = ()  # all of the study's, if none
    candidates: str = PAPER.candidates
    pooling: str | None = None
    score: str = PAPER.score
    batch: int = 32


def check(plan: InsidePlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if unknown := [name for name in plan.masks if name not in MASKS]:
        raise NeutralError(f"--masks {unknown[0]}: unknown; use some of {','.join(MASKS)}")
    for name, value, known in (
        ("candidates", plan.candidates, CANDIDATES),
        ("pooling", plan.pooling or PAPER.pooling, POOLINGS),
        ("score", plan.score, SCORES),
    ):
        if value not in known:
            raise NeutralError(f"--{name} {value}: unknown; use one of {', '.join(known)}")
    require_least(1, batch=plan.batch)
    require_seeds(seed=(plan.seed,))
    if plan.sentences == SENTENCES and not SENTENCES.is_dir():
        raise NeutralError(
            f"{SENTENCES}: the bundled sentences come with the repository, not with the package; name a folder of "
            "parallel text with --sentences"
        )
