"""Find lottery tickets of several languages at once on one GPU, until a time is over; what is done is packed.

    python -m benchmarks.gpu.tickets --text FOLDER --out FOLDER --seconds N [--seed N --exactly] [--scratch FOLDER]

- Every language is searched by `neutral find` in a process of its own. At this size a step waits for Python more than
  for the GPU, so the processes together take little longer than one.
- Once they train, their speed is measured. If 500 steps a round would not reach 50 % in time, they start again with
  as many steps as do.
- Whenever all languages have reached a level, it is counted and packed. At the end of the time they are stopped.
- If they finish early, four languages go on with the next seed.
- `--exactly` does neither of the two: the steps and the seed that were asked for, no fewer and no more.
- A folder `--scratch` is kept: the same command again goes on where this one was stopped, at most a round back.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.gpu.gather import Gathering, count_seeds
from benchmarks.gpu.parcels import pack
from benchmarks.gpu.timing import write
from neutral.cli.options import quiet_libraries
from neutral.languages.eleven import PAPER_ORDER
from neutral.search.rounds import levels

MODEL = "data/models/mini-mbert"
"""Its folder's name is what studies call it."""

SECOND_SEED = ("en", "zh", "ar", "sw")
LEAST_STEPS, STEPS_UNIT = 100, 50
LISTEN = 15.0  # seconds of training whose speed is measured
ENDING = 20.0  # seconds for the last counts and the packing
QUIET = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True)
class Ask:
    """What to search for."""

    text: Path
    model: str = MODEL
    seed: int = 0
    exactly: bool = False  # no fewer steps, and no second seed
    languages: tuple[str, ...] = PAPER_ORDER
    steps: int = 500
    batch: int = 32
    rate: float = 2e-4
    sparsity: float = 0.8
    step: float = 0.1
    home: float = 0.5  # the sparsity whose masks are packed
    device: str = "auto"
    extra: tuple[str, ...] = ()

    @property
    def sparsities(self) -> list[float]:
        """The levels that are searched."""
        return levels(self.sparsity, self.step)

    @property
    def rounds_home(self) -> int:
        """The rounds until the masks to pack are trained and scored."""
        return 1 + sum(s <= self.home for s in self.sparsities)

    def command(self, code: str, seed: int, study: Path) -> list[str]:
        """Return the command that searches one language."""
        options = {
            "model": self.model,
            "text": self.text,
            "languages": code,
            "study": study,
            "title": "mini-mbert: masked language modelling, trained on a GPU",
            "method": "magnitude",
            "sparsity": self.sparsity,
            "step": self.step,
            "steps": self.steps,
            "batch": self.batch,
            "rate": self.rate,
            "seeds": seed,
            "device": self.device,
        }
        flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        return [sys.executable, "-m", "neutral", "find", *flags, *self.extra]


@dataclass
class Pool:
    """Searches that run at once, a process a language, in the folder `scratch`."""

    ask: Ask
    scratch: Path
    seed: int = 0
    languages: tuple[str, ...] = ()
    running: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def parts(self) -> Path:
        """The folder of the languages' studies."""
        return self.scratch / "parts"

    def start(self) -> None:
        """Start them all."""
        self.parts.mkdir(parents=True, exist_ok=True)
        for code in self.languages or self.ask.languages:
            command = self.ask.command(code, self.seed, self.parts / code)
            with open(self.log(code), "wb") as log:
                self.running[code] = subprocess.Popen(
                    command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | QUIET, start_new_session=True
                )

    def log(self, code: str) -> Path:
        """Return the file that a search's output goes to."""
        return self.scratch / f"{code}.{self.seed}.log"

    def steps(self) -> dict[str, int]:
        """Return language -> steps done, as the progress bars say; languages that have not begun are absent."""
        done = {}
        for code in self.running:
            shown = re.findall(r"(\d+)/(\d+) \[", self.log(code).read_text(errors="replace")[-2000:])
            if shown and int(shown[-1][0]):
                done[code] = int(shown[-1][0])
        return done

    def busy(self) -> bool:
        """Whether one runs still."""
        return any(process.poll() is None for process in self.running.values())

    def stop(self) -> None:
        """End them all; what they have written stays whole."""
        for process in self.running.values():
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def failures(self) -> dict[str, str]:
        """Return language -> the end of the output of a search that ended in an error."""
        failed = [code for code, process in self.running.items() if process.poll() not in (None, 0, -signal.SIGKILL)]
        return {code: self.log(code).read_text(errors="replace")[-1500:] for code in failed}


def speed(pool: Pool, until: float, listen: float) -> float | None:
    """Return the steps a second of all together, once all train; None if one ends, or the time, before that."""
    began = None
    while time.monotonic() < until and all(process.poll() is None for process in pool.running.values()):
        done = pool.steps()
        if len(done) == len(pool.running):
            now = time.monotonic()
            began = began or (now, sum(done.values()))
            if now - began[0] >= listen:
                return (sum(done.values()) - began[1]) / (now - began[0])
        time.sleep(1)
    return None


def affordable(ask: Ask, rate: float, seconds: float) -> int:
    """Return the steps a round with which all languages reach `ask.home` in time: `ask.steps` or fewer."""
    most = int(0.92 * rate * seconds / (len(ask.languages) * ask.rounds_home))
    return min(ask.steps, max(LEAST_STEPS, most // STEPS_UNIT * STEPS_UNIT))


def search(ask: Ask, out: Path, seconds: float, scratch: Path, listen: float = LISTEN) -> None:
    """Search until `seconds` are over; results go to `out` whenever a level is reached."""
    results, until = out / "results.jsonl", time.monotonic() + max(1.0, seconds - ENDING)
    pool = Pool(ask, scratch / "first", ask.seed)
    pool.start()
    try:
        rate = speed(pool, until, listen)
        write(results, step="tickets", processes=len(ask.languages), steps_a_second=rate, steps=ask.steps)
        left = until - time.monotonic()
        if rate is not None and not ask.exactly and affordable(ask, rate, left) < ask.steps:
            pool.stop()
            steps = affordable(ask, rate, left - 30)  # starting again takes about 30 s
            write(results, step="tickets", started_again_with_steps=steps)
            ask = replace(ask, steps=steps)
            pool = Pool(ask, scratch / "again", ask.seed)
            pool.start()
        gathering = Gathering(pool.parts, scratch / "study", ask.languages, ask.model)
        _follow(pool, gathering, ask, out, until)
        second = () if ask.exactly else tuple(code for code in SECOND_SEED if code in ask.languages)
        left = until - time.monotonic()
        if len(second) > 1 and rate and left > 30 + len(second) * ask.rounds_home * ask.steps / rate:
            pool = Pool(ask, pool.scratch, ask.seed + 1, second)
            pool.start()
            _follow(pool, gathering, ask, out, until)
    finally:
        pool.stop()


def _follow(pool: Pool, gathering: Gathering, ask: Ask, out: Path, until: float) -> None:
    """Pack every level that all languages of a pool reach, until they end or the time does."""
    codes, packed = pool.languages or ask.languages, 0
    while True:
        ended = not pool.busy() or time.monotonic() >= until
        if ended:
            pool.stop()
        reached = gathering.reached(ask.sparsities, pool.seed, codes)
        if len(reached) > packed:
            _bring_home(pool, gathering, ask, reached, out)
            packed = len(reached)
        if ended:
            break
        time.sleep(2)
    for code, message in pool.failures().items():
        write(out / "results.jsonl", step="tickets", seed=pool.seed, language=code, failed=message)
    scored = gathering.reached([0.0, *ask.sparsities], pool.seed, codes)
    write(out / "results.jsonl", step="tickets", seed=pool.seed, languages=list(codes), all_scored_at=scored)


def _bring_home(pool: Pool, gathering: Gathering, ask: Ask, reached: Sequence[float], out: Path) -> None:
    codes = list(pool.languages or ask.languages)
    both = pool.seed != ask.seed
    study = gathering.join(ask.sparsities if both else reached, sorted({ask.seed, pool.seed}))
    for sparsity in reached:
        gathering.count(study, sparsity, pool.seed, codes)
        if both:
            count_seeds(study, sparsity, (ask.seed, pool.seed), codes)
    pack(study.path, out, max([s for s in reached if s <= ask.home], default=reached[0]))
    write(out / "results.jsonl", step="tickets", seed=pool.seed, packed_up_to=reached[-1])


def main() -> None:
    """Search, and pack what comes of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--seconds", type=float, required=True, metavar="N")
    parser.add_argument("--steps", type=int, default=500, help="steps a round, at most (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=Ask.rate, help="peak learning rate (default: %(default)s)")
    parser.add_argument("--recipe", default="paper", help="passed on to `find` (default: %(default)s)")
    parser.add_argument("--model", default=MODEL, metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first seed (default: %(default)s)")
    parser.add_argument("--exactly", action="store_true", help="no fewer steps a round, and no second seed")
    parser.add_argument("--scratch", type=Path, metavar="FOLDER", help="kept, for a run that goes on with it")
    parser.add_argument("--tiny", action="store_true", help="two languages, two rounds, three steps")
    options = parser.parse_args()
    quiet_libraries()
    options.out.mkdir(parents=True, exist_ok=True)
    ask = Ask(
        options.text.resolve(),
        options.model,
        options.seed,
        options.exactly,
        steps=options.steps,
        rate=options.rate,
        extra=("--recipe", options.recipe),
    )
    if options.tiny:
        ask = replace(ask, languages=("sw", "ur"), steps=3, batch=2, sparsity=0.2, home=0.1)
    listen = 1.0 if options.tiny else LISTEN
    if options.scratch:
        search(ask, options.out, options.seconds, options.scratch.resolve(), listen)
        return
    with tempfile.TemporaryDirectory() as scratch:
        search(ask, options.out, options.seconds, Path(scratch), listen)


if __name__ == "__main__":
    main()
