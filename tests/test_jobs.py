"""The queue of runs: what is added, in what order, by how many at once; what lies in its folder that is none."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from neutral import home, jobs
from neutral.errors import FileError, NeutralError
from neutral.jobs import launch, records, supervision

MODEL = str(ROOT / "data" / "models" / "mini-mbert")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A home of its own, and no supervisor: what is added waits."""
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(supervision, "COMMAND", ("true",))
    for name in ("NEUTRAL_RUNS", "NEUTRAL_FOLDERS", "NEUTRAL_RUN_TIME", "NEUTRAL_RUN_MEMORY", "NEUTRAL_RUN_THREADS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def add(name="a", device="cpu", arguments=("--model", MODEL), study=None, **options):
    settings = {"limits": jobs.Limits(), "request": {}, **options}
    return jobs.add("find", arguments, study=study or home.study(name), name=name, device=device, **settings)


def names(queue):
    return [each.name for each in queue]


def test_a_run_that_is_added_waits_and_is_what_was_asked(place):
    request = {"method": "wanda", "languages": ["en", "ur"]}
    run = add("Urdu first", request=request, limits=jobs.Limits(60.0, 10**9, 2))
    assert jobs.get(run.id) == run
    assert (run.state, run.name, run.command, run.device) == ("waiting", "Urdu first", "find", "cpu")
    assert run.request == request
    assert run.limits == jobs.Limits(60.0, 10**9, 2)
    assert run.study == place / "studies" / "Urdu first"
    assert run.shell == f"neutral find --model {MODEL} --device cpu --study '{run.study}'"
    assert (run.progress, run.line, run.log(), run.began, run.ended) == ({}, "", [], None, None)


def test_the_folders_are_their_users_alone(place):
    add()
    made = [place, *(path for path in place.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


def test_the_newest_run_is_first_and_ids_sort_by_time():
    ids = [add(name).id for name in "abc"]
    assert ids == sorted(ids)
    assert [each.id for each in jobs.all_jobs()] == ids[::-1]
    assert len({id[-16:] for id in ids}) == 3


def test_each_device_has_its_queue_which_can_be_reordered_and_emptied():
    a, _, c, d, x = (add(name, device) for name, device in zip("abcdx", ["cpu"] * 4 + ["cuda:0"], strict=True))
    jobs.move(d.id, 0)
    assert names(jobs.queue("cpu")) == ["d", "a", "b", "c"]
    jobs.move(d.id, 2)
    jobs.move(c.id, -5)
    jobs.move(a.id, 99)
    assert names(jobs.queue("cpu")) == ["c", "b", "d", "a"]
    assert names(jobs.queue("cuda:0")) == ["x"]
    jobs.stop(c.id)
    assert names(jobs.queue("cpu")) == ["b", "d", "a"]
    assert jobs.get(c.id).state == "stopped"
    jobs.go_on(c.id)
    assert names(jobs.queue("cpu")) == ["b", "d", "a", "c"]
    assert {each.id for each in jobs.clear()} >= {x.id, a.id}
    assert not jobs.queue("cpu") + jobs.queue("cuda:0")
    assert {each.state for each in jobs.all_jobs()} == {"stopped"}
    with pytest.raises(NeutralError, match="only what waits has a place"):
        jobs.move(a.id, 0)


def test_a_run_is_removed_and_its_study_is_not():
    run = add()
    run.study.mkdir(parents=True)
    jobs.remove(run.id)
    assert jobs.all_jobs() == []
    assert run.study.is_dir()
    assert not [path for path in home.runs().iterdir() if run.id in path.name]
    with pytest.raises(NeutralError, match="there is no such run"):
        jobs.get(run.id)


@pytest.mark.parametrize("id", ["", "..", "../runs", "a/b", "x" * 500, "20261127-000000-000000-0000000000000000"])
def test_what_is_no_run_is_said_in_a_line(id):
    for call in (jobs.get, jobs.stop, jobs.go_on, jobs.remove):
        with pytest.raises(NeutralError, match="there is no such run"):
            call(id)


MANY = """
import sys
from neutral import home, jobs
from neutral.jobs import supervision
supervision.COMMAND = ("true",)
for number in range(8):
    jobs.add("find", [], study=home.study("s"), name=f"{sys.argv[1]}{number}", device="cpu", limits=jobs.Limits(), request={})
"""  # noqa: E501


def test_two_processes_that_add_at_once_lose_nothing_and_share_no_place():
    both = [subprocess.Popen([sys.executable, "-c", MANY, who], cwd=ROOT) for who in "ab"]
    assert [each.wait(60) for each in both] == [0, 0]
    queue = jobs.queue("cpu")
    assert len({each.recorded.place for each in queue}) == 16
    for who in "ab":
        assert [name for name in names(queue) if name[0] == who] == [f"{who}{number}" for number in range(8)]


def broken(path, how):
    """Damage the record of a run."""
    state, request = path / records.STATE, path / records.REQUEST
    if how == "torn state":
        state.write_bytes(state.read_bytes()[:20])
    elif how == "torn request":
        request.write_bytes(request.read_bytes()[:20])
    elif how == "no state":
        state.unlink()
    elif how == "a list":
        state.write_text("[]")
    elif how == "deep":
        state.write_text("[" * 100_000)
    elif how == "no text":
        request.write_bytes(b"\xff\xfe\x00")
    elif how == "another state":
        state.write_text('{"state": "<b>x</b>"}')
    elif how == "running without a process":
        state.write_text('{"state": "running"}')
    elif how == "the process of init":
        state.write_text('{"state": "running", "process": {"pid": 1, "started": "1", "boot": "", "space": ""}}')
    elif how == "a place that is none":
        state.write_text('{"state": "waiting", "place": "first"}')
    elif how == "a pipe":
        state.unlink()
        os.mkfifo(state)
    elif how == "a link":
        state.unlink()
        state.symlink_to("/etc/hostname")
    elif how == "a folder":
        state.unlink()
        state.mkdir()
    elif how == "limits that are none":
        request.write_text(json.dumps(json.loads(request.read_text()) | {"limits": {"time": "x"}}))
    elif how == "a number in place of arguments":
        request.write_text(json.dumps(json.loads(request.read_text()) | {"arguments": 1}))
    elif how == "a time that is none":
        state.write_text('{"state": "done", "began": NaN}')
    elif how == "arguments that are none":
        request.write_text(json.dumps(json.loads(request.read_text()) | {"arguments": [1]}))


HOW = (
    *("torn state", "torn request", "no state", "a list", "deep", "no text", "another state"),
    *("running without a process", "the process of init", "a place that is none", "a pipe", "a link", "a folder"),
    *("limits that are none", "arguments that are none", "a number in place of arguments", "a time that is none"),
)


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_record_is_a_line_and_breaks_only_itself(how):
    good, bad = add("good"), add("bad")
    broken(bad.folder, how)
    shown = {each.id: each for each in jobs.all_jobs()}
    assert shown[good.id].state == "waiting"
    assert shown[bad.id].state == "failed"
    assert str(bad.folder) in shown[bad.id].line
    assert "\n" not in shown[bad.id].line
    assert shown[bad.id].log() == []
    assert names(jobs.queue("cpu")) == ["good"]
    assert jobs.stop(bad.id).state == "failed"
    with pytest.raises(NeutralError, match="cannot go on"):
        jobs.go_on(bad.id)
    jobs.remove(bad.id)
    assert len(jobs.all_jobs()) == 1


def test_what_else_lies_among_the_runs_is_a_line_each():
    run = add()
    (home.runs() / "notes.txt").write_text("mine")
    (home.runs() / "a folder").mkdir()
    (home.runs() / ".hidden").touch()
    assert [each.id for each in jobs.all_jobs()] == [run.id]
    assert [Path(line.partition(": ")[0]).name for line in jobs.problems()] == ["a folder", "notes.txt"]


def test_a_link_in_place_of_a_run_is_not_followed_and_can_be_removed(tmp_path):
    run = add()
    elsewhere = tmp_path / "elsewhere"
    run.folder.rename(elsewhere)
    run.folder.symlink_to(elsewhere)
    assert "is a link" in jobs.get(run.id).line
    jobs.remove(run.id)
    assert sorted(path.name for path in elsewhere.iterdir()) == [records.REQUEST, records.STATE]


def test_a_file_in_place_of_the_runs_is_a_line(place):
    place.mkdir()
    (place / "runs").touch()
    with pytest.raises(FileError, match="runs"):
        jobs.all_jobs()
    with pytest.raises(NeutralError):
        add()


@pytest.mark.parametrize("path", ["/tmp/x", "../x", "{home}/runs/x", "{home}/studies", "{home}/studies/a/b", "a"])
def test_a_run_writes_into_a_study_of_its_own_only(path, place):
    with pytest.raises(NeutralError, match="where the app's runs write"):
        add(study=Path(path.replace("{home}", str(place))))


def test_a_run_writes_into_no_link(tmp_path):
    home.made(home.studies())
    (tmp_path / "elsewhere").mkdir()
    home.study("a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NeutralError, match="is a link"):
        add()


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a/b", "a\0", "a\n", " a", "a ", "-a", "<b>", "x" * 300])
def test_a_study_is_called_as_a_folder_can_be(name):
    with pytest.raises(NeutralError, match="is no name for a folder"):
        home.study(name)


@pytest.mark.parametrize("name", ["a", "Kiswahili na Kiingereza", "हिन्दी", "می\u200cشود", "mini-mbert 0.5", "C++"])
def test_a_study_may_be_called_in_any_script(name, place):
    assert home.study(name) == place / "studies" / name


@pytest.mark.parametrize("device", ["", "--help", "a b", "cpu;ls", "x" * 50])
def test_a_device_is_a_devices_name(device):
    with pytest.raises(NeutralError, match="is no device"):
        add(device=device)


def test_values_of_the_form_that_are_none_are_refused():
    with pytest.raises(NeutralError, match="cannot be stored"):
        add(request={"a": object()})
    assert jobs.all_jobs() == []


def test_without_a_home_it_is_said_what_to_set(monkeypatch):
    monkeypatch.delenv(home.VARIABLE)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("none")))
    with pytest.raises(NeutralError, match="NEUTRAL_HOME"):
        home.home()


@pytest.mark.parametrize("device", ["--engine", "cpu ray", "", "\0", "../x"])
def test_a_device_that_was_written_into_a_request_by_hand_is_not_started(device):
    run = add()
    asked = records.read(run.folder, records.REQUEST)
    records.write(run.folder, records.REQUEST, asked | {"device": device})
    with pytest.raises(NeutralError, match="is no device"):
        launch.require_allowed(jobs.get(run.id))
