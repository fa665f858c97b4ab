"""The plan of `pretrain`: a small masked language model, from an encoder or from nothing."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

from neutral import options
from neutral.options import COMPUTED, option, part
from neutral.recipes import Recipe
from neutral.runs.plans import fields
from neutral.shape import Shape

_TRAINING = {"group": "training", "decides": COMPUTED}
_WARMUP = 0.03  # of the steps


@dataclass(frozen=True)
class PretrainPlan:
    """What `pretrain` does. What decides the model is in its pretraining.json."""

    vocabulary: int = option(
        MISSING, "pieces, characters included", unit="tokens", least=1, group="main", decides=COMPUTED
    )
    source: str = option(
        "", "an encoder to trim and tune (default: none)", flag="from", kind="model", group="main", decides=COMPUTED
    )
    languages: tuple[str, ...] = option(
        (), "en,fr,… (default: all that the text has)", kind="languages", group="main", decides=COMPUTED
    )
    steps: int = option(5000, "training steps", unit="steps", least=1, **_TRAINING | {"group": "main"})
    batch: int = option(8, "blocks a step", least=1, **_TRAINING)
    length: int = option(128, "tokens a block", unit="tokens", least=1, **_TRAINING)
    rate: float = option(5e-4, "peak learning rate", least=0, must=fields.AMOUNT, **_TRAINING)
    decay: float = option(0.01, "weight decay", least=0, must=fields.AMOUNT, **_TRAINING)
    mask_share: float = option(
        0.15,
        "share of the tokens that are masked",
        above=0,
        most=1,
        must="a share of the tokens, above 0 and at most 1",
        **_TRAINING,
    )
    seed: int = options.seeds(0, "of everything that is drawn", **_TRAINING)
    shape: Shape = part(Shape, decides=COMPUTED)
    text: str = fields.text("a folder of <lang>.txt[.gz|.xz], or wikimedia/wikipedia")
    held_out_text: str = fields.held_out_text()
    documents: str = fields.documents()

    WITHOUT: ClassVar[tuple[str, ...]] = ("engine", "address", "cpus_per_run", "gpus_per_run")  # one training
    FLAGS: ClassVar[dict[str, str]] = {"study": "--out"}  # a model's folder, and no study

    @property
    def recipe(self) -> Recipe:
        """How the model is trained."""
        own = {"steps": self.steps, "batch_size": self.batch, "rate": self.rate, "decay": self.decay}
        return Recipe(**own, warmup=_WARMUP, seed=self.seed)
