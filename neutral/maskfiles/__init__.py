"""Mask files in and out: every known form of a mask is read, and nothing in a file is run.

The reader tells these forms apart by content, not by the file's name:

- packed safetensors, this project's own form (`write`): eight weights to the byte, with the mask's header;
- `torch.save`d dicts of 0/1 tensors (`mask.pt`), and `torch.nn.utils.prune` checkpoints, where only the
  `…_mask` tensors are taken; both of torch's file formats, and dicts one level down (`{"state_dict": …}`);
- plain safetensors and NumPy `.npz` of 0/1 tensors;
- a zip archive of such files (`read_all`).

If any tensor's name ends in `_mask`, only such tensors are the mask. Otherwise all are: a tensor of two or more
dimensions must hold only 0 and 1, and a smaller one that holds other numbers (a bias) is skipped.
docs/file-formats.md describes the forms.

A file is data from a stranger: claimed sizes are checked against the file before memory is taken, tensors are
packed one at a time, and pickles are opened in a child process only (`pickled`). Importing this package
does not import torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from neutral.errors import FileError, NeutralError
from neutral.maskfiles import npz, pickled, safetensor, scripts, several, zips
from neutral.maskfiles.exports import export, to_bytes, write
from neutral.maskfiles.several import guess_language
from neutral.maskfiles.source import MaskFile, kind, shown
from neutral.maskfiles.values import UPLOAD, Limits, Parts
from neutral.masks import Mask

__all__ = [
    "UPLOAD",
    "Limits",
    "Reading",
    "export",
    "guess_language",
    "read",
    "read_all",
    "read_bytes",
    "read_upload",
    "readings",
    "scripts",
    "to_bytes",
    "write",
]


def read(path: str | os.PathLike[str], limits: Limits | None = None) -> Mask:
    """Read a mask file of any known form.

    The mask's header holds a packed file's own header, `file` and `stem`, and `language` if the file or its name gives
    one (`guess_language`); for a `mask.pt` the name of its folder may give one.

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
    mask = _read(MaskFile.of_path(path), limits or Limits())
    if not mask.header.get("language") and (code := several.folder_language(path)):
        mask.header["language"] = code
    return mask


def read_all(paths: Sequence[str | os.PathLike[str]], limits: Limits | None = None) -> dict[str, Mask]:
    """Read mask files for a comparison: name -> mask, in their order; zip archives give all mask files in them.

    Files of one name are called by the folders that tell them apart (`several.names`).

    Raises `FileError` as `read`, and for an archive that cannot be read.

    >>> import numpy as np
    >>> from pathlib import Path
    >>> for code, row in (("en", [1, 1, 0]), ("fr", [1, 0, 0])):
    ...     Path(code).mkdir()
    ...     np.savez(f"{code}/mask.npz", weight=[row])
    >>> list(read_all(["en/mask.npz", "fr/mask.npz"]))
    ['en', 'fr']
    """
    return {reading.name: reading.mask for reading in readings(paths, limits)}


class Reading(NamedTuple):
    """A file, alone or in an archive: its mask and the mask's name, or what is wrong with it."""

    file: str
    size: int  # bytes
    name: str = ""
    mask: Mask | None = None
    problem: str = ""


def readings(paths: Sequence[str | os.PathLike[str]], limits: Limits | None = None) -> list[Reading]:
    """Return the masks of files and zip archives as `read_all` reads them, each with its file and its size."""
    limits = limits or Limits()
    files, masks = [], []
    for path in paths:
        for one in several.each(MaskFile.of_path(path), limits):
            masks.append(_read(one, limits))
            files.append((one.name, one.size))
    names = several.names(masks, [name for name, _ in files])
    return [Reading(*file, name, mask) for file, name, mask in zip(files, names, masks, strict=True)]


def read_upload(name: str, data: bytes | bytearray | memoryview, limits: Limits | None = UPLOAD) -> list[Reading]:
    """Read an uploaded file, or all mask files of an uploaded zip archive, which are named as `read_all` names them.

    Raises nothing: a file of an archive that is no mask does not keep the others from being read.
    """
    files: list[Reading] = []
    try:
        for one in several.each(MaskFile.of_bytes(name, data), limits or UPLOAD):
            try:
                files.append(Reading(one.name, one.size, mask=_read(one, limits or UPLOAD)))
            except FileError as error:
                files.append(Reading(one.name, one.size, problem=str(error)))
    except FileError as error:
        files.append(Reading(name, len(data), problem=str(error)))
    masks = {file.file: file.mask for file in files if file.mask is not None}
    names = dict(zip(masks, several.names([*masks.values()], [*masks]), strict=True))
    return [file._replace(name=names.get(file.file, "")) for file in files]


def read_bytes(name: str, data: bytes | bytearray | memoryview, limits: Limits | None = UPLOAD) -> Mask:
    """Read an uploaded file as `read` does; `name` is the user's name for it.

    Only a pickle's data are copied, because the child process needs a file.

    Raises `FileError` as `read`.
    """
    return _read(MaskFile.of_bytes(name, data), limits or UPLOAD)


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
    if form == zips.MASKS:
        raise source.error("is a zip archive of mask files, not one; `maskfiles.read_all` reads them")
    raise source.error(
        f"is {form}, not a mask file; masks come as .safetensors, as .pt or .bin (torch.save) or as .npz"
    )
