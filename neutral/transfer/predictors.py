"""What foretells how well one language's mask serves another: overlap of the masks, shared vocabulary, any distance.

Transfer has a direction: the mask of s trained on t is another run than the mask of t trained on s. So ordered pairs
are correlated here, n (n - 1) of n languages, and p is from permutations of languages, which move the rows and columns
of the square of costs together (Krackhardt 1988, Predicting with networks, Social Networks 10, 359-381). A predictor is
tested alone and with the others held: the partial correlation of ranks, taken anew under every permutation, as in
`association.mantel`. What a target language loses with any mask, and what a source's mask costs any language, says
nothing of pairs: `apart` takes either out, as the means of its ranks.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from neutral.association import LEAST, Orders, orders
from neutral.association.permutations import two_sided
from neutral.association.vectors import NOTHING, ranks
from neutral.errors import NeutralError

COLUMNS = ("predictor", "held", "rho", "tested", "p", "permutations", "exact", "languages", "pairs")
SIDES = ("source", "target")


def foretold(
    cost: pd.DataFrame,
    predictors: pd.DataFrame,
    *,
    apart: Sequence[str] = (),
    within: Mapping[str, Hashable] | None = None,
    count: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate the cost of every ordered pair of languages with predictors, alone and with the others held.

    Parameters
    ----------
    cost : DataFrame
        Columns source, target, value: what the source's mask costs the target. Its languages are those that are tested;
        a pair without a value leaves out the language that lacks most, the last of several.
    predictors : DataFrame
        Columns predictor, source, target, value; one that has a pair in one direction only is taken to be the same in
        the other.
    apart : some of SIDES
        What is taken out of costs and predictors: the mean of every source, of every target, or both.
    within, count, seed
        As in `association.associations`: blocks whose languages are exchanged, permutations, and their draw.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; a row a predictor, and if there are several, one more with the others held. rho is Spearman's
        correlation over the ordered pairs without what is `apart`; tested is what p (two-sided) is about, with `within`
        what differs within pairs of blocks. NaN when nothing is left to correlate, or languages are fewer than `LEAST`.

    Raises
    ------
    NeutralError
        For a table without its columns, no predictors, and an `apart` that is no side.
    """
    if wrong := [side for side in apart if side not in SIDES]:
        raise NeutralError(f"no side {wrong[0]!r} of a pair to take apart; there are {', '.join(SIDES)}")
    names = list(dict.fromkeys(_checked(predictors, "predictor")["predictor"]))
    if not names:
        raise NeutralError("there is nothing to foretell costs by")
    codes, squares = _complete(_checked(cost), [predictors[predictors["predictor"] == name] for name in names])
    permuted = orders(codes, within=within, count=count, seed=seed)
    off = ~np.eye(len(codes), dtype=bool)
    x, *ys = (ranks(square[off]) for square in squares)
    everywhere = _means(codes, apart, None)
    inside = _means(codes, apart, within)
    rows = []
    for i, name in enumerate(names):
        others = [k for k in range(len(names)) if k != i]
        for held in ([], others) if others else ([],):
            z = np.array([ys[k] for k in held]).reshape(len(held), len(x))
            rho, tested, p = np.full(3, np.nan)
            if len(codes) >= LEAST:
                rho = float(_partial(x, ys[i], z, everywhere))
                tested, p = _tested(x, ys[i], z, inside, permuted, off)
            done = 0 if np.isnan(p) else len(permuted)
            numbers = {"rho": rho, "tested": tested, "p": p, "permutations": done, "exact": bool(done) * permuted.exact}
            about = {"predictor": name, "held": ", ".join(names[k] for k in held)}
            rows.append({**about, **numbers, "languages": len(codes), "pairs": int(off.sum())})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"exact": bool})


def _checked(table: pd.DataFrame, *more: str) -> pd.DataFrame:
    if lacking := [column for column in (*more, "source", "target", "value") if column not in table]:
        raise NeutralError(f"a table of ordered pairs has columns source, target, value; there is no {lacking[0]}")
    return table


def _complete(cost: pd.DataFrame, predictors: Sequence[pd.DataFrame]) -> tuple[list[str], list[np.ndarray]]:
    """Return the languages that have a value for all their pairs, and the squares of costs and predictors, (n, n)."""
    codes = list(dict.fromkeys(cost[["source", "target"]].to_numpy().ravel()))
    squares = [_square(cost, codes)]
    for table in predictors:
        square = _square(table, codes)
        squares.append(np.where(np.isnan(square), square.T, square))
    lacking = np.any([np.isnan(square) for square in squares], axis=0) & ~np.eye(len(codes), dtype=bool)
    kept = np.arange(len(codes))
    while (gaps := (lacking | lacking.T)[np.ix_(kept, kept)].sum(axis=1)).any():
        kept = np.delete(kept, len(kept) - 1 - np.argmax(gaps[::-1]))
    return [codes[place] for place in kept], [square[np.ix_(kept, kept)] for square in squares]


def _square(table: pd.DataFrame, codes: Sequence[str]) -> np.ndarray:
    """Return values as source × target, NaN where there is none; of several of one pair the mean."""
    means = table.groupby(["source", "target"])["value"].mean().unstack()
    return means.reindex(index=codes, columns=codes).to_numpy(dtype=float)


def _means(codes: Sequence[str], apart: Sequence[str], within: Mapping[str, Hashable] | None) -> np.ndarray:
    """Return orthonormal columns that span the vectors over ordered pairs which say nothing, (m, r): see `foretold`."""
    n = len(codes)
    places = dict(zip(SIDES, np.nonzero(~np.eye(n, dtype=bool)), strict=True))
    classes = [np.zeros(n * (n - 1), dtype=int), *(places[side] for side in apart)]
    if within is not None:
        named = [within.get(code, ("alone", code)) for code in codes]
        block = np.array([named.index(each) for each in named])
        classes.append(block[places["source"]] * n + block[places["target"]])
    columns = np.vstack([each == np.unique(each)[:, None] for each in classes]).astype(float)
    return _basis(columns, np.empty((n * (n - 1), 0)))


def _partial(x: np.ndarray, y: np.ndarray, z: np.ndarray, span: np.ndarray) -> float:
    span = np.hstack([span, _basis(z, span)])
    return _left_over(x, span) @ _left_over(y, span)


def _tested(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, span: np.ndarray, permuted: Orders, off: np.ndarray
) -> tuple[float, float]:
    """Return the correlation of what `span` and z leave of x and y, and its p."""
    controlled = _basis(z, span)
    tested = np.array(_partial(x, y, z, span))
    if np.isnan(tested) or not len(permuted):
        return float(tested), float("nan")
    square = np.zeros(off.shape)
    square[off] = _left_over(x, span)  # what the span is of stays as it is when languages are permuted
    columns = np.column_stack([_left_over(y, np.hstack([span, controlled])), controlled])
    products = np.array([square[np.ix_(order, order)][off] @ columns for order in permuted.array])  # (P, 1 + r)
    rest = 1 - (products[:, 1:] ** 2).sum(axis=1)
    values = products[:, 0] / np.sqrt(np.where(rest > 1e-9, rest, np.inf))
    return float(tested), float(two_sided(tested, values, permuted.exact))


def _basis(vectors: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Return orthonormal columns (m, r) that span `vectors` (c, m) outside orthonormal columns `beside`, r ≤ c."""
    u, s, _ = np.linalg.svd(np.nan_to_num(_left_over(vectors, beside)).T, full_matrices=False)
    return u[:, s > NOTHING]


def _left_over(vectors: np.ndarray, span: np.ndarray) -> np.ndarray:
    """Return what orthonormal columns `span` (m, r) leave of `vectors` (…, m), at length 1; NaN if nothing is left."""
    rest = vectors - (vectors @ span) @ span.T
    length = np.linalg.norm(rest, axis=-1, keepdims=True)
    return rest / np.where(length > NOTHING * np.linalg.norm(vectors, axis=-1, keepdims=True), length, np.nan)
