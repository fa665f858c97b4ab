"""Work shared out over as many threads as torch has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch


def share(tasks: Iterable[Callable[[], object]]) -> None:
    """Do every task, each once, in any order; returns when all are done. An error of a task is raised."""
    count = torch.get_num_threads()
    if count == 1:
        for task in tasks:
            task()
    else:
        list(_pool(count).map(lambda task: task(), tasks))


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "logits")


if hasattr(os, "register_at_fork"):  # a forked process has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
