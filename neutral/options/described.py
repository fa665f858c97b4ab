"""A dataclass whose fields say what they are: `option` for one value, `part` for a class of its own within another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass
from functools import cache
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

LARGEST_SEED = 2**32 - 1  # of NumPy's generators

_KINDS = {
    str: "text",
    int: "whole",
    float: "decimal",
    bool: "switch",
    (str,): "words",
    (int,): "wholes",
    (float,): "decimals",
}
"""Type, or type of a tuple's entries -> kind."""


class Decides(NamedTuple):
    """How a field decides results, or that it does not: made by `setting`, `key`, `harmless`, or one of the constants.

    how: setting, computed (the plan's `settings` makes it), key, hashed, or harmless.
    """

    how: str
    name: str = ""  # of the setting or of the field of results; of what is harmless, why
    unless: object = MISSING  # the value at which study.json leaves it out
    if_used: bool = False  # study.json leaves it out where it does not matter: see `Described.only_for`


HASHED = Decides("hashed")
"""What is read by it has a hash in study.json."""

COMPUTED = Decides("computed")
"""The plan's own `settings` writes it, or the run as it is used."""


def setting(name: str = "", unless: object = MISSING, *, if_used: bool = False) -> Decides:
    """A setting in study.json, called `name` there (by default as the field), left out at the value `unless`."""
    return Decides("setting", name, unless, if_used)


def key(name: str = "") -> Decides:
    """A field of the results, called `name` there (by default as the field)."""
    return Decides("key", name)


def harmless(why: str) -> Decides:
    """It changes no result."""
    return Decides("harmless", why)


@dataclass(frozen=True)
class Described:
    """One option, as the shell, a form, a check and a table read it.

    Attributes
    ----------
    name : str
        In JSON values and in what a command line is read into; the field's, unless the class of a part has that too.
    flag : str
        On the command line, `--held-out-blocks`.
    kind : str
        text, whole, decimal, switch, choice, model, folder, file; with commas between several: words, languages,
        wholes, decimals, choices, pairs (old=new); files (several, each a word of its own).
    default : object
        The value if nothing is asked; None too where it is `required`.
    choices : Mapping
        Word -> value; empty if there is no choice.
    least, most, above, below : number or None
        What a number must be: at least, at most, over, under.
    must : str
        What to say of a number that is out of its range, in place of the bounds.
    some : bool
        Whether a list may not be empty.
    only_for : name of another option -> its values
        Where it matters; at other values it is not looked at. Of a list of texts, as methods, one has to begin so.
    instead_of : str
        The option that it takes the place of.
    bare : str
        The value of the flag alone; "" if the flag takes a value always.
    path : tuple of str
        Its field, after those of the classes that it is in.
    """

    name: str
    flag: str
    kind: str
    default: object
    help: str
    path: tuple[str, ...]
    choices: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    unit: str = ""
    group: str = "more"
    required: bool = False
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    must: str = ""
    only_for: Mapping[str, tuple] = dataclasses.field(default_factory=dict)
    instead_of: str = ""
    bare: str = ""
    metavar: str = ""
    some: bool = False
    may_lack: bool = False
    reads: Callable[[str], object] | None = None
    decides: Decides | None = None


class Part(NamedTuple):
    """A class within another: its options are the other's too."""

    cls: type
    prefix: str = ""  # of the options' names; flags are as the class says them
    without: Collection[str] = ()
    group: str = ""  # in place of its options' own
    optional: bool = False  # None unless its required options are given


class Presets(NamedTuple):
    """Values of several fields under one name; a class has them as its attribute `PRESETS`."""

    name: str
    values: Mapping[str, Mapping[str, object]]  # the default first
    help: str
    group: str = "more"


def option(
    default: Any = MISSING,
    help: str = "",
    *,
    choices: Sequence[str] | Mapping[str, Any] = (),
    flag: str = "",
    decides: Decides | None = None,
    **described: Any,
) -> Any:
    """Return the field of a dataclass that is an option; further arguments are those of `Described`.

    >>> @dataclass(frozen=True)
    ... class Plan:
    ...     blocks: int = option(64, "blocks that are looked at", unit="blocks", least=1)
    >>> [(each.flag, each.kind, each.default) for each in fields(Plan)]
    [('--blocks', 'whole', 64)]
    """
    words = choices if isinstance(choices, Mapping) else {word: word for word in choices}
    told = {"help": help, "choices": words, "decides": decides, "flag": flag, **described}
    return dataclasses.field(default=default, metadata={"option": told})


def seeds(default: Any, help: str, **described: Any) -> Any:
    """Return the field of a seed, or of several."""
    return option(default, help, least=0, most=LARGEST_SEED, must=f"a seed is from 0 to {LARGEST_SEED}", **described)


def part(
    cls: type,
    *,
    prefix: str = "",
    without: Collection[str] = (),
    group: str = "",
    optional: bool = False,
    decides: Decides | None = None,
) -> Any:
    """Return the field that holds a class of its own, whose options are asked for beside the others."""
    told = {"part": Part(cls, prefix, without, group, optional), "decides": decides}
    return dataclasses.field(metadata=told, **({"default": None} if optional else {"default_factory": cls}))


@cache
def fields(cls: type) -> tuple[Described, ...]:
    """Return the options of a class, those of its parts in their places; fields that are no option are left out."""
    described: list[Described] = []
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if told := field.metadata.get("part"):
            described += _inside(field.name, told)
        elif told := field.metadata.get("option"):
            described.append(_described(field, hints[field.name], told))
    if presets := presets_of(cls):
        words = {word: word for word in presets.values}
        named = {"name": presets.name, "flag": f"--{presets.name}", "kind": "choice", "default": next(iter(words))}
        named |= {"help": presets.help, "group": presets.group, "path": (presets.name,), "choices": words}
        described.insert(0, Described(**named))
    return tuple(described)


def presets_of(cls: type) -> Presets | None:
    """Return the named values that a class has, if it has any."""
    return getattr(cls, "PRESETS", None)


def parts(cls: type) -> dict[str, Part]:
    """Return field -> the class in it."""
    return {field.name: field.metadata["part"] for field in dataclasses.fields(cls) if "part" in field.metadata}


def decisions(cls: type) -> dict[str, Decides | None]:
    """Return field -> how it decides results; None for a field that does not say."""
    told = {field.name: field.metadata for field in dataclasses.fields(cls)}
    return {name: each.get("decides") or each.get("option", {}).get("decides") for name, each in told.items()}


def _inside(name: str, told: Part) -> list[Described]:
    """Return the options of a part, as those of the class that it is in."""
    own = []
    for each in fields(told.cls):
        if each.path[0] in told.without:
            continue
        called = f"{told.prefix}_{each.name}" if told.prefix else each.name
        required = each.required and not told.optional
        changes = {"name": called, "path": (name, *each.path), "required": required}
        own.append(dataclasses.replace(each, **changes, **({"group": told.group} if told.group else {})))
    return own


def _described(field: dataclasses.Field, hint: object, told: Mapping[str, Any]) -> Described:
    types = [each for each in (get_args(hint) if NoneType in get_args(hint) else (hint,)) if each is not NoneType]
    is_many = get_origin(types[0]) is tuple
    kind = _KINDS.get(get_args(types[0])[:1] if is_many else types[0], "text")
    if told["choices"] and "kind" not in told:
        kind = "choices" if is_many and told["choices"].keys() == set(told["choices"].values()) else "choice"
    lacking = field.default is MISSING
    own = {"name": field.name, "kind": kind, "required": lacking, "may_lack": NoneType in get_args(hint), **told}
    own["flag"] = f"--{told['flag'] or field.name.replace('_', '-')}"
    return Described(default=None if lacking else field.default, path=(field.name,), **own)
