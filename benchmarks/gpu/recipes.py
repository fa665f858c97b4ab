"""What each part of the paper's recipe changes: tickets of four languages by each, trained on each language.

    python -m benchmarks.gpu.recipes --text FOLDER --out FOLDER --seconds N [--workers N] [--tiny]

- Tickets are searched by the default recipe, by each part of the paper's alone, and by the paper's.
- Then each recipe's tickets of 50 % are trained, by the default recipe, on every language: on the examples of the
  search (seed 0) and on others (seed 1). So recipes differ by the masks that they find alone.
- Last, the paper's tickets of 50 and 80 % are trained by the paper's recipe on every language (seed 1).

Every search and every target is a process; several run at once. Studies are packed without their masks into
recipes.tar.xz, after each job, so that what is done comes home.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks.gpu.timing import write

MODEL = "data/models/mini-mbert"
LANGUAGES = ("en", "zh", "hi", "sw")
TRAINING = ("--steps", "60", "--batch", "4", "--rate", "2e-4")
RECIPES = {
    "default": (),
    "paper": ("--recipe", "paper"),
    "fresh": ("--examples", "fresh"),
    "whole": ("--schedule", "whole"),
    "head": ("--head", "keep"),
}
"""Name -> options; `fresh`, `whole` and `head` are one part each."""

DEEP = ("paper", "default")
"""Recipes whose tickets are searched to 80 %."""

QUIET = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


class Jobs:
    """Commands that run at once, until the time is over."""

    def __init__(self, text: Path, out: Path, scratch: Path, seconds: float, workers: int, *, tiny: bool) -> None:
        self.text, self.out, self.scratch, self.workers, self.tiny = text, out, scratch, workers, tiny
        self.until = time.monotonic() + seconds
        self.languages = LANGUAGES[2:] if tiny else LANGUAGES

    def searches(self) -> list[tuple[str, list[str]]]:
        """Return the searches: name and command; those of a recipe are in folders of one name."""
        jobs = []
        for recipe, options in RECIPES.items():
            deep = "0.8" if recipe in DEEP and not self.tiny else "0.2" if self.tiny else "0.5"
            for code in self.languages:
                study = self.scratch / f"find-{recipe}" / code
                flags = ["--languages", code, "--sparsity", deep, "--controls", "pretrained", "--study", str(study)]
                jobs.append((f"find {recipe} {code}", self._command("find", *flags, *options)))
        return jobs

    def transfers(self) -> list[tuple[str, list[str]]]:
        """Return the trainings of the tickets that are there on every language: name and command."""
        jobs, half = [], "0.2" if self.tiny else "0.5"
        for recipe in RECIPES:
            masks = self._masks(recipe)
            for code in self.languages if masks else ():
                flags = ["--targets", code, "--sources", ",".join(self.languages), "--masks", str(masks)]
                own = ["--seeds", "0,1", "--sparsity", half, "--baselines", "full"]
                study = self.scratch / f"transfer-{recipe}" / code
                jobs.append((f"transfer {recipe} {code}", self._command("transfer", *flags, *own, "--study", study)))
                if recipe == "paper":
                    both = ["--seeds", "1", "--sparsity", half if self.tiny else "0.5,0.8"]
                    baselines = ["--baselines", "full,random,pretrained", *RECIPES["paper"]]
                    study = self.scratch / "transfer-paper-by-paper" / code
                    command = self._command("transfer", *flags, *both, *baselines, "--study", study)
                    jobs.append((f"transfer by paper {code}", command))
        return jobs

    def run(self, jobs: Sequence[tuple[str, list[str]]]) -> None:
        """Run the jobs; pack after each what there is."""
        with ThreadPoolExecutor(self.workers) as pool:
            for done in as_completed([pool.submit(self._run, name, command) for name, command in jobs]):
                write(self.out / "results.jsonl", step="recipes", **done.result())
                self.pack()

    def pack(self) -> None:
        """Write recipes.tar.xz: every study without masks and heads."""
        draft = self.out / "recipes.tar.part"
        with tarfile.open(draft, "w:xz", preset=1) as archive:
            for path in sorted(self.scratch.rglob("*")):
                left_out = path.parent.name in ("masks", "heads") or "masks-" in str(path)
                if path.is_file() and not left_out and path.name[0] != ".":  # a lock or a draft of a running search
                    archive.add(path, path.relative_to(self.scratch).as_posix())
        os.replace(draft, self.out / "recipes.tar.xz")

    def _run(self, name: str, command: list[str]) -> dict:
        began, left = time.monotonic(), self.until - time.monotonic()
        if left < 10:
            return {"job": name, "ended": "no time was left"}
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=left, env=os.environ | QUIET)
        except subprocess.TimeoutExpired:
            return {"job": name, "ended": "stopped at the limit"}
        ending = {} if done.returncode == 0 else {"failed": done.stderr[-800:]}
        return {"job": name, "seconds": round(time.monotonic() - began, 1)} | ending

    def _command(self, verb: str, *flags: object) -> list[str]:
        training = ("--steps", "3", "--batch", "2", "--held-out-blocks", "4") if self.tiny else TRAINING
        common = ["--model", MODEL, "--text", str(self.text), "--task", "mlm", *training, "--quiet"]
        return [sys.executable, "-m", "neutral", verb, *common, *map(str, flags)]

    def _masks(self, recipe: str) -> Path | None:
        """Return a study with the masks of all languages of a recipe; None unless all are found."""
        folder = self.scratch / f"masks-{recipe}"
        half = "0.20" if self.tiny else "0.50"
        for code in self.languages:
            source = self.scratch / f"find-{recipe}" / code
            if not (source / "masks" / f"mlm_magnitude_{half}_s0_{code}.safetensors").is_file():
                return None
            shutil.copytree(source / "masks", folder / "masks", dirs_exist_ok=True)
            shutil.copy(source / "study.json", folder / "study.json")
        return folder


def main() -> None:
    """Search, train and pack."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--seconds", type=float, required=True, metavar="N")
    parser.add_argument("--workers", type=int, default=6, metavar="N", help="processes at once (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="two languages, two levels, three steps")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        jobs = Jobs(options.text, options.out, Path(scratch), options.seconds, options.workers, tiny=options.tiny)
        jobs.run(jobs.searches())
        jobs.run(jobs.transfers())


if __name__ == "__main__":
    main()
