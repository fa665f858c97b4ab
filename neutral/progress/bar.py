"""What a person sees on standard error: a bar, and lines above it."""

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


class Told(tqdm):
    """A bar behind which stands what `tell` was told last, in place of tqdm's own numbers."""

    told = ""

    @property
    def format_dict(self) -> dict:
        """See `tqdm.format_dict`."""
        return super().format_dict | {"told": self.told}

    @classmethod
    def of(cls, *, quiet: bool) -> Told:
        """Return a bar of work, whose unit is 1."""
        return cls(
            total=1.0,
            disable=quiet,
            dynamic_ncols=True,
            mininterval=1.0,
            miniters=0,  # else, behind a large step, tqdm waits for one that is as large
            bar_format="{desc}{percentage:3.0f}%|{bar}| {told}",
        )

    def tell(self, name: str, share: float, told: str) -> None:
        """Show how far the work is, a share of all, what is being done, and a text behind it."""
        if self.disable:
            return
        self.total, self.told = 1.0, one_line(told)
        self.set_description(one_line(name), refresh=False)
        self.update(share - self.n)


def duration(seconds: float) -> str:
    """Write a time as people do.

    >>> duration(12.4), duration(59.7), duration(5400), duration(200_000)
    ('12 s', '1 min', '1 h 30 min', '2 days 8 h')
    """
    if seconds < 59.5:
        return f"{max(0, seconds):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} days {hours} h" if hours else f"{days} days"
