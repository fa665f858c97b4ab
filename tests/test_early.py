"""What the server gets ready before a visitor comes: a page connects when it is there, and finds it remembered."""

import asyncio
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
import streamlit as st
from apppages import only, opened
from conftest import ROOT

from neutral import summary
from pages.parts import catalogue, early, memory, views
from pages.parts.overlap import overview


@pytest.fixture
def on_pages(studies, tmp_path, monkeypatch):
    only(studies, tmp_path, monkeypatch)


def test_a_page_connects_once_all_is_imported_and_files_are_served_at_once(monkeypatch):
    imported, passed = Event(), []
    monkeypatch.setattr(early, "_imported", imported)

    async def app(scope, receive, send):
        passed.append(scope["type"])

    async def ask():
        waiting = early.Waiting(app)
        page = asyncio.create_task(waiting({"type": "websocket"}, None, None))
        await waiting({"type": "http"}, None, None)
        await asyncio.sleep(0.05)
        before = list(passed)
        imported.set()
        await page
        return before

    assert asyncio.run(ask()) == ["http"]
    assert passed == ["http", "websocket"]


@pytest.mark.parametrize("first", ["no.such.module", "pages.parts.text"])  # has nothing to get ready
def test_what_cannot_be_got_ready_keeps_no_page_waiting(first, monkeypatch):
    monkeypatch.setattr(early, "_FIRST", first)
    monkeypatch.setattr(early, "_imported", Event())
    early._get_ready()
    assert early._imported.is_set()


def test_the_overview_computes_and_draws_nothing_of_what_was_got_ready(on_pages, monkeypatch):
    for shelf in (*catalogue.SHELVES, memory._MADE):
        shelf.clear()
    overview.get_ready()
    view = views.at_first()
    for name in ("pairs", "levels", "kinship", "across_sparsity", "counts_of"):
        monkeypatch.setattr(summary, name, None)
    at = opened("app.py")
    assert not at.exception
    assert not at.error, at.error[0].value
    assert len(at.get("plotly_chart")) > 1
    assert at.selectbox(key="study").value == view.source.path.name
    assert len(view.members) == 11


def test_without_a_study_there_is_nothing_to_get_ready(monkeypatch):
    monkeypatch.setattr("pages.parts.catalogue.studies", lambda about=None: ({}, []))
    assert views.at_first() is None
    overview.get_ready()


def test_streamlit_serves_the_app_and_imports_no_tables_for_that():
    """`import app` is what `streamlit run` does before it listens."""
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from streamlit.web.server.app_discovery import discover_asgi_app
from pathlib import Path
assert discover_asgi_app(Path({str(ROOT / "app.py")!r})).import_string == "app:app"
import app
assert app.app.script_path == Path({str(ROOT / "app.py")!r})
assert not {{"pandas", "neutral.summary", "pages.parts.frame"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_plotly_is_one_script_of_streamlit_and_pages_with_figures_ask_for_it(on_pages):
    assert (Path(st.__file__).parent / "static" / "static" / "js" / early._plotly()).stat().st_size > 1e6
    asked = [html.proto.body for html in opened("pages/pair.py").get("html") if early._plotly() in html.proto.body]
    assert len(asked) == 1
    assert not [html for html in opened("pages/runs.py").get("html") if early._plotly() in html.proto.body]


def test_the_app_begins_as_the_server_starts_and_is_shown_where_somebody_sits(monkeypatch):
    begun, shown = Event(), []
    options = {"server.headless": False, "server.port": 8501, "server.baseUrlPath": "/neutral/"}
    options |= {"server.sslCertFile": None, "browser.serverAddress": "localhost"}
    monkeypatch.setattr(early.st, "get_option", options.get)
    monkeypatch.setattr(early, "_get_ready", begun.set)
    monkeypatch.setattr(early.webbrowser, "open", shown.append)

    async def start():
        async with early.lifespan(None):
            assert begun.wait(5)

    asyncio.run(start())
    options["server.headless"] = True
    asyncio.run(start())
    assert shown == ["http://localhost:8501/neutral"]
