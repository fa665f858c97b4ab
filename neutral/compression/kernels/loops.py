"""The loops over rows, hidden vectors and numbers, as functions in LLVM's language.

Every sum runs over a row's numbers in one order, in eight lanes, whatever is multiplied beside it: so a logit depends
neither on the number of threads nor on how many vectors there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from neutral.compression.kernels import lanes
from neutral.compression.kernels.lanes import FLOAT, FLOATS, HALF, INT, LONG, add, load, loop, store, times
from neutral.compression.kernels.part import LANES
from neutral.compression.kernels.stretches import Stretch, Walk, in_memory

TILES = {1: 4, 2: 4, 4: 2, 8: 1}
"""Vectors that meet a row while it is in registers -> rows beside each other: enough sums that none waits for another.
"""

UNPACKED = {1: 8, 4: 3}
"""The same where rows were unpacked in memory before: sums, rows and a vector fill sixteen registers."""

_BESIDE = 4  # rows that are unpacked beside each other

BLOCK = 48  # rows whose numbers and sums stay in a core's cache while all vectors pass

_ROWS = ("codes", "stride", "first", "stop", "groups", "segment", "layout")
_STORED = (*_ROWS, "table", "scales", "lengths", "ids", "out")
PRODUCTS = (*_STORED, "hidden", "length", "count", "inner", "base", "width", "space")
ROWS = (*_STORED, "pitch")
"""Arguments of `products` and of `rows`, int64: addresses, counts, and bytes from row to row (of codes: `stride`, of
logits: `width`, of rebuilt rows: `pitch`, of hidden vectors: `length`)."""


def products(kind: str, vectors: int, *, scaled: bool, permutes: bool, unpacked: bool) -> ir.Module:
    """Return a module whose function `run` multiplies the stored rows first … stop - 1 with `count` hidden vectors.

    Parameters
    ----------
    kind : str
        How a number is stored; see `Part`.
    vectors : int
        Of `TILES`, or of `UNPACKED`; hidden vectors come in tiles of so many, of which `count` matter: first eight
        numbers of each, then the next eight of each.
    scaled : bool
        Whether every `segment` groups of eight numbers of a row share a float16 number of `scales`.
    permutes : bool
        Whether the processor has AVX2.
    unpacked : bool
        Whether a block of rows is unpacked to `space` (`BLOCK` · groups · 32 bytes and 64 more) before vectors meet it:
        worth it where there are many.

    Returns
    -------
    Module
        out[v, ids[r]] = lengths[ids[r]] · (Σ_j scale · number[r, j] · hidden[v, j] + inner[v]) + base[v]: float32, with
        int32 `ids`.
    """
    module, builder, given = _function(PRODUCTS)
    rows = (UNPACKED if unpacked else TILES)[vectors]
    walk = Walk(builder, kind, given, permutes=permutes)
    pitch = times(builder, given["groups"], 4 * LANES)
    with builder.goto_entry_block():
        scratch = builder.ptrtoint(builder.alloca(ir.ArrayType(FLOAT, (BLOCK + rows) * vectors)), LONG)
    with loop(builder, given["first"], given["stop"], BLOCK) as start:
        end = lanes.least(builder, add(builder, start, BLOCK), given["stop"])
        origin, step, stretches = _row_address(builder, given, LONG(0)), given["stride"], walk.stretches
        if unpacked:
            origin = builder.sub(given["space"], times(builder, start, pitch))
            with loop(builder, start, end, _BESIDE) as row:
                places = _beside(builder, row, _BESIDE, end)
                targets = [add(builder, origin, times(builder, place, pitch)) for place in places]
                walk.unpack([_row_address(builder, given, place) for place in places], targets)
            step, stretches = pitch, in_memory(given["groups"], builder)
        with loop(builder, LONG(0), given["count"], vectors) as vector:
            hidden = add(builder, given["hidden"], times(builder, given["length"], vector))
            with loop(builder, start, end, rows) as row:
                places = _beside(builder, row, rows, end)
                starts = [add(builder, origin, times(builder, place, step)) for place in places]
                sums = _tile(builder, stretches, given, (places, starts), hidden, vectors, scaled=scaled)
                place = add(builder, scratch, times(builder, builder.sub(row, start), 4 * vectors))
                for number, value in enumerate(sums):
                    store(builder, value, add(builder, place, 4 * number))
            stop = lanes.least(builder, add(builder, vector, vectors), given["count"])
            _hand_out(builder, given, scratch, (start, end), (vector, stop), vectors)
    builder.ret_void()
    return module


def rows(kind: str, *, scaled: bool, permutes: bool) -> ir.Module:
    """Return a module whose function `run` rebuilds the stored rows first … stop - 1; the rest is as in `products`.

    Row r goes to `out` + ids[r] · `pitch` bytes, as `groups` times eight float32 numbers and zeros after them.
    """
    module, builder, given = _function(ROWS)
    walk = Walk(builder, kind, given, permutes=permutes)
    with loop(builder, given["first"], given["stop"]) as row:
        number = load(builder, add(builder, given["ids"], times(builder, row, 4)), INT)
        target = builder.sext(number, LONG)
        length = load(builder, add(builder, given["lengths"], times(builder, target, 4)), FLOAT)
        out = add(builder, given["out"], times(builder, target, given["pitch"]))

        def factor(group: ir.Value, row: ir.Value = row, length: ir.Value = length) -> ir.Value:
            segment = builder.sdiv(group, given["segment"])
            return builder.fmul(length, _scale(builder, given, row, segment)) if scaled else length

        walk.unpack([_row_address(builder, given, row)], [out], factor)
        with loop(builder, given["groups"], builder.sdiv(given["pitch"], LONG(4 * LANES))) as group:
            zeros = ir.Constant(FLOATS, [0.0] * LANES)
            store(builder, zeros, add(builder, out, times(builder, group, 4 * LANES)))
    builder.ret_void()
    return module


def _row_address(builder: ir.IRBuilder, given: dict[str, ir.Value], row: ir.Value) -> ir.Value:
    return add(builder, given["codes"], times(builder, row, given["stride"]))


def _beside(builder: ir.IRBuilder, row: ir.Value, count: int, stop: ir.Value) -> list[ir.Value]:
    """Emit `count` rows from one on; the last before `stop` stands for those beyond it."""
    last = builder.sub(stop, LONG(1))
    return [lanes.least(builder, add(builder, row, r), last) for r in range(count)]


def _scale(builder: ir.IRBuilder, given: dict[str, ir.Value], row: ir.Value, segment: ir.Value) -> ir.Value:
    """Emit the factor of a segment of a row, float32."""
    groups = builder.sub(add(builder, given["groups"], given["segment"]), LONG(1))
    segments = builder.sdiv(groups, given["segment"])
    place = add(builder, times(builder, row, segments), segment)
    return builder.fpext(load(builder, add(builder, given["scales"], times(builder, place, 2)), HALF), FLOAT)


def _function(names: Sequence[str]) -> tuple[ir.Module, ir.IRBuilder, dict[str, ir.Value]]:
    """Return a module with a function `run`, what builds its body, and its arguments by name."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [LONG] * len(names)), "run")
    entry = function.append_basic_block("entry")
    builder = ir.IRBuilder(entry)
    body = builder.append_basic_block("start")
    builder.branch(body)
    builder.position_at_end(body)
    return module, builder, dict(zip(names, function.args, strict=True))


def _tile(builder, stretches: list[Stretch], given, rows, hidden, vectors: int, *, scaled: bool) -> list[ir.Value]:
    """Emit the sums of `rows` (their numbers, and their addresses) with `vectors` vectors from `hidden` on."""
    places, starts = rows

    def added(held: list[list[ir.Value]], stretch: Stretch, first: ir.Value, stop: ir.Value) -> list[list[ir.Value]]:
        with loop(builder, first, stop) as group:
            numbers = [stretch.numbers(builder, start, group) for start in starts]
            place = add(builder, hidden, times(builder, group, 4 * LANES * vectors))
            for v in range(vectors):
                entries = load(builder, add(builder, place, 4 * LANES * v), FLOATS)
                for r in range(len(starts)):
                    lanes.add_product(builder, held[r][v], numbers[r], entries)
        return held

    held = lanes.registers(builder, len(starts), vectors)
    if scaled:
        segment, [stretch] = given["segment"], stretches
        segments = builder.sdiv(builder.sub(add(builder, given["groups"], segment), LONG(1)), segment)
        with loop(builder, LONG(0), segments) as number:
            first = times(builder, number, segment)
            stop = lanes.least(builder, add(builder, first, segment), given["groups"])
            parts = added(lanes.registers(builder, len(starts), vectors), stretch, first, stop)
            for r, place in enumerate(places):
                scale = lanes.spread(builder, _scale(builder, given, place, number))
                for v in range(vectors):
                    lanes.add_product(builder, held[r][v], builder.load(parts[r][v]), scale)
    else:
        for stretch in stretches:
            added(held, stretch, stretch.first, stretch.stop)
    return [lanes.total(builder, builder.load(register)) for of_row in held for register in of_row]


def _hand_out(builder, given, scratch, block, span, vectors) -> None:
    """Emit the logits of a block's rows for a span of vectors, from the sums in `scratch`."""
    (start, end), (vector, stop) = block, span
    with loop(builder, vector, stop) as v:
        inner, base = (load(builder, add(builder, given[of], times(builder, v, 4)), FLOAT) for of in ("inner", "base"))
        out = add(builder, given["out"], times(builder, given["width"], v))
        offset = builder.sub(v, vector)
        with loop(builder, start, end) as row:
            number = load(builder, add(builder, given["ids"], times(builder, row, 4)), INT)
            at = times(builder, builder.sext(number, LONG), 4)
            place = add(builder, times(builder, builder.sub(row, start), vectors), offset)
            value = load(builder, add(builder, scratch, times(builder, place, 4)), FLOAT)
            length = load(builder, add(builder, given["lengths"], at), FLOAT)
            logit = builder.fadd(builder.fmul(builder.fadd(value, inner), length), base)
            store(builder, logit, add(builder, out, at))
