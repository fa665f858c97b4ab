"""Uploads in a real Chromium: a reload, a link in another session, a deletion, a study; the question before leaving."""

import pytest
import synthetic
from test_browser import WAIT, asked, chromium, settled, tab, visit  # noqa: F401  (fixtures)

from benchmarks.server import running
from neutral import home, maskfiles
from pages.parts import catalogue, stored

pytestmark = pytest.mark.browser

MODEL = synthetic.Model(synthetic.shapes(2), 2)
CODES = ("en", "fr", "de", "ru", "hi", "sw")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for code in CODES:
        maskfiles.write(MODEL.mask(code, 0.5), folder / f"{code}.safetensors")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def server(studies, tmp_path_factory):
    """The address of the app with a home of its own."""
    own = {catalogue.VARIABLE: str(studies), home.VARIABLE: str(tmp_path_factory.mktemp("home"))}
    with running(**own) as address:
        yield address


@pytest.fixture
def other(chromium):  # noqa: F811
    """A tab of another visitor."""
    context = chromium.new_context()
    context.set_default_timeout(WAIT)
    yield context.new_page()
    context.close()


def upload(tab, server, files):  # noqa: F811
    visit(tab, f"{server}/masks?study=encoder&measure=Dice")
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)
    tab.get_by_text("What was read").first.wait_for()
    settled(tab)


def test_masks_outlive_a_reload_open_by_their_link_and_are_deleted_for_both(tab, other, server, files):  # noqa: F811
    upload(tab, server, files[:2])
    (link,) = asked(tab)[stored.KEY]
    assert asked(tab)["measure"] == ["Dice"]  # the address's other choices stay
    tab.reload()
    settled(tab)
    assert asked(tab)[stored.KEY] == [link]
    assert tab.get_by_role("textbox", name="Language or name").count() == 2
    shown = tab.get_by_test_id("stCode").first.inner_text()
    assert shown.strip() == f"{server}/masks?{stored.KEY}={link}"
    tab.get_by_test_id("stSidebar").get_by_text("Overlap", exact=True).click()
    tab.wait_for_url("**/overlap**")
    settled(tab)
    assert asked(tab)[stored.KEY] == [link]
    assert asked(tab)["measure"] == ["Dice"]
    visit(other, f"{server}/overlap?{stored.KEY}={link}&show=Your+masks")
    assert other.get_by_text("Your masks · 50% removed · 2 masks").is_visible()
    visit(other, shown.strip())
    other.get_by_role("button", name="Delete").click()
    other.get_by_text("What was read").first.wait_for(state="detached")
    settled(other)
    assert stored.KEY not in asked(other)
    tab.get_by_test_id("stSidebar").get_by_text("Your masks", exact=True).click()
    tab.get_by_text("deleted by somebody who has their link").wait_for()
    assert stored.KEY not in asked(tab)


def test_saved_masks_open_on_the_overlap_page_and_typology_works_on_them(tab, server, files):  # noqa: F811
    upload(tab, server, files)
    tab.get_by_role("textbox", name="Name of the study").fill("My six")
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.get_by_text("Overlap of my-six").click()
    tab.wait_for_url("**/overlap**")
    settled(tab)
    assert tab.get_by_text("My six · 50% removed · 6 masks").is_visible()
    assert asked(tab)["study"] == ["my-six"]
    tab.get_by_test_id("stSidebar").get_by_text("Typology", exact=True).click()
    tab.wait_for_url("**/typology**")
    settled(tab)
    assert tab.get_by_text("My six · 50% removed · 6 masks").is_visible()
    assert tab.get_by_text("Every distance").is_visible()
    assert tab.get_by_test_id("stAlertContentError").count() == 0


@pytest.mark.long
def test_where_nothing_is_stored_the_browser_asks_before_a_reload(tab, studies, files):  # noqa: F811
    said = []
    tab.on("dialog", lambda dialog: (said.append(dialog.type), dialog.accept()))
    with running(**{catalogue.VARIABLE: str(studies), stored.VARIABLE: "off"}) as server:
        upload(tab, server, files[:2])
        assert tab.get_by_text("This server stores no uploads").is_visible()
        tab.get_by_test_id("stSidebar").get_by_text("Overlap", exact=True).click()  # no reload, so nothing is asked
        tab.wait_for_url("**/overlap**")
        settled(tab)
        assert not said
        tab.get_by_test_id("stSidebar").click()  # a browser asks only who has clicked
        tab.reload()
        assert said == ["beforeunload"]
        visit(tab, f"{server}/masks")
        tab.reload()
        assert said == ["beforeunload"]  # there is nothing to lose any more
