"""How far a compressed table is from the full one: in direction, in distance, in length and in neighbourhood.

The measures are those of Bałazy et al. (2021), cosine distance, RMSE, MAE and mean |e|^0.6, and besides them the ratio
of the lengths and the share of each token's nearest neighbours that stay. Tables are rebuilt block by block. A row of
zeros (padding) has no direction and counts nowhere; a row that is rebuilt as zeros is at cosine distance 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.ties import ROUNDING

NEAREST = 10
GROUP_COLUMNS = ["name", "tokens", "cosine", "low", "median", "high"]
_POWER = 0.6
_BLOCK = 4096  # rows at a time


def cosine_distance(matrix: torch.Tensor, table: Table) -> torch.Tensor:
    """Return 1 − cos(x, x̂) of every row of `matrix` (V, d), float32 (V,); NaN where x is zero.

    Raises `NeutralError` if matrix and table differ in shape.
    """
    return torch.cat([_distance(full, rebuilt) for full, rebuilt in _blocks(matrix, table)])


def measure(
    matrix: torch.Tensor,
    table: Table,
    *,
    weights: torch.Tensor | None = None,
    neighbours: int = 0,
    seed: int = 0,
) -> dict[str, float]:
    """Return the errors of a compressed table against the full one, over the tokens.

    Parameters
    ----------
    matrix : tensor (V, d)
        The full table.
    table : Table
        The compressed one.
    weights : tensor (V,), optional
        How much each token counts; all count alike without.
    neighbours : int
        How many tokens `neighbour_overlap` draws; 0 leaves it out. Its sample is even, whatever the weights.
    seed : int
        Seed of that sample.

    Returns
    -------
    name -> float
        cosine, cosine_q10, cosine_median, cosine_q90: mean and quantiles of 1 − cos. rmse, mae, power: root of the mean
        e², mean |e| and mean |e|^0.6 over the numbers e = x̂ − x. norm_ratio: mean |x̂| / |x|. neighbours: see above.

    Raises
    ------
    NeutralError
        For shapes that differ, and if every row is zero or weighs nothing.

    References
    ----------
    Bałazy et al. (2021), arXiv 2106.08181.
    """
    rows = [_row_errors(full, rebuilt) for full, rebuilt in _blocks(matrix, table)]
    distance, square, absolute, power, lengths = torch.cat(rows, dim=1).double().cpu().numpy()
    counted = ~np.isnan(distance)
    shares = _counts(weights, len(distance)) * counted
    if not shares.sum() > 0:
        raise NeutralError("no token to measure: every row of the table is zero or weighs nothing")
    shares, distance = shares[counted] / shares.sum(), distance[counted]
    low, median, high = _quantiles(distance, shares)
    errors = {
        "cosine": shares @ distance,
        "cosine_q10": low,
        "cosine_median": median,
        "cosine_q90": high,
        "rmse": np.sqrt(shares @ square[counted]),
        "mae": shares @ absolute[counted],
        "power": shares @ power[counted],
        "norm_ratio": shares @ lengths[counted],
    }
    if neighbours:
        errors["neighbours"] = neighbour_overlap(matrix, table, neighbours, seed)
    return {name: float(value) for name, value in errors.items()}


def grouped(distances: torch.Tensor | np.ndarray, groups: Mapping[str, torch.Tensor | np.ndarray]) -> pd.DataFrame:
    """Return the mean and the quantiles of the distances in every group of tokens.

    Parameters
    ----------
    distances : tensor or array (V,)
        Cosine distance of every token; NaN does not count.
    groups : name -> tensor or array (V,)
        A mask, or weights, such as how often a language's text has each token.

    Returns
    -------
    DataFrame
        A row a group, with `GROUP_COLUMNS`: tokens is how many count; cosine is the mean; low, median and high are the
        quantiles 0.1, 0.5 and 0.9. A group of which no token counts has no row.

    Raises
    ------
    NeutralError
        For a group that is not one number a token.
    """
    distances = np.asarray(distances, dtype=np.float64)
    rows = []
    for name, group in groups.items():
        shares = np.where(np.isnan(distances), 0.0, _counts(group, len(distances)))
        chosen = shares > 0
        if chosen.any():
            shares, values = shares[chosen] / shares.sum(), distances[chosen]
            low, median, high = _quantiles(values, shares)
            rows.append([name, int(chosen.sum()), float(shares @ values), low, median, high])
    return pd.DataFrame(rows, columns=GROUP_COLUMNS)


def neighbour_overlap(matrix: torch.Tensor, table: Table, sample: int, seed: int = 0) -> float:
    """Return the share of a token's 10 nearest neighbours by cosine that it keeps, mean over `sample` tokens.

    The tokens are drawn without replacement from those whose row is not zero, and their neighbours are sought among all
    of those, in the full and in the rebuilt table. NaN for a table of fewer than two such rows.
    """
    _check(matrix, table)
    real = matrix.any(dim=1).cpu().numpy().nonzero()[0]
    nearest = min(NEAREST, len(real) - 1)
    if nearest < 1:
        return float("nan")
    drawn = np.random.default_rng(seed).choice(real, min(sample, len(real)), replace=False)
    tokens = torch.from_numpy(drawn).to(matrix.device)
    real_ids = torch.from_numpy(real).to(matrix.device)
    full = _nearest(lambda ids: matrix[ids].float(), tokens, real_ids, nearest)
    rebuilt = _nearest(lambda ids: table.rows(ids).to(matrix.device), tokens, real_ids, nearest)
    kept = (full.unsqueeze(2) == rebuilt.unsqueeze(1)).any(dim=2)  # (n, k)
    return float(kept.double().mean())


def _nearest(
    rows: Callable[[torch.Tensor], torch.Tensor], tokens: torch.Tensor, among: torch.Tensor, k: int
) -> torch.Tensor:
    """Return the ids (n, k) of the k nearest to each of `tokens` (n,) among `among`, without the token itself."""
    units = _unit(rows(tokens))  # (n, d)
    nearest_cosines = torch.full((len(tokens), k), -torch.inf, device=units.device)
    ids = torch.full((len(tokens), k), -1, device=units.device)
    for block in among.split(_BLOCK):
        cosines = units @ _unit(rows(block)).T  # (n, block)
        own = (tokens >= block[0]) & (tokens <= block[-1])  # `among` ascends
        cosines[own, torch.searchsorted(block, tokens[own])] = -torch.inf
        values, places = cosines.topk(min(k, len(block)), dim=1)
        nearest_cosines, order = torch.cat([nearest_cosines, values], dim=1).topk(k, dim=1)
        ids = torch.cat([ids, block[places]], dim=1).gather(1, order)
    return ids


def _row_errors(full: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """Return the cosine distance, mean e², mean |e|, mean |e|^0.6 and ratio of lengths of every row, (5, rows)."""
    error = (rebuilt - full).abs_()
    lengths = rebuilt.norm(dim=1) / full.norm(dim=1)
    distance = _distance(full, rebuilt)
    return torch.stack(
        [distance, error.square().mean(dim=1), error.mean(dim=1), error.pow_(_POWER).mean(dim=1), lengths]
    )


def _distance(full: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """Return 1 − cos of rows, (n,), as ½|u − v|² of unit rows, which keeps its digits when it is small."""
    distance = (_unit(full) - _unit(rebuilt)).square().sum(dim=1) / 2
    distance[~rebuilt.any(dim=1)] = 1.0
    distance[~full.any(dim=1)] = torch.nan
    return distance


def _unit(rows: torch.Tensor) -> torch.Tensor:
    """Return rows (n, d) at length 1; zeros stay zeros."""
    return F.normalize(rows, dim=1, eps=torch.finfo(rows.dtype).tiny)


def _blocks(matrix: torch.Tensor, table: Table) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Give (full, rebuilt) rows block by block, float32 (n, d) each."""
    _check(matrix, table)
    for ids in torch.arange(len(matrix)).split(_BLOCK):
        yield matrix[ids[0] : ids[-1] + 1].float(), table.rows(ids).to(matrix.device)


def _check(matrix: torch.Tensor, table: Table) -> None:
    if tuple(matrix.shape) != table.shape:
        raise NeutralError(f"the matrix is {tuple(matrix.shape)}, the compressed table {table.shape}: not of one model")


def _counts(weights: torch.Tensor | np.ndarray | None, size: int) -> np.ndarray:
    """Return weights (V,) as numbers, ones for None. Raises `NeutralError` for another shape."""
    if weights is None:
        return np.ones(size)
    counts = np.asarray(weights.cpu() if isinstance(weights, torch.Tensor) else weights, dtype=np.float64)
    if counts.shape != (size,):
        raise NeutralError(f"weights: one a token, so {size:,}; got shape {counts.shape}")
    return counts


def _quantiles(values: np.ndarray, shares: np.ndarray) -> list[float]:
    """Return the weighted quantiles: the smallest value up to which the shares reach 0.1, 0.5 and 0.9."""
    reached = np.array([0.1, 0.5, 0.9]) * (1 - ROUNDING)
    return [float(q) for q in np.quantile(values, reached, weights=shares, method="inverted_cdf")]
