"""Select the lowest values of many arrays at once, without sorting, joining or copying them.

`lowest` finds the k-th lowest value by a radix select on the bits of the floats: count the values by their
first 16 bits, find the bin that holds the k-th, count within it by the next 16 bits, and so on (two passes
for 32-bit floats, four for 64-bit ones). As bits, positive floats are in the order of their values and
negative ones in the reverse order, so a sign changes only the order of the bins. A last pass compares all values
with that value. `lowest_of_rows` does the same for each row of a matrix.

Both take arrays as well as torch tensors; tensors on a CUDA device are counted on it. torch is imported only
when a tensor comes. float16 and bfloat16 are compared as float32, integers as float64; -0.0 equals 0.0.

Ties: of equal values at the threshold the first ones (in the order of the arrays, then C order) are dropped,
so the count is exact and the result depends on nothing else.

Values that are dropped already (those outside `live`) are read as NaN, for which every comparison is false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from neutral import rows as row_cuts
from neutral.errors import NeutralError

SCOPES = ("global", "stack", "component", "row", "tensor")
"""The weights that a cut compares: all, those of a stack (encoder, decoder), of a component (all query matrices, say),
of an output row of a matrix, or of a tensor."""

BLOCK = 1 << 18  # values looked at together: a multiple of 8, and small enough for the cache
_BINS = 1 << 16
# Raw first 16 bits in the order of the values: negative floats from the largest down, then the positive ones.
_ORDER = np.r_[np.arange(_BINS - 1, _BINS // 2 - 1, -1), np.arange(_BINS // 2)]

Packed = np.ndarray
"""`numpy.packbits` of a boolean array in C order: uint8, padded with zero bits."""


def scope_of(method: str, scope: str) -> str:
    """Return the scope in which a method's scores are cut: `row` for Wanda, else `scope`."""
    return "row" if method == "wanda" else scope


def lowest(values: Mapping[str, Any], count: int, live: Mapping[str, Packed] | None = None) -> dict[str, Packed]:
    """Drop the `count` lowest of all values together and return which are kept.

    Parameters
    ----------
    values : name -> array or tensor
        Of any shape.
    count : int
        How many to drop. With `live`, values that are dropped already count; if they are more, nothing else is dropped.
    live : name -> packed bits, optional
        Which values are not dropped already.

    Returns
    -------
    name -> (ceil(size / 8),) uint8 array
        Packed bits of the values that are kept.

    Raises
    ------
    NeutralError
        Naming the array that holds NaN, or that holds no numbers.
    """
    arrays = {name: _adapted(name, array) for name, array in values.items()}
    wide = any(array.wide for array in arrays.values())
    for array in arrays.values():
        array.set_precision(wide)
    count, dropped_already = min(count, sum(array.size for array in arrays.values())), 0
    if live is not None:
        dropped_already = sum(array.size - int(np.bitwise_count(live[name]).sum()) for name, array in arrays.items())
    bits = {name: live[name] if live is not None else None for name in arrays}
    if count <= dropped_already:
        for array in arrays.values():
            array.require_numbers()
        return {name: _all(array.size) if bits[name] is None else bits[name].copy() for name, array in arrays.items()}

    def histogram(level: int, prefix: int) -> np.ndarray:
        total = np.zeros(_BINS, dtype=np.int64)
        for name, array in arrays.items():
            array.count_bins(total, level, prefix, bits[name])
        return total

    value, ties, equal = threshold(histogram, count - dropped_already, 64 if wide else 32)
    kept = {}
    for name, array in arrays.items():
        # Where every tie goes, comparing is enough.
        kept[name], dropped = array.above(value, ties if ties < equal else None, bits[name])
        ties -= dropped
    return kept


def threshold(histogram: Callable[[int, int], np.ndarray], rank: int, width: int) -> tuple[float, int, int]:
    """Find the `rank`-th lowest value (from 1) of floats of `width` bits from histograms of their bits.

    Parameters
    ----------
    histogram : callable
        `histogram(level, prefix)` returns (65536,) counts, by their next 16 bits, of the values whose first
        16 · `level` bits are `prefix`. No value may be NaN or -0.0.
    rank : int
        Counts from 1.
    width : int
        Bits of a float: 32 or 64.

    Returns
    -------
    value : float
    ties : int
        How many of the `rank` lowest values equal it.
    equal : int
        How many of all values equal it.
    """
    prefix, order = 0, _ORDER
    for level in range(width // 16):
        counts = histogram(level, prefix)[order]
        running = np.cumsum(counts)
        place = int(np.searchsorted(running, rank))
        rank -= int(running[place] - counts[place])
        prefix = prefix << 16 | int(order[place])
        if level == 0:
            order = np.arange(_BINS)[:: -1 if prefix >= _BINS // 2 else 1]
    value = np.array(prefix, dtype=f"u{width // 8}").view(f"f{width // 8}")
    return float(value), rank, int(counts[place])


def lowest_of_rows(name: str, matrix: Any, count: int, live: np.ndarray | None = None) -> np.ndarray:
    """Drop the `count` lowest values of each row of a matrix (R, C) and return which are kept, (R, C) bool.

    With `live`, (R, C) bool, values that are dropped already count; a row that has lost more loses nothing else.

    Raises `NeutralError` naming the matrix if it holds NaN, or holds no numbers.
    """
    array = _adapted(name, matrix, flat=False)
    array.set_precision(array.wide)
    return array.rows_above(count, live)


class _Host:
    """Values in the computer's memory: a numpy array, or a torch tensor that is read block by block."""

    def __init__(self, name: str, values: Any) -> None:
        self.name, self.values = name, values
        self.size = int(np.prod(values.shape))
        self.wide = str(values.dtype).removeprefix("torch.") not in ("float32", "float16", "bfloat16")

    def set_precision(self, wide: bool) -> None:
        """Compare as float64, or as float32."""
        self.dtype = np.float64 if wide else np.float32

    def numbers(self, start: int, stop: int) -> np.ndarray:
        """Return values[start:stop] as a fresh float array without -0.0; `NeutralError` on NaN."""
        block = self.values[start:stop]
        if not isinstance(block, np.ndarray):
            block = block.float().numpy()  # bfloat16: numpy has none
        block = np.add(block, 0, dtype=self.dtype, order="C", casting="unsafe")  # -0.0 + 0 is 0.0
        if block.size and np.isnan(block.min()):
            raise not_a_number(self.name)
        return block

    def blocks(self, live: Packed | None) -> Iterator[np.ndarray]:
        """Yield blocks of values, NaN where not live."""
        for start in range(0, self.size, BLOCK):
            block = self.numbers(start, min(start + BLOCK, self.size))
            yield block if live is None else _only(_unpacked(live[start // 8 :], len(block)), block)

    def require_numbers(self) -> None:
        """Raise `NeutralError` on NaN."""
        for _ in self.blocks(None):
            pass

    def count_bins(self, total: np.ndarray, level: int, prefix: int, live: Packed | None) -> None:
        """Add to `total` the counts that `threshold` asks for."""
        width = np.dtype(self.dtype).itemsize * 8
        shift = width - 16 * level
        for block in self.blocks(live):
            bits = block.view(f"u{width // 8}")
            if level:
                bits = bits[bits >> shift == prefix]
            bins = np.bincount(((bits >> (shift - 16)) & (_BINS - 1)).astype(np.intp))
            total[: len(bins)] += bins
        if not level:
            total[-1] = 0  # the values that `_only` dropped; no other has these bits

    def above(self, value: float, ties: int | None, live: Packed | None) -> tuple[Packed, int]:
        """Return the packed bits of the live values that are kept, and how many ties were dropped.

        Values over `value` are kept. Of those equal to it the first `ties` are dropped, or all if `ties` is None.
        """
        kept, dropped, value = [], 0, self.dtype(value)
        for block in self.blocks(live):
            over = block > value
            if ties is not None:
                places = np.flatnonzero(block == value)
                over[places[ties - dropped :]] = True
                dropped += min(ties - dropped, len(places))
            kept.append(np.packbits(over))
        return np.concatenate(kept) if kept else np.zeros(0, dtype=np.uint8), dropped

    def rows_above(self, count: int, live: np.ndarray | None) -> np.ndarray:
        """Return which values are kept when each row drops its `count` lowest, (R, C) bool."""
        rows, columns = self.values.shape
        kept = np.empty((rows, columns), dtype=bool)
        step = max(1, BLOCK // max(columns, 1))
        for start in range(0, rows if columns else 0, step):
            part = slice(start, min(start + step, rows))
            block = self.numbers(part.start, part.stop)  # (r, C)
            if live is None:
                (kept[part],) = row_cuts.kept(block, [count])
                continue
            block = _only(live[part], block)
            alive = live[part].sum(axis=1, keepdims=True)
            stay = np.minimum(columns - count, alive)  # (r, 1)
            # NaN comes last.
            value = np.take_along_axis(np.sort(block, axis=1), np.maximum(alive - stay - 1, 0), axis=1)
            over = block > value
            excess = stay - over.sum(axis=1, keepdims=True)  # ties that stay
            if excess.any():
                equal = block == value
                over |= equal & (equal.cumsum(axis=1) > equal.sum(axis=1, keepdims=True) - excess)
            kept[part] = over
        return kept


class _Device:
    """Values of a torch tensor that stay on their device: the same as `_Host`, in torch."""

    def __init__(self, name: str, values: Any) -> None:
        import torch

        self.torch, self.name, self.values = torch, name, values
        self.size = values.numel()
        self.wide = values.dtype not in (torch.float32, torch.float16, torch.bfloat16)

    def set_precision(self, wide: bool) -> None:
        """Compare as float64, or as float32."""
        self.dtype = self.torch.float64 if wide else self.torch.float32

    def numbers(self, live: np.ndarray | None = None) -> Any:
        """Return the values as a fresh float tensor without -0.0, NaN where not live; raise on NaN."""
        values = self.values.to(self.dtype) + 0
        if values.isnan().any():
            raise not_a_number(self.name)
        if live is None:
            return values
        dropped = self.torch.from_numpy(~live).to(values.device)
        return values.masked_fill_(dropped, self.torch.nan)

    def require_numbers(self) -> None:
        """Raise `NeutralError` on NaN."""
        self.numbers()

    def count_bins(self, total: np.ndarray, level: int, prefix: int, live: Packed | None) -> None:
        """As `_Host.count_bins`."""
        width = self.dtype.itemsize * 8
        shift = width - 16 * level
        values = self.numbers(live if live is None else _unpacked(live, self.size))
        if live is not None:
            values = values[~values.isnan()]
        bits = values.view(self.torch.int64 if width == 64 else self.torch.int32)
        if level:  # the shift is arithmetic: the mask cuts off the bits that it fills in
            bits = bits[(bits >> shift) & ((1 << 16 * level) - 1) == prefix]
        bins = self.torch.bincount((bits >> (shift - 16)) & (_BINS - 1), minlength=_BINS)
        total += bins.cpu().numpy()

    def above(self, value: float, ties: int | None, live: Packed | None) -> tuple[Packed, int]:
        """As `_Host.above`."""
        values, dropped = self.numbers(live if live is None else _unpacked(live, self.size)), 0
        over = values > value
        if ties is not None:
            equal = values == value
            over |= equal & (equal.cumsum(0) > ties)
            dropped = min(ties, int(equal.sum()))
        return self.packed(over), dropped

    def packed(self, kept: Any) -> Packed:
        """Return the packed bits of a boolean tensor; packing on the device leaves an eighth to copy."""
        torch = self.torch
        kept = torch.nn.functional.pad(kept.to(torch.uint8), (0, -kept.numel() % 8)).view(-1, 8)
        powers = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=kept.device)
        return (kept * powers).sum(1, dtype=torch.uint8).cpu().numpy()

    def rows_above(self, count: int, live: np.ndarray | None) -> np.ndarray:
        """As `_Host.rows_above`."""
        if not self.size:
            return np.empty(tuple(self.values.shape), dtype=bool)
        values = self.numbers(live)
        alive = (~values.isnan()).sum(1, keepdim=True)
        stay = alive.clamp(max=values.shape[1] - count)  # (R, 1)
        value = values.sort(dim=1).values.gather(1, (alive - stay - 1).clamp(min=0))  # NaN comes last
        over = values > value
        equal = values == value
        excess = stay - over.sum(1, keepdim=True)  # ties that stay
        over |= equal & (equal.cumsum(1) > equal.sum(1, keepdim=True) - excess)
        return over.cpu().numpy()


def _adapted(name: str, values: Any, flat: bool = True) -> _Host | _Device:
    """Wrap an array or tensor by where it is; flat, or as the matrix that it is."""
    if hasattr(values, "detach"):
        import torch

        if values.layout != torch.strided or values.is_meta or values.is_complex():
            raise NeutralError(f"{name}: scores must be a dense tensor of real numbers")
        values = values.detach()
        if values.device.type != "cuda":
            values = values.cpu()  # other accelerators lack some of the operations
        if not values.is_floating_point():
            values = values.double()
        elif values.itemsize == 1:
            values = values.float()  # float8
        values = values.reshape(-1) if flat else values
        if values.device.type == "cuda":
            return _Device(name, values)
        return _Host(name, values if values.dtype == torch.bfloat16 else values.numpy())
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise NeutralError(f"{name}: scores must be real numbers; these are {array.dtype}")
    return _Host(name, array.reshape(-1) if flat else array)


def not_a_number(name: str) -> NeutralError:
    """Return the error of scores that cannot be ordered."""
    return NeutralError(f"{name}: a score is NaN (not a number), so the weights cannot be ordered")


def _only(live: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values with all bits set, which is a NaN, where not live (ten times faster than `where`)."""
    bits = f"u{values.itemsize}"
    dropped = live.view(np.uint8).astype(bits) - np.array(1, dtype=bits)  # 0 where live, else all ones
    return (values.view(bits) | dropped).view(values.dtype)


def _all(size: int) -> Packed:
    return np.packbits(np.ones(size, dtype=bool))


def _unpacked(packed: Packed, count: int) -> np.ndarray:
    return np.unpackbits(packed[: -(-count // 8)], count=count).view(bool)
