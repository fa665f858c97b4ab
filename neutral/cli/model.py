"""`model show`: what of a model is pruned and what is not and why, and which of its tables are compressed."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from neutral.cli import options
from neutral.cli.options import command, print_table, quiet_libraries
from neutral.errors import NeutralError
from neutral.runs.plans.fields import GGUF, MODEL

if TYPE_CHECKING:
    from torch import nn

    from neutral.models import Inventory


def add_model(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    model = commands.add_parser("model", help="what of a model is pruned, and what is not and why")
    inner = model.add_subparsers(required=True, metavar="show")
    text = "what of a model is pruned, by component, and every matrix that is not, with the reason; no text is needed"
    show = command(inner, "show", text, _run_show)
    show.add_argument("model", metavar="MODEL", help=MODEL)
    show.add_argument("--gguf", metavar="FILE", help=GGUF)
    show.add_argument("--only", default="", choices=("encoder", "decoder"), help="one stack of an encoder-decoder")
    options.form(show)


def _run_show(chosen: argparse.Namespace) -> None:
    from neutral import models
    from neutral.models import overview
    from neutral.progress import say

    quiet_libraries()
    looked = models.look(chosen.model, **options.loaders(chosen))
    inventory, stack = models.inventory(looked.model, chosen.only), models.stack(looked.model)
    tables = _tables(looked.model)
    if chosen.format == "json":
        told = {"compressible": {group.what: group.weights for group in tables.taken} if tables else {}}
        print(json.dumps(overview.facts(looked, chosen.only) | told, ensure_ascii=False, indent=1))
        return
    say(looked.notes)
    if looked.missing:
        names = ", ".join(looked.missing[:3]) + ", …" * (len(looked.missing) > 3)
        say([f"the checkpoint lacks {len(looked.missing)} weights, so no more than this can be done with it: {names}"])
    table = inventory.table()
    if chosen.format == "csv":
        print_table(table, "csv")
        return
    name = type(looked.model).__name__
    print(f"{name}, {stack or 'encoder-decoder'}: {inventory.lines('can prune')[0]}")
    if tables is not None:
        print(f"{name}, its tables of tokens: {tables.lines('can compress')[0]}")
    table["pruned"] = table["pruned"].map({True: "yes", False: "no"})
    table["weights"] = table["weights"].map("{:,}".format)
    table["share"] = table["share"].map("{:.1%}".format)
    print_table(table, "table")


def _tables(model: nn.Module) -> Inventory | None:
    """Return what `compress` takes of a model; None of one without a table of tokens."""
    from neutral.compression.inventory import inventory

    try:
        return inventory(model)
    except NeutralError:
        return None
