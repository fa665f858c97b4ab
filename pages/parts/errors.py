"""What goes wrong, for two readers: a line for the visitor, the rest for the server's log.

A visitor sees no traceback and no path of the server. What nobody foresaw has an id, which the page shows and the log
names, so that who runs the server finds it.
"""

from __future__ import annotations

import logging
import re
import secrets
import tempfile
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import FragmentHandledException

from neutral.errors import NeutralError, one_line
from pages.parts import catalogue
from pages.parts.text import as_text

LOG = logging.getLogger("neutral.pages")
if not LOG.handlers:  # a rerun of an edited module finds the one that is there
    _handler = logging.StreamHandler()
    _handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(_handler)
    LOG.propagate = False

ROOT = Path(__file__).parents[2]
_ABSOLUTE = re.compile(r"(?<![\w.:/~\\-])(?:[A-Za-z]:)?[/\\](?:[^\s/\\'\"“”:,;]+[/\\])+(?=[^\s/\\])")


def without_paths(text: str) -> str:
    """Return a message without the server's folders: a study's file is called by the study's folder and its own name.

    >>> without_paths("/srv/app/studies/x/results.jsonl: line 3 is no JSON object")
    'results.jsonl: line 3 is no JSON object'
    """
    for folder, name in sorted(_folders().items(), key=lambda item: len(item[0]), reverse=True):
        text = re.sub(rf"(?<![\w.:/\\-]){re.escape(folder)}(?=[/\\]|\b)[/\\]?", lambda _, name=name: name, text)
    return _ABSOLUTE.sub("", text)


def _folders() -> dict[str, str]:
    """Folders that may stand in a message, as they are written -> what to write for them."""
    hidden = {}
    for folder in (ROOT, Path.home(), Path(tempfile.gettempdir())):
        hidden[str(folder)] = ""
    for folder in catalogue.folders():
        own = f"{folder.name}/" if (folder / "study.json").is_file() else ""
        hidden |= {str(written): own for written in (folder, folder.absolute(), folder.resolve())}
    return {folder: name for folder, name in hidden.items() if len(folder) > 1}


def line(error: Exception) -> str:
    """Return what the page says of an error, as Markdown; the log gets what the page leaves out."""
    if not isinstance(error, NeutralError):
        return unforeseen(error)
    return told(str(error))


def told(message: str) -> str:
    """Return an error's line as Markdown for the page, without the server's folders; with them it goes to the log."""
    shown = without_paths(message)
    if shown != message:
        _log_once(message)
    return as_text(shown)


def tell(broken: list[str], notices: DeltaGenerator) -> None:
    """Say which studies cannot be read: of several how many, and which when the reader opens it."""
    if len(broken) == 1:
        notices.error(told(broken[0]))
    elif broken:
        with notices.expander(f"{len(broken)} studies cannot be read", icon=":material/warning:"):
            st.markdown("\n".join(f"- {told(line)}" for line in broken))


@lru_cache(256)
def _log_once(message: str) -> None:
    """Log a line that every rerun of a page would repeat."""
    LOG.warning("%s", message)


def unforeseen(error: Exception) -> str:
    """Write an error that nobody foresaw into the log under a new id, and return the visitor's line with that id."""
    number = secrets.token_hex(3)
    LOG.error("Something went wrong (id %s): %s", number, one_line(error), exc_info=error)
    return f"Something went wrong (id {number}); the details are in the server's log."


def guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """Return a widget's callback whose errors are lines on the page too: it runs before the page does."""

    @wraps(callback)
    def call(*arguments: object, **named: object) -> None:
        try:
            callback(*arguments, **named)
        except FragmentHandledException:
            raise
        except Exception as error:
            st.error(line(error))

    return call
