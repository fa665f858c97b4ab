"""Which models' tables can be compressed on the page: the study's own, the bundled ones, those in allowed folders."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from neutral.errors import NeutralError
from neutral.jobs import folders
from neutral.study import Study
from pages.parts.runs import tables as places

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "data" / "models"
_KEPT = 300  # seconds for which a list of models counts


def models(study: Study) -> dict[str, Path]:
    """Return name -> folder of the models that this visitor may read here, the study's own first."""
    own = own_model(study)
    found = {own.name: own} if own else {}
    bundled = sorted(path for path in MODELS.glob("*") if _is_model(path))
    found |= {path.name: path for path in bundled if path.name not in found}
    known = {path.resolve() for path in found.values()}
    others = _others(tuple(map(str, places.roots())))
    return found | {name: Path(path) for name, path in others.items() if Path(path).resolve() not in known}


def own_model(study: Study) -> Path | None:
    """Return the folder of the model that a study is of, if it is here and this visitor may read it.

    Who sits at the machine may read what it names; others only what lies in the folders that are allowed.
    """
    named = str(study.info.get("model") or "")
    if not named:
        return None
    for path in (Path(named), ROOT / named, MODELS / Path(named).name):
        if _is_there(path) and _is_model(path) and (places.is_local() or _is_allowed(path)):
            return path
    return None


def named(study: Study) -> str:
    """Return how a command on this machine names the model that a study is of; "" if it is not here."""
    own = own_model(study)
    if own is None:
        return ""
    return str(own.relative_to(ROOT) if own.is_relative_to(ROOT) else own)


@st.cache_data(ttl=_KEPT, max_entries=8, show_spinner="Looking for models …")
def _others(roots: tuple[str, ...]) -> dict[str, str]:
    """Return name -> path of the models in the allowed folders."""
    among = [Path(root) for root in roots]
    found: dict[str, str] = {}
    for root in among:
        for path in folders.listing(root, among).models:
            if _is_model(path) and str(path) not in found.values():
                name = path.name if path.name not in found else f"{path.parent.name}/{path.name}"
                found.setdefault(name, str(path))
    return found


def _is_allowed(path: Path) -> bool:
    try:
        folders.within(path.resolve(), [*folders.roots(places.is_local()), MODELS])
    except NeutralError:
        return False
    return True


def _is_model(path: Path) -> bool:
    from neutral.compression import checkpoint

    return checkpoint.is_model(path)


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no name of a file, as one that is too long
        return False
