"""What a pin's study is: one of the studies here, or the masks that were uploaded."""

from __future__ import annotations

from neutral.compare import PAPER, MaskPin, Pin
from neutral.errors import NeutralError
from neutral.language import nearest
from neutral.masksets import BesideStudy, MaskSet
from neutral.study import Study
from pages.parts import catalogue, uploads

UPLOADS = "@uploads"
"""In the place of a study's name: the first network of the uploaded masks; "@uploads 2" the second."""
WITH = " with "
"""Stands between that and the name of a study beside whose masks they are: "@uploads with mini"."""


def name_of(study: Study, about: str | None = None) -> str:
    """Return the name that a study has here; "" if it is not here any more."""
    return next((name for name, other in catalogue.studies(about)[0].items() if other.path == study.path), "")


def beside_members(masks: BesideStudy) -> tuple[str, ...]:
    """Return the members of masks beside a study's, for a pin; () where all of the study's languages are there."""
    held = masks.study.masks_of(*masks.choice)
    return () if set(held) <= set(masks.labels) else masks.members


def of_uploads(masks: MaskSet) -> str:
    """Return the name of a collection of uploaded masks, alone or beside a study's; "" for another."""
    beside = isinstance(masks, BesideStudy)
    for number, collection in enumerate(uploads.collections(), 1):
        if collection is masks or (beside and set(map(uploads.yours, collection.members)) <= set(masks.labels)):
            name = UPLOADS if number == 1 else f"{UPLOADS} {number}"
            return f"{name}{WITH}{name_of(masks.study)}" if beside else name
    return ""


def source_of(pin: Pin) -> catalogue.Source | None:
    """Return what a pin is of, None for the paper's tables. Raises `NeutralError` when it is not here."""
    name = pin.study
    if name == PAPER:
        return None
    if name.startswith(UPLOADS):
        return _of_uploads(pin)
    return _study(name, "compression" if pin.kind == "table" else None)


def _of_uploads(pin: MaskPin) -> MaskSet:
    """Return uploaded masks, alone or beside those of a study that the pin names."""
    name, _, study = pin.study.removeprefix(UPLOADS).partition(WITH)
    collections, number = uploads.collections(), name.strip() or "1"
    if not (number.isdecimal() and 0 < int(number) <= len(collections)):
        raise NeutralError("pins masks that somebody uploaded, and they are not here (any more)")
    collection = collections[int(number) - 1]
    if not study:
        return collection
    asked = {"task": pin.task, "method": pin.method, "sparsity": pin.sparsity, "seed": pin.seed}
    source = _study(study, None)
    choice = nearest.choice_of(source, **asked)
    chosen = () if pin.kind == "language" else pin.members
    joined = uploads.joined(source, choice, chosen, collection, kept=f"pinned {pin.text}")
    if joined is None:
        raise NeutralError("pins uploaded masks beside a study that keeps no masks of that network")
    return joined


def _study(name: str, about: str | None) -> Study:
    studies = catalogue.studies(about)[0]
    if name not in studies:
        raise NeutralError(f"there is no study called “{name}” here; there is {', '.join(studies) or 'none'}")
    return studies[name]
