"""Kill long commands at random moments, run the same command again until it ends, and look at what is different then.

    python -m benchmarks.kills --kills 200 --seed 0

Every command works on a tiny model. It is first run without a kill; then it is killed (SIGKILL) at a random moment of
its time, run again, killed again, and so on until it ends; then it begins anew, until it has had its share of kills.
What it leaves is held against what the run without a kill left: the rows of results.jsonl, and every other file to the
byte. `transfer` on Ray is killed, or loses one of its workers and has to end as if nothing had been.

One process imports everything and is forked for each run: the libraries take seconds to import.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kills.cases import cases, make_material
from benchmarks.kills.trial import Tally, Trial


def trials(kills: int, seed: int, folder: Path, minutes: float, only: str = "") -> Iterator[Tally]:
    """Yield the tally of each command; the kills are shared out among them."""
    material = folder / "material"
    material.mkdir()
    make_material(material)
    chosen = [case for case in cases(material) if re.search(only, case.name)]
    left, time_left = kills, 60 * minutes
    for i, case in enumerate(chosen):
        part = case.share / sum(other.share for other in chosen[i:])
        own = round(left * part)
        left -= own
        if own:
            trial, began = Trial(case, folder / re.sub(r"\W+", "-", case.name)), time.monotonic()
            yield trial.killed(own, random.Random(f"{seed} {case.name}"), began + part * time_left)
            time_left -= time.monotonic() - began


def line(tally: Tally) -> str:
    """Return a row of the table."""
    figures = (tally.kills, tally.ends, tally.lost, tally.double, len(tally.wrong), len(tally.left), tally.orphans)
    return f"| {tally.case.name} | {tally.seconds:.1f} | " + " | ".join(map(str, figures)) + " |"


def warm() -> None:
    """Import what the commands import, so that a fork need not."""
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    import torch

    torch.set_num_threads(1)
    from neutral import pretraining  # noqa: F401
    from neutral.runs import compression, finetuning, inside, search, tables, transfer, typology  # noqa: F401


def main() -> int:
    """Kill, print a table, and return 1 if anything was lost, double, wrong or left behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30.0, help="of killing, shared out likewise")
    parser.add_argument(
        "--only", default="", metavar="PATTERN", help="commands whose names have this regular expression"
    )
    chosen = parser.parse_args()
    warm()
    print("| command | alone, s | kills | runs that ended | rows lost | double | wrong | left | orphans |")
    print("| --- |" + " ---: |" * 8)
    clean = True
    with tempfile.TemporaryDirectory() as folder:
        for tally in trials(chosen.kills, chosen.seed, Path(folder), chosen.minutes, chosen.only):
            print(line(tally), flush=True)
            for name in sorted(tally.wrong | tally.left | tally.said):
                print(f"{tally.case.name}: {name}", file=sys.stderr)
            clean &= tally.is_clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
