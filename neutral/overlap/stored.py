"""What a file of overlap counts must hold: counts from elsewhere are held against it before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neutral.errors import NeutralError, is_one_line

if TYPE_CHECKING:
    from neutral.overlap.counts import Counts

_LONGEST_NAME, _LONGEST_VALUE = 500, 1000  # characters
_MOST_WEIGHTS = 2**53  # sums over tensors and masks stay within 64 bits


def names(about: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return the names of members or tensors. Raises `NeutralError` for what is no list of different names."""
    listed = about[key]
    if not isinstance(listed, list):
        raise NeutralError(f"its {key} are no list of names")
    for place, name in enumerate(listed, 1):
        if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not is_one_line(name):
            raise NeutralError(f"{key}, entry {place}: {str(name)[:60]!r} is no name of one line")
    if len(set(listed)) < len(listed):
        raise NeutralError(f"two of its {key} have one name")
    return tuple(listed)


def header(about: dict[str, Any]) -> dict[str, Any]:
    """Return what all masks say alike. Raises `NeutralError` for more than texts, numbers and truth values."""
    entries = about["header"]
    if not isinstance(entries, dict):
        raise NeutralError("its header is no table")
    for key, value in entries.items():
        is_text = isinstance(value, str) and len(value) <= _LONGEST_VALUE and is_one_line(value)
        if not is_one_line(key) or not (is_text or value is None or isinstance(value, (bool, int, float))):
            raise NeutralError(f"{key[:60]} in its header is no number and no text of one line")
    return entries


def require_possible(counts: Counts) -> None:
    """Raise `NeutralError` naming the first tensor whose counts no masks can have."""
    sizes, both = counts.sizes, counts.both
    _require((sizes >= 0) & (sizes <= _MOST_WEIGHTS), counts, "has a size that no tensor has")
    if sum(map(int, sizes)) > _MOST_WEIGHTS:
        raise NeutralError("its tensors have more weights than can be counted")
    inside = (both >= 0) & (both <= sizes[:, None, None])
    _require(inside.all((1, 2)), counts, "has counts below 0, or above its size")
    _require((both == both.transpose(0, 2, 1)).all((1, 2)), counts, "has counts that are not the same both ways")
    kept = counts.kept
    fewer = np.minimum(kept[:, :, None], kept[:, None, :])
    _require((both <= fewer).all((1, 2)), counts, "has a pair that shares more than one of them keeps")
    fewest = kept[:, :, None] + kept[:, None, :] - sizes[:, None, None]
    _require((both >= fewest).all((1, 2)), counts, "has a pair that keeps more than the tensor has")
    if counts.exactly is None:
        return
    exactly, numbers = counts.exactly, np.arange(len(counts.members) + 1)
    inside = (exactly >= 0) & (exactly <= sizes[:, None])
    _require(inside.all(1), counts, "has weights kept by exactly k masks below 0, or above its size")
    _require(exactly.sum(1) == sizes, counts, "has weights kept by exactly k masks that do not add up to its size")
    _require(exactly @ numbers == kept.sum(1), counts, "has weights kept by exactly k masks that its masks do not keep")


def _require(holds: np.ndarray, counts: Counts, problem: str) -> None:
    """Raise `NeutralError` naming the first tensor for which it does not hold."""
    if not holds.all():
        raise NeutralError(f"tensor {counts.tensors[int(np.argmin(holds))]} {problem}")
