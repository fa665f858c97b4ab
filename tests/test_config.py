"""The app as it is shipped listens to this machine alone, tells visitors no secrets, and asks no other host."""

import re
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT

from benchmarks.server import started
from benchmarks.visitors import Visitor
from pages.parts import uploads

CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
CAREFUL = {
    "server.address": "localhost",
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.showEmailPrompt": False,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "viewer",
    "browser.gatherUsageStats": False,
    "browser.serverAddress": "localhost",
}


@pytest.mark.parametrize(("name", "value"), CAREFUL.items())
def test_the_config_is_a_careful_persons(name, value):
    section, option = name.split(".")
    assert CONFIG[section][option] == value


def test_every_option_is_one_that_this_streamlit_knows():
    from streamlit import config

    known = set(config.get_config_options())
    for section, options in CONFIG.items():
        if section != "theme":
            assert {f"{section}.{option}" for option in options} <= known


def test_the_browser_refuses_a_file_before_the_server_does():
    assert uploads.WIDGET_LIMIT_MB < CONFIG["server"]["maxUploadSize"] <= 1.5 * uploads.WIDGET_LIMIT_MB


def test_the_config_names_no_host_of_the_web():
    text = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert not re.search(r"https?://", text)


def test_the_docker_image_opens_the_server_and_says_so():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--server.address=0.0.0.0" in text
    assert "Whoever reaches the port" in text


@pytest.mark.long
def test_a_server_listens_to_this_machine_alone_and_watches_no_files(tmp_path):
    log = tmp_path / "log"
    with started(log=log) as server:
        visitor = Visitor(server.address)
        for page in ("overlap", "compression"):
            assert visitor.open(page).of("heading")
        port = f":{int(server.address.rpartition(':')[2]):04X}"
        tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
        rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
        listening = {row[1].partition(":")[0] for row in rows if row[1].endswith(port) and row[3] == "0A"}
        assert listening <= {"0100007F", "00000000000000000000000001000000"}  # 127.0.0.1, ::1
        assert listening
    said = log.read_text()
    assert "notify" not in said
    assert "External URL" not in said
    assert "Traceback" not in said
