"""How much memory there is: the machine's, or what a container (a control group) lets this process have."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
from pathlib import Path
from typing import NamedTuple

_KINDS = {  # of control groups: their limit, what they use, and the line of memory.stat with what can be had back
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}

_UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


class Memory(NamedTuple):
    """Bytes that this process can still take, of as many as there are for it."""

    left: int
    limit: int


def memory(root: Path = Path("/")) -> Memory | None:
    """Return the memory left and its limit, of the machine or of the narrowest control group; None if unknown.

    Linux tells (`/proc/meminfo`, control groups 1 and 2 under `root`); other systems do not, not to this function.

    >>> room = memory()
    >>> room is None or 0 < room.left <= room.limit
    True
    """
    try:
        lines = (root / "proc/meminfo").read_text(encoding="utf-8").splitlines()
        pages = {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":", 1) for line in lines)}
        every = [Memory(pages["MemAvailable"], pages["MemTotal"])]
    except (OSError, KeyError, ValueError, IndexError):
        return None
    every += [group for folder, kind in _groups(root) if (group := _group(folder, kind)) is not None]
    limit = min(one.limit for one in every)
    return Memory(max(0, min(limit, *(one.left for one in every))), limit)


def give_back() -> None:
    """Free what only cycles hold, and hand freed memory back to the system, which glibc keeps for itself."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # no glibc: musl, macOS, Windows
        ctypes.CDLL(None).malloc_trim(0)


def size(written: str) -> float | None:
    """Return the number that a person wrote, bytes as a rule; None for what is no size.

    >>> size("4GB"), size("1.5 g"), size("200"), size("much")
    (4000000000.0, 1500000000.0, 200.0, None)
    """
    said = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?", written.strip().upper())
    return float(said[1]) * _UNITS[said[2]] if said else None


def amount(size: float) -> str:
    """Return bytes for people.

    >>> amount(4e9), amount(1_250_000_000), amount(342_300_000)
    ('4 GB', '1.25 GB', '342 MB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 1000 * unit else f"{size / unit:.0f} {name}"
    return f"{size:.0f} bytes"


def _groups(root: Path) -> list[tuple[Path, str]]:
    """The folders of this process's control groups and of those around them, each with its kind."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers not in _KINDS:
            continue
        top = root / "sys/fs/cgroup" / controllers
        inside = top / path.strip("/")
        folders += [(folder, controllers) for folder in (inside, *inside.parents) if folder.is_relative_to(top)]
    return folders


def _group(folder: Path, kind: str) -> Memory | None:
    limit_file, used_file, spare_line = _KINDS[kind]
    try:
        limit = int((folder / limit_file).read_text())  # "max" is no limit, and no number
        used = int((folder / used_file).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return Memory(limit - used + int(stat.get(spare_line, 0)), limit)
    except (OSError, ValueError):
        return None
