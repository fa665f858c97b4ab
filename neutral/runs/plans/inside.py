"""The plan of `retrieve` and `represent`."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from pathlib import Path
from typing import ClassVar

from neutral import options
from neutral.errors import NeutralError
from neutral.inside.definitions import CANDIDATES, PAPER, POOLINGS, SCORES
from neutral.options import HASHED, harmless, key, option
from neutral.references import FULL
from neutral.runs.plans import fields

SENTENCES = Path(__file__).parents[3] / "data" / "sentences"
MASKS = ("full", "each", "own", "core", "random", "pretrained")
"""Which masks to look under.

full: no mask; each: all sentences under every language's mask in turn; own: each sentence under its own language's
mask, as in the paper; core: the weights that all masks keep, which are fewer than each keeps; random and pretrained:
random weights, and the largest of the untouched ones, at the plan's sparsity.
"""


@dataclass(frozen=True)
class InsidePlan:
    """What `retrieve` and `represent` have in common: under which masks, on which sentences, by which states.

    The defaults are the paper's. `pooling` None is that too, but for decoders: see `states.usual_pooling`.
    """

    model: str = fields.model(MISSING, "a Hugging Face id or folder, the one of the study")
    masks: tuple[str, ...] | None = option(
        None,
        "some of full, each (all sentences under every mask in turn), own (each sentence under its own language's "
        "mask, the paper's way), core, random, pretrained (default: full; each too with files)",
        choices=MASKS,
        group="main",
        decides=key("mask"),
    )
    method: str = option("magnitude", "whose masks", group="main", decides=key())
    sparsity: float = option(
        0.5,
        "of the masks",
        unit="share of the weights",
        above=0,
        below=1,
        must=fields.SHARE,
        group="main",
        decides=key(),
    )
    seed: int = options.seeds(0, "that the masks were found under", decides=key())
    files: tuple[str, ...] = option(
        (), "masks in place of the study's", flag="mask-files", kind="files", decides=HASHED
    )
    sentences: str = option(
        "",
        "<lang>.txt[.gz|.xz], line n the same meaning in all (default: bundled)",
        kind="folder",
        group="main",
        decides=HASHED,
    )
    languages: tuple[str, ...] = option(
        (), "en,fr,… (default: the study's)", kind="languages", group="main", decides=key("source")
    )
    pooling: str | None = option(
        None,
        "a sentence's state: the mean of its own tokens, of all tokens with special ones, or that of [CLS] (default: "
        "mean-with-special, the paper's; mean for a decoder, whose first token would outweigh the others)",
        choices=POOLINGS,
        decides=key(),
    )
    batch: int = option(32, "sentences at a time", least=1, decides=harmless("sentences at a time"))
    gguf: str = fields.gguf()

    WITHOUT: ClassVar[tuple[str, ...]] = ("report_to",)  # nothing is trained
    FLAGS: ClassVar[dict[str, str]] = {}
    candidates: ClassVar[str] = PAPER.candidates
    score: ClassVar[str] = PAPER.score

    def check_asked(self) -> None:
        """Raise `NeutralError`, naming the option, for what cannot be."""
        check(self)


@dataclass(frozen=True)
class RepresentPlan(InsidePlan):
    """What `represent` does; it has no candidates and no score."""


@dataclass(frozen=True)
class RetrievePlan(InsidePlan):
    """What `retrieve` does."""

    candidates: str = option(
        PAPER.candidates,
        "what the score ranks: the 5 nearest sentences by cosine (default, the paper's), or all",
        choices=CANDIDATES,
        decides=key(),
    )
    score: str = option(
        PAPER.score,
        "the cosine over the mean cosine of both sentences' neighbours (default, the paper's), less that mean, or "
        "alone",
        choices=SCORES,
        decides=key(),
    )


def filled(plan: InsidePlan) -> InsidePlan:
    """Return the plan as it is carried out: which masks, which sentences."""
    usual = (FULL, "each") if plan.files else (FULL,)
    return replace(plan, masks=plan.masks or usual, sentences=plan.sentences or SENTENCES)


def check(plan: InsidePlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    options.check(plan)
    if filled(plan).sentences == SENTENCES and not SENTENCES.is_dir():
        raise NeutralError(
            f"{SENTENCES}: the bundled sentences come with the repository, not with the package; name a folder of "
            "parallel text with --sentences"
        )
