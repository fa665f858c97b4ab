"""A model's folder on its way to machines that do not see it: in pieces in Ray's object store, once a machine."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neutral.errors import NeutralError, reading
from neutral.runs.engines.ray import held

if TYPE_CHECKING:
    import ray

PIECE = 64 * 2**20
"""Bytes of a file that are one object: of a large file neither side holds more at once."""

_TWICE = re.compile(r"pytorch_model.*\.bin|tf_model.*\.h5|flax_model.*\.msgpack|.*\.(onnx|ot)|optimizer\.pt")
"""Files that nobody reads where the weights are in safetensors."""


@dataclass(frozen=True)
class Parcel:
    """A packed folder; its key is a hash of what is in it."""

    name: str
    key: str
    files: tuple[tuple[str, tuple[ray.ObjectRef, ...]], ...]

    def unpacked(self) -> held.Held:
        """Return the folder that has it on this machine, where it is unpacked once."""
        return held.filled(self.key, self._unpack)

    def at(self, folder: held.Held) -> Path:
        """Return where the model is in the folder that it was unpacked into."""
        return folder.path / self.name

    def as_here(self, line: str, folder: str) -> str:
        """Return a line that a worker said, with the folder's name on the machine that packed it."""
        return re.sub(rf"\S*neutral-\d+-{self.key}/{re.escape(self.name)}", lambda _: folder, line)

    def _unpack(self, place: Path) -> None:
        import ray

        folder = place / self.name
        folder.mkdir()
        for name, pieces in self.files:
            if Path(name).name != name:
                raise NeutralError(f"{name}: is no name of a file in a model's folder")
            with (folder / name).open("xb") as file:
                for piece in pieces:
                    file.write(ray.get(piece))


def packed(folder: str | Path) -> Parcel:
    """Put a model's folder into the object store. Raises `FileError` for a file that cannot be read."""
    import numpy as np
    import ray

    folder, whole, files = Path(folder).resolve(), hashlib.sha256(), []
    for path in _files(folder):
        whole.update(f"{path.name}\n{path.stat().st_size}\n".encode())
        pieces = []
        with reading(path, "a file of a model"), path.open("rb") as file:
            while piece := file.read(PIECE):
                whole.update(piece)
                pieces.append(ray.put(np.frombuffer(piece, dtype=np.uint8)))
        files.append((path.name, tuple(pieces)))
    return Parcel(folder.name or "model", whole.hexdigest()[:32], tuple(files))


def _files(folder: Path) -> list[Path]:
    """Return the files that a model is loaded from: no folders below, nothing hidden, no weights in a second form."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    is_safe = any(path.suffix == ".safetensors" for path in files)
    return [path for path in files if not (is_safe and _TWICE.fullmatch(path.name))]
