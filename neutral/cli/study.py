"""`study show|scores|experts|similarity|budget|across`: what is in a study."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.across import add_across
from neutral.cli.compression import add_budget
from neutral.cli.language import add_similarity
from neutral.cli.options import command, print_table
from neutral.errors import NeutralError

SCORES = [
    *("kind", "task", "source_task", "method", "source", "target", "sparsity", "seed", "variant", "steps", "metric"),
    *("value", "accuracy", "loss"),
]
"""Columns of `study scores`; target is the language that is scored."""


def add_study(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    study = commands.add_parser("study", help="what is in a study")
    inner = study.add_subparsers(required=True, metavar="show|scores|experts|similarity|budget|across")
    show = command(inner, "show", "what is in a study", _run_study)
    show.add_argument("folder", metavar="DIR")
    text = "every score of find and transfer: the task's metric, and beside perplexity the accuracy of the same tokens"
    scores = command(inner, "scores", text, _run_scores)
    scores.add_argument("folder", metavar="DIR")
    options.form(scores)
    text = "which experts each language uses: the share of a layer's routed tokens (find --method wanda stores it)"
    experts = command(inner, "experts", text, _run_experts)
    experts.add_argument("folder", metavar="DIR")
    options.form(experts)
    add_similarity(inner)
    add_budget(inner)
    add_across(inner)


def _run_scores(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral.study import Study

    study = Study(chosen.folder)
    rows = [row for row in study.rows() if row["kind"] in ("score", "functional", "transfer")]
    if not rows:
        raise NeutralError(f"{chosen.folder}: has no scores; `find` and `transfer` make them")
    table = pd.DataFrame([{**row, "target": row.get("target", row.get("language"))} for row in rows])
    print_table(table.reindex(columns=SCORES).dropna(axis="columns", how="all"), chosen.format)


def _run_experts(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral.search import experts
    from neutral.study import Study
    from neutral.summary import Choice

    study = Study(chosen.folder)
    rows = study.whole_table("experts")
    if not len(rows):
        raise NeutralError(
            f"{chosen.folder}: says nothing of experts; `find --method wanda` on a mixture of experts does"
        )
    keys = rows[["task", "method", "seed"]].drop_duplicates()
    tables = [
        experts.usage(study, Choice(key.task, key.method, 0.0, key.seed)).assign(task=key.task, seed=key.seed)
        for key in keys.itertuples()
    ]
    print_table(pd.concat(tables), chosen.format)


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
