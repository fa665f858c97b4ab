"""Runs of the app: each the same command as in the shell, in a queue a device, carried out apart from the server.

    records      a run's folder          job       as pages see it       limits   time, memory, threads
    waiting      the queue               launch    how one is started    sources  what its arguments may name
    supervisor   carries out the queue, in a process of its own          supervision  whether that lives
    permission   who may start runs      folders   where models and text may be

A page adds, stops and looks. A supervisor, started when there is something to do, does the rest and outlives the
server.
"""

from neutral.jobs.job import Job
from neutral.jobs.limits import Limits
from neutral.jobs.waiting import add, all_jobs, clear, get, go_on, move, problems, queue, remove, stop, wake

__all__ = [
    "Job",
    "Limits",
    "add",
    "all_jobs",
    "clear",
    "get",
    "go_on",
    "move",
    "problems",
    "queue",
    "remove",
    "stop",
    "wake",
]
