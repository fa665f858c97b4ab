"""The scope of a run for which none is asked: as its study was made, else as suits the model."""

from __future__ import annotations

from pathlib import Path

from neutral import models
from neutral.selection import SCOPES
from neutral.study import Study


def used(scope: str, source: str, *places: tuple[str | Path, str, str], **options: object) -> str:
    """Return the scope that was asked for; if none was, that of the first place, else the model's usual one.

    Parameters
    ----------
    scope : str
        One of `SCOPES`, or "".
    source : str
        The model's id or folder: `models.natural_scope`.
    *places : (folder, task, name)
        Studies, which may not exist, and what their settings are called there, so that a run goes on as it began and
        controls are cut as the masks were.
    **options
        Go to the loader of the model's configuration.
    """
    if scope:
        return scope
    for folder, task, name in places:
        if (Path(folder) / "study.json").is_file():
            recorded = Study(folder).settings(task, name).get("scope")
            if recorded in SCOPES:
                return recorded
    return models.natural_scope(source, **options)
