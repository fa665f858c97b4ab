"""Long commands: their options come from the class of their plan, and `runs.start` carries them out."""

from __future__ import annotations

import argparse
from functools import partial

from neutral import options
from neutral.cli.options import command, done, quiet_libraries
from neutral.runs.execution import Execution


def add(commands: argparse._SubParsersAction, name: str, text: str, cls: type, *, page: str = "") -> None:
    """Add a command that carries out a plan of a class; its results are shown on a page."""
    added = command(commands, name, text, partial(_run, cls=cls, page=page))
    options.add(added, cls)
    options.add(added, Execution, without=cls.WITHOUT, flags=cls.FLAGS)


def _run(chosen: argparse.Namespace, *, cls: type, page: str) -> None:
    plan, execution = options.read(cls, chosen), options.read(Execution, chosen)
    quiet_libraries()
    from neutral.runs.start import start

    study = start(plan, execution)
    if study is not None:
        done(study.path, execution, page)
