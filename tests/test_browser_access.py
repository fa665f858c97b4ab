"""Access in a real Chromium: axe-core's findings, contrast in figures, what is announced, keys, and every width."""

import re
from itertools import pairwise
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect
from test_browser import WAIT, chromium, settled  # noqa: F401  (a fixture)

from benchmarks.server import running
from pages.parts import announce, export, keys

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
STUDY = "study=mini-mbert-mlm"
EVERYDAY = [("overlap", "light"), ("tickets", "dark")]
MORE = [
    *("", "language", "pair", "layers", "inside", "transfer", "masks", "compression", "runs"),
    "compare?pin=pair:mini-mbert-mlm:en,sw:magnitude:0.5:mlm:0:jaccard",
    *(f"typology?section={part}" for part in ("Distances", "World", "Graph", "Tree")),
]

HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter(each => each.checkVisibility()).map(each => Number(each.tagName[1]))"""

# Text of figures with a contrast below 4.5 to the page; what is written on cells has their colour for its ground.
PALE = """() => {
  const light = rgb => {
    const [r, g, b] = rgb.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const ground = numbers(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor);
  const pale = {};
  for (const text of document.querySelectorAll("[data-testid=stPlotlyChart] svg text")) {
    if (text.closest(".hm, .hoverlayer, .modebar") || /^[●○]$/.test(text.textContent)) continue;
    const style = getComputedStyle(text), ink = numbers(style.fill);
    const share = (ink[3] ?? 1) * parseFloat(style.fillOpacity) * parseFloat(style.opacity);
    const one = light([0, 1, 2].map(i => ink[i] * share + ground[i] * (1 - share))), other = light(ground);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) pale[text.textContent] = contrast;
  }
  return pale;
}"""

CUT = """() => [...document.querySelectorAll("[data-testid=stPageLink-NavLink]")].filter(
  link => link.checkVisibility() && link.getBoundingClientRect().right > 0
    && [link, ...link.querySelectorAll("*")].some(
    part => getComputedStyle(part).display !== "inline" && part.scrollWidth > part.clientWidth + 1)
).map(link => link.innerText)"""


@pytest.fixture(scope="module")
def server():
    """The address of the app with the bundled studies."""
    with running() as address:
        yield address


@pytest.fixture
def visit(chromium, server):  # noqa: F811
    """Opens a page in a window of some width and scheme."""
    contexts = []

    def opened(page, width=1366, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(2 * WAIT)
        contexts.append(context)
        tab = context.new_page()
        tab.goto(f"{server}/{page}{'&' if '?' in page else '?'}{STUDY}")
        settled(tab)
        return tab

    yield opened
    for context in contexts:
        context.close()


def findings(tab):
    """What axe-core finds on a page that is serious or critical: rule and element. Streamlit's own parts included."""
    tab.evaluate(AXE)
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def accessible(tab):
    tab.locator("[data-testid=stPlotlyChart] svg text, [data-testid=stCaptionContainer]").first.wait_for()
    assert findings(tab) == []
    assert tab.evaluate(PALE) == {}
    levels = tab.evaluate(HEADINGS)
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


@pytest.mark.parametrize(("page", "scheme"), EVERYDAY)
def test_axe_finds_nothing_serious_text_is_no_paler_than_4_5_and_headings_skip_no_level(visit, page, scheme):
    accessible(visit(page, scheme=scheme))


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", MORE)
def test_on_every_page_axe_finds_nothing_serious(visit, page, scheme):
    accessible(visit(page, scheme=scheme))


@pytest.mark.long
def test_a_page_says_that_it_computes_and_that_it_is_ready(visit):
    tab = visit("overlap")
    status = tab.get_by_role("status").and_(tab.locator(f"#{announce.ID}"))
    expect(status).to_have_count(1)
    app = tab.get_by_test_id("stApp")
    app.evaluate("e => e.setAttribute('data-test-script-state', 'running')")  # a run that takes its time
    expect(status).to_have_text(announce.COMPUTING)
    app.evaluate("e => e.setAttribute('data-test-script-state', 'notRunning')")
    expect(status).to_have_text(announce.READY)


def test_the_keyboard_reaches_a_figures_table_in_three_presses_and_leaves_it_in_one(visit):
    tab = visit("overlap")
    tab.locator("body").evaluate("() => { document.activeElement.blur(); }")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name=keys.TO_CONTENT)).to_be_focused()
    tab.keyboard.press("Tab")
    skip = tab.get_by_role("button", name=keys.TO_TABLE)
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    tab.keyboard.press("Enter")
    boxes = tab.get_by_test_id("stExpander").filter(has_text=export.LABEL)
    box = boxes.first
    expect(box.locator("summary")).to_be_focused()
    tab.keyboard.press("ArrowDown")
    expect(boxes.nth(1).locator("summary")).to_be_focused()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Enter")
    expect(box.get_by_test_id("stDataFrame").first).to_be_visible()
    expect(box.get_by_role("button", name="SVG", exact=True)).to_be_visible()
    settled(tab)
    tab.keyboard.press("Tab")
    assert box.evaluate("box => box.contains(document.activeElement) && document.activeElement.tagName !== 'SUMMARY'")
    tab.keyboard.press("Escape")
    expect(box.locator("summary")).to_be_focused()
    expect(box.get_by_test_id("stDataFrame")).to_have_count(0)


@pytest.mark.long
def test_after_a_page_is_picked_the_keyboard_is_at_its_title_and_one_link_leads_past_the_menu(visit):
    tab = visit("overlap")
    tab.get_by_test_id("stSidebar").get_by_role("link", name="Layers").focus()
    tab.keyboard.press("Enter")
    title = tab.get_by_role("heading", name="Layers", level=1)
    expect(title).to_be_focused()
    settled(tab)
    expect(title).to_be_focused()
    expect(tab.get_by_role("button", name=keys.TO_CONTENT)).to_have_count(1)
    expect(tab.get_by_test_id("stSkipToContent")).to_be_hidden()


@pytest.mark.long
def test_what_the_keyboard_is_on_has_a_ring_that_the_page_shown_has_not(visit):
    tab = visit("overlap")
    ring = "e => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth]; }"
    links = tab.get_by_test_id("stSidebar").get_by_role("link")
    shown, other = (links.filter(has_text=name).first for name in ("Overlap", "Layers"))
    assert shown.evaluate(ring)[0] == "none"
    other.evaluate("e => e.focus({ focusVisible: true })")
    assert other.evaluate(ring) == ["solid", "3px"]


@pytest.mark.long
def test_a_figure_comes_as_a_file_of_the_chosen_width(visit):
    tab = visit("overlap")
    box = tab.get_by_test_id("stExpander").filter(has_text=export.LABEL).first
    box.locator("summary").click()
    with tab.expect_download() as download:
        box.get_by_role("button", name="SVG", exact=True).click()
    assert download.value.suggested_filename == "overlap-jaccard.svg"
    assert re.match(r'<svg[^>]* width="85mm"', download.value.path().read_text())


@pytest.mark.long
def test_lines_of_text_are_short_and_links_whole(visit):
    tab = visit("", 2560)
    expect(tab.get_by_test_id("stMain").get_by_role("link", name="Which layers are shared")).to_be_visible()
    lines = tab.get_by_test_id("stMain").locator("[data-testid=stMarkdownContainer] > p").all()
    assert max(line.evaluate("e => e.clientWidth / parseFloat(getComputedStyle(e).fontSize)") for line in lines) < 48
    for width in (2560, 1024):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(CUT) == []


@pytest.mark.long
@pytest.mark.parametrize("page", ["", "typology?section=Distances", "transfer", "runs"])
def test_at_200_per_cent_links_are_whole(visit, page):
    assert visit(page, 1366 // 2).evaluate(CUT) == []


@pytest.mark.long
def test_on_a_phone_cells_are_wide_the_world_begins_in_its_middle_and_one_language_is_offered(visit):
    tab = visit("", 390)
    for plot in tab.locator("[data-testid=stPlotlyChart]").filter(has=tab.locator(".heatmaplayer")).all():
        expect(plot).to_be_attached()
        assert plot.evaluate("e => e.getBoundingClientRect().width") >= 520
    assert tab.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth")
    expect(tab.get_by_test_id("stPageLink").filter(has_text="For a phone")).to_be_visible()
    expect(visit("", 1366).get_by_test_id("stPageLink").filter(has_text="For a phone")).to_be_hidden()
    world = visit("typology?section=World", 390).locator(f'[class*="{announce.looks.MIDDLE}"]')
    expect(world).to_have_attribute("data-begun", "yes")
    assert world.evaluate("e => Math.abs(2 * e.scrollLeft - (e.scrollWidth - e.clientWidth))") <= 2


@pytest.mark.long
def test_on_a_phone_the_menu_gets_out_of_the_way_of_the_page_that_is_picked(visit):
    tab = visit("", 390)
    tab.get_by_test_id("stExpandSidebarButton").click()
    link = tab.get_by_test_id("stSidebar").get_by_text("Layers", exact=True)
    expect(link).to_be_in_viewport()
    link.click()
    tab.wait_for_url(re.compile("/layers"))
    expect(link).not_to_be_in_viewport()


WIDER = """() => [...document.querySelectorAll('[data-testid=stColumn]')].filter(column => column.checkVisibility())
  .flatMap(column => [...column.querySelectorAll('[data-testid=stPlotlyChart]')].filter(
    plot => plot.getBoundingClientRect().right > column.getBoundingClientRect().right + 1))
  .map(plot => plot.getBoundingClientRect().width)"""


@pytest.mark.long
@pytest.mark.parametrize("page", ["layers", "inside"])
def test_no_figure_is_wider_than_its_column(visit, page):
    tab = visit(page, 1440)
    for width in (1440, 1024, 2560):
        tab.set_viewport_size({"width": width, "height": 900})
        expect(tab.locator("[data-testid=stPlotlyChart] .heatmaplayer").first).to_be_attached()
        settled(tab)
        assert tab.evaluate(WIDER) == []
