"""`masks info|convert`: what is in mask files, and their conversion."""

from __future__ import annotations

import argparse
from pathlib import Path

from neutral.cli import options
from neutral.cli.options import command, print_table
from neutral.errors import NeutralError


def add_masks(commands: argparse._SubParsersAction) -> None:
    """Add `masks info` and `masks convert`."""
    masks = commands.add_parser("masks", help="look into mask files, and convert them")
    inner = masks.add_subparsers(required=True, metavar="info|convert")
    info = command(inner, "info", "what is in a mask file", _run_info)
    info.add_argument("files", nargs="+", metavar="FILE")
    options.form(info)
    convert = command(inner, "convert", "any known format to packed .safetensors", _run_convert)
    convert.add_argument("files", nargs="+", metavar="FILE")
    convert.add_argument("-o", "--out", required=True, metavar="DIR")


def _run_info(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral import maskfiles

    rows = []
    for file in chosen.files:
        mask = maskfiles.read(file)
        about = {k: mask.header[k] for k in ("language", "task", "method", "seed") if mask.header.get(k) is not None}
        rows.append(
            {"file": file, "tensors": len(mask.names), "weights": mask.size, "kept": mask.kept}
            | {"sparsity": round(mask.sparsity(), 6), "says": ", ".join(f"{k} {v}" for k, v in about.items())}
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
