"""Pack a study so that little comes home in few files: the results in one archive, the masks in pieces."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from neutral.files import write_whole

PIECE = 15_000_000  # bytes
PIECES = 3
"""At most so many pieces of masks: other files have to find room too."""


def pack(study: Path, folder: Path, sparsity: float) -> None:
    """Write `folder`/study.tar.xz, a study without its masks, and masks.tar.0, .1, …: its masks at one sparsity.

    Masks that do not fit into `PIECES` pieces are left out, those of later seeds first.
    """
    results = io.BytesIO()
    with tarfile.open(fileobj=results, mode="w:xz") as archive:
        for path in sorted(study.rglob("*")):
            if path.is_file() and path.parent.name != "masks" and path.name[0] != ".":  # no lock and no draft
                archive.add(path, path.relative_to(study).as_posix())
    write_whole(folder / "study.tar.xz", results.getvalue())
    masks, room = io.BytesIO(), PIECES * PIECE - 100_000
    with tarfile.open(fileobj=masks, mode="w") as archive:
        by_seed = sorted(study.glob(f"masks/*_{sparsity:.2f}_*.safetensors"), key=lambda p: (_seed(p), p.name))
        for path in by_seed:
            if masks.tell() + path.stat().st_size > room:
                print(f"left out for want of room: {path.name}")
                continue
            archive.add(path, f"masks/{path.name}")
    whole = masks.getvalue() if by_seed else b""
    for number in range(PIECES):
        piece, path = whole[number * PIECE : (number + 1) * PIECE], folder / f"masks.tar.{number}"
        if piece:
            write_whole(path, piece)
        else:
            path.unlink(missing_ok=True)


def unpack(folder: Path, study: Path) -> None:
    """Make the study of the files that `pack` wrote."""
    study.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "study.tar.xz") as archive:
        archive.extractall(study, filter="data")
    (study / "masks").mkdir(exist_ok=True)
    whole = b"".join(path.read_bytes() for path in sorted(folder.glob("masks.tar.*")))
    if whole:
        with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            archive.extractall(study, filter="data")


def _seed(path: Path) -> int:
    return int(path.name.split("_s")[1].split("_")[0])
