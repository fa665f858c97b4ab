"""Errors written for people: what was wrong, with which file or tensor, and what to do."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LONGEST = 2000  # characters of a message: names and values in files from outside are as long as they like


def one_line(text: object) -> str:
    """Return a text for a terminal: control characters, which names in files from outside may have, become spaces.

    So no file breaks a line in two, and none colours or reverses what follows. Half a character (a lone surrogate,
    which no terminal and no browser takes) is spelled out.

    >>> one_line("a name\\nneutral: \\x1b[31mred")
    'a name neutral:  [31mred'
    """
    return _CONTROL.sub(" ", str(text).encode("utf-8", "backslashreplace").decode())


def is_one_line(text: str) -> bool:
    """Whether a text may stand on a page and in a line of a terminal as it is.

    >>> is_one_line("Kiswahili, حروف"), is_one_line("two\\nlines")
    (True, False)
    """
    return text.isprintable() or text == one_line(text)  # the first is fast, and False for a few harmless characters


class NeutralError(Exception):
    """The user's input was wrong; the message is one line and complete, but for what a file makes very long."""

    def __str__(self) -> str:
        text = super().__str__()
        return one_line(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


class FileError(NeutralError):
    """A file could not be read as what it should be."""

    def __init__(self, path: object, problem: str) -> None:
        self.path, self.problem = str(path), problem
        super().__init__(f"{path}: {problem}")

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.problem)  # so that it can be sent from a worker process


class StorageError(FileError):
    """The system refused a file: its disk is full, its folder is gone or may not be written; the message says which."""


class MismatchError(NeutralError):
    """Two things that should belong together (masks of one model, say) do not."""


class MemoryLimitError(NeutralError):
    """The computer or the device ran out of memory; the message says which setting to lower."""


@contextmanager
def reading(path: object, what: str) -> Iterator[None]:
    """Turn whatever a reader of bytes from outside raises into one `FileError` of `path`, in one line.

    Which types a damaged file makes a library raise is nobody's promise, so none is listed here: all are taken. `what`
    says what the file should be ("a file of overlap counts"). A pipe, a device and a socket are refused before they are
    opened, since a reader would wait for them for ever. A generator has the `with` inside of it; as a decorator this
    would end before the first item is read.

    >>> with reading("counts.safetensors", "a file of overlap counts"):
    ...     {}["both"]
    Traceback (most recent call last):
    neutral.errors.FileError: counts.safetensors: cannot be read as a file of overlap counts: 'both' (KeyError)
    """
    try:
        _refuse_endless(path)
        yield
    except FileError:
        raise
    except NeutralError as error:
        raise FileError(path, str(error)) from error
    except FileNotFoundError as error:
        raise FileError(path, "no such file") from error
    except OSError as error:
        as_what = f": {error.strerror}" if error.strerror else f" as {what}: {described(error)}"  # of a damaged archive
        raise FileError(path, f"cannot be read{as_what}") from error
    except MemoryError as error:
        raise FileError(path, "needs more memory than there is") from error
    except RecursionError as error:
        raise FileError(path, "is nested too deep to be read") from error
    except Exception as error:
        raise FileError(path, f"cannot be read as {what}: {described(error)}") from error


def described(error: BaseException, most: int = 200) -> str:
    """Return the first line of an error's message, cut at `most` characters, and its type."""
    first = one_line(next(iter(str(error).strip().splitlines()), "")).strip()
    first = first if len(first) <= most else f"{first[:most]}…"
    return f"{first} ({type(error).__name__})".strip()


def _refuse_endless(path: object) -> None:
    """Refuse what is neither a file nor a folder; what cannot be looked at is left to the reader to say."""
    try:
        mode = Path(str(path)).stat().st_mode
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileError(path, "is neither a file nor a folder, but a pipe, a socket or a device")
