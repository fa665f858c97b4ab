"""Pickers whose value is in the address, so that a link restores the view.

A value that is the default is left out of the address, but not of the link that `links` offers to copy. What the
address says is read in `linked`; what is not there is said in a line, and the picker shows its default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from neutral import glossary, labels
from neutral.members import ORDERS, display
from neutral.overlap import Counts
from neutral.summary import MEASURES
from pages.parts import settings
from pages.parts.linked import (
    address,
    arrived,
    carried,
    chosen,
    is_new,
    note,
    pass_on,
    present,
    read_all,
    say,
    say_unknown,
    settled,
    start,
    studied,
    unknown,
    unsaid,
)
from pages.parts.text import as_text

__all__ = [  # with what the address says, which pages know from here
    "ALL_COMPONENTS",
    "ALL_LAYERS",
    "LONGEST",
    "MEASURE_NAMES",
    "SCORES",
    "TASKS",
    "WHOLE_LAYER",
    "about_measure",
    "address",
    "arrived",
    "carried",
    "chosen",
    "held",
    "note",
    "pass_on",
    "peek",
    "pick",
    "pick_drawn",
    "pick_found",
    "pick_measure",
    "pick_number",
    "pick_order",
    "pick_part",
    "pick_place",
    "pick_score",
    "pick_some",
    "pick_text",
    "pick_whether",
    "present",
    "read_all",
    "readable",
    "say_unknown",
    "settled",
    "start",
    "studied",
    "task_name",
    "unknown",
]

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
T = TypeVar("T")


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
        unsaid(key)
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
    if is_new(key) and key not in st.query_params and chosen().get(key):
        st.session_state[key] = st.query_params[key] = chosen()[key][0]
    elif is_new(key) and len(written := str(st.query_params.get(key, ""))) > LONGEST:
        line = f"{as_text(label)}: the link has more than {LONGEST} characters; this shows the first {LONGEST}."
        say(key, line, [written[:LONGEST]])
    value = st.text_input(label, default, key=key, max_chars=LONGEST, bind="query-params", help=help)
    note(key, [] if value == default else [value], [value])
    return value


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
