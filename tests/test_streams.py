"""What becomes of results that standard output does not take, and of messages that nobody can read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neutral import cli
from neutral.study import Study

ROOT = Path(__file__).parent.parent


@pytest.fixture
def study(tmp_path):
    return str(Study.create(tmp_path / "study", {"title": "A study", "languages": ["en"]}).path)


@pytest.fixture
def full():
    with open("/dev/full", "w") as stream:
        yield stream


@pytest.mark.parametrize("asked", ["study show", "--help", "--version"])
def test_results_on_a_full_disk_are_no_success(study, full, monkeypatch, capsys, asked):
    monkeypatch.setattr(sys, "stdout", full)
    command = [*asked.split(), study] if asked == "study show" else [asked]
    assert cli.main(command) == 2
    assert capsys.readouterr().err.startswith("neutral: standard output: no space is left on its disk; make room")


def test_results_that_their_reader_does_not_want_are_neither_success_nor_worth_a_line(study, monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main(["study", "show", study]) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("redirected", ["1>&-", "0<&- 1>&- 2>&-", "1>&- 2>/dev/full"])
def test_without_a_standard_output_nothing_is_begun(study, redirected):
    command = f"exec {sys.executable} -m neutral study show {study} {redirected}"
    done = subprocess.run(command, shell=True, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    if "2>" not in redirected:
        assert done.stderr.splitlines() == [
            "neutral: standard output is closed; send it to /dev/null if no result is wanted"
        ]


def test_messages_that_cannot_be_written_change_no_outcome(study, full, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", full)
    assert cli.main(["study", "show", study]) == 0
    assert "A study" in capsys.readouterr().out
    assert cli.main(["study", "show", f"{study}/none"]) == 2
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["study", "show", f"{study}/none"]) == 2
    assert capsys.readouterr().out == "", "messages are no results"
