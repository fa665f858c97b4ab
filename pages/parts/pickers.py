"""Pickers whose value is in the address, so that a link restores the view.

The address holds what a picker shows ("?measure=Jaccard&sparsity=50%25"); a value that is the default is left out,
but not of the link that `links` offers to copy. What an address says in other words (a language's code, for its name)
is understood; what is not there is said in a line, and the picker shows its default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import glossary, labels
from neutral.languages import language, matching
from neutral.members import ORDERS, display, speaker
from neutral.overlap import Counts
from neutral.summary import MEASURES
from pages.parts import settings
from pages.parts.text import as_text

MEASURE_NAMES = {
    "jaccard": "Jaccard",
    "dice": "Dice",
    "agreement": "Agreement",
    "phi": "Phi",
    "beyond": "Beyond pretrained",
}
LONGEST = 60
"""Characters of a text that is typed."""
TASKS = {
    "mlm": "masked language modelling",
    "clm": "language modelling",
    "ner": "named entities",
    "pos": "parts of speech",
    "nli": "inference",
    "xnli": "inference (XNLI)",
}

SCORES = {"metric": "Perplexity", "accuracy": "Accuracy"}

ALL_LAYERS, WHOLE_LAYER, ALL_COMPONENTS = "All layers", "Whole layer", "All components"

_NO_SETTINGS = ("show", "find")
_SPELLED = {True: "true", False: "false"}
_CHOSEN, _PAGE, _ARRIVED, _PRESENT, _UNKNOWN = "_chosen", "_page", "_arrived", "_present", "_unknown"
MOST_NAMED = 6
"""Options that the line about an unknown value names."""
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
    """Return the address that shows the present choices on another page, with some of its own."""
    choices = {**chosen(), **{key: [value] for key, value in more.items()}}
    return [(key, value) for key, values in choices.items() for value in values]


def studied() -> str:
    """Return the study of masks that the address or another page chose; "" for none."""
    return st.query_params.get("study") or next(iter(chosen().get("study", [])), "")


def pick(
    label: str,
    options: Sequence[T],
    key: str,
    *,
    default: T | None = None,
    names: Callable[[T], str] = str,
    help: str | None = None,
    told: bool = True,
) -> T:
    """Choose one of several; a single option draws no widget.

    Without `help` the glossary's line of the label is it. With `told` False the page says itself that the address names
    what is not there.
    """
    start_with = options.index(default) if default in options else 0
    held = carried(label, key, options, names, shown=[options[start_with]])
    if not told:
        st.session_state[_UNKNOWN].pop(key, None)
    if len(options) == 1:
        present()[key] = [names(options[0])]
        _say(label, names(options[0]), key)
        return options[0]
    if held:
        st.session_state[key] = held[0]
    value = st.selectbox(
        label,
        options,
        index=start_with,
        format_func=names,
        key=key,
        bind="query-params",
        help=help or glossary.of(label),
    )
    note(key, [] if value == options[start_with] else [names(value)], [names(value)])
    _say(label, names(value), key)
    return value


def held(options: Sequence[T], key: str, *, default: T, names: Callable[[T], str] = str) -> T:
    """Return what was chosen of several, on a page where the picker would change nothing; it is kept for others."""
    if key in st.query_params:
        note(key, st.query_params.get_all(key))
    by_name = {names(option): option for option in options}
    return next((by_name[name] for name in chosen().get(key, []) if name in by_name), default)


def peek(key: str, default: str) -> str:
    """Return what a picker that is drawn later has chosen, as it or the address writes it."""
    return str(st.session_state.get(key) or st.query_params.get(key) or next(iter(chosen().get(key, [])), default))


def _say(label: str, value: str, key: str) -> None:
    """Note what a picker shows for captions, unless it only finds or orders."""
    if key not in _NO_SETTINGS:
        settings.ask(label, value)


def pick_part(options: Sequence[str], key: str) -> str:
    """Choose which part of a page to show."""
    if held := carried("Part", key, options, str, shown=options[:1]):
        st.session_state[key] = held[0]
    value = st.segmented_control(
        "Part", options, default=options[0], key=key, required=True, bind="query-params", label_visibility="collapsed"
    )
    note(key, [] if value == options[0] else [value], [value])
    settings.ask("Part", value)
    return value


def pick_some(label: str, options: Sequence[str], key: str, *, default: Sequence[str]) -> list[str]:
    """Choose several of a few; they come in the order of the options."""
    if held := carried(label, key, options, str, shown=default):
        st.session_state[key] = held
    picked = st.pills(
        label,
        options,
        selection_mode="multi",
        format_func=as_text,
        default=list(default),
        key=key,
        bind="query-params",
        help=glossary.of(label),
    )
    note(key, [] if set(picked) == set(default) else list(picked), list(picked) or [""])
    return [option for option in options if option in picked]


def pick_number(label: str, options: Sequence[float], key: str, *, default: float, help: str | None = None) -> float:
    """Choose a number by dragging."""
    names = "{:g}".format
    if held := carried(label, key, options, names, shown=[default]):
        st.session_state[key] = held[0]
    value = st.select_slider(
        label,
        options,
        value=default,
        format_func=names,
        key=key,
        bind="query-params",
        help=help or glossary.of(label),
    )
    note(key, [] if value == default else [names(value)], [names(value)])
    settings.ask(label, names(value))
    return value


def pick_whether(label: str, key: str) -> bool:
    """Choose yes or no; no is the default."""
    carried(label, key, [True, False], _SPELLED.__getitem__, shown=[False])
    value = st.toggle(label, key=key, bind="query-params")
    note(key, [_SPELLED[True]] if value else [], [_SPELLED[value]])
    return value


def pick_text(label: str, key: str, *, default: str, help: str | None = None) -> str:
    """Type a short text."""
    if _is_new(key) and key not in st.query_params and chosen().get(key):
        st.session_state[key] = st.query_params[key] = chosen()[key][0]
    elif _is_new(key) and len(written := str(st.query_params.get(key, ""))) > LONGEST:
        line = f"{as_text(label)}: the link has more than {LONGEST} characters; this shows the first {LONGEST}."
        st.session_state[_UNKNOWN][key] = (line, [written[:LONGEST]])
    value = st.text_input(label, default, key=key, max_chars=LONGEST, bind="query-params", help=help)
    note(key, [] if value == default else [value], [value])
    return value


def carried(
    label: str, key: str, options: Sequence[T], names: Callable[[T], str], *, shown: Sequence[T] = ()
) -> list[T]:
    """Return what the page before this one chose, or what the address says in other words; [] for neither.

    Streamlit carries a bound value to another page only once its page has run twice; a value that came with a link
    would be lost. A value in the link to this page goes first, and Streamlit reads it itself if it is one of the names.
    A picker that was not there for a while gets back what it had. What is not among the options is said: `shown` is
    what the page then shows.
    """
    if not _is_new(key):
        return []
    linked = st.query_params.get_all(key)
    written = [name for name in linked or chosen().get(key, []) if name]
    held = read_all(label, key, written, options, names, shown=shown)
    if linked and set(written) <= set(map(names, options)):
        return []
    if held and not linked:
        st.query_params[key] = [names(option) for option in held]
    return held


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
    st.session_state.setdefault(_UNKNOWN, {})[key] = (line, list(shown))


def _is_new(key: str) -> bool:
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


def pick_measure(kinds: Sequence[str]) -> str:
    """Choose a measure; `beyond` is offered if the study has counts for it."""
    offered = [m for m in MEASURES if m != "beyond" or "beyond" in kinds]
    return pick("Measure", offered, "measure", names=MEASURE_NAMES.__getitem__)


def about_measure(measure: str) -> str:
    """Say what a measure is."""
    line = glossary.line(measure)
    return f"{MEASURE_NAMES[measure]}: {line if line.startswith('Jaccard') else line[:1].lower() + line[1:]}"


def pick_score(offered: Sequence[str]) -> str:
    """Choose by what language modelling is scored, if results have more than the task's own metric."""
    return pick("Scored by", offered, "scored", names=SCORES.__getitem__)


def pick_order() -> str:
    """Choose the order of rows and columns."""
    return pick("Order", ORDERS, "order", names=str.capitalize)


def pick_found(members: Sequence[str]) -> str:
    """Choose a member to be marked in a figure of many; "" for none."""
    return pick(
        "Find a language",
        ["", *members],
        "find",
        names=lambda member: display(member) if member else "–",
        help="Frames its row and its column; there a click shows the pair, however small the cells are.",
    )


def pick_drawn(members: Sequence[str], most: int) -> list[str]:
    """Choose members that have lines of their own where there are too many for all."""
    if held := carried("Lines of", "drawn", members, display):
        st.session_state["drawn"] = held
    picked = st.multiselect(
        "Lines of",
        members,
        format_func=display,
        key="drawn",
        bind="query-params",
        max_selections=most,
        placeholder="Families",
        help="Of many languages, families are drawn: their median and range. These languages have lines as well.",
    )
    note("drawn", [display(member) for member in picked])
    return picked


def pick_place(counts: Counts) -> tuple[str, str]:
    """Choose a layer, one of its experts if it has some, and a component; returns (by, group) for `Counts`."""
    stacks = counts.groups("stack")
    layers = [*(stacks if len(stacks) > 1 else []), *counts.groups("layer")]
    with_experts = labels.has_experts(counts.tensors)
    left, right = st.columns([1, 2] if with_experts else 2)
    with left:
        layer = pick("Layer", [ALL_LAYERS, *layers], "layer", names=str.capitalize)
    if layer in stacks:
        return "stack", layer
    place, by = ("", "all") if layer == ALL_LAYERS else (layer, "layer")
    if place and with_experts:
        middle, right = right.columns(2)
        parts = [group.part for group in map(labels.parsed, counts.groups("expert")) if group.layer == layer]
        with middle:
            part = pick("Expert", [WHOLE_LAYER, *filter(None, parts)], "expert", names=str.capitalize)
        if part != WHOLE_LAYER:
            place, by = f"{layer} {part}", "expert"
    components = _components(counts, place)
    _take_former("component", components)
    with right:
        component = pick("Component", [ALL_COMPONENTS, *components], "component", names=readable)
    if component == ALL_COMPONENTS:
        return by, place or labels.WHOLE
    if not place:
        return "component", component
    return "layer-component", f"{place.removesuffix(f' {labels.OUTSIDE}')} {component}"


def _components(counts: Counts, place: str) -> list[str]:
    """Return the components that lie in a layer or in one of its experts; those of the whole network for ""."""
    if not place:
        return counts.groups("component")
    prefix = place.removesuffix(labels.OUTSIDE).rstrip() + " "
    inside = [group.removeprefix(prefix) for group in counts.groups("layer-component") if group.startswith(prefix)]
    return [component for component in inside if "expert" not in component]


def _take_former(key: str, components: Sequence[str]) -> None:
    """Let an address that has a component by its former name choose what it is called now, if it is offered."""
    written = str(st.query_params.get(key, "")).lower()
    now = labels.renamed(written)
    if key not in st.session_state and now != written:
        offered = [component for component in (now, f"gate_{now}") if component in components]
        if offered:
            st.session_state[key] = offered[0]


def readable(group: str) -> str:
    """Write a group of weights as people do: "Encoder 3 attention output"."""
    words = group.replace("_", " ")
    return words[:1].upper() + words[1:]


def task_name(task: str) -> str:
    """Return a task's name for people, as a heading."""
    known = TASKS.get(task, task)
    return known[:1].upper() + known[1:]
