"""Rotated rows with more bits for tokens that are used more, and less noise where the model is sensitive.

A row x is written as x̂ = µ + g · T q: q holds one of 2^b levels a number, g is the row's length, and T is one d × d
map for all rows.

Bits a row. With b bits the squared error falls as 4^-b, so the least Σ w_i · error_i at a given total has
b_i = ½ log₂ w_i + constant (reverse water-filling; Cover & Thomas, Elements of Information Theory, section 10.3).

Where the noise goes. Let C be the rows' covariance and S the second moment of the vectors that the model multiplies the
table with (those that enter the output layer). Rows are quantized as A(x - µ), rotated, which costs noise in proportion
to tr(ACA), of which S sees tr(A⁻¹SA⁻¹). The product is least where ACA = A⁻¹SA⁻¹, which is A² = C⁻¹ # S, the geometric
mean of the two matrices. Only the few directions in which A is far from a multiple of the identity are stored.

Rotation and levels. After a random orthogonal map the numbers of a row are close to normal (as in QuIP#, Tseng et al.
2024), so the levels are the Lloyd-Max levels of a normal variable (Max 1960), the same for every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import pi, sqrt

import numpy as np
import torch
from scipy.linalg import hadamard
from scipy.special import ndtr, ndtri

from neutral.compression.budget import Budget
from neutral.compression.kernels import products
from neutral.compression.kernels.cuda.mapped import Mapped
from neutral.compression.kernels.cuda.packed import MOST_BITS, Class, Packed
from neutral.compression.kernels.part import LANES, Part
from neutral.compression.methods.coded import nonzero_rows
from neutral.compression.packing import pack, unpack
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.ties import merged

WIDTHS = range(1, 9)
_BLOCK = 8192
_SMALLEST = 1e-12
_EQUAL = 1e-6  # bits: rows whose shares differ by less count alike; their lengths are known to float32


class Mixed(Table):
    """Rows of 1 to 8 bits a number.

    `tensors` holds `bits` (V,) uint8; `codes<b>` (rows of that width, packed bytes); `levels<b>` (2^b,); `lengths`
    (V,); `offset` µ (d,); `directions` (r, d), orthogonal, and `stretch` (r,) of T = (I + Σ stretch_j v_j v_jᵀ) Rᵀ; and
    `signs` (d,) of the rotation R.
    """

    method = "mixed"
    parts = (
        "bits",
        "lengths",
        "offset",
        "directions",
        "stretch",
        "signs",
        *(f"codes{b}" for b in WIDTHS),
        *(f"levels{b}" for b in WIDTHS),
    )
    optional = tuple(name for name in parts if name.startswith(("codes", "levels")))
    _made: tuple[torch.Tensor, dict[int, torch.Tensor], torch.Tensor] | None = None

    @property
    def parameters(self) -> int:
        """How many numbers are stored; a code is one number, however few bits it takes."""
        codes = sum(tensor.numel() for name, tensor in self.tensors.items() if name.startswith("codes"))
        return super().parameters - codes + self.shape[0] * self.shape[1]

    def require_sound(self) -> None:
        """See `Table.require_sound`: the last row of each width, which has the last codes, and its levels."""
        bits = self.tensors["bits"]
        if bits.shape != (self.shape[0],) or self.tensors["lengths"].shape != bits.shape:
            raise NeutralError("it has not as many widths and lengths as rows")
        for b in bits.unique().tolist():
            if self.tensors[f"levels{b}"].shape != (2**b,):
                raise NeutralError(f"its codes of {b} bits have not 2^{b} levels")
            self.rows([int((bits == b).nonzero()[-1])])

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        if mapped := self._on_gpu(tensors, tensors["lengths"]):
            return mapped.rows(ids)
        rotated = self._coded(tensors, ids) @ self._derived(tensors)[1]
        return _stretch_rows(rotated, tensors) + tensors["offset"].float()

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`; `hidden` is mapped once, instead of every row."""
        if mapped := self._on_gpu(tensors, hidden):
            return mapped.logits(hidden)
        hidden32 = hidden.float()
        mapped = _stretch_rows(hidden32, tensors) @ self._derived(tensors)[1].T
        base = hidden32 @ tensors["offset"].float()
        if products.fits(mapped):
            return products.logits(self._parts(tensors), mapped, tensors["lengths"], base).to(hidden.dtype)
        spans = [mapped @ self._coded(tensors, ids).T for ids in self._spans(hidden.device)]
        return (torch.cat(spans, dim=-1) + base.unsqueeze(-1)).to(hidden.dtype)

    def _parts(self, tensors: Mapping[str, torch.Tensor]) -> list[Part]:
        """Return the rows of each width."""
        return [
            Part.of(f"levels{b}", self.shape[1], tensors[f"codes{b}"], ids, levels=tensors[f"levels{b}"])
            for b, ids in self._derived(tensors)[0].items()
        ]

    def packed(self, tensors: Mapping[str, torch.Tensor]) -> Mapped | None:
        """See `Codec.packed`; there is a class for each width in bits, and one of no rows for none."""
        bits, groups = tensors["bits"], -(-self.shape[1] // LANES)
        counts = torch.bincount(bits.int(), minlength=MOST_BITS + 1).tolist()
        classes = []
        for b, count in enumerate(counts):
            codes = tensors[f"codes{b}"].contiguous() if count else tensors["signs"]
            classes.append(Class(codes, 0, codes[:1].nbytes, count, [groups] * b + [0] * (MOST_BITS - b)))
        packed = Packed.of(
            self.shape[1],
            classes,
            levels={b: tensors[f"levels{b}"] for b, count in enumerate(counts) if count},
            order=bits.argsort(stable=True).int(),
            kinds=bits,
            lengths=tensors["lengths"].contiguous(),
        )
        basis = _stretch_rows(rotation(tensors["signs"]), tensors).T
        return Mapped.of(packed, basis, tensors["offset"])

    def _derived(self, tensors: Mapping[str, torch.Tensor]) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
        """Return the ids of each width's rows, int32 and ascending, and the rotation (d, d); both are computed once."""
        if self._made is None or self._made[0] is not tensors["bits"]:
            self._made = tensors["bits"], _ids_by_width(tensors["bits"]), rotation(tensors["signs"])
        return self._made[1:]

    def _coded(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """Return g · q of the rows `ids`, (n, d)."""
        bits = tensors["bits"]
        members = self._derived(tensors)[0]
        widths, lengths = bits[ids], tensors["lengths"][ids]
        parts = {}  # width -> places among `ids`, codes
        for b in widths.unique().tolist():
            of_width = (widths == b).nonzero().squeeze(1)
            parts[b] = of_width, tensors[f"codes{b}"][torch.searchsorted(members[b], ids[of_width].int())]
        if products.fits(lengths):
            alike = [
                Part.of(f"levels{b}", self.shape[1], codes, places.int(), levels=tensors[f"levels{b}"])
                for b, (places, codes) in parts.items()
            ]
            return products.rows(alike, lengths, self.shape[1])
        rows = torch.empty(len(ids), self.shape[1], device=bits.device)
        for b, (places, codes) in parts.items():
            rows[places] = tensors[f"levels{b}"].float()[unpack(codes, np.full(self.shape[1], b))]
        return rows * lengths.float().unsqueeze(-1)


def fit_mixed(
    matrix: torch.Tensor,
    budget: Budget,
    *,
    weights: torch.Tensor | None = None,
    seed: int = 0,
    metric: torch.Tensor | None = None,
    directions: int = 32,
    damping: float = 0.1,
) -> Mixed:
    """Quantize a token table with a number of bits of each row's own.

    Parameters
    ----------
    matrix : tensor (V, d)
        The full table.
    budget : Budget
        A ratio by bytes.
    weights : tensor (V,), optional
        How much each token counts; those that count more get more bits.
    seed : int
        Seed of the rotation's signs.
    metric : tensor (d, d), optional
        The second moment S of the vectors that the model multiplies the rows with (`calibration.output_metric`);
        without it, S = I.
    directions : int
        How many directions of the map are stored.
    damping : float
        `damping` · I is added to S, scaled to trace d, so that no direction is left unguarded.

    Returns
    -------
    Mixed
        The table.

    Raises
    ------
    NeutralError
        For a ratio by parameters (as many numbers are stored as in the full table), one that leaves less than a bit a
        number, a metric of another shape, and a table of zeros.
    """
    vocabulary, width = matrix.shape
    nonzero = nonzero_rows("mixed", matrix, budget, metric)
    rank = min(directions, width)
    bits = allocate(_importance(matrix, weights, nonzero), width, budget, _overhead(vocabulary, width, rank))
    offset, covariance = _moments(matrix, nonzero)
    vectors, stretch = _map(covariance, metric, rank, damping)
    signs = torch.from_numpy(np.random.default_rng(seed).choice([-1, 1], width)).to(torch.int8)
    tensors = {
        "bits": torch.from_numpy(bits),
        "offset": offset.half(),
        "directions": vectors.half(),
        "stretch": stretch.half(),
        "signs": signs,
    }
    tensors = {name: tensor.to(matrix.device) for name, tensor in tensors.items()}
    decoder = _stretch_rows(torch.eye(width, device=matrix.device), tensors)  # as stored, for an exact inverse
    encoder = torch.linalg.inv(decoder.double()).float() @ rotation(tensors["signs"]).T
    lengths = torch.zeros(vocabulary, device=matrix.device)
    for b in np.unique(bits).tolist():
        ids = torch.from_numpy(np.flatnonzero(bits == b)).to(matrix.device)
        grid = levels(b).to(matrix.device)
        packed = []
        for block in ids.split(_BLOCK):
            rows = (matrix[block] - tensors["offset"].float()) @ encoder
            codes, lengths[block] = _quantize(rows, grid)
            packed.append(pack(codes, np.full(width, b)))
        tensors[f"codes{b}"], tensors[f"levels{b}"] = torch.cat(packed), grid.half()
    return Mixed((vocabulary, width), tensors | {"lengths": lengths.half()})


def allocate(importance: np.ndarray, width: int, budget: Budget, overhead: float) -> np.ndarray:
    """Return the bits of each row, uint8 (V,), that make Σ importance · 4^-bits least within the budget.

    Rows are packed to whole bytes; `overhead` bytes go to other things. Ties, and differences that may be rounding, go
    to lower ids, which are the more frequent tokens in most vocabularies. Raises `NeutralError` for a budget of less
    than a bit a number.
    """
    room = budget.bytes - overhead
    costs = np.array([0, *(-(-width * b // 8) for b in WIDTHS)], dtype=np.int64)
    if costs[1] * len(importance) > room:
        most = 4 * len(importance) * width / (overhead + costs[1] * len(importance))
        raise NeutralError(f"ratio {budget.ratio:g} by bytes leaves less than a bit a number; mixed reaches {most:.4g}")
    added = np.array(WIDTHS[1:])
    # A constant that rises from -∞ gives a row its b-th bit at b - ½ log₂ w; it rises while there is room.
    thresholds = merged((added - 0.5 * np.log2(np.asarray(importance))[:, None]).ravel(), within=_EQUAL)  # (V · 7,)
    order = np.argsort(thresholds, kind="stable")
    prices = np.diff(costs[1:])[order % len(added)]
    affordable = order[np.cumsum(prices) <= room - costs[1] * len(importance)]
    return (1 + np.bincount(affordable // len(added), minlength=len(importance))).astype(np.uint8)


@cache
def levels(bits: int) -> torch.Tensor:
    """Return the 2^bits Lloyd-Max levels of a standard normal variable, ascending (Max 1960)."""
    count = 2**bits
    points = ndtri((np.arange(count) + 0.5) / count)
    for _ in range(20_000):
        edges = np.concatenate([[-np.inf], (points[1:] + points[:-1]) / 2, [np.inf]])
        density = np.exp(-(edges**2) / 2) / sqrt(2 * pi)
        means = -np.diff(density) / np.diff(ndtr(edges))
        step, points = np.abs(means - points).max(), means
        if step < 1e-7:
            break
    return torch.from_numpy(points).float()


def rotation(signs: torch.Tensor) -> torch.Tensor:
    """Return the orthogonal map R (d, d), float32: random signs, then Hadamard ⊗ cosine transform.

    d = 2^n · m: the Hadamard matrix has 2^n rows, the cosine transform (DCT-II) m.
    """
    width = len(signs)
    power_of_two = width & -width
    odd = width // power_of_two
    places = torch.arange(odd, device=signs.device, dtype=torch.float32)
    cosine = torch.cos(pi * (places + 0.5) * places.unsqueeze(1) / odd) * sqrt(2 / odd)
    cosine[0] /= sqrt(2)
    hadamard_matrix = torch.from_numpy(hadamard(power_of_two)).to(signs.device, torch.float32) / sqrt(power_of_two)
    return torch.kron(cosine, hadamard_matrix) * signs.float()


def _quantize(rows: torch.Tensor, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's codes (n, d) and the length that makes the squared error least (n,)."""
    spread = rows.square().mean(dim=1, keepdim=True).sqrt().clamp(min=_SMALLEST)
    codes = torch.bucketize((rows / spread).contiguous(), (grid[1:] + grid[:-1]) / 2)
    rebuilt = grid[codes]
    return codes, (rows * rebuilt).sum(dim=1) / rebuilt.square().sum(dim=1).clamp(min=_SMALLEST)


def _importance(matrix: torch.Tensor, weights: torch.Tensor | None, nonzero: torch.Tensor) -> np.ndarray:
    """Return what an error of each row costs, (V,): weight × squared length, so that bits buy direction, not length."""
    lengths = matrix.norm(dim=1)
    importance = torch.ones_like(lengths) if weights is None else weights.to(lengths)
    importance = importance * (lengths / lengths[nonzero].mean()).square()
    least = importance[importance > 0].min()
    return torch.where(nonzero & (importance > 0), importance, least).double().cpu().numpy()


def _overhead(vocabulary: int, width: int, rank: int) -> int:
    """Return the bytes that are stored beside the codes."""
    grids = 2 * sum(2**b for b in WIDTHS)
    return 3 * vocabulary + 2 * width + 2 * rank * (width + 1) + width + grids


def _moments(matrix: torch.Tensor, nonzero: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean (d,) and the covariance (d, d), float64, of the rows that are not zero."""
    mean = matrix.sum(dim=0, dtype=torch.float64) / nonzero.sum()
    total = torch.zeros(matrix.shape[1], matrix.shape[1], dtype=torch.float64, device=matrix.device)
    for block in torch.arange(len(matrix), device=matrix.device).split(_BLOCK):
        rows = matrix[block][nonzero[block]] - mean.float()
        total += (rows.T @ rows).double()
    return mean.float(), total / nonzero.sum()


def _map(
    covariance: torch.Tensor, metric: torch.Tensor | None, rank: int, damping: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the `rank` directions (r, d) and stretches (r,) of A⁻¹ = I + Σ stretch · v vᵀ, up to a constant.

    A² = C⁻¹ # S; the directions are those whose eigenvalues lie farthest from the typical one.
    """
    width = len(covariance)
    identity = torch.eye(width, dtype=torch.float64, device=covariance.device)
    scaled = covariance / covariance.trace().clamp(min=_SMALLEST) * width + 1e-6 * identity
    moment = identity if metric is None else metric.to(covariance) / metric.trace() * width + damping * identity
    values, vectors = torch.linalg.eigh(geometric_mean(torch.linalg.inv(scaled), moment))
    logs = values.log() / 2  # of A
    farthest = (logs - logs.median()).abs().argsort(descending=True)
    typical = logs[farthest[rank:]].mean() if rank < width else logs.mean()
    return vectors[:, farthest[:rank]].T, (typical - logs[farthest[:rank]]).exp() - 1


def geometric_mean(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return a # b = a^½ (a^-½ b a^-½)^½ a^½ of two positive definite matrices (Bhatia 2007, chapter 4)."""
    root, inverse = _power(a, 0.5), _power(a, -0.5)
    return root @ _power(inverse @ b @ inverse, 0.5) @ root


def _power(matrix: torch.Tensor, exponent: float) -> torch.Tensor:
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp(min=values[-1] * 1e-12) ** exponent) @ vectors.T


def _stretch_rows(rows: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return rows (n, d) times I + Σ stretch · v vᵀ, which is symmetric."""
    vectors = tensors["directions"].float()
    return rows + ((rows @ vectors.T) * tensors["stretch"].float()) @ vectors


def _ids_by_width(bits: torch.Tensor) -> dict[int, torch.Tensor]:
    """Return width -> the ids of its rows, int32 and ascending, in the order in which their codes are stored."""
    return {b: (bits == b).nonzero().squeeze(1).int() for b in bits.unique().tolist()}
