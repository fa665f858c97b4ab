"""Moran's eigenvectors, Moran's I, and draws that keep the spectrum: against plain versions and known answers."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

from neutral.association import associations, moran, neighbours, regression
from neutral.association.mantel import mantel
from neutral.association.mrm import mrm
from neutral.association.permutations import two_sided
from neutral.association.vectors import left_over, one_class, permuted_products, ranks
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

CODES = ["en", "de", "nl", "fr", "es", "ru", "hi", "ar", "zh"]


def weights(n, seed=0):
    values = np.random.default_rng(seed).random((n, n))
    return np.triu(values, 1) + np.triu(values, 1).T


def table(by, squares, codes=CODES):
    rows = [
        (name, a, b, square[codes.index(a), codes.index(b)])
        for name, square in squares.items()
        for a, b in combinations(codes, 2)
    ]
    return pd.DataFrame(rows, columns=[by, "source", "target", "value"])


def plain_draw(similarity, vectors, turns, draw):
    """A draw by principal coordinates: those of the distances, their loadings on the patterns turned two by two."""
    distances = np.sqrt(3 * np.ptp(similarity) - similarity + similarity.min())  # large enough to be Euclidean
    n = len(vectors)
    centre = np.eye(n) - 1 / n
    gram = -centre @ squareform(distances**2) @ centre / 2
    values, axes = np.linalg.eigh(gram)
    assert values.min() > -1e-9
    loadings = vectors.T @ (axes * np.sqrt(np.maximum(values, 0)))
    places = [i for i in range(n - 1) if i != turns.alone[draw]]
    turned = np.zeros_like(loadings)
    if turns.alone[draw] >= 0:
        turned[turns.alone[draw]] = turns.signs[draw, turns.alone[draw]] * loadings[turns.alone[draw]]
    for pair, angle in enumerate(turns.angles[draw]):
        one, other = places[2 * pair : 2 * pair + 2]
        a, b = loadings[one], loadings[other]
        turned[one] = turns.signs[draw, one] * (np.cos(angle) * a - np.sin(angle) * b)
        turned[other] = turns.signs[draw, other] * (np.sin(angle) * a + np.cos(angle) * b)
    np.testing.assert_allclose((turned**2).sum(), (loadings**2).sum())
    return -(pdist(vectors @ turned) ** 2)


@pytest.mark.parametrize("n", [4, 7, 8])
def test_products_are_those_of_draws_of_principal_coordinates(n):
    rng = np.random.default_rng(n)
    m = n * (n - 1) // 2
    similarities, columns = rng.random((2, m)), left_over(rng.random((3, m)), one_class(m)).T
    draws = moran.spectral(weights(n), count=5, seed=1)
    found = permuted_products(similarities, columns, draws)
    turns = draws.turned()
    for draw in range(5):
        for g, similarity in enumerate(similarities):
            drawn = plain_draw(similarity, draws.vectors, turns._replace(angles=-turns.angles), draw)
            drawn = drawn - drawn.mean()
            np.testing.assert_allclose(found[draw, g], drawn @ columns / np.linalg.norm(drawn), atol=2e-5)
