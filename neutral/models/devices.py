"""The device that a network runs on."""

from __future__ import annotations

import torch

from neutral.errors import NeutralError


def device(name: str = "auto") -> torch.device:
    """Return the device called `name`: auto | cpu | cuda | mps; auto takes the best that this machine has.

    Raises `NeutralError` for another name, or a device that this machine lacks.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise NeutralError(f"--device {name}: not a device; use auto, cpu, cuda or mps") from error
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(chosen.type, False):
        raise NeutralError(f"--device {name}: this machine has none that torch can use; try --device auto")
    return chosen


def gains_from_bfloat16(place: torch.device) -> bool:
    """Whether a device has hardware instructions that make bfloat16 products faster than float32 ones."""
    if place.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if place.type == "cpu":
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, name, bool)() for name in checks)
    return False
