"""Figures as PNG, SVG and PDF, drawn by the Chromium of this machine through kaleido, without the internet.

A Chromium takes 1 to 3 s to start and some 300 MB. So one works at a time in a process, and is gone when it is done.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from neutral.errors import NeutralError
from neutral.export.paper import on_paper
from neutral.export.sizes import MM, Size
from neutral.files import write_whole

KINDS = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
"""Kind of file -> its media type."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MOST_PIXELS = 60e6
_SECONDS = 120.0
_AT_WORK = threading.Lock()
_WHOLE_SIZE = re.compile(r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"')


def browser() -> str | None:
    """Return the path of the Chromium that draws, the one that BROWSER_PATH names or the system's; None without."""
    named = os.environ.get("BROWSER_PATH")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


def pictures(figure: go.Figure, size: Size, kinds: Sequence[str]) -> dict[str, bytes]:
    """Return kind of file -> its content, as wide as `size` says: an SVG and a PDF in mm, a PNG in pixels of its dpi.

    Waits while another one is drawn. Raises `NeutralError` without a Chromium, for a kind that is none of `KINDS`, for
    a picture of too many pixels, and if the browser fails.
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise NeutralError(f"“{unknown[0]}” is no kind of picture; there are {', '.join(KINDS)}")
    path = browser()
    if path is None:
        raise NeutralError("no Chromium on this machine to draw a picture; install chromium or set BROWSER_PATH")
    laid = on_paper(figure, size)
    finer = size.width / MM * size.dpi / laid.layout.width
    if laid.layout.width * laid.layout.height * finer**2 > MOST_PIXELS and "png" in kinds:
        raise NeutralError(f"a PNG of more than {MOST_PIXELS / 1e6:.0f} million pixels; choose a smaller one")
    scales = {kind: finer if kind == "png" else size.enlarged for kind in kinds}
    with _AT_WORK:
        found = _drawn(laid, scales, path)
    if "svg" in found:
        found["svg"] = _in_mm(found["svg"], size, laid)
    return found


def save(figure: go.Figure, path: str | Path, size: Size) -> None:
    """Write a figure into a file whose ending says the kind; raises `NeutralError` as `pictures` does.

    >>> save(go.Figure(), "overlap.docx", Size(85))
    Traceback (most recent call last):
    neutral.errors.NeutralError: “docx” is no kind of picture; there are png, svg, pdf
    """
    kind = Path(path).suffix.removeprefix(".").lower()
    content = pictures(figure, size, [kind])[kind]
    write_whole(path, content)


def _drawn(laid: go.Figure, scales: dict[str, float], path: str) -> dict[str, bytes]:
    """Start the browser in a thread with an event loop of its own, draw, and stop it."""
    found: dict[str, bytes] = {}
    failed: list[BaseException] = []

    def work() -> None:
        import asyncio

        try:
            found.update(asyncio.run(asyncio.wait_for(_draw(laid, scales, path), _SECONDS)))
        except BaseException as error:  # told to who waits
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise NeutralError(f"the browser {path} drew no picture: {failed[0] or type(failed[0]).__name__}")
    return found


async def _draw(laid: go.Figure, scales: dict[str, float], path: str) -> dict[str, bytes]:
    import kaleido

    found = {}
    async with kaleido.Kaleido(path=path, mathjax=False, timeout=_SECONDS) as drawing:
        for kind, scale in scales.items():
            options = {"format": kind, "scale": scale, "width": laid.layout.width, "height": laid.layout.height}
            found[kind] = await drawing.calc_fig(laid, opts=options)
    return found


def _in_mm(svg: bytes, size: Size, laid: go.Figure) -> bytes:
    """Give an SVG its width and height in mm; the drawing in it stays in the layout's px."""
    height = size.width * laid.layout.height / laid.layout.width
    whole = rf'\1 width="{size.width:g}mm" height="{height:.2f}mm"'
    return _WHOLE_SIZE.sub(whole, svg.decode(), count=1).encode()
