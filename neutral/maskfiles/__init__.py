"""Mask files in and out: every known form of a mask is read, and nothing in a file is run.

The reader tells these forms apart by content, not by the file's name:

- packed safetensors, this project's own form (`write`): eight weights to the byte, with the mask's header;
- `torch.save`d dicts of 0/1 tensors (`mask.pt`), and `torch.nn.utils.prune` checkpoints, where only the
  `…_mask` tensors are taken; both of torch's file formats, and dicts one level down (`{"state_dict": …}`);
- plain safetensors and NumPy `.npz` of 0/1 tensors.

If any tensor's name ends in `_mask`, only such tensors are the mask. Otherwise all are: a tensor of two or more
dimensions must hold only 0 and 1, and a smaller one that holds other numbers (a bias) is skipped.
docs/file-formats.md describes the forms.

A file is data from a stranger: claimed sizes are checked against the file before memory is taken, tensors are
packed one at a time, and pickles are opened in a child process only (`pickled`). Importing this package
does not import torch.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath

from neutral.errors import FileError, NeutralError
from neutral.languages import LANGUAGES
from neutral.maskfiles import npz, pickled, safetensor, zips
from neutral.maskfiles.exports import export, to_bytes, write
from neutral.maskfiles.source import MaskFile, kind, shown
from neutral.maskfiles.values import UPLOAD, Limits, Parts
from neutral.masks import Mask

__all__ = ["UPLOAD", "Limits", "export", "guess_language", "read", "read_bytes", "to_bytes", "write"]


def read(path: str | os.PathLike[str], limits: Limits | None = None) -> Mask:
    """Read a mask file of any known form.

    The mask's header holds a packed file's own header, `file` and `stem`, and `language` if the file or its name gives
    one (`guess_language`).

    Raises `FileError`, one line naming the file and the tensor, on anything that is not a mask.

    >>> import numpy as np
    >>> np.savez("en.npz", **{"encoder.layer.0.output.dense.weight": np.eye(4)})
    >>> mask = read("en.npz")
    >>> mask
    Mask(en: 1 tensor, 4 of 16 weights kept)
    >>> write(mask, "packed/en.safetensors")
    >>> read("packed/en.safetensors") == mask
    True
    """
    return _read(MaskFile.of_path(path), limits or Limits())


def read_bytes(name: str, data: bytes | bytearray | memoryview, limits: Limits | None = UPLOAD) -> Mask:
    """Read an uploaded file as `read` does; `name` is the user's name for it.

    Only a pickle's data are copied, because the child process needs a file.

    Raises `FileError` as `read`.
    """
    return _read(MaskFile.of_bytes(name, data), limits or UPLOAD)


def guess_language(name: str) -> str | None:
    """Return the language in a file's name, or None if the name has none or several.

    >>> guess_language("mlm-en-0.5.safetensors"), guess_language("mask_en_de.pt")
    ('en', None)
    """
    words = set(re.split(r"[^a-z0-9]+", PurePath(name).stem.lower()))
    codes = words & set(LANGUAGES)
    return codes.pop() if len(codes) == 1 else None


def _read(source: MaskFile, limits: Limits) -> Mask:
    try:
        parts = _parts(source, limits)
        mask = Mask(parts.bits, parts.shapes, parts.header)
    except FileError:
        raise
    except NeutralError as error:  # two names for one weight, say
        raise source.error(f"tensor {error}") from error
    except OSError as error:
        raise source.error(f"could not be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise source.error("reading it takes more memory than there is") from error
    name = shown(PurePath(source.name).name)
    mask.header |= {"file": name, "stem": PurePath(name).stem}
    if not mask.header.get("language") and (code := guess_language(name)):
        mask.header["language"] = code
    return mask


def _parts(source: MaskFile, limits: Limits) -> Parts:
    form = kind(source)
    if form == "zip":
        form = zips.kind(source)
    if form == "safetensors":
        return safetensor.read(source, limits)
    if form == "npz":
        return npz.read(source, limits)
    if form in ("torch", "torch legacy"):
        return pickled.read(source, limits)
    raise source.error(
        f"is {form}, not a mask file; masks come as .safetensors, as .pt or .bin (torch.save) or as .npz"
    )
