"""What runs on the GPU, in Triton's language: decode rows in registers, multiply them, add up.

Eight numbers of b bits are b whole bytes, and a row is a row of such groups: those of the most bits first. A program
takes ROWS rows of one class, whose groups have the same bits, and GROUPS groups at a time: b loads bring the bytes of
each group together in one word, of which eight shifts take the codes.

Arguments that all programs share:

    blocks     (n, 2) int32: the class of each program's rows, and the first of them
    classes    (c, COLUMNS) int64: see `packed.Packed`
    order      (V,) int32: which token each row is, class by class; None where row i is token i
    levels     (8, 256) float32: what codes of 1 … 8 bits stand for
    lengths    (V,): what each token's row is multiplied with, or None
    scales     (V, s): a factor for every `segment` groups of a row, in the rows' order, or None
    width      numbers a row
    WIDTHS     the sum of 2^b over the bits that occur
    KIND       CODES: codes of levels; BYTES: signed bytes; HALVES: float16 numbers
    WHOLE      whether `width` is a multiple of eight, so that no row ends within a group
"""

from __future__ import annotations

import inspect

import triton
import triton.language as tl

from neutral.compression.kernels.cuda.packed import BYTES, COLUMNS, HALVES

_COLUMNS, _BYTES, _HALVES = tl.constexpr(COLUMNS), tl.constexpr(BYTES), tl.constexpr(HALVES)
_TOP = tl.constexpr(12)  # hidden numbers are below 2^13 when they become float16
_PLAIN = (
    *("width", "segment", "segments", "count", "columns", "padded", "hidden_row", "base_step", "out_row", "token_step"),
    *("numbers", "stride", "entries"),
)
_ANYWHERE = ("hidden", "base", "tokens", "lengths", "factors")


def _compiled(function):
    """Return a kernel that is compiled once for all values of the numbers, and all beginnings of the tensors, above."""
    names = inspect.signature(function).parameters
    plain, anywhere = ([name for name in names if name in given] for given in (_PLAIN, _ANYWHERE))
    return triton.jit(function, do_not_specialize=plain, do_not_specialize_on_alignment=anywhere)


@_compiled
def products_of_one(
    out, hidden, base, blocks, classes, order, levels, lengths, scales, width, segment, segments,
    hidden_row, hidden_step, base_step, out_row,
    ROWS: tl.constexpr, GROUPS: tl.constexpr, WIDTHS: tl.constexpr, KIND: tl.constexpr, WHOLE: tl.constexpr,
):  # fmt: skip
    """out[v, token] = lengths[token] · Σ row · hidden[v] + base[v], in float32; programs (blocks, vectors)."""
    entry, rows, alive, starts, stride = _block(blocks, classes, tl.program_id(0), ROWS)
    vector = tl.program_id(1).to(tl.int64)
    hidden += vector * hidden_row
    sums = tl.zeros([ROWS, GROUPS], tl.float32)
    offset = 0
    for step in tl.static_range(8):
        if (WIDTHS >> (8 - step)) & 1:
            first, stop = tl.load(entry + 4 + step).to(tl.int32), tl.load(entry + 5 + step).to(tl.int32)
            for start in range(first, stop, GROUPS):
                group = start + tl.arange(0, GROUPS)
                inside = alive[:, None] & (group < stop)[None, :]
                at = offset + (group - first) * (8 - step)
                word = _words(starts, at, inside, stride, 8 - step, KIND, WHOLE)
                part = tl.zeros([ROWS, GROUPS], tl.float32)
                for i in range(8):
                    place = group * 8 + i
                    number = _number(word, starts, place, inside, levels, i, 8 - step, KIND, width, WHOLE)
                    factor = tl.load(hidden + place * hidden_step, mask=(group < stop) & (place < width), other=0.0)
                    part += number * factor.to(tl.float32)[None, :]
                if scales is not None:
                    part *= _scales(scales, entry, rows, group, inside, segment, segments)
                sums += part
            offset += (stop - first) * (8 - step)
    total = tl.sum(sums, axis=1)
    token = _tokens(order, entry, rows, alive)
    if lengths is not None:
        total *= tl.load(lengths + token, mask=alive, other=0.0).to(tl.float32)
    if base is not None:
        total += tl.load(base + vector * base_step).to(tl.float32)
    tl.store(out + vector * out_row + token, total.to(out.dtype.element_ty), mask=alive)


@_compiled
def products_of_many(
    out, hidden, factors, base, blocks, classes, order, levels, lengths, scales, width, segment, segments,
    count, columns, padded, pitch, base_step, out_row,
    ROWS: tl.constexpr, GROUPS: tl.constexpr, VECTORS: tl.constexpr, WIDTHS: tl.constexpr, KIND: tl.constexpr,
    WHOLE: tl.constexpr, HALVED: tl.constexpr,
):  # fmt: skip
    """The same for `count` vectors, VECTORS a program, by the GPU's matrix units, from what `split` made of them.

    Rows are exact in float16 but for a rounding where there are scales. `columns` programs share a block of rows.
    """
    entry, rows, alive, starts, stride = _block(blocks, classes, tl.program_id(0) // columns, ROWS)
    vectors = (tl.program_id(0) % columns) * VECTORS + tl.arange(0, VECTORS)
    sums = tl.zeros([ROWS, VECTORS], tl.float32)
    offset = 0
    for step in tl.static_range(8):
        if (WIDTHS >> (8 - step)) & 1:
            first, stop = tl.load(entry + 4 + step).to(tl.int32), tl.load(entry + 5 + step).to(tl.int32)
            for start in range(first, stop, GROUPS):
                group = start + tl.arange(0, GROUPS)
                inside = alive[:, None] & (group < stop)[None, :]
                at = offset + (group - first) * (8 - step)
                word = _words(starts, at, inside, stride, 8 - step, KIND, WHOLE)
                if scales is not None:
                    scale = _scales(scales, entry, rows, group, inside, segment, segments)
                for i in range(8):
                    number = _number(word, starts, group * 8 + i, inside, levels, i, 8 - step, KIND, width, WHOLE)
                    if scales is not None:
                        number *= scale
                    number = tl.where(inside, number, 0.0).to(tl.float16)
                    place = (i * padded + group).to(tl.int64)[:, None] * pitch + vectors[None, :]
                    sums = tl.dot(number, tl.load(hidden + place), sums)
                    if not HALVED:
                        place = ((8 + i) * padded + group).to(tl.int64)[:, None] * pitch + vectors[None, :]
                        sums = tl.dot(number, tl.load(hidden + place), sums)
            offset += (stop - first) * (8 - step)
    wanted = vectors < count
    token = _tokens(order, entry, rows, alive)
    total = sums * tl.load(factors + vectors)[None, :]
    if lengths is not None:
        total *= tl.load(lengths + token, mask=alive, other=0.0).to(tl.float32)[:, None]
    if base is not None:
        total += tl.load(base + vectors.to(tl.int64) * base_step, mask=wanted, other=0.0).to(tl.float32)[None, :]
    place = out + vectors.to(tl.int64)[:, None] * out_row + token[None, :]  # tokens beside each other, as in memory
    tl.store(place, tl.trans(total).to(out.dtype.element_ty), mask=wanted[:, None] & alive[None, :])


@_compiled
def split(
    out, factors, hidden, width, count, hidden_row, hidden_step, padded, pitch, SIZE: tl.constexpr, HALVED: tl.constexpr
):  # fmt: skip
    """Write vector v as float16 numbers times factors[v]: the i-th of each eight at out[0, i, group, v], and at out[1]
    what float16 left of them, unless HALVED. There are zeros wherever there is no number; programs (pitch,).

    The factor is a power of two, chosen so that the largest number is below 2^13: no number is too large, and what is
    too small for two float16 numbers is less than 2^-36 of the largest.
    """
    vector = tl.program_id(0).to(tl.int64)
    place = tl.arange(0, SIZE)
    there = (place < width) & (vector < count)
    number = tl.load(hidden + vector * hidden_row + place * hidden_step, mask=there, other=0.0).to(tl.float32)
    largest = tl.max(tl.abs(number), axis=0)
    exponent = (largest.to(tl.int32, bitcast=True) >> 23) & 255
    exponent = tl.minimum(tl.maximum(254 + _TOP - exponent, 1), 253)
    number *= (exponent << 23).to(tl.float32, bitcast=True)
    high = number.to(tl.float16)
    target = ((place % 8) * padded + place // 8).to(tl.int64) * pitch + vector
    tl.store(out + target, high, mask=place < 8 * padded)
    if not HALVED:
        low = (number - high.to(tl.float32)).to(tl.float16)
        target = ((8 + place % 8) * padded + place // 8).to(tl.int64) * pitch + vector
        tl.store(out + target, low, mask=place < 8 * padded)
    tl.store(factors + vector, ((254 - exponent) << 23).to(tl.float32, bitcast=True))


@_compiled
def rebuilt(
    out, tokens, kinds, classes, order, levels, lengths, scales, width, segment, segments, count, token_step,
    GROUPS: tl.constexpr, WIDTHS: tl.constexpr, KIND: tl.constexpr, WHOLE: tl.constexpr,
):  # fmt: skip
    """out[n] = lengths[tokens[n]] · the row of tokens[n], float32; numbers without bits are left as they are.

    `kinds` (V,) is the class of each token, or None where there is one class; V is `count`, and a token beyond it gets
    NaN, since a kernel can't raise an error. Programs (tokens,).
    """
    asked = tl.program_id(0).to(tl.int64)
    token = tl.load(tokens + asked * token_step).to(tl.int64)
    is_one = (token >= 0) & (token < count)
    token = tl.where(is_one, token, 0)
    entry = classes
    if kinds is not None:
        entry += tl.load(kinds + token).to(tl.int64) * _COLUMNS
    row = token
    if order is not None:  # the tokens of a class ascend
        known = order + tl.load(entry + 3)
        row = token * 0
        beyond = tl.load(entry + 2)
        while row < beyond:
            middle = (row + beyond) // 2
            is_before = tl.load(known + middle) < token
            row = tl.where(is_before, middle + 1, row)
            beyond = tl.where(is_before, beyond, middle)
    stride = tl.load(entry + 1)
    rows = row + tl.zeros([1], tl.int64)
    alive = rows >= 0
    starts = tl.load(entry).to(tl.pointer_type(tl.uint8)) + rows * stride
    length = 1.0
    if lengths is not None:
        length = tl.load(lengths + token).to(tl.float32)
    length = tl.where(is_one, length, float("nan"))
    out += asked * width
    offset = 0
    for step in tl.static_range(8):
        if (WIDTHS >> (8 - step)) & 1:
            first, stop = tl.load(entry + 4 + step).to(tl.int32), tl.load(entry + 5 + step).to(tl.int32)
            for start in range(first, stop, GROUPS):
                group = start + tl.arange(0, GROUPS)
                inside = alive[:, None] & (group < stop)[None, :]
                at = offset + (group - first) * (8 - step)
                word = _words(starts, at, inside, stride, 8 - step, KIND, WHOLE)
                for i in range(8):
                    place = group * 8 + i
                    number = _number(word, starts, place, inside, levels, i, 8 - step, KIND, width, WHOLE)
                    if scales is not None:
                        number *= _scales(scales, entry, rows, group, inside, segment, segments)
                    tl.store(out + place[None, :], number * length, mask=inside & (place < width)[None, :])
            offset += (stop - first) * (8 - step)


@_compiled
def sums(
    out, codes, places, table, factors, base, count, numbers, stride, entries, out_row,
    ROWS: tl.constexpr, CODES: tl.constexpr,
):  # fmt: skip
    """out[v, row] = factors[row] · (Σ_m table[v, start of m + code m of the row] + base[v]), float32.

    Programs (blocks, vectors).
    `places` (4, numbers) int32 holds, for each code of a row, the byte in which it begins; what is left of the three
    bytes from there after a shift and a cut to a mask; and where its entries start. `codes` (count, stride) are bytes;
    `table` is (vectors, entries) float32.
    """
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    vector = tl.program_id(1).to(tl.int64)
    alive = rows < count
    table += vector * entries
    total = tl.zeros([ROWS, CODES], tl.float32)
    for start in range(0, numbers, CODES):
        number = start + tl.arange(0, CODES)
        known = number < numbers
        byte = tl.load(places + number, mask=known, other=0)
        shift = tl.load(places + numbers + number, mask=known, other=0)
        cut = tl.load(places + 2 * numbers + number, mask=known, other=0)
        origin = tl.load(places + 3 * numbers + number, mask=known, other=0)
        word = tl.zeros([ROWS, CODES], tl.int32)
        for i in tl.static_range(3):
            there = alive[:, None] & (known & (byte + i < stride))[None, :]
            place = codes + (rows * stride)[:, None] + (byte + i)[None, :]
            word = (word << 8) | tl.load(place, mask=there, other=0).to(tl.int32)
        code = (word >> shift[None, :]) & cut[None, :]
        total += tl.load(table + origin[None, :] + code, mask=alive[:, None] & known[None, :], other=0.0)
    result = tl.sum(total, axis=1)
    if base is not None:
        result += tl.load(base + vector)
    if factors is not None:
        result *= tl.load(factors + rows, mask=alive, other=0.0)
    tl.store(out + vector * out_row + rows, result.to(out.dtype.element_ty), mask=alive)


@triton.jit
def _block(blocks, classes, block, ROWS: tl.constexpr):
    """Return a block's entry of `classes`, its rows (ROWS,) within the class, which are rows, where each starts, and
    the bytes of a row."""
    kind = tl.load(blocks + 2 * block)
    rows = (tl.load(blocks + 2 * block + 1) + tl.arange(0, ROWS)).to(tl.int64)
    entry = classes + kind * _COLUMNS
    stride = tl.load(entry + 1)
    alive = rows < tl.load(entry + 2)
    starts = tl.load(entry).to(tl.pointer_type(tl.uint8)) + rows * stride
    return entry, rows, alive, starts, stride


@triton.jit
def _tokens(order, entry, rows, alive):
    """Return which token each row is, int64 (ROWS,)."""
    tokens = tl.load(entry + 3) + rows
    if order is not None:
        tokens = tl.load(order + tokens, mask=alive, other=0).to(tl.int64)
    return tokens


@triton.jit
def _words(starts, at, inside, stride, BITS: tl.constexpr, KIND: tl.constexpr, WHOLE: tl.constexpr):
    """Return the eight codes of groups whose bytes begin `at` (GROUPS,) in rows, one after the other, highest first:
    (ROWS, GROUPS); zeros beyond the rows."""
    word = tl.zeros(inside.shape, tl.int32 if BITS <= 4 else tl.int64)
    if KIND != _HALVES:
        for byte in tl.static_range(BITS):
            there = inside
            if not WHOLE:
                there = there & (at + byte < stride)[None, :]
            part = tl.load(starts[:, None] + (at + byte)[None, :], mask=there, other=0)
            word = (word << 8) | part.to(word.dtype)
    return word


@triton.jit
def _number(
    word, starts, place, inside, levels, i, BITS: tl.constexpr, KIND: tl.constexpr, width,
    WHOLE: tl.constexpr,
):  # fmt: skip
    """Return the i-th number of each group, which is number `place` (GROUPS,) of its row: float32 (ROWS, GROUPS).

    Beyond the rows it is what the code 0 stands for.
    """
    if KIND == _HALVES:
        there = inside
        if not WHOLE:
            there = there & (place < width)[None, :]
        pointers = starts.to(tl.pointer_type(tl.float16))[:, None] + place[None, :]
        number = tl.load(pointers, mask=there, other=0.0).to(tl.float32)
    else:
        code = ((word >> (BITS * (7 - i))) & (2**BITS - 1)).to(tl.int32)
        number = ((code ^ 128) - 128).to(tl.float32) if KIND == _BYTES else tl.load(levels + (BITS - 1) * 256 + code)
    return number


@triton.jit
def _scales(scales, entry, rows, group, inside, segment, segments):
    """Return the factors of groups, float32 (ROWS, GROUPS)."""
    row = (tl.load(entry + 3) + rows) * segments
    return tl.load(scales + row[:, None] + (group // segment)[None, :], mask=inside, other=0.0).to(tl.float32)
