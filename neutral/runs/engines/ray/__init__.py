"""On Ray: the units of a run side by side, on all CPUs and GPUs of this machine or of a cluster.

`cluster` joins or starts one, `parcel` and `code` bring it what workers need, `slot` is what works there, in a process
of its own, `seats` are the slots as the owner of the study sees them, `dispatch` gives them units and takes pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neutral.errors import NeutralError
from neutral.progress import Progress
from neutral.runs.units import Work

TRIES = 3
"""How often a unit is tried, if what it runs on dies or refuses it."""


@dataclass
class Ray:
    """Workers on all devices of this machine, or of a cluster.

    Attributes
    ----------
    address : str
        Of a cluster's head, as host:port, or "auto" for the one that this machine belongs to; "" starts one here, for
        this run alone.
    cpus_per_run, gpus_per_run : float, optional
        What a worker takes; fractions share a device. By default a GPU where there are any, and a CPU.
    starting : dict
        Further arguments of `ray.init`, as the number of CPUs to pretend.
    """

    address: str = ""
    cpus_per_run: float | None = None
    gpus_per_run: float | None = None
    starting: Mapping[str, Any] = field(default_factory=dict)
    device: str = field(default="cpu", init=False)

    def run(self, work: Work, progress: Progress) -> None:
        """See `engines.Engine`. A unit that fails three times is left out; the others are done before that is raised.

        Raises
        ------
        NeutralError
            If Ray is not installed or not reached, for what a worker says of the input, and in the end for units that
            failed, naming them.
        """
        require_ray()
        from neutral.runs.engines.ray import cluster, dispatch, seats

        work.free()
        with cluster.joined(self.address, self.starting):
            wanted = cluster.Wanted.of(self.cpus_per_run, self.gpus_per_run)
            if not self.address:
                cluster.require_room(wanted)
            with seats.seated(work.making(), wanted, in_place=not self.address) as seated:
                dispatch.Dispatch(work, progress, seated).run()


def require_ray() -> None:
    """Raise `NeutralError` if Ray is not installed."""
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise NeutralError(
            "--engine ray: Ray is not installed; install it with `pip install neutral[cluster]`"
        ) from error
