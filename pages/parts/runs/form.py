"""The form of a new run: a few choices, the rest behind More. What can be asked is described by the command's plan."""

from __future__ import annotations

import streamlit as st

from neutral import home, options
from neutral.errors import NeutralError
from neutral.jobs import sources
from neutral.options import Described
from neutral.options.described import parts
from neutral.runs import plans
from neutral.study import Study
from pages.parts import catalogue, pickers
from pages.parts.runs import draft, fields, how, own_text, tables, words
from pages.parts.runs.fields import Form
from pages.parts.runs.how import How
from pages.parts.runs.request import Asked
from pages.parts.runs.words import INSIDE, KINDS

USUAL = {"find": {"method": "wanda", "halves": True, "controls": ["pretrained"]}}
"""What the form begins with where the plan begins otherwise: a run of minutes, with what its overlap is judged by."""

FIRST = ("method", "halves", "methods", "sparsities", "sparsity", "ratios", "controls", "baselines", "masks")
"""Options that are seen at once, beside the model, the text and the languages; the others are behind More."""


def draw() -> tuple[Asked | None, Form]:
    """Draw the form; return what is asked for, None for what cannot be, and the form, which says why then."""
    kind = _kind()
    command = _command(kind)
    filled = draft.given().get("fields") if draft.given().get("command") == command else None
    study = _study(command) if kind in words.FROM_STUDY else None
    of = f"-{study.path}" if study else ""  # another study has another model and text
    form = Form(f"{draft.key()}-{command}{of}", filled if isinstance(filled, dict) else {})
    if kind in words.FROM_STUDY and study is None:
        st.info(words.NO_MASKS)
        return None, form
    described = _asked_for(plans.COMMANDS[command])
    held, name_box = _sources(form, described, study)
    first = sorted((each for each in described if each.name in FIRST), key=lambda each: each.name != "method")
    for box, each in zip(st.columns(max(1, len(first)), vertical_alignment="bottom"), first, strict=False):
        with box:
            if fields.matters(each, held):
                held[each.name] = form.ask(each, **_begun(command, each, study))
    if command == "find" and (about := words.METHODS.get(str(held.get("method")))):
        st.caption(about)
    form.is_folded = True
    with st.expander("More", icon=":material/tune:"):
        _more(form, [each for each in described if each.name not in held], held)
        running = how.ask()
    with name_box:
        what = str(held.get("method") or kind) if kind == "masks" else kind
        name, typed = how.ask_name(str(study.path if study else held.get("model") or "study"), what, study)
    filled = {
        "command": command,
        "study": _name_of(study),
        "name": typed,
        "fields": form.filled,
        "how": running.filled,
    }
    draft.keep(filled)
    return _asked(command, form, study, name, running, filled), form


def _asked(command: str, form: Form, study: Study | None, name: str, running: How, filled: dict) -> Asked | None:
    """Return what the form asks for; of what cannot be, say why at the field that it is of."""
    problems = [*form.problems.values(), *running.problems]
    own = study is not None and tables.is_own(study)
    try:
        plan = options.from_values(plans.COMMANDS[command], form.values)
        arguments = tuple(options.arguments(plan))
        place = study.path.absolute() if own else home.study(name)
        if study is not None and not own and how.is_taken(place.name):
            problems.append(words.taken(place.name))
    except NeutralError as error:
        problems.append(str(error))
    for problem in problems:
        form.refuse(problem)
    if problems:
        return None
    origin = study.path.absolute() if study is not None and not own else None
    return Asked(command, arguments, place, origin, running.device, running.limits, filled)


def _asked_for(plan: type) -> list[Described]:
    """Return the options of a plan that the form has.

    It has none that the app's runs do not take, that only print otherwise, that name another study, or files; nor what
    is of no use without those, as what says how fine-tuning goes is without its data.
    """
    named = {each.name: each for each in options.fields(plan)}
    optional = [name for name, inner in parts(plan).items() if inner.optional and _needs_files(inner.cls)]
    return [
        each
        for each in named.values()
        if each.kind != "files"
        and each.flag not in (*sources.SET, *sources.REFUSED, "--format")
        and (each.name, each.kind) != ("masks", "folder")
        and each.path[0] not in optional
    ]


def _needs_files(part: type) -> bool:
    return any(each.required and each.kind == "files" for each in options.fields(part))


def _kind() -> str:
    offered = [name for name, kind in KINDS.items() if set(kind.commands) <= plans.COMMANDS.keys()]
    asked = draft.text("command", 40)
    given = words.kind_of(asked)
    if asked and given not in offered:
        draft.lost("What to do", asked, [KINDS[name].label for name in offered])
    kind = st.segmented_control(
        "What to do",
        offered,
        default=given if given in offered else offered[0],
        key=f"{draft.key()}-kind",
        required=True,
        format_func=lambda name: KINDS[name].label,
        persist_state="session",
    )
    st.caption(KINDS[kind].about)
    return kind


def _command(kind: str) -> str:
    commands = KINDS[kind].commands
    if len(commands) == 1:
        return commands[0]
    given = draft.text("command", 40)
    told = {"key": f"{draft.key()}-command", "format_func": INSIDE.__getitem__, "persist_state": "session"}
    index = commands.index(given) if given in commands else 0
    return st.radio("What to measure", commands, index=index, horizontal=True, **told)


def _study(command: str) -> Study | None:
    """Draw the choice of the study to start from; None if there is none."""
    studies = tables.studies_with(command)
    if not studies:
        return None
    names = list(studies)
    if (asked := draft.text("study", 300)) and asked not in names and draft.given().get("command") == command:
        draft.lost("Study", asked, names)
    looked_at = next((name for name in (draft.text("study", 300), pickers.studied()) if name in names), None)
    newest = max(
        filter(lambda name: tables.is_own(studies[name]), names),
        key=lambda name: _made(studies[name]),
        default=names[0],
    )
    told = {"key": f"{draft.key()}-study-{command}", "help": words.STUDY_HELP, "persist_state": "session"}
    name = st.selectbox("Study", names, index=names.index(looked_at or newest), **told)
    if not tables.is_own(studies[name]):
        st.caption(words.COPIED)
    return studies[name]


def _made(study: Study) -> float:
    try:
        return (study.path / "study.json").stat().st_mtime
    except OSError:
        return 0.0


def _name_of(study: Study | None) -> str:
    """Return what the app calls a study."""
    studies = catalogue.studies()[0] if study is not None else {}
    return next((name for name, each in studies.items() if each.path == study.path), "")


def _sources(form: Form, described: list[Described], study: Study | None) -> tuple[dict[str, object], object]:
    """Draw what is read: model, text, languages; return it, paths in the place of names, and where the name goes."""
    held: dict[str, object] = {}
    main = [each for each in described if each.group == "main" and each.kind in ("model", "folder")]
    if main:
        for box, each in zip(st.columns(len(main)), main, strict=True):
            with box:
                held[each.name] = _place(form, each, study)
    text = next((held[each.name] for each in main if each.kind == "folder"), None)
    spoken = [each for each in described if each.group == "main" and each.kind == "languages"]
    boxes = st.columns([2] * len(spoken) + [1 if spoken else 2, *([] if spoken else [1])])
    of_study = tuple(map(str, study.info.get("languages") or ())) if study else ()
    for box, each in zip(boxes, spoken, strict=False):
        of_text = tables.languages(str(text)) if text and each.name != "sources" else ()
        with box:
            held[each.name] = form.ask(each, offered=of_text or of_study)
    if text and (lost := tables.passed_over(str(text))):
        st.warning(words.passed_over(lost))
    if main and not tables.why_not() and (place := next((each for each in main if each.name == "text"), None)):
        own_text.offer(f"{form.key}-{place.name}")
    if main:
        st.caption(words.may_type(tables.is_online(), tables.own_roots()) if tables.places().whole else words.NOT_ALL)
    return held, boxes[len(spoken)]


def _place(form: Form, each: Described, study: Study | None = None) -> object:
    """Draw the choice of a model or a text, and return its path, or the id of the hub."""
    places = tables.places()
    names = places.models if each.kind == "model" else places.texts
    last = tables.last_used(study)
    found = [last.get(each.name) if each.required or len(last) == 2 else None]  # optional ones go together
    if each.required and each.kind == "model" and study:
        found.insert(0, words.named_like(study.info.get("model"), names))
    found.append(next((name for name, path in names.items() if path == str(each.default)), None))
    usual = next((name for name in found if name in names), next(iter(names), None) if each.required else None)
    name = form.ask(each, offered=list(names), usual=usual, help=words.place_help(each, tables.is_online()))
    path = names.get(str(name), name)
    if name and name not in names and (why := tables.refusal(str(name))):
        form.problems[each.flag] = words.not_allowed(each.flag, why, tables.own_roots())
    if each.name in form.values:
        form.values[each.name] = path
    return path


def _begun(command: str, each: Described, study: Study | None) -> dict[str, object]:
    """Return what a field begins with, and the choices that it has, where these are not the plan's."""
    usual = USUAL.get(command, {})
    return {"usual": usual[each.name]} if each.name in usual else _of_study(each, study)


def _of_study(each: Described, study: Study | None) -> dict[str, object]:
    """Return the methods that a study's masks were found by, to choose from; the usual one if it is among them."""
    had = [str(method) for method in study.info.get("methods") or ()] if study and each.name == "method" else []
    return {"offered": had, "usual": each.default if each.default in had else had[0]} if had else {}


def _more(form: Form, left: list[Described], held: dict[str, object]) -> None:
    """Draw the other options that matter, by their groups."""
    held |= {each.name: fields.as_filled(each, each.default) for each in left}
    files = tables.gguf_files(str(held.get("model") or ""))
    groups: dict[str, list[Described]] = {}
    for each in left:
        if each.kind != "file" or files:
            groups.setdefault("" if each.group in ("main", "more") else each.group, []).append(each)
    for group, members in groups.items():
        shown = 0
        for each in members:
            if not fields.matters(each, held):
                continue
            if not shown % 3:
                if group and not shown:
                    st.markdown(f"### {group[:1].upper()}{group[1:]}")
                columns = st.columns(3)
            with columns[shown % 3]:
                if each.kind in ("model", "folder"):
                    held[each.name] = _place(form, each)
                else:
                    held[each.name] = form.ask(each, offered=files if each.kind == "file" else ())
            shown += 1
