"""Wanda's masks of several texts at several sparsities, in one reading of the weights.

A plain loop holds all scores and goes over them once for every text and sparsity. Here a block of rows is read,
scored with the norms of every text, sorted once for each, and cut at every sparsity, while it lies in the cache. The
masks are those of `from_norms` and `cut`, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from neutral import rows
from neutral.masks import Mask
from neutral.scores.base import Scores, Weights
from neutral.scores.cutting import cut
from neutral.scores.wanda import from_norms
from neutral.selection import not_a_number

BLOCK = 1 << 17  # values looked at together, small enough for the cache of one core

Bits = dict[tuple[str, float], np.ndarray]  # (text, share) -> packed bits of one weight's mask


def masks_of_texts(
    weights: Weights, norms: Mapping[str, Scores], shares: Sequence[float]
) -> dict[str, dict[float, Mask]]:
    """Return Wanda's mask of every text at every share, cut within output rows.

    Parameters
    ----------
    weights : name -> (outputs, inputs) tensor
        (inputs, outputs) where the norms say that it is transposed.
    norms : text -> name -> (inputs,) tensor
        What `input_norms` or `join` returned for each text.
    shares : sequence of float
        Shares in [0, 1) of each row to drop.

    Returns
    -------
    text -> share -> Mask
        Its header has the share as `sparsity`.

    Raises
    ------
    NeutralError
        For a score that is NaN, naming the weight, and as `cut` does.
    """
    shares = list(dict.fromkeys(shares))
    if any(not _is_plain(weight) for weight in weights.values()) or not all(0 <= share < 1 for share in shares):
        found = ((text, from_norms(weights, of_text)) for text, of_text in norms.items())
        return {text: {share: cut(scores, share, "row") for share in shares} for text, scores in found}

    def work(name: str) -> Bits:
        return _bits(name, weights[name], norms, shares)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # NumPy's loops run beside each other
        bits = dict(zip(weights, pool.map(work, weights), strict=True))
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    return {
        text: {
            share: Mask({name: each[text, share] for name, each in bits.items()}, shapes, {"sparsity": share})
            for share in shares
        }
        for text in norms
    }


def _is_plain(weight: torch.Tensor) -> bool:
    return weight.device.type == "cpu" and weight.ndim == 2 and weight.dtype.is_floating_point and weight.itemsize <= 4


def _bits(name: str, weight: torch.Tensor, norms: Mapping[str, Scores], shares: Sequence[float]) -> Bits:
    is_transposed = any(name in of_text.transposed for of_text in norms.values())
    matrix = weight.detach().T if is_transposed else weight.detach()  # (R, C)
    norm_of = {text: of_text[name].to("cpu", torch.float32).numpy() for text, of_text in norms.items()}
    counts = [round(share * matrix.shape[1]) for share in shares]
    parts: dict[tuple[str, float], list[np.ndarray]] = {(text, share): [] for text in norms for share in shares}
    for block in _blocks(matrix):
        for text, norm in norm_of.items():
            with np.errstate(invalid="ignore"):
                scores = np.abs(block * norm)  # norms are not negative, so this is |W| · ‖X‖, and there is no -0.0
            if scores.size and np.isnan(scores.min()):
                raise not_a_number(name)
            for share, kept in zip(shares, rows.kept(scores, counts), strict=True):
                parts[text, share].append(kept if is_transposed else np.packbits(kept))
    join = _packed_columns if is_transposed else _joined
    return {key: join(each) for key, each in parts.items()}


def _blocks(matrix: torch.Tensor) -> Iterator[np.ndarray]:
    """Yield rows of a matrix as float32, as many together as end with a byte of their packed bits."""
    step = max(8, BLOCK // max(matrix.shape[1], 1) // 8 * 8)
    for start in range(0, len(matrix), step):
        yield matrix[start : start + step].float().numpy()


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint8)


def _packed_columns(parts: list[np.ndarray]) -> np.ndarray:
    return np.packbits(np.concatenate(parts).T) if parts else np.zeros(0, dtype=np.uint8)
