"""One option of a plan as a widget of its kind. What can be asked, and in which words, is the plan's own.

A form's values are those of its widgets, by the option's name: they are kept over page changes and in the address, and
become the plan's values with `values`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral.errors import NeutralError
from neutral.members import display
from neutral.options import Described
from neutral.options import words as written
from pages.parts import errors
from pages.parts.runs import draft, words
from pages.parts.text import as_text

LONGEST = 2000
"""Letters of what is typed into a field."""

_SHORT = 2  # letters of a beginning that means nothing yet
_FEW = 4  # choices that stand beside each other
_TYPED = ("text", "words", "wholes", "decimals", "pairs")
_NAMED = ("model", "folder", "file")
_LISTED = ("choices", "languages")
_NUMBERS = ("whole", "decimal")


@dataclass
class Form:
    """The fields of one form that are drawn.

    Attributes
    ----------
    key : str
        What the keys of its widgets begin with.
    given : Mapping
        What fields are filled in with: name of an option -> value of its widget.
    filled : dict
        What the widgets hold, of those that differ from the default.
    values : dict
        What of that is asked of the plan, as JSON values.
    problems : dict
        Flag -> what is wrong with what was typed.
    is_folded : bool
        Whether the fields that follow are drawn where they may not be seen.
    """

    key: str
    given: Mapping[str, object]
    filled: dict[str, object] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    is_folded: bool = False
    _slots: dict[str, DeltaGenerator] = field(default_factory=dict)

    def ask(self, option: Described, *, offered: Sequence[str] = (), usual: object = None, help: str = "") -> object:
        """Draw an option and return what its widget holds. `offered` are names to choose from, `usual` the default."""
        kind, key = _widget(option, offered), f"{self.key}-{option.name}"
        default = usual if usual is not None else as_filled(option, option.default)
        given = self.given.get(option.name)
        first = given if option.name in self.given and fits(option, given) else default
        if option.name in self.given and not fits(option, given):
            draft.lost(label_of(option), given, option.choices or ())
        told = {"label": label_of(option), "key": key, "persist_state": "session"}
        about = help or words.HELP.get(option.name) or option.help
        told["help"] = as_text(f"{about[:1].upper()}{about[1:]}")
        with st.container(gap=None):
            held = _WIDGETS[kind](option, told, first, offered)
            if not self.is_folded:
                self._slots[option.flag] = st.empty()
        plain = as_filled(option, option.default)  # `usual` may be another one when the form is filled in again
        if (held != default or held != plain) and (held or default):
            self.filled[option.name] = held
        self._read(option, held)
        return held

    def _read(self, option: Described, held: object) -> None:
        """Take what a widget holds as a value of the plan, unless that is the default."""
        try:
            value = as_value(option, held)
        except NeutralError as error:
            self.problems[option.flag] = str(error)
            return
        if value != written.to_json(option, option.default):
            self.values[option.name] = value

    def refuse(self, message: str) -> None:
        """Show a problem at the field whose flag it names; below the form if that may not be seen, or none is named."""
        named = [flag for flag in self._slots if re.search(rf"{flag}(?![\w-])", message)]
        place = self._slots[named[0]] if named else st
        place.error(as_text(message))


def label_of(option: Described) -> str:
    """Return what a field is called: its flag in words, with the unit of numbers.

    >>> from neutral.options import fields
    >>> from neutral.runs.plans import SearchPlan
    >>> [label_of(each) for each in fields(SearchPlan) if each.name in ("held_out", "length", "sparsities")]
    ['Sparsity', 'Length (tokens)', 'Held out blocks']
    """
    label = option.flag.removeprefix("--").replace("-", " ")
    unit = option.unit if option.kind in _NUMBERS and option.unit not in label else ""
    return f"{label[:1].upper()}{label[1:]}{f' ({unit})' if unit else ''}"


def matters(option: Described, held: Mapping[str, object]) -> bool:
    """Whether an option is looked at, where others hold what they do; of a list, one of its words is enough."""
    for name, values in option.only_for.items():
        if isinstance(words := held.get(name), str) and words not in values:
            heads = {word.strip() for word in words.split(",")}
            if not heads & set(values) and not {word.partition(":")[0] for word in heads} & set(values):
                return False
    return True


def as_filled(option: Described, value: object) -> object:
    """Return a value of a plan as its widget holds it."""
    value = written.to_json(option, value)
    if option.kind == "pairs":
        return ",".join("=".join(pair) for pair in value or ())
    if option.kind in _TYPED:
        return "" if value is None else ",".join(map(_number, value)) if isinstance(value, list) else str(value)
    if option.kind in _NAMED:
        return value or None
    return value


def as_value(option: Described, held: object) -> object:
    """Return what a widget holds as a JSON value of the plan.

    Raises `NeutralError`, in a line that names the option, for a text that is none of its kind.
    """
    if option.kind in _NAMED:
        return held or written.to_json(option, option.default)
    lacks = held in ("", []) and (option.kind not in ("text", "choices") or option.default is None)
    if held is None or lacks:
        return written.to_json(option, option.default)
    if option.kind in _TYPED and option.kind != "text":
        try:
            return written.to_json(option, written.read(option, held))
        except (ValueError, NeutralError) as error:
            needed = written.KINDS[option.kind]
            raise NeutralError(
                f"{option.flag} {written.shown(held)}: {needed.called} is needed, as {needed.metavar}"
            ) from error
    return held


def fits(option: Described, held: object) -> bool:
    """Whether a value from outside, an address say, is one that the widget of an option can hold."""
    if option.kind == "choice":
        return isinstance(held, str) and held in option.choices
    if option.kind == "switch":
        return isinstance(held, bool)
    if option.kind in _NUMBERS:
        right = isinstance(held, int if option.kind == "whole" else Real) and not isinstance(held, bool)
        return right and (option.least or 0) <= held <= (option.most or 1e15)
    if option.kind in _LISTED:
        texts = isinstance(held, list) and all(isinstance(each, str) and len(each) <= LONGEST for each in held)
        return texts and (option.kind == "languages" or set(held) <= set(option.choices))
    return isinstance(held, str) and len(held) <= LONGEST


def meant(typed: str, offered: Sequence[str]) -> str:
    """Return the name in a list that a typed text means; the text itself, if it is the name of something else.

    The whole name goes first, without what stands in brackets or in front of a slash, then the one that begins so. A
    text with a slash is a path, or the id of the hub, as it stands.

    >>> names = ["mini-mbert (comes with the app)", "tasks/ner", "tasks/pos"]
    >>> meant("Mini-mBERT", names), meant("mini", names), meant("pos", names), meant("tasks", names)
    ('mini-mbert (comes with the app)', 'mini-mbert (comes with the app)', 'tasks/pos', 'tasks')
    >>> meant("google/mt5-base", names), meant("sw", ["swh", "en"])
    ('google/mt5-base', 'sw')
    """
    small = typed.strip().casefold()
    if not small or "/" in typed or typed in offered:
        return typed
    names = {each: each.partition(" (")[0].casefold() for each in offered}
    whole = [each for each, name in names.items() if small in (name, name.rpartition("/")[2])]
    begin = [each for each, name in names.items() if name.startswith(small)] if len(small) > _SHORT else []
    return next((found[0] for found in (whole, begin) if len(found) == 1), typed)


def _take_meant(key: str, offered: Sequence[str]) -> None:
    """Take the name in the list for what was typed: Enter adds the text itself to it."""
    if isinstance(typed := st.session_state.get(key), str):
        st.session_state[key] = meant(typed, offered)


def _take_languages(key: str, offered: Sequence[str]) -> None:
    """Take the codes in the list for languages' names that were typed."""
    called = {display(code).casefold(): code for code in offered}
    typed = st.session_state.get(key) or []
    st.session_state[key] = list(dict.fromkeys(called.get(each.strip().casefold(), each) for each in typed))


def _widget(option: Described, offered: Sequence[str]) -> str:
    if option.kind in _NAMED or (option.kind == "text" and offered):
        return "named"
    return "typed" if option.kind in _TYPED else option.kind


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _typed(option: Described, told: dict, first: object, offered: Sequence[str]) -> object:
    return st.text_input(value=first, max_chars=LONGEST, **told)


def _number_input(option: Described, told: dict, first: object, offered: Sequence[str]) -> object:
    number = int if option.kind == "whole" else float
    bounds = {f"{name}_value": number(most) for name, most in _bounds(option).items()}
    form = {"step": 1} if number is int else {"format": "%g", "step": _step(option.default)}
    held = st.number_input(value=None if first is None else number(first), **bounds, **form, **told)
    return as_filled(option, option.default) if held is None and not option.may_lack else held


def _bounds(option: Described) -> dict[str, float]:
    return {name: most for name, most in (("min", option.least), ("max", option.most)) if most is not None}


def _step(default: object) -> float:
    """Return by how much a click changes a number: a tenth of it, in round numbers."""
    return float(f"{abs(default) / 10:.0e}") if default else 0.1


def _choice(option: Described, told: dict, first: object, offered: Sequence[str]) -> object:
    choices = [*option.choices] if option.default is not None else [None, *option.choices]
    names = {word: word[:1].upper() + word[1:] if word else "As usual" for word in choices}
    return st.selectbox(options=choices, index=choices.index(first), format_func=names.__getitem__, **told)


def _choices(option: Described, told: dict, first: object, offered: Sequence[str]) -> object:
    choices = list(option.choices)
    told |= {"options": choices, "default": first or [], "format_func": str.capitalize}
    few = len(choices) <= _FEW
    held = st.pills(selection_mode="multi", **told) if few else st.multiselect(placeholder="As usual", **told)
    return [word for word in choices if word in held]


def _languages(option: Described, told: dict, first: object, offered: Sequence[str]) -> object:
    given = st.session_state.get(told["key"], ())
    codes = [*offered, *(code for code in dict.fromkeys([*(first or ()), *given]) if code not in offered)]
    placeholder = f"All {len(offered)}" if offered else "All; or type codes: en, sw"
    return st.multiselect(
        options=codes,
        default=first or [],
        format_func=display,
        placeholder=placeholder,
        accept_new_options=True,
        on_change=errors.guarded(_take_languages),
        args=(told["key"], tuple(codes)),
        **told,
    )


def _named(option: Described, told: dict, first: object, offered: Sequence[str]) -> object:
    names = [*offered]
    for name in (first, st.session_state.get(told["key"])):
        names += [name] if name and name not in names else []
    return st.selectbox(
        options=names,
        index=names.index(first) if first else None,
        placeholder="Choose, or type" if option.required else "As usual" if "(default" in option.help else "None",
        accept_new_options=option.kind != "file",
        on_change=errors.guarded(_take_meant),
        args=(told["key"], tuple(offered)),
        **told,
    )


def _switch(option: Described, told: dict, first: object, offered: Sequence[str]) -> object:
    return st.checkbox(value=bool(first), **told)


_WIDGETS = {
    "typed": _typed,
    "named": _named,
    "whole": _number_input,
    "decimal": _number_input,
    "choice": _choice,
    "choices": _choices,
    "languages": _languages,
    "switch": _switch,
}
"""Kind of an option -> what draws it. A list of mask files has none: they are uploaded on a page of their own."""
