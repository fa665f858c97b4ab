"""A run without a model, for tests of engines: units sleep, yield lines, and fail in the ways that units do."""

import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neutral.errors import NeutralError
from neutral.runs.units import Making, Shared, Unit, Work, Worker


def unit(name, cost=1.0, *, pieces=1, seconds=0.0, how=""):
    return Unit((name,), f"errand {name}", cost, {"pieces": pieces, "seconds": seconds, "how": how})


class Errands(Work):
    """Writes `NAME PIECE GREETING` lines into `rows`, in phases; a unit goes on behind the pieces that are there."""

    def __init__(self, folder, *phases, model="none"):
        self.folder, self.lists, self.model, self.loads = Path(folder), phases, model, 0

    def rows(self):
        path = self.folder / "rows"
        return path.read_text().splitlines() if path.exists() else []

    def written(self, unit):
        return sum(row.split()[0] == unit.key[0] for row in self.rows())

    def units(self):
        return [unit for units in self.lists for unit in units]

    def is_done(self, unit):
        return self.written(unit) == unit.asked["pieces"]

    def phases(self):
        for units in self.lists:
            yield [unit for unit in units if not self.is_done(unit)]

    def making(self):
        return Making(Errand, self.model, {"folder": self.folder})

    def write(self, unit, piece):
        with (self.folder / "rows").open("a") as file:
            file.write(f"{unit.key[0]} {piece}\n")

    def given(self, unit):
        return {"written": self.written(unit), "greeting": Shared("greeting", self.greeting)}

    def greeting(self):
        self.loads += 1
        return "hello"


@dataclass(frozen=True)
class Note:
    """A line of the log."""

    unit: str
    pid: int
    node: str
    device: str
    model: str


def log(folder):
    path = folder / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [Note(unit, int(pid), *rest) for unit, pid, *rest in (line.split() for line in lines)]


class Errand(Worker):
    """Notes in `log` what it did where: unit, process, node, device, model; a model's text is its greeting."""

    def __init__(self, model, device, folder):
        self.model, self.device, self.folder = model, device, folder

    def do(self, unit, given, tell):
        asked, (name,) = unit.asked, unit.key
        place = _place()
        with (self.folder / "log").open("a") as file:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
            file.write(f"{name} {os.getpid()} {place} {self.device}:{visible} {self.model}\n")
        if fail := _WAYS.get(asked["how"]):
            fail(self.folder / f"was-{asked['how']}", place)
        for number in range(given["written"], asked["pieces"]):
            for step in range(10):
                time.sleep(asked["seconds"] / 10)
                tell(step + 1, 10)
            text = given["greeting"] if self.model == "none" else (Path(self.model) / "config.json").read_text()
            yield f"{number} {text}"


def _place():
    import ray

    return ray.get_runtime_context().get_node_id() if ray.is_initialized() else "here"


def _die_once(mark, _place):
    if not mark.exists():
        mark.touch()
        os._exit(1)


def _lack_memory(mark, place):
    """The place that comes first is the one that is too small, for all units."""
    if not mark.exists():
        mark.write_text(place)
    if mark.read_text() == place:
        raise RuntimeError("CUDA out of memory")


def _raise(error, *_):
    raise error


_WAYS = {
    "dies": _die_once,
    "memory": _lack_memory,
    "fault": partial(_raise, ValueError("a fault of its own")),
    "input": partial(_raise, NeutralError("the input is wrong; put it right")),
}
