"""Compression on the page itself: a model's own table, compressed while one looks, remembered between sessions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from neutral.compression import live
from neutral.compression.live import METHODS, ONE_SIZE, Request, TokenTable
from neutral.errors import NeutralError
from neutral.study import Study
from pages.parts import pickers
from pages.parts.compression import words
from pages.parts.compression.tables import TableChoice
from pages.parts.errors import told

if TYPE_CHECKING:  # torch takes seconds to import: only what computes imports it
    import torch

    from neutral.compression import Table

ROOT = Path(__file__).parents[3]
MODELS, TEXT = ROOT / "data" / "models", ROOT / "data" / "sentences"
AT_FIRST = METHODS[:4]  # together they answer within two seconds
RATIOS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0)
LARGEST = 50e6  # numbers in a table that is compressed live; larger ones take too long and too much memory

COLUMNS = {
    "method": "Method",
    "bytes": st.column_config.NumberColumn("By bytes", format="%.2f ×"),
    "parameters": st.column_config.NumberColumn("By parameters", format="%.2f ×"),
    "size": st.column_config.NumberColumn("MB", format="%.2f"),
    "cosine": st.column_config.NumberColumn("Cosine distance", format="%.4f"),
    "rmse": st.column_config.NumberColumn("RMSE", format="%.4f"),
    "mae": st.column_config.NumberColumn("MAE", format="%.4f"),
    "norm_ratio": st.column_config.NumberColumn("Length ratio", format="%.3f"),
    "neighbours": st.column_config.NumberColumn("Neighbours kept", format="percent"),
    "seconds": st.column_config.NumberColumn("Fit, s", format="%.2f"),
}


def models(study: Study) -> dict[str, Path]:
    """Return name -> folder of the models that are on this machine, the study's own first."""
    from neutral.compression import checkpoint

    named = str(study.info.get("model") or "")
    own = [Path(named), ROOT / named, MODELS / Path(named).name] if named else []
    own = [path for path in own if _is_there(path) and checkpoint.is_model(path)][:1]
    bundled = sorted(path for path in MODELS.glob("*") if checkpoint.is_model(path))
    return {path.name: path for path in [*own, *bundled]}


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no name of a file, as one that is too long
        return False


def pick(study: Study, choice: TableChoice, methods: tuple[str, ...]) -> Request | None:
    """Draw the pickers of a table; None, with a line that says why, if no model is here or it is too large."""
    folders, named = models(study), str(study.info.get("model") or "its model")
    if Path(named).name not in folders:
        st.info(words.no_model(named, another=bool(folders)), icon=":material/folder_off:")
    if not folders:
        return None
    columns = iter(st.columns([*([2] if len(folders) > 1 else []), *([2] if methods else []), 4]))
    name, method = next(iter(folders)), ""
    if len(folders) > 1:
        with next(columns):
            name = pickers.pick("Model", list(folders), "model")
    if methods:
        with next(columns):
            method = pickers.pick("Compressed by", methods, "compressor", default="direction")
    with next(columns):
        ratio = pickers.pick_number(f"Times smaller, by {choice.by}", RATIOS, "ratio", default=5.0)
    folder = folders[name]
    from neutral.compression import checkpoint

    rows, width = checkpoint.shape(folder)
    if rows * width > LARGEST:
        st.info(words.too_large(folder.name, rows, width))
        return None
    return Request(str(folder), live.stamp(folder), method, ratio, choice.by, choice.weights)


def show(study: Study, choice: TableChoice) -> None:
    """Compress by all closed-form methods at a ratio, row by row as they finish."""
    st.markdown("## Compress it now")
    request = pick(study, choice, ())
    if request is None:
        return
    chosen = pickers.pick_some("Methods", METHODS, "live", default=AT_FIRST)
    place, rows, problems = st.empty(), [], []
    for method in chosen:
        try:
            rows.append({"method": method, **errors(replace(request, method=method))})
        except NeutralError as error:
            problems.append(told(f"{method}: {error}"))
        if rows:
            place.dataframe(pd.DataFrame(rows)[list(COLUMNS)], hide_index=True, column_config=COLUMNS)
    size = model(request).matrix.shape
    st.caption(" ".join([words.full_table(*size, request.weights, ONE_SIZE), *problems]))


def model(request: Request) -> TokenTable:
    """Return the table and tokens of the model that a request names."""
    return _model(request.folder, request.changed)


@st.cache_resource(max_entries=3, show_spinner="Reading the model's table …")
def _model(folder: str, changed: tuple) -> TokenTable:
    return live.read(folder, TEXT)


@st.cache_resource(max_entries=32, show_spinner=False)
def fitted(request: Request) -> tuple[Table, float]:
    """See `live.fit`."""
    return live.fit(model(request), request)


@st.cache_data(max_entries=200, show_spinner=False)
def errors(request: Request) -> dict[str, float]:
    """Return the sizes and errors of a compressed table (`live.measure`), and the seconds that the fit took."""
    table, seconds = fitted(request)
    return {**live.measure(model(request), table), "seconds": seconds}


@st.cache_resource(max_entries=6, show_spinner=False)
def units(request: Request) -> torch.Tensor:
    """Return the compressed table's rows at length 1; those of the full table if the request has no method."""
    from neutral.compression import neighbours

    return neighbours.unit(fitted(request)[0].matrix() if request.method else model(request).matrix)
