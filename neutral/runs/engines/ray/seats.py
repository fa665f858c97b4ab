"""The slots of a run as the owner of the study sees them: as many as there is room for, replaced when they die."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neutral.errors import NeutralError
from neutral.runs.engines.ray import cluster, code
from neutral.runs.engines.ray.cluster import Node, Wanted
from neutral.runs.engines.ray.parcel import Parcel, packed
from neutral.runs.engines.ray.slot import Hello, Slot
from neutral.runs.units import Making

if TYPE_CHECKING:
    import ray

LOOKS = 5.0
"""Seconds between two looks at which machines there are."""

ASIDE = "aside"  # of what a slot does besides its unit
_LONGEST = 300  # letters of what Ray says of a slot that did not start: what matters comes last
_STARTS = 3  # of a machine, none of which comes to work: then it is let be
_HOPE = (
    30.0  # seconds after which a slot that is not there yet, on a machine that is full of others' work, counts no more
)
_GOODBYE = 5.0  # seconds that slots have to remove what they unpacked


@dataclass(eq=False)
class Seat:
    """A slot, from its start on; `device` is known when it has said hello."""

    actor: Any
    node: Node
    hello: ray.ObjectRef
    device: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def is_ready(self) -> bool:
        """Whether it takes units."""
        return bool(self.device)

    @property
    def has_gpu(self) -> bool:
        """Whether it works on one."""
        return self.device.partition(" ")[2] != ""

    def aside(self, method: str) -> ray.ObjectRef:
        """Call a method of the slot that does not wait for its unit."""
        return getattr(self.actor, method).options(concurrency_group=ASIDE).remote()


@dataclass
class Seats:
    """All slots of a run."""

    making: ray.ObjectRef
    parcel: Parcel | None
    wanted: Wanted
    every: list[Seat] = field(default_factory=list)
    _bad: Counter[str] = field(default_factory=Counter)
    _reason: str = ""
    _looked: float = float("-inf")
    _nodes: list[Node] = field(default_factory=list)

    def look(self, busy: Collection[Seat]) -> None:
        """Look from time to time which machines there are, and give up slots on those that are gone.

        A slot that is busy there says so itself.
        """
        if time.monotonic() - self._looked > LOOKS:
            self._nodes, self._looked = cluster.nodes(), time.monotonic()
            there = {node.key for node in self._nodes}
            for seat in [seat for seat in self.every if seat.node.key not in there and seat not in busy]:
                self._end(seat)

    def fill(self, most: int) -> None:
        """Start slots where there is room, `most` in all, evenly over the machines.

        Raises `NeutralError` if slots start on no machine.
        """
        usable = [node for node in self._nodes if self._bad[node.key] < _STARTS]
        if self._nodes and not usable and not self.every:
            raise NeutralError(f"no machine of the cluster can run a worker: {self._reason}")
        taken = Counter(seat.node.key for seat in self.every)
        hoped = sum(seat.is_ready or time.monotonic() - seat.began < _HOPE for seat in self.every)
        room = [(level, node) for node in usable for level in range(taken[node.key], self.wanted.room(node))]
        for _, node in sorted(room, key=lambda one: one[0])[: max(0, most - hoped)]:
            self.every.append(self._started(node))

    def greet(self, seat: Seat) -> None:
        """Take note of what a slot says first. Raises `NeutralError` if its code is not this process's."""
        import ray

        try:
            hello: Hello = ray.get(seat.hello)
        except ray.exceptions.RayError as error:
            self._bad[seat.node.key] += 1
            lines = [line for line in str(error).strip().splitlines() if not line.startswith("\t")]
            self._reason = f"{seat.node.name}: {' '.join(lines)[-_LONGEST:]}"
            self.lose(seat)
            return
        if hello.code != code.digest():
            raise NeutralError(
                f"{seat.node.name}: has neutral {hello.code}, and this process {code.digest()}; both must be the same"
            )
        self._bad[seat.node.key] = 0
        seat.device = hello.device

    def lose(self, seat: Seat) -> None:
        """End a slot that has failed."""
        self._end(seat)
        self._looked = float("-inf")  # its machine may be gone

    def end(self) -> None:
        """End all slots."""
        import ray

        if self.parcel and (closing := [seat.aside("close") for seat in self.every if seat.is_ready]):
            ray.wait(closing, num_returns=len(closing), timeout=_GOODBYE)
        for seat in list(self.every):
            self._end(seat)

    def _end(self, seat: Seat) -> None:
        import ray

        self.every.remove(seat)
        with suppress(ray.exceptions.RayError):
            ray.kill(seat.actor)

    def _started(self, node: Node) -> Seat:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        place = NodeAffinitySchedulingStrategy(node.key, soft=False)
        takes = {"num_cpus": self.wanted.cpus, "num_gpus": self.wanted.gpus}
        made = ray.remote(concurrency_groups={ASIDE: 1})(Slot).options(**takes, scheduling_strategy=place)
        actor = made.remote([self.making], self.parcel, self.wanted.device, self.wanted.threads)
        return Seat(actor, node, actor.hello.remote())


@contextmanager
def seated(making: Making, wanted: Wanted, *, in_place: bool) -> Iterator[Seats]:
    """Within, slots for workers that are made so; `in_place` says that they see the model's folder."""
    import ray

    parcel = None if in_place or not making.model or not Path(making.model).is_dir() else packed(making.model)
    seats = Seats(ray.put(making), parcel, wanted)
    try:
        yield seats
    finally:
        seats.end()
