"""Long work into a study, so that a stopped run goes on where it was.

What is finished is told by the study itself: a file is written whole before the result that follows from it, and a
result line is written once. Nothing that depends on the clock is stored in the results.
"""

from neutral.runs.compression import compress
from neutral.runs.search import Finder, find

__all__ = ["Finder", "compress", "find"]
