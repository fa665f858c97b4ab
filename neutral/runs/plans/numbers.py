"""Numbers of plans: the least that each may be. The options are named as on the command line."""

from __future__ import annotations

from collections.abc import Iterable

from neutral.errors import NeutralError

_LARGEST_SEED = 2**32 - 1  # of NumPy's generators


def require_least(least: int, **values: float | None) -> None:
    """Raise `NeutralError` for a number below `least`, naming its option; None is a number that was not given.

    >>> require_least(1, held_out_blocks=0)
    Traceback (most recent call last):
    neutral.errors.NeutralError: --held-out-blocks 0: at least 1
    """
    for name, value in values.items():
        if value is not None and not least <= value < float("inf"):
            raise NeutralError(f"--{name.replace('_', '-')} {value:g}: at least {least}")


def require_seeds(**values: Iterable[int]) -> None:
    """Raise `NeutralError` for a seed that is negative or too large, naming its option."""
    for name, seeds in values.items():
        for seed in seeds:
            if not 0 <= seed <= _LARGEST_SEED:
                raise NeutralError(f"--{name.replace('_', '-')} {seed}: a seed is from 0 to {_LARGEST_SEED}")
