import pytest
import torch

from neutral import compression
from neutral.compression import rounding
from neutral.compression.methods import ROUNDED
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

METHODS = ("int8", "int4")


def random_table(rows=50, width=70, seed=0):
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def fitted(matrix, method, ratio=None, **options):
    ratio = ROUNDED[method].reach(tuple(matrix.shape)) if ratio is None else ratio
    return compression.fit(matrix, method, ratio, by="bytes", **options)


def plain(group, bits):
    """x̂ of one group from the formula: the best of a few cut scales, each refitted by least squares for 4 bits."""
    low, best = -(2 ** (bits - 1)), None
    largest = max(group.tolist(), key=abs)
    for cut in (1.0, 0.92, 0.84, 0.76, 0.68, 0.60) if bits == 4 else (1.0,):
        scale = torch.tensor(largest * cut / low).half().float()
        codes = (group / scale).round().clamp(low, -low - 1)
        if bits == 4:
            scale = ((codes @ group) / (codes @ codes)).half().float()
            codes = (group / scale).round().clamp(low, -low - 1)
        error = float(((group - codes * scale) ** 2).sum())
        if best is None or error < best[0]:
            best = error, codes * scale
    return best[1]


@pytest.mark.parametrize(("method", "bits", "group"), [("int8", 8, None), ("int8", 8, 16), ("int4", 4, 32)])
def test_rows_are_those_of_the_plain_formula(method, bits, group):
    matrix = random_table()
    rebuilt = fitted(matrix, method, 1.0, group=group).matrix()
    expected = torch.stack([torch.cat([plain(g, bits) for g in row.split(group or 70)]) for row in matrix])
    # Sums in another order may tip a scale to the next float16 number.
    assert torch.allclose(rebuilt, expected, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [1, 2, 63, 64, 65, 129])
def test_odd_widths_are_rebuilt_and_every_byte_is_within_the_budget(method, width):
    matrix = random_table(20, width)
    table = fitted(matrix, method)
    budget = compression.Budget(20, width, ROUNDED[method].reach(tuple(matrix.shape)), "bytes")
    assert table.bytes <= budget.bytes
    assert table.ratio("bytes") == pytest.approx(budget.ratio, abs=0.01)
    assert table.parameters == 20 * width + table.tensors["scales"].numel()
    step = table.tensors["scales"].abs().max().float()
    assert (table.matrix() - matrix).abs().max() < (0.51 if method == "int8" else 3) * step + 0.01


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_zeros_stay_zero_and_constant_rows_are_kept(method):
    matrix = torch.stack([torch.zeros(70), torch.full((70,), -0.3), torch.full((70,), 2.5)])
    rebuilt = fitted(matrix, method).matrix()
    assert torch.equal(rebuilt[0], matrix[0])
    assert torch.allclose(rebuilt, matrix, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_table_of_one_row_is_rounded(method):
    matrix = random_table(1, 200)
    assert torch.nn.functional.cosine_similarity(fitted(matrix, method).matrix(), matrix) > 0.99


def test_four_bits_lose_little_direction_and_eight_almost_none():
    matrix = random_table(200, 256)

    def error(method, **options):
        rebuilt = fitted(matrix, method, 1.0, **options).matrix()
        return 1 - torch.nn.functional.cosine_similarity(rebuilt, matrix).mean()

    assert error("int8") < 1e-4
    assert error("int4", group=32) < error("int4") < error("int4", group=None) < 0.02


def test_cutting_the_largest_number_short_beats_plain_rounding():
    groups = random_table(200, 64).unsqueeze(1)
    codes, scale = rounding.round_groups(groups, 4)
    largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
    plain_scale = largest / -8
    plain_error = (groups - (groups / plain_scale).round().clamp(-8, 7) * plain_scale).square().sum(-1)
    error = (groups - codes * scale.float().unsqueeze(-1)).square().sum(-1)
    assert (error <= plain_error * 1.01).all()
    assert error.mean() < 0.95 * plain_error.mean()


def test_a_higher_ratio_makes_more_numbers_share_a_scale():
    matrix = random_table(20, 256)
    assert fitted(matrix, "int4").settings["group"] == 64
    tight = fitted(matrix, "int4", 7.8)
    assert tight.settings["group"] == 256
    assert tight.ratio("bytes") >= 7.8
    assert fitted(matrix, "int4", 7.6).settings["group"] == 128


@pytest.mark.parametrize(("method", "most"), [("int8", "3.96"), ("int4", "7.87")])
def test_a_ratio_out_of_reach_says_what_the_method_reaches(method, most):
    matrix = random_table(20, 256)
    with pytest.raises(NeutralError, match=rf"^{method} reaches {most} by bytes on this table; got ratio 8$"):
        fitted(matrix, method, 8.0)
    assert fitted(matrix, method, float(most)).ratio("bytes") >= float(most)
    with pytest.raises(NeutralError, match=rf"{method} reaches {most} by bytes .* give its ratio by bytes"):
        compression.fit(matrix, method, 2.0, by="parameters")


def test_a_group_below_one_is_an_error():
    with pytest.raises(NeutralError, match="a group has 1 number or more; got 0"):
        fitted(random_table(), "int4", 2.0, group=0)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_too_large_for_the_scales_are_an_error(method):
    with pytest.raises(NeutralError, match=rf"{method}: numbers up to 1e\+09 .* too large for float16"):
        fitted(torch.full((2, 4), 1e9), method, 1.0)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_table_comes_out_every_time_and_out_of_a_file(method, tmp_path):
    matrix = random_table()
    table = fitted(matrix, method)
    again = fitted(matrix, method, weights=torch.rand(50) + 0.1, seed=5)
    table.save(tmp_path / "t.safetensors")
    loaded = compression.Table.load(tmp_path / "t.safetensors")
    for other in (again, loaded):
        assert all(torch.equal(table.tensors[name], other.tensors[name]) for name in table.parts)
        assert torch.equal(table.matrix(), other.matrix())
    assert type(loaded) is type(table)


@pytest.mark.parametrize("method", METHODS)
def test_only_the_rows_asked_for_are_rebuilt(method):
    table = fitted(random_table(), method)
    ids = torch.tensor([[3, 0], [49, 3]])
    assert torch.equal(table.rows(ids), table.matrix()[ids])
    hidden = random_table(4, 70, seed=1)
    assert torch.allclose(table.logits(table.tensors, hidden), hidden @ table.matrix().T, atol=1e-5)
    assert table.trainable == ()
