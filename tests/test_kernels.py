"""Logits straight from codes: what the compiled loops give is what the plain code gives, for every kind of rows."""

import re
import subprocess
import sys
from copy import deepcopy
from functools import partial
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch

from neutral import compression
from neutral.compression.codec import Codec
from neutral.compression.kernels import loops, machine, products, threads
from neutral.compression.kernels.part import Part
from neutral.compression.layers import Stored
from neutral.compression.methods.mixed import Mixed
from neutral.compression.methods.pq import Layout, Product
from neutral.compression.methods.transform import Transformed, _grids
from neutral.compression.packing import pack
from neutral.compression.table import Table
from neutral.errors import NeutralError

pytestmark = pytest.mark.numeric


def mixed(bits, width, seed=0):
    """A table of rows of these widths in bits, its codes and lengths drawn."""
    draw = np.random.default_rng(seed)
    bits = np.asarray(bits, dtype=np.uint8)
    rank = min(3, width)
    tensors = {
        "bits": torch.from_numpy(bits),
        "lengths": torch.from_numpy(draw.uniform(0.1, 2, len(bits))).half(),
        "offset": torch.from_numpy(draw.normal(size=width)).half(),
        "directions": torch.linalg.qr(torch.from_numpy(draw.normal(size=(width, rank))))[0].T.half(),
        "stretch": torch.from_numpy(draw.normal(size=rank)).half(),
        "signs": torch.from_numpy(draw.choice([-1, 1], width)).to(torch.int8),
    }
    for b in np.unique(bits).tolist():
        codes = torch.from_numpy(draw.integers(0, 2**b, (int((bits == b).sum()), width)))
        levels = torch.from_numpy(np.sort(draw.normal(size=2**b))).half()
        tensors[f"codes{b}"], tensors[f"levels{b}"] = pack(codes, np.full(width, b)), levels
    return Mixed((len(bits), width), tensors)


def transformed(reach, classes, width, seed=0):
    """A table of rows of these classes, each of which has this reach; its codes and lengths drawn."""
    draw = np.random.default_rng(seed)
    reach, classes = torch.tensor(reach, dtype=torch.int16), torch.tensor(classes, dtype=torch.uint8)
    sizes = -(-reach.long().sum(dim=1) // 8)
    return Transformed(
        (len(classes), width),
        {
            "classes": classes,
            "lengths": torch.from_numpy(draw.uniform(0.1, 2, len(classes))).half(),
            "offset": torch.from_numpy(draw.normal(size=width)).half(),
            "directions": torch.from_numpy(draw.integers(-127, 128, (width, width))).to(torch.int8),
            "scales": torch.from_numpy(draw.uniform(0.001, 0.01, width)).float(),
            "reach": reach,
            "codes": torch.from_numpy(draw.integers(0, 256, int(sizes[classes.long()].sum()))).to(torch.uint8),
        },
    )


def fitted(method, size=70, width=48, ratio=4.0, **options):
    draw = np.random.default_rng(1)
    return compression.fit(
        torch.from_numpy(draw.normal(size=(size, width))).float(), method, ratio, by="bytes", **options
    )


def hidden(count, width, seed=2):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def plain(table, vectors, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(products, "fits", lambda _hidden: False)
        return table.logits(table.tensors, vectors)


def assert_same(table, vectors, monkeypatch):
    """Within 1e-5 of the largest logit; a thousandth is what is asked for."""
    fast, slow = table.logits(table.tensors, vectors), plain(table, vectors, monkeypatch)
    assert fast.shape == slow.shape == (*vectors.shape[:-1], table.shape[0])
    assert fast.dtype == slow.dtype
    assert (fast - slow).abs().max() <= 1e-5 * slow.abs().max()


def assert_same_rows(table, monkeypatch):
    fast = table.rows([5, 0, 5, table.shape[0] - 1])
    with monkeypatch.context() as patch:
        patch.setattr(products, "fits", lambda _hidden: False)
        assert torch.equal(fast, table.rows([5, 0, 5, table.shape[0] - 1]))


@pytest.mark.parametrize("permutes", [True, False], ids=["permuted", "loaded"])
@pytest.mark.parametrize("bits", range(1, 9))
def test_rows_of_every_width_in_bits(bits, permutes, monkeypatch):
    if permutes and not machine.has_permutations():
        pytest.skip("this processor has no AVX2")
    monkeypatch.setattr(machine, "has_permutations", lambda: permutes)
    products._compiled.cache_clear()
    try:
        assert_same(mixed([bits] * 70, 40), hidden(3, 40), monkeypatch)
    finally:
        products._compiled.cache_clear()


REACHES = {
    48: [[48, 48, 40, 32, 24, 16, 8, 8], [48] * 8, [16] + [0] * 7, [0] * 8, [40, 24, 24, 0, 0, 0, 0, 0]],
    21: [[21, 16, 8, 8, 8, 8, 8, 0], [21] * 8, [8] + [0] * 7, [0] * 8, [21, 21, 21, 0, 0, 0, 0, 0]],
}


@pytest.mark.parametrize("permutes", [True, False], ids=["permuted", "loaded"])
def test_codes_whose_bits_fall_along_a_row(permutes, monkeypatch):
    if permutes and not machine.has_permutations():
        pytest.skip("this processor has no AVX2")
    monkeypatch.setattr(machine, "has_permutations", lambda: permutes)
    products._compiled.cache_clear()
    try:
        for width, reach in REACHES.items():
            for classes in ([4, 0, 2, 3, 1, 0, 3] * 9, [0] * 67, [3], [1, 1]):
                for count in (1, 3, 9, products._MANY + 1):
                    assert_same(transformed(reach, classes, width), hidden(count, width), monkeypatch)
    finally:
        products._compiled.cache_clear()


def test_bits_that_fall_within_eight_numbers_take_the_plain_code(monkeypatch):
    table = transformed([[20, 12, 0, 0, 0, 0, 0, 0]], [0] * 9, 24)
    with pytest.raises(NeutralError, match="fit together"):
        table._parts(table.tensors)
    assert_same(table, hidden(2, 24), monkeypatch)
    fast, matrix = table.rows([3, 8]), table.matrix()
    monkeypatch.setattr(products, "fits", lambda _hidden: False)
    assert torch.equal(fast, table.rows([3, 8]))
    assert torch.equal(matrix, table.matrix())


@pytest.mark.parametrize("width", [1, 3, 8, 20, 48])
@pytest.mark.parametrize("size", [1, 2, 67])
def test_rows_of_any_length_and_number(size, width, monkeypatch):
    draw = np.random.default_rng(size)
    assert_same(mixed(draw.choice([1, 3, 4, 8], size), width), hidden(2, width), monkeypatch)


@pytest.mark.parametrize(
    "table",
    [*(mixed([1, 2, 3, 4, 5, 6, 7, 8] * 9, width) for width in (1, 20, 48))]
    + [transformed(reach, [4, 0, 2, 3, 1, 0, 3] * 9 + [3] * 9, width) for width, reach in REACHES.items()],
    ids=lambda table: f"{table.method}-{table.shape[1]}",
)
def test_rebuilt_rows_are_those_of_the_plain_code_to_the_bit(table, monkeypatch):
    ids, width = torch.tensor([71, 3, 3, 0, 64, 70]), table.shape[1]
    fast, matrix = table._coded(table.tensors, ids), table.matrix()
    monkeypatch.setattr(products, "fits", lambda _hidden: False)
    assert torch.equal(fast, table._coded(table.tensors, ids))
    assert torch.equal(matrix, table.matrix())
    assert table.rows([]).shape == (0, width)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 16, 17])
def test_any_number_of_vectors_gives_the_same_bits_as_one(count):
    vectors = hidden(17, 48)
    for table in (mixed([3, 4, 3, 1, 5] * 30, 48), transformed(REACHES[48], [0, 1, 4, 2, 3] * 30, 48)):
        together = products_of(table, vectors[:count])
        assert together.shape == (count, 150)
        for vector, found in zip(vectors, together, strict=False):
            assert torch.equal(products_of(table, vector[None])[0], found)


def products_of(table, vectors):
    """The compiled loops alone: torch maps vectors with others' rounding when there are more of them."""
    return products.logits(table._parts(table.tensors), vectors, table.tensors["lengths"], torch.zeros(()))


def test_vectors_of_any_shape(monkeypatch):
    table = mixed([2, 3, 4] * 5, 24)
    assert_same(table, hidden(6, 24).reshape(2, 3, 24), monkeypatch)
    assert_same(table, hidden(1, 24)[0], monkeypatch)


@pytest.mark.parametrize("method", ["int8", "int4", "svd", "direction"])
@pytest.mark.parametrize("width", [48, 21])
def test_the_other_methods(method, width, monkeypatch):
    table = fitted(method, width=width, ratio={"int8": 3.0, "int4": 5.0}.get(method, 5.0))
    for count in (9, 2 * products._MANY):
        assert_same(table, hidden(count, width), monkeypatch)


@pytest.mark.parametrize(("width", "ratio"), [(48, 12.0), (21, 7.0), (21, 9.0)])
def test_codes_of_sub_vectors(width, ratio, monkeypatch):
    pytest.importorskip("faiss")
    table = fitted("pq", size=900, width=width, ratio=ratio)
    for count in (2, 3, 2 * products._MANY):
        assert_same(table, hidden(count, width), monkeypatch)
    assert_same(deepcopy(table), hidden(1, width)[0], monkeypatch)
    assert_same_rows(table, monkeypatch)


@pytest.mark.parametrize("wide", [0, 3, 7])
def test_codes_of_two_widths(wide, monkeypatch):
    draw = np.random.default_rng(3)
    layout = Layout(40, 20, 3, 5, wide)
    codes = torch.from_numpy(draw.integers(0, 2**layout.widths, (40, layout.codes)))
    books = {
        name: torch.from_numpy(draw.normal(size=(entries, 3))).half()
        for name, entries in zip(("narrow", "wide"), layout.entries, strict=True)
        if entries
    }
    tensors = {
        "codes": pack(codes, layout.widths),
        "lengths": torch.from_numpy(draw.integers(0, 256, 40)).to(torch.uint8),
        "span": torch.tensor([-1.0, 1.0]),
        "offset": torch.from_numpy(draw.normal(size=20)).half(),
        **books,
    }
    table = Product((40, 20), tensors, {"sub": 3, "bits": 5, "wide": wide})
    assert_same(table, hidden(2, 20), monkeypatch)
    assert_same_rows(table, monkeypatch)
    with pytest.raises(NeutralError, match="fit together"):  # it would read beyond the codebook
        table._part(tensors | {name: book[:-1] for name, book in books.items()}, tensors["codes"])


@pytest.mark.parametrize(
    ("method", "group"), [("int8", 8), ("int8", 16), ("int8", 5), ("int4", 16), ("int4", 12), ("int4", 48)]
)
def test_groups_that_share_a_scale(method, group, monkeypatch):
    assert_same(fitted(method, ratio=2.0, group=group), hidden(3, 48), monkeypatch)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_vectors_in_half_precision_give_logits_in_it(kind, monkeypatch):
    for table in (mixed([3, 4] * 20, 40), fitted("int8", width=40, ratio=3.0)):
        vectors = hidden(2, 40).to(kind)
        fast, slow = table.logits(table.tensors, vectors), plain(table, vectors, monkeypatch)
        assert fast.dtype == slow.dtype == kind
        assert (fast - slow).abs().max() <= 0.02 * slow.abs().max()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_number_of_threads_changes_no_bit(count, monkeypatch):
    monkeypatch.setattr(products, "_ROWS", 64)
    tables = mixed([3, 4, 3, 1, 5] * 100, 48), transformed(REACHES[48], [0, 1, 4, 2, 3] * 100, 48)
    cases = [(table, hidden(vectors, 48)) for table in tables for vectors in (4, products._MANY + 1)]
    expected, before = [products_of(*case) for case in cases], torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        for case, logits in zip(cases, expected, strict=True):
            assert torch.equal(products_of(*case), logits)
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told so on Linux")
def test_llvms_pages_are_given_back_and_it_compiles_again():
    def resident():
        own, held = False, 0
        for line in Path("/proc/self/smaps").read_text().splitlines():
            own = "libllvmlite" in line if re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line) else own
            held += int(line.split()[1]) if own and line.startswith("Rss:") else 0
        return held / 1024

    for kind in ("levels2", "levels6"):
        machine.compiled(loops.rows(kind, scaled=False, permutes=False))
        assert 0 < resident() < 12  # MiB, of 70


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_in_a_thread_is_raised(count, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(products, "_compiled", lambda *_: fail)
    monkeypatch.setattr(torch, "get_num_threads", lambda: count)
    with pytest.raises(MemoryError):
        products_of(mixed([3] * 5, 16), hidden(1, 16))


def test_every_task_is_done_once_by_as_many_threads_as_torch_has(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    meeting, done = Barrier(3, timeout=20), []  # each waits there for two others

    def work(number):
        meeting.wait()
        done.append(number)

    threads.share(partial(work, number) for number in range(9))
    assert sorted(done) == list(range(9))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.float32])
def test_numbers_converted_in_pieces_are_those_converted_at_once(kind):
    numbers = torch.linspace(-3, 3, 2 * threads._PIECE + 5).to(kind)
    assert torch.equal(threads.alone(numbers), numbers.float())
    assert torch.equal(threads.alone(numbers[:1].expand(9)), numbers[:1].float().expand(9))


def test_where_a_gradient_is_wanted_or_vectors_are_doubles_the_plain_code_runs():
    table, vectors = mixed([3, 4] * 4, 16), hidden(2, 16).requires_grad_()
    table.logits(table.tensors, vectors).sum().backward()
    assert vectors.grad.shape == (2, 16)
    assert not products.fits(vectors)
    assert not products.fits(vectors.detach().double())
    assert not products.fits(vectors.detach().to("meta"))
    with torch.no_grad():
        assert products.fits(vectors)


def test_a_trained_low_rank_table_gives_its_factors_gradients():
    stored = Stored(fitted("svd", ratio=5.0), torch.device("cpu"), ["latents", "decoder"])
    stored.logits(hidden(2, 48)).sum().backward()
    assert stored.latents.grad is not None


def test_a_table_that_was_stored_copied_or_moved_gives_the_same_logits(tmp_path):
    table, vectors = mixed([1, 3, 4, 8] * 9, 40), hidden(3, 40)
    expected = table.logits(table.tensors, vectors)
    table.save(tmp_path / "table.safetensors")
    for other in (Table.load(tmp_path / "table.safetensors"), deepcopy(table), table.to("cpu")):
        assert torch.equal(other.logits(other.tensors, vectors), expected)
    stored = Stored(table, torch.device("cpu"), [])
    assert torch.equal(deepcopy(stored).logits(vectors), expected)
    stored.load_state_dict(stored.state_dict())
    assert torch.equal(stored.logits(vectors), expected)
    assert torch.equal(stored.to(torch.float64).logits(vectors), expected)


def test_tensors_that_do_not_fit_together_are_refused_before_they_are_read():
    codes, ids = torch.zeros(3, 6, dtype=torch.uint8), torch.arange(3, dtype=torch.int32)
    for arguments, options in [
        (("levels3", 16, codes[:2], ids), {"levels": torch.ones(8)}),
        (("levels3", 16, codes, ids), {"levels": torch.ones(4)}),
        (("levels3", 16, codes, ids.long()), {"levels": torch.ones(8)}),
        (("int4", 12, codes, ids), {"scales": torch.ones(3, 1).half(), "segment": 8}),
        (("int4", 12, codes, ids), {"scales": torch.ones(3, 2), "segment": 8}),
        (("int4", 12, codes, ids.to("meta")), {}),
        (("falling", 16, codes, ids), {"levels": torch.ones(510), "reach": (16,) * 8}),
        (("falling", 16, codes, ids), {"levels": _grids(), "reach": (16, 24) + (0,) * 6}),
        (("falling", 16, codes, ids), {"levels": _grids(), "reach": (16, 4) + (0,) * 6}),
        (("falling", 16, codes[:, :0], ids), {"levels": _grids(), "reach": (8,) + (0,) * 7}),
        (("falling", 16, codes, ids), {"levels": _grids()}),
    ]:
        with pytest.raises(NeutralError, match="fit together"):
            Part.of(*arguments, **options)
    part = Part.of("int4", 12, codes, ids)
    for vectors, lengths in [(torch.zeros(1, 13), torch.ones(3)), (torch.zeros(1, 12), torch.ones(4))]:
        with pytest.raises(NeutralError, match="should be"):
            products.logits([part], vectors, lengths, torch.zeros(()))


def test_no_row_is_rebuilt(monkeypatch):
    monkeypatch.setattr(Codec, "_spans", None)
    for table in (mixed([3, 4] * 4, 48), transformed(REACHES[48], [0, 2], 48)):
        monkeypatch.setattr(type(table), "_coded", None)
        table.logits(table.tensors, hidden(1, 48))


@pytest.mark.long
def test_nothing_is_compiled_or_imported_before_it_is_used():
    code = "import sys, neutral.compression.methods; print([n for n in ('llvmlite', 'numba') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_every_tile_is_of_sums_that_registers_hold():
    assert set(products._VECTORS) <= set(loops.TILES)
    assert all(vectors * rows <= 8 for vectors, rows in loops.TILES.items())
    assert set(products._UNPACKED) <= set(loops.UNPACKED)
    assert all(vectors * rows + rows < 16 for vectors, rows in loops.UNPACKED.items() if vectors > 1)
