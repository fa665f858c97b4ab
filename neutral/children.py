"""Child processes that end when they are no longer wanted, however the process that started them ends."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait

_PR_SET_PDEATHSIG = 1  # prctl(2)


@contextmanager
def pools(number: int) -> Iterator[list[ProcessPoolExecutor]]:
    """Within, `number` pools of one process each. After an exception their processes end in the midst of their work.

    Each process waits for the end of a pipe that is open here alone, so it ends with this one, SIGKILL included. It
    does so before it loads anything: what takes long to load is for the first job.
    """
    context = multiprocessing.get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    made = [ProcessPoolExecutor(1, context, _begin, (watched,)) for _ in range(number)]
    with watched, held:
        try:
            yield made
        except BaseException:
            held.close()
            raise
        finally:
            for pool in made:
                pool.shutdown(cancel_futures=True)


def _begin(watched: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says what becomes of it
    if sys.platform == "linux":  # a call that holds the interpreter's lock for long would hold up the thread
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    wait([watched])  # nothing is ever sent, so it is the end
    os._exit(1)
