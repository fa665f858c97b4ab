"""Compression on the page itself: a model's own table, compressed while one looks, remembered between sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from neutral import glossary
from neutral.compression import choosing, live, results
from neutral.compression.live import METHODS, ONE_SIZE, Request, TokenTable
from neutral.errors import NeutralError
from neutral.study import Study
from pages.parts import errors as page_errors
from pages.parts import pickers
from pages.parts.compression import budget_words, models, tables, words
from pages.parts.compression.budget import Budget
from pages.parts.compression.tables import TableChoice
from pages.parts.errors import told
from pages.parts.runs import tables as places

if TYPE_CHECKING:  # torch takes seconds to import: only what computes imports it
    import torch

    from neutral.compression import Table

TEXT = models.ROOT / "data" / "sentences"
AT_FIRST = METHODS[:4]  # together they answer within two seconds
RATIOS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0)
LARGEST = 50e6  # numbers in a table that is compressed live; larger ones take too long and too much memory
_SHOWN = "_live_shown"
_KEPT = 200  # measured tables
_PALE = "#767676"  # rows of another ratio, until the new ones are there

COLUMNS = {
    "method": st.column_config.TextColumn("Method", help=glossary.line("compressor")),
    "asked": st.column_config.TextColumn("Shown at", help="The ratio that a row is of; a grey row is of the last one."),
    "bytes": st.column_config.NumberColumn("By bytes", format="%.2f ×", help=glossary.line("bytes")),
    "parameters": st.column_config.NumberColumn("By parameters", format="%.2f ×", help=glossary.line("parameters")),
    "size": st.column_config.NumberColumn("MB", format="%.2f"),
    "factor": st.column_config.NumberColumn("Perplexity, estimated", format="%.2f ×", help=glossary.line("estimate")),
    "cosine": st.column_config.NumberColumn("Cosine distance", format="%.4f", help=glossary.line("cosine")),
    "rmse": st.column_config.NumberColumn("RMSE", format="%.4f", help=glossary.line("rmse")),
    "mae": st.column_config.NumberColumn("MAE", format="%.4f", help=glossary.line("mae")),
    "norm_ratio": st.column_config.NumberColumn("Length ratio", format="%.3f", help=glossary.line("length_ratio")),
    "neighbours": st.column_config.NumberColumn("Neighbours kept", format="percent", help=glossary.line("neighbours")),
    "seconds": st.column_config.NumberColumn("Fit, s", format="%.2f", help="Seconds that the fit took on the server."),
}


def pick(study: Study, choice: TableChoice, methods: tuple[str, ...]) -> Request | None:
    """Draw the pickers of a table; None, with a line that says why, if no model is here or it is too large."""
    there, named = models.models(study), str(study.info.get("model") or "its model")
    if models.own_model(study) is None:
        st.info(words.no_model(named, another=bool(there)), icon=":material/folder_off:")
    if not there:
        return None
    columns = iter(st.columns([*([2] if len(there) > 1 else []), *([2] if methods else []), 4]))
    name, method = next(iter(there)), ""
    if len(there) > 1:
        with next(columns):
            name = pickers.pick("Model", list(there), "model", help=glossary.line("folder"))
    if methods:
        with next(columns):
            method = pickers.pick("Compressed by", methods, "compressor", default="direction")
    with next(columns):
        ratio = pickers.pick_number(f"Times smaller, by {choice.by}", RATIOS, "ratio", default=5.0)
    folder = there[name]
    from neutral.compression import checkpoint

    rows, width = checkpoint.shape(folder)
    if rows * width > LARGEST:
        st.info(words.too_large(folder.name, rows, width))
        return None
    return Request(str(folder), live.stamp(folder), method, ratio, choice.by, choice.weights)


def show(study: Study, choice: TableChoice, asked: Budget | None) -> None:
    """Compress by all closed-form methods at a ratio, row by row; a new ratio runs this part of the page alone."""
    st.markdown("## Compress it now")
    st.fragment(_show)(study, choice, asked)
    st.caption(words.folders([str(path) for path in places.own_roots()], local=places.is_local()))


def _show(study: Study, choice: TableChoice, asked: Budget | None) -> None:
    try:
        _compress(study, choice, asked)
    except Exception as error:  # Streamlit's own stop and rerun are none
        st.error(page_errors.line(error))


def _compress(study: Study, choice: TableChoice, asked: Budget | None) -> None:
    request = pick(study, choice, ())
    if request is None:
        return
    own = models.own_model(study)
    points = tables.every_curve(study, choice, asked.who) if asked and own and str(own) == request.folder else None
    if points is not None:
        estimates = choosing.estimates(points, request.ratio)
        st.markdown(words.estimates(estimates, request.ratio, choice.by, budget_words.name(asked.who)))
    chosen = pickers.pick_some("Methods", METHODS, "live", default=AT_FIRST)
    place, state, problems = st.empty(), st.empty(), []
    board = Board(request, chosen, points)
    for method in chosen:
        one = replace(request, method=method)
        if board.is_known(one):
            continue
        _draw(place, board.table())
        state.caption(words.computing(one.title))
        try:
            board.add(one, errors(one.deciding))
        except NeutralError as error:
            board.drop(method)
            problems.append(told(f"{method}: {error}"))
    state.empty()
    _draw(place, board.table())
    _take_home(
        [replace(request, method=method) for method in chosen if board.is_known(replace(request, method=method))]
    )
    size = model(request).matrix.shape
    st.caption(" ".join([words.full_table(*size, request.weights, ONE_SIZE), *problems]))


def _take_home(requests: Sequence[Request]) -> None:
    """Offer each table as a file, made on a click, and the commands that write a model folder with it."""
    if not requests:
        return
    with st.expander("Take a table home", icon=":material/download:"):
        st.caption(words.TAKE_HOME)
        with st.container(horizontal=True):
            for one in requests:
                st.download_button(
                    one.title,
                    lambda one=one: fitted(one)[0].to_bytes(),
                    file_name=one.file,
                    mime="application/octet-stream",
                    key=f"get-table-{one.method}",
                    icon=":material/download:",
                    on_click="ignore",
                )
        st.caption(words.TAKE_HOME_MODEL)
        st.code("\n".join(one.command for one in requests), language="sh", wrap_lines=True)


def _draw(place: st.delta_generator.DeltaGenerator, table: pd.DataFrame) -> None:
    if len(table):
        pale = list(table.index[table["old"]])
        shown = table[[name for name in COLUMNS if name in table]]
        styled = shown.style.set_properties(subset=(pale, list(shown)), color=_PALE) if pale else shown
        place.dataframe(styled, hide_index=True, column_config=COLUMNS)


class Board:
    """The rows that are shown: those of this request, and until these are there those that were shown last."""

    def __init__(self, request: Request, methods: Sequence[str], points: pd.DataFrame | None) -> None:
        self._request, self._methods, self._points = request, list(methods), points
        last = st.session_state.get(_SHOWN, {})
        self._rows = {m: row for m, row in last.items() if row["folder"] == request.folder and m in methods}
        for method in methods:
            one = replace(request, method=method)
            if (known := _measured().get(one.deciding)) is not None:
                self.add(one, known)

    def is_known(self, request: Request) -> bool:
        """Whether the row of a request is there."""
        row = self._rows.get(request.method)
        return row is not None and row["of"] == request.deciding

    def add(self, request: Request, measured: dict[str, float]) -> None:
        """Take the row of a request."""
        title = "its one size" if request.method in ONE_SIZE else f"{request.ratio:g} ×"
        row = {"method": request.method, "asked": title, **measured}
        self._rows[request.method] = row | {"of": request.deciding, "folder": request.folder}
        st.session_state[_SHOWN] = dict(self._rows)

    def drop(self, method: str) -> None:
        """Take a method's row away: what it is asked for it cannot reach."""
        self._methods.remove(method)
        self._rows.pop(method, None)
        st.session_state[_SHOWN] = dict(self._rows)

    def table(self) -> pd.DataFrame:
        """Return the rows, in the order of the methods; `old` says which are of another request."""
        rows = []
        for method in self._methods:
            one = replace(self._request, method=method)
            row = self._rows.get(method, {"method": method, "asked": "", "of": None})
            old = not self.is_known(one)
            said = f"{row['asked']} → {one.ratio:g} × …".removeprefix(" → ") if old else row["asked"]
            rows.append({**row, "asked": said, "old": old})
        table = pd.DataFrame(rows)
        if self._points is None or "bytes" not in table:
            return table
        lines = [self._line(method) for method in table["method"]]
        return table.assign(factor=choosing.estimated(self._points, lines, table[self._request.by]))

    def _line(self, method: str) -> str:
        """Return the line of a study that a method is here; none is `mixed`, which is given no metric of the model."""
        weights = "uniform" if method in ONE_SIZE else self._request.weights
        return "" if method == "mixed" else results.name_of(method, "", weights)


@st.cache_resource(max_entries=1)
def _measured() -> dict[Request, dict[str, float]]:
    """What was measured of tables on this server, the latest last: known before anything is computed."""
    return {}


def model(request: Request) -> TokenTable:
    """Return the table and tokens of the model that a request names."""
    return model_of(request.folder, request.changed)


@st.cache_resource(max_entries=3, show_spinner="Reading the model's table …")
def model_of(folder: str, changed: tuple) -> TokenTable:
    """Return the table and tokens of a model's folder; `changed` is its `live.stamp`."""
    return live.read(folder, TEXT)


@st.cache_resource(max_entries=32, show_spinner=False)
def _fitted(deciding: Request) -> tuple[Table, float]:
    return live.fit(model(deciding), deciding)


def fitted(request: Request) -> tuple[Table, float]:
    """See `live.fit`; requests that ask for the same table share it."""
    return _fitted(request.deciding)


def errors(request: Request) -> dict[str, float]:
    """Return the sizes and errors of a compressed table (`live.measure`), and the seconds that the fit took."""
    known = _measured()
    if request.deciding not in known:
        table, seconds = fitted(request)
        measured = {**live.measure(model(request), table), "seconds": seconds}
        while len(known) >= _KEPT:
            known.pop(next(iter(known)), None)
        known[request.deciding] = measured
    return known[request.deciding]


@st.cache_resource(max_entries=6, show_spinner=False)
def _units(deciding: Request) -> torch.Tensor:
    from neutral.compression import neighbours

    return neighbours.unit(fitted(deciding)[0].matrix() if deciding.method else model(deciding).matrix)


def units(request: Request) -> torch.Tensor:
    """Return the compressed table's rows at length 1; those of the full table if the request has no method."""
    return _units(request.deciding)
