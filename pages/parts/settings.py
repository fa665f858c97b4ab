"""What the page that runs was asked for, noted as it is asked: the settings that captions of its figures name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from neutral.study import Study

_KEPT = "_settings"
Setting = str | Sequence[str]


def begin() -> None:
    """Forget those of the page's last run."""
    st.session_state[_KEPT] = {"asked": {}, "source": dict}


def ask(label: str, value: Setting) -> None:
    """Note what a picker shows."""
    st.session_state.setdefault(_KEPT, {"asked": {}, "source": dict})["asked"][label] = value


def source(told: Callable[[], Mapping[str, Setting]]) -> None:
    """Note where what follows on the page comes from; `told` is called if a caption is asked for."""
    st.session_state.setdefault(_KEPT, {"asked": {}, "source": dict})["source"] = told


def of_study(study: Study) -> dict[str, Setting]:
    """Return what a caption says of a study."""
    return {"Study": study.info.get("title") or study.path.name, "Model": str(study.info.get("model") or "")}


def all_of_them() -> dict[str, Setting]:
    """Return label -> value: of the source first, then what else was asked for."""
    kept = st.session_state.get(_KEPT, {"asked": {}, "source": dict})
    told = dict(kept["source"]())
    return {**told, **{label: value for label, value in kept["asked"].items() if label not in told}}
