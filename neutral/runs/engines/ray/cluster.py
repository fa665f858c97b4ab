"""A Ray cluster: started here for one run, or joined; and how much room its machines have."""

from __future__ import annotations

import logging
import math
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from neutral.errors import NeutralError, described
from neutral.runs.engines.ray import held
from neutral.runs.engines.ray.code import FOLDER

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # of calls whose answer nobody waits for any more
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning: a worker without a GPU is told to use the CPU anyway
}

_PRIVATE = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""A cluster that is started here takes no commands from others who can reach this machine."""


_PATIENCE = 10.0  # seconds in which a cluster's head takes a connection


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    key: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Wanted:
    """What one worker takes."""

    cpus: float
    gpus: float

    @classmethod
    def of(cls, cpus: float | None, gpus: float | None) -> Wanted:
        """Return what is asked for, or a CPU, and a GPU where the cluster has any."""
        if gpus is None:
            gpus = 1.0 if any(node.gpus for node in nodes()) else 0.0
        return cls(1.0 if cpus is None else cpus, gpus)

    @property
    def device(self) -> str:
        """The device of a worker, who sees its own GPU alone."""
        return "cuda" if self.gpus else "cpu"

    @property
    def threads(self) -> int:
        """How many threads a worker has."""
        return max(1, int(self.cpus))

    def room(self, node: Node) -> int:
        """Return how many workers a machine takes; one that takes less than a GPU has its part of a single one."""
        by_cpu = _parts(node.cpus, self.cpus)
        if not self.gpus:
            return by_cpu
        by_gpu = int(node.gpus) * _parts(1.0, self.gpus) if self.gpus < 1 else _parts(node.gpus, self.gpus)
        return min(by_cpu, by_gpu)

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "")


def nodes() -> list[Node]:
    """Return the machines that are there now."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return [
        Node(
            node["NodeID"], node["NodeManagerHostname"], *(node["Resources"].get(what, 0.0) for what in ("CPU", "GPU"))
        )
        for node in alive
    ]


def require_room(wanted: Wanted) -> None:
    """Raise `NeutralError` if no machine is large enough for a worker."""
    there = nodes()
    if not any(map(wanted.room, there)):
        most = max(there, key=lambda node: (node.gpus, node.cpus))
        raise NeutralError(
            f"--cpus-per-run, --gpus-per-run: a unit takes {wanted}, and this machine has {most.cpus:g} CPU and "
            f"{most.gpus:g} GPU; ask for less"
        )


@contextmanager
def joined(address: str, starting: Mapping[str, Any]) -> Iterator[None]:
    """Within, this process is one of a cluster: of that at `address`, or of one that it starts and ends.

    Raises `NeutralError` for a cluster that is not reached.
    """
    import ray

    if ray.is_initialized():
        raise NeutralError("this process has joined a Ray cluster already; call ray.shutdown() first")
    if address.startswith("ray://"):
        raise NeutralError(f"--address {address}: start the command on a machine of the cluster, with --address auto")
    _require_heard(address)
    common = {"log_to_driver": False, "logging_level": logging.ERROR}
    place = None if address else held.new()
    with _environment({} if address else _PRIVATE):
        try:
            try:
                if place:
                    ray.init("local", _temp_dir=str(place.path), include_dashboard=False, **common, **starting)
                else:  # whose machines may not have this package, or another version of it
                    ray.init(address, runtime_env={"py_modules": [str(FOLDER)]}, **common)
            except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
                where = f"--address {address}" if address else "--engine ray"
                raise NeutralError(f"{where}: Ray could not be reached: {described(error)}") from error
            yield
        finally:
            ray.shutdown()
            if place:
                place.leave()


def _require_heard(address: str) -> None:
    """Raise `NeutralError` for a host:port where nobody listens: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise NeutralError(f"--address {address}: Ray could not be reached: {described(error)}") from error


@contextmanager
def _environment(own: Mapping[str, str]) -> Iterator[None]:
    """Within, Ray is quiet, and what it starts imports what this process does.

    It prints what it thinks of workers that die on standard output, which is for results.
    """
    from ray._private import worker
    from ray._raylet import Config

    before = dict(os.environ)
    path = os.pathsep.join([str(FOLDER.parent), *filter(None, sys.path)])
    os.environ.update({**_QUIET, **own, **before, "PYTHONPATH": path})
    Config.initialize("")  # it remembers what the environment said when Ray was imported
    worker._worker_logs_enabled = False
    try:
        yield
    finally:
        worker._worker_logs_enabled = True
        os.environ.clear()
        os.environ.update(before)
        Config.initialize("")


def _parts(whole: float, part: float) -> int:
    return math.floor(whole / part + 1e-9)
