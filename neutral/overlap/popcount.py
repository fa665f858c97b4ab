"""Joint counts of packed bits: how many bits each pair of n masks shares, and how many bits k of them have.

The bits of one tensor are copied, block by block, into a buffer of 64-bit words that stays in the L2 cache
together with everything computed from it. Tensors go to threads: numpy lets go of the lock in its loops.

Pairs are counted with one AND and one population count a word, all masks against the masks `lag` places on, so
that a call works through one long stretch of memory. Weights kept by exactly k masks are counted without
unpacking: carry-save adders (Warren, Hacker's Delight, section 5-1) add the masks up into bit planes, 64
weights at a time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# Today's L2 caches hold 1 to 2 MB a core.
_CACHE_BYTES = 1024 * 1024
# Below 256 words numpy's cost a call outweighs the work; above 8192 it no longer shows.
_FEWEST_WORDS, _MOST_WORDS = 256, 8192
# Vector loads that cross a cache line cost twice, so rows start on one and are a whole number of them long.
_LINE_BYTES, _LINE_WORDS = 64, 8
# Counts of a word are at most 64, and a byte holds three such counts added up.
_FULL = 3


def count_tensors(
    tensors: Sequence[Sequence[np.ndarray]], sizes: np.ndarray, pairs: np.ndarray, *, exactly: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Count T tensors of n masks each.

    Parameters
    ----------
    tensors : T sequences of n uint8 arrays
        Packed bits of each tensor, one array for each mask, all of ceil(size / 8) bytes, padding bits 0.
    sizes : (T,) array
        Number of weights in each tensor.
    pairs : (P, 2) array
        Places of the two masks of every pair to count, the lower first. All pairs are counted together; of fewer, one
        after the other.
    exactly : bool
        Whether to count weights by how many masks keep them, which takes half as long again.

    Returns
    -------
    kept : (T, n) int64
        What each mask keeps.
    shared : (T, P) int64
        What both masks of each pair keep.
    exactly : (T, n + 1) int64, or None
    """
    n = len(tensors[0])
    kept = np.zeros((len(tensors), n), dtype=np.int64)
    shared = np.zeros((len(tensors), len(pairs)), dtype=np.int64)
    by_number = np.zeros((len(tensors), n + 1), dtype=np.int64)
    of_thread = threading.local()
    together = exactly or 2 * len(pairs) == n * (n - 1)

    def work(t: int) -> None:
        if not together:
            kept[t], shared[t] = _each_pair(tensors[t], pairs)
            return
        if not hasattr(of_thread, "counter"):
            of_thread.counter = _Counter(n, exactly=exactly)
        both, by_number[t] = of_thread.counter.count(tensors[t], int(sizes[t]))
        kept[t], shared[t] = both.diagonal(), both[pairs[:, 0], pairs[:, 1]]

    largest_first = np.argsort(-sizes, kind="stable").tolist()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, largest_first))
    return kept, shared, by_number if exactly else None


def _each_pair(masks: Sequence[np.ndarray], pairs: np.ndarray) -> tuple[list[int], list[int]]:
    """Return what each mask keeps of one tensor, and what both masks of each pair keep."""
    words = [_in_words(mask) for mask in masks]
    starts = range(0, len(words[0]), _MOST_WORDS)
    blocks = [slice(start, start + _MOST_WORDS) for start in starts]
    kept = [sum(_ones(one[block]) for block in blocks) for one in words]
    return kept, [sum(_ones(words[i][block] & words[j][block]) for block in blocks) for i, j in pairs.tolist()]


def _in_words(mask: np.ndarray) -> np.ndarray:
    """Return packed bits as 64-bit words, zero-padded; a copy only if they are not whole words in their places."""
    if len(mask) % 8 or mask.ctypes.data % 8:
        mask, bits = np.zeros(-(-len(mask) // 8) * 8, dtype=np.uint8), mask
        mask[: len(bits)] = bits
    return mask.view(np.uint64)


def _ones(words: np.ndarray) -> int:
    return int(np.bitwise_count(words).sum(dtype=np.uint32))


class _Counter:
    """Counts one tensor at a time, in buffers that are allocated once.

    A block has W words of every mask. Counted in it are, in this order: each mask, each pair, and n sets of binary
    digits (see `_joint`).
    """

    def __init__(self, n: int, *, exactly: bool = True) -> None:
        self.n, self.exactly = n, exactly
        # Every pair is (i, i + lag modulo n) once; at a lag of n / 2 all n rows would give each pair twice.
        self.lags = [(lag, n // 2 if 2 * lag == n else n) for lag in range(1, n // 2 + 1)]
        self.pairs = [(i, (i + lag) % n) for lag, rows in self.lags for i in range(rows)]
        self.counted = n + len(self.pairs) + n * exactly
        words, products = n + n // 2, n + 1
        fitting = _CACHE_BYTES // (8 * (words + products) + 2 * self.counted)
        self.width = min(_MOST_WORDS, max(_FEWEST_WORDS, _in_lines(fitting)))
        self.words = _aligned(words, self.width, np.uint64)  # the masks, then the first of them again
        self.products = _aligned(products, self.width, np.uint64)  # words whose ones are counted
        self.counts = _aligned(self.counted, self.width, np.uint8)  # ones in each word of a block
        self.tally = _aligned(self.counted, self.width, np.uint8)  # their sums over up to `_FULL` blocks

    def count(self, masks: Sequence[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return both (n, n) and exactly (n + 1,), int64, of one tensor; exactly is 0 if it is not counted."""
        n = self.n
        total = np.zeros(self.counted, dtype=np.int64)
        length = -(-size // 64)
        blocks = -(-length // self.width)
        width = _in_lines(-(-length // blocks) + _LINE_WORDS - 1) if blocks else 0
        for block in range(blocks):
            words = self._load(masks, block * 8 * width, width)
            filled = block % _FULL + 1
            counts = _rows(self.tally if filled == 1 else self.counts, self.counted, width)
            self._count(words, counts)
            tally = _rows(self.tally, self.counted, width)
            if filled > 1:
                np.add(tally, counts, out=tally)
            if filled == _FULL or block == blocks - 1:
                # 32 bits hold 8192 such bytes, and add up twice as fast as 64.
                total += np.add.reduce(tally, axis=1, dtype=np.uint32)
        both = np.diag(total[:n])
        for (i, j), shared in zip(self.pairs, total[n : n + len(self.pairs)], strict=True):
            both[i, j] = both[j, i] = shared
        joint = total[n + len(self.pairs) :]
        return both, _exactly(np.concatenate([[size], joint])) if self.exactly else np.zeros(n + 1, np.int64)

    def _load(self, masks: Sequence[np.ndarray], start: int, width: int) -> np.ndarray:
        """Copy a block of every mask into words (n + n // 2, width), zero-padded, the first masks twice."""
        words = _rows(self.words, self.n + self.n // 2, width)
        for row, mask in zip(words.view(np.uint8), masks, strict=False):
            part = mask[start : start + 8 * width]
            row[: len(part)] = part
            row[len(part) :] = 0
        words[self.n :] = words[: self.n // 2]
        return words

    def _count(self, words: np.ndarray, counts: np.ndarray) -> None:
        """Count the ones in each word of every mask, pair and set of digits, into counts (counted, width)."""
        n, width = self.n, words.shape[1]
        np.bitwise_count(words[:n], out=counts[:n])
        first = n
        for lag, rows in self.lags:
            products = _rows(self.products, rows, width)
            np.bitwise_and(words[:rows], words[lag : lag + rows], out=products)
            np.bitwise_count(products, out=counts[first : first + rows])
            first += rows
        if self.exactly:  # last, because it overwrites the words
            np.bitwise_count(self._joint(words[:n]), out=counts[first:])

    def _joint(self, words: np.ndarray) -> np.ndarray:
        """Return (n, width): row s - 1 marks weights whose number of masks has all binary digits that s has.

        No number up to n has all the digits of a larger s, so these n sets determine every count.
        """
        n, width = words.shape
        products = _rows(self.products, n + 1, width)
        for j, plane in enumerate(_bit_planes(words, spare=products)):
            first = 2**j
            products[first] = plane
            more = min(first, n + 1 - first)
            np.bitwise_and(products[1:more], plane, out=products[first + 1 : first + more])
        return products[1:]


def _bit_planes(rows: np.ndarray, spare: np.ndarray) -> list[np.ndarray]:
    """Add rows of bits up, column by column; plane j holds digit j of each column's sum. Overwrites rows.

    Carries gather at the front of `rows`, and sums at the end, so that every step works on whole stretches.
    """
    planes = []
    while len(rows):
        sums, carries = rows, 0
        while (t := len(sums) // 3) > 0:
            a, b, c, both = sums[:t], sums[t : 2 * t], sums[2 * t : 3 * t], spare[:t]
            np.bitwise_and(a, b, out=both)
            np.bitwise_xor(a, b, out=b)
            np.bitwise_and(b, c, out=a)
            np.bitwise_xor(b, c, out=c)
            np.bitwise_or(a, both, out=rows[carries : carries + t])
            sums, carries = sums[2 * t :], carries + t
        if len(sums) == 2:
            a, b = sums
            np.bitwise_and(a, b, out=spare[0])
            np.bitwise_xor(a, b, out=b)
            rows[carries] = spare[0]
            carries += 1
        planes.append(sums[-1])
        rows = rows[:carries]
    return planes


def _exactly(joint: np.ndarray) -> np.ndarray:
    """Turn (n + 1,) counts of "has all digits of s" into counts of "is s" (Möbius inversion)."""
    exactly = np.zeros(2 ** (len(joint) - 1).bit_length(), dtype=np.int64)
    exactly[: len(joint)] = joint
    for j in range((len(joint) - 1).bit_length()):
        halves = exactly.reshape(-1, 2, 2**j)
        halves[:, 0] -= halves[:, 1]
    return exactly[: len(joint)]


def _in_lines(words: int) -> int:
    """Round down to whole cache lines."""
    return words // _LINE_WORDS * _LINE_WORDS


def _aligned(rows: int, width: int, dtype: type) -> np.ndarray:
    """Return a flat array of rows * width elements that starts on a cache line."""
    length = rows * width * np.dtype(dtype).itemsize
    memory = np.empty(length + _LINE_BYTES, dtype=np.uint8)
    start = -memory.ctypes.data % _LINE_BYTES
    return memory[start : start + length].view(dtype)


def _rows(flat: np.ndarray, rows: int, width: int) -> np.ndarray:
    """Return the front of a flat buffer as (rows, width), without gaps between the rows."""
    return flat[: rows * width].reshape(rows, width)
