"""Make a study of what a run on a rented GPU brought home.

    python -m benchmarks.gpu.unpack FOLDER STUDY [--masks]

FOLDER holds study.tar.xz and masks.tar.0, .1, …; the masks at 50 % stay in the study with --masks only.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.gpu.parcels import unpack
from neutral.study import Study


def main() -> None:
    """Unpack, and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("study", type=Path)
    parser.add_argument("--masks", action="store_true", help="keep the masks, 2.7 MB each")
    options = parser.parse_args()
    unpack(options.folder, options.study)
    if not options.masks:
        shutil.rmtree(options.study / "masks")
        (options.study / "masks").mkdir()
    study = Study(options.study)
    scored = study.table("score").groupby(["seed", "sparsity"])["language"].nunique()
    print(
        f"{options.study}: {len(study.counts_index())} counts, {len(study.masks_index())} masks, scores of languages:"
    )
    print(scored.to_string())
    size = sum(path.stat().st_size for path in options.study.rglob("*") if path.is_file())
    print(f"{size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
