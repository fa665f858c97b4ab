"""What sessions leave behind: uploads come back as memory soon after a session ends, read or not.

Streamlit keeps a session for a while when its tab is closed, in case it comes back, and drops it only when another
comes or goes; an upload that arrives after its session's end it keeps for good. So a thread of the server looks every
few seconds, closes what has been gone for long enough, and lets no session's unread uploads grow beyond its limits.
It uses what Streamlit's runtime offers to any thread; what must run on the server's own loop is called there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from neutral import uploads as shelf
from neutral.memory import give_back
from pages.parts import quota

LOG = logging.getLogger("neutral.pages")
SECONDS = 2.0
"""Between two looks."""

_EXPIRED = 3600.0  # seconds between two looks for stored uploads that nobody uses any more


class Keeper:
    """Knows which sessions there are, and clears up behind them."""

    def __init__(self, server: runtime.Runtime, keep: float) -> None:
        self.server, self.keep = server, keep  # seconds that a session without a connection is kept
        self.loop: asyncio.AbstractEventLoop | None = None
        self.held: dict[str, quota.Held] = {}
        self.reading: set[str] = set()
        self.left_out: defaultdict[str, list[str]] = defaultdict(list)
        self._gone: dict[str, float] = {}  # since when

    @property
    def unread(self) -> dict[str, dict]:
        """Streamlit's store of uploads: session -> file -> record; empty if a release of it has another."""
        store = getattr(self.server.uploaded_file_mgr, "file_storage", None)
        return dict(store) if isinstance(store, dict) else {}

    def watch(self) -> None:
        """Look for ever."""
        expired = -_EXPIRED
        while True:
            time.sleep(SECONDS)
            try:
                if time.monotonic() - expired > _EXPIRED:
                    expired = time.monotonic()
                    shelf.remove_expired()
                if self.look(time.monotonic()):
                    time.sleep(SECONDS)  # the loop closes them meanwhile
                    give_back()
            except Exception:
                LOG.exception("Looking after sessions failed; the next look is in %g s", SECONDS)

    def look(self, now: float) -> bool:
        """Leave out unread uploads that are over a limit, and end what was gone too long: whether there was any."""
        for session, files in self.unread.items():
            if session not in self.reading:
                self._bound(session, files)
        ended = []
        for session in {*self.held, *self.unread}:
            if self.server.is_active_session(session):
                self._gone.pop(session, None)
            elif now - self._gone.setdefault(session, now) >= self.keep:
                ended.append(session)
        for session in ended:
            self._end(session)
        return bool(ended)

    def others(self, session: str) -> int:
        """Return the bytes of uploads that all sessions but one have in memory."""
        kept = sum(held.kept for one, held in list(self.held.items()) if one != session)
        unread = [list(files.values()) for one, files in self.unread.items() if one != session]
        return kept + sum(len(record.data) for records in unread for record in records)

    def _end(self, session: str) -> None:
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._close, session)
        else:  # no session has ended yet of which Streamlit told
            self.server.uploaded_file_mgr.remove_session_files(session)
        for known in (self.held, self.left_out, self._gone):
            known.pop(session, None)

    def _close(self, session: str) -> None:
        """Close a session, on the server's loop, where none can come back meanwhile."""
        if not self.server.is_active_session(session):
            self.server.close_session(session)
            self.server.uploaded_file_mgr.remove_session_files(session)

    def _bound(self, session: str, files: dict) -> None:
        records = list(files.values())
        named = [(one.name, len(one.data)) for one in records]
        over = quota.over(named, self.held.get(session, quota.Held()), others=self.others(session))
        for place, problem in over.items():
            self.server.uploaded_file_mgr.remove_file(session, records[place].file_id)
            self.left_out[session].append(problem)


@st.cache_resource(max_entries=1, show_spinner=False)
def _keeper() -> Keeper:
    keeper = Keeper(runtime.get_instance(), 0.8 * st.get_option("server.disconnectedSessionTTL"))
    threading.Thread(target=keeper.watch, name="neutral-sessions", daemon=True).start()
    return keeper


@st.cache_resource(scope="session", max_entries=1, show_spinner=False, on_release=lambda keeper: _ended(keeper))
def _of_session() -> Keeper:
    return _keeper()


def _ended(keeper: Keeper) -> None:
    """Note the server's loop, on which Streamlit releases what a session had when its connection ends."""
    with contextlib.suppress(RuntimeError):
        keeper.loop = asyncio.get_running_loop()


def note(held: quota.Held) -> list[str]:
    """Note what this session holds; return a line for each upload that was left out before it was read."""
    known = _here()
    if known is None:
        return []
    keeper, session = known
    keeper.held[session] = held
    return keeper.left_out.pop(session, [])


@contextlib.contextmanager
def reading() -> Iterator[int]:
    """Keep this session's uploads where they are while they are read; give the bytes that others have in memory."""
    known = _here()
    if known is None:
        yield 0
        return
    keeper, session = known
    keeper.reading.add(session)
    try:
        yield keeper.others(session)
    finally:
        keeper.reading.discard(session)


def _here() -> tuple[Keeper, str] | None:
    """The keeper and this session; None in a test, which has no server."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists() or not isinstance(runtime.get_instance(), runtime.Runtime):
        return None
    return _of_session(), context.session_id
