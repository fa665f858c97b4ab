"""UMAP, whose machine code is kept on disk: to compile it takes 20 to 40 s of a processor, to load it 0.1 s.

    python -m neutral.umaps

compiles what maps of languages and of tokens need, with the lowest priority, and ends. umap-learn does not ask numba to
keep what it compiles; `engine` asks while umap is imported. numba keeps it beside the package, or where nobody may
write there in the user's cache folder (`NUMBA_CACHE_DIR`), and compiles anew when umap or the processor changes.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

_MADE_LAST = "umap_.compute_membership_strengths"
"""A function of umap-learn is in the kept code after all others; see `is_kept`."""


def engine() -> type:
    """Return `umap.UMAP`; its first import takes some seconds."""
    if "umap" in sys.modules:
        return sys.modules["umap"].UMAP
    import numba

    plain = numba.njit
    numba.njit = lambda *arguments, **options: plain(*arguments, **{**options, "cache": True})
    try:
        import umap
    except RuntimeError:  # numba can write nowhere
        for name in [name for name in sys.modules if name.partition(".")[0] == "umap"]:
            del sys.modules[name]
        numba.njit = plain
        import umap
    finally:
        numba.njit = plain
    return umap.UMAP


def is_kept() -> bool:
    """Whether the compiled code lies beside the package; False where it is kept elsewhere, or not at all."""
    found = find_spec("umap")
    return bool(found) and any((Path(found.origin).parent / "__pycache__").glob(f"{_MADE_LAST}*.nbi"))


def main() -> None:
    """Compile what both kinds of maps need."""
    os.nice(19)
    import numpy as np
    import pandas as pd

    from neutral.compression import projection
    from neutral.typology import maps

    draw = np.random.default_rng(0)
    rows = draw.normal(size=(40, 8)).astype(np.float32)
    projection.project(rows, rows, epochs=2)
    square = draw.random((11, 11))
    maps.by_umap(pd.DataFrame(square + square.T))


if __name__ == "__main__":
    main()
