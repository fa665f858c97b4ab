"""The shell: `python -m neutral …`.

Only results go to standard output (or a study); progress and messages go to standard error. Exit codes: 0 done, 2 the
user's input was wrong (one line says how), 1 a fault of the program, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from neutral import __version__
from neutral.cli.compression import add_compress
from neutral.cli.data import add_data
from neutral.cli.inside import add_inside
from neutral.cli.masks import add_masks
from neutral.cli.model import add_model
from neutral.cli.overlap import add_overlap
from neutral.cli.pretraining import add_pretrain
from neutral.cli.search import add_find
from neutral.cli.study import add_study
from neutral.cli.transfer import add_transfer
from neutral.cli.typology import add_typology
from neutral.errors import NeutralError

_COMMANDS = (
    *(add_masks, add_overlap, add_find, add_transfer, add_typology, add_inside),
    *(add_compress, add_pretrain, add_model, add_data, add_study),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        chosen = _parser().parse_args(arguments)
        chosen.run(chosen)
        sys.stdout.flush()
    except NeutralError as error:
        print(f"neutral: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("neutral: stopped; run the same command again to go on", file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line, like every other mistake of the user's."""

    def error(self, message: str) -> NoReturn:
        raise NeutralError(f"{message} (see `{self.prog} --help`)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="neutral", description="Which weights a multilingual language model shares between languages."
    )
    parser.add_argument("--version", action="version", version=f"neutral {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in _COMMANDS:
        add(commands)
    return parser
