"""Shards: a mask or a model in several files, with an index that says which (`model.safetensors.index.json`).

The index is a JSON object with a `weight_map`, weight name -> file beside the index, as transformers writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

from neutral.errors import FileError
from neutral.maskfiles.source import MaskFile, shown

_SHARD = re.compile(r"-\d{5}-of-(\d{5})\.\w+$")
_LARGEST_INDEX = 64 * 2**20
_MOST_SHARDS = 1000


def is_index(name: str) -> bool:
    """Whether a file is an index of shards by its name."""
    return name.lower().endswith(".index.json")


def is_shard(name: str) -> bool:
    """Whether a file is one of several shards by its name."""
    match = _SHARD.search(name)
    return match is not None and int(match[1]) > 1


def beside(index: str, shard: str) -> str:
    """Return the name of a shard that an index names."""
    return str(PurePath(index).parent / shard)


def listed(index: MaskFile) -> list[str]:
    """Return the names of the files that an index names, in order. Raises `FileError` for what is no index."""
    if index.size > _LARGEST_INDEX:
        raise index.error(f"is an index of {index.size:,} bytes; more than {_LARGEST_INDEX:,} are not read")
    with index.open() as file:
        text = file.read()
    try:
        names = list(dict.fromkeys(json.loads(text)["weight_map"].values()))
    except Exception:  # of any type
        raise index.error("is no index of shards: it has no weight_map of weight name to file") from None
    if not names or len(names) > _MOST_SHARDS or not all(_is_plain(name) for name in names):
        raise index.error("names files that are not beside it: damaged, or made to do so")
    return names


def _is_plain(name: object) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and PurePath(name).name == name and "\0" not in name


def joined(index: MaskFile, opened: Callable[[str], MaskFile | None]) -> MaskFile:
    """Return the shards of an index as one file. `opened` gives the file of a name beside it, or None.

    Raises `FileError` naming a shard that is not there.
    """
    names = listed(index)
    files = {name: opened(beside(index.name, name)) for name in names}
    if missing := [name for name, file in files.items() if file is None]:
        raise index.error(f"names {shown(missing[0])}, which is not beside it")
    return MaskFile.of_shards(index.name, list(files.values()))


def alone(name: str, indexes: Mapping[str, Iterable[str]]) -> FileError:
    """Return what is said of a shard without the others. `indexes` are those that are known -> what they name."""
    number = _SHARD.search(name)
    its = next((index for index, names in indexes.items() if name in names), None)
    how = f"give its index, {its}" if its else "give the others too, with their index (….index.json)"
    return FileError(name, f"is one of {int(number[1])} shards of a file, not all of it; {how}, or the folder")
