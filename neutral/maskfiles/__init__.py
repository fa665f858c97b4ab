"""Mask files in and out: every known form of a mask is read, and nothing in a file is run.

The reader tells these forms apart by content, not by the file's name:

- packed safetensors, this project's own form (`write`): eight weights to the byte, with the mask's header;
- `torch.save`d dicts of 0/1 tensors (`mask.pt`), dense or sparse, or of NumPy arrays, in dicts of any depth (`nested`);
  checkpoints that hold masks beside weights (torch.nn.utils.prune, torch.ao, ModelOpt, NNI); both of torch's formats;
- pickled dicts of NumPy arrays; plain safetensors and NumPy `.npz` of 0/1 tensors;
- shards of such files, by their index (`shards`); a folder or a zip archive of such files (`read_all`);
- on request a pruned model, whose zeros are the mask (`from_zeros`).

`choosing` says which tensors of a file are the mask; a mask's `notes` say what was left out. 1 means kept; `invert`
turns masks in which 1 means removed. docs/file-formats.md describes the forms.

A file is data from a stranger: claimed sizes are checked against the file before memory is taken, tensors are
packed one at a time, and pickles are opened in a child process only (`pickled`), one for a batch. Importing this
package does not import torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from neutral.errors import FileError, NeutralError, reading
from neutral.maskfiles import nested, npz, pickled, safetensor, scripts, several, shards, zips
from neutral.maskfiles.choosing import FROM_ZEROS
from neutral.maskfiles.exports import export, to_bytes, write
from neutral.maskfiles.several import guess_language
from neutral.maskfiles.source import MaskFile, kind, shown
from neutral.maskfiles.values import UPLOAD, Limits, Parts
from neutral.masks import Mask

__all__ = [
    "FROM_ZEROS",
    "INVERT",
    "UPLOAD",
    "Limits",
    "Reading",
    "export",
    "guess_language",
    "read",
    "read_all",
    "read_bytes",
    "read_uploads",
    "readings",
    "scripts",
    "to_bytes",
    "write",
]

INVERT = "if 1 means removed in it, turn it (--invert, “1 means removed”)"
"""What is said of a mask that keeps few weights."""

_FEW = 0.05  # a mask that keeps less may be one in which 1 means removed


def read(
    path: str | os.PathLike[str], limits: Limits | None = None, *, from_zeros: bool = False, invert: bool = False
) -> Mask:
    """Read a mask file of any known form, or the shards of an index or of a folder with one.

    The mask's header holds a packed file's own header, `file` and `stem`; `language` if the file or its name gives
    one (`guess_language`), for a `mask.pt` the name of its folder; `notes`, where something was left out or assumed.
    `from_zeros` reads a pruned model whose zeros are the mask, `invert` a mask in which 1 means removed.

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
    index = several.index_in(Path(path))
    sources = list(several.of_paths([index or path], limits or Limits())) if index or _is_part(path) else []
    sources = sources or [MaskFile.of_path(path)]
    if isinstance(sources[0], FileError):
        raise sources[0]
    with pickled.Child() as child:
        one = _only(_read(sources[0], limits or Limits(), child, from_zeros=from_zeros, invert=invert))
    if not one.mask.header.get("language") and (code := several.folder_language(path)):
        one.mask.header["language"] = code
    return one.mask


def _is_part(path: str | os.PathLike[str]) -> bool:
    return shards.is_index(str(path)) or shards.is_shard(str(path))


def read_all(
    paths: Sequence[str | os.PathLike[str]],
    limits: Limits | None = None,
    *,
    from_zeros: bool = False,
    invert: bool = False,
) -> dict[str, Mask]:
    """Read mask files for a comparison: name -> mask, in their order; folders and zip archives give all files in them.

    Files of one name are called by the folders that tell them apart (`several.names`); several masks of one file as
    the file calls them.

    Raises `FileError` as `read`, and for an archive that cannot be read.

    >>> import numpy as np
    >>> from pathlib import Path
    >>> for code, row in (("en", [1, 1, 0]), ("fr", [1, 0, 0])):
    ...     Path(code).mkdir()
    ...     np.savez(f"{code}/mask.npz", weight=[row])
    >>> list(read_all(["en/mask.npz", "fr/mask.npz"]))
    ['en', 'fr']
    """
    found = readings(paths, limits, from_zeros=from_zeros, invert=invert)
    if bad := next((one for one in found if one.mask is None), None):
        raise FileError(bad.file, bad.problem.removeprefix(f"{bad.file}: "))
    return {one.name: one.mask for one in found}


class Reading(NamedTuple):
    """A file, alone or in an archive, and one of its masks: how it is called, or what is wrong with the file."""

    file: str
    size: int  # bytes
    name: str = ""
    mask: Mask | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    """What was left out or assumed."""
    renamed: int = 0
    """How many weights' names had parts of a wrapper."""
    language_from: str = ""
    """Where the language is from: header, key in the file, file name or folder; "" for none."""


def readings(
    paths: Sequence[str | os.PathLike[str]],
    limits: Limits | None = None,
    *,
    from_zeros: bool = False,
    invert: bool = False,
) -> list[Reading]:
    """Return the masks of files, folders and zip archives, and what is wrong with those that hold none.

    Raises nothing. All are read in one child process at most.
    """
    limits = limits or Limits()
    return _readings(several.of_paths([Path(path) for path in paths], limits), limits, from_zeros, invert)


def read_uploads(
    files: Sequence[tuple[str, bytes | bytearray | memoryview]],
    limits: Limits | None = UPLOAD,
    *,
    from_zeros: bool = False,
    invert: bool = False,
) -> list[Reading]:
    """Read uploaded files, (name, bytes) each, as `readings` does: zip archives too, and shards with their index.

    Raises nothing: a file that is no mask does not keep the others from being read.
    """
    limits = limits or UPLOAD
    return _readings(several.of_uploads(files, limits), limits, from_zeros, invert)


def read_bytes(name: str, data: bytes | bytearray | memoryview, limits: Limits | None = UPLOAD) -> Mask:
    """Read an uploaded file as `read` does; `name` is the user's name for it.

    Only a pickle's data are copied, because the child process needs a file.

    Raises `FileError` as `read`.
    """
    with pickled.Child() as child:
        return _only(_read(MaskFile.of_bytes(name, data), limits or UPLOAD, child)).mask


def _only(found: Sequence[Reading]) -> Reading:
    if len(found) > 1:
        names = ", ".join(shown(one.name) for one in found[:5])
        raise FileError(found[0].file, f"holds {len(found)} masks ({names}); `maskfiles.read_all` reads them")
    return found[0]


def _readings(sources: Iterable[MaskFile | FileError], limits: Limits, from_zeros: bool, invert: bool) -> list[Reading]:
    found: list[Reading] = []
    with pickled.Child() as child:
        for source in sources:
            if isinstance(source, FileError):
                found.append(Reading(source.path, 0, problem=str(source)))
                continue
            try:
                found += _read(source, limits, child, from_zeros=from_zeros, invert=invert)
            except FileError as error:
                found.append(Reading(source.name, source.size, problem=str(error)))
    good = [i for i, one in enumerate(found) if one.mask is not None]
    names = several.names([found[i].mask for i in good], [found[i].file for i in good])
    for i, name in zip(good, names, strict=True):
        by_folder = found[i].mask.header.get("language") and not found[i].language_from
        found[i] = found[i]._replace(name=name, language_from="folder" if by_folder else found[i].language_from)
    return found


def _read(
    source: MaskFile, limits: Limits, child: pickled.Child, *, from_zeros: bool = False, invert: bool = False
) -> list[Reading]:
    """Read the masks of one file. Raises `FileError`: whatever a reader raises on a stranger's bytes ends here."""
    with reading(source.name, "a mask file"):
        return [_reading(source, each, invert) for each in _parts(source, limits, child, from_zeros)]


def _reading(source: MaskFile, parts: Parts, invert: bool) -> Reading:
    try:
        mask = Mask(parts.bits, parts.shapes, parts.header)
    except NeutralError as error:  # two names for one weight, say
        raise source.error(f"tensor {error}") from error
    notes = list(dict.fromkeys(parts.notes))
    if parts.zeros:
        notes += ["not turned: a zero of a model is a weight removed"] if invert else []
    elif invert:
        mask = ~mask
        notes.append("turned: 1 meant removed in the file")
    elif mask.size and mask.kept < _FEW * mask.size:
        notes.append(f"keeps {mask.kept / mask.size:.1%}: {INVERT}")
    name = shown(source.name.rpartition("/")[2] or source.name)
    mask.header |= {"file": name, "stem": several.stem(name)}
    origin = "header" if mask.header.get("language") else ""
    if parts.label:
        mask.header["stem"], code = nested.named(shown(parts.label))
        if code:
            mask.header["language"], origin = code, "key in the file"
    elif not origin and (code := guess_language(name)):
        mask.header["language"], origin = code, "file name"
    if notes:
        mask.header["notes"] = "; ".join(notes)
    return Reading(source.name, source.size, mask.named, mask, "", tuple(notes), parts.renamed, origin)


def _parts(source: MaskFile, limits: Limits, child: pickled.Child, zeros: bool) -> list[Parts]:
    form = kind(source)
    if form == "zip":
        form = zips.kind(source.files[0])
    if source.shards and form not in ("safetensors", "torch", "torch legacy"):
        raise source.error(f"names shards that are {form}; shards come as .safetensors, or as .pt or .bin (torch.save)")
    if form == "safetensors":
        return safetensor.read(source, limits, zeros=zeros)
    if form == "npz":
        return npz.read(source, limits, zeros=zeros)
    if form in ("torch", "torch legacy", "pickle"):
        return child.read(source, limits, zeros=zeros)
    if form == zips.MASKS:
        raise source.error("is a zip archive of mask files, not one; `maskfiles.read_all` reads them")
    raise source.error(
        f"is {form}, not a mask file; masks come as .safetensors, as .pt or .bin (torch.save) or as .npz"
    )
