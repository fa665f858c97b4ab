"""`neutral app`: what is started, what is refused; the last line of a command says what shows its study."""

import argparse
import os
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import apppages
import hostile
import pytest
from conftest import ROOT

from neutral import cli, home
from neutral.cli import app, options
from neutral.errors import NeutralError
from neutral.runs import plans
from pages.parts import catalogue
from pages.parts.frame import PAGES

BUNDLED = ROOT / "data" / "studies"


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A folder of three small studies."""
    folder = tmp_path_factory.mktemp("studies")
    for name in ("decoder", "encoder", "two"):
        hostile.sound(folder / name)
    return folder


def started(*words, **environment):
    """What the command starts: its words and what it sets in the environment."""
    chosen = argparse.Namespace()
    cli._parser().parse_args(["app", *words], chosen)
    line, after = app.start(chosen, environment)
    return line, after


def test_the_app_is_started_with_its_own_settings():
    line, environment = started("--port", "8600", "--address", "0.0.0.0")
    assert line[:2] == [sys.executable, "-P"]
    assert line[2:] == [
        *("-m", "streamlit", "run", str(ROOT / "app.py")),
        *("--server.port", "8600", "--server.address", "0.0.0.0"),
    ]
    assert environment == {}
    assert (Path(line[5]).parent / ".streamlit" / "config.toml").is_file()  # which Streamlit reads beside the script


def test_studies_and_folders_become_absolute_and_come_before_those_of_the_environment(studies, monkeypatch):
    monkeypatch.chdir(studies)
    _, environment = started("--studies", "two", ".", "--folders", ".", NEUTRAL_STUDIES="/more", NEUTRAL_FOLDERS="/x")
    assert environment == {"NEUTRAL_STUDIES": f"{studies}/two:{studies}:/more", "NEUTRAL_FOLDERS": str(studies)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--studies", "{}"], "is no study"),
        (["--studies", "{}/none"], "no such folder"),
        (["--studies", "{}/file"], "no such folder"),
        (["--folders", "{}/none"], "no such folder"),
        (["--studies", "{}/a:b"], "has a : in its path"),
        (["--port", "0"], "is no port"),
        (["--port", "70000"], "is no port"),
        (["--port", "x"], "invalid int"),
    ],
)
def test_what_is_no_study_no_folder_and_no_port_is_refused_in_a_line(tmp_path, capsys, words, said):
    (tmp_path / "file").touch()
    (tmp_path / "a:b").mkdir()
    assert cli.main(["app", *(word.replace("{}", str(tmp_path)) for word in words)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_package_without_the_pages_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(app, "_PAGES", tmp_path / "app.py")
    assert cli.main(["app"]) == 2
    assert "get the repository" in capsys.readouterr().err


def test_without_streamlit_it_is_said_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    assert cli.main(["app"]) == 2
    assert "pip install streamlit" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["plain", "with spaces & 'quotes'", "हिन्दी", "relative", "bundled", "home"])
def test_the_last_line_of_a_command_is_one_that_shows_the_study(where, studies, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    study = {"bundled": BUNDLED / "mini-mbert-mlm", "home": tmp_path / "home" / "studies" / "x"}.get(
        where, tmp_path / where
    )
    if where != "bundled":
        study.parent.mkdir(parents=True, exist_ok=True)
        study.symlink_to(studies / "two")
    monkeypatch.chdir(study.parent)
    options.done(study.name if where == "relative" else study, argparse.Namespace(quiet=False))
    words = shlex.split(capsys.readouterr().err.split("`")[1])
    assert words == ["neutral", "app", "--studies", str(study)]
    monkeypatch.chdir("/")  # whatever folder one is in then
    _, environment = started(*words[2:])
    monkeypatch.setenv(catalogue.VARIABLE, environment["NEUTRAL_STUDIES"])
    shown, broken = catalogue.studies()
    assert not broken
    assert [name for name, each in shown.items() if each.path.resolve() == study.resolve()] == [catalogue.first(shown)]


def test_the_page_that_a_last_line_names_is_in_the_menu():
    parsers = cli._parser()._subparsers._group_actions[0].choices
    named = {command: parsers[command].get_default("run").keywords["page"] for command in plans.COMMANDS}
    assert {page for page in named.values() if page} <= {label for _, label, _ in PAGES}
    assert [command for command, page in named.items() if not page] == ["find", "pretrain"]  # Overview; no study


def test_the_study_that_was_named_is_shown_first(studies, tmp_path, monkeypatch):
    apppages.only(studies, tmp_path, monkeypatch)
    assert apppages.opened("pages/overlap.py").selectbox(key="study").value == "decoder"
    monkeypatch.setenv(catalogue.VARIABLE, f"{studies}:{studies / 'two'}")
    assert apppages.opened("pages/overlap.py").selectbox(key="study").value == "two"


def test_the_apps_own_studies_come_after_the_bundled_and_before_those_that_are_named(studies, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "BUNDLED", tmp_path / "bundled")
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    for folder, name in (("bundled", "one"), ("home/studies", "own"), ("named", "more")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).symlink_to(studies / {"one": "two", "own": "encoder", "more": "decoder"}[name])
    monkeypatch.setenv(catalogue.VARIABLE, f"{tmp_path / 'named'}:{tmp_path / 'home' / 'studies'}")
    assert list(catalogue.studies()[0]) == ["one", "own", "more"]


@pytest.mark.long
def test_the_command_starts_the_app(studies, tmp_path):
    import socket
    import time

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "neutral", "app", "--studies", str(studies), "--port", str(port)]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    environment = os.environ | {"PYTHONPATH": path, "STREAMLIT_SERVER_HEADLESS": "true"}
    process = subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        answer = ""
        while answer != "ok" and time.monotonic() < end and process.poll() is None:
            try:
                answer = urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1).read().decode()
            except OSError:
                time.sleep(0.1)
        assert answer == "ok"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_mistake_is_told_from_a_study_before_anything_is_started(tmp_path):
    with pytest.raises(NeutralError):
        started("--studies", str(tmp_path))
