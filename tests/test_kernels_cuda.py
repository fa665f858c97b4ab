"""Logits and rows from codes on a GPU: Triton's kernels give what the plain code gives, for every kind of rows.

Each test runs on a GPU where there is one, and where there is none in Triton's interpreter, if Triton is installed.
"""

import os
import sys
from copy import deepcopy

import numpy as np
import pytest
import torch
from test_kernels import fitted, hidden, mixed

from neutral import compression
from neutral.compression.kernels import products
from neutral.compression.kernels.cuda import products as cuda
from neutral.compression.layers import Stored
from neutral.compression.methods.int8 import Int8
from neutral.compression.methods.pq import Layout, Product
from neutral.compression.methods.svd import SVD
from neutral.compression.packing import pack

pytestmark = pytest.mark.numeric

if "triton" not in sys.modules and not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # Triton looks as it is imported

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none here")
BITS = [3, 4, 3, 1, 5, 8, 7, 6, 2] * 15


def wants_none(vectors):
    """Whether no gradient is wanted: what is left of `cuda.fits` without a GPU."""
    return vectors.dtype in cuda._TYPES and not (torch.is_grad_enabled() and vectors.requires_grad)


@pytest.fixture(params=[pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU]), "interpreted"])
def place(request, monkeypatch):
    """Where kernels run, from now on; on the processor they would be compiled for it otherwise, which is kept away."""
    monkeypatch.setattr(products, "fits", lambda _vectors: False)
    if request.param == "cuda":
        assert cuda._works(torch.cuda.current_device())
        return torch.device("cuda", torch.cuda.current_device())
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here, on which the same kernels are tried")
    pytest.importorskip("triton", reason="Triton is not installed; it comes with torch's builds for CUDA")
    if os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("Triton was imported before it was told to interpret; run this file alone")
    interpret(monkeypatch)
    monkeypatch.setattr(cuda, "fits", wants_none)
    return torch.device("cpu")


def interpret(monkeypatch):
    """Let Triton interpret kernels; its own way of reading a loop's bounds fails with NumPy 2.4 and later."""
    from triton.runtime import interpreter

    patched = interpreter._patch_lang_tensor

    def patch(tensor, scope):
        patched(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))

    monkeypatch.setattr(interpreter, "_patch_lang_tensor", patch)


def plain(call, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(cuda, "fits", lambda _vectors: False)
        return call()


def assert_same(table, vectors, place, monkeypatch, within=1e-5):
    """Within 1e-5 of the largest logit; a thousandth is what is asked for."""
    table, vectors = table.to(place), vectors.to(place)
    fast, slow = both(table, vectors, monkeypatch)
    assert fast.shape == slow.shape == (*vectors.shape[:-1], table.shape[0])
    assert fast.dtype == slow.dtype == vectors.dtype
    assert fast.isfinite().all()
    assert (fast - slow).abs().max() <= within * slow.abs().max()


def both(table, vectors, monkeypatch):
    """Logits by the kernels, of which every bit must have been written, and by the plain code in float32."""
    fast = table.logits(table.tensors, vectors)
    slow = plain(lambda: table.logits(table.tensors, vectors.float()), monkeypatch).to(vectors.dtype)
    return fast, slow


def assert_same_rows(table, place, monkeypatch, within=1e-5):
    table = table.to(place)
    ids = torch.tensor([table.shape[0] - 1, 0, 3 % table.shape[0], 0])
    fast, slow = table.rows(ids), plain(lambda: table.rows(ids), monkeypatch)
    assert fast.shape == slow.shape
    assert (fast - slow).abs().max() <= within * slow.abs().max()
    assert table.rows([]).shape == (0, table.shape[1])


@pytest.mark.parametrize("width", [40, 21])
def test_rows_of_every_width_in_bits(width, place, monkeypatch):
    for count in (1, 3, 17):
        assert_same(mixed(BITS, width), hidden(count, width), place, monkeypatch)
    assert_same_rows(mixed(BITS, width), place, monkeypatch)


@pytest.mark.parametrize("width", [1, 3, 8, 20, 300])
def test_rows_of_any_length_and_number(width, place, monkeypatch):
    for bits in ([3, 4] * 40, [3, 4], [4]):
        table = mixed(bits, width)
        assert_same(table, hidden(1, width), place, monkeypatch)
        assert_same(table, hidden(2, width), place, monkeypatch)
        assert_same_rows(table, place, monkeypatch)


@pytest.mark.parametrize("width", [48, 21])
@pytest.mark.parametrize("method", ["int8", "int4", "svd"])
def test_the_other_methods(method, width, place, monkeypatch):
    table = fitted(method, width=width, ratio={"int8": 3.0, "int4": 5.0}.get(method, 5.0))
    for count in (1, 9):
        assert_same(table, hidden(count, width), place, monkeypatch)
    assert_same_rows(table, place, monkeypatch)


@pytest.mark.parametrize(("width", "ratio"), [(48, 8.0), (21, 6.0)])
def test_rows_of_several_bits(width, ratio, place, monkeypatch):
    """Levels of `transform` are float32, so that several vectors meet them rounded to float16."""
    table = fitted("transform", size=150, width=width, ratio=ratio)
    assert_same(table, hidden(1, width), place, monkeypatch)
    assert_same(table, hidden(5, width), place, monkeypatch, within=4e-4)
    assert_same_rows(table, place, monkeypatch)


@pytest.mark.parametrize(("method", "group"), [("int8", 8), ("int8", 16), ("int4", 16), ("int4", 24), ("int4", 12)])
def test_groups_that_share_a_scale(method, group, place, monkeypatch):
    table = fitted(method, ratio=2.0, group=group)
    assert_same(table, hidden(1, 48), place, monkeypatch)
    assert_same(table, hidden(3, 48), place, monkeypatch, within=4e-4)  # their products are rounded to float16
    assert_same_rows(table, place, monkeypatch)


def coded(wide):
    """A table of codes of 5 bits and `wide` of 6, for sub-vectors of three numbers."""
    draw = np.random.default_rng(3)
    layout = Layout(130, 20, 3, 5, wide)
    codes = torch.from_numpy(draw.integers(0, 2**layout.widths, (130, layout.codes)))
    books = {
        name: torch.from_numpy(draw.normal(size=(entries, 3))).half()
        for name, entries in zip(("narrow", "wide"), layout.entries, strict=True)
        if entries
    }
    tensors = {
        "codes": pack(codes, layout.widths),
        "lengths": torch.from_numpy(draw.integers(0, 256, 130)).to(torch.uint8),
        "span": torch.tensor([-1.0, 1.0]),
        "offset": torch.from_numpy(draw.normal(size=20)).half(),
        **books,
    }
    return Product((130, 20), tensors, {"sub": 3, "bits": 5, "wide": wide})


@pytest.mark.parametrize("wide", [0, 3, 7])
def test_codes_of_sub_vectors(wide, place, monkeypatch):
    for count in (1, 3, 33):
        assert_same(coded(wide), hidden(count, 20), place, monkeypatch)
    table = coded(wide).to(place)
    assert table.logits(table.tensors, hidden(2, 20).to(place).reshape(1, 2, 20)).shape == (1, 2, 130)
    assert table.logits(table.tensors, hidden(0, 20).to(place)).shape == (0, 130)


def test_vectors_of_any_shape_and_layout(place, monkeypatch):
    table, many = mixed([3, 4] * 40, 24), hidden(12, 24)
    for vectors in (many.reshape(3, 4, 24), many[0], many[::2], many.T.contiguous().T, many.repeat(1, 2)[:, ::2]):
        assert_same(table, vectors, place, monkeypatch)
    whole = fitted("int8", width=24, ratio=3.0)  # whose vectors are not mapped before
    for vectors in (many[::2], many.T.contiguous().T[:1], many.T.contiguous().T, many[None, 3:5]):
        assert_same(whole, vectors, place, monkeypatch)
    for some in (table.to(place), whole.to(place)):
        assert some.logits(some.tensors, hidden(0, 24).to(place)).shape == (0, some.shape[0])


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_vectors_in_half_precision_give_logits_in_it(kind, place, monkeypatch):
    within = 2 * torch.finfo(kind).eps
    for table in (mixed([3, 4] * 40, 40), fitted("int8", width=40, ratio=3.0), fitted("svd", width=40), coded(0)):
        for count in (1, 3):
            assert_same(table, hidden(count, table.shape[1]).to(kind), place, monkeypatch, within)


@pytest.mark.parametrize("size", [1e-30, 1e5, 1e30])
def test_vectors_of_any_size(size, place, monkeypatch):
    """Float16 alone would hold none of them."""
    table, vectors = mixed([3, 4] * 40, 40), torch.cat([hidden(2, 40) * size, hidden(1, 40)])
    table, vectors = table.to(place), vectors.to(place)
    fast, slow = both(table, vectors, monkeypatch)
    assert ((fast - slow).abs().amax(1) <= 1e-5 * slow.abs().amax(1)).all()


def test_one_vector_that_is_not_finite_spoils_no_other(place, monkeypatch):
    table, vectors = mixed([3, 4] * 40, 40).to(place), hidden(3, 40).to(place)
    vectors[1, 5] = float("inf")
    fast, slow = both(table, vectors, monkeypatch)
    assert not fast[1].isfinite().any()
    assert (fast[::2] - slow[::2]).abs().max() <= 1e-5 * slow[::2].abs().max()


@pytest.mark.parametrize("large", ["levels", "scales"])
def test_what_float16_cannot_hold_is_left_to_the_plain_code(large, place, monkeypatch):
    if large == "levels":
        table = mixed([3, 4] * 4, 16).to(place)
        table.tensors["levels3"] = table.tensors["levels3"].float() * 1e6
    else:
        table = fitted("int8", ratio=2.0, group=8).to(place)
        table.tensors["scales"] = table.tensors["scales"] * 0 + 1000
    fast, slow = both(table, hidden(2, table.shape[1]).to(place), monkeypatch)
    assert table.packed(table.tensors) is None
    assert torch.equal(fast, slow)


def test_directions_whose_bits_end_within_a_group_are_left_to_the_plain_code(place):
    table = fitted("transform", size=150, width=48, ratio=8.0).to(place)
    table.tensors["reach"] = table.tensors["reach"].clone()
    table.tensors["reach"][0, 0] -= 1
    assert table.packed(table.tensors) is None


def test_ids_that_are_no_tokens_give_no_numbers(place):
    table = mixed([3, 4] * 4, 16).to(place)
    rows = cuda.rows(table.packed(table.tensors).packed, torch.tensor([-1, 2, 8, 2**40], device=place))
    assert rows.isnan().all(dim=1).tolist() == [True, False, True, True]


def test_a_table_that_was_copied_or_changed_is_read_anew(place):
    table, vectors = mixed([3, 4] * 40, 40), hidden(1, 40).to(place)
    stored = Stored(table, place, [])
    first = stored.logits(vectors)
    copied = deepcopy(stored)
    del stored
    assert torch.equal(copied.logits(vectors), first)
    other = mixed([4, 3] * 40, 40, seed=5)
    copied.load_state_dict(Stored(other, place, []).state_dict(), assign=True)
    assert (copied.logits(vectors) - other.to(place).matrix() @ vectors[0]).abs().max() <= 1e-4
    assert (copied.rows(torch.arange(80, device=place)) - other.to(place).matrix()).abs().max() <= 1e-4
    assert torch.allclose(copied.to(torch.float64).logits(vectors), other.to(place).logits(copied.tensors, vectors))


def test_where_a_gradient_is_wanted_the_plain_code_runs(place):
    table, vectors = mixed([3, 4] * 4, 16).to(place), hidden(2, 16).to(place).requires_grad_()
    table.logits(table.tensors, vectors).sum().backward()
    assert vectors.grad.shape == (2, 16)
    stored = Stored(fitted("svd", ratio=5.0), place, ["latents", "decoder"])
    stored.logits(hidden(2, 48).to(place)).sum().backward()
    assert stored.latents.grad is not None


def test_no_row_is_rebuilt(place, monkeypatch):
    for table in (mixed([3, 4] * 4, 16), fitted("transform", width=16, ratio=4.0), fitted("int4", width=16, ratio=4.0)):
        table = table.to(place)
        monkeypatch.setattr(type(table), "_spans", None)
        monkeypatch.setattr(type(table), "decode", None)
        table.logits(table.tensors, hidden(1, 16).to(place))
        table.logits(table.tensors, hidden(2, 16).to(place))


def test_vectors_and_devices_that_fit():
    """On a processor none does: the loops compiled for it do that."""
    assert not cuda.fits(hidden(1, 8))
    assert not cuda.fits(hidden(1, 8).to("meta"))


@pytest.mark.gpu
@NO_GPU
def test_vectors_that_fit_on_a_gpu():
    vectors = hidden(1, 8).cuda()
    assert cuda.fits(vectors)
    assert not cuda.fits(vectors.double())
    assert not cuda.fits(vectors.requires_grad_())
    with torch.no_grad():
        assert cuda.fits(vectors)


@pytest.mark.gpu
@NO_GPU
def test_a_stream_of_its_own_waits_for_nothing_else():
    table, vectors = mixed([3, 4] * 40, 40).to("cuda"), hidden(3, 40).cuda()
    expected = table.logits(table.tensors, vectors)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10_000_000)
        found = table.logits(table.tensors, vectors * 1)
    stream.synchronize()
    assert torch.equal(found, expected)


@pytest.mark.gpu
@NO_GPU
def test_a_graph_repeats_logits_for_other_vectors():
    table, vectors = mixed([3, 4] * 40, 40).to("cuda"), hidden(3, 40).cuda()
    table.logits(table.tensors, vectors)
    graph, given = torch.cuda.CUDAGraph(), torch.zeros_like(vectors)
    with torch.cuda.graph(graph):
        out = table.logits(table.tensors, given)
    given.copy_(vectors)
    graph.replay()
    assert torch.equal(out, table.logits(table.tensors, vectors))


@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("count", [1, 2])
def test_tables_of_more_bytes_than_an_int32_counts(count):
    rows, width = 2_200_000, 1024
    codes = torch.randint(-128, 128, (rows, width), dtype=torch.int8, device="cuda")
    table = Int8((rows, width), {"codes": codes, "scales": torch.rand(rows, 1, device="cuda").half()}, {"group": width})
    vectors = hidden(count, width).cuda()
    found = table.logits(table.tensors, vectors)[:, -100:]
    expected = vectors @ (codes[-100:].float() * table.tensors["scales"][-100:].float()).T
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    ids = torch.arange(rows - 100, rows, device="cuda")
    assert torch.equal(table.rows(ids), codes[-100:].float() * table.tensors["scales"][-100:].float())


@pytest.mark.gpu
@NO_GPU
def test_more_logits_than_an_int32_counts():
    rows, width = 4_200_000, 64
    latents = torch.randn(rows, width, device="cuda").half()
    table = SVD((rows, 64), {"latents": latents, "decoder": torch.eye(64).half().cuda()})
    vectors = hidden(600, width).cuda().half()
    found = table.logits(table.tensors, vectors)[-3:, -100:].float()
    expected = vectors[-3:].float() @ latents[-100:].float().T
    assert (found - expected).abs().max() <= 2e-3 * expected.abs().max()


@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("method", ["mixed", "transform"])
def test_a_fitted_table_of_a_real_width(method):
    matrix = torch.randn(3000, 640, generator=torch.Generator().manual_seed(0))
    table = compression.fit(matrix, method, 8, by="bytes")
    there = table.to("cuda")
    for count in (1, 16, 256):
        vectors = hidden(count, 640)
        expected = vectors @ table.matrix().T
        found = there.logits(there.tensors, vectors.cuda()).cpu()
        assert (found - expected).abs().max() <= 3e-4 * expected.abs().max()
