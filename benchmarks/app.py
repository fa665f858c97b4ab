"""How long the app takes in Chromium: from `streamlit run app.py` to the first page, and from a choice to the new page.

    python -m benchmarks.app [--study NAME] [--repeats 5] [--pages ,overlap,transfer]

The first page is painted when it shows its heading, key numbers and first figure, in a Chromium that was started before
the server. Beside it stands the first heading of `streamlit hello`, Streamlit's own example, started the same way in
turn: the ratio means more than either, and the processor's seconds of the two servers more than both where other
programs run. The server's time of a choice is the time that the page's script runs, as the page itself reports it to
the browser; `benchmarks.reruns` asks for every widget of every page, without a browser. It needs playwright
(requirements-dev.txt) and Chromium.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from benchmarks.reruns import OTHER_STUDY, PAGES
from benchmarks.server import CHROMIUM, running, started

TRIES = 5
"""So often a list of options is opened."""
STATE = "[data-testid=stApp]"
SIGNS = {
    "heading": "h1",
    "answer": "[data-testid=stMain] [data-testid=stMarkdown] strong",  # the numbers in words
    "key numbers": "[data-testid=stMetric]",
    "first figure": ".js-plotly-plot .main-svg",
}
# Notes the time at which each sign first is on the page, in milliseconds since 1970.
NOTE = """
window.seen = {};
new MutationObserver(() => {
  for (const sign of %s) if (!(sign in window.seen) && document.querySelector(sign)) window.seen[sign] = Date.now();
}).observe(document, {childList: true, subtree: true});
"""
# Notes the times at which the page's script starts and ends, in milliseconds.
WATCH = """
window.runs = [];
new MutationObserver(() => {
  const state = document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state');
  if (state === 'running') window.runs.push([performance.now(), null]);
  else if (window.runs.length && window.runs.at(-1)[1] === null) window.runs.at(-1)[1] = performance.now();
}).observe(document.querySelector('[data-testid=stApp]'),
  {attributes: true, attributeFilter: ['data-test-script-state']});
"""


def first_page(browser: Browser, query: str, app: tuple[str, ...], signs: dict[str, str]) -> list[float]:
    """Return seconds from the start of a fresh server until each of `signs` is on the page, and the processor's."""
    began = time.time()
    with started(app=app) as server:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.add_init_script(NOTE % list(signs.values()))
        page.goto(f"{server.address}/{query}")
        page.wait_for_function(f"window.seen && Object.keys(window.seen).length === {len(signs)}", timeout=120_000)
        seen, spent = page.evaluate("window.seen"), server.cpu()
        page.close()
    return [*(seen[sign] / 1000 - began for sign in signs.values()), spent]


def first_pages(browser: Browser, query: str, repeats: int) -> None:
    """Print the first pages of the app and of `streamlit hello`, in turn, and their ratios."""
    only = {"heading": SIGNS["heading"]}
    print("from the start to" + "".join(f"{sign:>14}" for sign in SIGNS) + "     processor   (s)")
    ours, theirs = [], []
    for _ in range(repeats):
        for name, app, signs, rows in (("app.py", ("run", "app.py"), SIGNS, ours), ("hello", ("hello",), only, theirs)):
            *times, spent = first_page(browser, query if rows is ours else "", app, signs)
            rows.append([*times, spent])
            written = "".join(f"{seconds:14.2f}" for seconds in times)
            print(f"  {name:15}{written}{'':{14 * (len(SIGNS) - len(times))}}{spent:14.2f}")
    hello = statistics.median(row[0] for row in theirs)
    ratios = [statistics.median(row[i] for row in ours) / hello for i in range(len(SIGNS))]
    spent = statistics.median(row[-1] for row in ours) / statistics.median(row[-1] for row in theirs)
    print(f"  {'times hello':15}" + "".join(f"{ratio:14.2f}" for ratio in ratios) + f"{spent:14.2f}")


def settled(page: Page) -> None:
    """Wait until the page's script has ended."""
    page.get_by_test_id("stHeading").first.wait_for()
    page.wait_for_function(f"document.querySelector('{STATE}').getAttribute('data-test-script-state') === 'notRunning'")
    page.wait_for_timeout(700)


def change(page: Page, label: str, place: int) -> float:
    """Choose the option at a place of a selectbox, or another if it is chosen; return the script's milliseconds."""
    before = page.evaluate("window.runs.length")
    picker = page.get_by_test_id("stSelectbox").filter(has_text=label).locator("input")
    present = picker.input_value()
    option = page.get_by_role("option").nth(place)
    for _ in range(TRIES):  # a list that has just opened closes when what is above it gets its size
        picker.scroll_into_view_if_needed()
        page.wait_for_timeout(100)
        picker.click()
        with suppress(TimeoutError):
            option.wait_for(timeout=3000)
            break
    (option if option.inner_text() != present else page.get_by_role("option").nth(2)).click()
    page.wait_for_function(f"window.runs.length > {before} && window.runs.at(-1)[1] !== null")
    page.wait_for_timeout(400)
    began, ended = page.evaluate("window.runs.at(-1)")
    return ended - began


def changes(
    browser: Browser, address: str, query: str, repeats: int, pages: Sequence[str]
) -> list[tuple[str, str, list[float]]]:
    """Return page, widget and the milliseconds of each change; only the first one shows something new."""
    measured = []
    for path in pages:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(f"{address}/{path}{query}")
        settled(page)
        page.evaluate(WATCH)
        labels = page.get_by_test_id("stSelectbox").locator("label").all_inner_texts()
        for label in dict.fromkeys(labels):
            if label.strip() in OTHER_STUDY:
                continue
            page.goto(f"{address}/{path}{query}")  # an earlier choice may have taken pickers away
            settled(page)
            page.evaluate(WATCH)
            times = [change(page, label, (i + 1) % 2) for i in range(repeats)]
            measured.append((path or "overview", label.strip(), times))
        page.close()
    return measured


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", help="a study's name (default: the first one)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--pages", default=",".join(PAGES), help="in which choices are changed; none for the first page"
    )
    chosen = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("this benchmark needs Chromium: apt install chromium")
    query = f"?study={chosen.study}" if chosen.study else ""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        browser.new_page().close()
        first_pages(browser, query, chosen.repeats)
        if chosen.pages == "none":
            return
        with running() as address:
            print("\na choice, server time           median    slowest   (ms)")
            for page, label, times in changes(browser, address, query, chosen.repeats, chosen.pages.split(",")):
                print(f"  {page:12} {label[:20]:20} {statistics.median(times):8.0f} {max(times):10.0f}")
        browser.close()


if __name__ == "__main__":
    main()
