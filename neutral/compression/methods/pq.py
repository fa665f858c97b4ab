"""Product quantization of directions: a code stands for the vector that is nearest to a short piece of a unit row.

Jégou, Douze, Schmid (2011), Product Quantization for Nearest Neighbor Search, cut a vector into sub-vectors and
give each position a codebook of its own. Here all positions share one, so that it can be large: the rows of a token
table are much alike at every position once their mean (`offset`) is taken off. With u = x/‖x‖ cut into sub-vectors
u_j, a row is stored as its length and the codes of the vectors c(u_j − offset_j), and rebuilt as

    x̂ = ‖x‖ · v/‖v‖,  v_j = offset_j + c_j

Codes have b bits, those of the last sub-vectors b + 1, so that a ratio is met to the byte. Lengths are stored as one
byte of their logarithm, 0 for a row of zeros. The k-means is faiss's (Douze et al. 2024, The Faiss library).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, pi, sqrt

import numpy as np
import torch
from torch.nn import functional as F

from neutral.compression.budget import Budget
from neutral.compression.kernels import products
from neutral.compression.kernels.cuda import products as cuda
from neutral.compression.kernels.part import Book, Part, ids_of_all
from neutral.compression.packing import pack, unpack
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.ties import merged

_WIDEST = 13  # bits of a code; its codebook is what takes the time
_MOST_BITS = 24  # of a code in a file: its codebook would be larger than any table
_POINTS = 64  # k-means: points a centroid
_ROUNDS = 12  # k-means: iterations
# Squared error ~ 4^-(bits a number) times a share that falls with the numbers n of a sub-vector: n^-0.28 as measured on
# two tables, at most from a scalar quantizer to the rate-distortion bound (Panter and Dite 1951: π√3/2 at high rates).
_GAIN, _BOUND = 0.28, 2 / (pi * sqrt(3))
_MOST_BITS = 16  # a code reaches over three bytes at most
_SCALES = (1.0, 0.92)  # multiples of a unit row that are coded, the better one kept
_BLOCK = 8192  # rows encoded at a time
_FEW = 1024  # rows rebuilt at a time only for their lengths
_SAME = 1e-6  # logarithms of lengths that lie so close are of rows of one length, but for rounding


@dataclass(frozen=True)
class Layout:
    """How a row is cut: sub-vectors of `sub` numbers, codes of `bits` bits and `wide` last ones of one bit more."""

    vocabulary: int
    width: int
    sub: int
    bits: int
    wide: int

    @property
    def codes(self) -> int:
        """Codes a row; the last sub-vector may reach beyond the row."""
        return ceil(self.width / self.sub)

    @property
    def widths(self) -> np.ndarray:
        """Bits of each code of a row, int64 (codes,)."""
        return self.bits + (np.arange(self.codes) >= self.codes - self.wide).astype(np.int64)

    @property
    def row(self) -> int:
        """Bytes of a row's codes."""
        return ceil((self.codes * self.bits + self.wide) / 8)

    @property
    def entries(self) -> tuple[int, int]:
        """Vectors in the codebook of `bits` and in that of one bit more."""
        return 2**self.bits * (self.wide < self.codes), 2 ** (self.bits + 1) * (self.wide > 0)

    @property
    def shared(self) -> int:
        """Numbers that are stored once: codebooks and offset (float16)."""
        return sum(self.entries) * self.sub + self.width

    @property
    def bytes(self) -> int:
        """Every byte of the table: codes, lengths, codebooks, offset and the two limits of the lengths."""
        return self.vocabulary * (self.row + 1) + 2 * self.shared + 8

    @property
    def numbers(self) -> int:
        """Every number of the table."""
        return self.vocabulary * (self.codes + 1) + self.shared + 2

    @property
    def error(self) -> float:
        """A number that its squared error is roughly in proportion to: see `_GAIN`."""
        return float(np.mean(4.0 ** (-self.widths / self.sub))) * max(self.sub**-_GAIN, _BOUND)


class Product(Table):
    """Codes of sub-vectors.

    `tensors` holds `codes` (V, bytes) uint8; `lengths` (V,) uint8; `span` (2,) float32, the logarithms of the least and
    largest length; `offset` (d,) float16; and `narrow` (2^b, n) and `wide` (2^(b+1), n) float16, the codebooks of
    sub-vectors of n numbers.
    """

    method = "pq"
    parts = ("codes", "lengths", "span", "offset", "narrow", "wide")
    optional = ("narrow", "wide")
    _made: tuple[torch.Tensor, torch.Tensor] | None = None

    @property
    def layout(self) -> Layout:
        """How a row is cut."""
        return Layout(*self.shape, *(int(self.settings[name]) for name in ("sub", "bits", "wide")))

    def require_sound(self) -> None:
        """See `Table.require_sound`: codebooks as large as codes can say."""
        layout = self.layout
        if not (
            1 <= layout.sub <= layout.width and 1 <= layout.bits <= _MOST_BITS and 0 <= layout.wide <= layout.codes
        ):
            raise NeutralError("its settings sub, bits and wide are none that a table can have")
        for name, entries in zip(("narrow", "wide"), layout.entries, strict=True):
            if entries and self.tensors[name].shape != (entries, layout.sub):
                raise NeutralError(f"its codebook {name} is not {entries} × {layout.sub}")
        super().require_sound()

    def decode(self, tensors: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """Return the rows `ids` (n,) as float32 (n, d), rebuilt from `tensors`."""
        shifted = self._joined(tensors, tensors["codes"][ids]) + tensors["offset"].float()
        return F.normalize(shifted, dim=1) * _lengths(tensors["lengths"][ids], tensors["span"]).unsqueeze(1)

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`."""
        flat = hidden.reshape(-1, self.shape[1])
        if 0 < len(flat) <= cuda.FEW and (factors := self._on_gpu(tensors, hidden)) is not None:
            logits = self._sums_on_gpu(tensors, flat.detach().float(), factors, hidden.dtype)
            return logits.reshape(*hidden.shape[:-1], self.shape[0])
        if not products.fits(hidden):
            return super().logits(tensors, hidden)
        vectors, codes = hidden.detach().float(), tensors["codes"]
        if self._made is None or self._made[0] is not codes:
            self._made = codes, self._factors(tensors)
        inner = vectors @ tensors["offset"].float()
        return products.logits([self._part(tensors, codes)], vectors, self._made[1], inner=inner).to(hidden.dtype)

    def _factors(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return ‖x‖ / ‖v‖ of each row, float32 (V,)."""
        offset = tensors["offset"].float()
        squares = torch.empty(self.shape[0])
        for few, codes in zip(squares.split(_FEW), tensors["codes"].split(_FEW), strict=True):
            few.copy_((self._joined(tensors, codes) + offset).square().sum(dim=1))
        return _factors(tensors, squares)

    def _joined(self, tensors: Mapping[str, torch.Tensor], codes: torch.Tensor) -> torch.Tensor:
        """Return the vectors that packed codes (n, bytes) stand for, a row's beside each other: float32 (n, d)."""
        if products.fits(tensors["offset"]):
            return products.rows([self._part(tensors, codes)], torch.ones(len(codes)), self.shape[1])
        return _joined(unpack(codes, self.layout.widths), tensors, self.layout)

    def _part(self, tensors: Mapping[str, torch.Tensor], codes: torch.Tensor) -> Part:
        """Return packed rows for the compiled loops."""
        halves = [(tensors[name], at.stop - at.start) for name, at in _halves(self.layout) if name in tensors]
        book = Book.of(self.layout.widths, halves)
        return Part.of(book.kind, self.shape[1], codes, ids_of_all(len(codes)), book=book)

    def _squares(self, tensors: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return what each entry at each place adds to ‖v‖², (m, 2^b) a codebook."""
        offset = _cut(tensors["offset"].float().unsqueeze(0), self.layout.sub)[0]  # (m, n)
        inside = _cut(torch.ones(1, self.shape[1], device=offset.device), self.layout.sub)[0]  # 0 beyond the row
        table = []
        for name, at in _halves(self.layout):
            if name in tensors:
                book = tensors[name].float()
                squares = inside[at] @ book.square().T + 2 * offset[at] @ book.T
                table.append(squares + offset[at].square().sum(dim=1, keepdim=True))
        return table

    def packed(self, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `Codec.packed`; codes are read as they are stored, and this is ‖x‖ / ‖v‖ of each row, float32 (V,)."""
        table = torch.cat([entries.flatten() for entries in self._squares(tensors)])
        return _factors(tensors, cuda.sums(tensors["codes"], self.layout.widths, table.unsqueeze(0))[0])

    def _sums_on_gpu(
        self, tensors: Mapping[str, torch.Tensor], vectors: torch.Tensor, factors: torch.Tensor, kind: torch.dtype
    ) -> torch.Tensor:
        """Return the logits (b, V), of a type, of vectors (b, d)."""
        subs = _cut(vectors, self.layout.sub)  # (b, m, n)
        halves = [subs[:, at] @ tensors[name].float().T for name, at in _halves(self.layout) if name in tensors]
        table = torch.cat([entries.flatten(1) for entries in halves], dim=1)
        base = vectors @ tensors["offset"].float()
        return cuda.sums(tensors["codes"], self.layout.widths, table, base=base, factors=factors, kind=kind)

    @property
    def parameters(self) -> int:
        """How many numbers are stored; a code is one, however few bits it takes."""
        return self.layout.numbers


def fit_pq(
    matrix: torch.Tensor, budget: Budget, *, weights: torch.Tensor | None = None, seed: int = 0, widest: int = _WIDEST
) -> Product:
    """Quantize the directions of `matrix` (V, d) with codes of at most `widest` bits.

    `weights` (V,) count in the offset and in the codebooks, whose training rows are drawn in proportion to them with
    `seed`. Raises `NeutralError` for a ratio that leaves no room for codes of one bit, and where faiss is missing.
    """
    layout = choose(budget, widest)
    device, matrix = matrix.device, matrix.cpu()  # faiss-cpu works on arrays
    lengths = matrix.norm(dim=1)
    weights = (torch.ones_like(lengths) if weights is None else weights.cpu()) * (lengths > 0)
    unit = F.normalize(matrix, dim=1, eps=torch.finfo(matrix.dtype).tiny)
    offset = ((weights @ unit) / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)).half()
    generator = np.random.default_rng(seed)
    books = {
        name: _train(_sample(unit, offset.float(), weights, layout.sub, _POINTS * entries, generator), entries, seed)
        for name, entries in zip(("narrow", "wide"), layout.entries, strict=True)
        if entries
    }
    codes = [_encode(rows, offset.float(), books, layout) for rows in unit.split(_BLOCK)]
    steps, span = _log_lengths(lengths)
    tensors = {
        "codes": pack(torch.cat(codes), layout.widths),
        "lengths": steps,
        "span": span,
        "offset": offset,
        **books,
    }
    return Product(matrix.shape, tensors, {"sub": layout.sub, "bits": layout.bits, "wide": layout.wide}).to(device)


def choose(budget: Budget, widest: int = _WIDEST) -> Layout:
    """Return the layout of least expected error that the budget allows.

    Raises `NeutralError` when it allows none (the message gives the largest ratio), and for `widest` outside 1 … 16.
    """
    if not 1 <= widest <= _MOST_BITS:
        raise NeutralError(f"pq: codes have 1 to {_MOST_BITS} bits; got {widest}")
    layouts = [
        layout
        for sub in range(1, budget.width + 1)
        for bits in range(1, widest + 1)
        for layout in _layouts(budget, sub, bits, widest)
        if max(layout.entries) <= max(2, budget.vocabulary * (budget.width // sub))
    ]
    if budget.by == "bytes":
        fitting = [layout for layout in layouts if layout.bytes <= budget.bytes]
        most = max(4 * budget.vocabulary * budget.width / layout.bytes for layout in layouts)
    else:
        fitting = [layout for layout in layouts if layout.numbers <= budget.numbers]
        most = max(budget.vocabulary * budget.width / layout.numbers for layout in layouts)
    if not fitting:
        raise NeutralError(
            f"pq: ratio {budget.ratio:g} by {budget.by} leaves no room for codes on a table of "
            f"{budget.vocabulary:,} × {budget.width}; at most {most:.4g} is possible"
        )
    errors = merged([layout.error for layout in fitting])
    return min(zip(errors, fitting, strict=True), key=lambda pair: (pair[0], pair[1].bytes))[1]


def _layouts(budget: Budget, sub: int, bits: int, widest: int) -> list[Layout]:
    """Return the layout of codes of one width, and the one that spends the spare bytes on wider codes."""
    even = Layout(budget.vocabulary, budget.width, sub, bits, 0)
    if budget.by == "parameters" or bits == widest:
        return [even]
    shared = 2 * (3 * 2**bits * sub + budget.width) + 8  # bytes stored once, with two codebooks
    spare = 8 * (int((budget.bytes - shared) // budget.vocabulary) - 1) - even.codes * bits
    if not 0 < spare < even.codes:
        return [even]
    return [even, Layout(budget.vocabulary, budget.width, sub, bits, spare)]


def _log_lengths(lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each length as a step of 1 … 255 on a log scale, uint8 (V,), 0 for 0; and the scale's ends, (2,)."""
    logs = lengths[lengths > 0].log()
    span = torch.stack([logs.min(), logs.max()]) if len(logs) else torch.zeros(2)
    steps = torch.zeros(len(lengths), dtype=torch.uint8)
    extent = span[1] - span[0]
    share = (logs - span[0]) / extent if extent > _SAME else torch.zeros_like(logs)
    steps[lengths > 0] = (1 + 254 * share).round().to(torch.uint8)
    return steps, span


def _factors(tensors: Mapping[str, torch.Tensor], squares: torch.Tensor) -> torch.Tensor:
    """Return ‖x‖ / ‖v‖ of each row from ‖v‖², (V,)."""
    norms = squares.clamp(min=0).sqrt().clamp(min=1e-12)  # as `F.normalize` has it
    return _lengths(tensors["lengths"], tensors["span"].float()) / norms


def _lengths(steps: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    lengths = torch.exp(span[0] + (span[1] - span[0]) * (steps.float() - 1) / 254)
    return torch.where(steps == 0, 0.0, lengths)


def _cut(rows: torch.Tensor, sub: int) -> torch.Tensor:
    """Return rows (n, d) as sub-vectors (n, ⌈d/sub⌉, sub), zeros beyond the row."""
    return F.pad(rows, (0, -rows.shape[1] % sub)).reshape(len(rows), -1, sub)


def _sample(
    unit: torch.Tensor, offset: torch.Tensor, weights: torch.Tensor, sub: int, size: int, random: np.random.Generator
) -> np.ndarray:
    """Return at most `size` sub-vectors, (size, sub), of rows drawn in proportion to `weights`."""
    places = unit.shape[1] // sub  # without the one that reaches beyond the row
    rows = ceil(size / places)
    weighted = np.flatnonzero(weights.numpy())
    shares = weights.numpy()[weighted].astype(np.float64)
    if not len(weighted):
        rows_drawn = np.zeros(1, dtype=np.int64)
    elif (shares == shares[0]).all():
        rows_drawn = np.sort(random.permutation(weighted)[:rows])
    else:
        rows_drawn = np.sort(random.choice(weighted, rows, p=shares / shares.sum()))
    points = (unit[torch.from_numpy(rows_drawn)] - offset)[:, : places * sub].reshape(-1, sub).numpy()
    return points[np.sort(random.permutation(len(points))[:size])]


def _train(points: np.ndarray, entries: int, seed: int) -> torch.Tensor:
    """Return the centroids of k-means, float16 (entries, sub)."""
    faiss = _faiss()
    points = np.tile(points, (ceil(entries / len(points)), 1))
    limits = {"min_points_per_centroid": 1, "max_points_per_centroid": len(points)}
    means = faiss.Kmeans(points.shape[1], entries, niter=_ROUNDS, seed=seed, **limits)
    means.train(np.ascontiguousarray(points))
    return torch.from_numpy(means.centroids.copy()).half()


def _encode(
    unit: torch.Tensor, offset: torch.Tensor, books: Mapping[str, torch.Tensor], layout: Layout
) -> torch.Tensor:
    """Return the codes (n, m) of unit rows u (n, d): the best in direction of those nearest to c·u for a few c.

    Lengths are stored separately, so any multiple of u may be coded; a shorter one falls where the codebook is denser.
    """
    best_codes = best_cosine = None
    for scale in _SCALES:
        subs = _cut(scale * unit - offset, layout.sub)
        parts = [_nearest(subs[:, places], books[name]) for name, places in _halves(layout) if name in books]
        codes = torch.cat(parts, dim=1)
        cosine = (F.normalize(_joined(codes, books, layout) + offset, dim=1) * unit).sum(dim=1, keepdim=True)
        if best_codes is None:
            best_codes, best_cosine = codes, cosine
        else:
            best_codes = torch.where(cosine > best_cosine, codes, best_codes)
            best_cosine = torch.maximum(cosine, best_cosine)
    return best_codes


def _joined(codes: torch.Tensor, books: Mapping[str, torch.Tensor], layout: Layout) -> torch.Tensor:
    """Return the vectors that codes (n, m) stand for, a row's beside each other: float32 (n, d)."""
    parts = [books[name][codes[:, places]].flatten(1) for name, places in _halves(layout) if name in books]
    return torch.cat(parts, dim=1)[:, : layout.width].float()


def _halves(layout: Layout) -> tuple[tuple[str, slice], tuple[str, slice]]:
    """Return the codebooks' names, each with the places of the codes that use it."""
    split = layout.codes - layout.wide
    return ("narrow", slice(0, split)), ("wide", slice(split, layout.codes))


def _nearest(subs: torch.Tensor, book: torch.Tensor) -> torch.Tensor:
    """Return the codes (n, m) of sub-vectors (n, m, sub): the nearest entries of the codebook."""
    index = _faiss().IndexFlatL2(book.shape[1])
    index.add(book.float().numpy())
    _, codes = index.search(np.ascontiguousarray(subs.flatten(0, 1).numpy()), 1)
    return torch.from_numpy(codes).reshape(subs.shape[:2]).int()


def _faiss():
    try:
        import faiss
    except ImportError as error:
        raise NeutralError("method pq needs the package faiss-cpu: pip install faiss-cpu") from error
    return faiss
