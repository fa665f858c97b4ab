"""A visitor of the app without a browser: Streamlit's own messages over its own connection.

A browser for each of twenty visitors would take more than two cores; this takes next to nothing, and its times are the
server's: from a request until the page's script has ended and all that it sent has arrived.
"""

from __future__ import annotations

import time
import urllib.request
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

WAIT = 600.0
"""Seconds that a page may take where other programs have the processors."""


@dataclass
class Page:
    """What arrived of a run of a page's script."""

    elements: list[Element] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, kind: str) -> list[Any]:
        """Return the elements of a kind, such as "selectbox"."""
        return [getattr(element, kind) for element in self.elements if element.WhichOneof("type") == kind]

    def holds(self, text: str) -> bool:
        """Whether a text is anywhere in what the server sent."""
        return any(text.encode() in message for message in self.raw)


class Visitor:
    """One tab: it opens pages, changes widgets, uploads files, goes away and comes back."""

    def __init__(self, address: str) -> None:
        self.address, self.session = address, ""
        self._pages: dict[str, str] = {}
        self._page, self._query, self._states = "", "", {}
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=WAIT) as answer:
            cookie = answer.headers.get("Set-Cookie", "")
        self._token = cookie.partition(";")[0].partition("=")[2]
        self._cookie = cookie.partition(";")[0]
        self.first = self._connect()

    def _connect(self) -> Page:
        self._open = ExitStack()
        opening = connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=["streamlit", self._token or "none", *([self.session] if self.session else [])],
            origin="://".join(urlsplit(self.address)[:2]),
            additional_headers={"Cookie": self._cookie},
            max_size=None,
            open_timeout=WAIT,
        )
        self._socket = self._open.enter_context(opening)
        return self.run()

    def leave(self) -> None:
        """Close the connection, as a tab that is closed does."""
        self._open.close()

    def come_back(self) -> Page:
        """Connect again to the same session, as a tab does whose network was away."""
        return self._connect()

    def open(self, path: str, query: str = "") -> Page:
        """Open a page: "" is the first one, else its name in the address."""
        self._page, self._states, self._query = self._pages[path] if path else "", {}, query
        return self.run()

    def change(self, **state: Any) -> Page:
        """Set a widget's state (`id` and a value of Streamlit's `WidgetState`) and run the page again."""
        self._states[state["id"]] = WidgetState(**state)
        return self.run()

    def run(self) -> Page:
        """Run the page's script; return what came."""
        asked = BackMsg()
        asked.rerun_script.query_string = self._query
        asked.rerun_script.page_script_hash = self._page
        asked.rerun_script.widget_states.widgets.extend(self._states.values())
        return self._answer(asked)

    def _answer(self, asked: BackMsg) -> Page:
        began, page = time.perf_counter(), Page()
        self._socket.send(asked.SerializeToString())
        while True:
            data = self._socket.recv(timeout=WAIT)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id
                self._page = message.new_session.page_script_hash
                page.elements.clear()
            if kind in ("new_session", "navigation"):
                pages = getattr(message, kind).app_pages
                self._pages |= {one.url_pathname: one.page_script_hash for one in pages}
            page.raw.append(data)
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                page.elements.append(message.delta.new_element)
            if kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                page.seconds = time.perf_counter() - began
                return page

    def send(self, files: dict[str, bytes]) -> list[dict[str, Any]]:
        """Upload files without telling the page; return what the uploader's state says of each."""
        asked = BackMsg()
        asked.file_urls_request.request_id = uuid.uuid4().hex
        asked.file_urls_request.session_id = self.session
        asked.file_urls_request.file_names.extend(files)
        self._socket.send(asked.SerializeToString())
        while True:
            message = ForwardMsg.FromString(self._socket.recv(timeout=WAIT))
            if message.WhichOneof("type") == "file_urls_response":
                break
        uploads = []
        for (name, data), urls in zip(files.items(), message.file_urls_response.file_urls, strict=True):
            self._put(urls.upload_url, name, data)
            uploads.append({"name": name, "size": len(data), "file_id": urls.file_id, "file_urls": urls})
        return uploads

    def _put(self, path: str, name: str, data: bytes) -> None:
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        request = urllib.request.Request(
            f"{self.address}{urlsplit(path).path}",
            data=b"".join([head, data, f"\r\n--{mark}--\r\n".encode()]),
            method="PUT",
            headers={
                "Content-Type": f"multipart/form-data; boundary={mark}",
                "Cookie": self._cookie,
                "X-Xsrftoken": self._token,
            },
        )
        urllib.request.urlopen(request, timeout=WAIT).close()

    def upload(self, page: Page, files: dict[str, bytes]) -> Page:
        """Upload files through a page's uploader, and run the page with them."""
        return self.change(
            id=page.of("file_uploader")[0].id, file_uploader_state_value={"uploaded_file_info": self.send(files)}
        )
