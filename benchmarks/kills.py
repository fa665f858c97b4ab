"""Kill long commands at random moments, run the same command again until it ends, and look at what is different then.

    python -m benchmarks.kills --kills 200 --seed 0

Every command works on a tiny model. It is first run without a kill; then it is killed (SIGKILL) at a random moment of
its time, run again, killed again, and so on until it ends; then it begins anew, until it has had its share of kills.
What it leaves is held against what the run without a kill left: the rows of results.jsonl, and every other file to the
byte. `transfer` by two processes is killed as a whole, or loses one of the two and has to end by itself.

One process imports everything and is forked for each run: the libraries take seconds to import.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
LANGUAGES = ("de", "en", "es", "fr", "ru", "sw")
LINES = 60  # of a language
PATIENCE = 120.0  # seconds that a run may take
ORPHANS = 5.0  # seconds in which a killed run's processes must have ended

_SAID = ("created", "notes")  # in study.json
_CARD = re.compile(r"[\d.]+ hours")  # in a model's card


@dataclass(frozen=True)
class Case:
    """A command; `{out}` in its options is the folder that it works in."""

    name: str
    options: str
    begins_with: Path | None = None  # a study that the folder is a copy of
    share: int = 10  # of the kills, against the other commands' shares
    loses_a_worker: bool = False  # one of its processes is killed, and not all

    def arguments(self, out: Path) -> list[str]:
        """Return the command line."""
        return [part.replace("{out}", str(out)) for part in self.options.split()]


@dataclass
class Tally:
    """What came of one command's kills."""

    case: Case
    seconds: float = 0.0  # without a kill
    kills: int = 0
    ends: int = 0  # runs that came to their end after kills
    lost: int = 0  # rows
    double: int = 0
    wrong: set[str] = field(default_factory=set)  # files that differ, and runs that failed
    left: set[str] = field(default_factory=set)  # drafts, locks and temporary files
    orphans: int = 0  # processes
    said: set[str] = field(default_factory=set)  # which rows, and how files differ

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, double, wrong or left behind."""
        return not (self.lost or self.double or self.wrong or self.left or self.orphans)


def cases(folder: Path) -> Iterator[Case]:
    """Yield the commands, on the material in `folder`."""
    text = f"--text {folder}/text --device cpu --quiet"
    model = f"--model {folder}/model"
    trained = "--batch 2 --length 32 --held-out-blocks 4"
    lottery = f"{model} {text} {trained} --method magnitude --sparsity 0.4 --step 0.2 --steps 2"
    yield Case("find, lottery", f"find --study {{out}} {lottery} --languages en,sw --controls pretrained,shuffled")
    wanda = f"{model} {text} {trained} --method wanda --sparsity 0.3,0.5 --halves --blocks 4 --steps 1"
    yield Case("find, wanda", f"find --study {{out}} {wanda} --functional 0.5")
    moved = f"transfer --study {{out}} --masks {folder}/study {model} --text {folder}/text --quiet {trained}"
    moved += " --method wanda --targets en,sw --sources en,sw --steps 2"
    yield Case("transfer", f"{moved} --devices cpu")
    yield Case("transfer, 2 processes", f"{moved} --devices cpu,cpu", share=4)
    yield Case("transfer, one of 2", f"{moved} --devices cpu,cpu", share=4, loses_a_worker=True)
    study = folder / "study"
    yield Case("typology", "typology --study {out} --permutations 499 --quiet", study)
    inside = f"{model} --device cpu --quiet --sentences {folder}/text"
    yield Case("retrieve", f"retrieve --study {{out}} {inside} --masks full,each --method wanda", study)
    yield Case("represent", f"represent --study {{out}} {inside} --masks full,each --method wanda", study)
    smaller = f"{model} {text} --length 32 --held-out-blocks 4 --ratios 2.5 --keep"
    yield Case("compress", f"compress --study {{out}} {smaller}")
    tuned = f"{smaller} --methods svd,int8 --by parameters --finetune {folder}/labelled --finetune-steps 2"
    yield Case("compress, fine-tuned", f"compress --study {{out}} {tuned} --finetune-seeds 0,1")
    sizes = "--vocabulary 300 --steps 20 --batch 2 --length 32 --layers 1 --width 16 --heads 2 --feed-forward 32"
    yield Case("pretrain, from nothing", f"pretrain --out {{out}} {text} {sizes}")
    yield Case("pretrain, from an encoder", f"pretrain --out {{out}} {text} {sizes} --from {folder}/model")


def make_material(folder: Path) -> None:
    """Make the text, the model and the study of masks that the commands begin with."""
    sys.path.insert(0, str(ROOT / "tests"))
    import tiny

    from neutral.cli import main

    (folder / "text").mkdir()
    for code in LANGUAGES:
        lines = (ROOT / "data" / "sentences" / f"{code}.txt").read_text(encoding="utf-8").splitlines(True)[:LINES]
        (folder / "text" / f"{code}.txt").write_text("".join(lines), encoding="utf-8")
    tiny.saved(folder / "model", size=500, languages=LANGUAGES)
    (folder / "labelled").mkdir()
    for name, examples in (("train", 64), ("validation", 16)):
        rows = [f"{i % 2},{('rain was old', 'bread by night')[i % 2]}" for i in range(examples)]
        (folder / "labelled" / f"{name}.csv").write_text("\n".join(["label,text", *rows]), encoding="utf-8")
    found = f"find --study {folder}/study --model {folder}/model --text {folder}/text --device cpu --quiet --length 32"
    found += " --batch 2 --held-out-blocks 4 --method wanda --sparsity 0.5 --blocks 4 --steps 1 --controls pretrained"
    if main(found.split()):
        raise RuntimeError("the study of masks could not be made")


class Run:
    """A command that runs in a process of its own, a session of its own, with a folder for temporary files."""

    def __init__(self, case: Case, out: Path, temporary: Path, log: Path) -> None:
        self.began, self.case = time.monotonic(), case
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
            with log.open("ab") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            _end_as_command(case.arguments(out))

    def ended(self, seconds: float) -> int | None:
        """Return the exit code as soon as the process ends, None if it does not within some seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        return None

    def kill(self) -> None:
        """Kill the process, and no other."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def workers(self) -> list[int]:
        """Return the processes that work for this one."""
        return [pid for pid in self.session() if pid != self.pid and "spawn_main" in _command(pid)]

    def session(self) -> list[int]:
        """Return all processes of this one's session that live."""
        return [pid for pid in _processes() if _session(pid) == self.pid]

    def orphans(self) -> int:
        """Return how many processes outlive this one by `ORPHANS` seconds, and end them."""
        until = time.monotonic() + ORPHANS
        while (left := self.session()) and time.monotonic() < until:
            time.sleep(0.01)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return len(left)


def _end_as_command(arguments: list[str]) -> None:
    code = 1
    try:
        from neutral.cli import main

        code = main(arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session(pid: int) -> int | None:
    """Return the session of a process; None if it is gone, or a zombie that nobody has fetched yet."""
    try:
        state, _, _, session = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return None
    return None if state == "Z" else int(session)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def rows(out: Path) -> Counter[str]:
    """Return the results of a study."""
    path = out / "results.jsonl"
    return Counter(path.read_text(encoding="utf-8").splitlines() if path.exists() else [])


def files(out: Path) -> dict[str, bytes]:
    """Return the content of every other file, without what a clock says, or a run said of what was left to do."""
    contents = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != "results.jsonl":
            data = path.read_bytes()
            if path.name == "study.json":
                info = json.loads(data)
                data = json.dumps({name: value for name, value in info.items() if name not in _SAID}, indent=1).encode()
            if path.name == "README.md":
                data = _CARD.sub("", data.decode()).encode()
            contents[str(path.relative_to(out))] = data
    return contents


class Trial:
    """One command's folders, and what it leaves without a kill."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.folder, self.tally = folder, Tally(case)
        self.temporary = folder / "temporary"
        self.temporary.mkdir(parents=True)
        out, run = self.begun("whole")
        if run.ended(PATIENCE) != 0:
            raise RuntimeError(f"{case.name} does not run: {(folder / 'log').read_text()[-2000:]}")
        self.tally.seconds = time.monotonic() - run.began
        self.rows, self.files = rows(out), files(out)

    def begun(self, name: str) -> tuple[Path, Run]:
        """Start the command in a folder, which begins as the case says if it is new."""
        out, case = self.folder / name, self.tally.case
        if not out.exists() and case.begins_with is not None:
            shutil.copytree(case.begins_with, out)
        return out, Run(case, out, self.temporary, self.folder / "log")

    def killed(self, kills: int, draw: random.Random, until: float) -> Tally:
        """Kill the command so many times, or until the time is over, and let it end each time that it can."""
        tally, number = self.tally, 0
        while tally.kills < kills and time.monotonic() < until:
            number += 1
            while True:
                out, run = self.begun(str(number))
                wait = draw.uniform(0, tally.seconds) if tally.kills < kills else PATIENCE
                code = self._lose_worker(run, wait, draw) if tally.case.loses_a_worker else self._kill(run, wait)
                tally.orphans += run.orphans()
                if code is not None:
                    break
            self._judge(out, code)
            shutil.rmtree(out, ignore_errors=True)
        return tally

    def _kill(self, run: Run, wait: float) -> int | None:
        """Return the exit code of a run that ended before it could be killed, None of one that was killed."""
        code = run.ended(wait)
        if code is None:
            run.kill()
            self.tally.kills += 1
        return code

    def _lose_worker(self, run: Run, wait: float, draw: random.Random) -> int | None:
        """The same, of a run one of whose workers is killed: it has to end by itself then, and not with 0."""
        code = run.ended(wait)
        if code is not None:
            return code
        workers = run.workers()
        if workers:
            os.kill(draw.choice(workers), signal.SIGKILL)
            self.tally.kills += 1
        code = run.ended(PATIENCE)
        if code is None:
            run.kill()
            self.tally.wrong.add("did not end")
        return code if code == 0 or not workers else None

    def _judge(self, out: Path, code: int) -> None:
        """Compare what a run left that ended."""
        tally = self.tally
        tally.ends += 1
        if code:
            tally.wrong.add(f"exit code {code}")
        these, own = rows(out), files(out)
        for what, some in (("lost", self.rows - these), ("double", these - self.rows)):
            tally.said |= {f"{what}: {row[:300]}" for row in some}
        tally.lost += (self.rows - these).total()
        tally.double += (these - self.rows).total()
        names = {name for name in own.keys() | self.files.keys() if own.get(name) != self.files.get(name)}
        left = {name for name in names if name not in self.files}
        tally.left |= left | {f"temporary/{path.name}" for path in self.temporary.iterdir()}
        tally.wrong |= names - left
        tally.said |= {f"{name} {_first_difference(self.files[name], own.get(name, b''))}" for name in names - left}


def _first_difference(one: bytes, other: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"from byte {at}: {one[at : at + 60]!r}, now {other[at : at + 60]!r}"


def trials(kills: int, seed: int, folder: Path, minutes: float, only: str = "") -> Iterator[Tally]:
    """Yield the tally of each command; the kills are shared out among them."""
    material = folder / "material"
    material.mkdir()
    make_material(material)
    chosen = [case for case in cases(material) if only in case.name]
    left, time_left = kills, 60 * minutes
    for i, case in enumerate(chosen):
        part = case.share / sum(other.share for other in chosen[i:])
        own, began = round(left * part), time.monotonic()
        left -= own
        if own:
            trial = Trial(case, folder / re.sub(r"\W+", "-", case.name))
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
    parser.add_argument("--only", default="", help="commands with this in their name")
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
