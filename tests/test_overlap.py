"""Overlap: fast counts against a plain reference, and measures against known answers."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from neutral import overlap
from neutral.errors import FileError, MismatchError, NeutralError
from neutral.labels import GROUPINGS
from neutral.masks import Mask
from neutral.overlap import Counts, count, popcount

pytestmark = pytest.mark.numeric


def name(layer: int, stack: str = "encoder", part: str = "0.SelfAttention.q") -> str:
    return f"{stack}.block.{layer}.layer.{part}.weight"


def plain_counts(masks: list[Mask]) -> tuple[np.ndarray, np.ndarray]:
    """Count weight by weight, as the definitions say."""
    both, exactly = [], []
    unpacked = [mask.to_arrays() for mask in masks]
    for tensor in masks[0].names:
        bits = np.stack([arrays[tensor].ravel() for arrays in unpacked]).astype(np.int64)  # (n, weights)
        both.append(bits @ bits.T)
        exactly.append(np.bincount(bits.sum(axis=0), minlength=len(masks) + 1))
    return np.array(both), np.array(exactly)


def drawn(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]], n: int) -> list[Mask]:
    """Draw masks whose tensors have any density; every fifth keeps nothing, every fifth everything."""

    def tensor(shape: tuple[int, ...]) -> np.ndarray:
        density = {0: 0.0, 1: 1.0}.get(int(rng.integers(5)), rng.random())
        return rng.random(shape) < density

    return [Mask.from_tensors({k: tensor(s) for k, s in shapes.items()}, language=f"l{i}") for i in range(n)]


@pytest.mark.parametrize("n", range(1, 13))
def test_counts_equal_the_plain_ones(n: int):
    rng = np.random.default_rng(n)
    for _ in range(15):
        sizes = rng.integers(0, [9, 70, 1000, 9000]).tolist()
        masks = drawn(rng, {name(i): (size,) for i, size in enumerate(sizes)}, n)
        counts = count(masks)
        both, exactly = plain_counts(masks)
        np.testing.assert_array_equal(counts.both, both)
        np.testing.assert_array_equal(counts.exactly, exactly)
        np.testing.assert_array_equal(count(masks, exactly=False).both, both)
        assert counts.sizes.tolist() == sizes
        np.testing.assert_array_equal(counts.kept, np.diagonal(both, axis1=1, axis2=2))
        assert {counts.sizes.dtype, counts.both.dtype, counts.exactly.dtype} == {np.dtype(np.int64)}


@pytest.mark.parametrize("n", [2, 11, 33])
def test_counts_over_many_blocks_equal_the_plain_ones(n: int):
    width = 64 * popcount._Counter(n).width
    rng = np.random.default_rng(n)
    for size in (width - 1, width, width + 1, 2 * width + 77):
        masks = drawn(rng, {name(0): (size,)}, n)
        counts = count(masks)
        both, exactly = plain_counts(masks)
        np.testing.assert_array_equal(counts.both, both)
        np.testing.assert_array_equal(counts.exactly, exactly)


def test_bits_at_any_address_are_counted():
    masks = drawn(np.random.default_rng(0), {name(0): (10_000,)}, 3)
    moved = []
    for mask in masks:
        buffer = np.zeros(1251, dtype=np.uint8)
        buffer[1:] = mask.bits[name(0)]
        moved.append(Mask({name(0): buffer[1:]}, mask.shapes))
    np.testing.assert_array_equal(count(moved).both, count(masks).both)


def plain_measure(measure: str, a: np.ndarray, b: np.ndarray) -> float:
    """Compute a measure from the bits of one group, as its formula says."""
    both, either = (a & b).sum(), (a | b).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "jaccard": lambda: both / either,
            "dice": lambda: 2 * both / (a.sum() + b.sum()),
            "agreement": lambda: (a == b).mean(),
            "phi": lambda: np.corrcoef(a, b)[0, 1],
        }[measure]()


GROUPED = {
    "bert.encoder.layer.0.attention.self.query.weight": (31, 9),
    "bert.encoder.layer.0.output.dense.weight": (50,),
    "bert.encoder.layer.1.output.dense.weight": (17, 5),
    "bert.pooler.dense.weight": (12, 12),
}
GROUPS = {
    "all": {"all": [0, 1, 2, 3]},
    "stack": {"encoder": [0, 1, 2, 3]},
    "layer": {"encoder 0": [0, 1], "encoder 1": [2], "pooler": [3]},
    "expert": {"encoder 0 outside experts": [0, 1], "encoder 1 outside experts": [2], "pooler": [3]},
    "component": {"query": [0], "down": [1, 2], "pooler": [3]},
    "layer-component": {
        "encoder 0 query": [0],
        "encoder 0 down": [1],
        "encoder 1 down": [2],
        "pooler": [3],
    },
    "tensor": {tensor: [i] for i, tensor in enumerate(GROUPED)},
}


@pytest.mark.parametrize("measure", ["jaccard", "dice", "agreement", "phi"])
@pytest.mark.parametrize("by", GROUPINGS)
def test_measures_equal_the_plain_ones_in_every_grouping(measure: str, by: str):
    for seed in range(8):
        masks = drawn(np.random.default_rng(seed), GROUPED, 4)
        bits = [list(mask.to_arrays().values()) for mask in masks]
        expected = [
            (
                group,
                f"l{i}",
                f"l{j}",
                *(np.concatenate([bits[m][t].ravel() for t in tensors]) for m in (i, j)),
            )
            for group, tensors in GROUPS[by].items()
            for i, j in itertools.combinations(range(4), 2)
        ]
        table = count(masks).measure(measure, by)
        assert table.columns.tolist() == ["group", "source", "target", "value"]
        assert list(table[["group", "source", "target"]].itertuples(index=False, name=None)) == [
            row[:3] for row in expected
        ]
        np.testing.assert_allclose(table["value"], [plain_measure(measure, *row[3:]) for row in expected], atol=1e-12)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_independent_masks_overlap_as_chance_says(share: float):
    shapes = {name(i): (400, 500) for i in range(4)}
    counts = count([Mask.random(shapes, 1 - share, seed, language=str(seed)) for seed in (1, 2)])
    expected = share / (2 - share)
    assert counts.chance()["value"].item() == pytest.approx(expected, abs=1e-9)
    # 800,000 weights: the standard error of the Jaccard is below 0.001.
    assert counts.jaccard()["value"].item() == pytest.approx(expected, abs=0.005)
    assert counts.phi()["value"].item() == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(counts.chance("layer")["value"], expected)


def test_densities_that_differ_by_layer_raise_the_chance_level():
    # 20 % to 80 % kept over twelve layers, half in total: 0.40 by chance, not 1/3.
    shapes = {name(i): (100, 100) for i in range(12)}
    kept = np.linspace(0.2, 0.8, 12)
    masks = [
        Mask(
            {n: Mask.random({n: s}, 1 - p, seed).bits[n] for (n, s), p in zip(shapes.items(), kept, strict=True)},
            shapes,
            {"language": str(seed)},
        )
        for seed in (1, 2)
    ]
    counts = count(masks)
    assert counts.sparsity()["value"].tolist() == pytest.approx([0.5, 0.5], abs=1e-3)
    assert counts.chance()["value"].item() == pytest.approx(0.40, abs=0.005)
    # The formula, line by line.
    inter = sum(10_000 * p * p for p in kept.round(4))
    union = sum(10_000 * (2 * p - p * p) for p in kept.round(4))
    assert counts.chance()["value"].item() == pytest.approx(inter / union, rel=1e-9)
    assert counts.jaccard()["value"].item() == pytest.approx(inter / union, abs=0.02)


def test_chance_takes_each_masks_own_density_in_each_tensor():
    rng = np.random.default_rng(5)
    masks = drawn(rng, GROUPED, 3)
    counts = count(masks)
    matrix = counts.matrix("chance").to_numpy()
    for i, j in itertools.product(range(3), repeat=2):
        inter = union = 0.0
        for t, size in enumerate(counts.sizes):
            p, q = counts.kept[t, i] / size, counts.kept[t, j] / size
            inter += size * p * q
            union += size * (p + q - p * q)
        assert matrix[i, j] == pytest.approx(inter / union)


@pytest.mark.parametrize("measure", overlap.MEASURES)
def test_a_matrix_is_square_symmetric_and_agrees_with_the_table(measure: str):
    counts = count(drawn(np.random.default_rng(3), GROUPED, 5))
    for by in ("all", "layer"):
        table = counts.measure(measure, by)
        for group in counts.groups(by):
            matrix = counts.matrix(measure, group, by)
            assert matrix.index.tolist() == matrix.columns.tolist() == [f"l{i}" for i in range(5)]
            np.testing.assert_array_equal(matrix, matrix.T)
            for row in table[table["group"] == group].itertuples():
                np.testing.assert_equal(matrix.loc[row.source, row.target], row.value)
            if measure != "chance":
                assert set(np.diag(matrix).round(12)) <= {1.0} or np.isnan(np.diag(matrix)).any()


@pytest.mark.parametrize("member", ["", "l2"])
@pytest.mark.parametrize("measure", ["jaccard", "phi"])
def test_means_of_pairs_are_those_of_their_table(measure, member):
    counts = count(drawn(np.random.default_rng(3), {name(0): (4, 9), name(1): (3, 5)}, 5))
    one_layer = np.array([[1], [0]])  # the other keeps nothing
    counts = replace(counts, shared=counts.shared * one_layer, kept=counts.kept * one_layer)
    table = counts.measure(measure, "layer")
    table["excess"] = table["value"] - counts.chance("layer", measure)["value"]
    if member:
        table = table[(table["source"] == member) | (table["target"] == member)]
    plain = table.groupby("group", sort=False)[["value", "excess"]].mean().reset_index()
    pd.testing.assert_frame_equal(counts.means(measure, "layer", member), plain)


def test_means_of_an_unknown_member_say_which_there_are():
    counts = count(drawn(np.random.default_rng(3), {name(0): (4, 9)}, 3))
    with pytest.raises(NeutralError, match="no mask 'xx' in these counts; there are l0, l1, l2"):
        counts.means("jaccard", member="xx")


def test_the_order_of_masks_changes_no_value():
    masks = drawn(np.random.default_rng(4), GROUPED, 4)
    one, turned = count(masks), count(masks[::-1])
    for measure in overlap.MEASURES:
        members = list(one.members)
        pd.testing.assert_frame_equal(
            one.matrix(measure), turned.matrix(measure).loc[members, members], check_exact=False
        )
    np.testing.assert_array_equal(one.exactly, turned.exactly)


def test_groups_add_up_to_the_total():
    counts = count(drawn(np.random.default_rng(6), GROUPED, 4))
    numbers = ["size", "source_kept", "target_kept", "both", "either"]
    total = counts.pairs()
    for by in GROUPINGS:
        added = counts.pairs(by).groupby(["source", "target"])[numbers].sum().reset_index()
        pd.testing.assert_frame_equal(added[numbers], total[numbers])
    np.testing.assert_allclose(total["both"] / total["either"], counts.jaccard()["value"])


def test_layers_of_an_encoder_and_a_decoder_are_never_one_group():
    shapes = {name(i, stack): (40,) for stack in ("decoder", "encoder") for i in (0, 1, 10)}
    counts = count(drawn(np.random.default_rng(7), shapes, 2))
    layers = ["encoder 0", "encoder 1", "encoder 10", "decoder 0", "decoder 1", "decoder 10"]
    assert counts.groups("layer") == layers
    assert counts.jaccard("layer")["group"].tolist() == layers
    assert counts.pairs("layer")["size"].tolist() == [40] * 6
    assert counts.groups("stack") == ["encoder", "decoder"]


def test_a_pooler_is_its_own_group_and_is_counted_once():
    counts = count(drawn(np.random.default_rng(8), GROUPED, 2))
    sizes = counts.pairs("layer").set_index("group")["size"]
    assert sizes.to_dict() == {"encoder 0": 31 * 9 + 50, "encoder 1": 17 * 5, "pooler": 144}
    assert counts.pairs()["size"].item() == sizes.sum() == counts.sizes.sum()


def test_what_is_not_defined_is_nan_and_no_warning():
    def whole(value: int, code: str) -> Mask:
        return Mask.from_tensors({name(0): np.full(100, value), name(1): np.zeros(0)}, language=code)

    empty = count([whole(0, "a"), whole(0, "b")])
    for measure in ("jaccard", "dice", "chance", "phi"):
        assert math.isnan(empty.measure(measure)["value"].item()), measure
    assert empty.agreement()["value"].item() == 1
    full = count([whole(1, "a"), whole(1, "b"), whole(0, "c")])
    assert full.jaccard()["value"].tolist() == [1, 0, 0]
    assert full.chance()["value"].tolist() == [1, 0, 0]
    assert full.agreement()["value"].tolist() == [1, 0, 0]
    assert full.phi()["value"].isna().all()
    assert full.jaccard("layer")["value"].isna().tolist() == [False] * 3 + [True] * 3
    assert full.core()["value"].tolist() == [1, 1, 0]
    assert full.core("layer")["value"].isna().tolist() == [False] * 3 + [True] * 3


def plain_poisson_binomial(density: list[float], k: int) -> float:
    """Sum over every choice of which masks keep the weight."""
    n = len(density)
    return sum(
        math.prod(density[i] if i in chosen else 1 - density[i] for i in range(n))
        for chosen in itertools.combinations(range(n), k)
    )


def test_the_core_is_the_share_kept_by_at_least_k():
    masks = drawn(np.random.default_rng(9), GROUPED, 5)
    counts = count(masks)
    both, exactly = plain_counts(masks)
    for by in ("all", "layer"):
        table = counts.core(by)
        assert table.columns.tolist() == ["group", "k", "value", "chance"]
        for row in table.itertuples():
            tensors = GROUPS[by][row.group]
            size = counts.sizes[tensors].sum()
            assert row.value == pytest.approx(exactly[tensors, row.k :].sum() / size)
            by_chance = sum(
                counts.sizes[t] * plain_poisson_binomial([both[t, i, i] / counts.sizes[t] for i in range(5)], k)
                for t in tensors
                for k in range(row.k, 6)
            )
            assert row.chance == pytest.approx(by_chance / size)


def test_the_core_of_independent_masks_is_what_chance_says():
    masks = [Mask.random({name(0): (500, 400)}, 0.5, seed, language=str(seed)) for seed in range(6)]
    core = count(masks).core()
    np.testing.assert_allclose(core["value"], core["chance"], atol=0.006)
    assert core["chance"].iloc[-1] == pytest.approx(1 / 64, rel=1e-6)


def test_sparsity_by_mask_agrees_with_the_masks():
    masks = drawn(np.random.default_rng(10), GROUPED, 3)
    for by in ("layer", "component"):
        table = count(masks).sparsity(by)
        for mask in masks:
            mine = table[table["mask"] == mask.named]
            pd.testing.assert_frame_equal(
                mine[["group", "value"]].reset_index(drop=True), mask.sparsity(by), check_exact=False
            )


def test_selecting_members_leaves_the_pairs_and_loses_the_core():
    masks = drawn(np.random.default_rng(11), GROUPED, 4)
    counts = count(masks)
    some = counts.select(["l3", "l1"])
    alone = count([masks[3], masks[1]])
    for by in ("all", "layer"):
        pd.testing.assert_frame_equal(some.jaccard(by), alone.jaccard(by))
    with pytest.raises(NeutralError, match="count these masks alone"):
        some.core()
    pd.testing.assert_frame_equal(counts.select(["l2", "l0", "l3", "l1"]).core(), counts.core())
    with pytest.raises(NeutralError, match="no mask 'xx'"):
        counts.select(["l0", "xx"])


def test_members_are_named_once_each():
    masks = drawn(np.random.default_rng(0), {name(0): (9,)}, 3)
    masks[2].header = dict(masks[0].header)
    assert count(masks).members == ("l0", "l1", "l0 2")
    assert count(masks, ["a", "b", "c"]).members == ("a", "b", "c")
    for names in (["a", "b"], ["a", "b", "a"]):
        with pytest.raises(NeutralError, match="different names"):
            count(masks, names)


def test_masks_that_cannot_be_counted_together():
    en = Mask.from_tensors({name(0): np.ones((2, 3)), name(1): np.ones(3)}, language="en")
    fr = Mask.from_tensors({name(0): np.ones((2, 3)), name(1): np.ones(4)}, language="fr")
    with pytest.raises(MismatchError, match=f"{name(1)} is 3 in en, 4 in fr"):
        count([en, fr])
    with pytest.raises(NeutralError, match="no masks"):
        count([])


def test_unknown_measures_groupings_and_groups_are_named():
    counts = count(drawn(np.random.default_rng(0), GROUPED, 2))
    with pytest.raises(NeutralError, match="unknown measure 'cosine'; use one of jaccard"):
        counts.measure("cosine")
    with pytest.raises(NeutralError, match="unknown grouping 'head'"):
        counts.jaccard("head")
    with pytest.raises(NeutralError, match="no group 'encoder 9' by layer; there are encoder 0"):
        counts.matrix("jaccard", "encoder 9", "layer")


def test_counts_come_back_from_a_file(tmp_path):
    masks = drawn(np.random.default_rng(12), GROUPED, 4)
    for mask in masks:
        mask.header |= {"model": "m", "sparsity": 0.5}
    counts = count(masks)
    assert counts.header == {"model": "m", "sparsity": 0.5}
    for saved in (counts, counts.select(["l0", "l2"])):
        saved.save(tmp_path / "c.safetensors")
        back = Counts.load(tmp_path / "c.safetensors")
        assert (back.members, back.tensors, back.header) == (saved.members, saved.tensors, saved.header)
        for array in ("sizes", "both", "exactly"):
            np.testing.assert_equal(getattr(back, array), getattr(saved, array))
        pd.testing.assert_frame_equal(back.phi("layer-component"), saved.phi("layer-component"))
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_files_that_hold_no_counts_are_refused(tmp_path):
    def refused(path, says: str) -> None:
        with pytest.raises(FileError, match=says) as error:
            Counts.load(path)
        assert str(error.value).startswith(f"{path}: ")
        assert "\n" not in str(error.value)

    refused(tmp_path / "none.safetensors", "no such file")
    refused(tmp_path, "cannot be read")
    path = tmp_path / "c.safetensors"
    path.write_bytes(b"")
    refused(path, "a file of overlap counts")
    count(drawn(np.random.default_rng(0), GROUPED, 2)).save(path)
    path.write_bytes(path.read_bytes()[:-9])
    refused(path, "a file of overlap counts")
    save_file({"w": np.zeros(3)}, path)
    refused(path, "a file of overlap counts")
    about = {"members": ["a", "b"], "tensors": ["t"], "header": {}}
    arrays = {"sizes": np.zeros(1, np.int64), "both": np.zeros((1, 2, 2), np.float32)}
    save_file(arrays, path, metadata={"neutral_counts": json.dumps(about)})
    refused(path, "need both as int64")
    save_file(arrays, path, metadata={"neutral_counts": json.dumps([1])})
    refused(path, "a file of overlap counts")
