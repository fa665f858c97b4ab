"""Damage files of every kind that is read, thousands of times, and see that each is read or refused in one line.

    python -m benchmarks.mutations [--count 2000] [--seed 0] [--kind NAME]

Whatever is in a file: its reader returns something that can be used, or raises `NeutralError` with one line that can be
printed; within a time and without much memory; without a word on the terminal, a warning or a file left; and nothing
in it is run. The table has how many were read, refused and failed, and those that failed are told with their seeds.
"""

from __future__ import annotations

import argparse
import io
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import mutated
from benchmarks.mutated import Kind
from neutral import maskfiles
from neutral.errors import NeutralError, is_one_line

SECONDS = 10.0
"""Most time for a file of a few kilobytes."""

LONGEST = 2100
"""Most characters of a message."""

MEMORY = 2 * 2**30
"""Bytes that reading may take beyond what the process has."""

BATCH = 250  # files that one child process opens
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "socket.bind", "os.remove:outside")


@dataclass
class Figures:
    """How many damaged files were read, refused and failed, by kind, and what failed."""

    counts: dict[str, Counter] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def add(self, kind: str, outcome: str, seconds: float = 0.0) -> None:
        """Count one; an outcome that is neither `read` nor `refused` says what failed."""
        word = outcome if outcome in ("read", "refused") else "failed"
        self.counts.setdefault(kind, Counter())[word] += 1
        self.slowest = max(self.slowest, seconds)
        if word == "failed":
            self.failed.append(f"{kind}: {outcome}")

    def table(self) -> str:
        """Return a line a kind, and a line for all."""
        rows = {**self.counts, "all": sum(self.counts.values(), Counter())}
        head = f"{'kind':<22}{'read':>8}{'refused':>9}{'failed':>8}"
        return "\n".join([head, *(f"{k:<22}{c['read']:>8}{c['refused']:>9}{c['failed']:>8}" for k, c in rows.items())])


class _TooLongError(BaseException):
    """Reading took too long; no reader takes it for an error of the file."""


def run(count: int, seed: int, kinds: Sequence[Kind]) -> Figures:
    """Damage `count` files, evenly of all kinds, and read each; the same seed gives the same files."""
    figures = Figures()
    for place, kind in enumerate(kinds):
        share = count // len(kinds) + (place < count % len(kinds))
        seeds = [f"{seed}/{kind.name}/{i}" for i in range(share)]
        if kind.many:
            for start in range(0, share, BATCH):
                _read_batch(kind, seeds[start : start + BATCH], figures)
        else:
            for one in seeds:
                _read_one(kind, one, figures)
    return figures


def damaged(kind: Kind, seed: str) -> dict[str, bytes]:
    """Return a kind's files, one of them damaged."""
    rng = random.Random(seed)
    name = rng.choice(kind.damaged)
    return kind.files | {name: rng.choice(kind.ways)(kind.files[name], rng)}


def _read_one(kind: Kind, seed: str, figures: Figures) -> None:
    with _folder() as folder:
        laid(folder / "f", damaged(kind, seed))
        before = _names(folder)
        begin = time.monotonic()
        outcome = _outcome(lambda: kind.read(folder / "f"), str(folder))
        seconds = time.monotonic() - begin
        if outcome in ("read", "refused") and _names(folder) != before:
            outcome = f"left {sorted(_names(folder) ^ before)}"
        figures.add(kind.name, outcome if outcome in ("read", "refused") else f"{seed}: {outcome}", seconds)


def _read_batch(kind: Kind, seeds: Sequence[str], figures: Figures) -> None:
    """Read many mask files in one child process."""
    with _folder() as folder:
        paths = []
        for number, seed in enumerate(seeds):
            (name, content), *_ = damaged(kind, seed).items()
            paths.append(folder / f"{number:05d}" / name)
            laid(paths[-1].parent, {name: content})
        before, read, begin = _names(folder), [], time.monotonic()
        outcome = _outcome(lambda: read.extend(maskfiles.readings(paths)), str(folder), SECONDS * len(seeds))
        figures.slowest = max(figures.slowest, (time.monotonic() - begin) / len(seeds))
        if outcome != "read" or _names(folder) != before:
            figures.add(kind.name, f"{seeds[0]} and on: {outcome}, or left something")
            return
        by_file: dict[str, list] = {}
        for one in read:
            by_file.setdefault(one.file, []).append(one)
        for seed, path in zip(seeds, paths, strict=True):
            outcome = _outcome(lambda path=path: [mutated.use_mask(one) for one in by_file[str(path)]], str(folder))
            figures.add(kind.name, outcome if outcome in ("read", "refused") else f"{seed}: {outcome}")


def _outcome(read: object, folder: str, seconds: float = SECONDS) -> str:
    """Return "read", "refused", or what broke the rule."""
    out = io.StringIO()
    try:
        with (
            _watched(seconds),
            redirect_stdout(out),
            redirect_stderr(out),
            warnings.catch_warnings(record=True) as said,
        ):
            warnings.simplefilter("always")
            try:
                read()
                outcome = "read"
            except NeutralError as error:
                outcome = _refusal(str(error).replace(folder, ""))
    except _TooLongError:
        return f"took more than {seconds:g} s"
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:200]!r} in {last.filename}:{last.lineno}"
    if _ran:
        return f"ran {_ran.pop()}"
    if said:
        return f"warned: {said[0].category.__name__}: {said[0].message}"
    return f"said {out.getvalue()[:100]!r}" if out.getvalue() else outcome


def _refusal(message: str) -> str:
    if not is_one_line(message) or len(message) > LONGEST or not message.strip():
        return f"a message of {len(message)} characters, or not of one line: {message[:200]!r}"
    if "more memory than there is" in message:
        return "took all memory"
    return "refused"


_ran: list[str] = []
_watching = False


def _hook(event: str, arguments: tuple) -> None:
    """Note what no reader does: programs and connections, but for the child that opens pickles."""
    if not _watching:
        return
    if event == "subprocess.Popen" and "neutral.maskfiles.worker" not in map(str, arguments[1]):
        _ran.append(f"{event} {arguments[1]}")
    if event in _FORBIDDEN:
        _ran.append(event)


@contextmanager
def _watched(seconds: float) -> Iterator[None]:
    """Within, time is limited, and what is run is noted."""
    global _watching

    def late(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _watching = True
    try:
        yield
    finally:
        _watching = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _folder() -> Iterator[Path]:
    """Return a new folder, which is also where temporary files go."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as name:
        (Path(name) / "tmp").mkdir()
        before, tempfile.tempdir = tempfile.tempdir, f"{name}/tmp"
        try:
            yield Path(name)
        finally:
            tempfile.tempdir = before


def laid(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder, which is made if need be."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@contextmanager
def limited(memory: int = MEMORY) -> Iterator[None]:
    """Within, this process takes no more memory than it has and `memory` bytes, where the system can see to it."""
    import resource

    status = Path("/proc/self/status")
    if not status.exists():
        yield
        return
    held = dict(line.split(":", 1) for line in status.read_text().splitlines())
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(held["VmData"].split()[0]) * 1024 + memory, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def main() -> None:
    """Damage, read, print the table and what failed; exit 1 if something did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", default="", help="only kinds whose name begins with this")
    chosen = parser.parse_args()
    kinds = [kind for kind in mutated.kinds() if kind.name.startswith(chosen.kind)]
    begin = time.monotonic()
    with limited():
        figures = run(chosen.count, chosen.seed, kinds)
    print(figures.table())
    print(f"{time.monotonic() - begin:.0f} s; the slowest took {figures.slowest:.2f} s")
    for line in figures.failed[:100]:
        print(line)
    sys.exit(1 if figures.failed else 0)


sys.addaudithook(_hook)

if __name__ == "__main__":
    main()
