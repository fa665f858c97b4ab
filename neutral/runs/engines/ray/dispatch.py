"""Which slot does which unit: the longest first, elsewhere again if it failed, and every piece written as it comes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neutral.errors import NeutralError, described
from neutral.progress import Progress, StoppedError, say
from neutral.runs.engines.ray import TRIES, cluster
from neutral.runs.engines.ray.seats import Seat, Seats
from neutral.runs.engines.ray.slot import End, Failure, Piece, Sent
from neutral.runs.units import Shared, Tell, Unit, Work

if TYPE_CHECKING:
    import ray

TICK = 1.0
"""Seconds between two questions of how far units are."""

PATIENCE = 60.0
"""Seconds without a slot after which that is said."""

KEPT = 64
"""How many shared values stay in the object store for units to come."""


class UnitsFailedError(NeutralError):
    """Some units could not be done; the others are."""


@dataclass(eq=False)
class Task:
    """A unit that is not done, and what became of it so far."""

    unit: Unit
    tries: int = 0
    avoided: set[str] = field(default_factory=set)  # devices on which it failed


@dataclass(eq=False)
class Busy:
    """A slot at a unit."""

    task: Task
    seat: Seat
    doing: AbstractContextManager[Tell]
    tell: Tell
    asked: ray.ObjectRef | None = None  # how far it is


class Dispatch:
    """The units of a work on their way through slots."""

    def __init__(self, work: Work, progress: Progress, seats: Seats) -> None:
        self.work, self.progress, self.seats = work, progress, seats
        self.waiting: list[Task] = []
        self.busy: dict[ray.ObjectRef, Busy] = {}
        self.failed: list[tuple[Unit, Failure]] = []
        self._sent: OrderedDict[str, ray.ObjectRef] = OrderedDict()
        self._stop: StoppedError | None = None
        self._alone_since, self._has_said = time.monotonic(), False
        self._asked = 0.0

    def run(self) -> None:
        """Do all units that are left; see `Ray.run`."""
        for units in self.work.phases():
            self.progress.expect(units)
            self.waiting = [Task(unit) for unit in sorted(units, key=lambda unit: -unit.cost)]
            while self.waiting or self.busy:
                self._turn()
                if self._stop and not self.busy:
                    raise self._stop
            if self.failed:  # what comes next needs all of this
                raise UnitsFailedError(self._told_failed(len(units)))

    def _turn(self) -> None:
        """Give units to slots that are free, wait for the next thing to happen, and see to it."""
        import ray

        self._hear_stop()
        if not self._stop:
            self.seats.look({busy.seat for busy in self.busy.values()})
            self.seats.fill(len(self.waiting) + len(self.busy))
            self._give()
        greetings = {seat.hello: seat for seat in self.seats.every if not seat.is_ready}
        steps = {busy.asked: busy for busy in self.busy.values() if busy.asked is not None}
        refs = [*self.busy, *greetings, *steps]
        if not refs:
            time.sleep(0 if self._stop else TICK)
        ready = ray.wait(refs, num_returns=len(refs), timeout=0)[0] if refs else []
        if refs and not ready:
            ready = ray.wait(refs, num_returns=1, timeout=TICK)[0]
        for ref in ready:
            if ref in greetings:
                self.seats.greet(greetings[ref])
            elif ref in steps:
                self._take_steps(steps[ref])
            else:
                self._take(ref)
        self._ask_steps()
        self._say_if_alone()

    def _give(self) -> None:
        """Give each free slot the longest unit that it may do."""
        taken = {busy.seat for busy in self.busy.values()}
        for seat in [seat for seat in self.seats.every if seat.is_ready and seat not in taken]:
            if task := self._task_for(seat):
                doing = self.progress.doing(task.unit)
                try:
                    tell = doing.__enter__()
                except StoppedError as stop:
                    self._stop = stop
                    return
                self.waiting.remove(task)
                ref = seat.actor.start.remote(task.unit, self._given(task.unit))
                self.busy[ref] = Busy(task, seat, doing, tell)

    def _task_for(self, seat: Seat) -> Task | None:
        """Return the longest unit for a slot: one that failed on its device waits for another, if there are others."""
        for task in self.waiting:
            if seat.device not in task.avoided or not any(
                other.device not in task.avoided for other in self.seats.every
            ):
                return task
        return None

    def _given(self, unit: Unit) -> Mapping[str, Any]:
        """Return what a slot gets of the study; shared values go into the object store, once."""
        return {
            name: self._send(value) if isinstance(value, Shared) else value
            for name, value in self.work.given(unit).items()
        }

    def _send(self, shared: Shared) -> Sent:
        import ray

        if shared.key not in self._sent:
            self._sent[shared.key] = ray.put(shared.load())
        self._sent.move_to_end(shared.key)
        sent = Sent(shared.key, self._sent[shared.key])
        while len(self._sent) > KEPT:
            self._sent.popitem(last=False)
        return sent

    def _take(self, ref: ray.ObjectRef) -> None:
        """Write what a slot has sent, or see to why it has not."""
        import ray

        busy = self.busy.pop(ref)
        try:
            answer = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            answer = Failure("fault", described(error.cause or error))
        except ray.exceptions.RayError as error:
            answer = Failure("lost", f"what it ran on was lost ({type(error).__name__})")
        if isinstance(answer, Piece):
            if not self._stop:  # the slot works on while the piece is written
                self.busy[busy.seat.actor.more.remote()] = busy
            self.work.write(busy.task.unit, answer.value)
            if self._stop:
                self._leave(busy, self._stop)
        elif isinstance(answer, End):
            busy.doing.__exit__(None, None, None)
        else:
            self._leave(busy, NeutralError(answer.line))
            self._retry(busy, answer)

    def _retry(self, busy: Busy, failure: Failure) -> None:
        """Put a unit that failed back among those that wait, or leave it out; a slot that failed is replaced."""
        if failure.kind == "input":
            raise NeutralError(self._as_here(failure.line))
        if failure.kind != "fault" or busy.seat.has_gpu:  # whose process may be of no more use
            self.seats.lose(busy.seat)
        task = busy.task
        task.tries += 1
        task.avoided.add(busy.seat.device)
        if task.tries < TRIES:
            self.waiting.append(task)
            self.waiting.sort(key=lambda task: -task.unit.cost)
        else:
            self.failed.append((task.unit, failure))
            self.progress.failed(task.unit, self._as_here(failure.line))

    def _leave(self, busy: Busy, why: Exception) -> None:
        """Say to progress that a unit is not being done any more, and is not done."""
        busy.doing.__exit__(type(why), why, None)

    def _hear_stop(self) -> None:
        try:
            self.progress.require_going()
        except StoppedError as stop:
            self._stop = self._stop or stop

    def _ask_steps(self) -> None:
        """Ask each slot how far it is, once a second."""
        if time.monotonic() - self._asked < TICK:
            return
        self._asked = time.monotonic()
        for busy in self.busy.values():
            if busy.asked is None:
                busy.asked = busy.seat.aside("steps")

    def _take_steps(self, busy: Busy) -> None:
        import ray

        ref, busy.asked = busy.asked, None
        if busy not in self.busy.values():
            return
        try:
            step, steps = ray.get(ref)
        except ray.exceptions.RayError:
            return  # the unit's own reference says so too
        if steps:
            busy.tell(step, steps)

    def _say_if_alone(self) -> None:
        """Say once that no machine has taken a unit for a minute."""
        if self.busy or not self.waiting:
            self._alone_since = time.monotonic()
        elif not self._has_said and time.monotonic() - self._alone_since > PATIENCE:
            self._has_said = True
            nodes = cluster.nodes()
            there = f"{sum(node.cpus for node in nodes):g} CPU and {sum(node.gpus for node in nodes):g} GPU"
            line = f"no machine has taken a unit for {PATIENCE:.0f} s: each takes {self.seats.wanted}, the cluster has"
            say([f"{line} {there} on {len(nodes)} machines, in part at other work perhaps; this run waits for room"])

    def _as_here(self, line: str) -> str:
        """Return a slot's line with the model's folder as it is called here."""
        parcel = self.seats.parcel
        return parcel.as_here(line, self.work.making().model) if parcel else line

    def _told_failed(self, count: int) -> str:
        unit, failure = self.failed[0]
        more = f" and {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
        return (
            f"{len(self.failed)} of {count} units failed {TRIES} times each, and the others are done: {unit.name} "
            f"({self._as_here(failure.line)}){more}; the same command tries them again"
        )
