"""Plans made from what was asked, and back: JSON values, the settings of study.json, and what each value must be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from typing import Any, TypeVar

from neutral.errors import NeutralError
from neutral.options.described import Decides, Described, decisions, fields, parts, presets_of
from neutral.options.words import from_json, shown, to_json

Plan = TypeVar("Plan")


def from_values(cls: type[Plan], values: Mapping[str, object]) -> Plan:
    """Return the plan that JSON values ask for; what is not among them is as by default.

    Raises `NeutralError`, in a line that names the option, for a name that is none, a value of another type or one that
    cannot be, and for a required option that is not there.
    """
    known = {each.name: each for each in fields(cls)}
    if unknown := [name for name in values if name not in known]:
        raise NeutralError(f"{shown(unknown[0])}: no such option; there are {', '.join(known)}")
    if lacking := [each.flag for each in known.values() if each.required and values.get(each.name) in (None, "", [])]:
        raise NeutralError(f"{', '.join(lacking)}: required")
    plan = made(cls, {name: from_json(known[name], value) for name, value in values.items()})
    check_asked(plan)
    return plan


def values(plan: object) -> dict[str, object]:
    """Return the JSON values that ask for a plan: only what differs from the defaults."""
    return {each.name: to_json(each, value) for each, value in asked(plan)}


def asked(plan: object) -> list[tuple[Described, object]]:
    """Return the options that differ from their defaults, with their values."""
    differ = [(each, value) for each in fields(type(plan)) if (value := value_of(plan, each)) != _usual(plan, each)]
    instead = {each.instead_of for each, _ in differ}
    return [(each, value) for each, value in differ if each.path[-1] not in instead]


def made(cls: type[Plan], given: Mapping[str, object]) -> Plan:
    """Return the plan of what was given: name of an option -> value."""
    known = {each.name: each for each in fields(cls)}
    tree: dict[str, Any] = {}
    for name, value in given.items():
        place = tree
        for step in known[name].path[:-1]:
            place = place.setdefault(step, {})
        place[known[name].path[-1]] = value
    for each in known.values():
        other = next((o for o in known.values() if o.path == (*each.path[:-1], each.instead_of)), None)
        if other and other.name in given and given.get(each.name, each.default) != each.default:
            raise NeutralError(f"{other.flag}, {each.flag}: one of the two")
    return _made(cls, tree)


def _made(cls: type[Plan], tree: Mapping[str, Any]) -> Plan:
    own = dict(tree)
    for name, inner in parts(cls).items():
        given = own.pop(name, {})
        required = [each for each in fields(inner.cls) if each.required]
        if inner.optional and not all(each.path[0] in given for each in required):
            if given:
                first = next(each for each in fields(inner.cls) if each.path[0] in given)
                raise NeutralError(f"{first.flag}: only with {required[0].flag}")
            continue
        own[name] = _made(inner.cls, given)
    if presets := presets_of(cls):
        own = {**presets.values[own.pop(presets.name, next(iter(presets.values)))], **own}
    return cls(**own)


def value_of(plan: object, option: Described) -> object:
    """Return the value of an option in a plan; None in a part that is not there."""
    place = plan
    for step in option.path[:-1]:
        place = getattr(place, step)
        if place is None:
            return None
    if _names_presets(type(place), option):
        return _preset(place, {each.path[-1] for each in fields(type(plan)) if each.path[:-1] == option.path[:-1]})
    return getattr(place, option.path[-1])


def _usual(plan: object, option: Described) -> object:
    """Return what an option of a plan would be if it were not asked for: as its preset has it, else its default."""
    place = plan
    for step in option.path[:-1]:
        place = getattr(place, step)
        if place is None:
            return None
    presets = presets_of(type(place))
    if presets is None or _names_presets(type(place), option):
        return option.default
    asked_by = {each.path[-1] for each in fields(type(plan)) if each.path[:-1] == option.path[:-1]}
    return presets.values[_preset(place, asked_by)].get(option.path[-1], option.default)


def _names_presets(cls: type, option: Described) -> bool:
    presets = presets_of(cls)
    return presets is not None and presets.name == option.path[-1]


def _preset(place: object, options: set[str]) -> str:
    """Return the preset that a part is nearest to, of those whose other values can be asked for."""
    presets = presets_of(type(place)).values

    def far(name: str) -> tuple[int, int]:
        others = [field for field, value in presets[name].items() if getattr(place, field) != value]
        return sum(field not in options for field in others), len(others)

    return min(presets, key=far)


def check_asked(plan: object) -> None:
    """Raise `NeutralError` for a value that cannot be, and for what the plan's own `check_asked`, if any, refuses."""
    check(plan)
    if own := getattr(plan, "check_asked", None):
        own()


def check(plan: object) -> None:
    """Raise `NeutralError`, naming the option, for a value that is none of its choices or out of its range."""
    for each in fields(type(plan)):
        value = value_of(plan, each)
        if value is None and (each.may_lack or len(each.path) > 1):
            continue
        if each.some and not value:
            raise NeutralError(f"{each.flag}: {each.must or 'name at least one'}")
        several = value if isinstance(value, tuple) and each.kind != "choice" else (value,)
        for one in several:
            _check(each, one)


def _check(option: Described, value: object) -> None:
    if option.choices and value not in option.choices.values():
        there = ", ".join(word for word in option.choices if word)
        said = "there are" if option.kind == "choices" else "use one of"
        raise NeutralError(f"{option.flag} {shown(value)}: unknown; {said} {there}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    for holds, must in _ranges(option, value):
        if not holds:
            raise NeutralError(f"{option.flag} {value:{'' if isinstance(value, int) else 'g'}}: {option.must or must}")


def _ranges(option: Described, value: float) -> Iterator[tuple[bool, str]]:
    """Yield whether a number keeps each of its bounds, and what to say if not."""
    if option.least is not None:
        yield value >= option.least, f"at least {option.least:g}"
    if option.above is not None:
        yield value > option.above, f"a number above {option.above:g}"
    if option.most is not None:
        yield value <= option.most, f"at most {option.most:g}"
    if option.below is not None:
        yield value < option.below, f"a number under {option.below:g}"
    yield math.isfinite(value), "a number that is not endless"


def settings(plan: object) -> dict[str, object]:
    """Return the fields that a study writes down as settings, under the names that it has for them.

    What matters only for some values of other fields is written where it matters. Settings that are computed from
    several fields are the plan's own.
    """
    told = {}
    described = {each.path[0]: each for each in fields(type(plan)) if len(each.path) == 1}
    for name, decides in decisions(type(plan)).items():
        value = getattr(plan, name)
        if decides and decides.how == "setting" and _is_written(plan, described.get(name), decides, value):
            told[decides.name or name] = _plain(value)
    return told


def _is_written(plan: object, option: Described | None, decides: Decides, value: object) -> bool:
    if decides.unless is not MISSING and value == decides.unless:
        return False
    return not decides.if_used or all(getattr(plan, name) in values for name, values in option.only_for.items())


def _plain(value: object) -> object:
    if isinstance(value, tuple) and value and all(isinstance(each, tuple) for each in value):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
