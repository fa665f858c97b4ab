"""Uploads that outlive their session: under a link in the address, until they are deleted or nobody uses them.

A session that made a link changes what is stored under it. One that came by a link has masks of its own: its first
change gives it a link of its own, and what others see under the old one stays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import uploads as shelf
from neutral.errors import NeutralError
from pages.parts import errors, leave, pickers, quota, sessions, uploads
from pages.parts.text import as_text

VARIABLE = "NEUTRAL_KEEP_UPLOADS"
DAYS = shelf.DAYS
KEY = "uploads"
"""The address's parameter."""

GONE = "The uploaded masks were deleted by somebody who has their link, or nobody used them for {days} days."
OFF = "This server stores no uploads, so they are gone when you reload the page or close it: take them home first."
LOST = "Their latest state is gone when you reload the page or close it: take them home first."
_STATE = "_stored"
_TOUCHED = 3600.0  # seconds between two notes that a link is used


@dataclass
class Link:
    """What a session knows of its stored uploads."""

    token: str = ""
    own: bool = False  # made by this session, which may change what is under it
    kept: list[tuple[str, str]] = field(default_factory=list)  # key and name of each mask as it is stored
    touched: float = 0.0
    tried: list[tuple[int, str]] = field(default_factory=list)  # what was stored, or could not be, last
    problem: str = ""  # why not


def is_on() -> bool:
    """Whether this server may store uploads: unless its owner said something else than on."""
    return os.environ.get(VARIABLE, "").strip().lower() in ("", "on")


def link() -> Link:
    """Return this session's link; one without a token if nothing of it is stored."""
    return st.session_state.setdefault(_STATE, Link())


def sync(notices: DeltaGenerator) -> None:
    """Find what the address names, store what the session has, and keep the link in the address: once a run."""
    known = link()
    _arrive(known, notices)
    if known.token and not shelf.exists(known.token):
        _forget(known)
        notices.warning(GONE.format(days=shelf.DAYS))
    _store(known)
    if known.token and time.time() - known.touched > _TOUCHED:
        shelf.touch(known.token)
        known.touched = time.time()
    _into_address(known.token)
    if uploads.accepted() and known.problem:
        leave.ask()


def _arrive(known: Link, notices: DeltaGenerator) -> None:
    """Take what is stored under the address's link into a session that has no masks yet."""
    token = str(st.query_params.get(KEY, ""))
    if not token or token == known.token or uploads.accepted():
        return
    if not is_on():
        notices.warning(f"This link leads to no masks: {OFF[0].lower()}{OFF[1:]}")
        return
    try:
        refused = _read(known, token)
    except NeutralError as error:
        line = errors.line(error)
        notices.warning(f"{line[:1].upper()}{line[1:]}.")
        return
    for problem in refused:
        notices.error(as_text(problem))


def _read(known: Link, token: str) -> list[str]:
    """Read the masks that a session has room for, and return a line for each of the others."""
    sizes = [(str(about.get("name")), about["packed"]) for about in shelf.stored(token)]
    with sessions.reading() as others:
        refused = quota.over(sizes, uploads.held(), others=others)
        entries = [entry for place, entry in enumerate(shelf.read(token)) if place not in refused]
    for entry in entries:  # nothing here lets Streamlit end the run half way
        uploads.restore(entry.key, entry.mask, entry.about)
    _set(known, token=token, kept=_now())
    return list(refused.values())


def _now() -> list[tuple[str, str]]:
    return [(upload.key, upload.name) for upload in uploads.accepted()]


def _store(known: Link) -> None:
    """Store the session's masks, if they are not what is stored."""
    masks = uploads.accepted()
    if known.token and _now() == known.kept:
        known.problem = ""
        return
    if not masks:
        if known.own:
            shelf.delete(known.token)
        _set(known)
        return
    tried = [(upload.number, upload.name) for upload in masks]
    if tried == known.tried:
        return
    known.tried, known.problem = tried, ""
    if not is_on():
        known.problem = OFF
    elif over := _over(masks):
        known.problem = over
    else:
        _write(known, masks)


def _write(known: Link, masks: Sequence[uploads.Upload]) -> None:
    new = [upload for upload in masks if not upload.key]
    for upload in new:
        upload.key = shelf.new_key()
    about = [{name: getattr(upload, name) for name in uploads.ABOUT} for upload in masks]
    entries = [shelf.Entry(u.key, u.mask, said) for u, said in zip(masks, about, strict=True)]
    token = known.token if known.own else shelf.new_token()
    like = "" if known.own else known.token
    try:
        shelf.write(token, entries, like=like, new=not known.own)
    except NeutralError as error:
        for upload in new:
            upload.key = ""
        why = getattr(error, "problem", str(error))  # without the folder, whose name is the link's
        known.problem = f"The server could not store the masks: {as_text(why)}. {LOST}"
        return
    _set(known, token=token, own=True, kept=_now(), touched=time.time())


def _over(masks: Sequence[uploads.Upload]) -> str:
    """Say that the disk's share for uploads is used up; "" while there is room."""
    shelf.remove_expired()
    new = [upload for upload in masks if not upload.key]
    size = sum(bits.nbytes for upload in new for bits in upload.mask.bits.values())
    used, most = shelf.used(), quota.on_disk()
    if not new or used + size <= most:
        return ""
    return f"The server could not store the masks: it keeps at most {quota.amount(most)} of uploads. {LOST}"


def delete() -> None:
    """Delete what is stored under this session's link, for everybody, and what the session holds."""
    known = link()
    shelf.delete(known.token)
    _forget(known)


def _forget(known: Link) -> None:
    uploads.drop_all()
    _set(known)


def _set(known: Link, **values: object) -> None:
    """Let a session's link be one of these values, and of the defaults for the others."""
    for name, value in vars(Link(**values)).items():
        setattr(known, name, value)


def _into_address(token: str) -> None:
    """Keep the link in this page's address and in those of all links to others; take a wrong one out."""
    if token:
        pickers.chosen()[KEY] = [token]
        if st.query_params.get(KEY) != token:
            st.query_params[KEY] = token
        return
    pickers.chosen().pop(KEY, None)
    if KEY in st.query_params:
        del st.query_params[KEY]


def address() -> str:
    """Return the page's address with the link alone, to be given to others."""
    page = str(getattr(st.context, "url", None) or "").partition("?")[0]
    return f"{page}?{KEY}={link().token}"
