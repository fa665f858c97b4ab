"""What the system refuses - room on the disk, a folder, memory - in words, whichever library met it first."""

from __future__ import annotations

import errno
import os
import re

_AGAIN = "and run the same command again"
_FULL = f"no space is left on its disk; make room {_AGAIN}"
_REASONS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: f"the quota of its disk is used up; make room {_AGAIN}",
    errno.EFBIG: f"a file may not grow that large here (ulimit -f); allow more {_AGAIN}",
    errno.EROFS: "its disk may only be read; name a place on another",
    errno.EACCES: "permission denied; name another place, or ask for the right to it",
    errno.EPERM: "permission denied; name another place, or ask for the right to it",
    errno.ENOENT: "no such file or folder; if it was removed meanwhile, run the same command again",
    errno.EEXIST: "is a file, and a folder must be there",
    errno.ENOTDIR: "is in a file, and a folder must be there",
    errno.EISDIR: "is a folder, and a file must be there",
    errno.EMFILE: f"too many files are open (ulimit -n); allow more {_AGAIN}",
    errno.EIO: f"its disk could not be read or written (input/output error); look after the disk {_AGAIN}",
}
_OUR_FAULT = {errno.EBADF, errno.EFAULT, errno.EINVAL}
"""What the system answers to a call that makes no sense: a fault of the program."""

_RUST = re.compile(r"\(os error (\d+)\)")  # how safetensors and tokenizers pass on the system's answer
_TORCH = re.compile(r"PytorchStreamWriter|unexpected pos \d|iostream error|Parent directory .* does not exist")
"""What `torch.save` says when it cannot write; it does not pass on the system's answer."""

_MEMORY = re.compile(
    r"out of memory|(can't|cannot|unable to) allocate|not enough memory|bad_alloc|alloc_failed|can't start new thread"
    r"|failed to map segment",
    re.IGNORECASE,
)


def refused(error: BaseException) -> str:
    """Return why the system refused a file, and what to do, in one line; "" if an exception says no such thing.

    >>> refused(OSError(28, "No space left on device"))
    'no space is left on its disk; make room and run the same command again'
    >>> refused(RuntimeError("a fault of ours"))
    ''
    """
    if (number := _number(error)) is None:
        return f"could not be written; make sure that its disk has room {_AGAIN}" if _is_torchs(error) else ""
    return "" if number in _OUR_FAULT else _REASONS.get(number) or os.strerror(number).lower()


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the computer, or a device, has too little memory.

    >>> is_lack_of_memory(MemoryError()), is_lack_of_memory(RuntimeError("CUDA error: out of memory"))
    (True, True)
    """
    if isinstance(error, MemoryError) or _number(error) == errno.ENOMEM:
        return True
    return isinstance(error, (RuntimeError, ImportError)) and bool(_MEMORY.search(str(error)))


def _number(error: BaseException) -> int | None:
    """Return the system's number for what went wrong; None if an exception has none."""
    if isinstance(error, OSError):
        return error.errno
    said = _RUST.search(str(error)) if isinstance(error, Exception) else None
    return int(said[1]) if said else None


def _is_torchs(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and bool(_TORCH.search(str(error)))
