"""The supervisor carries out the queue; killed, it loses no run and none is run twice; runs keep to their limits."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise

import fakerun
import pytest
from conftest import ROOT

from neutral import home, jobs
from neutral.errors import NeutralError
from neutral.jobs import launch, records, supervision
from neutral.processes import Process
from neutral.study import Study
from neutral.writers import read_at

MODEL = str(ROOT / "data" / "models" / "mini-mbert")
ENDED = ("stopped", "failed", "done", "interrupted")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A home of its own, and a supervisor that starts `fakerun` in place of `neutral`."""
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(supervision, "COMMAND", fakerun.supervisor())
    for name in ("NEUTRAL_RUNS", "NEUTRAL_FOLDERS", "NEUTRAL_RUN_TIME", "NEUTRAL_RUN_MEMORY", "NEUTRAL_RUN_THREADS"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path / "home"
    supervision.COMMAND = ("true",)
    jobs.clear()
    for each in jobs.all_jobs():
        if each.recorded.process:
            each.recorded.process.kill()
    wait(lambda: not supervision.is_alive())


def wait(what, seconds=20.0):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.02)
    assert what()


def add(deeds, device="cpu", name="a", limits=None):
    """A run that does what its title says, for `fakerun`."""
    arguments = ["--model", MODEL, "--title", deeds]
    settings = {"limits": limits or jobs.Limits(), "request": {}}
    return jobs.add("find", arguments, study=home.study(name), name=deeds, device=device, **settings)


def state(run):
    return jobs.get(run.id).state


def reach(run, *states):
    wait(lambda: state(run) in states)
    return jobs.get(run.id)


def without_supervisor():
    """Kill the supervisor, and another that was started beside it and takes over."""
    until = time.monotonic() + 1.5
    while time.monotonic() < until or supervision.is_alive():
        writer = read_at(supervision.place() / ".writer")
        process = Process.of(writer.pid) if writer else None
        if process:
            process.signal(signal.SIGKILL)
        time.sleep(0.02)


def begun(name="a"):
    """What was begun on a study, in order."""
    return (home.study(name) / "begun").read_text().splitlines()


def test_runs_go_in_order_one_at_a_time_and_the_supervisor_ends_with_the_last():
    runs = [add(f"sleep 0.{number}") for number in (3, 2, 1)]
    assert all(reach(each, "done").state == "done" for each in runs)
    assert begun() == ["sleep 0.3", "sleep 0.2", "sleep 0.1"]
    shown = [jobs.get(each.id) for each in runs]
    assert all(one.ended <= two.began for one, two in pairwise(shown))
    assert shown[0].progress["state"] == "done"
    assert shown[0].log()[0] == f"$ {shown[0].shell}"
    wait(lambda: not supervision.is_alive())


def test_a_run_that_is_ended_before_it_begins_takes_no_supervisor_with_it(monkeypatch):
    monkeypatch.setattr(supervision, "COMMAND", ("true",))
    begun = launch.started(add("sleep 0"))
    begun.child.kill()
    begun.child.wait()
    begun.begin()


@pytest.mark.long
def test_each_device_has_a_run_at_once_and_the_others_wait():
    a, b, c = add("sleep 30", "cpu"), add("sleep 30", "cuda:0", "b"), add("sleep 30", "cpu", "c")
    reach(a, "running"), reach(b, "running")
    assert state(c) == "waiting"
    wait(lambda: jobs.get(a.id).progress and jobs.get(b.id).progress)
    for each in (c, a, b):
        jobs.stop(each.id)
        assert reach(each, "stopped").line == ""


@pytest.mark.long
def test_a_run_on_whatever_device_is_alone():
    first, second, third = add("sleep 0.5", "auto"), add("sleep 0.5", "cpu", "b"), add("sleep 0", "auto", "c")
    for each in (first, second, third):
        reach(each, "done")
    shown = [jobs.get(each.id) for each in (first, second, third)]
    assert all(one.ended <= two.began for one, two in pairwise(shown))


ADD = """
import os, signal
import fakerun
from neutral import home, jobs
from neutral.jobs import supervision
supervision.COMMAND = fakerun.supervisor()
settings = {"name": "left", "device": "cpu", "limits": jobs.Limits(), "request": {}}
jobs.add("find", ["--title", "sleep 1"], study=home.study("left"), **settings)
while not supervision.is_alive():
    pass
os.killpg(0, signal.SIGKILL)
"""


def test_a_run_outlives_the_server_that_started_it_and_another_sees_it():
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    server = subprocess.run(
        [sys.executable, "-c", ADD], start_new_session=True, env=os.environ | {"PYTHONPATH": path}, timeout=60
    )
    assert server.returncode == -signal.SIGKILL
    (run,) = jobs.all_jobs()
    reach(run, "running")
    reach(run, "done")


def test_where_runs_are_off_nothing_is_added_or_started(monkeypatch):
    supervision.COMMAND = ("true",)
    run = add("sleep 0")
    stopped = add("sleep 0")
    jobs.stop(stopped.id)
    monkeypatch.setattr(supervision, "COMMAND", fakerun.supervisor())
    monkeypatch.setenv("NEUTRAL_RUNS", "off")
    with pytest.raises(NeutralError, match="runs are off here"):
        add("sleep 0")
    with pytest.raises(NeutralError, match="runs are off here"):
        jobs.go_on(stopped.id)
    jobs.wake()
    time.sleep(0.3)
    assert (supervision.is_alive(), state(run)) == (False, "waiting")
    monkeypatch.delenv("NEUTRAL_RUNS")


def test_a_failed_run_says_why_and_the_next_goes_on():
    failed, fault, after = add("fail no such text: x"), add("fault a bug"), add("sleep 0")
    assert reach(failed, "failed").line == "no such text: x"
    assert reach(fault, "failed").line == "ValueError: a bug"
    assert any("Traceback" in line for line in jobs.get(fault.id).log())
    reach(after, "done")


def test_a_run_is_stopped_and_goes_on_as_the_same_command():
    run = add("sleep 30")
    wait(lambda: jobs.get(run.id).progress.get("state") == "running")
    assert jobs.stop(run.id).state in ("stopping", "stopped")
    stopped = reach(run, "stopped")
    assert stopped.progress["state"] == "stopped"
    assert jobs.go_on(run.id).shell == stopped.shell
    reach(run, "running")
    wait(lambda: len(begun()) == 2)
    with pytest.raises(NeutralError, match="is running, so it cannot go on"):
        jobs.go_on(run.id)
    with pytest.raises(NeutralError, match="stop it first"):
        jobs.remove(run.id)


@pytest.mark.long
def test_asked_twice_a_run_that_does_not_listen_is_ended():
    run = add("child 30; deaf 30")
    wait(lambda: len(jobs.get(run.id).log()) == 2)
    child = Process.of(int(jobs.get(run.id).log()[-1].removeprefix("child ")))
    assert jobs.stop(run.id).state == "stopping"
    time.sleep(0.2)
    assert state(run) == "stopping"
    jobs.stop(run.id)
    assert "ended at once, as asked" in reach(run, "stopped").line
    wait(lambda: not child.lives)


@pytest.mark.long
def test_a_run_that_somebody_kills_was_interrupted_and_goes_on():
    run = add("sleep 30")
    reach(run, "running").recorded.process.signal(signal.SIGKILL)
    assert "SIGKILL" in reach(run, "interrupted").line
    jobs.go_on(run.id)
    reach(run, "running")


def test_a_run_outlives_its_supervisor_and_the_next_takes_it_over(tmp_path):
    first, second = add(f"until {tmp_path / 'now'}"), add("sleep 0", name="b")
    wait(lambda: jobs.get(first.id).progress)
    process = jobs.get(first.id).recorded.process
    without_supervisor()
    assert (state(first), state(second)) == ("running", "waiting")
    jobs.wake()
    wait(supervision.is_alive)
    assert jobs.get(first.id).recorded.process == process
    (tmp_path / "now").touch()
    assert reach(first, "done").progress["pid"] == process.pid
    reach(second, "done")
    assert len(begun()) == 1


@pytest.mark.long
def test_a_run_that_ends_while_nobody_watches_is_put_down_by_what_it_said_last(tmp_path):
    told, slow = add(f"until {tmp_path / 'now'}", "cuda:0"), add("sleep 60", "cuda:1", "slow")
    wait(lambda: jobs.get(told.id).progress and jobs.get(slow.id).progress)
    without_supervisor()
    (tmp_path / "now").touch()
    jobs.get(slow.id).recorded.process.signal(signal.SIGKILL)
    wait(lambda: not jobs.get(told.id).recorded.process.lives)
    assert (state(slow), state(told)) == ("interrupted", "interrupted")
    jobs.wake()
    assert reach(told, "done").line == ""
    wait(lambda: jobs.get(slow.id).recorded.state == "interrupted")
    assert "go on with it" in jobs.get(slow.id).line


def test_a_supervisor_that_is_killed_before_a_run_begins_has_not_begun_it(monkeypatch):
    code = (
        "import os, signal\nfrom neutral.jobs import launch, supervisor\n"
        "launch.Started.begin = lambda self: os.kill(os.getpid(), signal.SIGKILL)\nsupervisor.main()"
    )
    monkeypatch.setattr(supervision, "COMMAND", (sys.executable, "-c", code))
    run = add("sleep 0")
    wait(lambda: jobs.get(run.id).recorded.state == "running")
    wait(lambda: state(run) == "interrupted")
    assert not home.study("a").exists()
    monkeypatch.setattr(supervision, "COMMAND", fakerun.supervisor())
    jobs.go_on(run.id)
    reach(run, "done")
    assert len(begun()) == 1


@pytest.mark.long
def test_two_supervisors_never_run_one_thing_twice():
    both = [subprocess.Popen(fakerun.supervisor(), cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(2)]
    runs = [add("sleep 0.05", name=f"s{number}") for number in range(4)]
    for number, each in enumerate(runs):
        reach(each, "done")
        assert len(begun(f"s{number}")) == 1
    for each in both:
        each.wait(20)


@pytest.mark.long
def test_a_process_that_has_the_number_of_a_run_that_is_gone_gets_no_signal():
    bystander = subprocess.Popen(["sleep", "30"])
    try:
        run = add("sleep 0")
        reach(run, "done")
        wait(lambda: not supervision.is_alive())
        other = Process.of(bystander.pid)
        reused = replace(other, started=str(int(other.started) - 1))
        records.write_state(run.folder, replace(run.recorded, state="running", process=reused))
        assert state(run) == "interrupted"
        records.write_state(run.folder, replace(run.recorded, state="stopping", process=reused))
        jobs.stop(run.id)
        for number in (signal.SIGUSR1, signal.SIGKILL):
            assert not reused.signal(number)
        reused.kill()
        jobs.wake()
        wait(lambda: jobs.get(run.id).recorded.state in ENDED)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_run_of_another_machine_is_not_signalled_from_here():
    run = add("sleep 0")
    reach(run, "done")
    wait(lambda: not supervision.is_alive())
    elsewhere = Process(os.getpid(), Process.of(os.getpid()).started, "another boot", "pid:[1]")
    records.write_state(run.folder, replace(run.recorded, state="running", process=elsewhere))
    assert state(run) == "interrupted"
    assert not elsewhere.signal(0)


def test_over_its_time_a_run_is_stopped_cleanly_and_says_so():
    run = add("sleep 30", limits=jobs.Limits(time=0.5))
    stopped = reach(run, "stopped")
    assert stopped.line == "it was stopped: its time was up (0.5 s); go on with it, or allow it more"
    assert stopped.progress["state"] == "stopped"


@pytest.mark.long
def test_over_its_time_a_run_that_does_not_listen_is_ended():
    run = add("deaf 30", limits=jobs.Limits(time=0.3))
    assert "its time was up" in reach(run, "stopped").line
    assert 0.3 < jobs.get(run.id).ended - jobs.get(run.id).began < 10


def test_over_its_memory_a_run_is_ended_and_says_so():
    small, large = (
        add("sleep 0.3", limits=jobs.Limits(memory=10**9)),
        add("eat 300; sleep 30", limits=jobs.Limits(memory=200 * 10**6)),
    )
    reach(small, "done")
    line = reach(large, "failed").line
    assert re.match(r"it was ended: it had [\d.]+ MB of memory and may have 200 MB; ", line)


@pytest.mark.long
def test_the_memory_of_what_a_run_starts_counts_and_goes_too():
    code = "import time; kept = b'1' * 200_000_000; time.sleep(30)"
    parent = subprocess.Popen(["sh", "-c", f'{sys.executable} -c "{code}" & wait'], start_new_session=True)
    from neutral.processes import memory

    process = Process.of(parent.pid)
    wait(lambda: memory(process.family()) > 200_000_000)
    family = process.family()
    process.kill()
    parent.wait()
    wait(lambda: not any(each.lives for each in family))


@pytest.mark.long
def test_a_run_has_the_threads_that_it_may():
    run = add("threads", limits=jobs.Limits(threads=3))
    assert reach(run, "done").log()[-1] == "3"


@pytest.mark.long
def test_what_was_allowed_and_is_no_more_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUTRAL_FOLDERS", str(tmp_path / "models"))
    model, secret = tmp_path / "models" / "mine", tmp_path / "secret"
    model.mkdir(parents=True), secret.mkdir()
    monkeypatch.setattr(supervision, "COMMAND", ("true",))
    arguments = ["--model", str(model)]
    settings = {"study": home.study("a"), "device": "cpu", "limits": jobs.Limits(), "request": {}}
    linked = jobs.add("find", arguments, name="linked", **settings)
    inside = jobs.add("find", ["--model", str(tmp_path / "models")], name="inside", **settings)
    model.rmdir()
    model.symlink_to(secret)
    monkeypatch.setattr(supervision, "COMMAND", fakerun.supervisor())
    jobs.wake()
    assert "leads out of the folders" in reach(linked, "failed").line
    assert "leads out of the folders" in reach(inside, "failed").line
    assert not home.study("a").exists()


@pytest.mark.long
def test_a_record_that_was_changed_by_hand_starts_nothing_that_could_not_be_added():
    supervision.COMMAND = ("true",)
    run = add("sleep 0")
    asked = json.loads((run.folder / records.REQUEST).read_text())
    for changed in ({"command": "study"}, {"arguments": ["--model", "/etc"]}, {"study": "/tmp/elsewhere"}):
        (run.folder / records.REQUEST).write_text(json.dumps(asked | changed))
        records.write_state(run.folder, run.recorded)
        supervision.COMMAND = fakerun.supervisor()
        jobs.wake()
        assert reach(run, "failed").line
        wait(lambda: not supervision.is_alive())
    assert not home.study("a").exists()


@pytest.mark.long
def test_a_real_search_is_stopped_goes_on_and_ends_with_every_mask_once(monkeypatch):
    monkeypatch.setattr(supervision, "COMMAND", (sys.executable, "-P", "-m", "neutral.jobs.supervisor"))
    some = ["--method", "wanda", "--sparsity", "0.5", "--blocks", "4", "--held-out-blocks", "4", "--length", "32"]
    arguments = ["--model", MODEL, "--text", str(ROOT / "data" / "sentences"), "--languages", "en,sw,ur", *some]
    settings = {"device": "cpu", "limits": jobs.Limits(threads=1), "request": {}}
    run = jobs.add("find", arguments, study=home.study("real"), name="real", **settings)

    def units():
        return jobs.get(run.id).progress.get("units", {})

    wait(lambda: jobs.get(run.id).progress.get("current"), 120)
    jobs.stop(run.id)
    wait(lambda: state(run) in ENDED, 60)
    stopped = jobs.get(run.id)
    assert (stopped.state, stopped.line) == ("stopped", "")
    assert stopped.log()[-1].startswith("neutral: stopped")
    before = units()["done"]
    assert before < 3
    jobs.go_on(run.id)
    wait(lambda: state(run) in ENDED, 120)
    assert state(run) == "done", jobs.get(run.id).log()
    # A mask that was stored in the moment of the stop was not yet told then.
    assert units()["done"] == 3
    assert before <= units()["before"] <= before + 1
    assert jobs.get(run.id).log()[-1].endswith(f"`neutral app --studies {run.study}`")
    assert sorted(Study(run.study).masks_index()["language"]) == ["en", "sw", "ur"]
