"""Uploads in a real Chromium: they become a study, and the browser asks before they are lost."""

import pytest
import synthetic
from playwright.sync_api import expect
from test_browser import WAIT, asked, chromium, settled, tab, visit  # noqa: F401  (fixtures)

from benchmarks.server import running
from neutral import maskfiles
from pages.parts import catalogue, stored

pytestmark = [pytest.mark.browser, pytest.mark.long]

MODEL = synthetic.Model(synthetic.shapes(2), 2)
CODES = ("en", "fr", "de", "ru", "hi", "sw")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for code in CODES:
        maskfiles.write(MODEL.mask(code, 0.5), folder / f"{code}.safetensors")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def server(studies):
    """The address of the app, started as a user starts it."""
    with running(**{catalogue.VARIABLE: str(studies)}) as address:
        yield address


def upload(tab, server, files):  # noqa: F811
    visit(tab, f"{server}/masks?study=encoder&measure=Dice")
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)
    tab.get_by_text("What was read").first.wait_for()
    settled(tab)


def test_saved_masks_open_on_the_overlap_page_and_typology_works_on_them(tab, server, files):  # noqa: F811
    upload(tab, server, files)
    tab.get_by_role("textbox", name="Name of the study").fill("My six")
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.get_by_text("Overlap of My six").click()
    tab.wait_for_url("**/overlap**")
    settled(tab)
    expect(tab.get_by_text("My six · 50% removed · 6 masks")).to_be_visible()
    assert asked(tab)["study"] == ["My six"]
    tab.get_by_test_id("stSidebar").get_by_text("Typology", exact=True).click()
    tab.wait_for_url("**/typology**")
    settled(tab)
    expect(tab.get_by_text("My six · 50% removed · 6 masks")).to_be_visible()
    expect(tab.get_by_text("Every distance")).to_be_visible()
    expect(tab.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_where_nothing_is_stored_the_browser_asks_before_a_reload(tab, studies, files):  # noqa: F811
    said = []
    tab.on("dialog", lambda dialog: (said.append(dialog.type), dialog.accept()))
    with running(**{catalogue.VARIABLE: str(studies), stored.VARIABLE: "off"}) as server:
        upload(tab, server, files[:2])
        expect(tab.get_by_text("This server stores no uploads")).to_be_visible()
        tab.get_by_test_id("stSidebar").get_by_text("Overlap", exact=True).click()  # no reload, so nothing is asked
        tab.wait_for_url("**/overlap**")
        settled(tab)
        assert not said
        tab.get_by_test_id("stSidebar").click(position={"x": 8, "y": 8})  # a browser asks only who has clicked
        tab.reload()
        assert said == ["beforeunload"]
        visit(tab, f"{server}/masks")
        tab.reload()
        assert said == ["beforeunload"]  # there is nothing to lose any more
