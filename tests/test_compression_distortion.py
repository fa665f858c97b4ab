import math

import numpy as np
import pytest
import torch

from neutral.compression import distortion
from neutral.compression.table import Table
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric


class Kept(Table):
    """A table that rebuilds what it is given, and never more than a block at a time."""

    method = "test-kept"
    parts = ("rows",)

    def decode(self, tensors, ids):
        assert len(ids) <= 5000
        return tensors["rows"][ids].float()


def pair(v=200, d=12, seed=0, noise=0.3):
    """A matrix with a row of zeros, and a table of it with errors."""
    draw = torch.Generator().manual_seed(seed)
    matrix = torch.randn(v, d, generator=draw)
    matrix[0] = 0
    return matrix, Kept((v, d), {"rows": matrix + noise * torch.randn(v, d, generator=draw)})


def plain_rows(matrix, rebuilt):
    """Row by row, from the formulas: (id, cosine distance, [e], |x̂| / |x|)."""
    for i, (x, y) in enumerate(zip(matrix.double().tolist(), rebuilt.double().tolist(), strict=True)):
        lengths = [math.sqrt(sum(a * a for a in row)) for row in (x, y)]
        if lengths[0] == 0:
            continue
        cosine = sum(a * b for a, b in zip(x, y, strict=True)) / (lengths[0] * lengths[1])
        yield i, 1 - cosine, [b - a for a, b in zip(x, y, strict=True)], lengths[1] / lengths[0]


def plain_quantile(values, weights, q):
    """The smallest value up to which the weights sum to a share q."""
    total = 0.0
    for value, weight in sorted(zip(values, weights, strict=True)):
        total += weight
        if total >= q * sum(weights) * (1 - 1e-12):
            return value


@pytest.mark.parametrize("weighted", [False, True])
def test_the_errors_are_their_formulas(weighted):
    matrix, table = pair()
    weights = torch.rand(200, generator=torch.Generator().manual_seed(5)) if weighted else None
    rows = list(plain_rows(matrix, table.matrix()))
    counts = [float(weights[i]) if weighted else 1.0 for i, *_ in rows]

    def mean(values):
        return sum(c * v for c, v in zip(counts, values, strict=True)) / sum(counts)

    distances = [distance for _, distance, _, _ in rows]
    expected = {
        "cosine": mean(distances),
        "cosine_q10": plain_quantile(distances, counts, 0.1),
        "cosine_median": plain_quantile(distances, counts, 0.5),
        "cosine_q90": plain_quantile(distances, counts, 0.9),
        "rmse": math.sqrt(mean(sum(x * x for x in e) / 12 for _, _, e, _ in rows)),
        "mae": mean(sum(map(abs, e)) / 12 for _, _, e, _ in rows),
        "power": mean(sum(abs(x) ** 0.6 for x in e) / 12 for _, _, e, _ in rows),
        "norm_ratio": mean(ratio for *_, ratio in rows),
    }
    assert distortion.measure(matrix, table, weights=weights) == pytest.approx(expected, rel=1e-5)


def test_blocks_do_not_change_the_errors(monkeypatch):
    matrix, table = pair()
    whole = distortion.measure(matrix, table, neighbours=50)
    monkeypatch.setattr(distortion, "_BLOCK", 7)
    assert distortion.measure(matrix, table, neighbours=50) == pytest.approx(whole, rel=1e-6)
    assert torch.allclose(
        distortion.cosine_distance(matrix, table)[1:],
        torch.tensor([r[1] for r in plain_rows(matrix, table.matrix())]).float(),
        atol=1e-6,
    )


def test_small_distances_keep_their_digits():
    matrix, _ = pair()
    turned = matrix.clone()
    turned[1], turned[2] = torch.eye(12)[0], torch.eye(12)[0] + 1e-5 * torch.eye(12)[1]
    matrix[1] = matrix[2] = torch.eye(12)[0]
    distance = distortion.cosine_distance(matrix, Kept((200, 12), {"rows": turned}))
    assert distance[1] == 0
    assert float(distance[2]) == pytest.approx(0.5e-10, rel=1e-3)


def test_rows_of_zeros_are_left_out_and_a_lost_row_is_at_distance_one():
    matrix, table = pair(noise=0.0)
    table.tensors["rows"][0] = 5.0  # padding rebuilt as anything
    table.tensors["rows"][3] = 0.0
    distance = distortion.cosine_distance(matrix, table)
    assert distance[0].isnan()
    assert distance[3] == 1
    assert not distance[1:].isnan().any()
    found = distortion.measure(matrix, table)
    assert found["cosine"] == pytest.approx(1 / 199)
    assert found["norm_ratio"] == pytest.approx(198 / 199)
    assert all(math.isfinite(value) for value in found.values())


def test_a_tiny_row_has_a_direction_too():
    matrix = torch.tensor([[1e-15, 0.0], [0.0, 1.0]])
    table = Kept((2, 2), {"rows": torch.tensor([[0.0, 1e-15], [0.0, 2.0]])})
    assert distortion.cosine_distance(matrix, table).tolist() == pytest.approx([1.0, 0.0])


def plain_overlap(matrix, rebuilt, tokens):
    """For each token: sort all others by cosine, in both tables, and count who is among the first ten of both."""
    total = 0
    for token in tokens:
        firsts = []
        for rows in (matrix, rebuilt):
            near = torch.cosine_similarity(rows[token].unsqueeze(0).double(), rows.double())
            order = [i for i in near.argsort(descending=True).tolist() if i != token and matrix[i].any()]
            firsts.append(set(order[:10]))
        total += len(firsts[0] & firsts[1])
    return total / (10 * len(tokens))


def test_neighbours_are_those_of_a_search_one_by_one(monkeypatch):
    matrix, table = pair()
    everyone = plain_overlap(matrix, table.matrix(), range(1, 200))
    assert 0.3 < everyone < 0.95
    assert distortion.neighbour_overlap(matrix, table, 1000) == pytest.approx(everyone, abs=1e-12)
    monkeypatch.setattr(distortion, "_BLOCK", 16)
    assert distortion.neighbour_overlap(matrix, table, 1000) == pytest.approx(everyone, abs=1e-12)


def test_the_sample_of_neighbours_comes_from_the_seed():
    matrix, table = pair()
    found = [distortion.neighbour_overlap(matrix, table, 20, seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert distortion.measure(matrix, table, neighbours=20, seed=1)["neighbours"] == found[0]
    assert "neighbours" not in distortion.measure(matrix, table)


def test_all_neighbours_stay_when_nothing_but_lengths_changes():
    matrix, _ = pair()
    longer = Kept((200, 12), {"rows": matrix * torch.linspace(0.5, 2, 200).unsqueeze(1)})
    assert distortion.neighbour_overlap(matrix, longer, 100) == 1.0


def test_a_table_of_few_rows_has_few_neighbours():
    matrix, table = pair(v=4)
    assert distortion.neighbour_overlap(matrix, table, 10) == 1.0  # all the others, in whatever order
    matrix, table = pair(v=2)
    assert math.isnan(distortion.neighbour_overlap(matrix, table, 10))


def test_groups_by_mask_and_by_counts():
    distances = torch.tensor([0.1, 0.2, 0.3, 0.4, torch.nan])
    found = distortion.grouped(
        distances,
        {
            "Latn": np.array([True, True, True, False, True]),
            "sw": torch.tensor([0.0, 3.0, 0.0, 1.0, 9.0]),
            "nobody": np.zeros(5),
            "padding": np.array([0, 0, 0, 0, 1]),
        },
    )
    assert list(found.columns) == distortion.GROUP_COLUMNS
    assert found["name"].tolist() == ["Latn", "sw"]
    assert found["tokens"].tolist() == [3, 2]
    assert found["cosine"].tolist() == pytest.approx([0.2, 0.25])
    assert found[["low", "median", "high"]].to_numpy().ravel().tolist() == pytest.approx([0.1, 0.2, 0.3, 0.2, 0.2, 0.4])


def test_group_quantiles_are_those_of_a_sorted_list():
    draw = np.random.default_rng(0)
    values, counts = draw.random(101), draw.integers(0, 9, 101)
    found = distortion.grouped(values, {"all": counts}).iloc[0]
    for column, q in (("low", 0.1), ("median", 0.5), ("high", 0.9)):
        assert found[column] == pytest.approx(plain_quantile(values, counts, q))


def test_what_does_not_fit_is_said():
    matrix, table = pair()
    for call in (distortion.cosine_distance, distortion.measure, lambda m, t: distortion.neighbour_overlap(m, t, 5)):
        with pytest.raises(NeutralError, match="not of one model"):
            call(matrix[:-1], table)
    with pytest.raises(NeutralError, match=r"weights: one a token, so 200; got shape \(7,\)"):
        distortion.measure(matrix, table, weights=torch.ones(7))
    with pytest.raises(NeutralError, match="one a token"):
        distortion.grouped(np.ones(5), {"en": np.ones(4)})
    with pytest.raises(NeutralError, match="no token to measure"):
        distortion.measure(torch.zeros(200, 12), table)
    with pytest.raises(NeutralError, match="no token to measure"):
        distortion.measure(matrix, table, weights=torch.zeros(200))


@pytest.mark.parametrize("v", [10, 30, 70, 110, 190, 290, 1010])
def test_a_quantile_is_the_value_up_to_which_its_share_is_reached_whatever_rounding_does(v):
    found = distortion.grouped(np.arange(v) + 1.0, {"all": np.ones(v), "weighted": np.full(v, 0.3)})
    assert found[["low", "median", "high"]].to_numpy().tolist() == [[v // 10, v // 2, v - v // 10]] * 2
