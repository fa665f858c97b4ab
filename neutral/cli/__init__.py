"""The shell: `python -m neutral …`.

Only results go to standard output (or a study); progress and messages go to standard error. Exit codes:

- 0: done;
- 2: something that the user can put right, and one line says what: the input, a full disk, a folder that may not be
  written or is gone, too little memory; then the same command goes on where it stopped;
- 1: a fault of the program, with its traceback;
- 130: stopped, by Ctrl-C at once, by SIGUSR1 behind the next piece that is written;
- 141: who read the results (head, less) wanted no more of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from neutral import __version__
from neutral.cli import streams
from neutral.cli.app import add_app
from neutral.cli.cluster import add_cluster
from neutral.cli.compare import add_compare
from neutral.cli.compression import add_compress
from neutral.cli.controls import add_controls
from neutral.cli.data import add_data
from neutral.cli.inside import add_inside
from neutral.cli.language import add_nearest
from neutral.cli.masks import add_masks
from neutral.cli.model import add_model
from neutral.cli.overlap import add_overlap
from neutral.cli.pretraining import add_pretrain
from neutral.cli.search import add_find
from neutral.cli.study import add_study
from neutral.cli.transfer import add_transfer
from neutral.cli.typology import add_typology
from neutral.errors import NeutralError
from neutral.files import storage_error
from neutral.progress import StoppedError
from neutral.system import is_lack_of_memory

_COMMANDS = (
    *(add_masks, add_overlap, add_nearest, add_compare, add_find, add_controls, add_transfer, add_typology, add_inside),
    *(add_compress, add_pretrain, add_cluster, add_model, add_data, add_study, add_app),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    with streams.messages():
        code, line = _run(arguments)
        if line:
            print(f"neutral: {line}", file=sys.stderr)
    return code


def _run(arguments: Sequence[str] | None) -> tuple[int, str]:
    """Run one command, and return its exit code and what is to be said. Raises what is a fault of the program."""
    chosen = argparse.Namespace()
    try:
        with streams.results():
            _parser().parse_args(arguments, chosen)
            chosen.run(chosen)
    except StoppedError as stopped:
        return 130, str(stopped)
    except KeyboardInterrupt:
        return 130, "stopped; run the same command again to go on"
    except streams.UnwantedError:
        return 141, ""
    except Exception as error:
        if line := _told(error, chosen):
            return 2, line
        raise
    return 0, ""


def _told(error: Exception, chosen: argparse.Namespace) -> str:
    """Return what to say of an error that the user can put right; "" for a fault of the program."""
    if isinstance(error, NeutralError):
        return str(error)
    place = getattr(chosen, "study", None) or getattr(chosen, "out", None) or "a file"
    if refusal := storage_error(error, place):
        return str(refusal)
    if is_lack_of_memory(error):
        return "the computer ran out of memory; end other programs and run the same command again, or take a larger one"
    return ""


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
