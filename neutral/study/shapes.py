"""What a value in a study's files may be: checks that are put together to what an entry or a row looks like.

A check takes a value and returns nothing, or raises `WrongError` that says what is there and what belongs there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from neutral.errors import is_one_line, one_line

Check = Callable[[object], None]

_DEEPEST = 12  # lists and objects within each other; the settings of a study's second task have seven
LARGEST = 2**63 - 1
_LONGEST = 100_000  # characters of a text that nobody here reads
_SHOWN = 60  # characters of a value that a message repeats
_INFINITE = (float("inf"), -float("inf"))


class WrongError(Exception):
    """A value is not what belongs in its place."""

    def __init__(self, value: object, belongs: str) -> None:
        super().__init__()
        self.value, self.belongs, self.where = value, belongs, []

    def within(self, key: str) -> WrongError:
        """Say that the value is in `key`."""
        self.where.append(one_line(key[:_SHOWN]))
        return self

    def __str__(self) -> str:
        place = f"{' → '.join(reversed(self.where))} " if self.where else ""
        return f"{place}is {shown(self.value)}; {self.belongs} belongs there"


def shown(value: object) -> str:
    """Return the beginning of a value as a message repeats it."""
    if isinstance(value, (dict, list)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) > LARGEST:
        return "a number beyond 64 bits"  # which may have more digits than Python writes
    text = one_line(repr(value[: _SHOWN + 1]) if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(value)} characters)"


def text(most: int = 500) -> Check:
    """Return the check of a text on one line."""

    def check(value: object) -> None:
        if type(value) is not str or len(value) > most or not is_one_line(value):
            raise WrongError(value, f"a text of one line, at most {most:,} characters,")

    return check


def whole(low: int = 0, high: int = LARGEST) -> Check:
    """Return the check of a whole number."""

    def check(value: object) -> None:
        if type(value) is not int or not low <= value <= high:
            raise WrongError(value, f"a whole number from {low} to {high}")

    return check


def number(low: float | None = None, high: float | None = None, *, finite: bool = True) -> Check:
    """Return the check of a number; if it need not be `finite`, NaN is none that is out of range."""
    span = "" if low is None else f" from {low:g} on" if high is None else f" from {low:g} to {high:g}"
    belongs = f"a {'finite ' if finite else ''}number{span}"

    def check(value: object) -> None:
        if type(value) is not float and (type(value) is not int or not -LARGEST <= value <= LARGEST):
            raise WrongError(value, belongs)
        if finite and (value != value or value in _INFINITE):
            raise WrongError(value, belongs)
        if (low is not None and value < low) or (high is not None and value > high):
            raise WrongError(value, belongs)

    return check


def flag(value: object) -> None:
    """Check a truth value."""
    if type(value) is not bool:
        raise WrongError(value, "true or false")


def maybe(check: Check) -> Check:
    """Return the check of a value that may be null."""
    return lambda value: None if value is None else check(value)


def listed(inner: Check, belongs: str) -> Check:
    """Return the check of a list; `belongs` names it."""

    def check(value: object) -> None:
        if type(value) is not list:
            raise WrongError(value, belongs)
        place = 0
        try:
            for item in value:
                place += 1
                inner(item)
        except WrongError as wrong:
            raise wrong.within(f"entry {place}") from None

    return check


def named(inner: Check, belongs: str = "an object") -> Check:
    """Return the check of an object whose keys are anybody's names."""
    name = text()

    def check(value: object) -> None:
        if type(value) is not dict:
            raise WrongError(value, belongs)
        key = ""
        try:
            for key, item in value.items():
                name(key)
                inner(item)
        except WrongError as wrong:
            raise wrong.within(key) from None

    return check


def fields(known: Mapping[str, Check]) -> Check:
    """Return the check of an object whose keys say what they hold; those of a later version may hold `anything`."""
    name = text()

    def check(value: object) -> None:
        if type(value) is not dict:
            raise WrongError(value, "an object")
        key = ""
        try:
            for key, item in value.items():
                if key in known:
                    known[key](item)
                else:
                    name(key)
                    anything(item)
        except WrongError as wrong:
            raise wrong.within(key) from None

    return check


def columns(value: object) -> None:
    """Check a list of equally long lists of numbers: a column each of a table. NaN and infinity may be among them."""
    belongs = "a list of equally long lists of numbers"
    if type(value) is not list or not set(map(type, value)) <= {list}:
        raise WrongError(value, belongs)
    if len(set(map(len, value))) > 1 or not set(map(type, chain.from_iterable(value))) <= {int, float}:
        raise WrongError(value, belongs)
    if any(abs(item) > LARGEST for item in chain.from_iterable(value) if type(item) is int):
        raise WrongError(value, belongs)


def anything(value: object) -> None:
    """Check a value that a later version may have added: it can be shown and stored, and is not nested without end."""
    level = [value]
    for _ in range(_DEEPEST):
        for item in level:
            _require_leaf(item)
        level = [item for each in level if isinstance(each, (dict, list)) for item in _items(each)]
        if not level:
            return
    raise WrongError(value, f"lists and objects in each other to at most {_DEEPEST} levels")


def _require_leaf(value: object) -> None:
    if isinstance(value, str) and (len(value) > _LONGEST or not _is_whole(value)):
        raise WrongError(value, f"a text of at most {_LONGEST:,} whole characters")
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        raise WrongError(value, "a number of 64 bits")


def _is_whole(text: str) -> bool:
    """Whether no character is half of one, which nothing takes that writes UTF-8."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _items(value: dict | list) -> Iterable[object]:
    return chain(value, value.values()) if isinstance(value, dict) else value


def unique(pairs: list[tuple[str, object]]) -> dict:
    """Make an object of JSON; for `json.loads`. Raises `ValueError` for a key that comes twice: which one holds?"""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {shown(next(name for name in names if names.count(name) > 1))} comes twice")
    return made
