"""What the commands share: their options, and how a table is printed."""

from __future__ import annotations

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from neutral.errors import one_line
from neutral.options.words import codes, words
from neutral.runs.plans.fields import GGUF, LABELS, MODEL
from neutral.selection import SCOPES

if TYPE_CHECKING:
    import pandas as pd


def command(
    commands: argparse._SubParsersAction, name: str, text: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """Add a command that `run` carries out."""
    added = commands.add_parser(name, help=text, description=text)
    added.set_defaults(run=run)
    return added


def model(added: argparse.ArgumentParser, *, help: str = MODEL, required: bool = True) -> None:
    """Add `--model`, and `--gguf` for a model whose weights are in a GGUF file."""
    added.add_argument("--model", required=required, help=help)
    added.add_argument("--gguf", metavar="FILE", help=GGUF)


def loaders(chosen: argparse.Namespace) -> dict[str, str]:
    """Return the options that `--gguf` sets for the loaders of model and tokenizer."""
    return {"gguf_file": chosen.gguf} if chosen.gguf else {}


def labels(added: argparse.ArgumentParser) -> None:
    """Add `--labels`."""
    added.add_argument(
        "--labels",
        default="",
        metavar="OLD=NEW,…",
        help=LABELS,
    )


def renamed(chosen: argparse.Namespace) -> dict[str, str]:
    """Return the chosen names of labels, old -> new. Raises `NeutralError` for `--labels` that says none."""
    from neutral.tasks import labelsets

    return labelsets.mapping(chosen.labels) if chosen.labels else {}


KEPT = "1 means kept, 0 removed"
"""Which number means what in a mask file."""


def mask_files(added: argparse.ArgumentParser, help: str) -> None:
    """Add mask files, and how they are read: `--from-zeros`, `--invert`."""
    added.add_argument("files", nargs="+", metavar="FILE", help=f"{help}; {KEPT}")
    added.add_argument(
        "--from-zeros",
        action="store_true",
        help="the files are pruned models, and their zeros are the mask: of the linear layers in the blocks",
    )
    added.add_argument("--invert", action="store_true", help="1 means removed in these files: turn them")


def form(added: argparse.ArgumentParser) -> None:
    """Add `--format`."""
    added.add_argument("--format", choices=("table", "csv", "json"), default="table")


def done(path: str | Path, chosen: argparse.Namespace, page: str = "") -> None:
    """Say on standard error where the results are, and the command that shows them, from whatever folder."""
    if not chosen.quiet:
        where = f"on the page {page} of " if page else "with "
        show = shlex.join(["neutral", "app", "--studies", str(Path(path).absolute())])
        print(f"done: {one_line(path)}; look at it {where}`{one_line(show)}`", file=sys.stderr)


def print_table(table: pd.DataFrame, form: str) -> None:
    """Write a table to standard output as csv, json (a record a row) or aligned text."""
    if form == "csv":
        table.to_csv(sys.stdout, index=False)
    elif form == "json":
        print(table.to_json(orient="records", force_ascii=False, indent=1))
    else:
        print(table.to_string(index=False))


def quiet_libraries() -> None:
    """Keep model libraries from reporting on standard error what our own lines say."""
    from transformers.utils import logging

    warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\b|transformers\b")
    logging.set_verbosity_error()
    logging.disable_progress_bar()


__all__ = [
    "KEPT",
    "SCOPES",
    "codes",
    "command",
    "done",
    "form",
    "labels",
    "loaders",
    "mask_files",
    "model",
    "print_table",
    "quiet_libraries",
    "renamed",
    "words",
]
