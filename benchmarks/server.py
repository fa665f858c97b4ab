"""The app started as a user starts it, for benchmarks and for the tests in a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def running(*, seconds: float = 120, **environment: str) -> Iterator[str]:
    """Start the app on a free port, give its address once it answers, and stop it at the end.

    `environment` is added to this process's. Raises `RuntimeError` if the app ends or does not answer in `seconds`.
    """
    with started(seconds=seconds, **environment) as server:
        yield server.address


@dataclass(frozen=True)
class Server:
    """The app that was started: its address and its process."""

    address: str
    process: subprocess.Popen

    def cpu(self) -> float:
        """Return the seconds of processors that the server has used, its children left out."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Return the server's memory, its children's left out."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def started(
    *options: str,
    seconds: float = 120,
    log: Path | None = None,
    root: Path = ROOT,
    app: Sequence[str] = ("run", "app.py"),
    **environment: str,
) -> Iterator[Server]:
    """Start the app of `root` as `running` does, with options of `streamlit run`; what it prints goes to `log`.

    `app` is another command of streamlit, `hello` say. It has a home of its own, which goes with it.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", *app, "--server.port", str(port)]
    home = tempfile.mkdtemp(prefix="neutral-home-")
    with open(log or os.devnull, "wb") as said:
        process = subprocess.Popen(
            [*command, "--server.headless", "true", *options],
            cwd=root,
            env={**os.environ, "NEUTRAL_HOME": home, **environment},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        address, latest = f"http://localhost:{port}", time.monotonic() + seconds
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > latest:
                raise RuntimeError("streamlit did not start")
            time.sleep(0.02)
        yield Server(address, process)
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(home, ignore_errors=True)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
    except OSError:
        return False
    return True
