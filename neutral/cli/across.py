"""`study across`: the masks of two studies of the same languages beside each other."""

from __future__ import annotations

import argparse

from neutral.cli import language
from neutral.cli.options import command, print_table


def add_across(inner: argparse._SubParsersAction) -> None:
    """Add the command."""
    text = "another study of the same languages beside this one, of other text or another model; written into this one"
    added = command(inner, "across", text, _run)
    added.add_argument("folder", metavar="DIR")
    added.add_argument("other", metavar="OTHER", help="the other study's folder")
    added.add_argument("--called", metavar="TEXT", default="", help="romanised, say (default: the other's title)")
    language.add_choice(added)
    added.add_argument("--format", choices=("table", "csv", "json"), default="table")


def _run(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral import across
    from neutral.language.nearest import choice_of
    from neutral.lock import only_writer
    from neutral.study import Study

    study, other = Study(chosen.folder), Study(chosen.other)
    asked = {name: getattr(chosen, name) for name in ("task", "method", "sparsity", "seed")}
    with only_writer(study.path):
        rows = across.write(study, other, choice_of(study, **asked), chosen.called)
    table = pd.DataFrame(rows)
    print_table(
        table[table["by"] == "all"][["called", "what", "distance", "here", "there", "languages", "pairs"]],
        chosen.format,
    )
