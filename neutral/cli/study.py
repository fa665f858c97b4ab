"""`study show`: what is in a study."""

from __future__ import annotations

import argparse

from neutral.cli.options import command


def add_study(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    study = commands.add_parser("study", help="what is in a study")
    show = command(study.add_subparsers(required=True, metavar="show"), "show", "what is in a study", _run_study)
    show.add_argument("folder", metavar="DIR")


def _run_study(chosen: argparse.Namespace) -> None:
    from neutral.study import Study

    study = Study(chosen.folder)
    info = study.info
    print(f"{info.get('title', study.path.name)}")
    for key in ("model", "task", "languages", "methods", "seeds", "prunable", "created"):
        value = info.get(key)
        print(f"  {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    kinds = [row.get("kind") for row in study.rows()]
    print("  results: " + (", ".join(f"{kinds.count(k)} {k}" for k in dict.fromkeys(kinds)) or "none"))
    index = study.counts_index()
    for (method, kind), rows in index.groupby(["method", "kind"]):
        levels = ", ".join(f"{s:.0%}" for s in sorted(rows.sparsity.unique()))
        print(f"  counts: {method} {kind} at {levels}")
    print(f"  masks: {len(study.masks_index())}")
