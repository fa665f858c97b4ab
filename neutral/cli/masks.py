"""`masks info|convert`, `overlap` and `sparsity`: what is in mask files, and how they compare."""

from __future__ import annotations

import argparse
from pathlib import Path

from neutral.cli.options import command, print_table
from neutral.errors import NeutralError

GROUPINGS = ("all", "stack", "layer", "component", "layer-component", "tensor")
MEASURES = ("jaccard", "dice", "agreement", "phi", "chance")


def add_masks(commands: argparse._SubParsersAction) -> None:
    """Add `masks info` and `masks convert`."""
    masks = commands.add_parser("masks", help="look into mask files, and convert them")
    inner = masks.add_subparsers(required=True, metavar="info|convert")
    info = command(inner, "info", "what is in a mask file", _run_info)
    info.add_argument("files", nargs="+", metavar="FILE")
    info.add_argument("--format", choices=("table", "csv", "json"), default="table")
    convert = command(inner, "convert", "any known format to packed .safetensors", _run_convert)
    convert.add_argument("files", nargs="+", metavar="FILE")
    convert.add_argument("-o", "--out", required=True, metavar="DIR")


def add_overlap(commands: argparse._SubParsersAction) -> None:
    """Add `overlap` and `sparsity`."""
    for name, text, run in (
        ("overlap", "how much the masks of languages overlap, pair by pair", _run_overlap),
        ("sparsity", "what share of the weights each mask removes", _run_sparsity),
    ):
        added = command(commands, name, text, run)
        added.add_argument("files", nargs="+", metavar="FILE")
        added.add_argument("--by", choices=GROUPINGS, default="all")
        added.add_argument("--format", choices=("table", "csv", "json"), default="table")
        if name == "overlap":
            added.add_argument("--measure", choices=MEASURES, default="jaccard")


def _run_info(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral import maskfiles

    rows = []
    for file in chosen.files:
        mask = maskfiles.read(file)
        said = {k: mask.header[k] for k in ("language", "task", "method", "seed") if mask.header.get(k) is not None}
        rows.append(
            {"file": file, "tensors": len(mask.names), "weights": mask.size, "kept": mask.kept}
            | {"sparsity": round(mask.sparsity(), 6), "says": ", ".join(f"{k} {v}" for k, v in said.items())}
        )
    print_table(pd.DataFrame(rows), chosen.format)


def _run_convert(chosen: argparse.Namespace) -> None:
    from neutral import maskfiles

    out = Path(chosen.out)
    targets = [out / f"{Path(file).stem}.safetensors" for file in chosen.files]
    for i, target in enumerate(targets):
        if target in targets[:i]:
            raise NeutralError(f"{chosen.files[i]}: two files would become {target}; convert them to different folders")
        if target.exists() and target.resolve() == Path(chosen.files[i]).resolve():
            raise NeutralError(f"{chosen.files[i]}: would be written over itself; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    for file, target in zip(chosen.files, targets, strict=True):
        maskfiles.write(maskfiles.read(file), target)
        print(target)


def _run_overlap(chosen: argparse.Namespace) -> None:
    from neutral import maskfiles, overlap

    if len(chosen.files) < 2:
        raise NeutralError("overlap needs two masks or more")
    counts = overlap.count([maskfiles.read(file) for file in chosen.files])
    print_table(counts.measure(chosen.measure, chosen.by), chosen.format)


def _run_sparsity(chosen: argparse.Namespace) -> None:
    from neutral import maskfiles, overlap

    counts = overlap.count([maskfiles.read(file) for file in chosen.files])
    print_table(counts.sparsity(chosen.by), chosen.format)
