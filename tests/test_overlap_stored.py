"""Counts in files and of some pairs only: small, the same again, and like those of all pairs."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from neutral import overlap
from neutral.errors import FileError, NeutralError
from neutral.masks import Mask
from neutral.overlap import Counts, count, meant

pytestmark = pytest.mark.numeric

SHAPES = {f"encoder.layer.{i}.output.dense.weight": (40, 10 + i) for i in range(3)}


def drawn(n: int, seed: int = 0) -> list[Mask]:
    rng = np.random.default_rng(seed)
    return [Mask.random(SHAPES, rng.uniform(0.1, 0.9), seed=100 * seed + i, language=f"l{i}") for i in range(n)]


def same(one: Counts, other: Counts) -> None:
    assert (one.members, one.tensors, one.header) == (other.members, other.tensors, other.header)
    for array in ("sizes", "kept", "shared", "exactly", "counted"):
        np.testing.assert_equal(getattr(one, array), getattr(other, array))


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_counts_come_back_and_take_few_bytes(tmp_path, n):
    path, counts = tmp_path / "c.safetensors", count(drawn(n))
    counts.save(path)
    same(Counts.load(path), counts)
    arrays = load_file(path)
    assert all(array.dtype.kind == "u" and array.dtype.itemsize < 3 for array in arrays.values())
    assert n < 40 or path.stat().st_size < counts.both.nbytes / 8


def test_counts_of_any_size_come_back(tmp_path):
    for largest in (1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**50):
        sizes = np.array([2 * largest, 0])
        kept = np.array([[largest, largest, 0], [0, 0, 0]])
        counts = Counts(("a", "b", "c"), ("t", "u"), sizes, kept, np.array([[largest - 1, 0, 0], [0, 0, 0]]))
        counts.save(tmp_path / "c.safetensors")
        same(Counts.load(tmp_path / "c.safetensors"), counts)


def test_files_with_squares_of_pairs_are_read_as_they_were(tmp_path):
    path = tmp_path / "c.safetensors"
    for n, exactly in itertools.product((1, 2, 5), (True, False)):
        counts = count(drawn(n), exactly=exactly)
        arrays = {"sizes": counts.sizes, "both": counts.both, "exactly": counts.exactly}
        about = {"members": counts.members, "tensors": counts.tensors, "header": counts.header}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        save_file(arrays, path, metadata={"neutral_counts": json.dumps(about)})
        same(Counts.load(path), counts)


@pytest.mark.parametrize("kind", ["halves", "pretrained"])
def test_some_pairs_are_counted_as_all_are(kind, tmp_path):
    names = {"halves": ["en/a", "en/b", "fr/a", "fr/b", "sw/a"], "pretrained": ["pretrained", "en", "fr", "sw"]}[kind]
    masks, wanted = drawn(len(names), seed=3), meant(kind, names)
    some, every = count(masks, names, pairs=wanted), count(masks, names)
    assert not some.is_whole
    assert some.exactly is None
    assert list(map(tuple, some.jaccard()[["source", "target"]].to_numpy())) == [
        pair for pair in itertools.combinations(names, 2) if pair in wanted or pair[::-1] in wanted
    ]
    for measure, by in itertools.product(overlap.MEASURES, ("all", "layer", "tensor")):
        whole = every.measure(measure, by)
        chosen = pd.Series(list(zip(whole["source"], whole["target"], strict=True))).isin(
            [*wanted, *(pair[::-1] for pair in wanted)]
        )
        pd.testing.assert_frame_equal(some.measure(measure, by), whole[chosen].reset_index(drop=True))
        pd.testing.assert_frame_equal(every.only(wanted).measure(measure, by), some.measure(measure, by))
    pd.testing.assert_frame_equal(some.sparsity("layer"), every.sparsity("layer"))
    some.save(tmp_path / "c.safetensors")
    same(Counts.load(tmp_path / "c.safetensors"), some)


def test_bits_at_any_address_and_of_any_length_are_counted_pair_by_pair():
    rng = np.random.default_rng(5)
    for size in (0, 1, 7, 64, 1000, 64 * 8192 - 1, 64 * 8192 + 70):
        bits = rng.random((3, size)) < 0.5
        packed = [np.packbits(row) for row in bits]
        moved = [np.concatenate([[0], row]).astype(np.uint8)[1:] for row in packed]
        for each in (packed, moved):
            masks = [Mask({"w": row}, {"w": (size,)}) for row in each]
            counts = count(masks, ["a", "b", "c"], pairs=[("c", "a")])
            assert counts.kept.tolist() == [bits.sum(axis=1).tolist()]
            assert counts.shared.tolist() == [[(bits[0] & bits[2]).sum()]]


def test_what_takes_all_pairs_refuses_some_in_a_line(tmp_path):
    counts = count(drawn(4), ["en/a", "en/b", "fr/a", "fr/b"], pairs=[("en/a", "en/b"), ("fr/a", "fr/b")])
    for asks in (lambda: counts.matrix("jaccard"), lambda: counts.both):
        with pytest.raises(NeutralError, match=r"^only 2 pairs of these 4 masks are counted, and this takes all$"):
            asks()
    with pytest.raises(NeutralError, match="the pair en/a, fr/a is not among those that are counted"):
        counts.only([("en/a", "en/b"), ("fr/a", "en/a")])
    assert counts.select(["fr/b", "en/a", "fr/a"]).jaccard()[["source", "target"]].to_numpy().tolist() == [
        ["fr/b", "fr/a"]
    ]
    assert counts.select(["en/a", "en/b"]).matrix("jaccard").shape == (2, 2)
    with pytest.raises(NeutralError, match="no mask 'xx' to count"):
        count(drawn(2), ["en", "fr"], pairs=[("en", "xx")])
    with pytest.raises(NeutralError, match="en is no pair with itself"):
        count(drawn(2), ["en", "fr"], pairs=[("en", "en")])


def test_pairs_that_kinds_are_about():
    seeds = ["en/0", "en/1", "fr/0", "fr/1", "fr/2", "sw/0"]
    within = [("en/0", "en/1"), ("fr/0", "fr/1"), ("fr/0", "fr/2"), ("fr/1", "fr/2")]
    assert meant("seeds", seeds) == within
    assert meant("pretrained", ["en", "fr"]) == []
    assert {kind: meant(kind, seeds) for kind in ("languages", "beyond", "shuffled")} == dict.fromkeys(
        ("languages", "beyond", "shuffled")
    )


def test_a_file_of_both_forms_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    counts = count(drawn(2))
    counts.save(path)
    about = {"neutral_counts": json.dumps({"members": counts.members, "tensors": counts.tensors, "header": {}})}
    save_file({**load_file(path), "both": counts.both}, path, metadata=about)
    with pytest.raises(FileError, match="has 'kept' beside sizes, both, exactly, which no version writes"):
        Counts.load(path)
