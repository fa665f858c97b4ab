"""Who may see the app: everybody, or, where `.streamlit/secrets.toml` has `[auth]`, only who has logged in.

Streamlit does the logging in (OpenID Connect); docs/deployment.md has an example. `[visitors]` with `emails` lets only
some of those in: addresses, or domains as in "@example.org".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

SETTINGS = {"client_kwargs"}
"""Tables of `[auth]` that are no provider."""


def require() -> None:
    """End the page with a way to log in, unless the visitor may see it."""
    logged_in = st.user.get("is_logged_in")
    if logged_in is None:  # the app has no [auth]
        return
    if not logged_in:
        st.title("neutral", anchor=False)
        st.markdown("This app is for visitors who have logged in.")
        for provider in _providers():
            name = f" with {provider}" if provider else ""
            st.button(f"Log in{name}", on_click=st.login, args=(provider,) if provider else ())
        st.stop()
    visitors = st.secrets.get("visitors")
    if not _invited(st.user, None if visitors is None else visitors.get("emails", ())):  # a slip of a key lets none in
        st.title("neutral", anchor=False)
        st.error("Your address is not on the list of this app's visitors; ask whoever runs it.")
        st.button("Log out", on_click=st.logout)
        st.stop()
    with st.sidebar:
        st.button("Log out", on_click=st.logout, icon=":material/logout:")


def _providers() -> list[str]:
    """The names of the providers that `[auth]` has; "" alone for one without a name."""
    auth = st.secrets.get("auth", {})
    named = [name for name, table in auth.items() if isinstance(table, Mapping) and name not in SETTINGS]
    return named or [""]


def _invited(user: Mapping, emails: Iterable[str] | None) -> bool:
    """Whether a list of addresses and domains has the user's address; without a list everybody is invited.

    >>> _invited({"email": "A@x.org"}, ["a@x.org"]), _invited({"email": "a@x.org"}, ["@x.org"])
    (True, True)
    >>> _invited({"email": "a@evil-x.org"}, ["@x.org"]), _invited({}, []), _invited({}, None)
    (False, False, True)
    """
    if emails is None:
        return True
    address = str(user.get("email") or "").lower()
    if not address or user.get("email_verified") is False:
        return False
    return any(address == entry.lower() or (entry[:1] == "@" and address.endswith(entry.lower())) for entry in emails)
