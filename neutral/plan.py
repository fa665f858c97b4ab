"""What `find` is asked for: one plan is one method on some languages, seeds and sparsities."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from neutral import lottery
from neutral.errors import NeutralError
from neutral.training import Recipe

CONTROLS = ("pretrained", "shuffled")


@dataclass(frozen=True)
class Plan:
    """What `find` is asked for."""

    model: str
    task: str  # mlm | clm
    languages: tuple[str, ...]
    method: str
    sparsities: tuple[float, ...]
    seeds: tuple[int, ...] = (0,)
    scope: str = "global"
    recipe: Recipe = field(default_factory=Recipe)
    length: int = 128
    blocks: int = 64  # blocks of text that a one-shot method looks at
    held_out: int = 1000  # blocks of held-out text a language, at most
    passes: int = 1
    halves: bool = False
    controls: tuple[str, ...] = ()
    functional: tuple[float, ...] = ()  # sparsities of the functional check
    keep: tuple[float, ...] | None = None  # sparsities whose masks stay in the study; None: all
    title: str = ""

    @property
    def trains(self) -> bool:
        """Whether masks are trained before they are scored."""
        return self.recipe.steps > 0 and self.method != "wanda"


def check(plan: Plan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if plan.method not in lottery.METHODS:
        raise NeutralError(f"--method {plan.method}: unknown; use one of {', '.join(lottery.METHODS)}")
    if plan.task not in ("mlm", "clm"):
        raise NeutralError(f"--task {plan.task}: masks are found on mlm (encoders) or clm (decoders)")
    if any(not 0 < s < 1 for s in plan.sparsities):
        raise NeutralError("--sparsity: a share between 0 and 1, such as 0.5")
    unknown = [name for name in plan.controls if name not in CONTROLS]
    if unknown:
        raise NeutralError(f"--controls {unknown[0]}: unknown; there are {' and '.join(CONTROLS)}")
    missing = set(plan.functional) - set(plan.sparsities)
    if missing:
        raise NeutralError(f"--functional {min(missing):g}: not among the sparsities that are found")


def settings(plan: Plan) -> dict:
    """What of a plan decides a method's masks and scores."""
    return {
        "scope": "row" if plan.method == "wanda" else plan.scope,
        "sparsities": list(plan.sparsities),
        "held_out_blocks": plan.held_out,
        "passes": plan.passes,
        **({"recipe": {k: v for k, v in asdict(plan.recipe).items() if k != "seed"}} if plan.trains else {}),
        **({"text_blocks": plan.blocks} if plan.method in ("wanda", "fisher") else {}),
    }
