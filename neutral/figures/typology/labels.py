"""Where names stand beside their points, so that none prints over another: who has no room goes without.

A figure is as wide as the window, so a name must have room in a figure on a phone and in one on a wide screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

WIDTHS = (330, 520, 1000)
"""px: the widths of a plot for which names are placed: a phone's, half and all of a laptop's."""

SIDES = {
    "top center": (0, 1),
    "bottom center": (0, -1),
    "middle right": (1, 0),
    "middle left": (-1, 0),
    "top right": (1, 1),
    "bottom right": (1, -1),
    "top left": (-1, 1),
    "bottom left": (-1, -1),
}
"""Side of a point, as plotly calls it -> which way it lies, right and up."""

_LETTER = 0.58  # of the size of print: how wide a letter is
_LINE = 1.15  # of the same: how high a line is


class Label(NamedTuple):
    """A name beside its point: what is written ("" for nothing), and on which side."""

    text: str
    side: str


class Room(NamedTuple):
    """The plot that names are to have room in: the lowest and highest x and y, its height in px, and its scale.

    `equal`: a unit is as long across as it is up.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    height: float
    equal: bool = False

    def at(self, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return px a unit, the place of the lower left corner, and the size in px, of a plot of some width."""
        low, high = np.array([self.x, self.y], dtype=float).T
        size = np.array([width, self.height], dtype=float)
        scale = size / np.maximum(high - low, 1e-12)
        if self.equal:
            scale = np.repeat(scale.min(), 2)
            low = (low + high) / 2 - size / scale / 2
        return scale, low, size


def place(
    points: np.ndarray, names: Sequence[Sequence[str]], room: Room, *, print_size: float, marker: float
) -> list[Label]:
    """Return a label for each of the points (n, 2).

    Each point in turn gets the first of its `names` that has room on one of the `SIDES`: over no other label and no
    point, in plots of all `WIDTHS`. `print_size` and `marker`, a point's diameter, are in px.
    """
    views = [room.at(width) for width in WIDTHS]
    dots = [_boxes((points - low) * scale, marker) for scale, low, _ in views]
    taken: list[list[np.ndarray]] = [[] for _ in views]
    labels = []
    for i, some in enumerate(names):
        label, boxes = _first(points[i], some, views, dots, taken, i, print_size, marker)
        labels.append(label)
        for boxed, box in zip(taken, boxes, strict=True) if boxes else ():
            boxed.append(box)
    return labels


def _first(point, names, views, dots, taken, own, print_size, marker) -> tuple[Label, list[np.ndarray]]:
    """Return the first label of a point that has room, with its box in every view; no boxes for none."""
    for name in filter(None, names):
        wide, high = _LETTER * print_size * len(name), _LINE * print_size
        for side, (right, up) in SIDES.items():
            boxes = []
            for (scale, low, size), marks, others in zip(views, dots, taken, strict=True):
                middle = (point - low) * scale + [
                    right * (marker / 2 + 2 + wide / 2),
                    up * (marker / 2 + high / 2),
                ]
                half = np.array([wide, high]) / 2
                box = np.concatenate([middle - half, middle + half])
                if (box[:2] < 0).any() or (box[2:] > size).any():
                    break
                if _over(box, np.delete(marks, own, axis=0)) or _over(box, np.array(others).reshape(-1, 4)):
                    break
                boxes.append(box)
            else:
                return Label(name, side), boxes
    return Label("", "top center"), []


def _boxes(points: np.ndarray, size: float) -> np.ndarray:
    """Return squares around points as (n, 4): left, bottom, right, top."""
    return np.hstack([points - size / 2, points + size / 2])


def _over(box: np.ndarray, others: np.ndarray) -> bool:
    """Whether a box lies over one of the others."""
    apart = (others[:, :2] >= box[2:]).any(axis=1) | (others[:, 2:] <= box[:2]).any(axis=1)
    return bool((~apart).any())
