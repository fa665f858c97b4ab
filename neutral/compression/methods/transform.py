"""Transform coding: bits by token and by direction, wherever an error costs the model most.

A row x is written as x̂ = µ + g · ŷ B. The rows of B (d, d) are directions, g is the row's length, and a number of ŷ is
one of 2^b levels, or nothing where b is 0.

Directions. Let M be the second moment that errors meet: an error e of token i costs w_i · eᵀMe. In the coordinates of
M^½ every direction costs alike, and there the rows' principal axes, with variances λ_j, leave nothing that one number
could tell of another (Karhunen-Loève; Goyal, Theoretical foundations of transform coding, IEEE Signal Processing
Magazine 2001).

Bits. The least Σ w_i · g_i² · λ_j · error(b_ij) at a given total gives bits to the numbers with the largest
w_i · g_i² · λ_j and none to those below a level (reverse water-filling; Cover & Thomas, Elements of Information
Theory, section 10.3). A number gets its b-th bit where what this takes off is worth the price. Rows whose
w_i · g_i² is nearly the same share a class, and so a number of bits for each direction.

Levels. Lloyd-Max levels of a normal variable (Max 1960), as in `mixed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import torch

from neutral.compression.budget import Budget
from neutral.compression.kernels import products
from neutral.compression.kernels.cuda.mapped import Mapped
from neutral.compression.kernels.cuda.packed import Class, Packed
from neutral.compression.kernels.part import FALLING, LANES, Part, falls, levels_of_all
from neutral.compression.methods.coded import nonzero_rows
from neutral.compression.methods.mixed import levels
from neutral.compression.packing import pack, unpack
from neutral.compression.table import Table
from neutral.errors import NeutralError

MOST = 8
"""Bits of a number at most."""

_BLOCK = 8192
_SMALLEST = 1e-12
_STEP = 0.125  # bits between two classes
_GROUP = 8  # directions get bits in groups: the codes of a width then begin at a whole byte
_CLASSES = 256


class Transformed(Table):
    """Rows of as many bits for each direction as their class has.

    `tensors` holds `classes` (V,) uint8; `lengths` (V,); `offset` µ (d,); `directions` (d, d) int8 and `scales` (d,) of
    B, most important first; `reach` (classes, 8) int16: how many of the first directions have at least 1 … 8 bits; and
    `codes` uint8, packed row by row, rows by class and within it by id.
    """

    method = "transform"
    parts = ("classes", "lengths", "offset", "directions", "scales", "reach", "codes")
    _made: tuple[torch.Tensor, torch.Tensor, dict[int, torch.Tensor], torch.Tensor] | None = None

    @property
    def parameters(self) -> int:
        """How many numbers are stored; a code is one number, however few bits it takes."""
        counts = torch.bincount(self.tensors["classes"].long(), minlength=len(self.tensors["reach"]))
        coded = int((counts * self.tensors["reach"][:, 0]).sum())
        return super().parameters - self.tensors["codes"].numel() + coded

    def require_sound(self) -> None:
        """See `Table.require_sound`: sizes, and the last row of each class, which has its last codes."""
        classes, reach = self.tensors["classes"], self.tensors["reach"].long()
        vocabulary, width = self.shape
        if classes.shape != (vocabulary,) or self.tensors["lengths"].shape != (vocabulary,):
            raise NeutralError("it has not as many classes and lengths as rows")
        if reach.shape != (len(reach), MOST) or not 0 <= int(reach.min()) <= int(reach.max()) <= width:
            raise NeutralError(f"its classes do not tell bits for {width} directions")
        if (reach[:, 1:] > reach[:, :-1]).any() or int(classes.max()) >= len(reach):
            raise NeutralError("its rows and their classes do not fit together")
        starts = _starts(classes, reach)
        if int(starts[-1]) != self.tensors["codes"].numel():
            raise NeutralError("it has not as many codes as its rows need")
        self.rows([0, vocabulary - 1])

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        if mapped := self._on_gpu(tensors, tensors["lengths"]):
            return mapped.rows(ids)
        return self._coded(tensors, ids) @ self._derived(tensors)[2] + tensors["offset"].float()

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`; `hidden` is mapped once, instead of every row."""
        if mapped := self._on_gpu(tensors, hidden):
            return mapped.logits(hidden)
        hidden32 = hidden.float()
        mapped = hidden32 @ self._derived(tensors)[2].T
        base = hidden32 @ tensors["offset"].float()
        if products.fits(mapped) and self._falls(tensors):
            return products.logits(self._parts(tensors), mapped, tensors["lengths"], base).to(hidden.dtype)
        spans = [mapped @ self._coded(tensors, ids).T for ids in self._spans(hidden.device)]
        return (torch.cat(spans, dim=-1) + base.unsqueeze(-1)).to(hidden.dtype)

    def _falls(self, tensors: Mapping[str, torch.Tensor]) -> bool:
        """Whether the compiled loops can walk the rows; they can those of `fit_transform`."""
        return all(falls(reach, self.shape[1]) for reach in tensors["reach"].tolist())

    def _parts(self, tensors: Mapping[str, torch.Tensor]) -> list[Part]:
        """Return the rows of each class."""
        start, parts = 0, []
        for kind, ids in self._derived(tensors)[1].items():
            parts.append(_part(tensors["codes"][start:], self.shape[1], tensors["reach"][kind], ids))
            start += len(ids) * parts[-1].stride
        return parts

    def _derived(
        self, tensors: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[int, torch.Tensor], torch.Tensor]:
        """Return what is computed once: where each row's codes begin, the ids of each class's rows, int32, and B."""
        if self._made is None or self._made[0] is not tensors["codes"]:
            classes = tensors["classes"]
            starts = _starts(classes.cpu(), tensors["reach"].cpu().long()).to(classes.device)
            members = {kind: (classes == kind).nonzero()[:, 0].int() for kind in classes.unique().tolist()}
            self._made = tensors["codes"], starts, members, _basis(tensors)
        return self._made[1:]

    def packed(self, tensors: Mapping[str, torch.Tensor]) -> Mapped | None:
        """See `Codec.packed`; None for directions that have bits in other groups than those of `_GROUP`."""
        reach, kinds, width = tensors["reach"].cpu().long(), tensors["classes"], self.shape[1]
        if ((reach % _GROUP != 0) & (reach != width)).any():
            return None
        counts = torch.bincount(kinds.int(), minlength=len(reach)).cpu()
        strides = torch.from_numpy(_row_bytes(reach.numpy()))
        firsts = (counts * strides).cumsum(0) - counts * strides
        groups, codes = (-(-reach // _GROUP)).tolist(), tensors["codes"].contiguous()
        facts = zip(firsts.tolist(), strides.tolist(), counts.tolist(), groups, strict=True)
        packed = Packed.of(
            width,
            [Class(codes, *each) for each in facts],
            levels={b: levels(b) for b in range(1, MOST + 1) if int(reach[:, b - 1].max())},
            order=kinds.argsort(stable=True).int(),
            kinds=kinds,
            lengths=tensors["lengths"].contiguous(),
        )
        return Mapped.of(packed, _basis(tensors).T, tensors["offset"])

    def _coded(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """Return g · ŷ of the rows `ids`, (n, d)."""
        starts, classes, lengths = self._derived(tensors)[0], tensors["classes"][ids], tensors["lengths"][ids]
        codes = {}  # class -> places among `ids`, packed rows
        for kind in classes.unique().tolist():
            of_kind = (classes == kind).nonzero()[:, 0]
            size = int(_row_bytes(tensors["reach"][kind].cpu().numpy().astype(np.int64)))
            places = starts[ids[of_kind]].unsqueeze(1) + torch.arange(size, device=ids.device)
            codes[kind] = of_kind, tensors["codes"][places]
        if products.fits(lengths) and self._falls(tensors):
            alike = [
                _part(packed.view(-1), self.shape[1], tensors["reach"][kind], places.int())
                for kind, (places, packed) in codes.items()
            ]
            return products.rows(alike, lengths, self.shape[1])
        coded = torch.zeros(len(ids), self.shape[1], device=ids.device)
        for kind, (places, packed) in codes.items():
            bits = _bits(tensors["reach"][kind])
            if len(bits):
                coded[places, : len(bits)] = _read(packed, bits)
        return coded * lengths.float().unsqueeze(-1)


def fit_transform(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    metric: torch.Tensor | None = None,
    damping: float = 1e-3,
) -> Transformed:
    """Code a token table by directions, with bits of each token's and each direction's own.

    Parameters
    ----------
    matrix : tensor (V, d)
        The full table.
    budget : Budget
        A ratio by bytes.
    weights : tensor (V,), optional
        How much an error of each token counts.
    seed : int
        Nothing is drawn.
    metric : tensor (d, d), optional
        The second moment M that errors meet (`calibration.sensitivity`); without it, M = I.
    damping : float
        `damping` · I is added to M, scaled to trace d, so that no direction is left unguarded.

    Returns
    -------
    Transformed
        The table.

    Raises
    ------
    NeutralError
        For a ratio by parameters, one that leaves nothing for codes, a metric of another shape, and a table of zeros.
    """
    vocabulary, width = matrix.shape
    nonzero = nonzero_rows("transform", matrix, budget, metric)
    importance = _guarded(weights, nonzero)
    offset = (matrix * (importance / importance.sum()).unsqueeze(1)).sum(dim=0).half()
    root, inverse = _roots(metric, width, damping, matrix.device)
    lengths, covariance = _lengths(matrix, offset.float(), root.float(), importance)
    variances, axes = torch.linalg.eigh(covariance)
    variances = variances.flip(0).clamp(min=variances[-1] * 1e-9)
    basis = (axes.flip(1) * variances.sqrt()).T @ inverse * lengths.mean()
    lengths = lengths / lengths.mean()
    directions, scales = _rounded(basis)
    encoder = torch.linalg.inv(directions.double() * scales.double().unsqueeze(1)).float()
    costs = (importance * lengths.square()).double().cpu().numpy()
    classes, reach = allocate(costs, variances.cpu().numpy(), budget, _overhead(vocabulary, width))
    lengths, codes = _encode(matrix, offset.float(), encoder, lengths, variances.float(), classes, reach)
    tensors = {
        "classes": torch.from_numpy(classes),
        "lengths": lengths.half(),
        "offset": offset,
        "directions": directions,
        "scales": scales,
        "reach": torch.from_numpy(reach.astype(np.int16)),
        "codes": codes,
    }
    return Transformed((vocabulary, width), {name: tensor.to(matrix.device) for name, tensor in tensors.items()})


def allocate(
    costs: np.ndarray, variances: np.ndarray, budget: Budget, overhead: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's class, uint8 (V,), and each class's reach, (classes, 8): see `Transformed`.

    Parameters
    ----------
    costs : array (V,)
        What an error of each row counts, positive: its weight times its squared length.
    variances : array (d,)
        Of the directions, falling.
    budget : Budget
        By bytes; `overhead` of them go to other things than codes and reach.

    Raises `NeutralError` if nothing is left for codes.
    """
    half_logs = np.round(0.5 * np.log2(costs) / _STEP)
    half_logs = np.maximum(half_logs, half_logs.max() - _CLASSES + 1)
    shares, classes, counts = np.unique(half_logs, return_inverse=True, return_counts=True)
    overhead += 2 * MOST * len(shares)
    room, width = budget.bytes - overhead, len(variances)
    if room <= 0:
        most = 4 * budget.vocabulary * width / overhead
        raise NeutralError(f"ratio {budget.ratio:g} by bytes leaves nothing for codes; transform reaches {most:.4g}")
    # What the b-th bit of a number takes off, in bits: (classes, d, MOST).
    worth = (2 * _STEP * shares[:, None] + np.log2(variances))[:, :, None] + np.log2(_gains())

    def reach(level: float) -> np.ndarray:
        wanted = (worth > level).sum(axis=1)
        return np.minimum(-(-(wanted - _GROUP // 2) // _GROUP) * _GROUP, width).clip(min=0)

    low, high = worth.min() - 1, worth.max() + 1
    for _ in range(60):
        level = (low + high) / 2
        spent = (_row_bytes(reach(level)) * counts).sum()
        low, high = (level, high) if spent > room else (low, level)
    return classes.astype(np.uint8), reach(high)


def _gains() -> np.ndarray:
    """Return by how much the 1st … 8th bit lowers the squared error of a normal number of variance 1."""
    errors = [1.0]
    for bits in range(1, MOST + 1):
        points = levels(bits).double()
        sample = torch.special.ndtri((torch.arange(1 << 18).double() + 0.5) / (1 << 18))
        nearest = points[torch.bucketize(sample, (points[1:] + points[:-1]) / 2)]
        errors.append(float((sample - nearest).square().mean()))
    return -np.diff(errors)


def _encode(
    matrix: torch.Tensor,
    offset: torch.Tensor,
    encoder: torch.Tensor,
    lengths: torch.Tensor,
    variances: torch.Tensor,
    classes: np.ndarray,
    reach: np.ndarray,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the lengths that make the error least (V,), and the codes of all rows by class."""
    best, packed = torch.zeros(len(matrix), device=matrix.device), []
    for kind in range(len(reach)):
        bits = _bits(torch.from_numpy(reach[kind]))
        ids = torch.from_numpy(np.flatnonzero(classes == kind)).to(matrix.device)
        if not len(bits):
            continue
        for block in ids.split(_BLOCK):
            numbers = ((matrix[block] - offset) @ encoder[:, : len(bits)]) / lengths[block].unsqueeze(1).clamp(
                min=_SMALLEST
            )
            codes = torch.empty(numbers.shape, dtype=torch.int32, device=matrix.device)
            for b, columns in _columns(bits):
                grid = levels(b).to(matrix.device)
                codes[:, columns] = torch.bucketize(
                    numbers[:, columns].contiguous(), (grid[1:] + grid[:-1]) / 2, out_int32=True
                )
            packed.append(pack(codes, bits))
            kept, by = _read(packed[-1], bits), variances[: len(bits)]
            ratio = (numbers * kept * by).sum(dim=1) / (kept.square() * by).sum(dim=1).clamp(min=_SMALLEST)
            best[block] = lengths[block] * ratio
    return best, torch.cat([part.flatten() for part in packed]) if packed else best.new_zeros(0, dtype=torch.uint8)


def _read(packed: torch.Tensor, bits: np.ndarray) -> torch.Tensor:
    """Return the numbers ŷ of packed rows of one class, float32 (n, coded directions)."""
    codes = unpack(packed, bits)
    numbers = torch.empty(codes.shape, device=codes.device)
    for b, columns in _columns(bits):
        numbers[:, columns] = levels(b).to(codes.device)[codes[:, columns].long()]
    return numbers


def _part(codes: torch.Tensor, width: int, reach: torch.Tensor, ids: torch.Tensor) -> Part:
    """Return rows of one class, whose packed codes (bytes,) lie one after the other, for the compiled loops."""
    told = reach.tolist()
    return Part(FALLING, width, codes, -(-sum(told) // LANES), ids, levels=_grids(), reach=tuple(told))


@cache
def _grids() -> torch.Tensor:
    return levels_of_all([levels(b) for b in range(1, MOST + 1)])


def _bits(reach: torch.Tensor) -> np.ndarray:
    """Return the bits of the directions that have any, falling, from how many have at least 1 … 8."""
    reach = reach.cpu().numpy().astype(np.int64)
    return (np.arange(reach[0])[:, None] < reach).sum(axis=1)


def _columns(bits: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Yield each number of bits and where its directions are."""
    for b in np.unique(bits).tolist():
        of_width = np.flatnonzero(bits == b)
        yield b, slice(int(of_width[0]), int(of_width[-1]) + 1)


def _row_bytes(reach: np.ndarray) -> np.ndarray:
    """Return the bytes of a row of each class."""
    return -(-reach.sum(axis=-1) // 8)


def _starts(classes: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """Return where each row's codes begin, int64 (V + 1,); the last is where all end."""
    sizes = torch.from_numpy(_row_bytes(reach.numpy()))[classes.long()]
    order = classes.argsort(stable=True)
    starts = torch.zeros(len(classes) + 1, dtype=torch.int64)
    starts[order] = sizes[order].cumsum(0) - sizes[order]
    starts[-1] = sizes.sum()
    return starts


def _basis(tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return B (d, d), float32."""
    return tensors["directions"].float() * tensors["scales"].float().unsqueeze(1)


def _rounded(basis: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 directions (d, d) and float32 scales (d,). Rows are encoded by the inverse of what is stored."""
    scales = basis.abs().amax(dim=1) / 127
    return (basis / scales.unsqueeze(1)).round().to(torch.int8), scales.float()


def _guarded(weights: torch.Tensor | None, nonzero: torch.Tensor) -> torch.Tensor:
    """Return weights (V,) of which none is zero but those of rows of zeros, which get the least."""
    weights = torch.ones(len(nonzero), device=nonzero.device) if weights is None else weights.float()
    used = nonzero & (weights > 0)
    return torch.where(used, weights, weights[used].min())


def _roots(
    metric: torch.Tensor | None, width: int, damping: float, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return M^½ and M^-½, float64 (d, d)."""
    identity = torch.eye(width, dtype=torch.float64, device=device)
    moment = identity if metric is None else metric.to(identity) / metric.trace() * width + damping * identity
    values, vectors = torch.linalg.eigh(moment)
    return (vectors * values.sqrt()) @ vectors.T, (vectors / values.sqrt()) @ vectors.T


def _lengths(
    matrix: torch.Tensor, offset: torch.Tensor, root: torch.Tensor, importance: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows' lengths where M is I, (V,), and the unit rows' weighted covariance there, float64 (d, d)."""
    width = matrix.shape[1]
    lengths = torch.empty(len(matrix), device=matrix.device)
    total = torch.zeros(width, width, dtype=torch.float64, device=matrix.device)
    for block in torch.arange(len(matrix), device=matrix.device).split(_BLOCK):
        rows = (matrix[block] - offset) @ root
        lengths[block] = rows.square().mean(dim=1).sqrt().clamp(min=_SMALLEST)
        unit = rows / lengths[block].unsqueeze(1)
        total += ((unit * importance[block].unsqueeze(1)).T @ unit).double()
    return lengths, total / importance.sum().double()


def _overhead(vocabulary: int, width: int) -> int:
    """Return the bytes that are stored beside codes and reach."""
    return 3 * vocabulary + 2 * width + width * width + 4 * width
