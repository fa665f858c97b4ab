"""Names and messages from outside as text: what Markdown, in which Streamlit reads its words and labels, makes of them.

A name is whatever stands in a study, a mask file, an upload or the address. In a sentence it goes through `as_text` (a
member through `in_words`), between backticks through `code` or `block`; in a table's cell and in the options of a
selectbox, which Streamlit shows as they are, it goes as it is. Figures have a function of their own: `theme.plain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from neutral.errors import one_line
from neutral.members import display

JOINER = "\u2060"  # no width, no sense, and no part of any markup
_MARKUP = re.compile(r"[\\`*\[\]<$~|&#]|(?<![^\W_])_|_(?![^\W_])")
_AT_START = re.compile(r"^(?=[-+=>])|^\d+(?=[.)](?:\s|$))")
_READ_LATER = re.compile(  # what is looked for when escapes are gone: emoji, icons, colours, addresses, arrows
    r":(?=[\w+:/-])|(?<=www)(?=\.)|(?<=[\w.+-])@|(?<!\S)[-<>~](?=[-=>]+(?!\S))", re.IGNORECASE
)


def as_text(text: object) -> str:
    """Return a text from outside as Markdown that shows it as it is written: no picture, link, formula, colour, HTML.

    A backslash stands before a mark; where Streamlit looks at the text again, a character without width stands behind.

    >>> print(as_text("notes.pt: ![x](y.png)"), as_text("mini-mbert_2, sr (Cyrl)"), as_text("<b>*b*</b>"))
    notes.pt: !\\[x\\](y.png) mini-mbert_2, sr (Cyrl) \\<b>\\*b\\*\\</b>
    >>> as_text(":red[x]"), as_text("http://x.org")
    (':\\u2060red\\\\[x\\\\]', 'http:\\u2060//x.org')
    """
    line = " ".join(one_line(text).split())
    line = _READ_LATER.sub(lambda match: match[0] + JOINER, line)
    return _AT_START.sub(r"\g<0>\\", _MARKUP.sub(r"\\\g<0>", line))


def unmarked(text: str) -> str:
    """Return a sentence of a page, in Markdown, as plain text.

    >>> unmarked(f"**{as_text('a_b')}** is first")
    'a_b is first'
    """
    return re.sub(r"\\(.)", r"\1", text.replace("**", "").replace(JOINER, ""))


def in_words(member: str) -> str:
    """Return a member's name for people, in Markdown.

    >>> in_words("en"), in_words("en/0"), in_words("<b>")
    ('English', 'English/0', '\\\\<b>')
    """
    return as_text(display(member)) or "(no name)"


def listed(members: Iterable[str], most: int = 12) -> str:
    """Return members' names for people in Markdown, and of many how many more there are.

    >>> listed(["en", "fr", "sw"], most=2)
    'English, French and 1 more'
    """
    names = [in_words(member) for member in members]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def code(text: object) -> str:
    """Return a text from outside between so many backticks that it cannot leave them.

    >>> code("a b"), code("a `b` c")
    ('`a b`', '`` a `b` c ``')
    """
    line = _out_of_icons(one_line(text)) or " "
    fence = "`" * (1 + _longest_run(line))
    room = " " if "`" in line else ""
    return f"{fence}{room}{line}{room}{fence}"


def block(lines: list[str], language: str = "") -> str:
    """Return lines as a block of code that they cannot leave.

    >>> print(block(["a", "b"], "sh"))
    ```sh
    a
    b
    ```
    """
    text = _out_of_icons("\n".join(map(one_line, lines)))
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}{language}\n{text}\n{fence}"


def file_name(*parts: object) -> str:
    """Return a name fit for a file, of any words: letters, digits, - and _ and dots inside.

    >>> file_name("Overlap", "Encoder 3"), file_name("../<b>"), file_name("")
    ('overlap-encoder-3', 'b', 'file')
    """
    words = "-".join(map(str, parts)).lower()
    return re.sub(r"[^\w.]+", "-", words).strip("-.")[:100] or "file"


def _out_of_icons(text: str) -> str:
    return text.replace(":material/", f":{JOINER}material/")  # which Streamlit replaces in code as well


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
