"""UMAP's code, compiled in a process of its own once the app's first page is there, and the bar that waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from threading import Timer

import streamlit as st
from streamlit import runtime

from neutral import umaps

DELAY = 5
"""Seconds after the first page, which has the processors for itself till then."""
USUAL = 40
"""Seconds that it takes, beside other work."""


class Compiling:
    """The process that compiles, and when it began; it has the lowest priority, and ends by itself."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.began = 0.0
        if runtime.exists() and not umaps.is_kept():
            timer = Timer(DELAY, self._start)
            timer.daemon = True
            timer.start()

    def _start(self) -> None:
        path = os.pathsep.join(os.path.abspath(entry or ".") for entry in sys.path)
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        command = [sys.executable, "-m", "neutral.umaps"]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **quiet)


@st.cache_resource(max_entries=1, show_spinner=False)
def begin() -> Compiling:
    """Compile in the background what is not compiled yet; once for all sessions."""
    return Compiling()


def seconds() -> float | None:
    """Return for how long it has been compiling; None when it is not."""
    compiling = begin()
    if compiling.process is None or compiling.process.poll() is not None:
        return None
    return time.monotonic() - compiling.began


@st.fragment(run_every=1.0)
def wait() -> None:
    """Show a bar until it is compiled; then the page runs again."""
    since = seconds()
    if since is None:
        st.rerun()
    st.progress(
        min(0.95, since / USUAL), f"UMAP is being compiled, once on this machine: {since:.0f} s of about {USUAL}"
    )
