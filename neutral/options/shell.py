"""Options of a command, from the class of its plan, and the command line that makes a plan."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from neutral.errors import NeutralError
from neutral.options import plans
from neutral.options.described import Described, fields
from neutral.options.words import KINDS, shown, to_json, written
from neutral.options.words import read as read_word

Plan = TypeVar("Plan")

NONE: Mapping[str, str] = MappingProxyType({})
ABOVE = ("main", "more")
"""Groups of options that have no heading of their own."""


def add(
    parser: argparse.ArgumentParser, cls: type, *, without: Collection[str] = (), flags: Mapping[str, str] = NONE
) -> None:
    """Add the options of a class to a command, but those named `without`; `flags` are other flags: name -> flag."""
    groups: dict[str, Any] = dict.fromkeys(ABOVE, parser)
    for each in fields(cls):
        if each.name not in without:
            if each.group not in groups:
                groups[each.group] = parser.add_argument_group(each.group)
            groups[each.group].add_argument(flags.get(each.name, each.flag), **_argument(each))


def read(cls: type[Plan], namespace: argparse.Namespace) -> Plan:
    """Return the plan that a parsed command line asks for. Raises `NeutralError` for one that cannot be."""
    given = vars(namespace)
    for each in fields(cls):
        if given.get(each.name) == []:  # what argparse makes of --title=--, which would be as good as not given
            raise NeutralError(f"{each.flag}: -- is no value")
    plan = plans.made(cls, {each.name: given[each.name] for each in fields(cls) if each.name in given})
    plans.check_asked(plan)
    return plan


def arguments(plan: object, *, flags: Mapping[str, str] = NONE) -> list[str]:
    """Return the command line that makes a plan: only what differs from the defaults; `flags` as in `add`.

    Raises `NeutralError` for a name that no command line can have, such as one with a comma in a list.
    """
    asked = [(replace(each, flag=flags.get(each.name, each.flag)), value) for each, value in plans.asked(plan)]
    return [word for each, value in asked for word in written(each, value)]


def default(option: Described) -> str:
    """Return the default of an option as a command line has it; "" if there is none to speak of."""
    value = to_json(option, option.default)
    return "" if value is False or value in (None, "", []) else shown(value)


def takes(option: Described) -> str:
    """Return what stands behind an option's flag; "" for a switch."""
    if option.kind == "choice":
        word = "|".join(filter(None, option.choices))
        return f"[{word}]" if option.bare else word
    return option.metavar or KINDS[option.kind].metavar


def _argument(option: Described) -> dict[str, Any]:
    """Return what `add_argument` takes for an option. One that is not given is not in what comes of parsing."""
    usual = default(option)
    text = option.help + (f" (default: {usual})" if usual and "(default" not in option.help else "")
    told = {"dest": option.name, "default": argparse.SUPPRESS, "required": option.required}
    told["help"] = text.replace("%", "%%")
    if option.kind == "switch":
        return told | {"action": "store_true"}
    told |= {"metavar": option.metavar or KINDS[option.kind].metavar, "type": _reader(option)}
    if option.kind == "choice":
        told |= {"choices": [word for word in option.choices if word], "metavar": option.metavar or None, "type": str}
    if option.kind == "choice" and any(word != value for word, value in option.choices.items()):
        told |= {"action": _Choice, "option": option}
    if option.kind == "files":
        told |= {"nargs": "+", "action": _Files}
    if option.bare:
        told |= {"nargs": "?", "const": option.bare}
    return told


def _reader(option: Described) -> Callable[[str], object]:
    """Return what reads an option's word; argparse names it in its message."""

    def reads(text: str) -> object:
        return read_word(option, text)

    reads.__name__ = getattr(option.reads or KINDS[option.kind].reads, "__name__", "text")
    return reads


class _Choice(argparse.Action):
    """Stores what a word of a choice means."""

    def __init__(self, *, option: Described, **told: Any) -> None:
        super().__init__(**told)
        self.option = option

    def __call__(self, parser: object, namespace: object, values: str, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, self.option.choices[values])


class _Files(argparse.Action):
    """Stores several words as a tuple."""

    def __call__(self, parser: object, namespace: object, values: list, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, tuple(values))
