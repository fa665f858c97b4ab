"""What a run would do, asked of the run itself: `--dry-run json` in a child process.

A model is loaded there and not in the process that asks, so a large one can be asked about from a server of pages, and
its memory is free again after the answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from neutral import home
from neutral.errors import NeutralError, one_line
from neutral.jobs import launch
from neutral.jobs.limits import Limits
from neutral.memory import amount
from neutral.processes import Process, memory

SECONDS = 900.0
"""After which a question is given up."""

_LONGEST = 20_000_000  # letters of an answer that are read
_TAIL = 20_000  # bytes of what was said
_ANSWER, _SAID = "answer.json", "said.txt"
_PREFIX = "neutral: "


def ask(words: Sequence[str], limits: Limits, tick: Callable[[], object]) -> dict:
    """Return what a command would do: what its `--dry-run json` prints.

    `words` are the command's, behind `neutral`; `limits` are those of the run, and hold here too. Meanwhile `tick` is
    called again and again; it waits a little, and what it raises ends the child.

    Raises `NeutralError` with the line that the command says, if it refuses or fails, and for one that takes more time
    or memory than it may.
    """
    question = _Question([*words, "--dry-run", "json", "--quiet"], limits)
    try:
        while not question.is_answered():
            tick()
        return question.facts()
    finally:
        question.end()


class _Question:
    """A command that prints JSON: it writes nothing, and it is gone after `end`, answered or not."""

    def __init__(self, words: Sequence[str], limits: Limits) -> None:
        self._limits, self._until = limits, time.monotonic() + SECONDS
        self._folder = tempfile.TemporaryDirectory(prefix="neutral-check-", ignore_cleanup_errors=True)
        self._place = Path(self._folder.name)
        path = os.pathsep.join(filter(None, (str(home.CHECKOUT), os.environ.get("PYTHONPATH", ""))))
        with open(self._place / _ANSWER, "wb") as answer, open(self._place / _SAID, "wb") as said:
            self._child = subprocess.Popen(
                [*launch.PROGRAM, *words],
                cwd=self._place,  # where no module of a stranger is
                env=os.environ | {"PYTHONPATH": path} | limits.environment(),
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=said,
                start_new_session=True,
            )
        self._process = Process.of(self._child.pid)

    def is_answered(self) -> bool:
        """Whether the command has ended. Raises `NeutralError` if it takes more time or memory than it may."""
        if self._child.poll() is not None:
            return True
        if time.monotonic() > self._until:
            raise NeutralError(f"the check took more than {SECONDS / 60:.0f} minutes; try the command in a shell")
        most = self._limits.memory
        if most is not None and self._process and (used := memory(self._process.family())) > most:
            raise NeutralError(f"the check had {amount(used)} of memory and may have {amount(most)}; allow more")
        return False

    def facts(self) -> dict:
        """Return the answer, once there is one.

        Raises `NeutralError` with the line that the command says, if it refuses or fails.
        """
        if code := self._child.wait():
            raise NeutralError(_refusal(_tail(self._place / _SAID), code))
        try:
            with open(self._place / _ANSWER, encoding="utf-8") as answer:
                facts = json.loads(answer.read(_LONGEST))
        except ValueError:
            facts = None
        if not isinstance(facts, dict):
            raise NeutralError("the check gave no answer that can be read; try the command in a shell")
        return facts

    def end(self) -> None:
        """End the command, if it still runs, and let its files go."""
        if self._child.poll() is None:
            if self._process:
                self._process.kill()
            self._child.kill()
            self._child.wait()
        self._folder.cleanup()


def _tail(path: Path) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode("utf-8", "replace")


def _refusal(said: str, code: int) -> str:
    """Return the line with which a command ended.

    >>> _refusal("loading\\nneutral: --seeds: whole numbers\\n", 2)
    '--seeds: whole numbers'
    >>> _refusal("", -9)
    'the check ended without a word (-9), perhaps for lack of memory'
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if own := [line.removeprefix(_PREFIX) for line in lines if line.startswith(_PREFIX)]:
        return one_line(own[-1])
    if lines and code >= 0:
        return one_line(f"the check failed: {lines[-1]}")
    return f"the check ended without a word ({code}), perhaps for lack of memory"
