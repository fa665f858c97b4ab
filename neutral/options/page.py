"""The options of a class as Markdown, for docs/options.md."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping

from neutral.options.described import Described, fields
from neutral.options.shell import ABOVE, NONE, default, takes

_WIDTH = 120


def listed(cls: type, *, without: Collection[str] = (), flags: Mapping[str, str] = NONE) -> str:
    """Return a list of the options of a class, a heading above each group; arguments as those of `add`."""
    groups: dict[str, list[str]] = {}
    for each in fields(cls):
        if each.name not in without:
            group = "" if each.group in ABOVE else each.group
            groups.setdefault(group, []).append(_item(each, flags.get(each.name, each.flag)))
    said = [
        (f"{_sentence(group)}\n\n" if group else "") + "\n".join(items)
        for group, items in sorted(groups.items(), key=_has_heading)
    ]
    return "\n\n".join(said)


def _item(option: Described, flag: str) -> str:
    word = takes(option)
    asked = f"`{flag} {word}`" if word else f"`{flag}`"
    usual = default(option)
    tail = (
        " Required." if option.required else f" Default: `{usual}`." if usual and "(default" not in option.help else ""
    )
    text = f"- {asked}: {option.help}.{tail}".replace("<", "\\<")
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _has_heading(group: tuple[str, list[str]]) -> bool:
    return bool(group[0])


def _sentence(group: str) -> str:
    return f"{group[0].upper()}{group[1:]}:"
