"""How runs go: those at work, the queue, and what came of the others; drawn anew every two seconds while one runs."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from neutral import jobs
from neutral.errors import NeutralError
from neutral.jobs import Job
from neutral.jobs.records import AT_WORK, DONE, FAILED, STOPPING, WAITING
from pages.parts import errors, pickers
from pages.parts.runs import draft, progress, tables, words
from pages.parts.text import as_text

SECONDS = 2.0
"""Between two looks at a run."""

LINES = 40
"""Of the log that are shown."""

VIEW = "_runs_view"
"""Which half of the page is shown."""

_REFUSED, _OPENED, _KNOWN = "_runs_refused", "_runs_opened", "_runs_known"
_COMMAND = "$ neutral "  # how a log tells of a start


def open_log(id: str) -> None:
    """Let the address name a run, whose log is open then, when the page is drawn next."""
    st.session_state[_OPENED] = id


def board() -> None:
    """Show all runs, and look again every two seconds while one waits or is at work."""
    opened = _opened(st.session_state.pop(_OPENED, "") or st.query_params.get(draft.ONE, ""))
    draft.address(**({draft.ONE: opened} if opened else {}))
    jobs.wake()  # a supervisor that was killed leaves runs behind
    busy = is_busy(jobs.all_jobs())
    st.fragment(_board, run_every=SECONDS if busy else None)(busy)


def _opened(id: str) -> str:
    """Return the run whose log is open; "" for one that is not there, which is said of one that came with a link."""
    if not id or any(run.id == id for run in jobs.all_jobs()):
        st.session_state[_KNOWN] = id
        return id
    if id != st.session_state.get(_KNOWN):  # else it was removed here
        pickers.say_unknown("Run", draft.ONE, [id], [], [])
    return ""


def is_busy(runs: list[Job]) -> bool:
    """Whether any of some runs waits or is at work."""
    return any(run.state in (WAITING, *AT_WORK) for run in runs)


def _board(was_busy: bool) -> None:
    try:
        runs = jobs.all_jobs()
        if was_busy != is_busy(runs):
            st.rerun()  # the page looks again, or need not any more
        if refused := st.session_state.pop(_REFUSED, ""):
            st.error(_safe(refused))
        _all(runs)
    except Exception as error:  # Streamlit's own stop and rerun are none
        st.error(errors.line(error))


def _all(runs: list[Job]) -> None:
    errors.tell(jobs.problems(), st.container())
    if not runs:
        st.info(progress.NONE_YET)
    for run in (run for run in runs if run.state in AT_WORK):
        _card(run)
    devices = dict.fromkeys(run.device for run in runs if run.state == WAITING)
    _queue([run for device in devices for run in jobs.queue(device)])
    for run in (run for run in runs if run.state not in (WAITING, *AT_WORK)):
        _card(run)


def _queue(waiting: list[Job]) -> None:
    """Show what waits, in its order, which can be changed."""
    if not waiting:
        return
    with st.container(border=True, key="queue"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(progress.queue(len(waiting)))
            _button("Empty the queue", ":material/clear_all:", "empty", jobs.clear)
        for device in dict.fromkeys(run.device for run in waiting):
            members = [run for run in waiting if run.device == device]
            for place, run in enumerate(members):
                _waiting(run, place, len(members))


def _waiting(run: Job, place: int, count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
        st.markdown(progress.title(run))
        up, down, out = (f"{what}-{run.id}" for what in ("up", "down", "out"))
        move, last = jobs.move, place + 1 == count
        _button("", ":material/arrow_upward:", up, move, run.id, place - 1, off=not place, help="Earlier")
        _button("", ":material/arrow_downward:", down, move, run.id, place + 1, off=last, help="Later")
        _button("", ":material/close:", out, jobs.stop, run.id, help="Take it out of the queue")


def _card(run: Job) -> None:
    """Show a run: what it is, how it goes, what can be done with it, its log."""
    with st.container(border=True, key=f"run-{run.id}"):
        name, icon, colour = progress.STATES[run.state]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(progress.title(run))
            st.badge(name, icon=icon, color=colour)
        if run.state in AT_WORK:
            st.progress(progress.share(run), text=progress.going(run))
            for line in progress.current(run):
                st.caption(line)
        elif run.line:
            (st.error if run.state == FAILED else st.warning)(_safe(run.line))
        if run.state not in AT_WORK:
            st.caption(progress.ended(run))
        if run.state == STOPPING:
            st.caption(progress.STOPPING_NOW)
        if failed := progress.failed_units(run):
            with st.expander(f"Units that failed: {len(failed)}", icon=":material/warning:"):
                st.markdown("\n".join(f"- {line}" for line in failed))
        with st.container(horizontal=True, vertical_alignment="center"):
            _ways(run)
        _log(run)


def _ways(run: Job) -> None:
    """Offer what can be done with a run, and its result."""
    if run.state in AT_WORK:
        stopping = run.state == STOPPING
        label, icon = ("End at once", ":material/cancel:") if stopping else ("Stop", ":material/stop:")
        _button(label, icon, f"stop-{run.id}", jobs.stop, run.id, help=progress.STOP_HELP)
        return
    if run.state == DONE:
        _result(run)
    elif run.command:
        _button("Go on", ":material/play_arrow:", f"on-{run.id}", _go_on, run.id, help=progress.GO_ON_HELP)
    if run.request and _button("Change and run", ":material/edit:", f"again-{run.id}", _again, run.request):
        st.rerun()  # the form is no part of the fragment
    _button("Remove", ":material/delete:", f"remove-{run.id}", jobs.remove, run.id, help=progress.REMOVE_HELP)


def _result(run: Job) -> None:
    """Link to the page that shows what came of a run."""
    kind = words.KINDS[words.kind_of(run.command)] if words.kind_of(run.command) else None
    name = tables.in_app(run.study, "compression" if run.command == "compress" else None)
    if kind is None or not name:
        st.caption(progress.NOT_SHOWN)
        return
    st.page_link(kind.page, label=kind.link, icon=kind.icon, query_params=[(kind.parameter, name)])


def _log(run: Job) -> None:
    """Show the last lines of a run's log as they are, once the reader opens it."""
    opened = st.query_params.get(draft.ONE) == run.id or run.state == FAILED
    box = st.expander("Log", icon=":material/notes:", expanded=opened, key=f"log-{run.id}", on_change="rerun")
    if not box.open:
        return
    local = tables.is_local()
    with box:
        said = [line for line in run.log(LINES) if not line.startswith(_COMMAND)]  # the command stands below
        lines = [line if local else errors.without_paths(line) for line in said]
        st.code("\n".join(lines) or "Nothing yet.", language=None, wrap_lines=True)
        if run.command:
            st.caption("The same as a command:")
            st.code(run.shell if local else errors.without_paths(run.shell), language="sh", wrap_lines=True)


def _safe(line: str) -> str:
    return as_text(line if tables.is_local() else errors.without_paths(line))


def _go_on(id: str) -> None:
    jobs.go_on(id, local=tables.is_local())


def _again(request: dict) -> None:
    draft.fill(request)
    st.session_state[VIEW] = words.NEW


def _button(
    label: str,
    icon: str,
    key: str,
    action: Callable[..., object],
    *arguments: object,
    off: bool = False,
    help: str | None = None,
) -> bool:
    """Draw a button that does something with runs; what is refused is said above the runs when they are drawn next."""

    def act() -> None:
        try:
            if why := tables.why_not():
                raise NeutralError(why)
            action(*arguments)
        except NeutralError as error:
            st.session_state[_REFUSED] = str(error)

    return st.button(label, icon=icon, key=f"runs-{key}", disabled=off, help=help, on_click=errors.guarded(act))
