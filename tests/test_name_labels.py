"""Names beside points: none over another nor over a point, in figures of any width, or there is no name."""

import numpy as np
import pytest

from neutral.figures.typology import labels
from neutral.figures.typology.labels import Room

ROOM = Room((-0.15, 1.15), (-0.15, 1.15), 500)


def boxes(points, placed, room, width, print_size, marker):
    """Name -> left, bottom, right, top in px, as plotly draws it."""
    low, high = np.array([room.x, room.y]).T
    scale = np.array([width, room.height]) / (high - low)
    if room.equal:
        scale = np.repeat(scale.min(), 2)
    found = {}
    for point, label in zip(points, placed, strict=True):
        if label.text:
            x, y = point * scale
            w, h = 0.58 * print_size * len(label.text), 1.15 * print_size
            across, up = labels.SIDES[label.side]
            x, y = x + across * (marker / 2 + 2 + w / 2), y + up * (marker / 2 + h / 2)
            found[label.text] = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    return found


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("equal", [False, True])
def test_no_name_is_over_another_or_over_a_point_at_any_width(seed, equal):
    draw = np.random.default_rng(seed)
    points = draw.uniform(0, 1, (60, 2))
    room = ROOM._replace(equal=equal)
    placed = labels.place(points, [[f"name {i:02}"] for i in range(60)], room, print_size=9, marker=9)
    assert len(placed) == 60
    for width in labels.WIDTHS:
        drawn = list(boxes(points, placed, room, width, 9, 9).items())
        assert 5 < len(drawn) < 60
        scale = np.array([width, 500]) / 1.3
        scale = np.repeat(scale.min(), 2) if equal else scale
        for i, (name, box) in enumerate(drawn):
            assert not any(overlap(box, other) for _, other in drawn[:i]), name
            own = int(name.split()[1])
            for j, (x, y) in enumerate(points * scale):
                dot = (x - 4.5, y - 4.5, x + 4.5, y + 4.5)
                assert j == own or not overlap(box, dot), (name, j)


def test_a_longer_name_gives_way_to_a_shorter_and_that_to_none():
    points = np.array([[0.5, 0.5], [0.51, 0.5], [0.52, 0.5], [0.53, 0.5]])
    names = [["a rather long name", "a"], ["another long name", "b"], ["", "c"], ["d"]]
    alone = labels.place(points[:1], names[:1], ROOM, print_size=12, marker=10)
    assert [label.text for label in alone] == ["a rather long name"]
    crowd = [
        label.text for label in labels.place(np.repeat(points, 6, axis=0), names * 6, ROOM, print_size=12, marker=10)
    ]
    assert "" in crowd
    assert len(set(filter(None, crowd))) > 1


def test_a_name_does_not_leave_the_figure():
    """A point at the right edge of a phone has its name to the left."""
    (label,) = labels.place(np.array([[1.1, 0.5]]), [["a name of some length"]], ROOM, print_size=12, marker=10)
    assert label.side.endswith("left")
    points = np.zeros((0, 2))
    assert labels.place(points, [], ROOM, print_size=12, marker=10) == []
