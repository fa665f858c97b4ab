"""`model show`: what of a model is pruned, and what is not and why."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.options import command, print_table, quiet_libraries


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

    quiet_libraries()
    loaders = options.loaders(chosen)
    model = models.load_model(chosen.model, models.natural_task(chosen.model, **loaders), **loaders)
    print_table(models.inventory(model, chosen.only).table(), chosen.format)
