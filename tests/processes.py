"""Processes that tests start: whether they live, and waiting for what they do."""

import time
from pathlib import Path


def is_there(pid):
    """Whether a process runs; one that ended and that nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what, seconds=10):
    """Wait until a function returns what counts as true, but not for ever; return what it returned last."""
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.02)
    return what()
