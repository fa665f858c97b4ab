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
    """Return a time in words.

    >>> duration(12.4), duration(119), duration(7230)
    ('12 s', '2 min', '2 h 0 min')
    """
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
