"""`model show`: what of a model is pruned, and what is not and why."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from neutral.cli import options
from neutral.cli.options import command, print_table, quiet_libraries
from neutral.errors import NeutralError

if TYPE_CHECKING:
    from neutral.models import Loaded


def add_model(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    model = commands.add_parser("model", help="what of a model is pruned, and what is not and why")
    inner = model.add_subparsers(required=True, metavar="show")
    text = "what of a model is pruned, by component, and every matrix that is not, with the reason; no text is needed"
    show = command(inner, "show", text, _run_show)
    show.add_argument("model", metavar="MODEL", help="a Hugging Face id or folder")
    show.add_argument("--gguf", metavar="FILE", help="a .gguf file in the model's folder to load the weights from")
    show.add_argument("--only", default="", choices=("encoder", "decoder"), help="one stack of an encoder-decoder")
    options.form(show)


def _run_show(chosen: argparse.Namespace) -> None:
    from neutral import models
    from neutral.progress import say

    quiet_libraries()
    loaded = _load(chosen.model, options.loaders(chosen))
    inventory, stack = models.inventory(loaded.model, chosen.only), models.stack(loaded.model)
    if chosen.format == "json":
        facts = {"model": chosen.model, "class": type(loaded.model).__name__, "stack": stack or "encoder-decoder"}
        print(json.dumps({**facts, "notes": list(loaded.notes), **inventory.written()}, ensure_ascii=False, indent=1))
        return
    say(loaded.notes)
    table = inventory.table()
    if chosen.format == "csv":
        print_table(table, "csv")
        return
    print(f"{type(loaded.model).__name__}, {stack or 'encoder-decoder'}: {inventory.lines('can prune')[0]}")
    table["pruned"] = table["pruned"].map({True: "yes", False: "no"})
    table["weights"] = table["weights"].map("{:,}".format)
    table["share"] = table["share"].map("{:.1%}".format)
    print_table(table, "table")


def _load(source: str, loaders: dict) -> Loaded:
    """Load a model with the head that it is made for; one without, for labelled tasks, says so in its notes."""
    from neutral import models

    try:
        return models.load(source, models.natural_task(source, **loaders), **loaders)
    except NeutralError as error:
        loaded = models.load(source, "base", **loaders)
        return replace(loaded, notes=(f"for labelled tasks only: {error}", *loaded.notes))
