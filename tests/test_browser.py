"""The running app in a real headless Chromium: addresses, clicks, uploads, downloads."""

import os
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import synthetic
from playwright.sync_api import expect, sync_playwright

from benchmarks.server import CHROMIUM, running
from neutral import maskfiles
from neutral.masks import Mask
from pages.parts import catalogue, export, links, stored
from pages.parts.text import file_name

pytestmark = pytest.mark.browser

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 60_000  # ms
expect.set_options(timeout=WAIT)


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; where there is none the tests are skipped, in CI they fail."""
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("browser tests need Chromium (apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(studies):
    """The address of the app, started as a user starts it."""
    with running(**{catalogue.VARIABLE: str(studies)}) as address:
        yield address


@pytest.fixture
def tab(chromium):
    """A tab of a visitor of its own, that remembers which hosts were asked."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, accept_downloads=True)
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.hosts = set()
    page.on("request", lambda request: page.hosts.add(urlsplit(request.url).hostname))
    yield page
    context.close()


# A widget whose code is still on its way has a grey bar in its place.
QUIET = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  const waits = document.querySelector('[data-testid=stSkeleton]');
  const busy = !app || waits || app.getAttribute('data-test-script-state') !== 'notRunning';
  if (busy) window.quietSince = 0;
  else window.quietSince ||= performance.now();
  return !busy && performance.now() - window.quietSince > 500;
}"""


def settled(tab):
    """Wait until the page's script has run to its end, and no other run has begun for half a second."""
    tab.get_by_test_id("stHeading").first.wait_for()
    tab.evaluate("window.quietSince = 0")
    tab.wait_for_function(QUIET)


def visit(tab, url):
    tab.goto(url)
    settled(tab)


def choose(tab, label, option):
    """Choose in a selectbox, as a person does."""
    box = tab.get_by_test_id("stSelectbox").filter(has_text=label).locator("input")
    box.scroll_into_view_if_needed()  # scrolling closes the list of options
    tab.wait_for_timeout(100)
    box.click()
    tab.get_by_role("option", name=option, exact=True).click()
    tab.wait_for_timeout(300)
    settled(tab)


def asked(tab):
    """What the address says."""
    return parse_qs(urlsplit(tab.url).query)


def click_cell(tab, row, column, n=11):
    """Click a cell of the first heatmap."""
    plot = tab.locator(".js-plotly-plot").first
    plot.locator(".xy .heatmaplayer image, .xy .heatmaplayer").first.wait_for(state="attached")
    plot.scroll_into_view_if_needed()
    box = plot.locator(".nsewdrag").first.bounding_box()
    tab.mouse.move(box["x"] + (column + 0.5) * box["width"] / n, box["y"] + (row + 0.5) * box["height"] / n)
    tab.wait_for_timeout(250)  # plotly selects what the pointer hovers over
    tab.mouse.down()
    tab.mouse.up()


def test_the_app_opens_and_asks_no_other_host(tab, server):
    visit(tab, f"{server}/?study=encoder")
    expect(tab.get_by_role("heading", name="Which weights do languages share?")).to_be_visible()
    tab.locator(".js-plotly-plot").nth(2).wait_for()
    expect(tab.get_by_test_id("stException")).to_have_count(0)
    assert tab.hosts == {"localhost"}


@pytest.mark.long
def test_a_clicked_cell_shows_the_pair_beside_the_matrix_which_is_pinned_and_compared(tab, server):
    visit(tab, f"{server}/overlap?study=encoder")
    click_cell(tab, row=0, column=10)
    expect(tab.get_by_role("heading", name="Russian and Chinese")).to_be_visible()
    settled(tab)
    assert "/overlap" in tab.url
    assert (asked(tab)["a"], asked(tab)["b"]) == (["Russian"], ["Chinese"])
    matrix = tab.locator(".js-plotly-plot").first.bounding_box()
    beside = tab.get_by_role("heading", name="Russian and Chinese").bounding_box()
    assert beside["x"] > matrix["x"] + matrix["width"]
    tab.get_by_role("button", name="Pin", exact=True).last.click()
    expect(tab.get_by_role("button", name="Pinned")).to_be_visible()
    click_cell(tab, row=2, column=9)
    expect(tab.get_by_role("heading", name="English and Swahili")).to_be_visible()
    settled(tab)
    tab.get_by_role("button", name="Pin", exact=True).last.click()
    expect(tab.get_by_role("button", name="Pinned")).to_be_visible()
    settled(tab)
    tab.get_by_test_id("stSidebar").get_by_text("Compare (2)", exact=True).click()
    tab.wait_for_url(re.compile(r"/compare\?"))
    for _ in range(2):  # a reload keeps what is pinned
        expect(tab.get_by_text("English and Swahili share")).to_be_visible()
        expect(tab.locator(".js-plotly-plot")).to_have_count(3)
        assert len(asked(tab)["pin"]) == 2
        tab.reload()
    settled(tab)
    tab.get_by_role("button", name="Take away").first.click()
    expect(tab.get_by_text("One view is pinned.")).to_be_visible()
    settled(tab)
    assert asked(tab)["pin"] == ["pair:encoder:en,sw:magnitude:0.5:mlm:0:jaccard"]


@pytest.mark.long  # beside a wide matrix the pair is clicked above
def test_the_pair_beside_the_matrix_is_below_it_on_a_phone_and_leads_to_its_page(tab, server):
    tab.set_viewport_size({"width": 390, "height": 800})
    visit(tab, f"{server}/overlap?study=encoder&a=Russian&b=Chinese")
    heading = tab.get_by_role("heading", name="Russian and Chinese")
    expect(heading).to_be_visible()
    matrix = tab.locator(".js-plotly-plot").first.bounding_box()
    assert heading.bounding_box()["y"] > matrix["y"] + matrix["height"]
    tab.get_by_role("button", name="Open the pair").click()
    tab.wait_for_url(re.compile(r"/pair"))
    settled(tab)
    assert asked(tab)["b"] == ["Chinese"]  # Russian is the default, which the address leaves out
    expect(tab.get_by_text("Russian and Chinese:")).to_be_visible()


@pytest.mark.long
def test_what_is_chosen_is_in_the_address_and_the_link_shows_it_to_another_visitor(tab, server, chromium):
    visit(tab, f"{server}/overlap?study=encoder")
    choose(tab, "Measure", "Dice")
    choose(tab, "Method", "Wanda")
    choose(tab, "Sparsity", "70%")
    choose(tab, "Layer", "Encoder 3")
    address = asked(tab)
    assert {
        "measure": ["Dice"],
        "method": ["Wanda"],
        "sparsity": ["70%"],
        "layer": ["Encoder 3"],
    }.items() <= address.items()
    other = chromium.new_context().new_page()
    other.set_default_timeout(WAIT)
    visit(other, tab.url)
    expect(other.get_by_text("Synthetic encoder · wanda · 70% removed · 11 masks · Encoder 3")).to_be_visible()
    assert asked(other) == address
    other.context.close()


def test_the_link_to_copy_says_every_choice_and_a_code_in_a_link_is_a_language(tab, server):
    visit(tab, f"{server}/language?study=encoder&language=swa&measure=Foo")
    expect(tab.get_by_text("Measure: there is no “Foo” here, so this shows Jaccard.")).to_be_visible()
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    scripts = []
    tab.on("request", lambda request: scripts.append(request.url))
    tab.get_by_role("button", name="Copy link").click()
    expect(tab.get_by_text(links.COPIED)).to_be_visible()
    expect(tab.get_by_test_id("stPopoverBody")).to_have_count(0)
    assert not scripts, "nothing is loaded for it"
    link = parse_qs(urlsplit(tab.evaluate("navigator.clipboard.readText()")).query)
    assert link == {
        "study": ["encoder"],
        "task": ["Masked language modelling"],
        "method": ["Magnitude"],
        "sparsity": ["50%"],
        "seed": ["0"],
        "show": ["Study"],
        "language": ["Swahili"],
        "measure": ["Jaccard"],
    }


@pytest.mark.long
def test_the_menu_and_a_clicked_cell_keep_the_choices(tab, server):
    visit(tab, f"{server}/overlap?study=encoder&method=Wanda&measure=Phi")
    tab.get_by_test_id("stSidebar").get_by_text("Layers", exact=True).click()
    tab.wait_for_url(re.compile(r"/layers"))
    settled(tab)
    assert asked(tab)["method"] == ["Wanda"]
    assert asked(tab)["measure"] == ["Phi"]
    tab.get_by_test_id("stSidebar").get_by_text("Overlap", exact=True).click()
    tab.wait_for_url(re.compile(r"/overlap"))
    settled(tab)
    click_cell(tab, row=2, column=3)
    tab.get_by_role("button", name="Open the pair").click()
    tab.wait_for_url(re.compile(r"/pair\?"))
    settled(tab)
    assert asked(tab)["method"] == ["Wanda"]
    assert asked(tab)["measure"] == ["Phi"]
    expect(tab.get_by_text("English and Hindi:")).to_be_visible()


@pytest.mark.long  # what is read is in test_pages, the way to the overlap in test_browser_uploads
def test_an_uploaded_mask_is_compared_and_comes_back_packed(tab, server, tmp_path):
    model = synthetic.Model(synthetic.shapes(2), 2)
    files = []
    for code in ("en", "fr"):
        files.append(tmp_path / f"mask_{code}.pt")
        maskfiles.export(model.mask(code, 0.5), files[-1])
    (tmp_path / "notes.npz").write_bytes(b"no archive")
    visit(tab, f"{server}/masks?study=encoder")
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([*files, tmp_path / "notes.npz"])
    tab.get_by_text("What was read").first.wait_for()
    settled(tab)
    expect(tab.get_by_text("notes.npz: ")).to_be_visible()
    for i, code in enumerate(("en", "fr")):
        expect(tab.get_by_role("textbox", name="Language or name").nth(i)).to_have_value(code)
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Intersection").click()
    expected = model.mask("en", 0.5) & model.mask("fr", 0.5)
    assert maskfiles.read(download.value.path()) == expected
    tab.get_by_text("Overlap of your masks").click()
    tab.wait_for_url(re.compile(r"/overlap"))
    settled(tab)
    expect(tab.get_by_text("Your masks · 50% removed · 2 masks")).to_be_visible()
    click_cell(tab, row=0, column=1, n=2)
    tab.get_by_role("button", name="Open the pair").click()
    tab.wait_for_url(re.compile(r"/pair\?"))
    settled(tab)
    expect(tab.get_by_text("English and French:")).to_be_visible()


@pytest.mark.long
def test_masks_outlive_a_reload_open_by_their_link_and_are_deleted_for_both(tab, server, chromium, tmp_path):
    model = synthetic.Model(synthetic.shapes(2), 2)
    files = [tmp_path / f"{code}.safetensors" for code in ("en", "fr")]
    for file in files:
        maskfiles.write(model.mask(file.stem, 0.5), file)
    visit(tab, f"{server}/masks?study=encoder&measure=Dice")
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)
    tab.get_by_text("What was read").first.wait_for()
    settled(tab)
    (link,) = asked(tab)[stored.KEY]
    assert asked(tab)["measure"] == ["Dice"]  # the address's other choices stay
    tab.reload()
    settled(tab)
    expect(tab.get_by_role("textbox", name="Language or name")).to_have_count(2)
    shown = tab.get_by_test_id("stCode").first.inner_text().strip()
    assert shown == f"{server}/masks?{stored.KEY}={link}"
    tab.get_by_test_id("stSidebar").get_by_text("Overlap", exact=True).click()
    tab.wait_for_url(re.compile(r"/overlap"))
    settled(tab)
    assert {stored.KEY: [link], "measure": ["Dice"]}.items() <= asked(tab).items()
    other = chromium.new_context().new_page()
    other.set_default_timeout(WAIT)
    visit(other, shown)
    other.get_by_role("button", name="Delete").click()
    other.get_by_text("What was read").first.wait_for(state="detached")
    settled(other)
    assert stored.KEY not in asked(other)
    other.context.close()
    tab.get_by_test_id("stSidebar").get_by_text("Your masks", exact=True).click()
    tab.get_by_text("deleted by somebody who has their link").wait_for()
    assert stored.KEY not in asked(tab)


def test_a_table_comes_as_csv(tab, server):
    visit(tab, f"{server}/overlap?study=two")
    tab.get_by_test_id("stExpander").filter(has_text=export.LABEL).first.locator("summary").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="CSV", exact=True).nth(1).click()
    lines = download.value.path().read_text().splitlines()
    told = "study,model,task,method,sparsity,seed"
    assert lines[0] == f"{told},group,language_a,language_b,jaccard,jaccard_by_chance,jaccard_above_chance,relation"
    assert ",all,en,it," in lines[1]
    assert download.value.suggested_filename.startswith(f"{file_name(lines[1].split(',')[0])}-")


@pytest.mark.long
@pytest.mark.parametrize("page", ["", "overlap", "pair", "layers", "typology", "inside", "masks", "compression"])
def test_nothing_sticks_out_on_a_phone(tab, server, page):
    tab.set_viewport_size({"width": 390, "height": 844})
    visit(tab, f"{server}/{page}?study=encoder&tables=tables")
    main = tab.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.long
def test_tiles_share_one_row_and_on_a_phone_two_columns(tab, server):
    for width, columns in ((1024, 5), (390, 2)):
        tab.set_viewport_size({"width": width, "height": 844})
        visit(tab, f"{server}/?study=encoder")
        tiles = tab.get_by_test_id("stMetric")
        expect(tiles).to_have_count(5)
        boxes = [tile.bounding_box() for tile in tiles.all()]
        assert len({round(box["x"]) for box in boxes}) == columns
        assert len({round(box["y"]) for box in boxes}) == -(-5 // columns)
        cut = "e => [...e.querySelectorAll('p')].some(part => part.scrollWidth > part.clientWidth + 1)"
        assert not any(tile.evaluate(cut) for tile in tiles.all())


@pytest.mark.long
def test_on_a_phone_names_in_tiles_are_whole_and_a_square_of_many_stays_one(tab, server):
    tab.set_viewport_size({"width": 390, "height": 844})
    visit(tab, f"{server}/?study=gemma-3-270m-ntrex&members=all")
    expect(tab.get_by_test_id("stMetricDelta").filter(has_text="English (United Kingdom)")).to_be_visible()
    cut = "e => [e, ...e.querySelectorAll('*')].some(part => part.scrollWidth > part.clientWidth + 1)"
    for label in ("stMetricDelta", "stPageLink-NavLink"):
        assert not any(each.evaluate(cut) for each in tab.get_by_test_id("stMain").get_by_test_id(label).all())
    plot = tab.locator(".js-plotly-plot").first
    plot.locator(".xy .heatmaplayer").first.wait_for(state="attached")
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert 0.75 < box["width"] / box["height"] < 1.25
    assert tab.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.long
def test_a_wide_table_of_a_readme_does_not_move_the_page_on_a_phone(tab, server):
    tab.set_viewport_size({"width": 390, "height": 844})
    visit(tab, f"{server}/?study=mini-mbert-mlm")
    tab.get_by_text("About this study").click()
    table = tab.get_by_test_id("stMarkdownContainer").locator("table").first
    table.wait_for()
    assert table.evaluate("e => e.scrollWidth > e.clientWidth")  # it is wide
    assert tab.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.long
def test_a_cell_of_distances_by_layers_chooses_both(tab, server):
    visit(tab, f"{server}/typology?study=encoder")
    plot = tab.locator(".js-plotly-plot").nth(1)
    plot.locator(".xy .heatmaplayer").first.wait_for(state="attached")
    plot.scroll_into_view_if_needed()
    box = plot.locator(".nsewdrag").first.bounding_box()
    # Eight distances that need no model, family the seventh; the whole network and twelve layers, layer 4 the sixth.
    tab.mouse.move(box["x"] + 5.5 * box["width"] / 13, box["y"] + 6.5 * box["height"] / 8)
    tab.wait_for_timeout(250)
    tab.mouse.down()
    tab.mouse.up()
    tab.wait_for_timeout(300)
    settled(tab)
    assert {"distance": ["Family"], "layer": ["Encoder 4"]}.items() <= asked(tab).items()
    expect(tab.get_by_role("heading", name="Overlap against family")).to_be_visible()
    choose(tab, "Distance", "Script")
    assert asked(tab)["distance"] == ["Script"]  # the old click does not come back
    assert asked(tab)["layer"] == ["Encoder 4"]


def part(tab, name):
    """Go to a part of the compression page, as a person does."""
    tab.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()
    tab.wait_for_timeout(300)
    settled(tab)


@pytest.mark.long
def test_the_compression_page_keeps_its_view_in_the_address(tab, server, chromium):
    visit(tab, f"{server}/compression?tables=tables")
    choose(tab, "Size counted in", "Parameters")
    part(tab, "Errors")
    choose(tab, "Tokens by", "Script")
    address = asked(tab)
    assert {"by": ["Parameters"], "part": ["Errors"], "group": ["Script"]}.items() <= address.items()
    other = chromium.new_context().new_page()
    other.set_default_timeout(WAIT)
    visit(other, tab.url)
    expect(other.get_by_text("Whose directions are lost")).to_be_visible()
    assert asked(other) == address
    other.context.close()
    tab.get_by_test_id("stSidebar").get_by_text("Overlap", exact=True).click()
    tab.wait_for_url(re.compile(r"/overlap"))
    settled(tab)
    tab.get_by_test_id("stSidebar").get_by_text("Compression", exact=True).click()
    tab.wait_for_url(re.compile(r"/compression"))
    settled(tab)
    assert {"by": ["Parameters"], "part": ["Errors"], "group": ["Script"]}.items() <= asked(tab).items()


@pytest.mark.long
def test_a_word_typed_in_any_script_is_explored_in_the_bundled_models_table(tab, server):
    visit(tab, f"{server}/compression?tables=tables&part=Tokens&ratio=4")
    field = tab.get_by_role("textbox", name="A word, in any language")
    field.fill("مدرسه")
    field.press("Enter")
    tab.wait_for_timeout(300)
    settled(tab)
    assert asked(tab)["word"] == ["مدرسه"]
    expect(tab.get_by_text("neighbours kept").first).to_be_visible()
    expect(tab.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.long
def test_a_mask_of_nothing_is_an_empty_state_not_a_crash(tab, server, tmp_path):
    shapes = {"bert.encoder.layer.0.output.dense.weight": (8, 8)}
    for code, sparsity in (("en", 1.0), ("fr", 1.0)):
        maskfiles.write(Mask.random(shapes, sparsity, 0), tmp_path / f"{code}.safetensors")
    visit(tab, f"{server}/masks?study=two")
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(list(tmp_path.glob("*.safetensors")))
    tab.get_by_text("What was read").first.wait_for()
    tab.get_by_text("Overview of your masks").click()
    settled(tab)
    for page in ("Overview", "Overlap", "Language pair", "Layers"):
        tab.get_by_test_id("stSidebar").get_by_text(page, exact=True).click()
        settled(tab)
        expect(tab.get_by_test_id("stException")).to_have_count(0)
