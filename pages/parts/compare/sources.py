"""What a pin's study is: one of the studies here, or the masks that were uploaded."""

from __future__ import annotations

from neutral.compare import Pin
from neutral.errors import NeutralError
from neutral.masksets import MaskSet
from neutral.study import Study
from pages.parts import catalogue, uploads

UPLOADS = "@uploads"
"""In the place of a study's name: the first network of the uploaded masks; "@uploads 2" the second."""


def name_of(study: Study, about: str | None = None) -> str:
    """Return the name that a study has here; "" if it is not here any more."""
    return next((name for name, other in catalogue.studies(about)[0].items() if other.path == study.path), "")


def of_uploads(masks: MaskSet) -> str:
    """Return the name of a collection of uploaded masks; "" for one that is made of them and a study's."""
    for number, collection in enumerate(uploads.collections(), 1):
        if collection is masks:
            return UPLOADS if number == 1 else f"{UPLOADS} {number}"
    return ""


def source_of(pin: Pin) -> catalogue.Source:
    """Return what a pin is of. Raises `NeutralError` when it is not here."""
    name = pin.study
    if name.startswith(UPLOADS):
        collections = uploads.collections()
        number = name.removeprefix(UPLOADS).strip() or "1"
        if number.isdecimal() and 0 < int(number) <= len(collections):
            return collections[int(number) - 1]
        raise NeutralError("pins masks that somebody uploaded, and they are not here (any more)")
    studies = catalogue.studies("compression" if pin.kind == "table" else None)[0]
    if name not in studies:
        raise NeutralError(f"there is no study called “{name}” here; there is {', '.join(studies) or 'none'}")
    return studies[name]
