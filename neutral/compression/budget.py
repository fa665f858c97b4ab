"""How large a compressed table may be: a ratio, by parameters or by bytes.

By parameters, as in Bałazy et al. (2021): full numbers ÷ stored numbers. By bytes: the bytes of the full table in
float32 ÷ every stored byte (codes, scales, codebooks, offsets). The two are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from neutral.errors import NeutralError

BY = ("parameters", "bytes")


@dataclass(frozen=True)
class Budget:
    """The numbers or bytes that a table of V × d may take at a ratio."""

    vocabulary: int  # V
    width: int  # d
    ratio: float
    by: str = "parameters"

    def __post_init__(self) -> None:
        if self.by not in BY:
            raise NeutralError(f"by={self.by!r}: a ratio is by {' or by '.join(BY)}")
        if not self.ratio >= 1:
            raise NeutralError(f"ratio {self.ratio:g}: must be 1 or more; it is how many times smaller the table gets")

    @property
    def numbers(self) -> float:
        """How many numbers may be stored, when the ratio is by parameters."""
        return self.vocabulary * self.width / self.ratio

    @property
    def bytes(self) -> float:
        """How many bytes may be stored, when the ratio is by bytes."""
        return 4 * self.vocabulary * self.width / self.ratio

    @property
    def rank(self) -> int:
        """The rank k of two factors V × k and k × d.

        By parameters k = ⌊V·d / (ratio·(V + d))⌋ (Bałazy et al. 2021); by bytes the factors are float16, which doubles
        it. Never above d. Raises `NeutralError` when no rank is left.
        """
        room = self.numbers if self.by == "parameters" else self.bytes / 2
        rank = min(floor(room / (self.vocabulary + self.width)), self.width)
        if rank < 1:
            raise NeutralError(
                f"ratio {self.ratio:g} by {self.by} leaves no rank for a table of {self.vocabulary:,} × {self.width}; "
                f"at most {self.ratio * room / (self.vocabulary + self.width):.4g} is possible"
            )
        return rank

    @property
    def has_offset(self) -> bool:
        """Whether d numbers more than two factors of that rank still fit."""
        room = self.numbers if self.by == "parameters" else self.bytes / 2
        return self.rank * (self.vocabulary + self.width) + self.width <= room


def ratio_of_rank(vocabulary: int, width: int, rank: int, by: str = "parameters", *, times: float = 1.0) -> float:
    """Return the ratio at which a `Budget` has this rank and room for an offset, in as few decimals as do.

    `times` is how many times more tokens there were before the vocabulary was trimmed: the ratio is against those.

    >>> ratio_of_rank(30522, 768, 75)
    9.98

    Raises `NeutralError` for a rank that would make the table no smaller.
    """
    room = vocabulary * width * (1 if by == "parameters" else 2)
    exact = room / (rank * (vocabulary + width) + width) if rank > 0 else 0.0
    if exact < 1 or rank > width:
        largest = min(width, floor((room - width) / (vocabulary + width)))
        raise NeutralError(
            f"rank {rank}: a table of {vocabulary:,} × {width} gets smaller, by {by}, with ranks of 1 to {largest}"
        )
    for decimals in range(2, 16):
        ratio = floor(exact * times * 10**decimals) / 10**decimals
        if ratio >= times:
            budget = Budget(vocabulary, width, ratio / times, by)
            if budget.rank == rank and budget.has_offset:
                return ratio
    raise NeutralError(f"rank {rank}: no ratio by {by} gives it for a table of {vocabulary:,} × {width}")
