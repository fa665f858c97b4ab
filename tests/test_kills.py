"""What commands leave in the end that were killed again and again: the short form of `benchmarks.kills`."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT

from benchmarks.kills import trial
from benchmarks.kills.__main__ import line

FORKED = "find|transfer$|typology|retrieve|represent|compress$|pretrain"  # not those whose workers import all anew


@pytest.mark.long
def test_twelve_kills_lose_nothing_double_nothing_and_leave_nothing():
    command = [sys.executable, "-m", "benchmarks.kills", "--kills", "12", "--minutes", "3", "--only", FORKED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in done.stdout.splitlines()[2:]]
    assert len(rows) == 9
    assert sum(int(row[2]) for row in rows) >= 6  # fewer than 12 on a machine that is too slow for its minutes


def test_what_is_different_after_kills_is_counted(tmp_path):
    whole, out, temporary = tmp_path / "whole", tmp_path / "out", tmp_path / "temporary"
    for folder in (whole, out, temporary):
        folder.mkdir()
    (tmp_path / "log").write_text("")
    (whole / "results.jsonl").write_text("a\nb\nb\nc\n")
    (out / "results.jsonl").write_text("a\na\nb\nd\n")
    for folder, created in ((whole, 1), (out, 2)):
        (folder / "study.json").write_text(f'{{"created": {created}, "notes": [{created}], "task": "mlm"}}')
        (folder / "README.md").write_text(f"0.{created} hours")
    (whole / "mask").write_bytes(b"1")
    (out / "mask").write_bytes(b"2")
    (out / ".mask.0123abcd.part").write_bytes(b"1")
    (temporary / "draft").write_bytes(b"")
    judged = trial.Trial.__new__(trial.Trial)
    judged.folder, judged.temporary, judged.tally = tmp_path, temporary, trial.Tally(SimpleNamespace(name="find"))
    judged.rows, judged.files = trial.rows(whole), trial.files(whole)
    judged._judge(out, 1)
    tally = judged.tally
    assert (tally.ends, tally.lost, tally.double) == (1, 2, 2)
    assert tally.wrong == {"exit code 1", "mask"}
    assert tally.left == {".mask.0123abcd.part", "temporary/draft"}
    assert not tally.is_clean
    assert line(tally) == "| find | 0.0 | 0 | 1 | 2 | 2 | 2 | 2 | 0 |"
