"""What a run is made of: units of work, workers that do them on a device, and the owner of the study, who writes.

A plan's `Work` lives in the owner's process and lists the units that are left. A `Worker` has the model on a device,
anywhere; it does a unit and yields pieces. A piece (a round's mask and score, a table's rows) is what is written as a
whole: the owner writes it before the next one is asked for. So a unit that dies loses its last piece alone, and begins
again behind the ones that the study has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from neutral.progress import Tell


@dataclass(frozen=True)
class Unit:
    """An independent piece of work.

    Attributes
    ----------
    key : tuple
        Tells it from the others of its run; keys sort.
    name : str
        What people call it: "magnitude en seed 0".
    cost : float
        How long it takes beside the run's other units: steps where it trains.
    asked : object
        What a worker has to know to do it; it can be pickled, and is small.
    rounds : range
        The pieces that are left of it, counted from 0, if they take about as long: progress tells which one it is at.
    """

    key: tuple[str | int | float, ...]
    name: str
    cost: float = 1.0
    asked: Any = None
    rounds: range = range(1)


@dataclass(frozen=True)
class Shared:
    """A large value that several units read, as a mask: an engine brings it to a machine once, by its key."""

    key: str
    load: Callable[[], Any]


@dataclass(frozen=True)
class Effect:
    """What a unit reads and writes, in words, and how many bytes of the study what it writes takes, about."""

    reads: str = ""
    writes: str = ""
    bytes: int = 0


@dataclass(frozen=True)
class Making:
    """How a worker is made, anywhere: `make(model=…, device=…, **values)`.

    `make` is a function or class of a module; `values` can be pickled. `model` is a hub id, or a folder that an engine
    may bring to another machine, where it has another path; "" for a worker without a model.
    """

    make: Callable[..., Worker]
    model: str
    values: dict[str, Any] = field(default_factory=dict)

    def made(self, device: str) -> Worker:
        """Return a worker on a device of this machine."""
        return self.make(model=self.model, device=device, **self.values)


class Worker(ABC):
    """One device's model, which does units. It writes nothing."""

    @abstractmethod
    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[Any]:
        """Yield a unit's pieces, which can be pickled. `given` is what `Work.given` gives, shared values loaded."""

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Return about how long a unit takes, measured on a part of it; nothing is kept."""
        raise NotImplementedError


class Work(ABC):
    """A plan at work in the process that owns the study. To make one writes nothing; `begin` does, and `write`."""

    def units(self) -> list[Unit]:
        """Return all units of the plan, done or not, as far as they are known before the first is done."""
        raise NotImplementedError

    def is_done(self, unit: Unit) -> bool:
        """Whether the study has all of a unit: what is left is what is not done."""
        raise NotImplementedError

    def require(self) -> None:  # noqa: B027 - some refuse nothing
        """Raise `NeutralError` for a study that `begin` would refuse; nothing is written."""

    def effect(self, unit: Unit) -> Effect:
        """Return what a unit reads and writes."""
        return Effect()

    def can_time(self, unit: Unit) -> bool:
        """Whether a unit can be timed before the run: what it is given is there, whatever the study has."""
        return True

    def alike(self, unit: Unit) -> Hashable:
        """Return what units have in common whose costs can be compared, so that one of them is timed for all."""
        return type(unit.asked)

    def begin(self) -> None:  # noqa: B027 - some have nothing to make
        """Make the study or go on with it. Raises `NeutralError` for one that was made otherwise."""

    @abstractmethod
    def phases(self) -> Iterator[list[Unit]]:
        """Yield the units that are left, list after list: the next one is asked for when all of one are written."""

    @abstractmethod
    def making(self) -> Making:
        """Return how a worker is made."""

    @abstractmethod
    def write(self, unit: Unit, piece: Any) -> None:
        """Write a piece into the study."""

    def given(self, unit: Unit) -> Mapping[str, Any]:
        """Return what a worker gets of the study, as it stands when the unit begins; values may be `Shared`."""
        return {}

    def here(self, device: str) -> Worker:
        """Return a worker in this process; a work that has the model loaded already takes that."""
        return self.making().made(device)

    def free(self) -> None:  # noqa: B027 - most have none
        """Let go of a model that is loaded here, since workers elsewhere have their own."""
