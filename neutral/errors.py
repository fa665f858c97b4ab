"""Errors written for people: what was wrong, with which file or tensor, and what to do."""


class NeutralError(Exception):
    """The user's input was wrong; the message is one line and complete."""


class FileError(NeutralError):
    """A file could not be read as what it should be."""

    def __init__(self, path: object, problem: str) -> None:
        self.path, self.problem = str(path), problem
        super().__init__(f"{path}: {problem}")

    def __reduce__(self) -> tuple:
        return FileError, (self.path, self.problem)  # so that it can be sent from a worker process


class MismatchError(NeutralError):
    """Two things that should belong together (masks of one model, say) do not."""


class MemoryLimitError(NeutralError):
    """The device ran out of memory; the message says which setting to lower."""
