"""`app`: the pages in a browser, with studies of one's own."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from neutral import home
from neutral.cli.options import command
from neutral.errors import FileError, NeutralError

_PAGES = home.CHECKOUT / "app.py"
_PORTS = range(1, 65536)


def add_app(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    app = command(commands, "app", "look at studies in a browser, upload masks, start runs", _run_app)
    app.add_argument(
        "--studies",
        nargs="+",
        default=(),
        metavar="DIR",
        help="studies, or folders of studies, beside the bundled ones",
    )
    app.add_argument("--port", type=int, metavar="N", help="default: the first from 8501 that is free")
    app.add_argument("--address", metavar="A", help="0.0.0.0 lets others in (default: this machine alone)")
    app.add_argument(
        "--folders", nargs="+", default=(), metavar="DIR", help="where models and text of runs may be (default: ~)"
    )


def _run_app(chosen: argparse.Namespace) -> None:
    line, environment = start(chosen, os.environ)
    os.execve(line[0], line, environment)


def start(chosen: argparse.Namespace, environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the command line that starts the app as it was asked for, and its environment.

    Raises `NeutralError` where the app or Streamlit is missing, for a folder that is none or holds no study, and for a
    port that is none.
    """
    from neutral.jobs.folders import VARIABLE

    if not _PAGES.is_file():
        raise NeutralError(
            "the pages of the app come with the repository, not with the package: get the repository (git clone), and "
            "in it run `python -m neutral app`"
        )
    if find_spec("streamlit") is None:
        raise NeutralError("the app needs the package `streamlit`: pip install streamlit")
    if chosen.port is not None and chosen.port not in _PORTS:
        raise NeutralError(f"--port {chosen.port}: is no port; give a number from 1 to 65535")
    line = [sys.executable, "-P", "-m", "streamlit", "run", str(_PAGES)]  # -P: no module of the folder one is in
    line += ["--server.port", str(chosen.port)] if chosen.port is not None else []
    line += ["--server.address", chosen.address] if chosen.address else []
    studies = [_with_studies(folder) for folder in chosen.studies]
    folders = [_folder("--folders", folder) for folder in chosen.folders]
    more = environment.get(home.STUDIES, "")
    named = {home.STUDIES: _joined(studies, more), VARIABLE: _joined(folders)}
    return line, {**environment, **{name: value for name, value in named.items() if value}}


def _with_studies(folder: str) -> Path:
    """Return a folder that is a study or has some."""
    path = _folder("--studies", folder)
    if not (path / "study.json").is_file() and not any(path.glob("*/study.json")):
        raise FileError(folder, "is no study (a folder with study.json), and no folder of studies")
    return path


def _folder(option: str, folder: str) -> Path:
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise FileError(folder, f"no such folder ({option})")
    if os.pathsep in str(path):
        raise FileError(folder, f"has a {os.pathsep} in its path, which parts folders ({option}); call it otherwise")
    return path


def _joined(paths: Sequence[Path], more: str = "") -> str:
    return os.pathsep.join([*map(str, paths), *filter(None, [more])])
