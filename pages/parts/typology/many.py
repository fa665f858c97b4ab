"""Where there are many languages, less is shown and computed at first."""

from __future__ import annotations

from collections.abc import Sequence

from neutral.figures.theme import MANY


def is_many(codes: Sequence[str]) -> bool:
    """Whether there are so many languages that less of them is shown at first."""
    return len(codes) > MANY
