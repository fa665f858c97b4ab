"""Codes of a few bits each, packed row by row."""

from __future__ import annotations

from math import ceil

import numpy as np
import torch
from torch.nn import functional as F


def pack(codes: torch.Tensor, widths: np.ndarray) -> torch.Tensor:
    """Pack codes (n, m) of `widths` (m,) bits, 16 at most, highest bit first: uint8 (n, ⌈Σ widths / 8⌉)."""
    first_byte, shift = places(widths)
    if codes.is_cuda:
        return _pack_there(codes, widths)
    packed = np.zeros((len(codes), first_byte[-1] + 3), dtype=np.uint8)
    bytes_of = (31 - shift.astype(int)) // 8  # that a code lies in
    shifted = codes.cpu().numpy().astype(np.uint32) << shift
    for j in range(len(widths)):
        for byte in range(bytes_of[j]):
            packed[:, first_byte[j] + byte] |= (shifted[:, j] >> (16 - 8 * byte) & 255).astype(np.uint8)
    return torch.from_numpy(packed[:, : ceil(int(widths.sum()) / 8)].copy()).to(codes.device)


def _pack_there(codes: torch.Tensor, widths: np.ndarray) -> torch.Tensor:
    """Pack codes where they are: a GPU adds up bytes faster than it hands codes over. No two codes share a bit."""
    first_byte, shift = (torch.from_numpy(part.astype(np.int64)).to(codes.device) for part in places(widths))
    words = codes.int() << shift.int()
    packed = torch.zeros(len(codes), int(first_byte[-1]) + 3, dtype=torch.int32, device=codes.device)
    for byte in range(3):
        packed.index_add_(1, first_byte + byte, words >> (16 - 8 * byte) & 255)
    return packed[:, : ceil(int(widths.sum()) / 8)].to(torch.uint8)


def unpack(packed: torch.Tensor, widths: np.ndarray) -> torch.Tensor:
    """Return the codes of packed rows (n, bytes), int32 (n, m)."""
    first_byte, shift = (torch.from_numpy(part.astype(np.int64)).to(packed.device) for part in places(widths))
    padded = F.pad(packed, (0, 2)).int()
    words = padded[:, first_byte] << 16 | padded[:, first_byte + 1] << 8 | padded[:, first_byte + 2]
    masks = torch.from_numpy((1 << widths) - 1).to(packed.device).int()
    return words >> shift.int() & masks


def places(widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the byte in which each code starts, and by how much it is shifted in the three bytes from there."""
    start = np.cumsum(widths) - widths
    return start // 8, (24 - start % 8 - widths).astype(np.uint32)
