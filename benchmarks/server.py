"""The app started as a user starts it, for benchmarks and for the tests in a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def running(*, seconds: float = 120, **environment: str) -> Iterator[str]:
    """Start the app on a free port, give its address once it answers, and stop it at the end.

    `environment` is added to this process's. Raises `RuntimeError` if the app ends or does not answer in `seconds`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    process = subprocess.Popen(
        [*command, "--server.headless", "true"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address, latest = f"http://localhost:{port}", time.monotonic() + seconds
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > latest:
                raise RuntimeError("streamlit did not start")
            time.sleep(0.02)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
    except OSError:
        return False
    return True
