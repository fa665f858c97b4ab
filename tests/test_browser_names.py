"""Names with markup in a real Chromium: nothing is asked for, no picture or link is made, a name reads as written."""

from urllib.parse import urlencode

import marked
import pytest
from marked import MARK, NAME
from test_browser import WAIT, chromium, settled  # noqa: F401  (a fixture)

from benchmarks.server import running
from pages.parts import catalogue

pytestmark = pytest.mark.browser

VIEWS = ["app"]
MORE = ["inside", "compression", "overlap", "pair", "layers", "transfer", "tickets", "typology"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of the app among studies whose names carry markup, two of them broken."""
    folder = marked.studies(tmp_path_factory.mktemp("marked"))
    for name in (f"broken {NAME}", "broken"):
        (folder / name).mkdir()
        (folder / name / "study.json").write_text("[]")
    with running(**{catalogue.VARIABLE: str(folder)}) as address:
        yield address


@pytest.fixture(scope="module")
def tab(chromium):  # noqa: F811
    """A tab that lets nothing out, and remembers what was asked for elsewhere."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.asked = []

    def guard(route):
        if route.request.url.startswith("http://localhost:"):
            route.continue_()
        else:
            page.asked.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    yield page
    context.close()


MADE = """() => [...document.querySelectorAll('img, a, .katex, .stMarkdownColoredText')].filter(made =>
    document.querySelector('[data-testid=stMain]').contains(made)
    && !made.closest('[data-testid=stPageLink]') && made.getAttribute('aria-label') !== 'Link to heading'
).map(made => made.outerHTML.slice(0, 300))"""
OPEN = "() => document.querySelectorAll('details:not([open]) > summary').forEach(summary => summary.click())"
SAID = """() => document.querySelector('[data-testid=stApp]').innerText + ' '
    + [...document.querySelectorAll('svg text')].map(text => text.textContent).join(' ')"""


def shown(tab, server, page, *, folded=False, **address):
    """Open a page; assert that no name takes effect on it, and return its words; `folded` leaves its boxes closed."""
    tab.goto(f"{server}/{'' if page == 'app' else page}?{urlencode(address)}")
    settled(tab)
    if not folded:  # opening a box runs the page again
        tab.evaluate(OPEN)
        tab.wait_for_timeout(300)
        settled(tab)
    assert tab.asked == []
    assert tab.evaluate(MADE) == []
    return " ".join(tab.evaluate(SAID).replace("\u2060", "").split())


@pytest.mark.parametrize("page", [*VIEWS, *(pytest.param(page, marks=pytest.mark.long) for page in MORE)])
def test_no_name_makes_a_picture_or_a_link_and_each_reads_as_it_was_written(tab, server, page):
    said = shown(tab, server, page, study=NAME, runs=NAME, tables="tables", part="Fine-tuning")
    assert MARK in said
    assert "2 studies cannot be read" in said


@pytest.mark.long
def test_no_token_makes_a_picture_or_a_link(tab, server):
    assert MARK in shown(tab, server, "compression", tables="tables", part="Tokens")


def test_an_address_makes_no_picture_or_link(tab, server):
    assert f"There is no study called “{MARK}” here." in shown(tab, server, "overlap", folded=True, study=MARK)
