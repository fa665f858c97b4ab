"""Parallel sentence retrieval: is a sentence's translation its nearest neighbour in the network's states?

Zero-shot and by layer, as in Foroutan et al. (2022). Plain cosines suffer from hubs, sentences that are near
to everything; a margin compares them with how near both sentences are to their k nearest neighbours in the other
language, which takes hubs out (Artetxe & Schwenk 2019, arXiv 1811.01136; k = 5). With

    near(x, y) = Σ_{z ∈ N_k(x)} cos(x, z) / 2k + Σ_{z ∈ N_k(y)} cos(y, z) / 2k

the scores are `ratio`, cos(x, y) / near(x, y), as in the paper; `distance`, cos(x, y) - near(x, y); and `absolute`,
cos(x, y) alone. In the paper's script the score ranks only the k nearest of the other language (`nearest`); `all`
ranks every sentence. The translation that is not among the k nearest is then lost, whatever its margin.

As in the paper, states are not centred by language first. On the bundled model centring would raise mean accuracy at 1
(all sentences ranked, own tokens in the mean) from 0.15 to 0.20 in layer 5, and from 0.09 to 0.16 in the last: part of
the fall towards the last layers is that languages move apart as wholes, not that sentences lose their meaning.

By chance accuracy at m is m/n. With 264 sentences the standard error of one pair's accuracy is up to 0.03.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neutral.errors import MismatchError, NeutralError
from neutral.inside import definitions
from neutral.inside.definitions import Definition
from neutral.ties import SINGLE

NEIGHBOURS = 5
"""k: how many neighbours the margin looks at, and how many candidates are ranked if not all are."""

AT = (1, 5)

COLUMNS = [
    *("task", "method", "sparsity", "seed", "mask", *definitions.FIELDS, "layer", "source", "target", "at1", "at5"),
    "sentences",
]


def both_ways(source: np.ndarray, target: np.ndarray, definition: Definition) -> tuple[list[float], list[float]]:
    """Return the accuracies at each of `AT` from source to target, and those from target to source.

    `source` and `target` are the (n, d) states of the same sentences; how they were pooled is the caller's business.
    Raises what `margin` raises.
    """
    cosine = _cosines(source, target)
    scores = _scores(cosine, NEIGHBOURS, definition.score)
    if definition.candidates == "all":
        return accuracy(scores), accuracy(scores.T)
    there = np.where(_nearest(cosine, NEIGHBOURS), scores, -np.inf)
    back = np.where(_nearest(cosine.T, NEIGHBOURS), scores.T, -np.inf)
    return accuracy(there), accuracy(back)


def margin(source: np.ndarray, target: np.ndarray, k: int = NEIGHBOURS, *, score: str = "ratio") -> np.ndarray:
    """Return (n, n) scores of every source sentence (row) with every target sentence (column).

    A state of length 0 has cosine 0 with all. When the mean cosine of the neighbours is not positive, which does not
    happen with anisotropic states, the ratio means nothing; the divisor is then held at a small positive number.

    Parameters
    ----------
    source, target : arrays (n, d)
        States of the same n sentences in two languages.
    k : int
        Neighbours; at most n are taken.
    score : str
        One of `definitions.SCORES`.

    Raises
    ------
    NeutralError
        For shapes that are not (n, d) or differ in d, and for another score.
    MismatchError
        For different n.
    """
    return _scores(_cosines(source, target), k, score)


def _cosines(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the (n, n) cosines of states (n, d), source by target; raises what `margin` says."""
    if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
        raise NeutralError(f"states are (n, d), with one d; got {source.shape} and {target.shape}")
    if len(source) != len(target):
        raise MismatchError(f"parallel sentences are as many in both languages; got {len(source)} and {len(target)}")
    return _unit(source) @ _unit(target).T


def _scores(cosine: np.ndarray, k: int, score: str) -> np.ndarray:
    """Return the (n, n) scores that (n, n) cosines give."""
    if score not in definitions.SCORES:
        raise NeutralError(f"no score is called {score}; there are {', '.join(definitions.SCORES)}")
    if score == "absolute":
        return cosine
    near = (_highest(cosine, k).mean(1)[:, None] + _highest(cosine.T, k).mean(1)[None, :]) / 2
    return cosine - near if score == "distance" else cosine / np.maximum(near, 1e-6)


def accuracy(scores: np.ndarray, at: tuple[int, ...] = AT) -> list[float]:
    """Return, for each m in `at`, the share of rows whose own column (the diagonal) is among the m highest.

    Minus infinity is the score of what is no candidate, which is never found. Scores that are equal but for rounding
    count as randomly ordered, and the expected share is returned, so that states without information give chance and
    not 1. With all candidates the transposed scores give the other direction.
    """
    candidate = np.diag(scores) > -np.inf
    own = np.where(candidate, np.diag(scores), 0)[:, None]
    tie = SINGLE * np.maximum(1, abs(own))  # networks compute in single precision
    higher, equal = (scores > own + tie).sum(1), (abs(scores - own) <= tie).sum(1)
    return [float((candidate * np.clip((m - higher) / np.maximum(equal, 1), 0, 1)).mean()) for m in at]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `Study.table("retrieval")` with a row a layer: `COLUMNS`."""
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = definitions.filled(frame).explode(["layers", "at1", "at5"], ignore_index=True)
    rows = rows.rename(columns={"layers": "layer"})
    return rows.astype({"at1": float, "at5": float})[COLUMNS]


def _unit(states: np.ndarray) -> np.ndarray:
    # Double precision: the cosines of anisotropic states differ in the third digit and after.
    states = states.astype(np.float64)
    return states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-12)


def _highest(cosine: np.ndarray, k: int) -> np.ndarray:
    """Return each row's k highest, or all of fewer, (n, k), the lowest of them first."""
    k = min(k, cosine.shape[1])
    return np.partition(cosine, -k, axis=1)[:, -k:]


def _nearest(cosine: np.ndarray, k: int) -> np.ndarray:
    """Return (n, n) booleans: each row's k highest, and what is equal to the lowest of them but for rounding.

    An index has to choose among equals; here they are all candidates, and `accuracy` counts ties by their share.
    """
    return cosine >= _highest(cosine, k)[:, :1] - SINGLE
