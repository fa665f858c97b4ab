"""`masks info|convert|save`: what is in mask files, their conversion, and studies of them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neutral.cli import options
from neutral.cli.options import command, print_table
from neutral.errors import NeutralError, one_line

if TYPE_CHECKING:
    from neutral.maskfiles import Reading

FORMS = {
    "packed": ".safetensors",
    "mask.pt": "/mask.pt",
    "torch": ".pt",
    "numpy": ".npz",
    "safetensors": ".safetensors",
}
"""What masks are converted to -> the end of a file's path, behind the mask's name."""


def add_masks(commands: argparse._SubParsersAction) -> None:
    """Add the commands on mask files."""
    masks = commands.add_parser("masks", help="look into mask files, convert them, make a study of them")
    inner = masks.add_subparsers(required=True, metavar="info|convert|save")
    info = command(inner, "info", "what is in a mask file", _run_info)
    options.mask_files(info, "mask files, an index of shards, folders and zip archives of them")
    options.form(info)
    convert = command(inner, "convert", "any known format to packed .safetensors, or to others", _run_convert)
    options.mask_files(convert, "as for `masks info`; en/mask.pt, fr/mask.pt become en, fr")
    convert.add_argument("-o", "--out", required=True, metavar="DIR")
    convert.add_argument(
        "--as",
        dest="form",
        choices=FORMS,
        default="packed",
        help="packed: eight weights to the byte, with what the mask says of itself. mask.pt: OUT/NAME/mask.pt for the "
        "scripts of Foroutan et al., BERT or mT5. torch, numpy (.npz), safetensors: zeros and ones for other tools",
    )
    save = command(inner, "save", "a study of mask files of one network, with the counts of their overlap", _run_save)
    options.mask_files(save, "as for `masks info`; several masks of a language are runs of one search")
    folder = "the study's folder, which is made; the same masks again go on to their controls"
    save.add_argument("--study", required=True, metavar="DIR", help=folder)
    save.add_argument("--title", default="", help="the study's name for people")
    save.add_argument("--task", default="", help="what the masks were found for (default: as the files say)")
    save.add_argument("--method", default="", help="how they were found (default: as the files say)")
    options.model(save, required=False, help="their model: written down, and loaded for --controls pretrained alone")
    save.add_argument(
        "--controls",
        type=options.words,
        default=("shuffled",),
        help="as for `controls`: shuffled,pretrained",
    )
    save.add_argument("--scope", default="", choices=options.SCOPES, help="as for `controls`")
    save.add_argument("--quiet", action="store_true", help="no progress")


def _run_save(chosen: argparse.Namespace) -> None:
    from neutral.runs import masks

    readings, bad = _read(chosen)
    _refuse(bad)
    about = masks.About(chosen.title, chosen.model or "", chosen.task, chosen.method)
    given = [one.mask for one in readings], [one.name for one in readings]
    if not masks.is_of(chosen.study, *given, about):
        masks.save(*given, chosen.study, about, files=[one.file for one in readings])
    if chosen.controls != ("shuffled",):  # which a saved study has
        _add_controls(chosen)
    options.done(chosen.study, chosen, "Overlap")


def _add_controls(chosen: argparse.Namespace) -> None:
    from neutral.runs.execution import Execution
    from neutral.runs.plans import ControlsPlan
    from neutral.runs.start import start

    options.quiet_libraries()
    plan = ControlsPlan(chosen.controls, model=chosen.model or "", scope=chosen.scope, gguf=chosen.gguf or "")
    start(plan, Execution(chosen.study, quiet=chosen.quiet))


def _run_info(chosen: argparse.Namespace) -> None:
    import pandas as pd

    good, bad = _read(chosen)
    rows = [_row(one) for one in good]
    if chosen.format == "table":  # standard error has them
        rows = [{key: value for key, value in row.items() if key != "notes"} for row in rows]
    if rows:
        print_table(pd.DataFrame(rows), chosen.format)
    _refuse(bad)


def _row(one: Reading) -> dict[str, object]:
    """Return what `masks info` says of a mask."""
    mask = one.mask
    about = {k: mask.header[k] for k in ("language", "task", "method", "seed") if mask.header.get(k) is not None}
    return {
        "file": one.file,
        "name": one.name,
        "tensors": len(mask.names),
        "weights": mask.size,
        "kept": mask.kept,
        "sparsity": round(mask.sparsity(), 6),
        "renamed": one.renamed,
        "says": ", ".join(f"{k} {v}" for k, v in about.items()),
        "language_from": one.language_from or "not known",
        "notes": "; ".join(one.notes),
    }


def _read(chosen: argparse.Namespace) -> tuple[list[Reading], list[Reading]]:
    """Return the masks of the files, and the files that hold none; say on standard error what was left out."""
    from neutral import maskfiles

    found = maskfiles.readings(chosen.files, from_zeros=chosen.from_zeros, invert=chosen.invert)
    notes(found)
    return [one for one in found if one.mask is not None], [one for one in found if one.mask is None]


def notes(found: Sequence[Reading]) -> None:
    """Say on standard error what was left out or assumed in reading masks, a line a note: many files say the same."""
    files: dict[str, list[str]] = {}
    for one in found:
        for note in one.notes:
            files.setdefault(note, []).append(one.file)
    for note, its in files.items():
        more = f" and {len(its) - 1} more" if len(its) > 1 else ""
        print(one_line(f"neutral: {its[0]}{more}: {note}"), file=sys.stderr)


def _refuse(bad: Sequence[Reading]) -> None:
    """Raise `NeutralError` for the last of the files that were refused, once the others have their line."""
    for one in bad[:-1]:
        print(one_line(f"neutral: {one.problem}"), file=sys.stderr)
    if bad:
        raise NeutralError(bad[-1].problem)


def _run_convert(chosen: argparse.Namespace) -> None:
    from neutral import maskfiles

    readings, bad = _read(chosen)
    targets = _targets(readings, Path(chosen.out), chosen.form)
    for reading, target in zip(readings, targets, strict=True):
        if chosen.form == "packed":
            maskfiles.write(reading.mask, target)
        else:
            maskfiles.export(reading.mask, target, chosen.form)
        print(target)
    unread = [reading.file for reading in readings if not maskfiles.scripts.has_their_layers(reading.mask)]
    if chosen.form == "mask.pt" and unread:
        print(f"neutral: {unread[0]}: has not the 12 layers that the paper's scripts go through", file=sys.stderr)
    _refuse(bad)


def _targets(readings: Sequence[Reading], out: Path, form: str) -> list[Path]:
    """Return the file that each mask becomes. Raises `NeutralError` where two would be one, or one its own source."""
    from neutral.maskfiles import several

    stems = [several.stem(reading.file) for reading in readings]
    targets = []
    for reading, stem in zip(readings, stems, strict=True):
        by_folder = several.is_generic(stem) or stems.count(stem) > 1
        base = re.sub(r" \d+$", "", reading.name) if by_folder else stem
        targets.append(out / f"{base if form == 'mask.pt' else base.replace('/', '-')}{FORMS[form]}")
    for i, (reading, target) in enumerate(zip(readings, targets, strict=True)):
        if target in targets[:i]:
            raise NeutralError(f"{reading.file}: two files would become {target}; convert them to different folders")
        if target.exists() and target.resolve() == Path(reading.file).resolve():
            raise NeutralError(f"{reading.file}: would be written over itself; choose another --out")
    return targets
