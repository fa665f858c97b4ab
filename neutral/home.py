"""Where the app keeps what it makes: studies, runs, and uploads that wait to be saved."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "NEUTRAL_HOME"


def home() -> Path:
    """Return the folder that NEUTRAL_HOME names, by default ~/.local/share/neutral. It need not be there."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".local" / "share" / "neutral").absolute()


def studies() -> Path:
    """Return the folder of studies that the app made."""
    return home() / "studies"


def runs() -> Path:
    """Return the folder of the app's runs, a folder each."""
    return home() / "runs"


def uploads() -> Path:
    """Return the folder of uploads that can be found again, a folder for each link."""
    return home() / "uploads"
