"""Long commands: their options come from the class of their plan, and `runs.start` carries them out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import NoReturn

from neutral import options
from neutral.cli.options import command, done, quiet_libraries
from neutral.errors import NeutralError
from neutral.runs.execution import Execution

_NONE: Mapping[str, str] = MappingProxyType({})


def add(
    commands: argparse._SubParsersAction,
    name: str,
    text: str,
    cls: type,
    *,
    page: str = "",
    gone: Mapping[str, str] = _NONE,
) -> None:
    """Add a command that carries out a plan of a class.

    `page` shows its results; `gone` are flags that it had once, with what to say of them.
    """
    added = command(commands, name, text, partial(_run, cls=cls, page=page))
    options.add(added, cls)
    options.add(added, Execution, without=cls.WITHOUT, flags=cls.FLAGS)
    for flag, said in gone.items():
        added.add_argument(flag, type=partial(_refuse, flag, said), help=argparse.SUPPRESS)


def _refuse(flag: str, said: str, _word: str) -> NoReturn:
    raise NeutralError(f"{flag}: {said}")


def _run(chosen: argparse.Namespace, *, cls: type, page: str) -> None:
    plan, execution = options.read(cls, chosen), options.read(Execution, chosen)
    from neutral.runs.start import start

    study = start(plan, execution, first=quiet_libraries)
    if study is not None:
        done(study.path, execution, page)
