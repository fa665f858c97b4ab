"""`overlap` and `sparsity`: how masks compare, and what they remove."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from neutral.cli import options
from neutral.cli.masks import notes
from neutral.cli.options import codes, command, print_table
from neutral.errors import NeutralError, one_line
from neutral.labels import GROUPINGS, require_groups

if TYPE_CHECKING:
    from neutral.overlap import Counts

MEASURES = ("jaccard", "dice", "agreement", "phi", "chance")  # as in `overlap`, which takes longer to import


def add_overlap(commands: argparse._SubParsersAction) -> None:
    """Add `overlap` and `sparsity`."""
    for name, text, run in (
        ("overlap", "how much the masks of languages overlap, pair by pair or all at once", _run_overlap),
        ("sparsity", "what share of the weights each mask removes", _run_sparsity),
    ):
        added = command(commands, name, text, run)
        options.mask_files(
            added,
            "mask files, zip archives of them, or one counts file of a study; files of one name (en/mask.pt, "
            "fr/mask.pt) are called by their folders",
        )
        added.add_argument("--members", type=codes, help="en,fr,ur: the masks to take, by name (default: all)")
        added.add_argument("--by", choices=GROUPINGS, default="all")
        options.form(added)
        if name == "overlap":
            shown = added.add_mutually_exclusive_group()
            shown.add_argument("--measure", choices=MEASURES, default="jaccard", help="of every pair")
            shown.add_argument(
                "--joint",
                action="store_true",
                help="the Jaccard of all masks at once: weights that all of them keep ÷ weights that any keeps, beside "
                "what independent masks of the same densities have",
            )


def _run_overlap(chosen: argparse.Namespace) -> None:
    from neutral import overlap

    counts = _counts(chosen, exactly=chosen.joint)
    require_groups(counts.tensors, chosen.by)
    if len(counts.members) < 2:
        raise NeutralError("overlap needs two masks or more")
    if said := overlap.about_opposed(counts):
        print(one_line(f"neutral: {said}; --invert of `masks convert` turns it"), file=sys.stderr)
    table = overlap.joint(counts, chosen.by) if chosen.joint else counts.measure(chosen.measure, chosen.by)
    print_table(table, chosen.format)


def _run_sparsity(chosen: argparse.Namespace) -> None:
    counts = _counts(chosen, exactly=False)
    require_groups(counts.tensors, chosen.by)
    print_table(counts.sparsity(chosen.by), chosen.format)


def _counts(chosen: argparse.Namespace, *, exactly: bool) -> Counts:
    """Return the counts of the chosen members: those of a study, or counted from mask files."""
    from neutral import maskfiles, overlap
    from neutral.masksets import bridges

    if len(chosen.files) == 1 and overlap.Counts.is_in(Path(chosen.files[0])):
        if chosen.invert or chosen.from_zeros:
            raise NeutralError(f"{chosen.files[0]}: holds counts; --invert and --from-zeros are for mask files")
        counts = overlap.Counts.load(chosen.files[0])
        counts = counts.select(chosen.members) if chosen.members else counts
        if len(counts.members) > 1 and not len(counts.counted):
            raise NeutralError(f"{chosen.files[0]}: no pair of {' and '.join(counts.members)} is counted there")
        return counts
    found = maskfiles.readings(chosen.files, from_zeros=chosen.from_zeros, invert=chosen.invert)
    notes(found)
    if bad := next((one for one in found if one.mask is None), None):
        raise NeutralError(bad.problem)
    masks = {one.name: one.mask for one in found}
    members = chosen.members or list(masks)
    if unknown := [name for name in members if name not in masks]:
        raise NeutralError(f"--members {unknown[0]}: no such mask; there are {', '.join(masks)}")
    chosen_masks = [masks[name] for name in members]
    for line in bridges(chosen_masks, members):
        print(one_line(f"neutral: {line}"), file=sys.stderr)
    return overlap.count(chosen_masks, members, exactly=exactly)
