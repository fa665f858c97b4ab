"""How much a run of the app may take: time, memory, threads. What the server's variables say is the most."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from neutral import memory
from neutral.errors import NeutralError

TIME, MEMORY, THREADS = "NEUTRAL_RUN_TIME", "NEUTRAL_RUN_MEMORY", "NEUTRAL_RUN_THREADS"
"""Environment variables: as in 12h, 8GB and 4. What they say is the default too."""

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_POOLS = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "RAYON")  # torch takes the first


@dataclass(frozen=True)
class Limits:
    """What a run may take; None is without a limit.

    Attributes
    ----------
    time : float or None
        Seconds; a run that takes longer is stopped cleanly.
    memory : int or None
        Bytes that the run and what it starts have together; one that has more is ended.
    threads : int or None
        Threads that compute at once in each of its processes.
    """

    time: float | None = None
    memory: int | None = None
    threads: int | None = None

    def within(self, most: Limits) -> Limits:
        """Return these limits, those of `most` where there are none. Raises `NeutralError` for one above it."""
        for name, variable, said in (
            ("time", TIME, duration),
            ("memory", MEMORY, memory.amount),
            ("threads", THREADS, str),
        ):
            own, high = getattr(self, name), getattr(most, name)
            if own is not None and not (_is_number(own) and own > 0):
                raise NeutralError(f"{name}: {own!r} is no limit; give a number above 0, or none")
            if own is not None and high is not None and own > high:
                raise NeutralError(
                    f"{name}: {said(own)} is more than the {said(high)} that this server allows ({variable})"
                )
        return Limits(*(most_ if own is None else own for own, most_ in zip(self._all(), most._all(), strict=True)))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that hold a process to its threads."""
        return {} if self.threads is None else {f"{pool}_NUM_THREADS": str(self.threads) for pool in _POOLS}

    def _all(self) -> tuple:
        return self.time, self.memory, self.threads


def allowed() -> Limits:
    """Return the most that a run may take here: what the environment says, no limit where it says nothing.

    Raises `NeutralError` for a variable that has something else: a limit that is not understood is none.
    """
    threads = _variable(THREADS, _whole, "4")
    return Limits(_variable(TIME, seconds, "90s, 30m, 12h or 2d"), _variable(MEMORY, _bytes, "8GB"), threads)


def seconds(written: str) -> float | None:
    """Return the seconds that a person wrote; None for what is no time.

    >>> seconds("90"), seconds("1.5 h"), seconds("soon")
    (90.0, 5400.0, None)
    """
    said = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", written.strip().lower())
    return float(said[1]) * _SECONDS[said[2]] if said else None


def duration(length: float) -> str:
    """Return seconds for people.

    >>> duration(45), duration(5400), duration(7200)
    ('45 s', '90 min', '2 h')
    """
    for unit, name in ((3600, "h"), (60, "min")):
        if (length >= unit and length % unit == 0) or length >= 10 * unit:
            return f"{length / unit:.3g} {name}"
    return f"{length:.3g} s"


def _variable(name: str, read: Callable[[str], float | int | None], example: str) -> float | int | None:
    written = os.environ.get(name, "")
    if not written.strip():
        return None
    value = read(written)
    if not value:
        raise NeutralError(f"{name}: {written[:40]!r} is no limit; write it as {example}")
    return value


def _bytes(written: str) -> int | None:
    return None if (told := memory.size(written)) is None else int(told)


def _whole(written: str) -> int | None:
    return int(written) if re.fullmatch(r"\s*\d{1,6}\s*", written) else None


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
