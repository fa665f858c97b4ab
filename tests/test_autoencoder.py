from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neutral import compression
from neutral.compression import distortion, variants
from neutral.compression.budget import Budget
from neutral.compression.methods.autoencoder import Autoencoder, Training
from neutral.compression.table import Table
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric

ROWS, WIDTH, RATIO = 160, 16, 3.0


def slanted_table(seed=0, common=0.3):
    """Rows of about length 1 with a falling spectrum and a common part."""
    draw = torch.Generator().manual_seed(seed)
    spectrum = torch.arange(1, WIDTH + 1) ** -0.8
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=draw))[0]
    return (torch.randn(ROWS, WIDTH, generator=draw) * spectrum + common) @ turn / 2


def fitted(matrix=None, ratio=RATIO, **options):
    options = {"epochs": 3, "rate": 5e-3, **options}
    return compression.fit(slanted_table() if matrix is None else matrix, "autoencoder", ratio, **options)


def mean_cosine_distance(matrix, table):
    return distortion.measure(matrix, table)["cosine"]


def plain_loss(rebuilt, rows, power, weights, c1, c2, c3):
    """The loss from the formula, number by number."""
    turned, apart, square = [], [], []
    for x, y, w in zip(rows.tolist(), rebuilt.tolist(), weights, strict=True):
        product = sum(a * b for a, b in zip(x, y, strict=True))
        lengths = sum(a * a for a in x) ** 0.5 * sum(b * b for b in y) ** 0.5
        turned.append(w * (1 - product / lengths))
        apart += [w * (abs(a - b) + 1e-10) ** power for a, b in zip(x, y, strict=True)]
        square += [w * (a - b) ** 2 for a, b in zip(x, y, strict=True)]

    def mean(values):
        return sum(values) / len(values)

    return c1 * mean(turned) / 5 + c2 * mean(apart) + c3 * mean(square) ** 0.5


@pytest.mark.parametrize("power", [1.0, 0.37, 0.1])
@pytest.mark.parametrize("c3", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_the_formulas(power, c3, weighted):
    draw = torch.Generator().manual_seed(1)
    rows, rebuilt = torch.randn(2, 7, 5, generator=draw)
    weights = torch.rand(7, generator=draw) * 2 if weighted else None
    found = Training(c3=c3).loss(rebuilt, rows, power, weights)
    plain = plain_loss(rebuilt, rows, power, weights.tolist() if weighted else [1.0] * 7, 0.9975, 0.0025, c3)
    assert float(found) == pytest.approx(plain, rel=1e-5)


def test_the_power_falls_for_20_epochs_and_the_rate_is_halved_every_4():
    training = Training()
    powers = [training.power(epoch) for epoch in range(training.epochs)]
    assert powers[0] == 1.0
    assert powers[10] == pytest.approx(0.55)
    assert powers[20:] == pytest.approx([0.1] * 10)
    steps = [after - before for before, after in pairwise(powers[:21])]
    assert steps == pytest.approx([-0.045] * 20)
    rates = [training.rate_in(epoch) for epoch in range(9)]
    assert rates == pytest.approx([1e-3] * 4 + [5e-4] * 4 + [2.5e-4])


def test_the_training_uses_the_rates_the_powers_and_batches_of_32(monkeypatch):
    seen = []
    whole = Training.loss

    def loss(self, rebuilt, rows, power, weights=None):
        seen.append((len(rows), power))
        return whole(self, rebuilt, rows, power, weights)

    rates = []
    step = torch.optim.Adam.step

    def counted(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(Training, "loss", loss)
    monkeypatch.setattr(torch.optim.Adam, "step", counted)
    fitted(slanted_table()[:70], epochs=5, rate=1e-3)
    assert [rows for rows, _ in seen] == [32, 32, 6] * 5
    assert [power for _, power in seen[::3]] == pytest.approx([1.0, 0.955, 0.91, 0.865, 0.82])
    assert rates == pytest.approx([1e-3] * 12 + [5e-4] * 3)


def test_one_batch_is_one_step_of_adam_on_the_formula():
    matrix = slanted_table()[:20]
    network = {}
    draw = torch.Generator().manual_seed(4)
    rank = Budget(20, WIDTH, RATIO).rank
    for name, shape, inputs in (
        ("encoder", (rank, WIDTH), WIDTH),
        ("bias", (rank,), WIDTH),
        ("decoder", (rank, WIDTH), rank),
        ("offset", (WIDTH,), rank),
    ):
        network[name] = ((2 * torch.rand(shape, generator=draw) - 1) / inputs**0.5).requires_grad_()
    optimizer = torch.optim.Adam(network.values(), lr=1e-3)
    rebuilt = (matrix @ network["encoder"].T + network["bias"]) @ network["decoder"] + network["offset"]
    loss = 0.9975 * (1 - F.cosine_similarity(rebuilt, matrix)).mean() / 5 + 0.0025 * (rebuilt - matrix).abs().mean()
    loss.backward()
    optimizer.step()
    table = fitted(matrix, epochs=1, rate=1e-3, seed=4)
    assert Budget(20, WIDTH, RATIO).has_offset
    expected = matrix @ network["encoder"].T + network["bias"]
    assert torch.allclose(table.tensors["latents"], expected, atol=1e-5)
    assert torch.allclose(table.tensors["decoder"], network["decoder"], atol=1e-5)
    assert torch.allclose(table.tensors["offset"], network["offset"], atol=1e-5)


@pytest.mark.parametrize("variant", ["linear", "elu"])
def test_more_epochs_fit_better(variant):
    matrix = slanted_table()
    distances = [mean_cosine_distance(matrix, fitted(matrix, variant=variant, epochs=n)) for n in (1, 4, 16)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.6 * distances[0]


@pytest.mark.parametrize("start", ["random", "direction"])
def test_the_linear_one_does_not_beat_direction_by_more_than_noise(start):
    matrix = slanted_table()
    best = compression.fit(matrix, "direction", RATIO, lengths="free")
    trained = mean_cosine_distance(matrix, fitted(matrix, epochs=60, rate=1e-2, halving=10, start=start))
    assert trained > best.settings["cosine"] - 1e-3
    assert trained > best.settings["affine_bound"]
    assert trained < best.settings["cosine"] + 0.05


@pytest.mark.parametrize("start", ["svd", "direction"])
def test_it_starts_from_the_factors_of_another_method(start):
    matrix = slanted_table()
    options = {"lengths": "project"} if start == "direction" else {}
    other = mean_cosine_distance(matrix, compression.fit(matrix, start, RATIO, **options))
    still = fitted(matrix, start=start, epochs=1, rate=1e-12)
    assert mean_cosine_distance(matrix, still) == pytest.approx(other, abs=1e-5)
    assert mean_cosine_distance(matrix, fitted(matrix, epochs=1, rate=1e-12)) > 1.5 * other


def test_the_table_of_the_lowest_score_is_kept():
    scores, tables = iter([3.0, 1.0, 1.0, 2.0]), []

    def select(table):
        tables.append(table.matrix())
        return next(scores)

    kept = fitted(epochs=4, select=select)
    assert len(tables) == 4
    assert torch.equal(kept.matrix(), tables[1])
    assert not torch.equal(tables[1], tables[2])
    assert torch.equal(fitted(epochs=4).matrix(), tables[3])


def test_a_first_score_without_end_is_improved_on():
    scores, tables = iter([float("inf"), 5.0, 6.0]), []

    def select(table):
        tables.append(table.matrix())
        return next(scores)

    assert torch.equal(fitted(epochs=3, select=select).matrix(), tables[1])


def scripts_losses(output, target, epoch, falling=20):
    """The terms of the loss as the paper's scripts compute them: cosine distance, RMSE, power of the error."""
    power = 0.1 if epoch >= falling else 1.0 - 0.9 * (epoch / falling)
    cosine = (1.0 - nn.CosineSimilarity(dim=1, eps=1e-6)(output, target)).mean()
    rmse = torch.sqrt(nn.MSELoss()(output, target))
    return cosine, rmse, torch.pow(nn.L1Loss(reduction="none")(output, target) + 1e-10, power).mean()


@pytest.mark.parametrize("coefficients", [(0.9975, 0.0025, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize("variant", variants.ELU)
def test_it_is_trained_as_the_papers_scripts_train_theirs(variant, coefficients):
    """Two affine layers, Adam, a rate that a step scheduler halves: a loop of the scripts, on the same first weights
    and batches."""
    c1, c2, c3 = coefficients
    matrix, epochs, seed = slanted_table()[:96], 6, 3
    rank = Budget(96, WIDTH, RATIO).rank
    encoder, decoder = nn.Linear(WIDTH, rank), nn.Linear(rank, WIDTH)
    draw = torch.Generator().manual_seed(seed)
    for tensor, inputs in (
        (encoder.weight, WIDTH),
        (encoder.bias, WIDTH),
        (decoder.weight, rank),
        (decoder.bias, rank),
    ):
        shape = tensor.T.shape if tensor is decoder.weight else tensor.shape
        drawn = (2 * torch.rand(shape, generator=draw) - 1) / inputs**0.5
        tensor.data.copy_(drawn.T if tensor is decoder.weight else drawn)
    after_encoder = nn.ELU() if variant in ("elu", "elu-encoder") else nn.Identity()
    after_decoder = nn.ELU() if variant in ("elu", "elu-decoder") else nn.Identity()
    model = nn.Sequential(encoder, after_encoder, decoder, after_decoder)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)
    order = torch.Generator().manual_seed(seed + 1)
    for epoch in range(epochs):
        for rows in matrix[torch.randperm(len(matrix), generator=order)].split(32):
            optimizer.zero_grad()
            cosine, rmse, power = scripts_losses(model(rows), rows, epoch)
            (c1 / 5.0 * cosine + c2 * power + c3 * rmse).backward()
            optimizer.step()
        scheduler.step()
    options = {"variant": variant, "c1": c1, "c2": c2, "c3": c3, "epochs": epochs, "rate": 1e-3, "seed": seed}
    assert torch.allclose(fitted(matrix, **options).matrix(), model(matrix).detach(), rtol=1e-4, atol=1e-5)


def test_the_settings_are_the_papers_unless_asked_otherwise():
    """A change of a default would change every study that names its tables by what differs from them."""
    asked = {"variant": "linear", "start": "random", "epochs": 30, "batch": 32, "rate": 1e-3, "halving": 4}
    asked |= {"decay": 0.5, "c1": 0.9975, "c2": 0.0025, "c3": 0.0, "first_power": 1.0, "last_power": 0.1, "falling": 20}
    assert asked == variants.DEFAULTS
    matrix = slanted_table()[:40]
    one, same = (compression.fit(matrix, "autoencoder", RATIO, **options) for options in ({}, asked))
    assert torch.equal(one.matrix(), same.matrix())


@pytest.mark.parametrize(("variant", "negative"), [("elu-encoder", True), ("elu-decoder", False)])
def test_an_elu_on_one_side_stays_on_that_side(variant, negative):
    table = fitted(variant=variant)
    product = table.tensors["latents"] @ table.tensors["decoder"] + table.tensors["offset"]
    assert (table.tensors["latents"] > -1).all() == (variant == "elu-encoder")
    assert torch.allclose(table.matrix(), product if negative else F.elu(product), atol=1e-6)
    assert table.settings["variant"] == ("linear" if variant == "elu-encoder" else "elu")  # what decoding must know


def test_the_elu_variant_decodes_with_elu():
    table = fitted(variant="elu")
    rows = table.tensors["latents"] @ table.tensors["decoder"] + table.tensors["offset"]
    assert (rows < 0).any()
    assert torch.allclose(table.matrix(), torch.where(rows > 0, rows, rows.exp() - 1), atol=1e-6)
    assert (table.tensors["latents"] > -1).all()
    assert not torch.allclose(fitted().matrix(), table.matrix(), atol=1e-2)


@pytest.mark.parametrize("variant", ["linear", "elu"])
def test_logits_are_those_of_the_rebuilt_table(variant):
    table = fitted(variant=variant)
    hidden = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(table.logits(table.tensors, hidden), hidden @ table.matrix().T, atol=1e-4)


def test_the_decoder_has_a_bias_only_where_the_budget_has_room():
    matrix, seen = slanted_table(), set()
    for ratio in torch.linspace(1.5, 6, 16).tolist():
        for by in ("parameters", "bytes"):
            budget = Budget(ROWS, WIDTH, ratio, by)
            table = fitted(matrix, ratio, by=by, epochs=1)
            assert ("offset" in table.tensors) == budget.has_offset
            seen.add(budget.has_offset)
            used, allowed = (table.parameters, budget.numbers) if by == "parameters" else (table.bytes, budget.bytes)
            assert used <= allowed
            assert table.tensors["latents"].dtype == (torch.float32 if by == "parameters" else torch.float16)
    assert seen == {True, False}


def test_equal_seeds_give_equal_bits_and_others_do_not():
    one, same, other = fitted(seed=1), fitted(seed=1), fitted(seed=2)
    assert all(torch.equal(one.tensors[name], same.tensors[name]) for name in one.tensors)
    assert not torch.equal(one.matrix(), other.matrix())


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    fitted()
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_of_zeros_and_rows_without_weight_are_not_trained_on():
    matrix = slanted_table()
    padded = torch.cat([matrix, torch.zeros(5, WIDTH)])
    weights = torch.ones(len(padded))
    weights[3] = 0.0
    changed = padded.clone()
    changed[3] = 100.0
    ratio = len(padded) * WIDTH / (5 * (len(padded) + WIDTH) + WIDTH)
    one, other = (fitted(m, ratio, weights=weights) for m in (padded, changed))
    assert torch.isfinite(one.matrix()).all()
    assert torch.equal(one.tensors["decoder"], other.tensors["decoder"])
    assert torch.equal(one.tensors["latents"][4:], other.tensors["latents"][4:])


def test_weights_move_the_error_to_the_tokens_that_count_less():
    matrix = slanted_table()
    weights = torch.ones(ROWS)
    weights[:16] = 30.0
    even, weighted = (fitted(matrix, 6.0, epochs=20, start="direction", weights=w) for w in (None, weights))
    heavy = [distortion.cosine_distance(matrix, table)[:16].mean() for table in (even, weighted)]
    assert heavy[1] < 0.9 * heavy[0]


def test_a_saved_table_is_the_same_when_loaded(tmp_path):
    table = fitted(variant="elu")
    table.save(tmp_path / "table.safetensors")
    loaded = Table.load(tmp_path / "table.safetensors")
    assert isinstance(loaded, Autoencoder)
    assert torch.equal(loaded.matrix(), table.matrix())


def test_progress_is_told_after_every_epoch():
    seen = []
    fitted(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_wrong_options_are_refused():
    for options, message in (
        ({"variant": "relu"}, "variant='relu': there are linear, elu, elu-encoder, elu-decoder"),
        ({"start": "zero"}, "start='zero': there are random, svd, direction"),
        ({"epochs": 0}, "epochs=0: 1 or more"),
        ({"decay": 0.0}, "decay=0: a number above 0"),
        ({"c1": 0.0, "c2": 0.0}, "c1, c2 and c3: numbers of 0 or more, and one of them above 0"),
        ({"layers": 2}, "layers: no option of the auto-encoder; there are variant, start, epochs"),
    ):
        with pytest.raises(NeutralError, match=message):
            fitted(**options)
    with pytest.raises(NeutralError, match="leaves no rank"):
        fitted(ratio=50.0)
    with pytest.raises(NeutralError, match="every row of the token table is zero"):
        fitted(torch.zeros(40, 8))
    with pytest.raises(NeutralError, match="diverged"):
        fitted(rate=1e30, epochs=2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none here")
@pytest.mark.parametrize("start", ["random", "direction"])
def test_a_gpu_trains_as_well(start):
    matrix = slanted_table()
    here, there = (fitted(m, epochs=8, start=start) for m in (matrix, matrix.cuda()))
    assert mean_cosine_distance(matrix, there.to("cpu")) == pytest.approx(mean_cosine_distance(matrix, here), abs=0.01)
