"""The mixed-width quantizer: bits where they count, noise where it does not."""

import numpy as np
import pytest
import torch

from neutral import compression
from neutral.compression.budget import Budget
from neutral.compression.methods.mixed import allocate, geometric_mean, levels, rotation
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric


def table(size=600, width=48, seed=0):
    """Rows with a common mean and a spectrum that falls, as token tables have."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(size, width)) * np.linspace(2, 0.2, width) + draw.normal(size=width)
    return torch.from_numpy(rows).float()


def distance(matrix, rebuilt):
    return 1 - torch.cosine_similarity(matrix, rebuilt)


def test_levels_are_the_published_ones():
    assert levels(1).numpy() == pytest.approx([-0.7979, 0.7979], abs=1e-3)
    assert levels(2).numpy() == pytest.approx([-1.5104, -0.4528, 0.4528, 1.5104], abs=1e-3)  # Max 1960, table I
    assert levels(3)[-1] == pytest.approx(2.1520, abs=1e-3)


@pytest.mark.parametrize("width", [1, 6, 48, 384, 640])
def test_the_rotation_is_orthogonal(width):
    turned = rotation(torch.ones(width))
    assert torch.allclose(turned @ turned.T, torch.eye(width), atol=1e-5)


def test_the_geometric_mean_of_commuting_matrices_is_the_root_of_their_product():
    a, b = torch.diag(torch.tensor([1.0, 4.0, 9.0])).double(), torch.diag(torch.tensor([16.0, 4.0, 1.0])).double()
    assert torch.allclose(geometric_mean(a, b), torch.diag(torch.tensor([4.0, 4.0, 3.0])).double())


def test_the_geometric_mean_solves_its_equation():
    draw = torch.Generator().manual_seed(0)
    a, b = (x @ x.T + torch.eye(6) for x in torch.randn(2, 6, 6, generator=draw, dtype=torch.float64))
    mean = geometric_mean(a, b)
    assert torch.allclose(mean @ torch.linalg.inv(a) @ mean, b)  # Riccati: G a⁻¹ G = b


def test_bits_are_those_of_the_best_allocation():
    """Against trying every allocation of four rows."""
    importance, width = np.array([1.0, 16.0, 300.0, 3.0]), 8  # a bit of a row is one byte
    budget = Budget(4, width, 4 * 4 * width / 14, "bytes")
    found = allocate(importance, width, budget, 0)
    grid = np.stack(np.meshgrid(*[np.arange(1, 9)] * 4), -1).reshape(-1, 4)
    grid = grid[grid.sum(1) <= 14]
    best = (importance * 4.0**-grid).sum(1).min()
    assert (importance * 4.0 ** -found.astype(float)).sum() == pytest.approx(best, rel=0.3)
    assert found.sum() == 14
    assert found[2] == found.max()


@pytest.mark.parametrize("ratio", [pytest.param(4, marks=pytest.mark.long), 5, 7.5, 10, 13])
def test_the_budget_is_kept_and_used(ratio):
    matrix = table(4000)
    fitted = compression.fit(matrix, "mixed", ratio, by="bytes", directions=4)
    assert fitted.ratio("bytes") >= ratio
    assert fitted.ratio("bytes") < ratio * 1.05


def test_more_bits_are_never_worse():
    matrix = table(4000)
    errors = [distance(matrix, compression.fit(matrix, "mixed", r, by="bytes").matrix()).mean() for r in (5, 8, 11, 14)]
    assert errors == sorted(errors)
    assert errors[0] < 0.002


def test_tokens_that_count_more_are_kept_better():
    matrix = table(4000)
    weights = torch.ones(4000)
    weights[:400] = 1000
    fitted = compression.fit(matrix, "mixed", 9, by="bytes", weights=weights)
    error = distance(matrix, fitted.matrix())
    plain = distance(matrix, compression.fit(matrix, "mixed", 9, by="bytes").matrix())
    assert error[:400].mean() < plain[:400].mean() / 5
    assert error[400:].mean() > plain[400:].mean()


def test_the_metric_keeps_noise_out_of_the_directions_that_the_model_multiplies():
    matrix = table(4000)
    direction = torch.linalg.qr(torch.randn(48, 1, generator=torch.Generator().manual_seed(1)))[0]
    metric = torch.eye(48) + 500 * direction @ direction.T
    errors = [
        ((compression.fit(matrix, "mixed", 9, by="bytes", metric=m).matrix() - matrix) @ direction).square().mean()
        for m in (None, metric)
    ]
    assert errors[1] < errors[0] / 3


def test_rows_logits_and_a_saved_copy_agree_with_the_matrix(tmp_path):
    matrix = table()
    fitted = compression.fit(matrix, "mixed", 8, by="bytes", directions=4, weights=torch.arange(600.0))
    whole = fitted.matrix()
    ids = torch.tensor([[5, 599], [0, 5]])
    assert torch.equal(fitted.rows(ids), whole[ids])
    hidden = torch.randn(2, 3, 48, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(fitted.logits(fitted.tensors, hidden), hidden @ whole.T, atol=1e-4)
    fitted.save(tmp_path / "table.safetensors")
    assert torch.equal(compression.load(tmp_path / "table.safetensors").matrix(), whole)


def test_a_seed_gives_the_same_bits_again_and_another_seed_others():
    matrix = table()
    again = [compression.fit(matrix, "mixed", 6, by="bytes", directions=2, seed=s).matrix() for s in (3, 3, 4)]
    assert torch.equal(again[0], again[1])
    assert not torch.equal(again[0], again[2])


def test_rows_of_zeros_give_no_nan():
    matrix = table()
    matrix[7] = 0
    assert torch.isfinite(compression.fit(matrix, "mixed", 5, by="bytes", directions=2).matrix()).all()


@pytest.mark.parametrize(
    ("ratio", "by", "options", "complaint"),
    [
        (10, "parameters", {}, "by bytes"),
        (40, "bytes", {}, "mixed reaches"),
        (6, "bytes", {"metric": torch.eye(3)}, "metric: must be 48 × 48"),
    ],
)
def test_what_cannot_be_done_is_said(ratio, by, options, complaint):
    with pytest.raises(NeutralError, match=complaint):
        compression.fit(table(), "mixed", ratio, by=by, **options)
    with pytest.raises(NeutralError, match="every row"):
        compression.fit(torch.zeros(9, 4), "mixed", 4, by="bytes")


@pytest.mark.parametrize("seed", range(5))
def test_of_rows_that_count_alike_but_for_rounding_the_first_get_the_bit_more(seed):
    draw = np.random.default_rng(seed)
    importance = 4.0 ** draw.integers(-2, 3, 400)
    budget = Budget(400, 16, 9, "bytes")
    exact = allocate(importance, 16, budget, 0)
    for size in np.unique(importance):
        assert (np.diff(exact[importance == size].astype(int)) <= 0).all()
    noisy = importance * (1 + 1e-7 * draw.uniform(-1, 1, 400))
    assert allocate(noisy, 16, budget, 0).tolist() == exact.tolist()


def test_rows_of_one_length_get_bits_by_their_ids():
    matrix = torch.nn.functional.normalize(table(), dim=1)
    bits = compression.fit(matrix, "mixed", 5, by="bytes").tensors["bits"].int()
    assert set(bits.tolist()) == {4, 5}
    assert (bits.diff() <= 0).all()
