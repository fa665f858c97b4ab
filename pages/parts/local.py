"""Whether visitors may make the server write and work: whoever can open the page could."""

from __future__ import annotations

import os

import streamlit as st

VARIABLE = "NEUTRAL_RUNS"
_HERE = ("localhost", "127.0.0.1", "::1")


def may_write() -> bool:
    """Whether studies may be made from pages: where only this machine can open them, or NEUTRAL_RUNS is on."""
    said = os.environ.get(VARIABLE, "").strip().lower()
    return said == "on" or (said != "off" and is_alone())


def is_alone() -> bool:
    """Whether only this machine can open the pages."""
    return st.get_option("server.address") in _HERE
