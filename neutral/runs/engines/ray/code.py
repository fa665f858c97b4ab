"""The code that workers run: this package as it is here, whatever is installed there."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import neutral

FOLDER = Path(neutral.__file__).parent


@cache
def digest() -> str:
    """Return the version of the package that this process has, and a hash of its modules."""
    modules = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*.py")):
        modules.update(f"{path.relative_to(FOLDER)}\n".encode() + path.read_bytes())
    return f"{neutral.__version__} {modules.hexdigest()[:12]}"
