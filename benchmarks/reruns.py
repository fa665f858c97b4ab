"""Time the server as it runs a page again after a change: every widget of every page, and the memory that it takes.

    python -m benchmarks.reruns [--pages overlap,typology] [--repeats 3] [--all] [--sessions 20]

A server is started as a user starts it, and asked without a browser, which would draw on the same cores. For each page:
how long its first opening takes, then every change of every widget (selectboxes, switches, pills, sliders, toggles,
fields of several); `--all` shows 128 languages instead of eleven. A time is from the message until all has arrived; the
processor's time of the server, with its search for garbage, stands beside it and is to be believed where other programs
run. Memory is that of the server alone after a page was opened and its widgets changed, in a server of its own.
`--sessions` opens every page in so many sessions at once, and prints the memory with all of them open.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.server import Server, started
from benchmarks.visitors import Page, Visitor

PAGES = (
    *("", "overlap", "language", "pair", "layers", "typology", "inside", "transfer", "tickets", "masks"),
    *("compression", "runs"),
)
OTHER_STUDY = {"Study", "Study with runs"}
"""Pickers that open another study, which is another page's first opening."""


def changes(page: Page) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each widget's label and the states that it can be given, as `Visitor.change` takes them."""
    for box in page.of("selectbox"):
        if len(box.options) > 1 and box.label not in OTHER_STUDY:
            yield box.label, [{"id": box.id, "string_value": option} for option in box.options]
    for group in page.of("button_group"):
        options = [option.content for option in group.options]
        values = [[name] for name in options] if group.required else [options[:1], options]
        yield group.label or "switch", [{"id": group.id, "string_array_value": {"data": value}} for value in values]
    for slider in page.of("slider"):
        if len(slider.options) > 1:
            states = [{"data": [option]} for option in slider.options]
            yield slider.label, [{"id": slider.id, "string_array_value": state} for state in states]
    for box in page.of("checkbox"):
        yield box.label, [{"id": box.id, "bool_value": value} for value in (True, False)]
    for box in page.of("multiselect"):
        some = [list(box.options[:count]) for count in (2, 3, 4)]
        yield box.label, [{"id": box.id, "string_array_value": {"data": value}} for value in some]


def timed(server: Server, act: Any) -> tuple[Page, float, float]:
    """Return the page that an act brings, the milliseconds that it took, and the processor's."""
    spent = server.cpu()
    page = act()
    time.sleep(0.25)  # the server searches for garbage when all has arrived
    return page, 1e3 * page.seconds, 1e3 * (server.cpu() - spent)


def measure(server: Server, name: str, query: str, repeats: int) -> list[tuple[str, float, float]]:
    """Open a page and change every widget so often; return label, milliseconds and the processor's of each."""
    visitor = Visitor(server.address)
    page, *times = timed(server, lambda: visitor.open(name, query))
    rows = [("first opening", *times)]
    for label, states in list(changes(page)):
        visitor.open(name, query)  # an earlier choice may have taken pickers away
        for i in range(repeats):
            _, *times = timed(server, lambda i=i, states=states: visitor.change(**states[(i + 1) % len(states)]))
            rows.append((label, *times))
    visitor.leave()
    return rows


def crowd(count: int, query: str) -> float:
    """Open every page in so many sessions at once and return the server's MB while all are there."""
    with started() as server:
        visitors = [Visitor(server.address) for _ in range(count)]

        def walk(visitor: Visitor) -> None:
            for name in PAGES:
                visitor.open(name, query)

        threads = [threading.Thread(target=walk, args=(visitor,)) for visitor in visitors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return server.megabytes()


def high(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", help="some pages, by their names in the address; the overview is overview")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="all 128 languages")
    parser.add_argument("--sessions", type=int, default=0)
    chosen = parser.parse_args()
    pages = [page.replace("overview", "") for page in chosen.pages.split(",")] if chosen.pages else PAGES
    query, every = "members=all" if chosen.all else "", []
    print(f"{'':34}   ms: median     95th     processor: median     95th      MB")
    for name in pages:
        with started() as server:
            rows = measure(server, name, query, chosen.repeats)
            memory = server.megabytes()
        (_, first, spent), *rest = rows
        print(f"{name or 'overview':12} {'first opening':22} {first:10.0f} {'':8} {spent:18.0f} {'':8} {memory:7.0f}")
        for label in dict.fromkeys(label for label, *_ in rest):
            wall, busy = zip(*((a, b) for one, a, b in rest if one == label), strict=True)
            numbers = [statistics.median(wall), high(list(wall)), statistics.median(busy), high(list(busy))]
            print(f"{'':12} {label[:22]:22} {numbers[0]:10.0f} {numbers[1]:8.0f} {numbers[2]:18.0f} {numbers[3]:8.0f}")
        every += rest
    wall, busy = ([row[i] for row in every] for i in (1, 2))
    for title, values in (("the clock", wall), ("the processor", busy)):
        print(
            f"{len(values)} changes by {title}: median {statistics.median(values):.0f} ms, 95th {high(values):.0f} ms"
        )
    if chosen.sessions:
        print(f"{chosen.sessions} sessions, every page: {crowd(chosen.sessions, query):.0f} MB")


if __name__ == "__main__":
    main()
