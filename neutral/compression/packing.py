"""Codes of 1 to 8 bits, packed row by row: row r of n codes of b bits takes ⌈n·b / 8⌉ bytes, lowest bit first."""

from __future__ import annotations

import torch


def pack(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Pack codes (R, n), integers below 2^bits, into uint8 (R, ⌈n·bits / 8⌉)."""
    shifts = torch.arange(bits, device=codes.device)
    each = (codes.to(torch.uint8).unsqueeze(-1) >> shifts) & 1  # (R, n, bits)
    stream = each.flatten(1)
    stream = torch.nn.functional.pad(stream, (0, -stream.shape[1] % 8)).view(len(codes), -1, 8)
    return (stream << torch.arange(8, device=codes.device)).sum(dim=-1, dtype=torch.int32).to(torch.uint8)


def unpack(packed: torch.Tensor, bits: int, n: int) -> torch.Tensor:
    """Return the codes (R, n), int32, that `pack` packed."""
    start = torch.arange(n, device=packed.device) * bits
    first, shift = start // 8, (start % 8).int()
    padded = torch.nn.functional.pad(packed, (0, 1)).int()
    window = padded[:, first] | (padded[:, first + 1] << 8)  # a code lies within two bytes
    return (window >> shift) & (2**bits - 1)
