"""What a transfer experiment runs: masks of sources × data of targets × sparsities × seeds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from neutral.corpora import parts
from neutral.errors import NeutralError
from neutral.training import Recipe

FULL = "full"
JOINED = ("core", "union", "vote")
"""Sources that are made of the masks of several languages: what all of them keep, any of them, most of them."""

BASELINES = (FULL, "random", "pretrained", *JOINED, "thinned", "reseeded")
"""Sources that are no single language.

full: no mask. random: uniform in every tensor. pretrained: magnitudes of the untouched weights. core, union, vote: of
all sources but the target and mixtures with it, at the sparsity of a single mask. thinned: the target's own tickets of
lower sparsity, thinned at random; each is a source of its own, "thinned 0.2". reseeded: the target's own mask found
under another seed, "reseeded 2": what another language's mask costs beyond it is the language's, the rest the search's.
"""

_NUMBERED = ("thinned", "reseeded")
_THINNED = re.compile(r"^thinned (0\.\d+)$")
_RESEEDED = re.compile(r"^reseeded (\d+)$")


class Run(NamedTuple):
    """One training: the mask of `source` at `sparsity`, trained and scored on `target` under `seed`."""

    source: str
    target: str
    sparsity: float
    seed: int


@dataclass(frozen=True)
class TransferPlan:
    """What `transfer` is asked for."""

    model: str
    task: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    sparsities: tuple[float, ...] = (0.5,)
    method: str = "magnitude"
    source_task: str = ""  # the task that masks were found on; the same if empty
    baselines: tuple[str, ...] = (FULL, "random")
    thinned: tuple[float, ...] = ()  # sparsities of the tickets that are thinned
    reseeded: tuple[int, ...] = ()  # other seeds that the targets' own masks were found under
    seeds: tuple[int, ...] = (1,)  # not mask_seed: own masks are fitted to the examples they were found on
    mask_seed: int = 0
    scope: str = "global"
    recipe: Recipe = field(default_factory=Recipe)
    length: int = 128
    held_out: int = 1000
    examples: int | None = None  # of labelled data, a language; all languages have as many
    passes: int = 1
    title: str = ""

    @property
    def masks_of(self) -> str:
        """The task that the masks were found on."""
        return self.source_task or self.task

    def runs(self) -> Iterator[Run]:
        """Yield the runs, seeds and sparsities outermost; for each target what it is read against comes first.

        The full model has no sparsity: it is run once a seed and target.
        """
        for seed in self.seeds:
            for number, sparsity in enumerate(self.sparsities):
                for target in self.targets:
                    if FULL in self.baselines and number == 0:
                        yield Run(FULL, target, 0.0, seed)
                    own = [target] if target in self.sources else []
                    others = [source for source in self.sources if source != target]
                    plain = [b for b in self.baselines if b not in (FULL, *_NUMBERED)]
                    thin = [f"thinned {s:g}" for s in self.thinned if s < sparsity and "thinned" in self.baselines]
                    again = [f"reseeded {s}" for s in self.reseeded if "reseeded" in self.baselines]
                    for source in (*own, *again, *plain, *thin, *others):
                        yield Run(source, target, sparsity, seed)


def is_language(source: str) -> bool:
    """Whether a source is the mask of one language: neither a baseline nor a mixture."""
    numbered = thinned_from(source) is not None or reseeded_from(source) is not None
    return source not in BASELINES and not numbered and len(parts(source)) == 1


def apart(source: str, target: str) -> bool:
    """Whether a source has nothing of a target, where either may be a mixture."""
    return set(parts(source)).isdisjoint(parts(target))


def thinned_from(source: str) -> float | None:
    """Return the sparsity of the ticket that a source "thinned 0.2" starts from; None for other sources."""
    match = _THINNED.match(source)
    return float(match[1]) if match else None


def reseeded_from(source: str) -> int | None:
    """Return the seed that the mask of a source "reseeded 2" was found under; None for other sources."""
    match = _RESEEDED.match(source)
    return int(match[1]) if match else None


def check(plan: TransferPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if unknown := [name for name in plan.baselines if name not in BASELINES]:
        raise NeutralError(f"--baselines {unknown[0]}: unknown; there are {', '.join(BASELINES)}")
    if any(not 0 < s < 1 for s in (*plan.sparsities, *plan.thinned)):
        raise NeutralError("--sparsity: a share between 0 and 1, such as 0.5")
    if not plan.targets or not (plan.sources or plan.baselines):
        raise NeutralError("--sources, --targets: nothing to run")
    if "thinned" in plan.baselines and not plan.thinned:
        raise NeutralError("--baselines thinned: say which tickets to start from with --thinned 0.1,0.2")
    if "reseeded" in plan.baselines and not plan.reseeded:
        raise NeutralError("--baselines reseeded: say under which seeds own masks were found with --reseeded 2")
    if plan.mask_seed in plan.reseeded:
        raise NeutralError(f"--reseeded {plan.mask_seed}: that is --mask-seed, the seed of the masks compared with")
    if plan.thinned and min(plan.thinned) >= max(plan.sparsities):
        raise NeutralError(f"--thinned {min(plan.thinned):g}: a ticket is thinned up to --sparsity, so it starts below")
    few = min((sum(apart(source, target) for source in plan.sources) for target in plan.targets), default=0)
    shared = [name for name in JOINED if name in plan.baselines]
    if shared and few < 2:
        raise NeutralError(f"--baselines {shared[0]}: takes at least two sources beside every target")


def settings(plan: TransferPlan) -> dict:
    """What of a plan decides its scores."""
    return {
        "recipe": {k: v for k, v in asdict(plan.recipe).items() if k != "seed"},
        "scope": plan.scope,
        "held_out": plan.held_out,
        **({"examples": plan.examples} if plan.examples else {}),
        "passes": plan.passes,
        "mask_seed": plan.mask_seed,
    }
