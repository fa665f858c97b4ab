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

TILES = {1: 4, 2: 4, 4: 2, 8: 1}
"""Vectors that meet a row while it is in registers -> rows beside each other: enough sums that none waits for another.
"""

_BESIDE = 4  # rows whose lookups do not wait for each other
_BLOCK = 64  # rows whose codes and sums stay in a core's cache while all vectors pass

_STORED = ("codes", "stride", "first", "stop", "groups", "segment", "table", "scales", "lengths", "ids", "out")
PRODUCTS = (*_STORED, "last", "hidden", "count", "base", "width")
ROWS = (*_STORED, "pitch")
LOOKUPS = ("codes", "stride", "first", "stop", "count", "bytes", "shifts", "masks", "starts", "table", "out")
"""Arguments of `products`, of `rows` and of `lookups`, int64: addresses, counts, and bytes from row to row (of codes:
`stride`, of logits: `width`, of rebuilt rows: `pitch`)."""


def products(kind: str, vectors: int, *, scaled: bool, permutes: bool) -> ir.Module:
    """Return a module whose function `run` multiplies the stored rows first … stop - 1 with `count` hidden vectors.

    Parameters
    ----------
    kind : str
        How a number is stored; see `lanes.decoder`.
    vectors : int
        Of `TILES`; hidden vectors come in tiles of so many, of which `count` matter: first eight numbers of each, then
        the next eight of each.
    scaled : bool
        Whether every `segment` groups of eight numbers of a row share a float16 number of `scales`.
    permutes : bool
        Whether the processor has AVX2.

    Returns
    -------
    Module
        out[v, ids[r]] = lengths[ids[r]] · Σ_j scale · number[r, j] · hidden[v, j] + base[v]: float32, with int32 `ids`.
        Row `last` stands for those beyond it.
    """
    module, builder, given = _function(PRODUCTS)
    rows = TILES[vectors]
    decode = lanes.decoder(builder, kind, given["table"], permutes=permutes)
    with builder.goto_entry_block():
        scratch = builder.ptrtoint(builder.alloca(ir.ArrayType(FLOAT, (_BLOCK + rows) * vectors)), LONG)
    with loop(builder, given["first"], given["stop"], _BLOCK) as start:
        end = lanes.least(builder, add(builder, start, _BLOCK), given["stop"])
        with loop(builder, LONG(0), given["count"], vectors) as vector:
            hidden = add(builder, given["hidden"], times(builder, times(builder, given["groups"], vector), 4 * LANES))
            with loop(builder, start, end, rows) as row:
                sums = _tile(builder, kind, decode, given, row, hidden, rows, vectors, scaled=scaled)
                place = add(builder, scratch, times(builder, builder.sub(row, start), 4 * vectors))
                for number, value in enumerate(sums):
                    store(builder, value, add(builder, place, 4 * number))
            stop = lanes.least(builder, add(builder, vector, vectors), given["count"])
            _hand_out(builder, given, scratch, (start, end), (vector, stop), vectors)
    builder.ret_void()
    return module


def lookups() -> ir.Module:
    """Return a module whose function `run` adds up a number of a table for each code of the rows first … stop - 1.

    out[r] = Σ_m table[starts[m] + code m of row r], float32. Code m starts in a row's byte bytes[m], and is what is
    left of four bytes, the first the highest, after a shift of shifts[m] bits and a cut to masks[m]: all int32.
    """
    module, builder, given = _function(LOOKUPS)
    swap = ir.Function(module, ir.FunctionType(INT, [INT]), "llvm.bswap.i32")
    last = builder.sub(given["stop"], LONG(1))
    with loop(builder, given["first"], given["stop"], _BESIDE) as row:
        places = [lanes.least(builder, add(builder, row, r), last) for r in range(_BESIDE)]
        starts = [add(builder, given["codes"], times(builder, place, given["stride"])) for place in places]
        with builder.goto_entry_block():
            sums = [builder.alloca(FLOAT) for _ in places]
        for each in sums:
            builder.store(FLOAT(0.0), each)
        with loop(builder, LONG(0), given["count"]) as number:
            at = times(builder, number, 4)
            byte, shift, mask, entry = (
                load(builder, add(builder, given[name], at), INT) for name in ("bytes", "shifts", "masks", "starts")
            )
            for start, each in zip(starts, sums, strict=True):
                word = load(builder, add(builder, start, builder.sext(byte, LONG)), INT)
                code = builder.and_(builder.lshr(builder.call(swap, [word]), shift), mask)
                place = times(builder, builder.sext(builder.add(entry, code), LONG), 4)
                found = load(builder, add(builder, given["table"], place), FLOAT)
                builder.store(builder.fadd(builder.load(each), found), each)
        for place, each in zip(places, sums, strict=True):
            store(builder, builder.load(each), add(builder, given["out"], times(builder, place, 4)))
    builder.ret_void()
    return module


def rows(kind: str, *, scaled: bool, permutes: bool) -> ir.Module:
    """Return a module whose function `run` rebuilds the stored rows first … stop - 1; the rest is as in `products`.

    Row r goes to `out` + ids[r] · `pitch` bytes, as `groups` times eight float32 numbers.
    """
    module, builder, given = _function(ROWS)
    decode = lanes.decoder(builder, kind, given["table"], permutes=permutes)
    with loop(builder, given["first"], given["stop"]) as row:
        start = add(builder, given["codes"], times(builder, row, given["stride"]))
        number = load(builder, add(builder, given["ids"], times(builder, row, 4)), INT)
        target = builder.sext(number, LONG)
        length = load(builder, add(builder, given["lengths"], times(builder, target, 4)), FLOAT)
        out = add(builder, given["out"], times(builder, target, given["pitch"]))
        with loop(builder, LONG(0), given["groups"]) as group:
            factor = length
            if scaled:
                segment = builder.sdiv(group, given["segment"])
                factor = builder.fmul(length, _scale(builder, given, row, segment))
            numbers = decode(add(builder, start, times(builder, group, lanes.bits(kind))))
            numbers = builder.fmul(numbers, lanes.spread(builder, factor))
            store(builder, numbers, add(builder, out, times(builder, group, 4 * LANES)))
    builder.ret_void()
    return module


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


def _tile(builder, kind, decode, given, row, hidden, rows, vectors, *, scaled) -> list[ir.Value]:
    """Emit the sums of `rows` rows from `row` on with `vectors` vectors from the address `hidden` on."""
    places = [lanes.least(builder, add(builder, row, r), given["last"]) for r in range(rows)]
    starts = [add(builder, given["codes"], times(builder, place, given["stride"])) for place in places]

    def of_groups(first: ir.Value, stop: ir.Value) -> list[list[ir.Value]]:
        held = lanes.registers(builder, rows, vectors)
        with loop(builder, first, stop) as group:
            offset = times(builder, group, lanes.bits(kind))  # eight numbers of b bits are b bytes
            numbers = [decode(add(builder, start, offset)) for start in starts]
            place = add(builder, hidden, times(builder, group, 4 * LANES * vectors))
            for v in range(vectors):
                entries = load(builder, add(builder, place, 4 * LANES * v), FLOATS)
                for r in range(rows):
                    lanes.add_product(builder, held[r][v], numbers[r], entries)
        return held

    if scaled:
        held, segment = lanes.registers(builder, rows, vectors), given["segment"]
        segments = builder.sdiv(builder.sub(add(builder, given["groups"], segment), LONG(1)), segment)
        with loop(builder, LONG(0), segments) as number:
            first = times(builder, number, segment)
            parts = of_groups(first, lanes.least(builder, add(builder, first, segment), given["groups"]))
            for r in range(rows):
                scale = lanes.spread(builder, _scale(builder, given, places[r], number))
                for v in range(vectors):
                    lanes.add_product(builder, held[r][v], builder.load(parts[r][v]), scale)
    else:
        held = of_groups(LONG(0), given["groups"])
    return [lanes.total(builder, builder.load(register)) for of_row in held for register in of_row]


def _hand_out(builder, given, scratch, block, span, vectors) -> None:
    """Emit the logits of a block's rows for a span of vectors, from the sums in `scratch`."""
    (start, end), (vector, stop) = block, span
    with loop(builder, vector, stop) as v:
        base = load(builder, add(builder, given["base"], times(builder, v, 4)), FLOAT)
        out = add(builder, given["out"], times(builder, given["width"], v))
        offset = builder.sub(v, vector)
        with loop(builder, start, end) as row:
            number = load(builder, add(builder, given["ids"], times(builder, row, 4)), INT)
            at = times(builder, builder.sext(number, LONG), 4)
            place = add(builder, times(builder, builder.sub(row, start), vectors), offset)
            value = load(builder, add(builder, scratch, times(builder, place, 4)), FLOAT)
            length = load(builder, add(builder, given["lengths"], at), FLOAT)
            store(builder, builder.fadd(builder.fmul(value, length), base), add(builder, out, at))
