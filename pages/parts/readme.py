"""The README of a study: as it is for one that comes with the project, else without pictures, links that lead and HTML.

Headings, lists, tables and emphasis stay. What would be a picture, a link or HTML loses its effect by a character
without width in the middle of it, wherever it stands, so nothing hangs on how Markdown is read; blocks of code, which
people copy, are shown apart as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import streamlit as st

from neutral.errors import NeutralError
from pages.parts import catalogue, errors
from pages.parts.text import JOINER

MOST = 40_000  # characters that are shown of a README from outside
_WIDE = "<style>.st-key-readme table { display: block; overflow-x: auto; }</style>"  # else it would move the whole page

_LEADS = re.compile(  # links and pictures; definitions of them; HTML; entities; addresses; kinds of blocks
    r"\](?=[(\[:])|<(?=[\w/!?])|&(?=[#\w])|(?:https?|www)(?=\W)|@|[`~]{3,}[ \t]*(?=\w)", re.IGNORECASE
)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


def show(source: catalogue.Source) -> None:
    """Show a source's README, if it has one."""
    try:
        text = source.readme
    except NeutralError as error:
        st.caption(errors.told(str(error)))
        return
    if not text:
        return
    with st.expander("About this study", icon=":material/description:"), st.container(key="readme"):
        st.html(_WIDE)
        if catalogue.is_bundled(source):
            st.markdown(text)
            return
        for part, is_code in _parts(text[:MOST]):
            st.code(part, language=None) if is_code else st.markdown(inert(part))
        if len(text) > MOST:
            st.caption(f"The first {MOST:,} characters of README.md are shown.")


def inert(text: str) -> str:
    """Return Markdown whose links and pictures show what they are of and lead nowhere, and whose HTML is text.

    >>> inert("# A [study](http://x.org) of *masks*").replace(JOINER, "|")
    '# A [study]|(http|://x.org) of *masks*'
    """
    return _LEADS.sub(lambda match: match[0] + JOINER, text)


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of Markdown, and whether each is a block of code, without its fences."""
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        match = _FENCE.match(line)
        if match and (not fence or (match[1].startswith(fence) and not line.strip("`~ "))):
            yield "\n".join(lines), bool(fence)
            lines, fence = [], "" if fence else match[1]
        else:
            lines.append(line)
    yield "\n".join(lines), bool(fence)
