"""What came of reading data: how much was read and left out and why, the labels, and the first example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from neutral.languages import alike

MOST_BAD = 1 / 3
"""Share of lines that may be bad: above it a file is taken to be something else than it seems, and refused."""


@dataclass(frozen=True)
class Reading:
    """What came of reading one file, or all of a language's.

    Attributes
    ----------
    unit : str
        What is counted: sentences, examples or lines.
    read : int
        How many were read.
    left_out : reason -> int
        Lines or rows that were passed over.
    labels : label -> int
        How often each tag or class occurs, most frequent first; none in plain text.
    words : int or None
        Of tagged sentences.
    first : dict
        The first of them: `words` and `labels`; `text`; or `premise`, `hypothesis` and `label`.
    notes : tuple of str
        What was assumed.
    """

    unit: str
    read: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    words: int | None = None
    first: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __add__(self, other: Reading) -> Reading:
        """What came of reading both."""
        return Reading(
            self.unit,
            self.read + other.read,
            added(self.left_out, other.left_out),
            added(self.labels, other.labels),
            None if self.words is None else self.words + (other.words or 0),
            self.first or other.first,
            tuple(dict.fromkeys((*self.notes, *other.notes))),
        )


def added(*counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of counts, the largest first."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total.most_common())


def listed(counts: Mapping[str, int]) -> str:
    """Return "no class 3, no text 1"."""
    return ", ".join(f"{what} {count:,}" for what, count in counts.items())


def grouped(notes: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the notes on languages, each once with the languages that it is on.

    >>> grouped({"de": ["tags are IOB1"], "en": ["tags are IOB1", "a header"]})
    ['de, en: tags are IOB1', 'en: a header']
    """
    languages: dict[str, list[str]] = {}
    for language, each in notes.items():
        for note in each:
            languages.setdefault(note, []).append(language)
    return [f"{', '.join(codes)}: {note}" for note, codes in languages.items()]


def left_out(readings: Mapping[str, Reading]) -> dict[str, list[str]]:
    """Return language -> what was left out of its data, in a line, for the languages of which something was."""
    return {
        language: [f"left out {listed(reading.left_out)}; read {reading.read:,} {reading.unit}"]
        for language, reading in readings.items()
        if reading.left_out
    }


def twins(codes: Iterable[str]) -> list[str]:
    """Return notes on codes that are one language.

    >>> twins(["en", "sw", "eng"])
    ['en and eng are one language']
    """
    return [f"{' and '.join(group)} are one language" for group in alike(codes)]


def several(names: Sequence[str], most: int = 8) -> str:
    """Return names with commas between, and how many more there are; bytes that are no text are written out.

    >>> several(list("abcd"), 2)
    'a, b and 2 more'
    """
    more = len(names) - most
    listed_names = ", ".join(names[:most]).encode(errors="backslashreplace").decode()
    return listed_names + (f" and {more} more" if more > 0 else "")
