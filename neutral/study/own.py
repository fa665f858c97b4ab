"""The files of a study: plain files within its folder. A study from elsewhere shows no other files of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from neutral.errors import FileError, reading


def require_own(folder: Path, file: Path) -> None:
    """Raise `FileError` unless a study's `file`, where there is one, is a plain file that lies in the study's `folder`.

    A link out of the folder is refused: whoever sees the study would see what it leads to. A pipe or a device is
    refused: reading it would never end. The folder itself may be a link.
    """
    if not os.path.lexists(file):
        return
    require_inside(folder, file)
    if not file.is_file():
        raise FileError(file, "is a folder" if file.is_dir() else "is no file, but a pipe, a device or a broken link")


def require_inside(folder: Path, path: Path) -> None:
    """Raise `FileError` if a link leads from a study's file or folder to outside of the study."""
    with reading(path, "a file of a study"):  # links may go round in circles
        if not path.resolve().is_relative_to(folder.resolve()):
            raise FileError(path, "is a link to something outside of its study; put the file itself there")
