"""Time the server as it runs a page again after a choice, without a browser that draws beside it.

    python -m benchmarks.reruns

It changes every selectbox of every page five times on the bundled study, through Streamlit's own test harness, and
prints the median and the slowest of the script's runs. `benchmarks.app` does the same in a browser that shares the
cores.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = Path(__file__).parent.parent / "app.py"
PAGES = {"overview": None, "overlap": "pages/overlap.py", "pair": "pages/pair.py", "layers": "pages/layers.py"}
REPEATS = 5


def opened(page: str | None) -> AppTest:
    """Return a page as it first appears."""
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    return app.switch_page(page).run() if page else app


def main() -> None:
    """Measure and print."""
    print("page       choice              median    slowest   (ms)")
    for name, page in PAGES.items():
        for label in [box.label for box in opened(page).selectbox if box.label != "Study"]:
            app, times = opened(page), []
            for i in range(REPEATS):
                box = next(box for box in app.selectbox if box.label == label)
                box.select_index((i + 1) % len(box.options))
                began = time.perf_counter()
                app.run()
                times.append(1e3 * (time.perf_counter() - began))
                if not any(box.label == label for box in app.selectbox):
                    break  # this choice took the picker away
            print(f"{name:10} {label:18} {statistics.median(times):7.0f} {max(times):10.0f}")


if __name__ == "__main__":
    main()
