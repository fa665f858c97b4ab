"""The functions of `neutral.figures`, remembered: what is drawn from the same table again is not drawn again.

Plotly takes 10 to 60 ms to make a figure, most of a rerun. Figures are shared between sessions, so no page changes one.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache, wraps
from hashlib import blake2b
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from neutral import figures

theme = figures.theme


def __getattr__(name: str) -> Any:
    """Return what `neutral.figures` has by that name."""
    found = getattr(figures, name)
    return _remembered(name) if callable(found) and not isinstance(found, type) else found


@cache
def _remembered(name: str) -> Callable[..., go.Figure]:
    function = getattr(figures, name)

    @wraps(function)
    def call(*arguments: object, **options: object) -> go.Figure:
        asked = blake2b(pickle.dumps((arguments, options)), digest_size=16).hexdigest()
        return _drawn(name, asked, arguments, options)

    return call


@st.cache_resource(max_entries=100, show_spinner=False)
def _drawn(name: str, asked: str, _arguments: tuple, _options: dict) -> go.Figure:
    return getattr(figures, name)(*_arguments, **_options)
