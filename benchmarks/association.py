"""Time of the Mantel tests of many languages, beside a way that is often written and a plain loop.

    python -m benchmarks.association [--languages 128 --groups 19 --distances 12 --permutations 9999]

Random similarities and distances, permuted plain and within ten made families. The library's tests go whole. The others
do the same permutations of the ranks, a few of them, and are scaled up: `gathered` takes the permuted pairs of every
similarity by their places and multiplies them by all distances in double precision, as the library did at first;
`looped` permutes rows and columns of one square at a time and correlates it with one distance (`numpy.corrcoef`). All
must agree in their correlations.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from neutral.association import orders
from neutral.association.mantel import mantel
from neutral.association.vectors import left_over, one_class, permuted_products, ranks

FEW = 64


def gathered(x: np.ndarray, y: np.ndarray, permuted: np.ndarray) -> np.ndarray:
    """Return correlations (P, L, D) of permuted ranks x (L, m) with y (D, m)."""
    return np.stack([x[:, places] @ y.T for places in permuted])


def looped(x: np.ndarray, y: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Return the same from one square after another."""
    n = array.shape[1]
    upper = np.triu_indices(n, 1)
    found = np.empty((len(array), len(x), len(y)))
    for g, values in enumerate(x):
        square = np.zeros((n, n))
        square[upper] = values
        square += square.T
        for p, order in enumerate(array):
            moved = square[np.ix_(order, order)][upper]
            found[p, g] = [np.corrcoef(moved, other)[0, 1] for other in y]
    return found


def main() -> None:
    """Print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in {"languages": 128, "groups": 19, "distances": 12, "permutations": 9999}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    m = asked.languages * (asked.languages - 1) // 2
    similarities, distances = rng.random((asked.groups, m)), rng.random((asked.distances, m))
    members = [str(i) for i in range(asked.languages)]
    families = {member: i % 10 for i, member in enumerate(members)}
    ours, many = 0.0, [orders(members, within=within, count=asked.permutations) for within in (None, families)]
    for permuted in many:
        start = time.perf_counter()
        mantel(similarities, distances, permuted)
        ours += time.perf_counter() - start
    x, y = (left_over(ranks(side), one_class(m)) for side in (similarities, distances))
    few = orders(members, count=FEW)
    scale = len(many) * asked.permutations / FEW
    start = time.perf_counter()
    one = gathered(x, y, few.pairs())
    middle = time.perf_counter()
    other = looped(x, y, few.array)
    times = {"gathered": scale * (middle - start), "looped": scale * (time.perf_counter() - middle)}
    for found in (one, other):
        np.testing.assert_allclose(found, permuted_products(x, y.T, few), atol=1e-9)
    print(f"{asked.languages} languages, plain and within families: {ours:.1f} s")
    for name, seconds in times.items():
        print(f"{name} (scaled up): {seconds:.0f} s, {seconds / ours:.0f} times as long")


if __name__ == "__main__":
    main()
