"""Zip directories, checked against the file before anything in them is believed.

`torch.save` and `numpy.savez` both write zip archives, and people put several mask files into one. The checks: the
directory's own size is small (Python reads all of it into memory), members lie inside the file and do not overlap (with
overlapping ones a small archive unpacks to petabytes), their sizes are in reach of their method of packing, and no
name comes twice.

The format: PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.14-16 (end of the directory).
"""

from __future__ import annotations

import re
import struct
import zipfile
from typing import BinaryIO

from neutral.errors import described
from neutral.maskfiles.source import MaskFile

# Python keeps about 1 KB for each member; the largest models have some thousands.
_LARGEST_DIRECTORY = 8 * 2**20
_MOST_MEMBERS = 50_000
# Deflate never does better than 258 bytes from 2 bits.
_BEST_DEFLATE = 1032

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 2**16


SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".safetensors", ".npz")
"""Suffixes of the files in an archive that are read as masks."""

# What trainers leave beside a model, by transformers and accelerate.
_OF_TRAINING = re.compile(
    r"(?:^|/)(?:optimizer|scheduler|scaler|sampler|training_args|rng_state|random_states)(?:_\d+)*\.\w+$"
)

MASKS = "a zip archive of mask files"


def is_mask(name: str) -> bool:
    """Whether a file in an archive or a folder is a mask file by its name: not hidden, no state of a training.

    >>> is_mask("en/mask.pt"), is_mask("en/._mask.pt"), is_mask("en/optimizer.pt"), is_mask("rng_state_0.pth")
    (True, False, False, False)
    """
    return name.lower().endswith(SUFFIXES) and not is_hidden(name) and not _OF_TRAINING.search(name)


def is_hidden(name: str) -> bool:
    """Whether a file in an archive is hidden (as macOS's ._mask.pt); one of a folder above (../en/mask.pt) is not."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/") if part not in (".", ".."))


def kind(source: MaskFile) -> str:
    """Return "torch", "npz" or `MASKS`, else what the archive is. Raises `FileError` on a false directory."""
    with source.open() as file, opened(source, file) as archive:
        names = archive.namelist()
    last = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in last:
        return "a TorchScript program, which could run code and was not opened"
    if "data.pkl" in last:
        return "torch"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    if "[Content_Types].xml" in names:
        return "an Office document"
    if any(map(is_mask, names)):
        return MASKS
    return "a zip archive, but neither torch.save's nor NumPy's (unpack it first)"


def opened(source: MaskFile, file: BinaryIO) -> zipfile.ZipFile:
    """Open an archive whose directory has been checked. Raises `FileError`."""
    _check_end(source, file)
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:  # of any type: what zipfile raises is nobody's promise
        raise source.error(f"its zip directory is damaged ({described(error)})") from None
    end, seen = 0, set()
    for member in sorted(archive.infolist(), key=lambda member: member.header_offset):
        name = member.filename
        if name in seen:
            raise source.error(f"member {name} is in the zip archive twice")
        seen.add(name)
        if member.header_offset < end:
            raise source.error(f"member {name} of the zip archive overlaps another")
        end = member.header_offset + _LOCAL.size + member.compress_size
        if end > archive.start_dir:
            raise source.error(f"member {name} claims {member.compress_size:,} bytes, more than the file holds")
        _check_packing(source, member)
    return archive


def places(source: MaskFile, file: BinaryIO, archive: zipfile.ZipFile) -> dict[int, zipfile.ZipInfo]:
    """Return offset in the file -> the member whose bytes begin there, for members that are not packed.

    Raises `FileError` if one is packed (torch.save never packs), or if header and directory disagree.
    """
    members = {}
    for member in archive.infolist():
        if member.compress_type != zipfile.ZIP_STORED:
            raise source.error(f"member {member.filename} is packed, which torch.save never does")
        file.seek(member.header_offset)
        local = file.read(_LOCAL.size)
        if len(local) < _LOCAL.size or not local.startswith(b"PK\x03\x04"):
            raise source.error(f"member {member.filename} is not where the zip directory says")
        *_, name, extra = _LOCAL.unpack(local)
        begin = member.header_offset + _LOCAL.size + name + extra
        if begin + member.file_size > archive.start_dir:
            raise source.error(f"member {member.filename} claims {member.file_size:,} bytes, more than the file holds")
        members[begin] = member
    return members


def _check_end(source: MaskFile, file: BinaryIO) -> None:
    """Check the directory's size in its end record, which zipfile would believe."""
    tail_size = min(source.size, _END.size + _LONGEST_COMMENT)
    file.seek(source.size - tail_size)
    tail = file.read(tail_size)
    # As zipfile does: a record without a comment at the very end, else the last signature.
    at = len(tail) - _END.size
    if at < 0 or not tail[at:].startswith(b"PK\x05\x06") or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise source.error("the end of its zip archive is missing: the file is cut off")
    _, _, _, _, members, size, offset, _ = _END.unpack_from(tail, at)
    if (locator := source.size - tail_size + at - _LOCATOR64.size) >= _END64.size:
        file.seek(locator)
        signature, _, end64, _ = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
        if signature == b"PK\x06\x07":
            # zipfile looks for the record right before its locator, others where the locator says
            file.seek(locator - _END64.size)
            record = _END64.unpack(file.read(_END64.size))
            if record[0] != b"PK\x06\x06" or end64 > source.size:
                raise source.error("its zip directory is damaged")
            members, size, offset = record[7:10]
    if size > _LARGEST_DIRECTORY or members > _MOST_MEMBERS:
        raise source.error(f"claims a zip directory of {members:,} members in {size:,} bytes, which no mask file has")
    if offset + size > source.size:
        raise source.error("its zip directory lies outside the file: cut off, or damaged")


def _check_packing(source: MaskFile, member: zipfile.ZipInfo) -> None:
    name = member.filename
    if member.flag_bits & 1:
        raise source.error(f"member {name} is encrypted")
    if member.compress_type == zipfile.ZIP_STORED:
        if member.compress_size != member.file_size:
            raise source.error(f"member {name} claims {member.file_size:,} bytes, but holds {member.compress_size:,}")
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        if member.file_size > _BEST_DEFLATE * (member.compress_size + 1):
            raise source.error(
                f"member {name} claims {member.file_size:,} bytes, which its {member.compress_size:,} can't unpack to"
            )
    else:
        raise source.error(f"member {name} is packed in a way that NumPy never uses")
