"""The plan of `transfer`: masks of sources × data of targets × sparsities × seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, replace
from typing import ClassVar, NamedTuple

from neutral import options
from neutral.corpora import parts
from neutral.errors import NeutralError
from neutral.options import COMPUTED, HASHED, key, option, part, setting
from neutral.recipes import Recipe
from neutral.references import FULL
from neutral.runs.plans import fields
from neutral.runs.plans.fields import TASKS
from neutral.tasks import names
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
    """What `transfer` does: masks of sources × data of targets × sparsities × seeds.

    As asked, the task may be auto and no target named, and the sources None: the targets.
    """

    model: str = fields.model(MISSING)
    task: str = option("auto", "what is trained and scored", choices=TASKS, group="main", decides=key())
    sources: tuple[str, ...] | None = option(
        None,
        "languages whose masks are trained (default: the targets)",
        kind="languages",
        group="main",
        decides=COMPUTED,  # if masks are joined; also a field of the results
    )
    targets: tuple[str, ...] = option(
        (),
        "languages to train on (default: all that the text has)",
        kind="languages",
        group="main",
        decides=key("target"),
    )
    sparsities: tuple[float, ...] = fields.sparsities((0.5,), "0.5,0.8", key("sparsity"))
    method: str = option("magnitude", "how the masks were found", group="main", decides=key())
    source_task: str = option(
        "", "what the masks were found on (default: --task)", choices=("", *names.NAMES), decides=key()
    )
    baselines: tuple[str, ...] = option(
        (FULL, "random"), f"what is trained besides: {','.join(BASELINES)}", choices=BASELINES, decides=key("source")
    )
    thinned: tuple[float, ...] = option(
        (),
        "sparsities of tickets to thin at random: 0.1,0.3",
        above=0,
        below=1,
        must=fields.SHARE,
        decides=key("source"),
    )
    reseeded: tuple[int, ...] = options.seeds(
        (), "seeds, not of --seeds, that the targets' own masks were found under too", decides=key("source")
    )
    seeds: tuple[int, ...] = options.seeds(
        (1,),
        "of the training; not --mask-seed's: own masks are fitted to the examples they were found on",
        decides=key("seed"),
    )
    mask_seed: int = options.seeds(0, "which of the masks found under several seeds", decides=setting())
    scope: str = fields.scope(setting())
    wording: Wording = part(Wording, decides=COMPUTED)
    labels: tuple[tuple[str, str], ...] = fields.labels()
    recipe: Recipe = part(Recipe, without=("schedule", "examples", "head"), decides=COMPUTED)
    length: int = fields.length()
    held_out: int = fields.held_out(decides=setting())
    examples: int | None = fields.examples(
        "labelled examples a language to train on (default: as the fewest)", setting(unless=None)
    )
    passes: int = fields.passes()
    title: str = fields.title()
    text: str = fields.text("text or labelled data, as for `find`")
    held_out_text: str = fields.held_out_text()
    documents: str = fields.documents()
    gguf: str = fields.gguf()
    masks: str = option(
        "", "the study that has the masks (default: --study)", kind="folder", group="main", decides=HASHED
    )

    WITHOUT: ClassVar[tuple[str, ...]] = ()
    FLAGS: ClassVar[dict[str, str]] = {}

    def check_asked(self) -> None:
        """Raise `NeutralError`, naming the option, for what cannot be whatever the text is."""
        _check_asked(filled(self, self.task, self.targets))

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


def filled(plan: TransferPlan, task: str, languages: Sequence[str]) -> TransferPlan:
    """Return the plan as it is carried out: its task, its targets and sources, and the baselines of given numbers."""
    numbered = [name for name in (THINNED, RESEEDED) if getattr(plan, name)]
    return replace(
        plan,
        task=task,
        targets=tuple(languages),
        sources=tuple(languages if plan.sources is None else plan.sources),
        baselines=tuple(dict.fromkeys([*plan.baselines, *numbered])),
    )


def check(plan: TransferPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    _check_asked(plan)
    if not plan.targets or not (plan.sources or plan.baselines):
        raise NeutralError("--sources, --targets: nothing to run")
    fewest = min(sum(apart(source, target) for source in plan.sources) for target in plan.targets)
    shared = [name for name in JOINED if name in plan.baselines]
    if shared and fewest < 2:
        raise NeutralError(f"--baselines {shared[0]}: takes at least two sources beside every target")


def _check_asked(plan: TransferPlan) -> None:
    """Check what needs no languages."""
    options.check(plan)
    if THINNED in plan.baselines and not plan.thinned:
        raise NeutralError("--baselines thinned: say which tickets to start from with --thinned 0.1,0.2")
    if RESEEDED in plan.baselines and not plan.reseeded:
        raise NeutralError("--baselines reseeded: say under which seeds own masks were found with --reseeded 2")
    if plan.mask_seed in plan.reseeded:
        raise NeutralError(f"--reseeded {plan.mask_seed}: that is --mask-seed, the seed of the masks compared with")
    if plan.thinned and min(plan.thinned) >= max(plan.sparsities):
        raise NeutralError(f"--thinned {min(plan.thinned):g}: a ticket is thinned up to --sparsity, so it starts below")


def settings(plan: TransferPlan) -> dict:
    """Return the settings of a plan that decide its scores."""
    return {
        "recipe": plan.recipe.once().written(),
        **plan.wording.settings(),
        **options.settings(plan),
        **({"sources": sorted(plan.sources)} if set(JOINED) & set(plan.baselines) else {}),
    }
