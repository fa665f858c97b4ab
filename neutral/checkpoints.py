"""Checkpoints that a kill may tear: a seal, written last, tells a whole folder from a torn one."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from neutral.files import write_whole

SEAL = "whole.json"
"""The file that a whole folder has: name -> digest of each other file."""

BEGINNING = "checkpoint-"
"""How `transformers.Trainer` begins the names of its checkpoints; the number of steps follows."""


def seal(folder: str | Path) -> None:
    """Say of a folder that it is whole as it is now; its subfolders are not looked at."""
    folder = Path(folder)
    write_whole(folder / SEAL, json.dumps(_digests(folder), indent=1).encode())


def is_whole(folder: str | Path) -> bool:
    """Whether a folder was sealed and has not changed since, to the byte."""
    folder = Path(folder)
    try:
        return json.loads((folder / SEAL).read_bytes()) == _digests(folder)
    except (OSError, ValueError):
        return False


def last_whole(folder: str | Path) -> Path | None:
    """Return the whole checkpoint in `folder` with the most steps, None if there is none; later, torn ones are removed.

    So nothing of a torn one is left when training comes to its step again.
    """
    numbered = {}
    for path in Path(folder).glob(f"{BEGINNING}*/"):
        if path.name.removeprefix(BEGINNING).isdigit():
            numbered[int(path.name.removeprefix(BEGINNING))] = path
    for _, path in sorted(numbered.items(), reverse=True):
        if is_whole(path):
            return path
        shutil.rmtree(path)
    return None


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != SEAL and not path.name.endswith(".part"):
            with path.open("rb") as file:
                digests[path.name] = hashlib.file_digest(file, "blake2b").hexdigest()
    return digests
