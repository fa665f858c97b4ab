"""What the address says and pages keep of it: the session's choices, and what a link names that is not there.

The address holds what a picker shows ("?measure=Jaccard&sparsity=50%25"); a value that is the default is left out. What
an address says in other words (a language's code, for its name) is understood; what is not there is said in a line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral.languages import language, matching
from neutral.members import speaker
from pages.parts import settings
from pages.parts.text import as_text

MOST_NAMED = 6
"""Options that the line about an unknown value names."""
_CHOSEN, _PAGE, _ARRIVED, _PRESENT, _UNKNOWN = "_chosen", "_page", "_arrived", "_present", "_unknown"
SHARED = ("show", "study", "task", "method", "sparsity", "seed", "measure", "members", "languages", "pin", "uploads")
"""Choices that mean the same on several pages: a link to another page has these, the session keeps the others."""
T = TypeVar("T")


def start(page: str) -> None:
    """Note which page runs; a page that is entered from another takes over the session's choices."""
    st.session_state[_ARRIVED] = st.session_state.get(_PAGE) not in (None, page)
    if st.session_state.get(_PAGE) != page:
        st.session_state[_UNKNOWN] = {}
    st.session_state[_PAGE] = page
    st.session_state[_PRESENT] = {}
    settings.begin()


def present() -> dict[str, list[str]]:
    """Return all choices of the page as it stands, defaults too, as the address writes them: key -> values."""
    return st.session_state.setdefault(_PRESENT, {})


def unknown() -> list[str]:
    """Return a line, in Markdown, for each value of the address that a picker of this page does not have."""
    return [line for line, _ in st.session_state.get(_UNKNOWN, {}).values()]


def say(key: str, line: str, shown: Sequence[str]) -> None:
    """Note a line about what the address says of a picker, until the page is left or shows something else."""
    st.session_state.setdefault(_UNKNOWN, {})[key] = (line, list(shown))


def unsaid(key: str) -> None:
    """Take back the line about a picker."""
    st.session_state[_UNKNOWN].pop(key, None)


def arrived() -> bool:
    """Whether the page that runs was just entered from another."""
    return st.session_state[_ARRIVED]


def settled() -> None:
    """Note that the page has run: what runs again of it alone (a fragment) is not entered from another."""
    st.session_state[_ARRIVED] = False


def chosen() -> dict[str, list[str]]:
    """Return the session's choices that are no defaults, as the address writes them: key -> values."""
    return st.session_state.setdefault(_CHOSEN, {})


def pass_on(notices: DeltaGenerator) -> list:
    """Keep what the address says for the next page, on a page that has no pickers and no notices."""
    chosen().update({key: st.query_params.get_all(key) for key in st.query_params})
    return []


def address(**more: str) -> list[tuple[str, str]]:
    """Return the address that shows the present choices (`SHARED`) on another page, with some of its own."""
    shared = {key: values for key, values in chosen().items() if key in SHARED}
    choices = {**shared, **{key: [value] for key, value in more.items()}}
    return [(key, value) for key, values in choices.items() for value in values]


def studied() -> str:
    """Return the study of masks that the address or another page chose; "" for none."""
    return st.query_params.get("study") or next(iter(chosen().get("study", [])), "")


def carried(
    label: str, key: str, options: Sequence[T], names: Callable[[T], str], *, shown: Sequence[T] = ()
) -> list[T]:
    """Return what the page before this one chose, or what the address says in other words; [] for neither.

    Streamlit carries a bound value to another page only once its page has run twice; a value that came with a link
    would be lost. A value in the link to this page goes first, and Streamlit reads it itself if it is one of the names.
    A picker that was not there for a while gets back what it had. What is not among the options is said: `shown` is
    what the page then shows. So it is with a picker whose options became others, those of another study: it held one
    of the former, which may have the same name here ("urd" and "ur" are both Urdu).
    """
    former = _former(key, options)
    if former:
        st.session_state[key] = list(shown) if isinstance(st.session_state[key], list) else next(iter(shown))
    if not former and not is_new(key):
        return []
    linked = [] if former else st.query_params.get_all(key)
    written = [name for name in linked or chosen().get(key, []) if name]
    told = bool(linked) or len(options) > 1  # of one that there is, chosen elsewhere of more, nothing is to be said
    held = read_all(label, key, written, options, names, shown=shown, told=told)
    if linked and set(written) <= set(map(names, options)):
        return []
    if held and not linked and not former:  # a picker that was there has the address to itself
        st.query_params[key] = [names(option) for option in held]
    return held


def _former(key: str, options: Sequence[T]) -> bool:
    """Whether a picker holds what is not among its options any more."""
    held = st.session_state.get(key)
    if key not in st.session_state or held is None:
        return False
    every = held if isinstance(held, list) else [held]  # an option may be a tuple
    return any(value not in options for value in every)


def read_all(
    label: str,
    key: str,
    written: Sequence[str],
    options: Sequence[T],
    names: Callable[[T], str],
    *,
    shown: Sequence[T] = (),
    told: bool = True,
) -> list[T]:
    """Return the options that values of the address mean, each once; say which are none of them, if `told`."""
    by_name = {names(option): option for option in options}
    read = {name: [by_name[name]] if name in by_name else _in_other_words(name, options, names) for name in written}
    held = list(dict.fromkeys(option for found in read.values() for option in found))
    if told and (missing := [name for name, found in read.items() if not found]):
        say_unknown(label, key, missing, [names(option) for option in held or shown], list(by_name))
    return held


def _in_other_words(written: str, options: Sequence[T], names: Callable[[T], str]) -> list[T]:
    """Return the option that a value means: in capitals, or a language by any code or its name; [] for none."""
    small = written.strip().casefold()
    for option in options:
        if small in (names(option).casefold(), str(option).casefold()):
            return [option]
    for option in options:
        if type(option) in (int, float) and _number(written) == option:
            return [option]
    spoken = {speaker(option): option for option in reversed(options) if isinstance(option, str) and option}
    if meant := matching(written.strip(), spoken):
        return [spoken[meant]]
    called = [o for label, o in spoken.items() if language(language(label).iso3 or label).name.casefold() == small]
    return called if len(called) == 1 else []  # "English" where there is only that of one country


def _number(written: str) -> float | None:
    try:
        return float(written.removesuffix("%")) / (100 if written.endswith("%") else 1)
    except ValueError:
        return None


def say_unknown(label: str, key: str, missing: Sequence[str], shown: Sequence[str], options: Sequence[str]) -> None:
    """Note that the address says what is not there, for `frame` to say; until the page is left or another is chosen."""
    what = " and ".join(f"“{as_text(name)}”" for name in missing[:MOST_NAMED])
    instead = ", ".join(as_text(name) for name in shown[:MOST_NAMED])
    more = f" and {len(options) - MOST_NAMED} more" if len(options) > MOST_NAMED else ""
    there = f" There is {', '.join(as_text(name) for name in options[:MOST_NAMED])}{more}." if options else ""
    so = f"so this shows {instead}" if instead else "so it is left out"
    line = f"{as_text(label)}: there is no {what} here, {so}.{there}"
    say(key, line, shown)


def is_new(key: str) -> bool:
    """Whether the run before this one had another page, or this page without this picker."""
    return arrived() or key not in st.session_state


def note(key: str, values: list[str], whole: list[str] | None = None) -> None:
    """Note a choice for other pages, as the address writes it; nothing for the default, which `whole` has too."""
    present()[key] = values if whole is None else whole
    said = st.session_state.get(_UNKNOWN, {})
    if key in said and said[key][1] != present()[key]:  # the reader chose another since
        del said[key]
    if values:
        chosen()[key] = values
    else:
        chosen().pop(key, None)
