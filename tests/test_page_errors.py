"""What a visitor sees of an error: one line, without a traceback and without a path of the server; the log has both."""

import json
import re

import pytest
import synthetic
from apppages import only, opened, text
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from neutral.errors import NeutralError
from pages.parts import catalogue, errors, frame

ID = re.compile(r"Something went wrong \(id ([0-9a-f]{6})\); the details are in the server's log\.")

RAISES = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st
from pages.parts.errors import guarded
from pages.parts.frame import page

def fail(*_):
    raise {error}

where = {where!r}
if where == "callback":
    st.button("press", on_click=guarded(fail))
with page("Trial", choose=fail if where == "sidebar" else lambda notices: [1]):
    if where == "cached":
        st.cache_data(fail)()
    if where == "body":
        fail()
    if where == "stop":
        st.stop()
    if where == "rerun" and st.session_state.setdefault("runs", 0) < 1:
        st.session_state["runs"] += 1
        st.rerun()
    st.text("the end")
"""


@pytest.fixture
def log(caplog, monkeypatch, request):
    """What the server's log says."""
    monkeypatch.setattr(frame, "PAGES", frame.PAGES if "study" in request.node.name else ())  # the trial page is alone
    monkeypatch.setattr(errors.LOG, "propagate", True)
    errors._log_once.cache_clear()
    return caplog


def page_that(where, error="ValueError('/srv/app/secret.bin is odd')"):
    at = AppTest.from_string(RAISES.format(root=str(ROOT), where=where, error=error), default_timeout=30)
    at.run()
    if where == "callback":
        at.button[0].click().run()
    return at


@pytest.mark.parametrize("where", ["body", "sidebar", "cached", "callback"])
def test_an_error_that_nobody_foresaw_is_an_id_on_the_page_and_a_traceback_in_the_log(where, log):
    at = page_that(where)
    assert not at.exception
    (number,) = ID.findall(text(at))
    assert "secret.bin" not in text(at)
    assert "Traceback" not in text(at)
    (record,) = [record for record in log.records if number in record.getMessage()]
    assert "/srv/app/secret.bin" in record.getMessage()
    assert record.exc_info[0] is ValueError


def test_two_errors_have_two_ids(log):
    assert ID.findall(text(page_that("body"))) != ID.findall(text(page_that("body")))


@pytest.mark.parametrize(("where", "ends"), [("stop", False), ("rerun", True)])
def test_streamlits_own_stop_and_rerun_are_no_errors(where, ends, log):
    at = page_that(where)
    assert not at.exception
    assert not at.error
    assert not [record for record in log.records if record.name == errors.LOG.name]
    said = [element.value for element in at.text if element.value != "?"]  # the link to the page
    assert said == ["the end"] * ends


def test_a_broken_study_is_named_without_the_servers_folders(tmp_path, monkeypatch, log):
    folder = tmp_path / "srv" / "results"
    synthetic.two_language_study(folder / "good")
    (folder / "bad").mkdir()
    (folder / "bad" / "study.json").write_text("no JSON")
    (folder / "worse").mkdir()
    (folder / "worse" / "study.json").write_text(json.dumps([1]))
    only(folder, tmp_path, monkeypatch)
    at = opened("app.py")
    assert "bad/study.json: " in text(at)
    assert str(tmp_path) not in text(at)
    assert any(str(folder / "bad" / "study.json") in record.getMessage() for record in log.records)


@pytest.mark.parametrize("given", ["absolute", "relative", "itself"])
def test_a_studys_file_keeps_the_studys_name_and_no_folder_above_it(given, tmp_path, monkeypatch, log):
    study = tmp_path / "my runs" / "mine"
    study.mkdir(parents=True)
    (study / "study.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    named = {"absolute": tmp_path / "my runs", "relative": "my runs", "itself": study}[given]
    monkeypatch.setenv(catalogue.VARIABLE, str(named))
    shown = (study if given != "relative" else study.relative_to(tmp_path)) / "results.jsonl"
    assert errors.line(NeutralError(f"{shown}: line 3 is odd")) == "mine/results.jsonl: line 3 is odd"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("/opt/models/bert/config.json: no JSON", "config.json: no JSON"),
        ("see “/var/lib/x/a.npz” and '/tmp/b.pt'", "see “a.npz” and 'b.pt'"),
        ("encoder/layer/0 has 3 of 4 weights, 50% / 60%", "encoder/layer/0 has 3 of 4 weights, 50% / 60%"),
        ("en/mask.pt: is empty", "en/mask.pt: is empty"),
        (f"{ROOT}/data/studies/x/counts/a.safetensors: cut short", "x/counts/a.safetensors: cut short"),
    ],
)
def test_paths_of_the_server_are_left_out_and_other_slashes_are_not(message, shown, log):
    assert errors.without_paths(message) == shown
