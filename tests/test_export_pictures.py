"""Figures as files: drawn by a real Chromium, valid, of the chosen size, with letters of many scripts, and harmless."""

import os
import re
import struct
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest

from neutral import figures
from neutral.errors import NeutralError
from neutral.export import pictures
from neutral.export.sizes import Size

NEEDS = "needs Chromium (apt install chromium)"
HOSTILE = "<script>alert(1)</script><img src=http://x.org/a.png onerror=alert(1)><a href='javascript:alert(1)'>x</a>"
NAMES = ["हिन्दी", "العربية", "中文", "Kiswahili"]


@pytest.fixture(scope="module")
def made():
    """A figure with a hostile name as every kind, one column wide, drawn once."""
    if pictures.browser() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NEEDS)
    labels = [*NAMES, figures.theme.plain(HOSTILE)]
    figure = go.Figure(go.Bar(x=labels, y=[1, 2, 3, 4, 5])).update_layout(height=400, title=HOSTILE)
    return pictures.pictures(figure, Size(85.0, 8.0, dpi=150.0), ["png", "svg", "pdf"])


@pytest.mark.browser
def test_a_png_has_the_pixels_of_its_width_and_dpi(made):
    assert made["png"].startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", made["png"][16:24])
    assert width == pytest.approx(85 / 25.4 * 150, abs=2)
    assert height == pytest.approx(width * 400 / 361, abs=2)


@pytest.mark.browser
def test_a_pdf_has_the_page_that_was_chosen_and_the_fonts_of_all_scripts_in_it(made):
    assert made["pdf"].startswith(b"%PDF-")
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", made["pdf"])
    assert float(box[1]) / 72 * 25.4 == pytest.approx(85, abs=0.5)
    assert len(re.findall(rb"/Type /Page\b(?!s)", made["pdf"])) == 1
    assert b"/JavaScript" not in made["pdf"]
    fonts = re.findall(rb"/BaseFont /[A-Z]{6}\+([\w-]+)", made["pdf"])
    assert any(b"Devanagari" in font for font in fonts)
    assert any(font.startswith((b"NotoSansArabic", b"DejaVuSans")) for font in fonts)


@pytest.mark.browser
def test_an_svg_is_xml_of_that_width_with_names_as_text_and_nothing_that_runs(made):
    root = ElementTree.fromstring(made["svg"])
    assert root.get("width") == "85mm"
    assert root.get("viewBox").split()[2] == "361"
    assert "".join(root.itertext()).count("हिन्दी")
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in {"script", "image", "foreignObject"}
        assert not [name for name in element.attrib if name.lower().startswith("on")]
        links = [value for name, value in element.attrib.items() if name.endswith("href")]
        assert not links, element.tag


@pytest.mark.browser
@pytest.mark.long
def test_pictures_that_are_asked_for_at_once_are_drawn_one_after_the_other(made, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    at_work, most = 0, 0
    draw = pictures._draw

    async def counted(*given):
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        try:
            return await draw(*given)
        finally:
            at_work -= 1

    monkeypatch.setattr(pictures, "_draw", counted)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: pictures.pictures(go.Figure(), Size(85.0), ["svg"]), range(3)))
    assert most == 1
    assert all(each["svg"].startswith(b"<svg") for each in found)


def test_without_chromium_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chromium")
    assert pictures.browser() is None
    with pytest.raises(NeutralError, match="no Chromium on this machine to draw a picture; install chromium"):
        pictures.pictures(go.Figure(), Size(85.0), ["png"])


def test_a_browser_that_is_none_is_told_and_the_next_picture_does_not_wait(monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/bin/false")
    for _ in range(2):
        with pytest.raises(NeutralError, match=r"the browser /.*false drew no picture"):
            pictures.pictures(go.Figure(), Size(85.0), ["png"])


def test_kinds_and_sizes_are_checked_before_a_browser_starts():
    with pytest.raises(NeutralError, match="“docx” is no kind of picture; there are png, svg, pdf"):
        pictures.save(go.Figure(), "a.docx", Size(85.0))
    with pytest.raises(NeutralError, match="a PNG of more than 60 million pixels"):
        pictures.pictures(go.Figure(), Size(1200.0, dpi=1200.0), ["png"])
