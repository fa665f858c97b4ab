"""`overlap` and `sparsity`: how masks compare, and what they remove."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.options import command, print_table
from neutral.errors import NeutralError
from neutral.labels import GROUPINGS

MEASURES = ("jaccard", "dice", "agreement", "phi", "chance")  # as in `overlap`, which takes longer to import


def add_overlap(commands: argparse._SubParsersAction) -> None:
    """Add `overlap` and `sparsity`."""
    for name, text, run in (
        ("overlap", "how much the masks of languages overlap, pair by pair", _run_overlap),
        ("sparsity", "what share of the weights each mask removes", _run_sparsity),
    ):
        added = command(commands, name, text, run)
        added.add_argument("files", nargs="+", metavar="FILE")
        added.add_argument("--by", choices=GROUPINGS, default="all")
        options.form(added)
        if name == "overlap":
            added.add_argument("--measure", choices=MEASURES, default="jaccard")


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
