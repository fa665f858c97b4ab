"""Writing masks: the packed form, and forms that other tools read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from neutral.errors import NeutralError
from neutral.files import storing, written_whole
from neutral.maskfiles import npz, safetensor, scripts
from neutral.masks import Mask


def _write_torch(mask: Mask, file: BinaryIO) -> None:
    import torch

    torch.save({f"{name}_mask": torch.from_numpy(mask.array(name)).float() for name in mask.names}, file)


def _write_scripts(mask: Mask, file: BinaryIO) -> None:
    import torch

    names = scripts.tensor_names(mask)
    torch.save({theirs: torch.from_numpy(mask.array(name)).float() for name, theirs in names.items()}, file)


_STYLES: dict[str, Callable[[Mask, BinaryIO], None]] = {
    "packed": safetensor.write_packed,
    "torch": _write_torch,
    "mask.pt": _write_scripts,
    "numpy": npz.write,
    "safetensors": safetensor.write_plain,
}
_BY_SUFFIX = {".pt": "torch", ".bin": "torch", ".npz": "numpy", ".safetensors": "safetensors"}


def write(mask: Mask, path: str | os.PathLike[str]) -> None:
    """Write a mask as packed safetensors, eight weights to the byte, with its header.

    The file appears whole or not at all, and the same mask gives the same bytes. Missing folders are made.

    Raises `StorageError` if the system refuses.

    >>> write(Mask.from_tensors({"w": [1, 0, 1]}, language="en", method="wanda"), "wanda.safetensors")
    >>> from neutral import maskfiles
    >>> maskfiles.read("wanda.safetensors").header
    {'language': 'en', 'method': 'wanda', 'file': 'wanda.safetensors', 'stem': 'wanda'}
    """
    _save(mask, path, "packed")


def export(mask: Mask, path: str | os.PathLike[str], style: str | None = None) -> None:
    """Write a mask in a form that other tools read, without its header.

    `style`, by default from the path's suffix:

    - "torch": a `torch.save`d dict of float32 0/1 tensors called `…_mask`, as `torch.nn.utils.prune` names them;
      holds all tensors in memory, 4 bytes a weight;
    - "mask.pt": the same under the names that the paper's scripts look up (`scripts`), for BERT and mT5;
    - "numpy": an `.npz` archive of bool arrays;
    - "safetensors": float32 0/1 tensors under the weights' names.

    Raises `NeutralError` on an unknown style and on a network that the scripts do not know, `StorageError` if the
    system refuses.
    """
    style = style or _BY_SUFFIX.get(Path(path).suffix.lower())
    if style not in _STYLES:
        known = ", ".join(name for name in _STYLES if name != "packed")
        raise NeutralError(f"{path}: unknown style; name the file .pt, .npz or .safetensors, or choose from {known}")
    _save(mask, path, style)


def to_bytes(mask: Mask, style: str = "packed") -> bytes:
    """Return what `write` (or `export`, with its styles) would put into a file, for a download.

    Raises `NeutralError` on an unknown style.
    """
    if style not in _STYLES:
        raise NeutralError(f"unknown style {style!r}; choose from {', '.join(_STYLES)}")
    buffer = io.BytesIO()
    _STYLES[style](mask, buffer)
    return buffer.getvalue()


def _save(mask: Mask, path: str | os.PathLike[str], style: str) -> None:
    path = Path(path)
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            _STYLES[style](mask, file)
