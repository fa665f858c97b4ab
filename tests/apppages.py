"""Pages of the app without a browser: open one as a link does, and read what is on it."""

import base64
import json
from functools import cache

import numpy as np
from conftest import ROOT
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from pages.parts import catalogue

# A server asks all installed packages once whether they bring components. Every AppTest asks them again, which takes
# longer than a page.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

_WORDS = ("title", "header", "markdown", "caption", "info", "warning", "error")


def opened(page, **address):
    """A page as a link opens it on a fresh server."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for key, value in address.items():
        at.query_params[key] = value
    if page != "app.py":
        at.switch_page(page)
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def text(at):
    """All the words on a page."""
    return "\n".join(str(element.value) for kind in _WORDS for element in getattr(at, kind))


def charts(at):
    """The figures on a page, as plotly's JSON."""
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def numbers(values):
    """The numbers of a figure's axis, which plotly packs."""
    if isinstance(values, list):
        return values
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()


def only(folder, nowhere, monkeypatch):
    """Let the app find the studies of a folder, and no others; `nowhere` is a folder that holds none."""
    monkeypatch.setenv(catalogue.VARIABLE, str(folder))
    monkeypatch.setattr(catalogue, "BUNDLED", nowhere / "none")


def named(at):
    """The fields in which uploaded masks are named."""
    return [field for field in at.text_input if field.label == "Language or name"]
