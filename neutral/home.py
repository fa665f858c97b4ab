"""Where the app keeps what it makes: studies, runs, and uploads that wait to be saved."""

from __future__ import annotations

import os
import re
from pathlib import Path

from neutral.errors import NeutralError

VARIABLE = "NEUTRAL_HOME"


def home() -> Path:
    """Return the folder that NEUTRAL_HOME names, by default ~/.local/share/neutral. It need not be there."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".local" / "share" / "neutral").absolute()


def studies() -> Path:
    """Return the folder of studies that the app made."""
    return home() / "studies"


def study(name: str) -> Path:
    """Return the folder of a study that the app makes, of any name for people, which need not be there.

    Raises `NeutralError` for a name without a letter or digit.

    >>> study("My masks, 50 %").name, study("../../Süß").name
    ('my-masks-50', 'süß')
    """
    folder = "-".join(re.findall(r"\w+", name.lower()))
    while len(folder.encode()) > 100:
        folder = folder[:-1]
    if not folder.strip("-_"):
        raise NeutralError("the study needs a name with a letter or digit")
    return studies() / folder.strip("-")


def runs() -> Path:
    """Return the folder of the app's runs, a folder each."""
    return home() / "runs"


def uploads() -> Path:
    """Return the folder of uploads that can be found again, a folder for each link."""
    return home() / "uploads"
