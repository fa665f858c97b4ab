"""What works on a machine of the cluster, in a process of its own: one worker, which does a unit piece by piece."""

from __future__ import annotations

import sys
import traceback
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from neutral.errors import MemoryLimitError, NeutralError, StorageError, described
from neutral.runs.engines.ray import code
from neutral.runs.units import Making, Unit, Worker
from neutral.system import is_lack_of_memory

if TYPE_CHECKING:
    import ray

    from neutral.runs.engines.ray.held import Held
    from neutral.runs.engines.ray.parcel import Parcel

KEPT = 16
"""How many shared values a slot keeps for its next units."""


@dataclass(frozen=True)
class Sent:
    """A shared value on its way to a slot, by its key."""

    key: str
    value: ray.ObjectRef


@dataclass(frozen=True)
class Piece:
    """A piece of a unit."""

    value: Any


@dataclass(frozen=True)
class End:
    """There are no more pieces of the unit."""


@dataclass(frozen=True)
class Failure:
    """Why a unit could not be done: for lack of memory, for the input's sake, by a fault, or since its slot is lost."""

    kind: Literal["memory", "input", "fault", "lost"]
    line: str
    trace: str = ""


@dataclass(frozen=True)
class Hello:
    """Where a slot is: its device, which several may share, and the code that it has."""

    device: str
    code: str


class Slot:
    """A worker that is made when its first unit begins. All it says is returned: it raises nothing, and writes nothing.

    Parameters
    ----------
    making : list
        A reference to a `Making`, in a list so that it is fetched here.
    parcel : Parcel, optional
        The model, if this machine does not see its folder.
    device : str
        cpu | cuda.
    threads : int
        How many threads the worker has.
    """

    def __init__(self, making: list[ray.ObjectRef], parcel: Parcel | None, device: str, threads: int) -> None:
        self._making, self._parcel, self._device, self._threads = making, parcel, device, threads
        self._worker: Worker | None = None
        self._folder: Held | None = None
        self._pieces: Iterator[Any] = iter(())
        self._values: OrderedDict[str, Any] = OrderedDict()
        self._at = (0, 0)

    def hello(self) -> Hello:
        """Say where this is; nothing is loaded yet."""
        import ray

        context = ray.get_runtime_context()
        which = ",".join(map(str, context.get_accelerator_ids().get("GPU", [])))
        return Hello(
            f"{context.get_node_id()} {which}" if self._device != "cpu" else context.get_node_id(), code.digest()
        )

    def start(self, unit: Unit, given: Mapping[str, Any]) -> Piece | End | Failure:
        """Begin a unit, and return its first piece."""

        def begin() -> Piece | End:
            self._at = (0, 0)
            worker = self._made()
            values = {name: self._loaded(each) if isinstance(each, Sent) else each for name, each in given.items()}
            self._pieces = iter(worker.do(unit, values, self._tell))
            return self._next()

        return self._told(begin)

    def more(self) -> Piece | End | Failure:
        """Return the next piece of the unit."""
        return self._told(self._next)

    def steps(self) -> tuple[int, int]:
        """Return how far the unit is: steps done, and how many there are."""
        return self._at

    def close(self) -> None:
        """Let go of the model's folder."""
        if self._folder:
            self._folder.leave()
            self._folder = None

    def _made(self) -> Worker:
        if self._worker is None:
            import ray

            making: Making = ray.get(self._making[0])
            if self._parcel:
                self._folder = self._parcel.unpacked()
                making = replace(making, model=str(self._parcel.at(self._folder)))
            self._worker = making.made(self._device)
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(self._threads)
        return self._worker

    def _next(self) -> Piece | End:
        for piece in self._pieces:
            return Piece(piece)
        return End()

    def _loaded(self, sent: Sent) -> Any:
        import ray

        if sent.key not in self._values:
            self._values[sent.key] = ray.get(sent.value)
        self._values.move_to_end(sent.key)
        while len(self._values) > KEPT:
            self._values.popitem(last=False)
        return self._values[sent.key] if sent.key in self._values else ray.get(sent.value)

    def _tell(self, step: int, steps: int) -> None:
        self._at = (step, steps)

    def _told(self, act: Any) -> Piece | End | Failure:
        try:
            return act()
        except Exception as error:
            return failure(error)


def failure(error: Exception) -> Failure:
    """Return what to say of an exception to the owner of the study."""
    if isinstance(error, MemoryLimitError) or is_lack_of_memory(error):
        return Failure("memory", f"{described(error)}; lower --batch or --length, or give it more of a machine")
    if isinstance(error, NeutralError) and not isinstance(error, StorageError):
        return Failure("input", str(error))
    return Failure("fault", described(error), "".join(traceback.format_exception(error)))
