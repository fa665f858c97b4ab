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
