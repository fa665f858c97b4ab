"""Where secrets.toml has [auth], nothing is shown before a visitor has logged in."""

import pytest
import streamlit as st
from apppages import text
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from pages.parts.frame import PAGES


def opened(page, user, **secrets):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.user = user
    at.secrets.update(secrets)
    if page != "app.py":
        at.switch_page(page)
    at.run()
    assert not at.exception
    return at


@pytest.mark.parametrize("page", [path for path, _, _ in PAGES])
def test_a_page_shows_nothing_but_the_way_to_log_in(page):
    at = opened(page, {"is_logged_in": False}, auth={"redirect_uri": "https://x.org/oauth2callback"})
    assert [title.value for title in at.title] == ["neutral"]
    assert [button.label for button in at.button] == ["Log in"]
    assert not at.sidebar.children
    assert not at.selectbox
    assert not at.get("file_uploader")
    assert text(at).count("\n") == 1


def test_each_provider_has_its_button():
    auth = {"redirect_uri": "x", "client_kwargs": {"prompt": "login"}, "google": {"client_id": "a"}, "okta": {}}
    at = opened("pages/masks.py", {"is_logged_in": False}, auth=auth)
    assert [button.label for button in at.button] == ["Log in with google", "Log in with okta"]


def test_who_has_logged_in_sees_the_page_and_can_log_out(monkeypatch):
    left = []
    monkeypatch.setattr(st, "logout", lambda: left.append(1))
    at = opened("pages/masks.py", {"is_logged_in": True, "email": "a@x.org"}, auth={"redirect_uri": "x"})
    assert at.title[0].value == "Your masks"
    at.sidebar.button[0].click().run()
    assert left == [1]


@pytest.mark.parametrize(("email", "title"), [("a@x.org", "Your masks"), ("a@y.org", "neutral")])
def test_a_list_of_visitors_keeps_others_out(email, title):
    user = {"is_logged_in": True, "email": email}
    at = opened("pages/masks.py", user, auth={"redirect_uri": "x"}, visitors={"emails": ["@x.org"]})
    assert at.title[0].value == title


def test_a_table_of_visitors_whose_key_has_a_slip_lets_nobody_in():
    user = {"is_logged_in": True, "email": "a@x.org"}
    at = opened("pages/masks.py", user, auth={"redirect_uri": "x"}, visitors={"email": ["@x.org"]})
    assert at.title[0].value == "neutral"
    assert "not on the list" in at.error[0].value


def test_without_auth_everybody_sees_the_page():
    assert opened("pages/masks.py", {}).title[0].value == "Your masks"
