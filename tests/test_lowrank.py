import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn import functional as F

from neutral import compression
from neutral.compression import distortion
from neutral.compression.budget import Budget
from neutral.compression.methods import FITS
from neutral.compression.methods.direction import FREE, LENGTHS, Direction, along, reweighted
from neutral.compression.rows import Rows
from neutral.compression.table import Table
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

ROWS, WIDTH = 300, 24
METHODS = ("svd", "direction")


def slanted_table(rows=ROWS, width=WIDTH, seed=0, common=0.5):
    """Rows of unlike lengths, a falling spectrum and a common part, as token tables have."""
    draw = torch.Generator().manual_seed(seed)
    spectrum = torch.arange(1, width + 1) ** -0.7
    turn = torch.linalg.qr(torch.randn(width, width, generator=draw))[0]
    matrix = torch.randn(rows, width, generator=draw) * spectrum @ turn + common * turn[3] / width**0.5
    return matrix * torch.rand(rows, 1, generator=draw).mul(1.5).exp()


def an_ulp_off(matrix, seed=0):
    """The matrix with every number moved to the next float, up or down."""
    up = torch.rand(matrix.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    return torch.nextafter(matrix, torch.where(up, torch.inf, -torch.inf))


def mean_cosine_distance(matrix, table, weights=None):
    return distortion.measure(matrix, table, weights=weights)["cosine"]


def plain_reweighting(matrix, weights, k, rounds):
    """Mean cosine and bound by the formulas, row by row: the conditional gradient on Σ w √(uᵀQu)."""
    units = [(w / sum(weights), x / x.norm()) for w, x in zip(weights, matrix.double(), strict=True)]

    def principal(factors):
        covariance = sum(f * torch.outer(u, u) for f, (_, u) in zip(factors, units, strict=True))
        values, vectors = torch.linalg.eigh(covariance)
        return vectors[:, -k:] @ vectors[:, -k:].T, values[-k:].sum()

    q, _ = principal([w for w, _ in units])
    best, bound = float(sum(w * (q @ u).norm() for w, u in units)), 1.0
    for step in range(rounds):
        roots = [(u @ q @ u).sqrt() for _, u in units]
        p, total = principal([w / root for (w, _), root in zip(units, roots, strict=True)])
        bound = min(bound, float(sum(w * root for (w, _), root in zip(units, roots, strict=True)) + total) / 2)
        best = max(best, float(sum(w * (p @ u).norm() for w, u in units)))
        q = q + 2 / (step + 2) * (p - q)
    return best, bound


def test_svd_is_torchs_truncated_decomposition():
    matrix = slanted_table()
    table = compression.fit(matrix, "svd", 3)
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    expected = (u[:, : table.rank] * s[: table.rank] @ v[: table.rank]).float()
    assert torch.allclose(table.matrix(), expected, atol=1e-4)


def test_svd_is_the_same_whether_rows_are_one_block_or_many(monkeypatch):
    matrix = slanted_table()
    whole = compression.fit(matrix, "svd", 3).matrix()
    monkeypatch.setattr("neutral.compression.rows._BLOCK", 7)
    assert torch.allclose(compression.fit(matrix, "svd", 3).matrix(), whole, atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_reweighting_follows_the_formulas(weighted):
    matrix = slanted_table(60, 8)
    weights = torch.rand(60, generator=torch.Generator().manual_seed(1)) + 0.1 if weighted else torch.ones(60)
    expected = plain_reweighting(matrix, weights.tolist(), 3, rounds=5)
    rows = Rows.of(matrix, weights, None)
    found = reweighted(rows, 3, rounds=5, tolerance=0.0)
    assert (found.cosine, found.bound) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("seed", range(5))
def test_no_direction_of_the_plane_beats_the_bound_or_by_much_the_fit(seed):
    matrix = torch.randn(9, 2, generator=torch.Generator().manual_seed(seed))
    found = reweighted(Rows.of(matrix, None, None), 1, rounds=60, tolerance=0.0)
    angles = torch.linspace(0, math.pi, 20001, dtype=torch.float64)
    lines = torch.stack([angles.cos(), angles.sin()])
    best = float((F.normalize(matrix.double(), dim=1) @ lines).abs().mean(dim=0).max())
    assert found.cosine - 1e-6 <= best <= found.bound + 1e-6
    assert found.bound - found.cosine < 0.1


@pytest.mark.parametrize("k", [1, 3, 6])
def test_no_subspace_climbed_to_from_anywhere_beats_the_bound(k):
    matrix = slanted_table(80, 8)
    units = F.normalize(matrix.double(), dim=1)
    found = reweighted(Rows.of(matrix, None, None), k, rounds=30, tolerance=0.0)
    draw, best = torch.Generator().manual_seed(0), 0.0
    for _ in range(20):
        basis = torch.linalg.qr(torch.randn(8, k, generator=draw, dtype=torch.float64))[0]
        for _ in range(60):  # one power iteration of the reweighted covariance never lowers Σ ‖Pu‖
            seen = (units @ basis).norm(dim=1, keepdim=True)
            basis = torch.linalg.qr((units / seen).T @ (units @ basis))[0]
        best = max(best, float((units @ basis).norm(dim=1).mean()))
    assert best <= found.bound + 1e-6
    assert found.cosine >= best - 5e-3


def test_the_fit_knows_its_distance_and_how_far_the_best_can_be():
    matrix = slanted_table()
    table = compression.fit(matrix, "direction", 4, offset=False, rounds=20, tolerance=1e-4)
    assert mean_cosine_distance(matrix, table) == pytest.approx(table.settings["cosine"], abs=1e-6)
    assert 0 <= table.settings["cosine"] - table.settings["bound"] <= 1e-4


@pytest.mark.parametrize("ratio", [1.5, 3, 8])
@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_direction_is_never_farther_than_svd(ratio, offset, lengths):
    for seed in range(3):
        matrix = slanted_table(seed=seed)
        table = compression.fit(matrix, "direction", ratio, offset=offset, lengths=lengths)
        svd = mean_cosine_distance(matrix, compression.fit(matrix, "svd", ratio))
        assert mean_cosine_distance(matrix, table) <= svd + 1e-4


@pytest.mark.parametrize("lengths", LENGTHS)
def test_an_offset_helps_where_rows_have_a_common_part_and_is_left_out_where_it_does_not(lengths):
    centred, common = slanted_table(common=0.0), slanted_table(common=6.0)
    both = torch.cat([centred, -centred])  # the mean row is zero, so there is nothing to shift
    assert "offset" not in compression.fit(both, "direction", 6, lengths=lengths).tensors
    with_it, without = (compression.fit(common, "direction", 6, lengths=lengths, offset=o) for o in (True, False))
    assert "offset" in with_it.tensors
    assert mean_cosine_distance(common, with_it) < mean_cosine_distance(common, without)
    assert mean_cosine_distance(common, with_it) == pytest.approx(with_it.settings["cosine"], abs=1e-6)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("seed", range(4))
def test_an_offset_that_is_rounding_is_left_out(lengths, seed):
    centred = slanted_table(common=0.0, seed=seed)
    both = torch.cat([centred, -centred])
    for matrix in (an_ulp_off(both, seed), both - both.mean(dim=0), both[torch.randperm(len(both))]):
        assert "offset" not in compression.fit(matrix, "direction", 6, lengths=lengths).tensors


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("common", [0.0, 0.5, 6.0])
def test_rows_that_several_hands_add_up_and_that_serve_every_ratio_give_the_same_table(method, common):
    matrix = slanted_table(rows=9000, common=common)  # several blocks
    with ThreadPoolExecutor(2) as hands:
        rows = Rows.of(matrix, None, None, hands)
        for ratio in (1.5, 3, 6):
            one, other = compression.fit(matrix, method, ratio), compression.fit(matrix, method, ratio, rows=rows)
            assert one.tensors.keys() == other.tensors.keys()
            assert one.settings == pytest.approx(other.settings, abs=1e-6)
            assert torch.allclose(one.matrix(), other.matrix(), atol=5e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("common", [0.0, 0.5, 6.0])
@pytest.mark.parametrize("ratio", [1.5, 6])
def test_a_fit_is_the_same_when_its_input_is_an_ulp_off(method, common, ratio):
    matrix = slanted_table(common=common)
    one, other = (compression.fit(m, method, ratio) for m in (matrix, an_ulp_off(matrix)))
    assert one.tensors.keys() == other.tensors.keys()
    assert one.settings == pytest.approx(other.settings, abs=1e-6)
    assert torch.allclose(one.matrix(), other.matrix(), atol=1e-4)


def test_the_offset_is_orthogonal_to_the_decoder_and_a_stationary_point():
    matrix = slanted_table(common=6.0)
    table = compression.fit(matrix, "direction", 6, lengths="project", rounds=20, tolerance=1e-7)
    decoder, vector = table.tensors["decoder"].double(), table.tensors["offset"].double()
    assert (decoder @ vector).abs().max() < 1e-5 * vector.norm()

    def mean_cosine(b):
        return F.cosine_similarity(matrix.double() @ decoder.T @ decoder + b, matrix.double(), dim=1).mean()

    b = vector.clone().requires_grad_()
    mean_cosine(b).backward()
    slope = b.grad - decoder.T @ (decoder @ b.grad)
    scale = (mean_cosine(vector) - mean_cosine(0 * vector)) / vector.norm()
    assert slope.norm() < 0.05 * scale


@pytest.mark.parametrize("common", [0.5, 25.0])
@pytest.mark.parametrize("k", [2, 5])
def test_no_affine_table_beats_the_affine_bound_and_free_lengths_come_near(common, k):
    matrix = slanted_table(common=common)
    ratio = ROWS * WIDTH / (k * (ROWS + WIDTH) + WIDTH)
    table = compression.fit(matrix, "direction", ratio, lengths="free", rounds=20, tolerance=1e-4)
    assert table.rank == k
    distances = [table.settings["cosine"]]
    for start in range(3):  # any affine decoder with any latents, trained
        draw = torch.Generator().manual_seed(start)
        parts = [torch.randn(shape, generator=draw) for shape in ((ROWS, k), (k, WIDTH), (WIDTH,))]
        parts = [part.requires_grad_() for part in parts]
        optimizer = torch.optim.Adam(parts, lr=0.05)
        for _ in range(150):
            loss = 1 - F.cosine_similarity(parts[0] @ parts[1] + parts[2], matrix).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        distances.append(float(loss.detach()))
    bound = table.settings["affine_bound"]
    assert bound <= min(distances)
    assert bound < table.settings["bound"]
    if common > 10:  # every row has a part along the mean, as a free length needs
        assert table.settings["cosine"] <= bound + 1e-3


def test_free_lengths_stay_within_their_limits_and_turn_rows_least():
    matrix = slanted_table(common=1.5)
    tables = {lengths: compression.fit(matrix, "direction", 6, lengths=lengths) for lengths in LENGTHS}
    distances = {lengths: mean_cosine_distance(matrix, table) for lengths, table in tables.items()}
    assert distances["free"] < min(distances["keep"], distances["project"])
    assert distances["free"] == pytest.approx(tables["free"].settings["cosine"], abs=1e-6)
    stretched = tables["free"].matrix().norm(dim=1) / matrix.norm(dim=1)
    assert stretched.std() > 0.1
    assert stretched.min() >= 1 / FREE - 1e-3
    assert stretched.max() <= FREE + 1e-3


def test_the_mean_row_and_the_rest_of_a_subspace_are_orthogonal_and_span_it():
    wider = torch.linalg.qr(torch.randn(9, 4, generator=torch.Generator().manual_seed(2)))[0]
    for mean in (torch.arange(9.0).double(), wider[:, 0].double()):  # the last has no part along the other columns
        basis, inside = along(mean, wider)
        whole = torch.cat([basis.double(), F.normalize(inside, dim=0).unsqueeze(1)], dim=1)
        assert torch.allclose(whole.T @ whole, torch.eye(4).double(), atol=1e-5)
        assert torch.allclose(whole @ whole.T, (wider @ wider.T).double(), atol=1e-5)


def test_the_offset_is_used_only_where_the_budget_has_room():
    matrix = slanted_table(common=6.0)
    for ratio in torch.linspace(1.2, 20, 60).tolist():
        for by in ("parameters", "bytes"):
            budget = Budget(ROWS, WIDTH, ratio, by)
            table = compression.fit(matrix, "direction", ratio, by=by, rounds=1)
            assert budget.has_offset or "offset" not in table.tensors
            used, allowed = (table.parameters, budget.numbers) if by == "parameters" else (table.bytes, budget.bytes)
            assert used <= allowed


@pytest.mark.parametrize("offset", [False, True])
def test_rows_keep_their_length_or_are_projections(offset):
    matrix = slanted_table()
    kept = compression.fit(matrix, "direction", 4, offset=offset).matrix()
    assert torch.allclose(kept.norm(dim=1), matrix.norm(dim=1), rtol=1e-4)
    table = compression.fit(matrix, "direction", 4, offset=offset, lengths="project")
    decoder = table.tensors["decoder"]
    expected = matrix @ decoder.T @ decoder + table.tensors.get("offset", 0.0)
    assert torch.allclose(table.matrix(), expected, atol=1e-5)
    assert (
        distortion.measure(matrix, table)["rmse"]
        < distortion.measure(matrix, compression.fit(matrix, "direction", 4))["rmse"]
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_matrix_of_the_rank_is_recovered(method, lengths):
    draw = torch.Generator().manual_seed(3)
    matrix = torch.randn(ROWS, 5, generator=draw) @ torch.randn(5, WIDTH, generator=draw)
    ratio = ROWS * WIDTH / (5 * (ROWS + WIDTH))
    options = {"lengths": lengths} if method == "direction" else {}
    table = compression.fit(matrix, method, ratio, **options)
    assert table.rank == 5
    assert torch.allclose(table.matrix(), matrix, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_rotated_space_gives_the_rotated_table(method):
    matrix = slanted_table()
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(5)))[0]
    straight, turned = (compression.fit(m, method, 4).matrix() for m in (matrix, matrix @ turn))
    assert torch.allclose(straight @ turn, turned, atol=2e-3)


def test_the_lengths_of_rows_change_no_direction_without_an_offset():
    matrix = slanted_table()
    scale = torch.rand(ROWS, 1, generator=torch.Generator().manual_seed(6)) + 0.2
    tables = [compression.fit(m, "direction", 4, offset=False) for m in (matrix, scale * matrix)]
    distances = [distortion.cosine_distance(m, t) for m, t in zip((matrix, scale * matrix), tables, strict=True)]
    assert torch.allclose(*distances, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_row_of_weight_m_counts_as_m_equal_rows(method):
    matrix = slanted_table(120)
    times = torch.randint(1, 5, (120,), generator=torch.Generator().manual_seed(7))
    repeated = matrix.repeat_interleave(times, dim=0)
    ratios = [len(m) * WIDTH / (4.0 * (len(m) + WIDTH)) for m in (matrix, repeated)]  # rank 4 for both
    options = {"offset": False} if method == "direction" else {}
    one = compression.fit(matrix, method, ratios[0], weights=times.float(), **options)
    other = compression.fit(repeated, method, ratios[1], **options)
    assert one.rank == other.rank == 4
    assert torch.allclose(one.matrix().repeat_interleave(times, dim=0), other.matrix(), atol=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_weights_move_the_error_to_the_tokens_that_count_less(method):
    matrix = slanted_table()
    weights = torch.ones(ROWS)
    weights[:20] = 50.0
    even, weighted = compression.fit(matrix, method, 6), compression.fit(matrix, method, 6, weights=weights)
    heavy = (weights > 1).float()
    assert mean_cosine_distance(matrix, weighted, heavy) < 0.9 * mean_cosine_distance(matrix, even, heavy)
    assert mean_cosine_distance(matrix, weighted, 1 - heavy) > mean_cosine_distance(matrix, even, 1 - heavy)


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_zeros_count_for_nothing_and_give_no_nan(method):
    matrix = slanted_table()
    padded = torch.cat([torch.zeros(3, WIDTH), matrix])
    options = {"offset": False} if method == "direction" else {}
    table = compression.fit(padded, method, 4, **options)
    assert torch.equal(table.rows([0, 1, 2]), torch.zeros(3, WIDTH))
    ratio = ROWS * WIDTH / (table.rank * (ROWS + WIDTH))
    bare = compression.fit(matrix, method, ratio, **options)
    assert torch.allclose(table.matrix()[3:], bare.matrix(), atol=2e-3)
    common = torch.cat([torch.zeros(3, WIDTH), slanted_table(common=6.0)])
    assert torch.isfinite(compression.fit(common, method, 4).matrix()).all()


def test_rows_that_the_subspace_misses_are_rebuilt_as_zeros():
    matrix = torch.zeros(40, 4)
    matrix[:, 0] = torch.linspace(1, 2, 40)
    matrix[0] = torch.tensor([0.0, 3.0, 0.0, 0.0])
    table = compression.fit(matrix, "direction", 3.5, offset=False, rounds=1)
    assert table.rank == 1
    assert torch.isfinite(table.matrix()).all()
    assert table.settings["bound"] <= mean_cosine_distance(matrix, table) <= 1 / 40 + 1e-6


@pytest.mark.parametrize("lengths", LENGTHS)
def test_rows_that_the_subspace_misses_but_for_rounding_are_rebuilt_as_zeros(lengths):
    matrix = torch.zeros(40, 4)
    matrix[:, 0] = torch.linspace(1, 2, 40)
    matrix[0] = torch.tensor([0.0, 3.0, 0.0, 0.0])
    for seed in range(5):
        turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)))[0]
        table = compression.fit(matrix @ turn, "direction", 3.5, offset=False, rounds=1, lengths=lengths)
        assert table.rows([0]).norm() < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_a_table_without_a_row_that_counts_is_refused(method):
    with pytest.raises(NeutralError, match="every row of the token table is zero"):
        compression.fit(torch.zeros(30, 4), method, 2)
    matrix = torch.zeros(30, 4)
    matrix[0] = 1.0
    with pytest.raises(NeutralError, match="weighs nothing"):
        compression.fit(matrix, method, 2, weights=(torch.arange(30) > 0).float())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by", ["parameters", "bytes"])
def test_a_ratio_that_leaves_no_rank_is_refused(method, by):
    with pytest.raises(NeutralError, match="leaves no rank"):
        compression.fit(slanted_table(), method, 60, by=by)


def test_unknown_options_are_refused():
    with pytest.raises(NeutralError, match="lengths='short': there are keep, project, free"):
        compression.fit(slanted_table(), "direction", 2, lengths="short")
    with pytest.raises(NeutralError, match="rounds=0"):
        compression.fit(slanted_table(), "direction", 2, rounds=0)


@pytest.mark.parametrize("method", METHODS)
def test_factors_are_halves_of_twice_the_rank_by_bytes(method):
    matrix = slanted_table()
    full, half = compression.fit(matrix, method, 8), compression.fit(matrix, method, 8, by="bytes")
    assert {tensor.dtype for tensor in full.tensors.values()} == {torch.float32}
    assert {tensor.dtype for tensor in half.tensors.values()} == {torch.float16}
    assert half.rank >= 2 * full.rank
    assert mean_cosine_distance(matrix, half) < mean_cosine_distance(matrix, full)
    with pytest.raises(NeutralError, match="too large for float16"):
        compression.fit(1e6 * matrix, method, 8, by="bytes")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by", ["parameters", "bytes"])
def test_logits_go_through_the_factors_and_are_those_of_the_rebuilt_table(method, by):
    matrix = slanted_table(common=6.0)
    table = compression.fit(matrix, method, 3, by=by)
    hidden = torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(8))
    assert torch.allclose(table.logits(table.tensors, hidden), hidden @ table.matrix().T, rtol=1e-4, atol=1e-2)
    assert table.logits(table.tensors, hidden.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("method", METHODS)
def test_a_gradient_reaches_every_tensor(method):
    table = compression.fit(slanted_table(common=6.0), method, 3)
    assert set(table.tensors) <= set(table.trainable)
    for use in (
        lambda tensors: table.decode(tensors, torch.arange(ROWS)),
        lambda tensors: table.logits(tensors, torch.ones(1, WIDTH)),
    ):
        tensors = {name: tensor.clone().requires_grad_() for name, tensor in table.tensors.items()}
        use(tensors).sum().backward()
        assert all(tensor.grad.any() for tensor in tensors.values())


def test_a_table_saved_again_is_the_same_to_the_byte(tmp_path):
    table = compression.fit(slanted_table(), "direction", 4)
    for i in range(8):
        table.save(tmp_path / str(i))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert torch.equal(Table.load(tmp_path / "0").matrix(), table.matrix())


@pytest.mark.parametrize("by", ["parameters", "bytes"])
@pytest.mark.parametrize("offset", [False, True])
def test_a_saved_table_is_the_same_when_loaded(tmp_path, by, offset):
    table = compression.fit(slanted_table(common=6.0), "direction", 6, by=by, offset=offset)
    table.save(tmp_path / "table.safetensors")
    loaded = Table.load(tmp_path / "table.safetensors")
    assert isinstance(loaded, Direction)
    assert ("offset" in loaded.tensors) == offset
    assert loaded.settings == table.settings
    assert torch.equal(loaded.matrix(), table.matrix())


@pytest.mark.parametrize("method", METHODS)
def test_two_fits_have_the_same_bits(method):
    one, other = (compression.fit(slanted_table(), method, 4) for _ in range(2))
    assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none here")
@pytest.mark.parametrize("method", METHODS)
def test_sums_on_a_gpu_give_the_same_table(method):
    matrix = slanted_table(common=6.0)
    here = compression.fit(matrix, method, 4)
    summed_there, all_there = (
        compression.fit(matrix, method, 4, device="cuda"),
        compression.fit(matrix.cuda(), method, 4),
    )
    assert torch.allclose(summed_there.matrix(), here.matrix(), atol=2e-3)
    assert torch.allclose(all_there.matrix().cpu(), here.matrix(), atol=2e-3)


def test_every_method_has_a_name_and_what_fits_it():
    assert tuple(FITS) == compression.METHODS
