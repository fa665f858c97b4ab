"""Progress of long work on standard error: units done, speed, remaining time, and what is worth a line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from neutral.errors import one_line


def say(notes: Iterable[str], *, quiet: bool = False) -> None:
    """Write what the user should know, a note a line, to standard error; nothing when quiet."""
    for note in () if quiet else notes:
        tqdm.write(f"neutral: {one_line(note)}", file=sys.stderr)  # above the bars that are shown


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
