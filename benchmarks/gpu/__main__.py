"""Everything that needs a GPU, once, within some minutes; results are on disk after each step.

    python -m benchmarks.gpu --out FOLDER --text FOLDER [--minutes N] [--only card,tests,…] [--tiny]

1. card: the card, its driver, and the versions of the libraries.
2. tests: those that are marked `gpu`.
3. times: what the library does on the GPU, beside torch's own way there and beside the processor (`measures.py`).
4. recipes: what each part of the paper's recipe changes (`recipes.py`).
5. tickets: lottery tickets of eleven languages (`tickets.py`), for all of the time that is left.

A step has a process of its own and a time limit; one that fails costs no other. FOLDER gets results.jsonl (a row a
result), log.txt, pytest.xml, recipes.tar.xz, study.tar.xz and masks.tar.0, .1, … (`unpack.py` makes a study of the last
two).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("card", "tests", "times", "recipes", "tickets")
TESTS_LIMIT, TIMES_LIMIT, RECIPES_LIMIT = 150.0, 120.0, 200.0  # seconds
SUBJECTS = {"step": 40.0, "selection": 30.0, "wanda": 20.0, "direction": 35.0, "mixed": 35.0}
"""What is timed, with seconds that it may take."""
CLOSING = 5.0


class Run:
    """Steps one after the other, within the minutes given."""

    def __init__(self, out: Path, seconds: float) -> None:
        self.out, self.began, self.seconds = out, time.monotonic(), seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - CLOSING - (time.monotonic() - self.began)

    def step(self, name: str, command: list[str], limit: float) -> None:
        """Run a command for `limit` seconds at most; its output goes to log.txt and to standard output."""
        limit = min(limit, self.left)
        if limit <= 5:
            self.say(f"== {name}: no time is left")
            return
        self.say(f"== {name}, at most {limit:.0f} s")
        began = time.monotonic()
        with open(self.out / "log.txt", "ab") as log:
            start = log.tell()
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True, env=_environment()
            )
            try:
                ending = f"exit code {process.wait(limit)}"
            except subprocess.TimeoutExpired:
                ending = "stopped at its limit"
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        with open(self.out / "log.txt", "rb") as log:
            log.seek(start)
            print(log.read().decode(errors="replace")[-6000:], flush=True)
        self.say(f"== {name}: {ending}, {time.monotonic() - began:.1f} s")

    def say(self, line: str) -> None:
        """Write a line to the log and to standard output."""
        print(line, flush=True)
        with open(self.out / "log.txt", "a", encoding="utf-8") as log:
            log.write(line + "\n")


def gpu_tests() -> list[str]:
    """Return the test files that have a test marked `gpu`; the others may import what a rented machine lacks."""
    files = sorted((ROOT / "tests").glob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in files if "mark.gpu" in path.read_text(encoding="utf-8")]


def pytest(out: Path, *, tiny: bool = False) -> list[str]:
    """Return the command that runs the tests for a GPU, in one process."""
    flags = ["-m", "gpu", "-o", "addopts=", "-p", "no:cacheprovider", "-v", "--tb=short", "--durations=8"]
    flags += ["--continue-on-collection-errors", f"--junitxml={out.resolve() / 'pytest.xml'}"]
    return [sys.executable, "-m", "pytest", *flags, *(gpu_tests()[-1:] if tiny else gpu_tests())]


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}


def main() -> None:
    """Run the chosen steps."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="results go there")
    parser.add_argument("--text", required=True, type=Path, metavar="FOLDER", help="<lang>.txt[.xz], with dev/")
    parser.add_argument("--minutes", type=float, default=9.5, metavar="N", help="all together (default: %(default)s)")
    parser.add_argument("--only", default=",".join(STEPS), metavar="STEPS", help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=500, help="training steps a round, at most (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=2e-4, help="peak learning rate (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="small numbers, to see that it runs; takes any processor")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    run, tiny = Run(options.out, 60 * options.minutes), ["--tiny"] if options.tiny else []
    chosen, module = options.only.split(","), [sys.executable, "-m"]
    rows = str(options.out.resolve() / "results.jsonl")
    if "card" in chosen:
        run.step("card", [*module, "benchmarks.gpu.card", "--out", rows], 60)
    if "tests" in chosen:
        run.step("tests", pytest(options.out, tiny=options.tiny), TESTS_LIMIT)
    if "times" in chosen:
        ends = run.left - TIMES_LIMIT
        for subject, limit in SUBJECTS.items():
            command = [*module, "benchmarks.gpu.measures", subject, "--out", rows, *tiny]
            run.step(f"times, {subject}", command, min(limit, run.left - ends))
    common = ["--text", str(options.text.resolve()), "--out", str(options.out.resolve()), *tiny]
    if "recipes" in chosen:
        limit = min(RECIPES_LIMIT, run.left)
        settings = ["--seconds", f"{limit - CLOSING:.0f}", "--workers", str(max(2, (os.cpu_count() or 2) - 2))]
        run.step("recipes", [*module, "benchmarks.gpu.recipes", *common, *settings], limit)
    if "tickets" in chosen:
        settings = [
            "--steps",
            str(options.steps),
            "--rate",
            str(options.rate),
            "--seconds",
            f"{run.left - CLOSING:.0f}",
        ]
        run.step("tickets", [*module, "benchmarks.gpu.tickets", *common, *settings], run.left)
    run.say(f"== all: {time.monotonic() - run.began:.0f} s")


if __name__ == "__main__":
    main()
