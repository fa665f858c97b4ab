"""Values as words of a command line, and as JSON; the words are read back into the same values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from neutral.errors import NeutralError
from neutral.options.described import Described


def codes(text: str) -> list[str]:
    """Read "en,fr"."""
    return [code.strip() for code in text.split(",") if code.strip()]


def words(text: str) -> tuple[str, ...]:
    """Read "svd,direction"."""
    return tuple(codes(text))


def numbers(text: str) -> tuple[int, ...]:
    """Read "0,1"."""
    return tuple(int(part) for part in codes(text))


def decimals(text: str) -> tuple[float, ...]:
    """Read "0.3,0.5", ascending."""
    return tuple(sorted(float(part) for part in codes(text)))


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Read "old=new,…"; each old word stands there once. Raises `NeutralError` for what is laid out otherwise."""
    read = [tuple(side.strip() for side in part.split("=")) for part in codes(text)]
    if any(len(pair) != 2 or not all(pair) for pair in read) or len(dict(read)) < len(read):
        raise ValueError(text)
    return tuple(read)


class Kind(NamedTuple):
    """How values of a kind are read and written."""

    reads: Callable[[str], object]
    type: type  # of the value, or of its entries
    many: bool
    metavar: str
    called: str  # in a message


KINDS = {
    "text": Kind(str, str, False, "TEXT", "a text"),
    "model": Kind(str, str, False, "MODEL", "a text"),
    "folder": Kind(str, str, False, "DIR", "a text"),
    "file": Kind(str, str, False, "FILE", "a text"),
    "choice": Kind(str, str, False, "", "a text"),
    "whole": Kind(int, int, False, "N", "a whole number"),
    "decimal": Kind(float, float, False, "X", "a number"),
    "switch": Kind(bool, bool, False, "", "true or false"),
    "words": Kind(words, str, True, "A,B", "a list of texts"),
    "languages": Kind(words, str, True, "A,B", "a list of texts"),
    "choices": Kind(words, str, True, "A,B", "a list of texts"),
    "files": Kind(str, str, True, "FILE", "a list of texts"),
    "wholes": Kind(numbers, int, True, "N,N", "a list of whole numbers"),
    "decimals": Kind(decimals, float, True, "X,X", "a list of numbers"),
    "pairs": Kind(pairs, str, True, "OLD=NEW", "a list of pairs of texts"),
}


def read(option: Described, text: str) -> object:
    """Return the value of a word of a command line. Raises `ValueError` for a word that is none."""
    value = (option.reads or KINDS[option.kind].reads)(text)
    return option.choices[value] if option.kind == "choice" and option.choices else value


def from_json(option: Described, value: object) -> object:
    """Return the value of a JSON value. Raises `NeutralError` for one of another type."""
    kind = KINDS[option.kind]
    if value is None and (option.may_lack or option.default is None):
        return None
    if option.kind == "choice" and isinstance(value, str) and value in option.choices:
        return option.choices[value]
    if option.kind == "pairs" and isinstance(value, dict):
        value = list(value.items())
    entries = value if kind.many and isinstance(value, (list, tuple)) else [value]
    if option.kind == "pairs" and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in entries):
        entries = [text for pair in entries for text in pair]
    if kind.many != isinstance(value, (list, tuple)) or not all(_is(entry, kind.type) for entry in entries):
        raise NeutralError(f"{option.flag} {shown(value)}: {kind.called} is needed")
    if option.kind == "pairs":
        return tuple(zip(entries[::2], entries[1::2], strict=True))
    entries = [kind.type(entry) for entry in entries]
    return tuple(sorted(entries) if option.kind == "decimals" else entries) if kind.many else entries[0]


def to_json(option: Described, value: object) -> object:
    """Return a value as JSON has it."""
    if option.kind == "choice" and option.choices:
        return next((word for word, each in option.choices.items() if each == value), value)
    return [list(each) if isinstance(each, tuple) else each for each in value] if isinstance(value, tuple) else value


def written(option: Described, value: object) -> list[str]:
    """Return the words of a command line that ask for a value.

    Raises `NeutralError` for a list with an entry that a command line would read as two, or as an option.
    """
    flag, value = option.flag, to_json(option, value)
    if option.kind == "switch":
        return [flag] if value else []
    if option.kind == "files":
        _require(option, [entry for entry in value if not entry or entry.startswith("-")])
        return [flag, *value]
    if option.kind == "pairs":
        _require(option, [text for pair in value for text in pair if set(text) & {",", "="} or text.strip() != text])
        value = ["=".join(pair) for pair in value]
    if isinstance(value, list):
        entries = [str(entry) for entry in value]
        if option.reads is None:
            _require(option, [entry for entry in entries if "," in entry or not entry or entry.strip() != entry])
        value = ",".join(entries)
    text = str(value)
    return [f"{flag}={text}"] if option.bare or not text or text.startswith("-") else [flag, text]


def shown(value: object) -> str:
    """Return a value for a message: in one line, and short."""
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _is(value: object, type_: type) -> bool:
    if isinstance(value, bool) or type_ is bool:
        return isinstance(value, bool) and type_ is bool
    return isinstance(value, (int, float) if type_ is float else type_)


def _require(option: Described, wrong: list[str]) -> None:
    if wrong:
        raise NeutralError(f"{option.flag} {wrong[0]!r}: no command line can name this; rename it")
