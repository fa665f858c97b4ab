"""Progress of long work on standard error: units done, speed, remaining time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def bar(total: int, unit: str, *, quiet: bool = False, done: int = 0) -> Iterator[tqdm]:
    """Show a bar of `total` units of which `done` were finished by an earlier run; nothing when quiet."""
    with tqdm(
        total=total,
        initial=done,
        unit=unit,
        disable=quiet,
        dynamic_ncols=True,
        mininterval=1.0,
        smoothing=0.05,
    ) as shown:
        yield shown
