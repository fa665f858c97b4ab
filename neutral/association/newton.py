"""The minima of many smooth functions of a few numbers at once, by Newton's method on numerical derivatives.

For deviances as functions of relative standard deviations φ: they are even in each φ and smooth at 0, so a variance of
zero is an ordinary minimum and needs no bounds (Bates, Mächler, Bolker & Walker 2015, Journal of Statistical Software
67(1), have the same scale).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes points (B, K) and, for each, which of the functions to evaluate there (B,); returns values (B,)."""

_STEP = 3e-3  # of a numerical derivative, relative to φ + 0.1: far above rounding, far below curvature
_ENOUGH = 1e-7  # a step that promises to lower a deviance by less changes nothing


def minima(function: Function, start: np.ndarray, *, rounds: int = 40) -> np.ndarray:
    """Return where each of B functions is lowest, near `start` (B, K), as numbers ≥ 0: (B, K)."""
    points = np.array(start, dtype=float)
    if not points.shape[1]:
        return points
    active = np.arange(len(points))
    for _ in range(rounds):
        value, slope, bend = derivatives(function, points[active], active)
        step = _step(points[active], slope, bend)
        going = -(slope * step).sum(axis=1) > _ENOUGH
        active, value, step = active[going], value[going], step[going]
        if not len(active):
            break
        active = active[_moved(function, points, active, value, step)]
    return abs(points)


def derivatives(function: Function, points: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values (B, …), slopes (K last) and second derivatives (K, K last) of functions `which` at points (B, K).

    The function's values may be arrays (B, …); then so are the derivatives, each (B, …, K) and (B, …, K, K).
    """
    count = points.shape[1]
    steps = _STEP * (abs(points) + 0.1)  # (B, K)
    places = [np.zeros(count), *np.eye(count), *-np.eye(count)]
    pairs = [(i, j) for i in range(count) for j in range(i)]
    places += [np.eye(count)[i] + np.eye(count)[j] for i, j in pairs]
    at = np.concatenate([points + place * steps for place in places])
    values = function(at, np.tile(which, len(places)))
    values = values.reshape(len(places), len(points), *values.shape[1:])
    middle, up, down, both = np.split(values, [1, 1 + count, 1 + 2 * count])
    h = np.moveaxis(steps, 1, 0).reshape(count, len(points), *[1] * (values.ndim - 2))
    slope = np.moveaxis((up - down) / (2 * h), 0, -1)
    bend = np.zeros((*values.shape[1:], count, count))
    for i in range(count):
        bend[..., i, i] = (up[i] - 2 * middle[0] + down[i]) / h[i] ** 2
    for (i, j), corner in zip(pairs, both, strict=True):
        # The corner less what slopes and own bends give of it is the mixed derivative.
        own = bend[..., i, i] * h[i] ** 2 / 2 + bend[..., j, j] * h[j] ** 2 / 2
        mixed = (corner - middle[0] - slope[..., i] * h[i] - slope[..., j] * h[j] - own) / (h[i] * h[j])
        bend[..., i, j] = bend[..., j, i] = mixed
    return middle[0], slope, bend


def _step(points: np.ndarray, slope: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return Newton's step downhill (B, K), where the function bends down too, and of limited length."""
    values, vectors = np.linalg.eigh(bend)
    values = np.maximum(abs(values), 1e-4)
    along = (vectors.swapaxes(1, 2) @ slope[..., None])[..., 0] / values
    step = -(vectors @ along[..., None])[..., 0]
    longest = (abs(step) / (abs(points) + 0.3)).max(axis=1, keepdims=True)
    return step / np.maximum(longest, 1)


def _moved(
    function: Function, points: np.ndarray, active: np.ndarray, value: np.ndarray, step: np.ndarray
) -> np.ndarray:
    """Move `points` by steps, or halves of them, that lower the function; return which of the active ones moved."""
    waiting = np.arange(len(active))
    for halving in range(12):
        tried = points[active[waiting]] + step[waiting] * 0.5**halving
        lower = function(tried, active[waiting]) < value[waiting]
        points[active[waiting[lower]]] = tried[lower]
        waiting = waiting[~lower]
        if not len(waiting):
            break
    return ~np.isin(np.arange(len(active)), waiting)
