import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from neutral import selection
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric


def plain(arrays, count, live=None):
    """Sort everything, stably; what is dropped already comes first."""
    values = np.concatenate([np.asarray(a, dtype=np.float64).ravel() for a in arrays.values()])
    alive = np.ones(len(values), bool) if live is None else np.concatenate([live[n].ravel() for n in arrays])
    order = np.lexsort((np.arange(len(values)), values + 0.0, alive))
    kept = alive.copy()
    kept[order[: max(count, int((~alive).sum()))]] = False
    ends = np.cumsum([np.size(a) for a in arrays.values()])[:-1]
    return dict(zip(arrays, np.split(kept, ends), strict=True))


def unpacked(bits, arrays):
    for name, packed in bits.items():
        assert packed.dtype == np.uint8
        assert packed.shape == (-(-np.size(arrays[name]) // 8),)
    return {name: np.unpackbits(packed, count=np.size(arrays[name])).view(bool) for name, packed in bits.items()}


def drawn(rng, dtype, kind):
    """Arrays of odd shapes whose values are of a kind."""
    shapes = [(5, 7), (3, 11), (1, 1), (0, 4), (64,)]
    draw = {
        "positive": lambda shape: np.abs(rng.standard_normal(shape)),
        "signed": lambda shape: rng.standard_normal(shape),
        "tied": lambda shape: rng.integers(-2, 3, shape) * 0.5,
        "zeros": lambda shape: rng.choice([0.0, -0.0], shape),
        "edges": lambda shape: rng.choice([np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 6e-8, 1.0, 1.0001], shape),
    }[kind]
    with np.errstate(all="ignore"):
        return {f"w{i}": draw(shape).astype(dtype) for i, shape in enumerate(shapes)}


KINDS = ("positive", "signed", "tied", "zeros", "edges")


@pytest.fixture(params=[selection.BLOCK, 16])
def block(request, monkeypatch):
    """Long and short blocks: short ones put thresholds and ties across their ends."""
    monkeypatch.setattr(selection, "BLOCK", request.param)


@pytest.fixture(params=["arrays", "tensors", "device code"])
def as_input(request, monkeypatch):
    """Make scores of an array; the code for other devices is run on CPU tensors too."""
    if request.param == "device code":

        def adapted(name, values, flat=True):
            return selection._Device(name, values.reshape(-1) if flat else values)

        monkeypatch.setattr(selection, "_adapted", adapted)
    return np.asarray if request.param == "arrays" else torch.from_numpy


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_selection_is_that_of_a_stable_sort(kind, dtype, as_input):
    rng = np.random.default_rng(0)
    for count in (0, 1, 40, 66, 132, 133):
        arrays = drawn(rng, dtype, kind)
        found = selection.lowest({n: as_input(a) for n, a in arrays.items()}, count)
        expected = plain(arrays, count)
        assert all(np.array_equal(kept, expected[n]) for n, kept in unpacked(found, arrays).items())


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_dropped_stays_dropped_and_counts(kind, dtype, as_input):
    rng = np.random.default_rng(1)
    for count in (0, 20, 70, 110, 133):
        arrays = drawn(rng, dtype, kind)
        live = {n: rng.random(a.shape) < 0.6 for n, a in arrays.items()}
        packed = {n: np.packbits(bits) for n, bits in live.items()}
        found = selection.lowest({n: as_input(a) for n, a in arrays.items()}, count, packed)
        expected = plain(arrays, count, live)
        assert all(np.array_equal(kept, expected[n]) for n, kept in unpacked(found, arrays).items())


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_live", [False, True])
def test_rows_are_each_selected_as_by_a_stable_sort(kind, with_live, as_input):
    rng = np.random.default_rng(2)
    for count in (0, 1, 5, 6):
        matrix = drawn(rng, np.float32, kind)["w0"]
        live = rng.random(matrix.shape) < 0.6 if with_live else None
        if with_live:
            live[1] = False
        found = selection.lowest_of_rows("w", as_input(matrix), count, live)
        for i, row in enumerate(matrix):
            expected = plain({"w": row}, count, None if live is None else {"w": live[i]})["w"]
            assert np.array_equal(found[i], expected)


def test_rows_of_a_transposed_matrix_are_its_columns():
    matrix = np.random.default_rng(3).standard_normal((6, 9)).astype(np.float32)
    live = np.random.default_rng(4).random((6, 9)) < 0.7
    for values in (matrix, torch.from_numpy(matrix)):
        found = selection.lowest_of_rows("w", values.T, 3, live.T)
        assert np.array_equal(found, selection.lowest_of_rows("w", np.ascontiguousarray(matrix.T), 3, live.T.copy()))


def test_bfloat16_integers_and_mixed_types_are_compared_by_value():
    rng = np.random.default_rng(5)
    brain = torch.from_numpy(rng.standard_normal(50)).bfloat16()
    half = torch.from_numpy(rng.standard_normal(50)).half()
    whole = rng.integers(-3, 4, 50)
    arrays = {"brain": brain.float().numpy(), "half": half.float().numpy(), "whole": whole}
    for names in (["brain"], ["brain", "half"], ["brain", "half", "whole"]):
        given = {"brain": brain, "half": half, "whole": whole}
        found = selection.lowest({n: given[n] for n in names}, 20)
        chosen = {n: arrays[n] for n in names}
        expected = plain(chosen, 20)
        assert all(np.array_equal(kept, expected[n]) for n, kept in unpacked(found, chosen).items())


def test_values_that_differ_only_in_float64_are_told_apart():
    values = 1 + np.arange(20)[::-1] * 1e-12
    found = unpacked(selection.lowest({"w": values}, 5), {"w": values})["w"]
    assert np.flatnonzero(~found).tolist() == [15, 16, 17, 18, 19]


def test_non_contiguous_and_gradient_carrying_tensors_are_read():
    values = torch.randn(8, 12, generator=torch.Generator().manual_seed(0)).t().requires_grad_()
    array = values.detach().contiguous().numpy()
    assert np.array_equal(selection.lowest({"w": values}, 40)["w"], selection.lowest({"w": array}, 40)["w"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 3])
def test_nan_is_refused_by_the_name_of_its_tensor(count, as_input):
    good, bad = np.ones((2, 3), np.float32), np.ones((2, 3), np.float32)
    bad[1, 2] = np.nan
    with pytest.raises(NeutralError, match="bad: a score is NaN"):
        selection.lowest({"good": as_input(good), "bad": as_input(bad)}, count)
    with pytest.raises(NeutralError, match="bad: a score is NaN"):
        selection.lowest_of_rows("bad", as_input(bad), count)


def test_what_is_no_number_is_refused():
    for values in (np.array(["a"]), np.array([1j]), torch.ones(2, dtype=torch.complex64), torch.ones(2).to_sparse()):
        with pytest.raises(NeutralError, match="w: scores must be"):
            selection.lowest({"w": values}, 1)


def test_arrays_are_selected_without_torch():
    code = (
        "import sys, numpy as np; from neutral import selection;"
        "selection.lowest({'w': np.ones(9, np.float32)}, 4);"
        "selection.lowest_of_rows('w', np.ones((3, 3), np.float32), 1);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent).returncode == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none here")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_gpu_selects_the_same(kind, dtype):
    rng = np.random.default_rng(6)
    arrays = drawn(rng, dtype, kind)
    live = {n: np.packbits(rng.random(a.shape) < 0.8) for n, a in arrays.items()}
    there = {n: torch.from_numpy(a).cuda() for n, a in arrays.items()}
    for given in (None, live):
        here = selection.lowest(arrays, 70, given)
        assert all(np.array_equal(bits, here[n]) for n, bits in selection.lowest(there, 70, given).items())
    matrix = arrays["w0"]
    assert np.array_equal(selection.lowest_of_rows("w", there["w0"], 3), selection.lowest_of_rows("w", matrix, 3))
