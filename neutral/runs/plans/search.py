"""The plan of `find`: one method on languages, seeds and sparsities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.runs.plans.numbers import require_least, require_seeds
from neutral.scores.cutting import scope_of
from neutral.search import ITERATIVE, METHODS
from neutral.search.lottery import rounds_to_nothing
from neutral.tasks import making
from neutral.tasks.wording import Wording

CONTROLS = ("pretrained", "shuffled")
ONLY = ("", "encoder", "decoder")
READS_TEXT = ("wanda", "fisher")  # methods that look at a few blocks of text


@dataclass(frozen=True)
class SearchPlan:
    """What `find` does: one method on languages, seeds and sparsities."""

    model: str
    task: str  # one of making.NAMES
    languages: tuple[str, ...]
    method: str
    sparsities: tuple[float, ...]
    seeds: tuple[int, ...] = (0,)
    scope: str = ""  # if empty, the study's (`scopes.used`): stacks apart in an encoder-decoder, else all together
    wording: Wording = field(default_factory=Wording)  # of text to text
    labels: tuple[tuple[str, str], ...] = ()  # old and new names of labels, where languages spell them otherwise
    only: str = ""  # the stack that is pruned: encoder | decoder; all if empty
    recipe: Recipe = field(default_factory=Recipe)
    length: int = 128
    blocks: int = 64  # blocks of text that a one-shot method looks at
    held_out: int = 1000  # blocks of held-out text, or examples, a language, at most
    examples: int | None = None  # labelled examples a language is trained on; None: what the one with fewest has
    passes: int = 1
    halves: bool = False
    controls: tuple[str, ...] = ()
    functional: tuple[float, ...] = ()  # sparsities of the functional check
    keep: tuple[float, ...] | None = None  # sparsities whose masks stay in the study; None: all
    title: str = ""

    @property
    def trains(self) -> bool:
        """Whether masks are trained before they are scored.

        Wanda's are not if the model knows the task already; a new head would score nothing without training.
        """
        return self.recipe.trains and (self.method != "wanda" or self.is_labelled)

    @property
    def is_labelled(self) -> bool:
        """Whether the task takes labelled examples."""
        return self.task in making.LABELLED


def check(plan: SearchPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if plan.method not in METHODS:
        raise NeutralError(f"--method {plan.method}: unknown; use one of {', '.join(METHODS)}")
    making.require(plan.task)
    if any(not 0 < s < 1 for s in plan.sparsities):
        raise NeutralError("--sparsity: a share between 0 and 1, such as 0.5")
    unknown = [name for name in plan.controls if name not in CONTROLS]
    if unknown:
        raise NeutralError(f"--controls {unknown[0]}: unknown; there are {' and '.join(CONTROLS)}")
    if plan.only not in ONLY:
        raise NeutralError(f"--only {plan.only}: unknown; use encoder or decoder")
    if plan.examples is not None and not plan.is_labelled:
        raise NeutralError("--train-examples: for labelled tasks; text is trained on in blocks, as --steps says")
    require_least(1, length=plan.length, held_out_blocks=plan.held_out, passes=plan.passes, blocks=plan.blocks)
    require_least(1, train_examples=plan.examples)
    require_seeds(seeds=plan.seeds)
    if plan.halves and plan.method in READS_TEXT and plan.blocks < 2:
        raise NeutralError(f"--blocks {plan.blocks}: two halves of the text take 2 blocks or more; raise --blocks")
    if plan.functional and plan.is_labelled:
        raise NeutralError("--functional: for mlm and clm; a new head scores nothing before it is trained")
    missing = set(plan.functional) - set(plan.sparsities)
    if missing:
        raise NeutralError(f"--functional {min(missing):g}: not among the sparsities that are found")


def settings(plan: SearchPlan) -> dict:
    """Return the settings of a plan that decide a method's masks and scores."""
    recipe = plan.recipe if plan.method in ITERATIVE else plan.recipe.once()
    several = plan.method in ITERATIVE
    over_all = several and recipe.schedule != "round"  # the rate falls over all rounds
    return {
        "scope": scope_of(plan.method, plan.scope),
        **({"only": plan.only} if plan.only else {}),
        **plan.wording.settings(),
        **({"labels": dict(plan.labels)} if plan.labels else {}),
        "sparsities": list(plan.sparsities),
        **({"rounds": path(plan.sparsities)} if several else {}),
        **({"rounds_in_all": rounds_to_nothing(list(plan.sparsities))} if over_all else {}),
        "held_out_blocks": plan.held_out,
        "passes": plan.passes,
        **({"recipe": recipe.written()} if plan.trains else {}),
        **({"text_blocks": plan.blocks} if plan.method in READS_TEXT else {}),
    }


def path(sparsities: Sequence[float]) -> dict[str, float]:
    """Return the way of a search over rounds, as study.json has it: sparsity -> that of the round before.

    >>> path((0.2, 0.4))
    {'0.2': 0.0, '0.4': 0.2}
    """
    rising = sorted(sparsities)
    return {f"{sparsity:g}": last for last, sparsity in zip((0.0, *rising), rising, strict=False)}


SHARED = ("prompt", "answer", "labels", "held_out_blocks", "passes", "classes", "examples")
"""Settings that decide the score of the full network, which all methods are compared with."""


def shared(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the part of a method's settings that decides the score of the full network."""
    apart = ("schedule", "examples", "head")  # of the rounds of a search
    recipe = {f"recipe {name}": value for name, value in settings.get("recipe", {}).items() if name not in apart}
    return {name: settings[name] for name in SHARED if name in settings} | recipe


def summary(plan: SearchPlan, examples: Mapping[str, int]) -> str:
    """Return what a plan does in a line; `examples` is how many each language has to train on."""
    masks = f"{plan.method} masks of {_counted(len(plan.languages), 'language')}, {_counted(len(plan.seeds), 'seed')}, "
    masks += "sparsity " if len(plan.sparsities) == 1 else "sparsities "
    masks += ", ".join(f"{sparsity:.0%}" for sparsity in plan.sparsities)
    if not plan.trains:
        return f"{masks}: scored without training"
    each = len(plan.sparsities) + 1 + (plan.method == "change")  # the whole network first
    runs = each * len(plan.languages) * len(plan.seeds)
    if not plan.is_labelled:
        return f"{masks}: {runs:,} trainings" + (f" of {plan.recipe.steps:,} steps" if not plan.recipe.epochs else "")
    count = plan.examples or min(examples.values())
    return f"{masks}: {runs:,} trainings of {plan.recipe.of(count).steps:,} steps, on {count:,} examples a language"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
