"""Compression on the page itself: a model's own table, compressed while one looks, remembered between sessions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from neutral.errors import NeutralError
from neutral.study import Study
from pages.parts import pickers
from pages.parts.compression import tables
from pages.parts.compression.tables import Choice

if TYPE_CHECKING:  # torch takes seconds to import: only what computes imports it
    import numpy as np
    import torch
    from tokenizers import Tokenizer

    from neutral.compression import Table

ROOT = Path(__file__).parents[3]
MODELS, TEXT = ROOT / "data" / "models", ROOT / "data" / "sentences"
METHODS = ("svd", "direction", "int8", "int4", "mixed")
AT_FIRST = METHODS[:4]  # together they answer within two seconds
ONE_SIZE = ("int8", "int4")  # the ratio cannot be chosen
RATIOS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0)
LARGEST = 50e6  # numbers in a table that is compressed live; larger ones take too long and too much memory
_SAMPLE = 100  # tokens whose neighbours are compared

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


@dataclass(frozen=True)
class Asked:
    """Which table of which model: all that a result is remembered under."""

    folder: str
    changed: tuple  # of the model's files
    method: str
    ratio: float
    by: str
    weights: str

    @property
    def title(self) -> str:
        """What the compressed table is called."""
        return self.method if self.method in ONE_SIZE else f"{self.method} at {self.ratio:g} × by {self.by}"


@dataclass(frozen=True)
class Model:
    """A model's table and its tokens."""

    matrix: torch.Tensor  # (V, d) float32
    backend: Tokenizer
    pieces: list[str]
    scripts: np.ndarray  # (V,) ISO 15924
    frequency: np.ndarray  # (V,) sums to 1


def models(study: Study) -> dict[str, Path]:
    """Return name -> folder of the models that are on this machine, the study's own first."""
    from neutral.compression import checkpoint

    named = str(study.info.get("model") or "")
    own = [Path(named), ROOT / named, MODELS / Path(named).name] if named else []
    there = [path for path in own if checkpoint.is_model(path)][:1]
    bundled = sorted(path for path in MODELS.glob("*") if checkpoint.is_model(path))
    return {path.name: path for path in [*there, *bundled]}


def pick(study: Study, choice: Choice, methods: tuple[str, ...]) -> Asked | None:
    """Draw the pickers of a table; None, with a line that says so, where no model is on this machine."""
    there, named = models(study), str(study.info.get("model") or "its model")
    if Path(named).name not in there:
        st.info(
            f"This part needs the folder of {named}, which is not on this machine."
            + (" Shown instead: a model that is." if there else ""),
            icon=":material/folder_off:",
        )
    if not there:
        return None
    columns = iter(st.columns([*([2] if len(there) > 1 else []), *([2] if methods else []), 4]))
    name, method = next(iter(there)), ""
    if len(there) > 1:
        with next(columns):
            name = pickers.pick("Model", list(there), "model")
    if methods:
        with next(columns):
            method = pickers.pick("Compressed by", methods, "compressor", default="direction")
    with next(columns):
        ratio = pickers.pick_number(f"Times smaller, by {choice.by}", RATIOS, "ratio", default=5.0)
    folder = there[name]
    from neutral.compression import checkpoint

    rows, width = checkpoint.shape(folder)
    if rows * width > LARGEST:
        st.info(f"The table of {folder.name}, {rows:,} × {width}, is too large to be compressed here: use the shell.")
        return None
    return Asked(str(folder), _stamp(folder), method, ratio, choice.by, choice.weights)


def show(study: Study, choice: Choice) -> None:
    """Compress by all closed-form methods at a ratio, row by row as they finish."""
    st.markdown("##### Compress it now")
    asked = pick(study, choice, ())
    if asked is None:
        return
    chosen = pickers.pick_some("Methods", METHODS, "live", default=AT_FIRST)
    place, rows, problems = st.empty(), [], []
    for method in chosen:
        one = Asked(**{**vars(asked), "method": method})
        try:
            rows.append({"method": method, **errors(one)})
        except NeutralError as error:
            problems.append(f"{method}: {error}")
        if rows:
            place.dataframe(pd.DataFrame(rows)[list(COLUMNS)], hide_index=True, column_config=COLUMNS)
    matrix = model(asked.folder, asked.changed).matrix
    said = [
        f"Full table: {matrix.shape[0]:,} × {matrix.shape[1]}, {4 * matrix.numel() / 1e6:.3g} MB in float32.",
        f"Token weights: {tables.WEIGHTS[asked.weights]}.",
        f"{', '.join(ONE_SIZE)} have one size; mixed weighs by frequency and sees the table alone, not the model.",
    ]
    st.caption(" ".join([*said, *problems]))


def model(folder: str, changed: tuple) -> Model:
    """Return a model's table and tokens."""
    return _model(folder, changed)


@st.cache_resource(max_entries=3, show_spinner="Reading the model's table …")
def _model(folder: str, changed: tuple) -> Model:
    from neutral import corpora
    from neutral.compression import checkpoint, tokens

    backend, matrix = checkpoint.tokenizer(folder), checkpoint.matrix(folder)
    pieces = tokens.pieces(backend)
    text = {code: corpora.read_lines(path) for code, path in corpora.languages_in(TEXT).items()}
    frequency = tokens.mean_frequency(tokens.count(backend, text, len(matrix)))
    return Model(matrix, backend, pieces, tokens.scripts(pieces), frequency)


@st.cache_resource(max_entries=32, show_spinner=False)
def fitted(asked: Asked) -> tuple[Table, float]:
    """Return the compressed table and the seconds that it took."""
    from neutral import compression
    from neutral.compression import tokens

    source = model(asked.folder, asked.changed)
    # More bits for tokens that are used more is what `mixed` is.
    weights = tokens.weights("frequency" if asked.method == "mixed" else asked.weights, source.frequency)
    begun = time.perf_counter()
    ratio, by = (1.0, "bytes") if asked.method in ONE_SIZE else (asked.ratio, asked.by)
    table = compression.fit(source.matrix, asked.method, ratio, by=by, weights=weights)
    return table, time.perf_counter() - begun


@st.cache_data(max_entries=200, show_spinner=False)
def errors(asked: Asked) -> dict[str, float]:
    """Return the sizes and errors of a compressed table."""
    from neutral.compression import distortion as measured
    from neutral.compression.table import Rebuilt

    table, seconds = fitted(asked)
    matrix, rebuilt = model(asked.folder, asked.changed).matrix, Rebuilt.of(table)
    sizes = {"bytes": table.ratio("bytes"), "parameters": table.ratio("parameters"), "size": table.bytes / 1e6}
    return {**measured.measure(matrix, rebuilt, neighbours=_SAMPLE, seed=0), **sizes, "seconds": seconds}


@st.cache_resource(max_entries=6, show_spinner=False)
def units(asked: Asked) -> torch.Tensor:
    """Return the compressed table's rows at length 1; of the full table where no method is asked for."""
    from neutral.compression import neighbours

    full = model(asked.folder, asked.changed).matrix
    return neighbours.unit(fitted(asked)[0].matrix() if asked.method else full)


def _stamp(folder: Path) -> tuple:
    """Return what changes when a model does."""
    files = [*sorted(folder.glob("*.safetensors")), folder / "tokenizer.json"]
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
