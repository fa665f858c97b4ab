"""Work shared out over as many threads as torch has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Lock

import torch

_PIECE = 16384  # numbers that torch converts in the thread that asks for it


def share(tasks: Iterable[Callable[[], object]]) -> None:
    """Do every task, each once, in any order; returns when all are done. An error of a task is raised."""
    queue, lock = iter(tasks), Lock()

    def work() -> None:
        while (task := _next(queue, lock)) is not None:
            task()

    helpers = torch.get_num_threads() - 1
    started = [_pool(helpers).submit(work) for _ in range(helpers)]
    try:
        work()
    finally:  # they may still write to memory of ours
        wait(started)
    for helper in started:
        helper.result()


def alone(tensor: torch.Tensor) -> torch.Tensor:
    """Return numbers (n,) as contiguous float32, converted by this thread: torch's own would wait in a loop after it.

    A millisecond in which they take processors from the threads here.
    """
    if tensor.dtype == torch.float32 and tensor.is_contiguous():
        return tensor.detach()
    out = torch.empty(len(tensor))
    for new, old in zip(out.split(_PIECE), tensor.detach().split(_PIECE), strict=True):
        new.copy_(old)
    return out


def _next(queue: Iterable[Callable[[], object]], lock: Lock) -> Callable[[], object] | None:
    with lock:
        return next(queue, None)


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "logits")


if hasattr(os, "register_at_fork"):  # a forked process has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
