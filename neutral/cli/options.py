"""What the commands share: their options, and how a table is printed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def command(
    commands: argparse._SubParsersAction, name: str, text: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """Add a command that `run` carries out."""
    added = commands.add_parser(name, help=text, description=text)
    added.set_defaults(run=run)
    return added


def common(added: argparse.ArgumentParser) -> None:
    """Add what every command that computes takes."""
    added.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    added.add_argument("--quiet", action="store_true", help="no progress")


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

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def codes(text: str) -> list[str]:
    """Read "en,fr"."""
    return [code.strip() for code in text.split(",") if code.strip()]


def words(text: str) -> tuple[str, ...]:
    """Read "svd,direction"."""
    return tuple(codes(text))


def numbers(text: str) -> tuple[int, ...]:
    """Read "0,1"."""
    return tuple(int(part) for part in codes(text))


def decimals(text: str) -> tuple[float, ...]:
    """Read "0.3,0.5", ascending."""
    return tuple(sorted(float(part) for part in codes(text)))
