"""Errors written for people: what was wrong, with which file or tensor, and what to do."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def one_line(text: object) -> str:
    """Return a text for a terminal: control characters, which names in files from outside may have, become spaces.

    So no file breaks a line in two, and none colours or reverses what follows.

    >>> one_line("a name\\nneutral: \\x1b[31mred")
    'a name neutral:  [31mred'
    """
    return _CONTROL.sub(" ", str(text))


class NeutralError(Exception):
    """The user's input was wrong; the message is one line and complete."""

    def __str__(self) -> str:
        return one_line(super().__str__())


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
