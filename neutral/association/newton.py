"""The minima of many smooth functions of a few numbers at once, by Newton's method on numerical derivatives.

For deviances as functions of relative standard deviations φ: they are even in each φ and smooth at 0, so a variance of
zero is an ordinary minimum and needs no bounds (Bates, Mächler, Bolker & Walker 2015, Journal of Statistical Software
67(1), have the same scale).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes P points for each of B functions (P, B, K), and which functions these are (B,); returns values (P, B)."""

_STEP = 3e-3  # of a numerical derivative, relative to φ + 0.1: far above rounding, far below curvature
_ENOUGH = 1e-7  # a step that promises to lower a deviance by less changes nothing
_CURVED, _AWAY, _UPHILL = 1e-3, 0.1, 1.0  # a function that bends down so much is left by such a step, for so much
_LAST = 1e-5  # after a whole step that promised less, the next would promise less than `_ENOUGH`


def minima(function: Function, start: np.ndarray, *, rounds: int = 40) -> np.ndarray:
    """Return where each of B functions is lowest, near `start` (B, K), as numbers ≥ 0: (B, K)."""
    points = np.array(start, dtype=float)
    if not points.shape[1]:
        return points
    active = np.arange(len(points))
    for _ in range(rounds):
        value, slope, bend = derivatives(function, points[active], active)
        step = _step(points[active], slope, bend)
        promised = -(slope * step).sum(axis=1) + _UPHILL * (np.linalg.eigvalsh(bend)[:, 0] < -_CURVED)
        going = promised > _ENOUGH
        active, value, step, promised = active[going], value[going], step[going], promised[going]
        if not len(active):
            break
        halvings = _moved(function, points, active, value, step)
        active = active[(halvings >= 0) & ((promised > _LAST) | (halvings > 0))]
    return abs(points)


def derivatives(function: Function, points: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values (B, …), slopes (B, …, K) and second derivatives (B, …, K, K) of functions `which` at points (B, K).

    Values may be numbers or arrays (…).
    """
    count = points.shape[1]
    steps = _STEP * (abs(points) + 0.1)  # (B, K)
    places = [np.zeros(count), *np.eye(count), *-np.eye(count)]
    pairs = [(i, j) for i in range(count) for j in range(i)]
    places += [np.eye(count)[i] + np.eye(count)[j] for i, j in pairs]
    values = function(np.array([points + place * steps for place in places]), which)
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
    along = -(vectors.swapaxes(1, 2) @ slope[..., None])[..., 0] / np.maximum(abs(values), 1e-4)
    # On a ridge (a variance of 0 that should not be) there is no slope: away from it.
    along = np.where(values < -_CURVED, np.copysign(np.maximum(abs(along), _AWAY), along), along)
    step = (vectors @ along[..., None])[..., 0]
    longest = (abs(step) / (abs(points) + 0.3)).max(axis=1, keepdims=True)
    return step / np.maximum(longest, 1)


def _moved(
    function: Function, points: np.ndarray, active: np.ndarray, value: np.ndarray, step: np.ndarray
) -> np.ndarray:
    """Move `points` by steps, or halves, that lower the function; return how often each was halved, -1 for no move."""
    waiting = np.arange(len(active))
    halvings = np.full(len(active), -1)
    for halving in range(12):
        tried = points[active[waiting]] + step[waiting] * 0.5**halving
        lower = function(tried[None], active[waiting])[0] < value[waiting]
        points[active[waiting[lower]]] = tried[lower]
        halvings[waiting[lower]] = halving
        waiting = waiting[~lower]
        if not len(waiting):
            break
    return halvings
