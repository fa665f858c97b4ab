"""Whether a supervisor lives, which carries out the queue; and how one is started."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from neutral import home
from neutral.lock import LEASE, RECORD, only_writer
from neutral.writers import read_at

COMMAND = (sys.executable, "-P", "-m", "neutral.jobs.supervisor")
"""What starts one; tests put another here."""

LOG = ".supervisor.log"


def place() -> Path:
    """Return the folder whose lock a supervisor holds."""
    return home.runs() / ".supervisor"


def held() -> AbstractContextManager[None]:
    """Within, this process is the supervisor. Raises `NeutralError` if there is one."""
    home.made(home.runs())
    return only_writer(place(), patience=1.0)


def is_alive() -> bool:
    """Whether there is a supervisor; of another machine, whether it showed itself within a minute."""
    record = place() / RECORD
    writer = read_at(record)
    if writer is None:
        return False
    if writer.is_known_here:
        return writer.lives
    with suppress(OSError):
        return abs(time.time() - record.stat().st_mtime) < LEASE
    return False


def environment() -> dict[str, str]:
    """Return this process's environment for one in another folder: the package is found, and paths are absolute."""
    found = os.pathsep.join(filter(None, (str(home.CHECKOUT), os.environ.get("PYTHONPATH", ""))))
    studies = os.pathsep.join(map(os.path.abspath, home.further_studies()))
    return os.environ | {"PYTHONPATH": found, home.VARIABLE: str(home.home()), home.STUDIES: studies}


def start() -> None:
    """Start a supervisor that outlives this process; if there is one already, it ends at once."""
    with open(home.made(home.runs()) / LOG, "ab") as log:
        process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",  # it keeps no folder from being removed
            env=environment(),
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True, name="supervisor").start()  # so that it leaves no zombie
