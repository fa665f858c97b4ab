"""How a row of each kind is walked: stretches of groups of eight numbers that are stored alike, or a book's vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llvmlite import ir

from neutral.compression.kernels import lanes
from neutral.compression.kernels.lanes import FLOAT, FLOATS, INT, LONG, Builder, Value, add, load, loop, store, times
from neutral.compression.kernels.part import FALLING, LANES, VECTORS, WIDTHS

_QUAD = ir.VectorType(FLOAT, 4)
_EIGHT = 4 * LANES  # bytes of eight float32 numbers


@dataclass(frozen=True)
class Stretch:
    """Groups `first` … `stop` - 1 of a row, of `size` bytes each; group g is at the row's address + origin + g · size.

    `decode` emits the eight numbers of a group, float32, from its address.
    """

    first: Value
    stop: Value
    origin: Value
    size: int
    decode: Callable[[Value], Value]

    def numbers(self, builder: Builder, row: Value, group: Value) -> Value:
        """Emit the numbers of a group of the row at an address."""
        return self.decode(add(builder, add(builder, row, self.origin), times(builder, group, self.size)))


class Walk:
    """The stretches of rows of a kind, or their codes of vectors, from a loop's arguments."""

    def __init__(self, builder: Builder, kind: str, given: Mapping[str, Value], *, permutes: bool) -> None:
        self._builder, self._given = builder, given
        self._quads, self.stretches = None, []
        if kind == FALLING:
            self.stretches = list(_falling(builder, given, permutes=permutes))
        elif kind.startswith(VECTORS):
            self._quads = int(kind.removeprefix(VECTORS)) // _QUAD.count
            self._codes, self._pitch, self._places = (
                load(builder, add(builder, given["layout"], 8 * i), LONG) for i in range(3)
            )
        else:
            decode = lanes.decoder(builder, kind, given["table"], permutes=permutes)
            self.stretches = [Stretch(LONG(0), given["groups"], LONG(0), lanes.bits(kind), decode)]

    def unpack(self, rows: list[Value], targets: list[Value], factor: Callable[[Value], Value] | None = None) -> None:
        """Emit stores of the numbers of rows to addresses, times what `factor` emits for each group."""
        builder = self._builder
        if self._quads is not None:
            self._unpack_vectors(rows, targets, factor)
        for stretch in self.stretches:
            with loop(builder, stretch.first, stretch.stop) as group:
                for row, target in zip(rows, targets, strict=True):
                    numbers = stretch.numbers(builder, row, group)
                    if factor is not None:
                        numbers = builder.fmul(numbers, lanes.spread(builder, factor(group)))
                    store(builder, numbers, add(builder, target, times(builder, group, _EIGHT)))

    def _unpack_vectors(self, rows: list[Value], targets: list[Value], factor: Callable[[Value], Value] | None) -> None:
        """Emit a copy of the vector of each code. Each overwrites what the one before it left beyond its end."""
        builder = self._builder
        with loop(builder, LONG(0), self._codes) as number:
            place = Place(builder, self._places, number)
            offset = times(builder, number, self._pitch)
            for row, target in zip(rows, targets, strict=True):
                entry = times(builder, place.entry(row), 16 * self._quads)
                for quad in range(self._quads):
                    source = add(builder, add(builder, self._given["table"], entry), 16 * quad)
                    numbers = load(builder, source, _QUAD)
                    if factor is not None:
                        numbers = builder.fmul(numbers, lanes.spread(builder, factor(LONG(0)), _QUAD.count))
                    store(builder, numbers, add(builder, add(builder, target, offset), 16 * quad))


def in_memory(groups: Value, builder: Builder) -> list[Stretch]:
    """Return the stretch of a row that lies unpacked in memory."""
    return [Stretch(LONG(0), groups, LONG(0), _EIGHT, lambda address: load(builder, address, FLOATS))]


class Place:
    """Where in a row a code is, and where the entries that it chooses from start.

    It is told by four int32: the byte in which the code starts; what is left of the four bytes from there, the first
    the highest, after a shift and a cut to a mask; and the first entry's number.
    """

    def __init__(self, builder: Builder, places: Value, number: Value) -> None:
        self._builder = builder
        at = add(builder, places, times(builder, number, 16))
        byte, self._shift, self._mask, self._start = (load(builder, add(builder, at, 4 * i), INT) for i in range(4))
        self._byte = builder.sext(byte, LONG)
        name = "llvm.bswap.i32"
        self._swap = builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(INT, [INT]), name)

    def entry(self, row: Value) -> Value:
        """Emit the number of the entry that the code of the row at an address chooses, int64."""
        builder = self._builder
        word = builder.call(self._swap, [load(builder, add(builder, row, self._byte), INT)])
        code = builder.and_(builder.lshr(word, self._shift), self._mask)
        return builder.sext(builder.add(self._start, code), LONG)


def _falling(builder: Builder, given: Mapping[str, Value], *, permutes: bool):
    """Yield the stretches of rows whose codes have the more bits the earlier they come: eight first, then seven, …"""
    table = given["table"]
    tables = {}
    for bits in WIDTHS:
        tables[bits] = table
        table = add(builder, table, 4 * max(2**bits, LANES))
    for place, bits in enumerate(reversed(WIDTHS)):
        first, stop, origin = (
            load(builder, add(builder, given["layout"], 8 * (3 * place + i)), LONG) for i in range(3)
        )
        decode = lanes.decoder(builder, f"levels{bits}", tables[bits], permutes=permutes)
        yield Stretch(first, stop, origin, bits, decode)
