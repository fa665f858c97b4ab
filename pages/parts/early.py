"""What the first page needs, got ready while the visitor's browser loads Streamlit, and plotly while the page computes.

`streamlit run` imports nothing of an app before a visitor's page asks for it; then the page waits for a second, and for
another one until it has read its study. So the server begins as it starts. A page that asks before all is imported
waits here, so that its script and the import do not meet half way.

Streamlit's page loads plotly, its largest script, when the first figure has come. `fetch_plotly` asks for it before.
"""

from __future__ import annotations

import asyncio
import json
import logging
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Event, Thread

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

_FIRST = "pages.parts.overlap.overview"
_imported = Event()
_log = logging.getLogger("neutral.pages")


def _get_ready() -> None:
    try:
        first = import_module(_FIRST)
    except Exception as error:  # the page says it
        _log.debug("not ready early", exc_info=error)
        return
    finally:
        _imported.set()
    try:
        first.get_ready()
    except Exception as error:
        _log.debug("not ready early", exc_info=error)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Begin as the server starts, and show the page to who sits before the machine, as `streamlit run` does."""
    Thread(target=_get_ready, daemon=True, name="early").start()
    if not st.get_option("server.headless"):
        webbrowser.open(address())
    yield


def address() -> str:
    """Return the address of the app in a browser on this machine."""
    encrypted, place = st.get_option("server.sslCertFile"), st.get_option("server.baseUrlPath").strip("/")
    host = st.get_option("browser.serverAddress")
    return f"http{'s' * bool(encrypted)}://{host}:{st.get_option('server.port')}/{place}"


class Waiting:
    """Lets a page connect when all is imported; files are served at once."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; see ASGI."""
        if scope["type"] == "websocket" and not _imported.is_set():
            await asyncio.to_thread(_imported.wait)
        await self.app(scope, receive, send)


MIDDLEWARE = [Middleware(Waiting)]


@cache
def _plotly() -> str:
    """Return the name of the script in which Streamlit has plotly; "" where there is not just one such."""
    folder = Path(st.__file__).parent / "static" / "static" / "js"
    found = [path.name for path in folder.glob("PlotlyChart.*.js")]
    return found[0] if len(found) == 1 else ""


def fetch_plotly() -> None:
    """Let the browser load plotly while the page computes: a figure is to come."""
    if not _plotly():
        return
    st.html(
        f"""<script>
(() => {{
  const first = document.querySelector('script[type="module"][src*="/static/js/"]');
  if (first) import(new URL({json.dumps(_plotly())}, first.src).href).catch(() => {{}});
}})();
</script>""",
        unsafe_allow_javascript=True,
    )
