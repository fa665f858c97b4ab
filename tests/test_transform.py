"""Transform coding: bits by token and by direction."""

import numpy as np
import pytest
import torch

from neutral import compression
from neutral.compression.budget import Budget
from neutral.compression.methods.transform import MOST, _gains, allocate
from neutral.errors import FileError, NeutralError

pytestmark = pytest.mark.numeric


def table(size=4000, width=48, seed=0):
    """Rows with a common mean and a spectrum that falls, as token tables have."""
    draw = np.random.default_rng(seed)
    turned = np.linalg.qr(draw.normal(size=(width, width)))[0]
    rows = (draw.normal(size=(size, width)) * np.linspace(2, 0.1, width)) @ turned + draw.normal(size=width)
    return torch.from_numpy(rows).float()


def fit(matrix, ratio, **options):
    return compression.fit(matrix, "transform", ratio, by="bytes", **options)


def error(matrix, rebuilt, metric=None):
    """Mean of eᵀMe."""
    errors = (rebuilt - matrix).double()
    return float((errors * (errors if metric is None else errors @ metric)).sum(dim=1).mean())


def test_the_errors_of_levels_are_those_of_max():
    left = 1 - np.cumsum(_gains())
    assert left[:5] == pytest.approx([0.3634, 0.1175, 0.03454, 0.009497, 0.002499], rel=0.01)  # Max 1960, table I


def test_bits_are_those_of_the_best_allocation():
    """Against trying every allocation to two classes of rows and three groups of eight directions."""
    costs, variances, reach_bytes = np.array([1.0] * 6 + [64.0] * 2), np.repeat([9.0, 1.0, 0.05], 8), 2 * 2 * MOST
    budget = Budget(8, 24, 4 * 8 * 24 / (60 + reach_bytes), "bytes")
    classes, reach = allocate(costs, variances, budget, 0)
    errors = np.concatenate([[1.0], 1 - np.cumsum(_gains())])
    counts = np.bincount(classes)
    assert counts.tolist() == [6, 2]
    spent = (reach.sum(axis=1) * counts).sum()
    assert spent <= 8 * 60

    def cost(bits):  # (2, 3) bits of a class in a group
        return (np.array([[1.0], [64.0]]) * np.array([9.0, 1.0, 0.05]) * errors[bits] * counts[:, None] * 8).sum()

    grid = np.stack(np.meshgrid(*[np.arange(8)] * 6), -1).reshape(-1, 2, 3)
    within = grid[(grid.sum(axis=2) * counts * 8).sum(axis=1) <= 8 * 60]
    best = min(cost(bits) for bits in within)
    found = (np.arange(24)[None, :, None] < reach[:, None, :]).sum(axis=2)[:, ::8]
    assert cost(found) == pytest.approx(best, rel=0.1)


@pytest.mark.parametrize("ratio", [4, 8, 12, 20, 30])
def test_the_budget_is_kept_and_used(ratio):
    fitted = fit(table(), ratio)
    assert ratio <= fitted.ratio("bytes") < ratio * 1.06


def test_a_falling_spectrum_is_kept_better_than_by_as_many_bits_everywhere():
    matrix = table(8000)
    mixed = compression.fit(matrix, "mixed", 10, by="bytes")
    assert error(matrix, fit(matrix, 10).matrix()) < 0.75 * error(matrix, mixed.matrix())


def test_the_error_is_near_what_the_rate_allows():
    """Gaussian rows of a known spectrum: Lloyd-Max codes stay within a factor 2.72 (√3 π / 2) of the bound."""
    draw = torch.Generator().manual_seed(0)
    spectrum = torch.linspace(2, 0.2, 64).square()
    matrix = torch.randn(30_000, 64, generator=draw) * spectrum.sqrt()
    fitted = fit(matrix, 10)
    bits = 8 * fitted.tensors["codes"].numel() / matrix.numel()
    level = (spectrum.log2().mean() / 2 - bits) * 2  # every direction above the level, as here
    assert 2**level < spectrum.min()
    assert 64 * 2**level < error(matrix, fitted.matrix()) < 64 * 2.72 * 2**level


def test_tokens_that_count_more_are_kept_better():
    matrix = table()
    weights = torch.ones(4000)
    weights[:400] = 1000
    kept, plain = fit(matrix, 12, weights=weights).matrix(), fit(matrix, 12).matrix()
    assert error(matrix[:400], kept[:400]) < error(matrix[:400], plain[:400]) / 5
    assert error(matrix[400:], kept[400:]) > error(matrix[400:], plain[400:])


def test_errors_are_least_where_they_are_measured():
    matrix, draw = table(), torch.Generator().manual_seed(1)
    factors = torch.randn(48, 12, generator=draw, dtype=torch.float64)
    metric = factors @ factors.T + 0.05 * torch.eye(48, dtype=torch.float64)
    felt = [error(matrix, fit(matrix, 12, metric=m).matrix(), metric) for m in (None, metric)]
    assert felt[1] < 0.6 * felt[0]


def test_more_bits_are_never_worse():
    matrix = table()
    errors = [error(matrix, fit(matrix, ratio).matrix()) for ratio in (4, 6, 9, 14, 20)]
    assert errors == sorted(errors)


def test_rows_logits_and_a_saved_copy_agree_with_the_matrix(tmp_path):
    fitted = fit(table(), 14, weights=torch.arange(4000.0))
    assert int(fitted.tensors["reach"][:, 0].min()) == 0  # some rows have no code at all
    whole = fitted.matrix()
    ids = torch.tensor([[5, 3999], [0, 5]])
    assert torch.allclose(fitted.rows(ids), whole[ids], atol=1e-5)
    hidden = torch.randn(2, 3, 48, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(fitted.logits(fitted.tensors, hidden), hidden @ whole.T, atol=1e-3)
    fitted.save(tmp_path / "table.safetensors")
    read = compression.load(tmp_path / "table.safetensors")
    assert torch.equal(read.matrix(), whole)
    assert (read.bytes, read.parameters) == (fitted.bytes, fitted.parameters)


@pytest.mark.parametrize("width", [1, 5, 8, 13])
def test_any_width_and_rows_of_zeros(width):
    matrix = table(4000, width)
    matrix[7] = 0
    rebuilt = fit(matrix, 1).matrix()
    assert torch.isfinite(rebuilt).all()
    assert rebuilt.shape == (4000, width)


@pytest.mark.parametrize(
    ("ratio", "by", "options", "complaint"),
    [
        (10, "parameters", {}, "by bytes"),
        (400, "bytes", {}, "transform reaches"),
        (6, "bytes", {"metric": torch.eye(3)}, "metric: must be 48 × 48"),
    ],
)
def test_what_cannot_be_done_is_said(ratio, by, options, complaint):
    with pytest.raises(NeutralError, match=complaint):
        compression.fit(table(), "transform", ratio, by=by, **options)
    with pytest.raises(NeutralError, match="every row"):
        fit(torch.zeros(9, 4), 4)


@pytest.mark.parametrize("part", ["classes", "lengths", "reach", "codes", "directions"])
def test_a_table_whose_parts_do_not_fit_is_refused(tmp_path, part):
    fitted = fit(table(300), 6)
    fitted.tensors[part] = fitted.tensors[part][:-1].clone()
    fitted.save(tmp_path / "table.safetensors")
    with pytest.raises(FileError, match=r"as many|fit together"):
        compression.load(tmp_path / "table.safetensors")


def test_bits_are_eight_at_most():
    assert fit(table(300), 2).tensors["reach"].shape[1] == MOST
