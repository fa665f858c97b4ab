"""The Runs page without a browser: its form for each kind of run, the check before it, the runs and their queue."""

import dataclasses
import gzip
import json
import os
import shlex
import shutil
import sys
import time

import apppages
import fakecheck
import pytest
from apppages import opened, text
from conftest import ROOT
from marked import NAME
from test_names_are_text import check as check_names

from neutral import cli, home, jobs, options
from neutral.errors import NeutralError
from neutral.jobs import job, launch, limits, permission, records, sources, supervision
from neutral.jobs.records import State
from neutral.options import words as written
from neutral.processes import Process
from neutral.runs import plans
from neutral.search import METHODS
from neutral.study.duplicate import duplicate
from pages.parts import catalogue
from pages.parts.runs import draft, fields, progress, tables, words
from pages.parts.runs.request import Asked
from pages.parts.runs.words import KINDS

PAGE = "pages/runs.py"
MODEL = ROOT / "data" / "models" / "mini-mbert"
QUICK = "--method wanda --halves --controls pretrained"
"""What the form begins with: a run of minutes, with what its overlap is judged by."""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A home of its own, a stand-in for checks, and no supervisor: what is started waits."""
    monkeypatch.delenv(catalogue.VARIABLE, raising=False)
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv("NEUTRAL_FOLDERS", str(tmp_path / "mine"))
    monkeypatch.setenv("FAKE_CHECKS", str(tmp_path / "checks"))
    monkeypatch.setenv("FAKE_NAME", NAME)
    monkeypatch.delenv(permission.VARIABLE, raising=False)
    monkeypatch.setattr(launch, "PROGRAM", (sys.executable, fakecheck.__file__))
    monkeypatch.setattr(supervision, "COMMAND", ("true",))
    monkeypatch.setattr(sources, "is_online", lambda: False)
    return tmp_path


def widget(at, kind, label):
    (found,) = [each for each in at.get(kind) if each.label == label]
    return found


def set_to(at, kind, label, value):
    widget(at, kind, label).set_value(value).run()
    assert not at.exception, at.exception[0].message
    return at


def pressed(at, label):
    (button,) = [each for each in at.button if each.label == label]
    button.click().run()
    assert not at.exception, at.exception[0].message
    return at


def labels(at):
    return {each.label for each in at.button}


def form_of(kind, **fields):
    """The page with the form of a kind, filled in as an address says it."""
    filled = {"command": KINDS[kind].commands[0], "fields": fields}
    return opened(PAGE, **{draft.ADDRESS: json.dumps(filled)})


def command(at):
    """The command to copy."""
    return at.main.code[-1].value


def checks(place):
    """The commands that were asked what they would do."""
    log = place / "checks"
    return log.read_text().splitlines() if log.exists() else []


def add(name="a", device="cpu", **state):
    """A run, in a state."""
    run = jobs.add(
        "find", ["--model", str(MODEL)], study=home.study("mine"), name=name, device=device, limits=jobs.Limits(),
        request={"command": "find", "fields": {"method": "wanda"}},
    )  # fmt: skip
    if state:
        (run.folder / "state.json").unlink()
        records.write_state(run.folder, State(**state))
    return run


def at_work(run, **progress):
    """Let a run be at work in this process, and say so."""
    here = Process.of(os.getpid())
    told = {"state": "running", "pid": here.pid, "units": {"done": 3, "total": 11, "before": 0}, **progress}
    records.write(run.folder, records.PROGRESS, told)
    records.write_state(run.folder, State("running", process=here, began=time.time() - 60))


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("masks", f"neutral find --model {MODEL} {QUICK} --text {ROOT / 'data' / 'sentences'} --study "),
        ("transfer", "\nneutral transfer --model "),
        pytest.param("compression", f"neutral compress --model {MODEL} --text ", marks=pytest.mark.long),
        pytest.param("typology", "\nneutral typology --study ", marks=pytest.mark.long),
        ("inside", "\nneutral retrieve --model "),
    ],
)
def test_every_kind_has_a_form_and_a_command_to_copy(kind, asked):
    at = form_of(kind)
    assert not at.error
    assert KINDS[kind].about in text(at)
    assert asked in command(at)
    assert "Check" in labels(at)
    assert "Start" not in labels(at)


@pytest.mark.parametrize("name", plans.COMMANDS)
def test_what_a_widget_holds_by_default_is_the_plans_default(name):
    for option in options.fields(plans.COMMANDS[name]):
        if option.kind != "files":
            held = fields.as_filled(option, option.default)
            assert fields.as_value(option, held) == written.to_json(option, option.default), option.name


def test_the_languages_are_those_of_the_text_with_their_names():
    at = form_of("masks")
    assert widget(at, "multiselect", "Languages").options[:3] == ["Arabic", "German", "English"]
    set_to(at, "multiselect", "Languages", ["en", "sw"])
    assert " --languages en,sw " in command(at)


@pytest.mark.long
def test_what_does_not_matter_to_the_method_is_not_asked():
    at = set_to(form_of("masks"), "selectbox", "Method", "magnitude")
    numbers = {each.label for each in at.number_input}
    assert "Step" in numbers
    assert "Blocks" not in numbers
    set_to(at, "selectbox", "Method", "wanda")
    numbers = {each.label for each in at.number_input}
    assert "Step" not in numbers
    assert "Blocks" in numbers


def test_what_is_chosen_is_in_the_command_and_in_the_address_and_comes_back():
    at = form_of("masks")
    set_to(at, "selectbox", "Method", "wanda")
    set_to(at, "text_input", "Sparsity", "0.7,0.3")
    set_to(at, "text_input", "Name of the study", "Ur du")
    set_to(at, "text_input", "At most (time)", "2h")
    said = command(at)
    assert "--method wanda --sparsity 0.3,0.7 " in said
    assert said.endswith("studies/Ur du'")
    again = opened(PAGE, **{draft.ADDRESS: at.query_params[draft.ADDRESS]})
    assert command(again) == said
    assert widget(again, "text_input", "At most (time)").value == "2h"


@pytest.mark.parametrize(
    "address",
    [
        '{"command": "rm", "fields": {"model": "/etc"}}',
        '{"command": "find", "fields": {"model": 5, "languages": [1], "method": "no", "sparsities": 3, "seeds": [0]}}',
        *(
            pytest.param(address, marks=pytest.mark.long)
            for address in (
                "{",
                "[]",
                "[" * 100_000,
                '{"command": ["find"], "study": {}, "name": 5, "how": 3, "fields": []}',
                '{"command": "find", "name": "../../x", "how": {"device": "", "time": [], "memory": "ever"}}',
                '{"command": "find", "fields": {"length": -1, "steps": 1e400, "rate": NaN, "halves": 1}}',
                '{"command": "find", "fields": {"controls": ["x"]}}',
                '{"command": "transfer", "study": "no such study", "fields": {"baselines": [[]]}}',
            )
        ),
    ],
)
def test_an_address_that_nobody_wrote_here_leaves_the_form_whole(address):
    at = opened(PAGE, **{draft.ADDRESS: address})
    assert "Something went wrong" not in text(at)
    assert widget(at, "button_group", "What to do").value in KINDS


@pytest.mark.parametrize(
    ("label", "typed", "said"),
    [
        ("Sparsity", "half", "--sparsity half: a list of numbers is needed"),
        ("Name of the study", "../x", "is no name for a folder"),
        pytest.param("Sparsity", "2", "--sparsity", marks=pytest.mark.long),
        pytest.param("Seeds", "-1", "--seeds", marks=pytest.mark.long),
        pytest.param("At most (memory)", "much", "is no limit", marks=pytest.mark.long),
        pytest.param("At most (threads)", "0", "is no limit", marks=pytest.mark.long),
    ],
)
def test_what_cannot_be_is_said_in_a_line_and_cannot_be_checked(label, typed, said):
    at = set_to(form_of("masks"), "text_input", label, typed)
    assert len(at.error) == 1
    assert said in at.error[0].value.replace("\\", "")
    assert not {"Check", "Start"} & labels(at)


def test_a_check_says_what_will_happen_before_anything_is_written(place):
    at = pressed(form_of("masks"), "Check")
    said = text(at)
    for words_ in ("What will happen", "1,200 lines in 1 language", "27%, in 24 matrices", "The time is from"):
        assert words_ in said
    assert {each.label: each.value for each in at.metric} == {
        "Units to do": "10", "Time, about": "11 min", "Memory, about": "1.2 GB", "On disk, about": "4 MB",
    }  # fmt: skip
    assert "Start" in labels(at)
    check_names(at)
    assert not home.studies().exists()
    assert not jobs.all_jobs()
    (asked,) = checks(place)
    assert asked.startswith(f"find --model {MODEL} ")
    assert asked.endswith("--dry-run json --quiet")


def test_a_check_is_remembered_until_something_else_is_asked(place):
    at = pressed(form_of("masks"), "Check")
    assert "Start" in labels(form_of("masks"))  # another visitor
    set_to(at, "text_input", "Seeds", "7")
    assert "Start" not in labels(at)
    set_to(at, "text_input", "Seeds", "0")
    assert "Start" in labels(at)
    assert len(checks(place)) == 1


@pytest.mark.parametrize(
    ("title", "said"),
    [
        (f"fail --seeds: {NAME}", "--seeds: zq"),
        pytest.param("die", "perhaps for lack of memory", marks=pytest.mark.long),
        pytest.param("nonsense", "gave no answer that can be read", marks=pytest.mark.long),
    ],
)
def test_what_the_check_refuses_is_one_line_and_nothing_starts(title, said):
    at = pressed(form_of("masks", title=title), "Check")
    assert len(at.error) == 1
    assert said in at.error[0].value
    assert "Start" not in labels(at)
    check_names(at)


def test_what_lies_outside_the_allowed_folders_is_not_even_looked_at(place):
    (place / "mine").mkdir()
    at = form_of("masks", model="/etc", text=str(ROOT / "data" / "sentences" / ".." / "models"))
    model, text_ = (each.value for each in at.error)  # at once, each at its field
    assert "is in no folder that this server allows" in model
    assert f"This server reads what is in {place / 'mine'}." in model
    assert "is no path that may be chosen" in text_
    assert "Check" not in labels(at)
    assert not checks(place)


def test_text_that_is_uploaded_is_stored_where_runs_may_read_it_and_chosen(place):
    at = opened(PAGE)
    give = [("en.txt", b"a line\n" * 20, "text/plain"), ("sw.txt.gz", gzip.compress(b"mstari\n" * 20), "")]
    at.get("file_uploader")[0].set_value(give)
    set_to(at, "text_input", "Name of the text", "mine")
    pressed(at, "Add the text")
    assert not at.error
    assert widget(at, "selectbox", "Text").value == "text/mine"
    assert f"--text {home.text() / 'mine'} " in command(at)
    assert widget(at, "multiselect", "Languages").options == ["English", "Swahili"]
    at.get("file_uploader")[0].set_value([("notes.txt", b"x", "text/plain")])
    pressed(at.run(), "Add the text")
    assert "notes.txt: has no code of a language" in at.error[0].value
    assert [path.name for path in home.text().iterdir()] == ["mine"]


def test_who_may_start_no_runs_uploads_no_text(monkeypatch):
    monkeypatch.setattr(permission, "is_local", lambda *_: False)
    assert not opened(PAGE).get("file_uploader")


def test_the_form_names_nothing_of_a_folder_that_is_not_allowed(place, monkeypatch):
    for folder in ("mine", "secret"):
        (place / folder).mkdir()
        for name in ("quz.txt", "m.gguf"):
            (place / folder / name).touch()
    monkeypatch.setattr(tables, "is_local", lambda: False)
    monkeypatch.setenv(permission.VARIABLE, "on")
    assert (tables.languages(str(place / "mine")), tables.gguf_files(str(place / "mine"))) == (("quz",), ["m.gguf"])
    (place / "mine" / "link").symlink_to(place / "secret")
    for path in (place / "secret", place / "mine" / "link", place / "mine" / ".." / "secret", "/etc", "a\0"):
        assert (tables.languages(str(path)), tables.gguf_files(str(path))) == ((), [])
    monkeypatch.setenv(permission.VARIABLE, "off")  # who may start nothing sees no names of the server's
    assert (tables.languages(str(place / "mine")), tables.gguf_files(str(place / "mine"))) == ((), [])
    assert all(path.startswith(str(ROOT)) for path in tables.places().texts.values())
    assert tables.own_roots() == []


def test_what_is_checked_and_what_is_started_are_one_command(place, monkeypatch):
    monkeypatch.setattr(tables, "is_local", lambda: True)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("NEUTRAL_FOLDERS", str(place / "mine"))
    shutil.copytree(MODEL, place / "mine" / "model")
    at = pressed(pressed(form_of("masks", model="~/mine/model", title="-1"), "Check"), "Start")
    assert not at.error
    (run,), (asked,) = jobs.all_jobs(), checks(place)
    assert shlex.split(asked) == [*run.words, "--dry-run", "json", "--quiet"]
    assert run.arguments[:2] == ("--model", str(place / "mine" / "model"))


@pytest.mark.parametrize("command", plans.COMMANDS)
def test_every_command_takes_the_words_of_its_runs(command):
    words = job.words(command, [], home.studies() / "a", "cpu")
    known = cli._parser()._subparsers._group_actions[0].choices[command]._option_string_actions
    assert {word for word in words if word.startswith("--")} <= known.keys()
    assert ("--device" in words) == ("--device" in known)


@pytest.mark.long
def test_what_an_address_has_for_a_device_is_one_or_refused(place):
    for device, errors in (("cuda:1", 0), ("--export=/tmp/x", 1), ("cpu;x", 1)):
        at = opened(PAGE, **{draft.ADDRESS: json.dumps({"command": "find", "how": {"device": device}})})
        assert len(at.error) == errors
        assert ("Check" in labels(at)) == (not errors)


def test_a_folder_of_ones_own_is_offered_by_name(place, monkeypatch):
    (place / "mine" / "texts").mkdir(parents=True)
    (place / "mine" / "texts" / "quz.txt").write_text("Wasi\n" * 20)
    at = form_of("masks", text="mine/texts")
    assert "mine/texts" in widget(at, "selectbox", "Text").options
    assert f"one of the folders that this server reads: `{place / 'mine'}`" in text(at), (
        "who sits here is told where else it may be"
    )
    assert f"--text {place / 'mine' / 'texts'} " in command(at)
    assert widget(at, "multiselect", "Languages").options == ["Cusco Quechua"]


def test_start_puts_the_run_in_the_queue_and_shows_it():
    at = pressed(pressed(form_of("masks", method="wanda"), "Check"), "Start")
    (run,) = jobs.all_jobs()
    assert (run.state, run.command, run.name) == ("waiting", "find", "mini-mbert-wanda")
    assert run.study == home.study("mini-mbert-wanda")
    assert run.arguments[:2] == ("--model", str(MODEL))
    fields = {"model": "mini-mbert (comes with the app)", "text": "sentences (comes with the app)", "method": "wanda"}
    fields |= {"halves": True, "controls": ["pretrained"]}
    assert run.request["fields"] == fields  # with what was filled in by itself: it may be another one later
    assert at.query_params[draft.ONE] == run.id
    assert "1 run waiting" in text(at)


def test_a_check_answers_while_a_run_writes_into_its_study(monkeypatch):
    begun = pressed(pressed(form_of("masks"), "Check"), "Start")
    (run,) = jobs.all_jobs()
    run.study.mkdir(parents=True)
    waiting = jobs.all_jobs
    busy = [dataclasses.replace(each, state=records.RUNNING) for each in waiting()]
    monkeypatch.setattr(jobs, "all_jobs", lambda: busy)
    asked, real = form_of("masks"), tables.ask
    set_to(asked, "text_input", "Name of the study", run.study.name)

    def ask(*given):
        (run.study / "results.jsonl").write_text("more\n")
        return real(*given)

    monkeypatch.setattr(tables, "ask", ask)
    assert "Start" in labels(pressed(asked, "Check"))
    assert not begun.exception


def test_the_next_form_begins_with_the_model_and_the_text_of_the_last_run(place):
    (place / "mine" / "texts").mkdir(parents=True)
    (place / "mine" / "texts" / "quz.txt").write_text("Wasi\n" * 20)
    pressed(pressed(form_of("masks", text="mine/texts"), "Check"), "Start")
    assert widget(form_of("compression"), "selectbox", "Text").value == "mine/texts"


def test_the_form_says_what_each_method_does():
    assert set(words.METHODS) == set(METHODS)
    assert words.METHODS["wanda"] in text(form_of("masks", method="wanda"))


@pytest.mark.parametrize(
    ("page", "button", "command_"),
    [
        ("pages/transfer.py", "Train the masks of this study on every language", "neutral transfer"),
        ("pages/inside.py", "Measure whether states are alike", "neutral represent"),
    ],
)
def test_a_page_that_lacks_results_leads_to_the_run_that_makes_them(page, button, command_):
    at = opened(page, study="gemma-3-270m-clm")
    assert button in labels(at)
    (asked,) = [each for each in at.button if each.label == button]
    asked.click().run()
    assert command_.split()[1] == at.session_state[draft._GIVEN]["command"]
    assert at.session_state[draft._GIVEN]["study"] == "gemma-3-270m-clm"


def test_no_page_leads_to_runs_that_may_not_be_started(monkeypatch):
    monkeypatch.setenv(permission.VARIABLE, "off")
    assert "Train the masks of this study on every language" not in labels(
        opened("pages/transfer.py", study="gemma-3-270m-clm")
    )


def test_a_form_begins_with_the_study_that_was_looked_at():
    at = opened(PAGE, study="gemma-3-270m-clm", **{draft.ADDRESS: json.dumps({"command": "typology"})})
    assert widget(at, "selectbox", "Study").value == "gemma-3-270m-clm"


def test_a_copy_of_a_study_has_a_name_of_its_own(place):
    pressed(pressed(form_of("masks"), "Check"), "Start")
    at = form_of("typology")
    set_to(at, "text_input", "Name of the study", "mini-mbert-wanda")
    assert words.taken("mini-mbert-wanda") in at.error[0].value
    assert "Check" not in labels(at)


def test_files_whose_names_have_no_language_are_named(place):
    (place / "mine" / "texts").mkdir(parents=True)
    for name in ("quz.txt", "Indonesian.txt", "README.md"):
        (place / "mine" / "texts" / name).write_text("Wasi\n" * 20)
    at = form_of("masks", text="mine/texts")
    assert [each.value for each in at.warning] == [words.passed_over(["Indonesian.txt"])]


def test_what_a_folder_holds_that_is_not_allowed_is_not_told(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "quz.txt").write_text("Wasi\n" * 20)
    at = form_of("masks", text=str(tmp_path / "elsewhere"))
    assert not widget(at, "multiselect", "Languages").options


@pytest.mark.long
def test_the_next_study_has_another_name():
    pressed(pressed(form_of("masks"), "Check"), "Start")
    assert command(form_of("masks")).endswith("studies/mini-mbert-wanda-2")


def test_a_run_on_a_study_that_is_not_the_apps_works_on_a_copy():
    at = form_of("typology")
    set_to(at, "selectbox", "Study", "gemma-3-270m-clm")
    assert words.COPIED in text(at)
    pressed(pressed(at, "Check"), "Start")
    (run,) = jobs.all_jobs()
    assert run.study == home.study("gemma-3-270m-clm-typology")
    copied = {path.relative_to(run.study) for path in run.study.rglob("*")}
    bundled = catalogue.BUNDLED / "gemma-3-270m-clm"
    assert copied == {path.relative_to(bundled) for path in bundled.rglob("*")}
    again = set_to(form_of("typology"), "selectbox", "Study", run.study.name)
    assert "cp -r" not in command(again)
    assert command(again).endswith("studies/gemma-3-270m-clm-typology")


def test_what_is_refused_leaves_no_copy_of_a_study(place, monkeypatch):
    asked = Asked(
        "typology", (), home.study("a"), catalogue.BUNDLED / "gemma-3-270m-clm", "cpu", jobs.Limits(threads=9), {}
    )
    monkeypatch.setenv(limits.THREADS, "2")
    monkeypatch.setattr(tables, "why_not", lambda: "")
    for _ in range(2):
        with pytest.raises(NeutralError, match="more than the 2 that this server allows"):
            asked.start()
    assert not home.study("a").exists()


@pytest.mark.long
def test_without_a_study_with_masks_the_form_says_what_to_do_first(place, monkeypatch):
    apppages.only(place / "none", place, monkeypatch)
    at = form_of("transfer")
    assert words.NO_MASKS in text(at)
    assert not {"Check", "Start"} & labels(at)


def test_where_runs_are_off_the_page_says_why_and_has_the_command_all_the_same(monkeypatch):
    add(NAME)
    monkeypatch.setattr(permission, "is_local", lambda *_: False)
    at = opened(PAGE)
    (info,) = at.info
    assert "NEUTRAL_RUNS=on" in info.value
    shown = f"neutral find --model data/models/mini-mbert {QUICK} --text data/sentences "
    assert command(at).startswith(shown)  # no path of the server
    assert not {"Check", "Start", "Stop"} & labels(at)
    assert "zq" not in text(at)  # nor what others run


@pytest.mark.long
def test_a_page_that_was_opened_before_runs_were_switched_off_starts_none(monkeypatch):
    at = pressed(form_of("masks"), "Check")
    monkeypatch.setenv(permission.VARIABLE, "off")
    pressed(at, "Start")
    assert "runs are off on this server" in text(at)
    assert not jobs.all_jobs()


def test_a_run_at_work_says_how_far_it_is():
    run = add()
    at_work(run, seconds_left=420, current=["magnitude en seed 0, round 2 of 5"], work={"done": 350, "total": 1400})
    at = opened(PAGE)
    (bar,) = at.get("progress")
    assert bar.proto.value == 25
    assert bar.proto.text.startswith("3 of 11 units · about 7 min left · 1 min so far")
    assert "magnitude en seed 0, round 2 of 5" in text(at)
    assert "Stop" in labels(at)


def test_before_anything_is_done_the_time_is_that_of_the_check_and_a_long_run_says_so_in_its_button():
    run = add()
    at_work(run, seconds_left=None, work={"done": 0, "total": 1400})
    (here,) = jobs.all_jobs()
    checked = dataclasses.replace(here, request={progress.SECONDS: 660.0})
    assert "left" not in progress.going(here)
    assert "about 10 min left, as the check said" in progress.going(checked)
    late = dataclasses.replace(here, request={progress.SECONDS: 30.0})
    assert "longer than the check said" in progress.going(late)
    at_work(run, seconds_left=None, work={"done": 350, "total": 1400})
    done = dataclasses.replace(jobs.all_jobs()[0], request={progress.SECONDS: 660.0})
    assert "check" not in progress.going(done)
    assert (words.start(None), words.start(59.0)) == ("Start", "Start")
    assert words.start(208_800.0).startswith("Start: takes about 2 days 10 h")


def test_names_and_logs_of_runs_are_text(place):
    run = add(NAME)
    at_work(run, current=[NAME], failed=[{"unit": NAME, "why": NAME}], message=NAME)
    add(f"{NAME} 2")
    add(f"{NAME} 3", state="failed", line=NAME, ended=time.time(), began=time.time())
    (jobs.all_jobs()[0].folder / "log.txt").write_text(f"{NAME}\n\x1b[31m\u202e{NAME}\n", encoding="utf-8")
    (home.runs() / NAME.replace("/", "")).mkdir()
    at = opened(PAGE)
    check_names(at)
    assert "zq" in at.code[0].value
    assert not {"\u202e", "\x1b"} & set(at.code[0].value)


@pytest.mark.parametrize(
    "progress",
    [
        {"units": 3, "work": [], "current": "x", "failed": 5, "seconds_left": "soon"},
        *(
            pytest.param(progress, marks=pytest.mark.long)
            for progress in (
                [],
                {"units": {"done": "1", "total": None}, "current": [5, None], "failed": [5], "seconds_left": -1e400},
                {"units": {"done": 5, "total": 0}, "work": {"done": 9, "total": 3}, "current": ["x"] * 1000},
            )
        ),
    ],
)
def test_a_record_of_progress_that_no_run_wrote_breaks_nothing(progress):
    run = add()
    at_work(run)
    told = {**progress, "pid": records.read(run.folder, records.PROGRESS)["pid"]} if progress else progress
    (run.folder / records.PROGRESS).write_text(json.dumps(told))
    at = opened(PAGE)
    assert "Something went wrong" not in text(at)
    assert "Stop" in labels(at)


def test_a_failed_run_says_why_in_a_line_and_keeps_its_log():
    run = add("mine", state="failed", began=time.time() - 5, ended=time.time())
    (run.folder / "log.txt").write_text("reading\nneutral: en.txt: is empty\n")
    at = opened(PAGE)
    assert [error.value for error in at.error] == ["en.txt: is empty"]
    assert "neutral: en.txt: is empty" in at.code[0].value


def test_the_queue_is_reordered_and_emptied():
    ids = [add(name).id for name in "abc"]
    at = opened(PAGE)
    at.button(key=f"runs-down-{ids[0]}").click().run()
    assert [run.name for run in jobs.queue("cpu")] == ["b", "a", "c"]
    at.button(key=f"runs-up-{ids[2]}").click().run()
    assert [run.name for run in jobs.queue("cpu")] == ["b", "c", "a"]
    at.button(key=f"runs-out-{ids[1]}").click().run()
    assert [run.name for run in jobs.queue("cpu")] == ["c", "a"]
    pressed(at, "Empty the queue")
    assert not jobs.queue("cpu")
    assert {run.state for run in jobs.all_jobs()} == {"stopped"}


@pytest.mark.long
def test_a_stopped_run_goes_on_and_is_removed_and_fills_the_form_again():
    run = add(state="stopped", began=time.time() - 5, ended=time.time())
    at = pressed(opened(PAGE), "Change and run")
    assert widget(at, "selectbox", "Method").value == "wanda"
    at = pressed(opened(PAGE), "Go on")
    assert jobs.get(run.id).state == "waiting"
    jobs.stop(run.id)
    pressed(opened(PAGE), "Remove")
    assert not jobs.all_jobs()


@pytest.mark.long
def test_what_a_button_is_refused_is_said():
    run = add()
    at_work(run)
    at = opened(PAGE)
    records.write_state(run.folder, State("done", ended=time.time()))
    jobs.remove(run.id)
    pressed(at, "Stop")
    assert "there is no such run" in text(at)


@pytest.mark.parametrize(
    ("kind", "page", "key", "study"),
    [
        ("masks", "overlap", "study", "gemma-3-270m-clm"),
        pytest.param(*("compression", "compression", "tables", "gemma-3-270m-compression"), marks=pytest.mark.long),
    ],
)
def test_a_finished_run_leads_to_its_study(kind, page, key, study):
    run = add(state="done", began=time.time() - 5, ended=time.time())
    duplicate(catalogue.BUNDLED / study, home.made(home.studies()) / "mine")
    request = records.read(run.folder, records.REQUEST)
    records.write(run.folder, records.REQUEST, request | {"command": KINDS[kind].commands[0]})
    at = opened(PAGE)
    links = {link.label: link.proto for link in at.get("page_link")}
    link = links[KINDS[kind].link]
    assert link.page == page
    assert link.query_string == f"{key}=mine"


def test_the_empty_app_and_the_overview_lead_to_runs(place, monkeypatch):
    links = [link.proto.page for link in opened("app.py").get("page_link")]
    assert links.count("runs") == 2  # the menu's, and one of the page
    apppages.only(place / "none", place, monkeypatch)
    links = [link.proto.page for link in opened("app.py").get("page_link")]
    assert links.count("runs") == 2


@pytest.mark.long
def test_parameters_of_this_page_are_not_carried_to_others():
    at = opened(PAGE, **{draft.ADDRESS: "{}", draft.ONE: "x", "study": "mini-mbert-mlm"})
    menu = {link.proto.page: link.proto.query_string for link in at.get("page_link")}
    assert menu["overlap"] == "study=mini-mbert-mlm"
