"""Pickles (`.pt`, `.bin`, `.pkl`), opened in a child process so that none can harm this one.

The child (`worker`) reads with `torch.load(weights_only=True)`, or with a reader of arrays that runs nothing, under a
limit on its memory and its time. It hands back packed masks or one line of JSON that says what was wrong; never a
pickle. One child reads a whole batch; a file that ends it, or that takes too long, costs the others nothing but the
start of another child.

The memory limit (RLIMIT_DATA and RLIMIT_AS, set above what Python and torch take once loaded) is Linux's.
Windows has none and macOS does not enforce it; on both only the checks of sizes and the time limit protect.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neutral.errors import FileError
from neutral.maskfiles import safetensor
from neutral.maskfiles.source import MaskFile
from neutral.maskfiles.values import Limits, Parts

ANSWER, MASK = "answer.json", "{}.safetensors"
"""Files that the child leaves in a job's folder: what it says, and the masks by number."""

DONE, SPENT = b"done\n", b"spent\n"
"""What the child says when a job is done; the second if it can do no more, because it ran out of memory."""

_COMMAND = ("-P", "-m", "neutral.maskfiles.worker")  # -P: nothing is imported from the current folder


class Child:
    """A process that opens pickles, started for the first of them; use it in a `with` statement."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._home: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, source: MaskFile, limits: Limits, *, zeros: bool = False) -> list[Parts]:
        """Read the masks of a file. Raises `FileError`, also when the child used up its time or memory, or died."""
        with tempfile.TemporaryDirectory(prefix="neutral-") as name:
            folder = Path(name)
            seconds = limits.time_for(source.size)
            job = {
                "folder": name,
                "paths": [str(path) for path in _on_disk(source.files, folder)],
                "weights": limits.weights,
                "memory": limits.memory,
                "seconds": seconds,
                "zeros": zeros,
            }
            if problem := self._do(job, seconds):
                raise source.error(problem)
            answer = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
            if "problem" in answer:
                raise source.error(answer["problem"])
            try:
                return [_handed_back(folder, i, about, limits) for i, about in enumerate(answer["masks"])]
            except FileError as error:
                raise source.error(error.problem) from error

    def _do(self, job: dict[str, Any], seconds: float) -> str:
        """Let the child do a job, and return what ended the child instead; "" if the job is done."""
        child = self._process or self._start()
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            child.stdin.write(json.dumps(job).encode() + b"\n")
            child.stdin.flush()
            said = child.stdout.readline()
        except OSError:  # it ended before it read the job
            said = b""
        finally:
            timer.cancel()
        if said == DONE:
            return ""
        problem = self._end()
        if said == SPENT:
            return ""
        return f"took longer to read than the {seconds:g} s it may" if late.is_set() else problem

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TORCH_FORCE_")}
        environment |= {
            "PYTHONPATH": os.pathsep.join(os.path.abspath(entry or ".") for entry in sys.path),
            "OMP_NUM_THREADS": "1",  # every thread takes memory of its own
            "CUDA_VISIBLE_DEVICES": "",
        }
        self._home = tempfile.TemporaryDirectory(prefix="neutral-")
        with self._errors.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *_COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=self._home.name,
                env=environment,
            )
        return self._process

    @property
    def _errors(self) -> Path:
        return Path(self._home.name) / "stderr"

    def _end(self) -> str:
        """End the child, if there is one, and return how it ended, for a message."""
        child, self._process = self._process, None
        if child is None:
            return ""
        child.stdout.close()
        with contextlib.suppress(OSError):
            child.stdin.close()  # the end of its work
        try:
            child.wait(1)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        how = _died(child.returncode, self._errors)
        self._home.cleanup()
        return how


def _on_disk(files: Sequence[MaskFile], folder: Path) -> list[Path]:
    """Return files' paths; those in memory are written into `folder`."""
    paths = [file.path.absolute() if file.path else folder / f"upload{i}" for i, file in enumerate(files)]
    for file, path in zip(files, paths, strict=True):
        if file.data is not None:
            path.write_bytes(file.data)
    return paths


def _handed_back(folder: Path, number: int, about: dict[str, Any], limits: Limits) -> Parts:
    (parts,) = safetensor.read(MaskFile.of_path(folder / MASK.format(number)), limits)
    return replace(parts, **{**about, "notes": tuple(about["notes"])})


def _died(status: int, errors: Path) -> str:
    if status < 0:
        reason = "too little memory, or a damaged file"
        return f"reading it ended the process that tried (signal {-status}): {reason}"
    lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"the process that reads torch's files failed: {lines[-1] if lines else f'exit status {status}'}"
