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
