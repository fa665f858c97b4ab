"""Several mask files at once: those of a folder, a zip archive or an upload, and the names that tell their masks apart.

The paper's scripts write a folder a language with a `mask.pt` in each, so files of one name are called by their
folders. An upload has no folders, but a zip archive of them does.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from neutral.errors import FileError, described, reading
from neutral.languages import in_name
from neutral.maskfiles import shards, zips
from neutral.maskfiles.source import MaskFile, kind
from neutral.maskfiles.values import Limits
from neutral.masks import Mask
from neutral.members import by_folder, is_known, numbered, speaker

_MOST_FILES = 300
_MOST_UNPACKED = 8  # times what one file may unpack to
# A model beside its safetensors, as many have it on the hub.
_COPY = re.compile(r"pytorch_model(?:-\d{5}-of-\d{5})?\.bin(?:\.index\.json)?$")
# Names that say nothing of a file: its folder says whose it is.
_GENERIC = re.compile(r"^(?:masks?|(?:pytorch_)?model|weights|checkpoint|state_dict|consolidated)$", re.IGNORECASE)


def guess_language(name: str) -> str | None:
    """Return the language in a file's name, or None if the name has none or several.

    >>> guess_language("mlm-en-0.5.safetensors"), guess_language("mask_en_de.pt")
    ('en', None)
    """
    return in_name(name)


def folder_language(path: str | PurePath) -> str | None:
    """Return the language in the name of the folder of a file that has no name of its own, as `mask.pt`; else None."""
    path = PurePath(path)
    return guess_language(f"{path.parent.name}.pt") if is_generic(stem(path.name)) else None


def is_generic(stem: str) -> bool:
    """Whether a file's name says nothing of it, so that its folder says whose it is: `mask.pt`, `model.safetensors`."""
    return _GENERIC.match(stem) is not None


def stem(name: str) -> str:
    """Return a file's name without its suffix; an index's without `.safetensors.index.json`.

    >>> stem("runs/en.pt"), stem("model.safetensors.index.json")
    ('en', 'model')
    """
    name = PurePath(name).name
    return PurePath(name[: -len(".index.json")] if shards.is_index(name) else name).stem


def of_paths(paths: Sequence[str | Path], limits: Limits) -> Iterator[MaskFile | FileError]:
    """Yield the mask files that paths stand for: themselves, those in a folder or in a zip archive, shards as one.

    What is no mask file by itself comes as the error that says why.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        try:
            with reading(path, "a folder of mask files"):
                files += _in_folder(path) if path.is_dir() else [path]
        except FileError as error:
            yield error
    given = {str(path) for path in files}
    indexes = _indexes(MaskFile.of_path(path) for path in files if shards.is_index(path.name) and path.is_file())
    for path in files:
        name = str(path)
        if any(name in names for names in indexes.values()):
            continue
        try:
            with reading(path, "a mask file"):
                if shards.is_shard(name):
                    others = (p for p in path.parent.glob("*.index.json") if str(p) not in given and p.is_file())
                    yield shards.alone(name, indexes | _indexes(map(MaskFile.of_path, others)))
                elif shards.is_index(name):
                    yield shards.joined(MaskFile.of_path(path), _on_disk)
                else:
                    yield from each(MaskFile.of_path(path), limits)
        except FileError as error:
            yield error


def of_uploads(
    files: Sequence[tuple[str, bytes | bytearray | memoryview]], limits: Limits
) -> Iterator[MaskFile | FileError]:
    """Yield the mask files of an upload as `of_paths` does; shards are joined if their index is among the files."""
    sources: list[MaskFile | FileError] = []
    for name, data in files:
        try:
            sources.append(MaskFile.of_bytes(name, data))
        except FileError as error:
            sources.append(error)
    named = {source.name: source for source in sources if isinstance(source, MaskFile)}
    indexes = _indexes(source for source in named.values() if shards.is_index(source.name))
    for source in sources:
        if isinstance(source, FileError):
            yield source
        elif any(source.name in names for names in indexes.values()):
            continue
        else:
            try:
                with reading(source.name, "a mask file"):
                    if shards.is_index(source.name):
                        yield shards.joined(source, named.get)
                    elif shards.is_shard(source.name):
                        yield shards.alone(source.name, indexes)
                    else:
                        yield from each(source, limits)
            except FileError as error:
                yield error


def index_in(path: Path) -> Path | None:
    """Return the only index of shards in a folder, or None."""
    found = [file for file in sorted(path.glob("*.index.json")) if file.is_file()] if path.is_dir() else []
    copies = _copies(file.name for file in found)
    found = [file for file in found if file.name not in copies]
    return found[0] if len(found) == 1 else None


def _copies(names: Iterable[str]) -> set[str]:
    """Return the names of models that lie beside the same in safetensors, which transformers reads.

    >>> _copies(["en/model.safetensors", "en/pytorch_model.bin", "fr/pytorch_model.bin"])
    {'en/pytorch_model.bin'}
    """
    names = set(names)
    mains = {name.removesuffix(".index.json") for name in names}
    return {name for name in names if _COPY.search(name) and f"{_COPY.sub('', name)}model.safetensors" in mains}


def _in_folder(path: Path) -> list[Path]:
    """Return the mask files in a folder and in its folders, but hidden ones. Raises `FileError` if there are none."""
    inside = [file for file in sorted(path.rglob("*")) if file.is_file()]
    files = [
        file
        for file in inside
        if zips.is_mask(file.relative_to(path).as_posix()) or (shards.is_index(file.name) and file.name[0] != ".")
    ]
    copies = _copies(map(str, files))
    files = [file for file in files if str(file) not in copies]
    if not files:
        raise FileError(path, f"is a directory without mask files ({', '.join(zips.SUFFIXES)})")
    return files


def _on_disk(name: str) -> MaskFile | None:
    return MaskFile.of_path(name) if Path(name).is_file() else None


def _indexes(files: Iterable[MaskFile]) -> dict[str, set[str]]:
    """Return indexes -> the names of their shards; those that are damaged have none."""
    indexes: dict[str, set[str]] = {}
    for file in files:
        try:
            indexes[file.name] = {shards.beside(file.name, name) for name in shards.listed(file)}
        except FileError:
            indexes[file.name] = set()
    return indexes


def each(source: MaskFile, limits: Limits) -> Iterator[MaskFile | FileError]:
    """Yield a file itself, or the mask files in it if it is a zip archive of such; one is in memory at a time.

    Files are mask files by their suffix (`zips.SUFFIXES`), and shards by an index; hidden ones are passed over, and so
    is everything else. Sizes are checked against the archive before anything is unpacked (`zips.opened`).

    Raises `FileError` for an archive that is damaged, too large, or holds an archive.
    """
    if kind(source) != "zip" or zips.kind(source) != zips.MASKS:
        yield source
        return
    with source.open() as file, zips.opened(source, file) as archive:
        members = {member.filename.replace("\\", "/"): member for member in archive.infolist()}  # Windows' own
        inside = {
            name: member
            for name, member in members.items()
            if zips.is_mask(name) or (shards.is_index(name) and not zips.is_hidden(name))
        }
        for name in _copies(inside):
            del inside[name]
        _check_size(source, list(inside.values()), limits)

        def opened(name: str) -> MaskFile | None:
            return _member(source, archive, name, inside[name]) if name in inside else None

        def by_member(name: str) -> MaskFile | None:
            return opened(name.removeprefix(f"{source.name}/"))

        indexes = _indexes(opened(name) for name in inside if shards.is_index(name))
        within = set().union(*indexes.values())
        for name in inside:
            whole = f"{source.name}/{name}"
            if whole in within:
                continue
            try:
                with reading(whole, "a mask file"):
                    if shards.is_index(name):
                        yield shards.joined(opened(name), by_member)
                    elif shards.is_shard(name):
                        yield shards.alone(whole, indexes)
                    else:
                        yield opened(name)
            except FileError as error:
                yield error


def _member(source: MaskFile, archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> MaskFile:
    try:
        data = archive.read(member)
    except MemoryError:
        raise
    except Exception as error:  # of any type: what zipfile and the ways of packing raise is nobody's promise
        raise source.error(f"member {name} is damaged ({described(error)})") from None
    one = MaskFile.of_bytes(f"{source.name}/{name}", data)
    if kind(one) == "zip" and zips.kind(one) == zips.MASKS:
        raise one.error("is an archive in an archive (unpack it first)")
    return one


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
    the files that the masks were read from; several masks of one file are called as the file calls them.
    """
    stems = [stem(path) for path in paths]
    labels = [_by_key(mask) or mask.named for mask in masks]
    for one in dict.fromkeys(stems):
        places = [
            i
            for i, mask in enumerate(masks)
            if stems[i] == one and not mask.header.get("language") and mask.header.get("stem") == one
        ]
        alone = len(places) == 1 and folder_language(paths[places[0]])
        named = by_folder([paths[i] for i in places]) if len(places) > 1 else [alone] if alone else []
        for i, label in zip(places, named, strict=False):
            labels[i] = label
            if is_known(label):
                masks[i].header["language"] = speaker(label)
    return numbered(labels)


def _by_key(mask: Mask) -> str:
    """Return the name of one of a language's masks in a file: fi/0_5; "" for any other."""
    name = str(mask.header.get("stem", ""))
    return name if name.startswith(f"{mask.header.get('language')}/") else ""
