"""Options of the auto-encoder's training, which name a variant of the method; the plan of `compress` has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neutral.compression import variants
from neutral.errors import NeutralError
from neutral.options import COMPUTED, option

_ELU = {"none": "linear", "both": "elu", "encoder": "elu-encoder", "decoder": "elu-decoder"}
_GROUP = "training of the auto-encoder (defaults: the paper's)"


def _asked(help: str, **described: Any) -> Any:
    """Return the field of a setting that is the paper's if it is not asked for."""
    return option(None, help, group=_GROUP, only_for={"methods": ("autoencoder",)}, decides=COMPUTED, **described)


@dataclass(frozen=True)
class AutoEncoder:
    """How the auto-encoder is trained, where that is not the paper's way."""

    c1: float | None = _asked("coefficient of the cosine distance (0.9975; a fifth of it counts)")
    c2: float | None = _asked("coefficient of the mean of |error|^alpha (0.0025)")
    c3: float | None = _asked("coefficient of the RMSE (0)")
    alpha: str | None = _asked("from A to B, or always A (1-0.1)", metavar="A[-B]")
    alpha_epochs: int | None = _asked("epochs in which alpha falls (20)", unit="epochs")
    rate: float | None = _asked("Adam's first rate (0.001)")
    halving: int | None = _asked("epochs after which the rate is cut (4)", unit="epochs")
    decay: float | None = _asked("what it is multiplied by then (0.5)")
    batch: int | None = _asked("tokens a batch (32)", unit="tokens")
    elu: str | None = _asked("where an ELU follows (none)", choices=_ELU)
    start: str | None = _asked("the first weights (random)", choices=variants.STARTS)
    stop: str | None = _asked(
        "which epoch is kept: least loss on training text (train), on the text that is reported, as the paper's "
        "scripts do (held-out), or the last",
        choices=variants.STOPS,
    )

    def named(self, methods: tuple[str, ...]) -> tuple[str, ...]:
        """Return the methods, the auto-encoder's with these settings as its variant; its own go before them.

        Raises `NeutralError` for settings without an auto-encoder, and for a value that one cannot have.
        """
        keys = ("c1", "c2", "c3", "alpha", "alpha_epochs", "rate", "halving", "decay", "batch", "stop")
        given = {key.replace("_", "-"): value for key in keys if (value := getattr(self, key)) is not None}
        parts = [f"{key}={value}" for key, value in given.items()]
        parts += [self.elu] if self.elu else []
        parts += [f"from-{self.start}"] if self.start else []
        if not parts:
            return methods
        if not any(name.partition(":")[0] == "autoencoder" for name in methods):
            raise NeutralError(f"{', '.join(parts)}: only the auto-encoder is trained; add autoencoder to --methods")
        shared = variants.options(",".join(parts))
        return tuple(
            f"autoencoder:{variants.name({**shared, **variants.options(own)})}" if method == "autoencoder" else name
            for name, (method, _, own) in ((name, name.partition(":")) for name in methods)
        )
