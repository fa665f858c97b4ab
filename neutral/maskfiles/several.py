"""Several mask files at once: those in a zip archive, and the names that tell their masks apart.

The paper's scripts write a folder a language with a `mask.pt` in each, so files of one name are called by their
folders. An upload has no folders, but a zip archive of them does.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from neutral.languages import in_name
from neutral.maskfiles import zips
from neutral.maskfiles.source import MaskFile, kind
from neutral.maskfiles.values import Limits
from neutral.masks import Mask
from neutral.members import by_folder, is_known, numbered, speaker

_MOST_FILES = 300
_MOST_UNPACKED = 8  # times what one file may unpack to


def guess_language(name: str) -> str | None:
    """Return the language in a file's name, or None if the name has none or several.

    >>> guess_language("mlm-en-0.5.safetensors"), guess_language("mask_en_de.pt")
    ('en', None)
    """
    return in_name(name)


def folder_language(path: str | PurePath) -> str | None:
    """Return the language in the name of the folder that a `mask.pt` is in; None for a file with a name of its own."""
    path = PurePath(path)
    return guess_language(f"{path.parent.name}.pt") if path.stem == "mask" else None


def each(source: MaskFile, limits: Limits) -> Iterator[MaskFile]:
    """Yield a file itself, or the mask files in it if it is a zip archive of such; one is in memory at a time.

    Files are mask files by their suffix (`zips.SUFFIXES`); hidden ones are passed over, and so is everything else.
    Sizes are checked against the archive before anything is unpacked (`zips.opened`).

    Raises `FileError` for an archive that is damaged, too large, or holds an archive.
    """
    if kind(source) != "zip" or zips.kind(source) != zips.MASKS:
        yield source
        return
    with source.open() as file, zips.opened(source, file) as archive:
        inside = [member for member in archive.infolist() if zips.is_mask(member.filename)]
        _check_size(source, inside, limits)
        for member in inside:
            try:
                data = archive.read(member)
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
                raise source.error(f"member {member.filename} is damaged ({error})") from None
            one = MaskFile.of_bytes(f"{source.name}/{member.filename}", data)
            if kind(one) == "zip" and zips.kind(one) == zips.MASKS:
                raise one.error("is an archive in an archive (unpack it first)")
            yield one


def _check_size(source: MaskFile, inside: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    if len(inside) > _MOST_FILES:
        raise source.error(f"holds {len(inside):,} mask files, more than the {_MOST_FILES:,} that are read at once")
    for member in inside:
        if member.file_size > limits.unpacked:
            raise source.error(f"member {member.filename} unpacks to {member.file_size:,} bytes, more than are read")
    if (total := sum(member.file_size for member in inside)) > _MOST_UNPACKED * limits.unpacked:
        raise source.error(f"unpacks to {total:,} bytes, more than are read at once; read its files one by one")


def names(masks: Sequence[Mask], paths: Sequence[str]) -> list[str]:
    """Return a different name for every mask of a comparison, and let masks know the language that is in it.

    A mask that names its language, or whose file has a name of its own, is called by it (`Mask.named`). Files of one
    name are called by their folders (`members.by_folder`): en/mask.pt and fr/mask.pt are en and fr. `paths` are
    the files that the masks were read from.
    """
    stems = [PurePath(path).stem for path in paths]
    labels = [mask.named for mask in masks]
    for stem in dict.fromkeys(stems):
        places = [i for i, mask in enumerate(masks) if stems[i] == stem and not mask.header.get("language")]
        alone = len(places) == 1 and folder_language(paths[places[0]])
        named = by_folder([paths[i] for i in places]) if len(places) > 1 else [alone] if alone else []
        for i, label in zip(places, named, strict=False):
            labels[i] = label
            if is_known(label):
                masks[i].header["language"] = speaker(label)
    return numbered(labels)
