"""What the arguments of a run of the app may name: models and text in allowed folders, ids of the hub, own studies."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from neutral import home
from neutral.errors import NeutralError
from neutral.jobs import folders

READ = ("--model", "--from", "--text", "--held-out", "--sentences", "--finetune")
"""Options that name a model or text: a path, or an id of the hub."""

FILES = ("--mask-files", "--documents")
"""Options that name files alone."""

STUDIES = {"transfer": ("--masks",)}
"""Command -> its options that name a study to read."""

WITHIN = "--gguf"
"""The option that names a file in the model's folder."""

SET = ("--study", "--out", "--device", "--json-progress")
"""Options that a run gets from what is said beside its arguments."""

REFUSED = ("--export", "--as", "--dry-run", "--help", "--engine", "--address", "--report-to")
"""Options that a run of the app does not take: they write elsewhere, do nothing, or reach other machines."""

_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")
_PART = re.compile(r"[\w.-]{1,96}")  # of a data set: `nyu-mll/glue:cola`
_ASKED = 1.5  # seconds to wait for the hub
_KEPT = 60.0  # seconds for which an answer counts

_reached: tuple[float, bool] = (float("-inf"), False)


def checked(command: str, arguments: Sequence[str], among: Sequence[Path]) -> list[str]:
    """Return a run's arguments with the real paths of what they name; the same again if they were checked before.

    `among` are the folders in which models and text may be (`folders.roots`). Raises `NeutralError` for a command that
    is none of `runs.plans.COMMANDS`, an option that a run does not take or that is not written out, and for a path or
    an id that is not allowed.
    """
    from neutral.runs.plans import COMMANDS

    if command not in COMMANDS:
        raise NeutralError(f"{command[:40]!r}: is no command that the app runs; they are {', '.join(COMMANDS)}")
    result: list[str] = []
    option, model = "", None
    for argument in map(str, arguments):
        if "\0" in argument:
            raise NeutralError(f"{option}: a zero byte is no text")
        equals, value = "", argument
        if argument.startswith("--"):
            option, equals, value = argument.partition("=")
            _require_option(command, option)
            if not equals:
                result.append(option)
                continue
        elif not option or argument.startswith("-"):  # -h, after which nothing is done
            raise NeutralError(f"{argument[:80]!r}: belongs to no option")
        real = _checked(command, option, value, among, model)
        model = real if option == "--model" else model
        result.append(f"{option}={real}" if equals else real)  # a value that begins like an option stays one
    return result


def placed(value: str, among: Sequence[Path]) -> str:
    """Return the real path of a model or text, or the id of the hub that it is; what is in it is not looked at.

    Raises `NeutralError` for a path that is in none of the folders `among`, or not there.
    """
    return value if _is_id(value) else str(folders.within(value, among))


def device(name: str) -> str:
    """Return the name of a device. Raises `NeutralError` for what is none."""
    if not name or len(name) > 40 or not name.replace(":", "").isalnum():
        raise NeutralError(f"{name[:40]!r}: is no device; use auto, cpu, cuda or mps")
    return name


def is_online() -> bool:
    """Whether the hub can be reached: asked once a minute, for a second and a half."""
    global _reached
    if os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "ON", "YES", "TRUE"):
        return False
    if time.monotonic() - _reached[0] > _KEPT:
        answers: list[bool] = []
        asking = threading.Thread(target=lambda: answers.append(_answers()), daemon=True)  # a name may take long
        asking.start()
        asking.join(_ASKED)
        _reached = time.monotonic(), bool(answers and answers[0])
    return _reached[1]


def _checked(command: str, option: str, value: str, among: Sequence[Path], model: str | None) -> str:
    """Return the value of an option as a run gets it."""
    if option in READ:
        return _source(value, among)
    if option in FILES or option in STUDIES.get(command, ()):
        return str(folders.allowed(value, [*among, *_studies()]))
    if option == WITHIN:
        if model is None or Path(value).name != value or value in (".", ".."):
            raise NeutralError(f"--gguf {value[:80]}: is no name of a file in the folder of --model, which comes first")
        if Path(model).is_absolute():
            folders.allowed(Path(model, value), among)
    return value


def _source(value: str, among: Sequence[Path]) -> str:
    """Return the real path of a model or text, or the id of the hub that it is."""
    if not _is_id(value):
        return str(folders.allowed(value, among))
    if not is_online():
        raise NeutralError(f"{value}: is no folder here, and the hub cannot be reached (HF_HUB_OFFLINE, no network)")
    return value


def _is_id(value: str) -> bool:
    """Whether a name of a model or a text is an id of the hub, and nothing here."""
    name, colon, part = value.partition(":")
    looks_so = _ID.fullmatch(name) and ".." not in name and (not colon or _PART.fullmatch(part))
    return bool(looks_so) and not Path(value).exists()


def _require_option(command: str, option: str) -> None:
    """Raise `NeutralError` for an option that a run does not take; for one that is cut, which may mean any."""
    watched = (*READ, *FILES, *STUDIES.get(command, ()), WITHIN, *SET, *REFUSED)
    if option in (*SET, *REFUSED):
        raise NeutralError(f"{option}: is no option of a run of the app")
    if option not in watched and any(name.startswith(option) for name in watched):
        raise NeutralError(f"{option[:40]}: write the option out")


def _studies() -> list[Path]:
    """Return the folders of studies that the app shows: masks may be read from them."""
    named = (Path(os.path.abspath(folder)) for folder in home.further_studies())
    return [home.studies(), home.CHECKOUT / "data" / "studies", *named]


def _answers() -> bool:
    """Whether something answers where the hub, or the proxy on the way to it, should be."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    place = urlsplit(proxy or os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    try:
        port = place.port or (80 if place.scheme == "http" else 443)
        socket.create_connection((place.hostname or "", port), timeout=_ASKED).close()
    except (OSError, ValueError):
        return False
    return True
