"""What is told of a run while it works: the bar, the file for other programs, and the stop that they ask for."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr

import pytest
from conftest import ROOT

from neutral.errors import FileError, NeutralError
from neutral.progress import Progress, StoppedError, file, heard
from neutral.progress.bar import Told
from neutral.progress.remaining import Remaining
from neutral.runs.units import Unit


def units(*costs, **more):
    return [Unit(("u", i), f"unit {i}", cost, **more) for i, cost in enumerate(costs)]


def told(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_file_says_all_that_is_promised_and_each_second_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(file, "EVERY", 0.02)
    path = tmp_path / "progress.json"
    with Progress("find", tmp_path / "study", quiet=True, file=path) as progress:
        first = told(path)
        assert (first["state"], first["units"]) == ("starting", {"done": 0, "total": 0, "before": 0})
        assert (first["rate"], first["seconds_left"], first["current"]) == (None, None, [])
        progress.found(1)
        one, other = units(100.0, 300.0)
        progress.expect([one, other])
        with progress.doing(one):
            pass
        with progress.doing(other) as tell:
            tell(1, 2)
            before = told(path)["updated"]
            deadline = time.monotonic() + 5
            while told(path)["updated"] <= before + 0.05:  # a long step: nobody tells, the file is written all the same
                assert time.monotonic() < deadline
                time.sleep(0.02)
            now = told(path)
    assert now["units"] == {"done": 2, "total": 3, "before": 1}
    assert now["work"] == {
        "done": 200.0 + 100.0 + 150.0,
        "total": 200.0 + 400.0,
    }  # earlier units count as the others do
    assert (now["state"], now["current"], now["command"]) == ("running", ["unit 1"], "find")
    assert now["study"] == str(tmp_path / "study")
    assert (now["pid"], now["failed"], now["message"]) == (os.getpid(), [], "")
    assert now["rate"] > 0
    assert now["seconds_left"] is None, "it is later than was reckoned from the first unit: nobody knows"
    last = told(path)
    assert (last["state"], last["current"], last["units"]["done"], last["seconds_left"]) == ("done", [], 3, 0.0)
    assert [each.name for each in tmp_path.iterdir()] == ["progress.json"], "no draft is left"


def test_what_is_left_is_reckoned_from_work_that_is_done_and_never_counts_up_meanwhile():
    now = [100.0]
    left = Remaining(lambda: now[0])
    left.mark(0.0, 2.0)
    said = []
    for second in range(1, 121):
        now[0] += 1
        if second in (60, 120):
            left.mark(second / 60, 2.0)
        said.append(left.seconds())
    assert said[:59] == [None] * 59, "nothing is known before anything is done"
    assert said[59:119] == [60.0 - passed for passed in range(60)]
    assert said[119] == 0.0
    slow = Remaining(lambda: now[0])
    slow.mark(0.0, 2.0)
    now[0] += 10
    slow.mark(1.0, 2.0)
    now[0] += 11
    assert slow.seconds() is None, "later than was reckoned"
    now[0] += 9
    slow.mark(1.5, 2.0)
    assert slow.seconds() == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (NeutralError("--ratio 9: too much"), "failed", "--ratio 9: too much"),
        (ValueError("a fault\nof ours"), "failed", "a fault (ValueError)"),
        (KeyboardInterrupt(), "stopped", "stopped; run the same command again to go on"),
        (StoppedError("stopped, as asked"), "stopped", "stopped, as asked"),
    ],
)
def test_the_file_says_how_a_run_ended_and_why(tmp_path, error, state, message):
    path = tmp_path / "progress.json"

    def run():
        with Progress("find", quiet=True, file=path) as progress:
            (unit,) = units(1.0)
            progress.expect([unit])
            with progress.doing(unit):
                raise error

    with pytest.raises(type(error)):
        run()
    now = told(path)
    assert (now["state"], now["message"], now["units"]["done"], now["current"]) == (state, message, 0, [])


def test_several_units_at_once_and_failed_ones_are_told(tmp_path):
    path = tmp_path / "progress.json"
    with Progress("find", quiet=True, file=path) as progress:
        one, other, third = units(1.0, 1.0, 2.0)
        progress.expect([one, other, third])
        first, second = progress.doing(one), progress.doing(other)
        first.__enter__()(1, 2)
        second.__enter__()
        assert progress.told()["current"] == ["unit 0", "unit 1"]
        first.__exit__(None, None, None)
        assert progress.told()["current"] == ["unit 1"]
        second.__exit__(None, None, None)
        progress.failed(third, "no\nmemory")
    now = told(path)
    assert now["failed"] == [{"unit": "unit 2", "why": "no memory"}]
    assert now["units"]["done"] == 2
    assert now["work"]["done"] == now["work"]["total"], "nothing is left that would be tried"


def test_a_unit_of_rounds_says_which_it_is_at():
    progress = Progress(quiet=True)
    (unit,) = units(10.0, rounds=range(2, 6))  # two were done before
    progress.expect([unit])
    with progress.doing(unit) as tell:
        assert progress.told()["current"] == ["unit 0, round 3 of 6"]
        tell(1, 4)
        assert progress.told()["current"] == ["unit 0, round 4 of 6"]
        tell(4, 4)
        assert progress.told()["current"] == ["unit 0, round 6 of 6"]


def test_a_file_that_cannot_be_written_is_no_error_and_said_once(tmp_path, capsys):
    with Progress("find", file=tmp_path / "no" / "progress.json"):
        pass
    assert capsys.readouterr().err.count("goes on without --json-progress") == 1
    gone = tmp_path / "gone"
    gone.mkdir()
    with Progress("find", file=gone / "progress.json") as progress:
        (gone / "progress.json").unlink()
        gone.rmdir()
        (unit,) = units(1.0)
        progress.expect([unit])
        with progress.doing(unit):
            pass
    assert progress.state == "done"


def test_one_bar_counts_units_and_moves_within_them():
    with redirect_stderr(io.StringIO()) as shown, Progress("find") as progress:
        one, other = units(1.0, 3.0)
        progress.expect([one, other])
        progress._bar.mininterval = 0
        with progress.doing(one):
            pass
        with progress.doing(other) as tell:
            tell(1, 2)
    lines = shown.getvalue().split("\r")
    assert any("unit 1:  62%" in line and "1 of 2 units" in line and "left" in line for line in lines)
    assert "100%" in lines[-1]
    assert "2 of 2 units" in lines[-1]


def test_behind_a_large_step_the_bar_shows_small_ones(monkeypatch, capsys):
    """As where most units were done by an earlier run."""
    with Told.of(quiet=False) as shown:
        now = [shown._time()]
        monkeypatch.setattr(shown, "_time", lambda: now[0])
        for share in (0.8, 0.81, 0.82):
            now[0] += 2
            shown.tell("unit", share, f"{share} done")
            assert f"{share} done" in capsys.readouterr().err


def test_quiet_shows_nothing(capsys):
    with Progress("find", quiet=True) as progress:
        progress.expect(units(1.0))
    assert capsys.readouterr().err == ""


def test_sigusr1_asks_for_a_stop_and_the_handler_goes_again():
    before = signal.getsignal(signal.SIGUSR1)
    progress = Progress(quiet=True)
    one, other = units(1.0, 1.0)
    progress.expect([one, other])
    with heard():
        with progress.doing(one):
            os.kill(os.getpid(), signal.SIGUSR1)
            with pytest.raises(StoppedError, match=r"^stopped, as asked, behind what is done of unit 0; run the same"):
                progress.require_going()
        with (
            pytest.raises(StoppedError, match="behind unit 0; run the same command again to go on"),
            progress.doing(other),
        ):
            pass
    assert signal.getsignal(signal.SIGUSR1) == before
    progress.require_going()  # the next run of this process was not asked


def test_another_thread_hears_no_signal_and_meets_no_error():
    seen = []

    def within():
        with heard():
            seen.append(signal.getsignal(signal.SIGUSR1))

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGUSR1)]


def test_a_killed_run_is_told_from_one_that_runs(tmp_path):
    path = tmp_path / "progress.json"
    code = (
        "import sys, time\nfrom neutral.progress import Progress\n"
        "with Progress('find', quiet=True, file=sys.argv[1]):\n    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout.readline() == b"ready\n"
        running = file.read(path)
        assert not file.is_dead(running)
        process.kill()
        process.wait()
    assert file.read(path)["state"] == "starting"
    assert file.is_dead(file.read(path))
    again = running | {"process": running["process"] | {"pid": os.getpid()}}  # its number was given to another process
    assert file.is_dead(again)
    assert not file.is_dead(running | {"state": "done"})
    elsewhere = running["process"] | {"host": "another"}
    assert not file.is_dead(running | {"process": elsewhere, "updated": time.time()})
    assert file.is_dead(running | {"process": elsewhere, "updated": time.time() - 2 * file.SILENT})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"state": 3}', '{"state": "odd"}', "\x00"])
def test_what_is_no_file_of_progress_is_refused_in_a_line(tmp_path, text):
    path = tmp_path / "progress.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match="progress"):
        file.read(path)
