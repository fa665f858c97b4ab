"""The plan of `transfer`: masks of sources × data of targets × sparsities × seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from neutral.corpora import parts
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.runs.plans.numbers import require_least, require_seeds
from neutral.study import FULL
from neutral.tasks.wording import Wording
from neutral.transfer.sources import BASELINES, JOINED, RESEEDED, THINNED, MaskSource


class Run(NamedTuple):
    """One training: the mask of `source` at `sparsity`, trained and scored on `target` under `seed`."""

    source: MaskSource
    target: str
    sparsity: float
    seed: int


@dataclass(frozen=True)
class TransferPlan:
    """What `transfer` does: masks of sources × data of targets × sparsities × seeds."""

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
    scope: str = ""  # if empty, the study's (`scopes.used`): stacks apart in an encoder-decoder, else all together
    wording: Wording = field(default_factory=Wording)  # of text to text
    labels: tuple[tuple[str, str], ...] = ()  # old and new names of labels, where languages spell them otherwise
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
        """Yield the runs, seeds and sparsities outermost; for each target its references come first.

        The full model has no sparsity: it is run once a seed and target.
        """
        for seed in self.seeds:
            for number, sparsity in enumerate(self.sparsities):
                for target in self.targets:
                    if FULL in self.baselines and number == 0:
                        yield Run(MaskSource(FULL), target, 0.0, seed)
                    for source in self._masks(target, sparsity):
                        yield Run(source, target, sparsity, seed)

    def _masks(self, target: str, sparsity: float) -> Iterator[MaskSource]:
        """Yield the sources of masks of a sparsity that are trained on a target, its own first."""
        if target in self.sources:
            yield MaskSource(target)
        if RESEEDED in self.baselines:
            yield from (MaskSource(RESEEDED, seed=seed) for seed in self.reseeded)
        yield from (MaskSource(name) for name in self.baselines if name not in (FULL, THINNED, RESEEDED))
        if THINNED in self.baselines:
            yield from (MaskSource(THINNED, sparsity=start) for start in self.thinned if start < sparsity)
        yield from (MaskSource(name) for name in self.sources if name != target)


def apart(source: str, target: str) -> bool:
    """Whether a source and a target have no language in common; either may be a mixture."""
    return set(parts(source)).isdisjoint(parts(target))


def check(plan: TransferPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if unknown := [name for name in plan.baselines if name not in BASELINES]:
        raise NeutralError(f"--baselines {unknown[0]}: unknown; there are {', '.join(BASELINES)}")
    if any(not 0 < s < 1 for s in (*plan.sparsities, *plan.thinned)):
        raise NeutralError("--sparsity: a share between 0 and 1, such as 0.5")
    if not plan.targets or not (plan.sources or plan.baselines):
        raise NeutralError("--sources, --targets: nothing to run")
    if THINNED in plan.baselines and not plan.thinned:
        raise NeutralError("--baselines thinned: say which tickets to start from with --thinned 0.1,0.2")
    if RESEEDED in plan.baselines and not plan.reseeded:
        raise NeutralError("--baselines reseeded: say under which seeds own masks were found with --reseeded 2")
    if plan.mask_seed in plan.reseeded:
        raise NeutralError(f"--reseeded {plan.mask_seed}: that is --mask-seed, the seed of the masks compared with")
    if plan.thinned and min(plan.thinned) >= max(plan.sparsities):
        raise NeutralError(f"--thinned {min(plan.thinned):g}: a ticket is thinned up to --sparsity, so it starts below")
    require_least(1, length=plan.length, held_out_blocks=plan.held_out, passes=plan.passes)
    require_least(1, train_examples=plan.examples)
    require_seeds(seeds=plan.seeds, mask_seed=(plan.mask_seed,), reseeded=plan.reseeded)
    fewest = min((sum(apart(source, target) for source in plan.sources) for target in plan.targets), default=0)
    shared = [name for name in JOINED if name in plan.baselines]
    if shared and fewest < 2:
        raise NeutralError(f"--baselines {shared[0]}: takes at least two sources beside every target")


def settings(plan: TransferPlan) -> dict:
    """Return the settings of a plan that decide its scores."""
    return {
        "recipe": plan.recipe.once().written(),
        "scope": plan.scope,
        **plan.wording.settings(),
        **({"labels": dict(plan.labels)} if plan.labels else {}),
        "held_out": plan.held_out,
        **({"examples": plan.examples} if plan.examples else {}),
        "passes": plan.passes,
        "mask_seed": plan.mask_seed,
        **({"sources": sorted(plan.sources)} if set(JOINED) & set(plan.baselines) else {}),
    }
