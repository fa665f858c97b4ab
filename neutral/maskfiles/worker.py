"""The child process that opens pickles and leaves packed masks (see `pickled`).

    python -m neutral.maskfiles.worker

It reads jobs from standard input, a line of JSON each, and says when each is done. It ends with its input, also in the
midst of a job: then nobody waits for that.
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from neutral.errors import FileError, NeutralError, StorageError
from neutral.files import storing
from neutral.maskfiles import arrays, nested, safetensor, tensors, unpickling
from neutral.maskfiles.choosing import collect, collect_all
from neutral.maskfiles.pickled import ANSWER, DONE, MASK, SPENT
from neutral.maskfiles.source import MaskFile, shown
from neutral.maskfiles.values import Clock, Entry, Limits, Parts
from neutral.masks import Mask

# Beside what torch takes when loaded: the pickle's objects, and a piece of a tensor.
_FLOOR = 512 * 2**20


def main() -> None:
    """Do the jobs of standard input; its end ends this process."""
    out = os.dup(1)  # for this protocol alone
    os.dup2(2, 1)
    jobs: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(jobs,), daemon=True).start()
    said = DONE
    while said != SPENT:
        said = do(json.loads(jobs.get()))
        os.write(out, said)


def _listen(jobs: SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        jobs.put(line)
    os._exit(0)


def do(job: dict[str, Any]) -> bytes:
    """Do a job, leaving the masks or a problem in its folder, and return `DONE` or `SPENT`."""
    folder = Path(job["folder"])
    limits = Limits(job["weights"], job["seconds"], job["memory"])
    said, answer = DONE, {}
    try:
        files = [MaskFile.of_path(path) for path in job["paths"]]
        source = files[0] if len(files) == 1 else MaskFile.of_shards(files[0].name, files)
        answer["masks"] = [_left(folder, i, parts) for i, parts in enumerate(_read(source, limits, job["zeros"]))]
    except StorageError as error:
        answer = {"problem": f"could not be read, for want of a place to work in: {error}"}
    except FileError as error:
        answer = {"problem": error.problem}
    except NeutralError as error:
        answer = {"problem": f"tensor {error}"}
    except MemoryError:
        said, answer = SPENT, {"problem": "reading it takes more memory than it may: damaged, or made to do so"}
    except Exception as error:  # a stranger's bytes: whatever they make a reader raise is about this file alone
        answer = {"problem": f"could not be read: damaged, or made to be ({type(error).__name__}: {error})"}
    (folder / ANSWER).write_text(json.dumps(answer), encoding="utf-8")
    return said


def _left(folder: Path, number: int, parts: Parts) -> dict[str, Any]:
    """Leave a mask in the folder, and return what is to be said of it."""
    path = folder / MASK.format(number)
    with storing(path), path.open("wb") as file:
        safetensor.write_packed(Mask(parts.bits, parts.shapes), file)
    return {"label": parts.label, "notes": parts.notes, "renamed": parts.renamed, "zeros": parts.zeros}


def _read(source: MaskFile, limits: Limits, zeros: bool) -> list[Parts]:
    import torch

    warnings.simplefilter("ignore")  # they are about protocols, for whoever wrote the file
    clock = Clock(source, limits)

    def is_tensor(value: object) -> bool:
        return isinstance(value, (torch.Tensor, arrays.Array))

    masks: dict[str, list[Entry]] = {}
    notes: list[str] = []
    with ExitStack() as opened:
        for one in source.files:
            file = opened.enter_context(one.open())
            loaded, locate = unpickling.load(one, file, lambda more: _limit(limits, source.size // 8 + more))
            tables, said = nested.masks(one, loaded, is_tensor)
            notes += said
            for label, table in tables.items():
                for name, tensor in table.items():
                    masks.setdefault(label, []).append(_entry(file, name, tensor, locate, clock))
        if list(masks) == [""]:
            found = collect_all(source, masks[""], limits, zeros=zeros)
        else:
            found = [_one_of_several(source, label, each, limits, zeros) for label, each in masks.items()]
        return [replace(parts, notes=(*notes, *parts.notes)) for parts in found]


def _one_of_several(source: MaskFile, label: str, entries: list[Entry], limits: Limits, zeros: bool) -> Parts:
    try:
        return collect(source, entries, limits, zeros=zeros, label=label)
    except FileError as error:
        raise source.error(f"in {shown(label)}, {error.problem}") from error


def _entry(file: Any, name: str, tensor: Any, locate: tensors.Locate, clock: Clock) -> Entry:
    if isinstance(tensor, arrays.Array):
        return arrays.entry(name, tensor, clock)
    return tensors.entry(file, name, tensor, locate, clock)


def _limit(limits: Limits, needed: int) -> None:
    """Let this process take no more than the limit from here on, if the system can enforce it."""
    try:
        import resource

        now = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    except (ImportError, OSError):  # Windows; macOS
        return
    more = _FLOOR + needed if limits.memory is None else limits.memory
    for what, field in ((resource.RLIMIT_DATA, "VmData"), (resource.RLIMIT_AS, "VmSize")):
        _lower(resource, what, int(now[field].split()[0]) * 1024 + more)
    # So that this process ends even if it outlives its parent.
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource, resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + limits.time_for(0)) + 60)
    _lower(resource, resource.RLIMIT_CORE, 0)


def _lower(resource: Any, kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard))


if __name__ == "__main__":
    main()
    # Leave without tearing torch down, which costs time and can fail under the memory limit.
    os._exit(0)
