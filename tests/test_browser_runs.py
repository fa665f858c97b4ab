"""Runs of the bundled model from the running app, in a real Chromium: nothing stands in for anything."""

import json
import os
import re
import signal
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from test_browser import WAIT, chromium, settled, tab  # noqa: F401  (fixtures)

from benchmarks.server import running, started
from neutral import home, jobs
from pages.parts import catalogue
from pages.parts.runs import draft
from pages.parts.runs.words import KINDS

pytestmark = pytest.mark.browser

PATIENCE = 300_000  # ms; a model loads slowly on a busy machine
QUICK = {"languages": ["en", "sw"], "method": "wanda", "steps": 0, "blocks": 2, "held_out": 2, "length": 32}
SLOW = {
    "languages": ["en", "fr", "sw"],
    "method": "magnitude",
    "halves": False,
    "steps": 6,
    "batch_size": 2,
    "held_out": 2,
    "length": 32,
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A home for runs, for the server and for what is asked here."""
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv("NEUTRAL_FOLDERS", str(tmp_path))
    monkeypatch.delenv(catalogue.VARIABLE, raising=False)
    yield tmp_path
    for run in jobs.all_jobs():
        for _ in range(2):  # the second time ends it at once
            jobs.stop(run.id)


def at_home():
    """The variable that lets the server have this test's home."""
    return {home.VARIABLE: os.environ[home.VARIABLE]}


def link(address, name, fields):
    """The form of a search, filled in."""
    filled = {"command": "find", "name": name, "fields": fields, "how": {"device": "cpu", "threads": "1"}}
    return f"{address}/runs?{urlencode({draft.ADDRESS: json.dumps(filled)})}"


def visit(tab, url):  # noqa: F811
    tab.goto(url)
    settled(tab)


def begin(tab):  # noqa: F811
    """Check what would happen, and start."""
    tab.get_by_role("button", name="Check").click()
    button = tab.get_by_role("button", name="Start")
    button.wait_for(timeout=PATIENCE)
    settled(tab)
    button.click()
    tab.wait_for_url(re.compile(rf"[?&]{draft.ONE}="))


def state_of(tab, name):  # noqa: F811
    """The card of the only run, once it is in a state."""
    tab.get_by_test_id("stBadge").or_(tab.locator("[data-testid=stMarkdownBadge]")).filter(has_text=name).wait_for(
        timeout=PATIENCE
    )


@pytest.mark.long
def test_a_run_on_the_bundled_model_is_checked_started_watched_finished_and_opened(tab, place):  # noqa: F811
    with running(**at_home()) as address:
        visit(tab, link(address, "Mine", QUICK))
        begin(tab)
        tab.get_by_role("progressbar").wait_for()
        tab.get_by_text(KINDS["masks"].link).click(timeout=PATIENCE)
        tab.wait_for_url(re.compile(r"/overlap\?study=Mine"))
        settled(tab)
        expect(tab.get_by_text(re.compile("wanda · 50% removed · 2 masks"))).to_be_visible()
        expect(tab.get_by_test_id("stException")).to_have_count(0)
    (run,) = jobs.all_jobs()
    assert run.state == "done"


@pytest.mark.long
def test_a_run_is_stopped_and_gone_on_with_over_reloads_and_in_two_sessions(tab, chromium, place):  # noqa: F811
    with running(**at_home()) as address:
        visit(tab, link(address, "Mine", SLOW))
        begin(tab)
        other = chromium.new_context().new_page()
        other.set_default_timeout(WAIT)
        visit(other, f"{address}/runs")
        tab.reload()
        settled(tab)
        for page in (tab, other):
            expect(page.get_by_text(re.compile(r"[1-9]\d* of \d+ units|[1-9]\d*%")).first).to_be_visible(
                timeout=PATIENCE
            )
        other.get_by_role("button", name="Stop").click()
        tab.get_by_role("button", name="Go on").click(timeout=PATIENCE)
        other.reload()  # nothing ran there, so it did not look again
        settled(other)
        for page in (tab, other):
            expect(page.get_by_text(KINDS["masks"].link)).to_be_visible(timeout=PATIENCE)
        other.get_by_text(KINDS["masks"].link).click()
        other.wait_for_url(re.compile(r"/overlap\?study=Mine"))
        settled(other)
        expect(other.get_by_text(re.compile("magnitude · 50% removed · 3 masks"))).to_be_visible()
        other.context.close()


@pytest.mark.long
def test_a_run_goes_on_while_the_server_is_killed_and_the_next_server_shows_it(tab, place):  # noqa: F811
    with started(**at_home()) as server:
        visit(tab, link(server.address, "Mine", SLOW))
        begin(tab)
        tab.get_by_role("button", name="Stop").wait_for()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    (run,) = jobs.all_jobs()
    pid = run.recorded.process.pid
    os.kill(pid, 0)  # it lives
    with running(**at_home()) as address:
        visit(tab, f"{address}/runs?{draft.ONE}={run.id}")
        assert jobs.get(run.id).recorded.process.pid == pid
        expect(tab.get_by_text("Mine").first).to_be_visible()
        tab.get_by_text(KINDS["masks"].link).wait_for(timeout=PATIENCE)
    assert jobs.get(run.id).state == "done"


@pytest.mark.long
def test_the_form_is_kept_over_another_page_and_a_reload(tab, place):  # noqa: F811
    with running(**at_home()) as address:
        visit(tab, f"{address}/runs")
        field = tab.get_by_role("textbox", name="Sparsity")
        field.fill("0.3")
        field.press("Enter")
        settled(tab)
        tab.get_by_test_id("stSidebar").get_by_text("Overlap", exact=True).click()
        tab.wait_for_url(re.compile(r"/overlap"))
        settled(tab)
        assert draft.ADDRESS not in tab.url.partition("?")[2]
        tab.get_by_test_id("stSidebar").get_by_text("Runs", exact=True).click()
        tab.wait_for_url(re.compile(r"/runs"))
        settled(tab)
        expect(tab.get_by_role("textbox", name="Sparsity")).to_have_value("0.3")
        tab.reload()
        settled(tab)
        expect(tab.get_by_role("textbox", name="Sparsity")).to_have_value("0.3")


@pytest.mark.long
@pytest.mark.parametrize("width", [390, 2560])
def test_nothing_sticks_out(tab, place, width):  # noqa: F811
    run = jobs.add(
        "typology", [], study=home.study("a" * 90), name="a" * 90, device="cpu", limits=jobs.Limits(), request={}
    )
    jobs.stop(run.id)
    tab.set_viewport_size({"width": width, "height": 844})
    with running(**at_home()) as address:
        for page in (f"runs?{draft.ONE}={run.id}", f"runs?{draft.ADDRESS}=%7B%7D"):
            visit(tab, f"{address}/{page}")
            assert tab.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.long
def test_a_typed_beginning_and_enter_take_the_name_in_the_list(tab, place):  # noqa: F811
    with running(**at_home()) as address:
        visit(tab, f"{address}/runs")
        box = tab.get_by_role("combobox", name="Model").first
        box.click()
        box.fill("mini")
        box.press("Enter")
        settled(tab)
        expect(box).to_have_value("mini-mbert (comes with the app)")
