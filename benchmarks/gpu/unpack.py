"""Make a study of what a run on a rented GPU brought home.

    python -m benchmarks.gpu.unpack FOLDER STUDY [--beside OTHER] [--masks]

FOLDER holds study.tar.xz and masks.tar.0, .1, …; the masks at 50 % stay in the study with --masks only. OTHER is a
study of the same search under other seeds: STUDY then holds both, with the seeds counted against each other.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.gpu.beside import beside
from benchmarks.gpu.parcels import unpack
from neutral.lock import only_writer
from neutral.study import Study


def main() -> None:
    """Unpack, and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("study", type=Path)
    parser.add_argument("--masks", action="store_true", help="keep the masks, 2.7 MB each")
    parser.add_argument("--beside", type=Path, metavar="OTHER", help="a study of other seeds, to be joined with")
    options = parser.parse_args()
    with only_writer(options.study):
        unpack(options.folder, options.study)
        study = Study(options.study)
        came = list(study.masks_index()["path"])
        if options.beside:
            beside(study, Study(options.beside))
            study = Study(options.study)
        for path in () if options.masks else came:
            path.unlink()
    scored = study.table("score").groupby(["seed", "sparsity"])["language"].nunique()
    print(
        f"{options.study}: {len(study.counts_index())} counts, {len(study.masks_index())} masks, scores of languages:"
    )
    print(scored.to_string())
    size = sum(path.stat().st_size for path in options.study.rglob("*") if path.is_file())
    print(f"{size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
