"""Torch's pickles (`.pt`, `.bin`), opened in a child process so that none can harm this one.

The child (`worker`) reads with `torch.load(weights_only=True)`, under a limit on its memory and its time,
and hands back a packed mask or one line of JSON that says what was wrong; never a pickle. The zip directory is
checked against the file before the child opens it.

The memory limit (RLIMIT_DATA and RLIMIT_AS, set above what Python and torch take once loaded) is Linux's.
Windows has none and macOS does not enforce it; on both only the checks of sizes and the time limit protect.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from neutral.errors import FileError
from neutral.maskfiles import safetensor
from neutral.maskfiles.source import MaskFile
from neutral.maskfiles.values import Limits, Parts

RESULT, PROBLEM, JOB = "mask.safetensors", "problem.json", "job.json"
"""Files in the child's folder: what it leaves there, and the job that it reads."""

_COMMAND = ("-P", "-m", "neutral.maskfiles.worker")  # -P: nothing is imported from the current folder


def read(source: MaskFile, limits: Limits) -> Parts:
    """Read a torch file. Raises `FileError`, also when the child used up its time or memory, or died."""
    with tempfile.TemporaryDirectory(prefix="neutral-") as name:
        folder = Path(name)
        path = source.path.absolute() if source.path else folder / "upload"
        if source.data is not None:
            path.write_bytes(source.data)
        job = {"path": str(path), "weights": limits.weights, "memory": limits.memory}
        seconds = limits.time_for(source.size)
        (folder / JOB).write_text(json.dumps(job | {"seconds": seconds}), encoding="utf-8")
        status = _run(source, folder, seconds)
        if (problem := folder / PROBLEM).exists():
            raise source.error(json.loads(problem.read_text(encoding="utf-8"))["problem"])
        if status != 0 or not (folder / RESULT).exists():
            raise source.error(_died(status, folder))
        try:
            return safetensor.read(MaskFile.of_path(folder / RESULT), limits)
        except FileError as error:
            raise source.error(error.problem) from error


def _run(source: MaskFile, folder: Path, seconds: float) -> int:
    """Run the child in `folder` to its end and return its exit status."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TORCH_FORCE_")}
    environment |= {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(entry or ".") for entry in sys.path),
        "OMP_NUM_THREADS": "1",  # every thread takes memory of its own
        "CUDA_VISIBLE_DEVICES": "",
    }
    with (folder / "stderr").open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, *_COMMAND, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=folder,
            env=environment,
        )
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise source.error(f"took longer to read than the {seconds:g} s it may") from None
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def _died(status: int, folder: Path) -> str:
    if status < 0:
        reason = "too little memory, or a damaged file"
        return f"reading it ended the process that tried (signal {-status}): {reason}"
    lines = (folder / "stderr").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"the process that reads torch's files failed: {lines[-1] if lines else f'exit status {status}'}"
