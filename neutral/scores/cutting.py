"""From scores to a mask: drop the lowest share, exactly, within each group of a scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod
from typing import Any

import numpy as np

from neutral import labels
from neutral.errors import MismatchError, NeutralError
from neutral.masks import Mask
from neutral.selection import SCOPES, Packed, lowest, lowest_of_rows


def cut(
    scores: Mapping[str, Any],
    share: float,
    scope: str = "global",
    kept: Mask | None = None,
    *,
    transposed: Collection[str] | None = None,
    **header: Any,
) -> Mask:
    """Drop the lowest `share` of the weights of every group, exactly round(share · size) of each.

    Of equal scores at the threshold the first (in the order of `scores`, then C order) are dropped, so the
    result depends on nothing else. On distinct scores the global mask is that of
    `torch.nn.utils.prune.global_unstructured`; on equal ones it keeps as many.

    Parameters
    ----------
    scores : name -> tensor or array
        Score of every weight, on any device; higher is kept. Scores may be infinite or negative. All scores of a
        group are compared as float32 (float64 if one is float64 or integer), and -0.0 equals 0.0.
    share : float
        Share in [0, 1) of *all* weights to drop, whether dropped already or not.
    scope : str
        One of `SCOPES`; `row` drops round(share · columns) of each output row.
    kept : Mask, optional
        What earlier rounds kept. Dropped weights stay dropped and count toward the share; a group that has lost more
        than its share loses nothing else.
    transposed : names, optional
        Weights whose matrix is (inputs, outputs), so that their output rows are columns; by default
        `scores.transposed`. Only scope `row` needs it.
    **header
        The mask's header; its sparsity is `share` unless the header has another.

    Returns
    -------
    Mask
        Of the scores' names and shapes.

    Raises
    ------
    NeutralError
        For a share outside [0, 1), an unknown scope, or a NaN score, naming the tensor.
    MismatchError
        If `kept` is a mask of other weights.

    Examples
    --------
    >>> mask = cut({"w": [[0.9, 0.1, 0.4], [0.2, 0.8, 0.7]]}, share=0.5, scope="global", language="en")
    >>> mask.array("w")
    array([[ True, False, False],
           [False,  True,  True]])
    """
    if not 0 <= share < 1:
        raise NeutralError(f"the share to drop must be at least 0 and under 1; got {share}")
    if scope not in SCOPES:
        raise NeutralError(f"unknown scope {scope!r}; use one of {', '.join(SCOPES)}")
    scores_of = {name: s if hasattr(s, "shape") else np.asarray(s) for name, s in scores.items()}
    shapes = {name: tuple(int(n) for n in s.shape) for name, s in scores_of.items()}
    live = None if kept is None else _bits(kept, shapes)
    if scope == "row":
        across = set(getattr(scores, "transposed", ()) if transposed is None else transposed)
        bits = {n: _cut_rows(n, s, share, n in across, live and live[n]) for n, s in scores_of.items()}
    else:
        bits = {}
        for names in _groups(shapes, scope):
            count = round(share * sum(prod(shapes[name]) for name in names))
            bits |= lowest({name: scores_of[name] for name in names}, count, live)
    return Mask({n: bits[n] for n in shapes}, shapes, {"sparsity": share, **header})


def _groups(names: Collection[str], scope: str) -> list[list[str]]:
    if scope == "global":
        return [list(names)]
    groups: dict[str, list[str]] = {}
    # The configuration's stack is not needed: a network with one stack is one group, whichever it is called.
    stack = labels.stack_of(names)
    for name in names:
        groups.setdefault(labels.group(name, scope, stack), []).append(name)
    return list(groups.values())


def _cut_rows(name: str, scores: Any, share: float, is_transposed: bool, live: Packed | None) -> Packed:
    if scores.ndim != 2:
        raise NeutralError(f"{name}: has {scores.ndim} dimensions; only a matrix can be cut row by row")
    alive = None
    if live is not None:
        alive = np.unpackbits(live, count=prod(scores.shape)).view(bool).reshape(tuple(scores.shape))
    if is_transposed:
        scores, alive = scores.T, None if alive is None else alive.T
    kept = lowest_of_rows(name, scores, round(share * scores.shape[1]), alive)
    return np.packbits(kept.T if is_transposed else kept)  # in C order, whatever the strides


def _bits(kept: Mask, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Packed]:
    """Return the mask's bits by the scores' names. Raises `MismatchError` naming a weight that only one of them has."""
    names = {labels.canonical(name): name for name in shapes}
    if extra := next((name for name in kept.names if name not in names), None):
        raise MismatchError(f"{extra}: the mask to go on from has it, the scores do not")
    for canonical, name in names.items():
        if canonical not in kept.shapes:
            raise MismatchError(f"{name}: the mask to go on from lacks it")
        scores_shape, mask_shape = ("×".join(map(str, shape)) for shape in (shapes[name], kept.shapes[canonical]))
        if scores_shape != mask_shape:
            raise MismatchError(f"{name}: the scores are {scores_shape}, but the mask to go on from is {mask_shape}")
    return {name: kept.bits[canonical] for canonical, name in names.items()}
