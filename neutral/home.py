"""Where the app keeps what it makes: studies, runs and uploads, in a folder that its user alone may open.

`NEUTRAL_HOME`, by default `~/.local/share/neutral`, has

    studies/NAME     what the app made; its pages list them
    models/NAME      models that it made, and those that are put there to be chosen from
    text/NAME        text that is put there to be chosen from
    runs/ID          one run of the app (see `neutral.jobs`)
    uploads/TOKEN    one person's saved uploads
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from neutral.errors import FileError, NeutralError
from neutral.files import storing

VARIABLE = "NEUTRAL_HOME"

STUDIES = "NEUTRAL_STUDIES"
"""Environment variable: studies that the app shows beside its own, and folders of studies, with `:` between them."""

CHECKOUT = Path(__file__).resolve().parents[1]
"""The repository, if this is a checkout of it: it has the app's pages and `data/`, which the package has not."""

_BETWEEN = " ._+-\u200c\u200d"  # in names; the last two join and part letters, in Persian and Hindi
_LONGEST = 200  # bytes of a name


def home() -> Path:
    """Return the app's folder, which need not be there yet. Raises `NeutralError` where nothing says which it is."""
    if named := os.environ.get(VARIABLE, ""):
        return Path(os.path.abspath(Path(named).expanduser()))
    try:
        return Path.home() / ".local" / "share" / "neutral"
    except RuntimeError as error:
        raise NeutralError(
            f"{VARIABLE}: this user has no home folder; set it to a folder that may be written"
        ) from error


def studies() -> Path:
    """Return the folder of the studies that the app makes."""
    return home() / "studies"


def further_studies() -> list[Path]:
    """Return the studies, and folders of studies, that `NEUTRAL_STUDIES` names, as they are written there."""
    return [Path(name) for name in os.environ.get(STUDIES, "").split(os.pathsep) if name]


def models() -> Path:
    """Return the folder of the models that are the app's own."""
    return home() / "models"


def text() -> Path:
    """Return the folder of the text that is the app's own."""
    return home() / "text"


def runs() -> Path:
    """Return the folder of the runs of the app."""
    return home() / "runs"


def uploads() -> Path:
    """Return the folder of saved uploads."""
    return home() / "uploads"


def made(folder: Path) -> Path:
    """Return a folder of the app's, made if there is none; it and what it is in there are its user's alone (0700).

    Raises `StorageError` if it cannot be made.
    """
    with storing(folder):
        home().parent.mkdir(parents=True, exist_ok=True)
        for path in reversed([folder, *folder.parents]):
            if path.is_relative_to(home()):
                path.mkdir(mode=0o700, exist_ok=True)
    return folder


def study(name: str) -> Path:
    """Return the folder of a study of that name; it need not be there yet.

    Raises `NeutralError` for a name that is none of a folder: it has letters and digits of any script, and spaces,
    points, plus and minus signs between them.
    """
    return _named(studies(), name)


def study_called(title: str) -> Path:
    """Return the folder of a study that people call by a title, in any words; it need not be there yet.

    It is the title itself, if that is a name for a folder; else what is left of it. Raises `NeutralError` for a title
    without a letter or digit.

    >>> study_called("My masks").name, study_called("My masks, 50 %").name, study_called("../../Süß").name
    ('My masks', 'my-masks-50', 'süß')
    """
    if _is_name(title) and len(title.encode()) <= _LONGEST // 2:
        return studies() / title
    name = plainly(title)
    while len(name.encode()) > _LONGEST // 2:
        name = name[:-1]
    if not name.strip("-_"):
        raise NeutralError("the study needs a name with a letter or digit")
    return studies() / name.strip("-_")


def plainly(title: str) -> str:
    """Return a title's letters and digits alone, in small letters: two that differ in no more are one to people.

    >>> plainly("Mini-mBERT mlm"), plainly("mini-mbert-mlm")
    ('mini-mbert-mlm', 'mini-mbert-mlm')
    """
    return "-".join(re.findall(r"\w+", title.lower()))


def model(name: str) -> Path:
    """Return the folder of a model of that name, as `study` does."""
    return _named(models(), name)


def text_called(name: str) -> Path:
    """Return the folder of a text of that name, as `study` does."""
    return _named(text(), name)


def _named(folder: Path, name: str) -> Path:
    if not _is_name(name):
        raise NeutralError(f"{name!r}: is no name for a folder; take letters and digits, with spaces, . + or - between")
    return folder / name


def _is_name(name: str) -> bool:
    """Whether a name is letters, digits and their marks, of any script, with a few signs between."""
    inner = all(unicodedata.category(sign)[0] in "LNM" or sign in _BETWEEN for sign in name)
    ends = name[:1].isalnum() and name[-1] not in " ._\u200c\u200d"
    return inner and ends and len(name.encode("utf-8", "replace")) <= _LONGEST


def require_own(path: Path) -> Path:
    """Return the path of a study or a model that a run of the app may write: a folder in `studies` or `models`.

    Raises `FileError` for any other, and for one that is a link, or a file.
    """
    path = Path(path)
    if path.parent not in (studies(), models()) or not _is_name(path.name):
        raise FileError(path, f"is not a folder in {studies()}, where the app's runs write")
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise FileError(path, "is a link or a file, and a run of the app writes into a folder")
    return path
