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
_HEADING = re.compile(r"^( {0,3})(#{1,5}(?:\s|$))")
_UNDERLINED = re.compile(r"^ {0,3}(\w[^\n|]*)\n(={2,}|-{2,})[ \t]*$", re.MULTILINE)
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
            st.markdown(demoted(text))
            return
        for part, is_code in _parts(text[:MOST]):
            st.code(part, language=None) if is_code else st.markdown(inert(demoted(part)))
        if len(text) > MOST:
            st.caption(f"The first {MOST:,} characters of README.md are shown.")


def demoted(text: str) -> str:
    """Return Markdown whose headings are one level lower, since the page has its own of the first; code stays.

    >>> demoted("# A\\n\\n## B")
    '## A\\n\\n### B'
    """
    lines, fence = [], ""
    for line in _UNDERLINED.sub(lambda match: f"{'#' if match[2][0] == '=' else '##'} {match[1]}", text).splitlines():
        match = _FENCE.match(line)
        if match and (not fence or match[1].startswith(fence)):
            fence = "" if fence else match[1]
        lines.append(line if fence else _HEADING.sub(r"\g<1>#\g<2>", line))
    return "\n".join(lines)


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
