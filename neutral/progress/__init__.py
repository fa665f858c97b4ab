"""Progress of long work: a bar on standard error, a file that other programs read, a stop that is asked for.

`Progress` is what a run has of it, `say` writes what is worth a line above the bar, `bar` shows work of another kind.
"""

from __future__ import annotations

from neutral.progress.bar import bar, say
from neutral.progress.progress import Part, Progress, Tell
from neutral.progress.stop import StoppedError, heard

__all__ = ["Part", "Progress", "StoppedError", "Tell", "bar", "heard", "say"]
