"""The randomized svd: scikit-learn's, as the paper's scripts call it, against a plain version of the algorithm."""

import numpy as np
import pytest
import torch
from test_lowrank import mean_cosine_distance, slanted_table

from neutral import compression
from neutral.compression.table import Table
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

RATIO = 4


def plain_randomized(matrix, rank, iterations, seed):
    """Rows on the leading right singular vectors of what random projections and power iterations see (Halko et al.)."""
    rows = matrix.double().numpy()
    drawn = np.random.RandomState(seed).normal(size=(rows.shape[1], rank + 10))
    seen = rows @ drawn
    for _ in range(iterations):
        seen = rows @ (rows.T @ np.linalg.qr(seen)[0])
    within = np.linalg.qr(seen)[0].T @ rows
    basis = np.linalg.svd(within, full_matrices=False)[2][:rank]
    return torch.from_numpy(rows @ basis.T @ basis).float()


def test_it_is_the_scripts_fit_transform_and_inverse():
    from sklearn.decomposition import TruncatedSVD

    matrix = slanted_table()
    table = compression.fit(matrix, "svd", RATIO, seed=42, iterations=(3,))
    theirs = TruncatedSVD(n_components=table.rank, n_iter=3, random_state=42).fit(matrix.numpy())
    latents = theirs.transform(matrix.numpy())
    assert torch.equal(table.tensors["decoder"], torch.from_numpy(theirs.components_))
    assert torch.allclose(table.tensors["latents"], torch.from_numpy(latents), atol=1e-4)
    assert torch.allclose(table.matrix(), torch.from_numpy(theirs.inverse_transform(latents)), atol=1e-4)


@pytest.mark.parametrize("iterations", [1, 2, 5])
@pytest.mark.parametrize("seed", [0, 7])
def test_it_agrees_with_a_plain_version(iterations, seed):
    matrix = slanted_table(400, 60)
    table = compression.fit(matrix, "svd", 6, seed=seed, iterations=(iterations,))
    plain = plain_randomized(matrix, table.rank, iterations, seed)
    assert torch.allclose(table.matrix(), plain, atol=2e-3)


def test_more_iterations_come_to_the_exact_table_from_above():
    matrix = slanted_table(400, 60)
    exact = (compression.fit(matrix, "svd", 6).matrix() - matrix).square().sum()
    errors = [(compression.fit(matrix, "svd", 6, iterations=(n,)).matrix() - matrix).square().sum() for n in (1, 3, 30)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > exact * 1.001
    assert errors[-1] == pytest.approx(float(exact), rel=1e-4)


def test_select_chooses_among_the_iterations_and_is_asked_in_ascending_order():
    matrix, asked = slanted_table(), []

    def select(table):
        asked.append(table.settings["iterations"])
        return abs(table.settings["iterations"] - 4)

    assert compression.fit(matrix, "svd", RATIO, iterations=(9, 1, 5, 5), select=select).settings["iterations"] == 5
    assert asked == [1, 5, 9]
    equal = compression.fit(matrix, "svd", RATIO, iterations=(2, 3), select=lambda _table: 1.0)
    assert equal.settings["iterations"] == 2
    assert compression.fit(matrix, "svd", RATIO, iterations=(2, 3)).settings["iterations"] == 3


def test_weighted_rows_are_kept_better():
    matrix, weights = slanted_table(), torch.ones(300)
    weights[:30] = 50
    plain, weighted = (compression.fit(matrix, "svd", 8, iterations=(9,), weights=counts) for counts in (None, weights))
    assert mean_cosine_distance(matrix, weighted, weights) < mean_cosine_distance(matrix, plain, weights)
    exact = compression.fit(matrix, "svd", 8, weights=weights)
    assert mean_cosine_distance(matrix, weighted, weights) == pytest.approx(
        mean_cosine_distance(matrix, exact, weights), rel=1e-2
    )


def test_the_iterations_stay_with_a_saved_table(tmp_path):
    table = compression.fit(slanted_table(), "svd", RATIO, by="bytes", iterations=(2,))
    table.save(tmp_path / "table.safetensors")
    read = Table.load(tmp_path / "table.safetensors")
    assert read.settings == {"iterations": 2}
    assert torch.equal(read.matrix(), table.matrix())


def test_less_than_one_iteration_is_refused():
    with pytest.raises(NeutralError, match="iterations=0"):
        compression.fit(slanted_table(), "svd", RATIO, iterations=(0, 2))
