"""The auto-encoder's settings, and the variant that names what differs from those of Bałazy et al. (2021).

A variant is a list with commas: `cosine`, `elu-decoder,from-svd`, `c1=1,c2=0,rate=0.01`. Its parts are

elu, elu-encoder, elu-decoder   an ELU after both maps, after the encoder or after the decoder
from-svd, from-direction        the first weights are that method's factors
cosine, power, rmse             terms of the loss, joined with a plus: those named have coefficient 1, the others 0
c1=, c2=, c3=                   coefficients of these three terms
alpha=A or alpha=A-B            the power of the second term: constant, or falling from A to B
alpha-epochs=, rate=, batch=, halving=, decay=    see `Settings`
stop=train|held-out|last        which epoch is kept; see `STOPS`

The paper's own settings are called `linear`. This module needs no torch, so that pages can read names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from neutral.errors import NeutralError

USUAL = "linear"
ELU = ("linear", "elu", "elu-encoder", "elu-decoder")
STARTS = ("random", "svd", "direction")
TERMS = {"c1": "cosine", "c2": "power", "c3": "rmse"}
"""Coefficient -> its term of the loss."""

STOPS = ("train", "held-out", "last")
"""Which epoch is kept: the one of least loss on a little training text, or on the text that is reported (as the
paper's scripts do), or the last."""


@dataclass(frozen=True)
class Settings:
    """How the auto-encoder is trained; the defaults are the paper's."""

    variant: str = USUAL  # where there is an ELU: see `ELU`
    start: str = "random"  # or "svd", "direction": their factors
    epochs: int = 30
    batch: int = 32  # tokens
    rate: float = 1e-3
    halving: int = 4  # epochs after which the rate is multiplied by `decay`
    decay: float = 0.5
    c1: float = 0.9975  # direction
    c2: float = 0.0025  # distance
    c3: float = 0.0  # RMSE
    first_power: float = 1.0
    last_power: float = 0.1
    falling: int = 20  # epochs from the first power to the last, however many epochs there are

    def __post_init__(self) -> None:
        if self.variant not in ELU:
            raise NeutralError(f"variant={self.variant!r}: there are {', '.join(ELU)}")
        if self.start not in STARTS:
            raise NeutralError(f"start={self.start!r}: there are {', '.join(STARTS)}")
        for name in ("epochs", "batch", "halving", "falling"):
            if getattr(self, name) < 1:
                raise NeutralError(f"{_KEYS.get(name, name)}={getattr(self, name)}: 1 or more")
        for name in ("rate", "decay", "first_power", "last_power"):
            if not 0 < getattr(self, name) < float("inf"):
                raise NeutralError(f"{_KEYS.get(name, name)}={getattr(self, name):g}: a number above 0")
        coefficients = (self.c1, self.c2, self.c3)
        if not all(0 <= c < float("inf") for c in coefficients) or not any(coefficients):
            raise NeutralError("c1, c2 and c3: numbers of 0 or more, and one of them above 0")

    @property
    def elu_in_encoder(self) -> bool:
        """Whether the latents pass an ELU."""
        return self.variant in ("elu", "elu-encoder")

    @property
    def elu_in_decoder(self) -> bool:
        """Whether the rebuilt rows pass an ELU."""
        return self.variant in ("elu", "elu-decoder")

    def power(self, epoch: int) -> float:
        """Return α of an epoch, counted from 0."""
        return self.first_power + (self.last_power - self.first_power) * min(epoch / self.falling, 1)

    def rate_in(self, epoch: int) -> float:
        """Return Adam's rate in an epoch, counted from 0."""
        return self.rate * self.decay ** (epoch // self.halving)


DEFAULTS = {field.name: field.default for field in fields(Settings)}

_ALPHA = re.compile(r"([^-]+?(?:e-\d+)?)(?:-(.+))?")
_KEYS = {"falling": "alpha-epochs", "first_power": "alpha", "last_power": "alpha"}
_PACE = {"alpha-epochs": "falling", "rate": "rate", "batch": "batch", "halving": "halving", "decay": "decay"}
_NUMBERS = {**{key: key for key in TERMS}, **_PACE}
"""Key in a variant -> field of `Settings`."""


def options(variant: str) -> dict[str, object]:
    """Return what a variant sets: fields of `Settings`, and `stop`.

    >>> options("elu,cosine,rate=0.01")
    {'variant': 'elu', 'c1': 1.0, 'c2': 0.0, 'c3': 0.0, 'rate': 0.01}

    Raises `NeutralError` for a part that it does not know, and for a value that a setting cannot have.
    """
    chosen: dict[str, object] = {}
    for part in filter(None, variant.split(",")):
        chosen |= _part(part)
    Settings(**{name: value for name, value in chosen.items() if name != "stop"})
    return chosen


def name(chosen: Mapping[str, object]) -> str:
    """Return the variant that sets `chosen` (fields of `Settings`, and `stop`): only what differs from the paper's.

    >>> name({"c1": 1, "c2": 0}), name({"c1": 0.5, "rate": 1e-3}), name({"c1": 0.9975})
    ('cosine', 'c1=0.5', 'linear')
    """
    values = {**DEFAULTS, "stop": STOPS[0], **chosen}
    parts = [values["variant"]] if values["variant"] != USUAL else []
    if values["start"] != STARTS[0]:
        parts.append(f"from-{values['start']}")
    parts += filter(None, [loss_name(values)])
    first, last = values["first_power"], values["last_power"]
    if (first, last) != (DEFAULTS["first_power"], DEFAULTS["last_power"]):
        parts.append(f"alpha={_number(first)}" + (f"-{_number(last)}" if last != first else ""))
    for key, field in _PACE.items():
        if values[field] != DEFAULTS[field]:
            parts.append(f"{key}={_number(values[field])}")
    if values["stop"] != STOPS[0]:
        parts.append(f"stop={values['stop']}")
    return ",".join(parts) or USUAL


def loss_name(values: Mapping[str, object]) -> str:
    """Return the part of a variant that names the loss: its terms, or the coefficients that differ; "" the paper's."""
    coefficients = {key: values.get(key, DEFAULTS[key]) for key in TERMS}
    if set(coefficients.values()) <= {0, 1}:
        return "+".join(TERMS[key] for key, c in coefficients.items() if c)
    return ",".join(f"{key}={_number(c)}" for key, c in coefficients.items() if c != DEFAULTS[key])


def loss_of(variant: str) -> str | None:
    """Return the loss of a variant that differs from the paper's settings in the loss alone: "paper", or its name.

    >>> loss_of("linear"), loss_of("cosine"), loss_of("elu,cosine"), loss_of("unheard-of")
    ('paper', 'cosine', None, None)
    """
    try:
        chosen = options(variant)
    except NeutralError:  # of a study that a later version made
        return None
    others = name({key: value for key, value in chosen.items() if key not in TERMS})
    return (loss_name(chosen) or "paper") if others == USUAL else None


def canonical(variant: str) -> str:
    """Return the one way in which a variant is written, in which results are told apart.

    >>> canonical("c2=0,c1=1"), canonical("rate=1e-3"), canonical("from-svd,elu")
    ('cosine', 'linear', 'elu,from-svd')
    """
    return name(options(variant))


def split(text: str) -> tuple[str, ...]:
    """Read methods with commas between; what follows `autoencoder:` up to the next method belongs to its variant.

    >>> split("svd,autoencoder:elu,c1=1,c2=0,pq,autoencoder:cosine")
    ('svd', 'autoencoder:elu,c1=1,c2=0', 'pq', 'autoencoder:cosine')
    """
    methods: list[str] = []
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        if methods and methods[-1].startswith("autoencoder:") and _is_part(piece):
            methods[-1] += f",{piece}"
        else:
            methods.append(piece)
    return tuple(methods)


def _is_part(piece: str) -> bool:
    words = {*ELU, *(f"from-{start}" for start in STARTS), *TERMS.values()}
    return ("=" in piece and ":" not in piece) or piece in words or set(piece.split("+")) <= set(TERMS.values())


def _part(part: str) -> dict[str, object]:
    """Return what one part of a variant sets."""
    key, _, value = part.partition("=")
    if part in ELU:
        return {"variant": part}
    if part.removeprefix("from-") in STARTS and part.startswith("from-"):
        return {"start": part.removeprefix("from-")}
    if set(part.split("+")) <= set(TERMS.values()):
        return {key: float(term in part.split("+")) for key, term in TERMS.items()}
    if key == "stop" and value in STOPS:
        return {"stop": value}
    if key == "alpha":
        first, last = _ALPHA.fullmatch(value).groups() if _ALPHA.fullmatch(value) else (value, None)
        return {"first_power": _read(part, first), "last_power": _read(part, last or first)}
    if key in _NUMBERS:
        return {_NUMBERS[key]: _read(part, value, whole=isinstance(DEFAULTS[_NUMBERS[key]], int))}
    known = (*ELU, *(f"from-{start}" for start in STARTS[1:]), *TERMS.values(), *(f"{key}=" for key in _NUMBERS))
    raise NeutralError(f"autoencoder:{part}: unknown variant; there is {', '.join(known)}, alpha=, stop=")


def _read(part: str, text: str, *, whole: bool = False) -> float:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        raise NeutralError(f"autoencoder:{part}: {'a whole number' if whole else 'a number'} is needed") from None


def _number(value: float) -> str:
    """Write a number in as few digits as tell it apart."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
