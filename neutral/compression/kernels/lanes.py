"""Words for eight numbers at a time, in LLVM's language: load, decode, multiply, add up.

Eight numbers of b bits are b whole bytes: a fixed shuffle brings to each lane the two bytes that hold its code, and a
shift puts the code at their lower end. Levels are looked up eight at a time by AVX2's `vpermps`, which reads three bits
of a lane; codes of four and five bits take several and choose by their other bits; wider ones take a load a lane, as
all do on processors without AVX2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llvmlite import ir

from neutral.compression.kernels.part import LANES

_MOST_PERMUTED = 5  # bits; 2^b / 8 permutations against eight loads

BYTE, INT, LONG, HALF, FLOAT = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.HalfType(), ir.FloatType()
BYTES, HALVES, FLOATS = (ir.VectorType(kind, LANES) for kind in (BYTE, HALF, FLOAT))
INTS = ir.VectorType(INT, LANES)
_FUSED = ("contract",)  # a product and a sum may become one instruction, rounded once
Value, Builder = ir.Value, ir.IRBuilder


def bits(kind: str) -> int:
    """Return how many bits a number of a kind takes."""
    return {"half": 16, "int8": 8, "int4": 4}.get(kind) or int(kind.removeprefix("levels"))


def decoder(builder: Builder, kind: str, table: Value, *, permutes: bool) -> Callable[[Value], Value]:
    """Return what emits eight numbers, float32, from the address of their bytes.

    `kind` is "levels1" … "levels8" (codes of so many bits for levels of `table`, the address of as many float32
    numbers, at least eight), "int4" (four bits for their number less 8), "int8" (a signed byte) or "half" (a float16).
    Up to 16 bytes are read. `permutes` says whether the processor has AVX2.
    """
    if kind == "half":
        return lambda address: builder.fpext(load(builder, address, HALVES), FLOATS)
    if kind == "int8":
        return lambda address: builder.sitofp(load(builder, address, BYTES), FLOATS)
    width = bits(kind)
    if kind == "int4":
        middle = ir.Constant(INTS, [8] * LANES)
        return lambda address: builder.sitofp(builder.sub(_masked(builder, address, width), middle), FLOATS)
    if not permutes or width > _MOST_PERMUTED:
        return lambda address: _gathered(builder, table, _masked(builder, address, width))
    levels = [load(builder, add(builder, table, 4 * LANES * i), FLOATS) for i in range(max(2**width // LANES, 1))]
    return lambda address: _permuted(builder, levels, _codes(builder, address, width), width)


def _codes(builder: Builder, address: Value, width: int) -> Value:
    """Emit eight codes of `width` bits, highest bit first, at the lower ends of the lanes, with others above them."""
    starts = [lane * width for lane in range(LANES)]
    if width in (1, 2, 4):  # each code is within a byte, all eight within four
        shifts = [start // 8 * 8 + 8 - start % 8 - width for start in starts]
        return builder.lshr(spread(builder, load(builder, address, INT)), ir.Constant(INTS, shifts))
    places = [place for start in starts for place in (min(start // 8 + 1, 7), start // 8, 8, 8)]  # from 8 on: zeros
    zeros, mask = ir.Constant(BYTES, [0] * LANES), ir.Constant(ir.VectorType(INT, 4 * LANES), places)
    pairs = builder.bitcast(builder.shuffle_vector(load(builder, address, BYTES), zeros, mask), INTS)
    return builder.lshr(pairs, ir.Constant(INTS, [16 - start % 8 - width for start in starts]))


def _masked(builder: Builder, address: Value, width: int) -> Value:
    """Emit eight codes alone in their lanes."""
    return builder.and_(_codes(builder, address, width), ir.Constant(INTS, [2**width - 1] * LANES))


def _permuted(builder: Builder, levels: list[Value], codes: Value, width: int) -> Value:
    """Emit the level of each code: by permutation for its three lower bits, then by choice for each bit above."""
    name = "llvm.x86.avx2.permps"
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(FLOATS, [FLOATS, INTS]), name
    )
    found = [builder.call(function, [eight, codes]) for eight in levels]
    for bit in range(3, width):
        at_sign = builder.shl(codes, ir.Constant(INTS, [31 - bit] * LANES))
        is_set = builder.icmp_signed("<", at_sign, ir.Constant(INTS, [0] * LANES))
        found = [builder.select(is_set, high, low) for low, high in zip(found[::2], found[1::2], strict=True)]
    return found[0]


def _gathered(builder: Builder, table: Value, codes: Value) -> Value:
    """Emit a load of the level of each code."""
    levels = ir.Constant(FLOATS, ir.Undefined)
    for lane in range(LANES):
        code = builder.zext(builder.extract_element(codes, INT(lane)), LONG)
        level = load(builder, add(builder, table, times(builder, code, 4)), FLOAT)
        levels = builder.insert_element(levels, level, INT(lane))
    return levels


def registers(builder: Builder, rows: int, vectors: int) -> list[list[Value]]:
    """Emit rows × vectors registers of eight zeros; return where each is."""
    zeros = ir.Constant(FLOATS, [0.0] * LANES)
    with builder.goto_entry_block():
        held = [[builder.alloca(FLOATS) for _ in range(vectors)] for _ in range(rows)]
    for row in held:
        for register in row:
            builder.store(zeros, register)
    return held


def add_product(builder: Builder, register: Value, left: Value, right: Value) -> None:
    """Emit register += left · right."""
    product = builder.fmul(left, right, flags=_FUSED)
    builder.store(builder.fadd(builder.load(register), product, flags=_FUSED), register)


def total(builder: Builder, lanes: Value) -> Value:
    """Emit the sum of eight lanes: their halves are added, then halves of these."""
    for count in (4, 2, 1):
        low, high = (ir.Constant(ir.VectorType(INT, count), list(range(start, start + count))) for start in (0, count))
        lanes = builder.fadd(builder.shuffle_vector(lanes, lanes, low), builder.shuffle_vector(lanes, lanes, high))
    return builder.extract_element(lanes, INT(0))


def spread(builder: Builder, number: Value, lanes: int = LANES) -> Value:
    """Emit lanes of one number."""
    undefined = ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined)
    single = builder.insert_element(undefined, number, INT(0))
    return builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(INT, lanes), [0] * lanes))


def least(builder: Builder, one: Value, other: Value) -> Value:
    """Emit the smaller of two whole numbers."""
    return builder.select(builder.icmp_signed("<", one, other), one, other)


def load(builder: Builder, address: Value, kind: ir.Type) -> Value:
    """Emit a load from an address, aligned or not."""
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def store(builder: Builder, value: Value, address: Value) -> None:
    """Emit a store to an address, aligned or not."""
    builder.store(value, builder.inttoptr(address, value.type.as_pointer()), align=1)


def add(builder: Builder, left: Value, right: Value | int) -> Value:
    """Emit left + right, whole numbers."""
    return builder.add(left, LONG(right) if isinstance(right, int) else right)


def times(builder: Builder, left: Value, right: Value | int) -> Value:
    """Emit left · right, whole numbers."""
    return builder.mul(left, LONG(right) if isinstance(right, int) else right)


@contextmanager
def loop(builder: Builder, start: Value, stop: Value, step: int = 1) -> Iterator[Value]:
    """Emit the block for every index from `start` to below `stop`."""
    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(LONG)
    index.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", index, stop), body, after)
    builder.position_at_end(body)
    yield index
    index.add_incoming(add(builder, index, step), builder.block)
    builder.branch(head)
    builder.position_at_end(after)
