"""The plan of `controls`: what the masks of a study are compared with that takes no text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neutral import options
from neutral.errors import NeutralError
from neutral.options import harmless, option
from neutral.runs.plans import fields
from neutral.selection import SCOPES

KINDS = ("shuffled", "pretrained")


@dataclass(frozen=True)
class ControlsPlan:
    """Which controls of a study's masks to count."""

    controls: tuple[str, ...] = option(
        (),
        "shuffled: each mask shuffled within its matrices; pretrained: the mask of the untouched weights, and what "
        "each mask changes against it (default: shuffled, and with --model pretrained)",
        choices=KINDS,
        group="main",
        decides=harmless("each has counts of its own"),
    )
    model: str = fields.model("", "the masks' model, for pretrained: a Hugging Face id or folder", required=False)
    scope: str = option(
        "",
        "among which weights the pretrained mask is cut, as the masks were (default: the study's, else row for wanda, "
        "stack for an encoder-decoder, global for other models)",
        choices=("", *SCOPES),
        decides=harmless("the first run writes it down, and others are refused"),
    )
    gguf: str = fields.gguf()

    WITHOUT: ClassVar[tuple[str, ...]] = ("device", "report_to")  # no network runs
    FLAGS: ClassVar[dict[str, str]] = {}

    def check_asked(self) -> None:
        """Raise `NeutralError`, naming the option, for what cannot be."""
        check(self)


def kinds(plan: ControlsPlan) -> tuple[str, ...]:
    """Return the controls of a plan: those that were asked for, else all that can be made."""
    return plan.controls or (KINDS if plan.model else KINDS[:1])


def check(plan: ControlsPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    options.check(plan)
    if "pretrained" in plan.controls and not plan.model:
        raise NeutralError("--controls pretrained: takes the masks' model; name its folder or id with --model")
