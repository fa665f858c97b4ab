"""The plan of `typology`: which masks to explain, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neutral import options
from neutral.errors import NeutralError
from neutral.options import harmless, key, option, setting
from neutral.runs.plans import fields

REGRESSED = ("syntactic", "genetic", "geographic", "script", "occurrences", "size")
FORMS = ("table", "csv", "json")


@dataclass(frozen=True)
class TypologyPlan:
    """Which masks to explain, and how."""

    methods: tuple[str, ...] = option(
        (), "of finding masks (default: all that the study has)", group="main", decides=key("method")
    )
    sparsities: tuple[float, ...] = fields.sparsities((0.5,), "0.3,0.5", key("sparsity"))
    mask_seed: int | None = options.seeds(
        None, "which of the masks found under several seeds (default: the lowest)", decides=key("seed")
    )
    measures: tuple[str, ...] = option(
        ("jaccard", "beyond"), "of overlap: jaccard,beyond,phi,…", group="main", decides=key("measure")
    )
    by: tuple[str, ...] = option(
        ("all", "layer"), "all,layer,component,expert,…; the first is printed", group="main", decides=key()
    )
    controls: tuple[str, ...] = option(
        ("family", "script", "geographic", "occurrences"), "distances held, one at a time", decides=key()
    )
    regressed: tuple[str, ...] = option(REGRESSED, "distances that are regressed on together", decides=key("kinds"))
    permutations: int = option(9999, "random orders a test compares with", least=1, decides=setting())
    seed: int = options.seeds(0, "of the random orders", decides=setting())
    model: str = fields.model(
        "", "for the vocabulary's overlap: the model whose tokenizer counts --text", required=False
    )
    text: str = fields.text(
        "a folder of <lang>.txt[.gz|.xz]: the text that the model or masks were made from", required=False
    )
    gguf: str = fields.gguf("a .gguf file in the model's folder that has the tokenizer")
    format: str = option(
        "table", "how the tests are printed", choices=FORMS, decides=harmless("how the tests are printed")
    )

    WITHOUT: ClassVar[tuple[str, ...]] = ("device", "report_to")  # no network runs
    FLAGS: ClassVar[dict[str, str]] = {}

    def check_asked(self) -> None:
        """Raise `NeutralError`, naming the option, for what cannot be."""
        check(self)


def check(plan: TypologyPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    options.check(plan)
    if bool(plan.model) != bool(plan.text):
        raise NeutralError("--model and --text go together: the model's tokenizer counts the text's tokens")


def settings(plan: TypologyPlan) -> dict[str, int]:
    """Return the settings of a plan that decide its tests and are not in the tests' rows."""
    return options.settings(plan)
