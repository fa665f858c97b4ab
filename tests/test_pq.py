import builtins

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from neutral import compression
from neutral.compression import Budget
from neutral.compression.methods import pq
from neutral.compression.packing import unpack
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric


def random_table(rows=300, width=24, seed=0):
    made = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    return made * torch.linspace(0.5, 2.0, rows).unsqueeze(1)


def fitted(matrix, ratio=8.0, by="bytes", **options):
    return compression.fit(matrix, "pq", ratio, by=by, **options)


def distance(matrix, rebuilt):
    return 1 - F.cosine_similarity(matrix, rebuilt)


def plain_row(table, i):
    """x̂ of one row from the formula, its codes read as one long binary number."""
    layout, tensors = table.layout, table.tensors
    stream = "".join(f"{byte:08b}" for byte in tensors["codes"][i].tolist())
    direction, at = [], 0
    for j in range(layout.codes):
        wide = j >= layout.codes - layout.wide
        bits = layout.bits + wide
        direction += tensors["wide" if wide else "narrow"][int(stream[at : at + bits], 2)].tolist()
        at += bits
    v = torch.tensor(direction[: layout.width]) + tensors["offset"].float()
    low, high = tensors["span"].tolist()
    step = int(tensors["lengths"][i])
    return v / v.norm() * np.exp(low + (high - low) * (step - 1) / 254)


@pytest.mark.parametrize(("width", "ratio", "by"), [(24, 8, "bytes"), (25, 9.3, "bytes"), (25, 3, "parameters")])
def test_rows_are_rebuilt_as_the_plain_formula_says(width, ratio, by):
    matrix = random_table(width=width)
    table = fitted(matrix, ratio, by)
    rebuilt = table.matrix()
    for i in (0, 7, 299):
        assert torch.allclose(rebuilt[i], plain_row(table, i), atol=1e-5)
    ids = torch.tensor([[5, 299], [0, 5]])
    assert torch.allclose(table.rows(ids), rebuilt[ids])


def test_every_code_is_the_nearest_entry_of_one_multiple_of_the_unit_row():
    matrix = random_table(width=25)
    table = fitted(matrix, 9.3)
    layout, tensors = table.layout, table.tensors
    codes = unpack(tensors["codes"], layout.widths)
    assert layout.wide > 0
    chosen = np.zeros(len(matrix), dtype=bool)
    for scale in (1.0, 0.92):
        subs = F.pad(scale * F.normalize(matrix) - tensors["offset"].float(), (0, -layout.width % layout.sub))
        subs = subs.reshape(len(matrix), layout.codes, layout.sub)
        agree = np.ones(len(matrix), dtype=bool)
        for j in range(layout.codes):
            book = tensors["wide" if j >= layout.codes - layout.wide else "narrow"].float()
            nearest = torch.cdist(subs[:, j], book, compute_mode="donot_use_mm_for_euclid_dist")
            taken = nearest.gather(1, codes[:, j : j + 1].long()).squeeze(1)
            agree &= (taken <= nearest.amin(1) + 1e-4).numpy()
        chosen |= agree
    assert chosen.all()


@pytest.mark.parametrize("by", ["bytes", "parameters"])
@pytest.mark.parametrize("width", [7, 24, 33])
@pytest.mark.parametrize("ratio", [2.0, 3.0])
def test_what_is_stored_is_within_the_budget(by, width, ratio):
    rows = 200
    budget = Budget(rows, width, ratio, by)
    table = fitted(random_table(rows, width), ratio, by)
    assert table.bytes == table.layout.bytes
    assert table.parameters == table.layout.numbers
    stored = sum(table.tensors[name].numel() for name in table.tensors if name != "codes")
    assert table.parameters == rows * table.layout.codes + stored
    assert table.bytes <= budget.bytes if by == "bytes" else table.parameters <= budget.numbers


def test_a_budget_by_bytes_is_spent():
    for ratio in (6.0, 8.0, 10.0, 16.0, 20.0):
        layout = pq.choose(Budget(21_600, 384, ratio, "bytes"))
        assert ratio <= 4 * 21_600 * 384 / layout.bytes < 1.02 * ratio


def test_few_numbers_are_spent_on_many_short_sub_vectors():
    layout = pq.choose(Budget(262_144, 640, 20.0))
    assert layout.numbers <= 262_144 * 640 / 20
    assert layout.sub < 30


def test_codes_of_too_many_bits_are_an_error():
    with pytest.raises(NeutralError, match="codes have 1 to 16 bits; got 20"):
        fitted(random_table(), widest=20)


@pytest.mark.parametrize(("by", "ratio"), [("bytes", 90), ("parameters", 20)])
def test_a_ratio_out_of_reach_says_which_one_is_possible(by, ratio):
    matrix = random_table()
    with pytest.raises(NeutralError, match=f"ratio {ratio} by {by} leaves no room .* 300 × 24; at most") as caught:
        fitted(matrix, ratio, by)
    most = float(str(caught.value).split("at most ")[1].split()[0])
    assert fitted(matrix, 0.99 * most, by).ratio(by) >= 0.99 * most


def test_more_bytes_mean_less_error():
    matrix = random_table(1000)
    errors = [float(distance(matrix, fitted(matrix, ratio).matrix()).mean()) for ratio in (4.5, 8.0, 16.0)]
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 0.02


def test_it_beats_a_codebook_a_position_of_the_same_bytes():
    import faiss

    matrix = F.normalize(random_table(2000, 24))
    classic = faiss.ProductQuantizer(24, 8, 8)
    classic.train(matrix.numpy())
    rebuilt = torch.from_numpy(classic.decode(classic.compute_codes(matrix.numpy())))
    size = 2000 * (8 + 1) + 2 * 256 * 24
    ours = fitted(matrix, 4 * 2000 * 24 / size)
    assert ours.bytes <= size
    assert distance(matrix, ours.matrix()).mean() < 0.9 * distance(matrix, rebuilt).mean()


def test_lengths_are_kept_and_rows_of_zeros_stay_zero():
    matrix = random_table()
    matrix[[0, 17]] = 0
    table = fitted(matrix)
    rebuilt = table.matrix()
    assert torch.equal(rebuilt[[0, 17]], torch.zeros(2, 24))
    rest = matrix.norm(dim=1) > 0
    assert torch.allclose(rebuilt[rest].norm(dim=1), matrix[rest].norm(dim=1), rtol=0.01)
    assert torch.isfinite(rebuilt).all()


@pytest.mark.parametrize(
    "matrix",
    [torch.zeros(40, 8), torch.full((40, 8), 0.7), random_table(1, 64), random_table(3, 40)],
    ids=["zeros", "constant", "one row", "three rows"],
)
def test_tables_with_little_in_them_are_fitted(matrix):
    table = fitted(matrix, 1.0)
    rebuilt = table.matrix()
    assert torch.isfinite(rebuilt).all()
    assert (distance(matrix, rebuilt)[matrix.norm(dim=1) > 0] < 0.1).all()
    assert torch.equal(rebuilt[matrix.norm(dim=1) == 0], matrix[matrix.norm(dim=1) == 0])


def test_heavy_tokens_come_out_closer():
    matrix = random_table(1000)
    weights = torch.ones(1000)
    weights[:20] = 500
    heavy = distance(matrix, fitted(matrix, 10.0, weights=weights).matrix())[:20].mean()
    even = distance(matrix, fitted(matrix, 10.0).matrix())[:20].mean()
    assert heavy < 0.8 * even


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    matrix = random_table()
    first, again, other = (fitted(matrix, seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(first.tensors[name], again.tensors[name]) for name in first.tensors)
    assert not torch.equal(first.tensors["codes"], other.tensors["codes"])


def test_a_table_comes_back_from_its_file(tmp_path):
    for ratio in (8.0, 9.3):
        table = fitted(random_table(), ratio)
        table.save(tmp_path / "t.safetensors")
        loaded = compression.Table.load(tmp_path / "t.safetensors")
        assert isinstance(loaded, pq.Product)
        assert torch.equal(loaded.matrix(), table.matrix())
        assert loaded.parameters == table.parameters


def test_logits_are_those_of_the_rebuilt_table_and_nothing_trains():
    table = fitted(random_table())
    hidden = random_table(4, seed=1)
    assert torch.allclose(table.logits(table.tensors, hidden), hidden @ table.matrix().T, atol=1e-4)
    assert table.trainable == ()


def test_without_faiss_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **options):
        if name == "faiss":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(NeutralError, match="needs the package faiss-cpu"):
        fitted(random_table())


def test_rows_of_one_length_but_for_rounding_have_one_step():
    matrix = F.normalize(random_table(), dim=1)
    table = fitted(matrix)
    assert table.tensors["lengths"].unique().tolist() == [1]
    assert torch.allclose(table.matrix().norm(dim=1), torch.ones(300), rtol=1e-5)


def test_of_plans_that_err_alike_the_smaller_one_is_chosen(monkeypatch):
    budget = Budget(20_000, 200, 300, "bytes")  # room for 2 bits of 50 numbers, and for 4 bits of 100
    chosen = pq.choose(budget)
    assert (chosen.sub, chosen.bits) == (50, 2)
    exact = pq.Layout.error.fget
    for sign in (1, -1):
        wrong = property(lambda layout, sign=sign: exact(layout) * (1 + sign * 3e-17 * layout.sub))
        monkeypatch.setattr(pq.Layout, "error", wrong)
        assert pq.choose(budget) == chosen
