"""What a run of the app may name: nothing leaves the allowed folders, however it is written or linked."""

import argparse
import os
import shutil
import socket
from pathlib import Path

import pytest
from conftest import ROOT

from neutral import cli, home, options
from neutral.errors import NeutralError
from neutral.jobs import folders, sources
from neutral.runs.plans import COMMANDS, SearchPlan

MODEL = ROOT / "data" / "models" / "mini-mbert"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An allowed folder with a model and a text, beside one that is not allowed; no network."""
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path / "allowed"))
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(sources, "is_online", lambda: False)
    for name in ("allowed", "secret"):
        for kind, file in (("model", "config.json"), ("text", "en.txt")):
            (tmp_path / name / kind).mkdir(parents=True)
            (tmp_path / name / kind / file).write_text("{}")
    return tmp_path


def allowed(path):
    return folders.allowed(path, folders.roots(False))


def test_a_folder_that_is_allowed_is_its_real_path(place, monkeypatch):
    assert allowed(place / "allowed" / "model") == place / "allowed" / "model"
    (place / "allowed" / "other").symlink_to("model")
    assert allowed(place / "allowed" / "other") == place / "allowed" / "model"
    monkeypatch.chdir(place / "allowed")
    assert allowed("text") == place / "allowed" / "text"


def test_an_allowed_folder_may_itself_be_a_link(place, monkeypatch):
    (place / "link").symlink_to("allowed")
    monkeypatch.setenv(folders.VARIABLE, str(place / "link"))
    assert allowed(place / "link" / "model") == place / "allowed" / "model"


HOSTILE = {
    "outside": lambda place: place / "secret" / "model",
    "what is above": lambda place: place,
    "a name that begins alike": lambda place: shutil.copytree(place / "secret", place / "allowed2") / "model",
    "dots": lambda place: f"{place}/allowed/../secret/model",
    "dots that stay": lambda place: f"{place}/allowed/model/../model",
    "dots through a link": lambda place: f"{linked(place, 'deep', 'secret/model')}/../text",
    "a link out": lambda place: linked(place, "link", "secret/model"),
    "a relative link out": lambda place: linked(place, "link", "secret/model", relative=True),
    "a link to a link out": lambda place: linked(
        place, "second", "allowed/link", linked(place, "link", "secret/model")
    ),
    "below a link out": lambda place: linked(place, "link", "secret") / "model",
    "a link in from outside": lambda place: link(place / "secret" / "in", place / "allowed" / "model"),
    "a link inside, to a file": lambda place: inside(place, "model/weights.safetensors", "secret/model/config.json"),
    "a link inside, of text": lambda place: inside(place, "text/fr.txt", "secret/text/en.txt"),
    "a link inside, to a folder": lambda place: inside(place, "text/dev", "secret/text"),
    "a link deep inside": lambda place: inside(place, "text/a/b/c/d/e", "secret/text"),
    "a link inside, by way of one that stays": lambda place: inside(place, "model/x", other(place)),
    "a link inside, to nothing": lambda place: inside(place, "model/x", "secret/none"),
    "a circle of links": lambda place: inside(place, "model/x", "allowed/model/x"),
    "a pipe": lambda place: os.mkfifo(place / "allowed" / "model" / "pipe") or place / "allowed" / "model",
    "a pipe as such": lambda place: os.mkfifo(place / "allowed" / "pipe") or place / "allowed" / "pipe",
    "a socket": lambda place: bound(place / "allowed" / "text" / "s") or place / "allowed" / "text",
    "a device": lambda place: inside(place, "model/zero", "/dev/zero"),
    "standard input": lambda place: "/dev/stdin",
    "the processes": lambda place: "/proc/self/root",
    "the home of another": lambda place: "~root/model",
    "home": lambda place: "~",
    "below home": lambda place: "~/../secret",
    "nothing": lambda place: "",
    "a space": lambda place: " ",
    "a zero byte": lambda place: f"{place}/allowed/model\0",
    "what is not there": lambda place: place / "allowed" / "none",
    "a very long name": lambda place: place / "allowed" / ("x" * 5000),
}


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def linked(place, name, target, *_, relative=False):
    """A link in the allowed folder."""
    return link(place / "allowed" / name, Path("..", target) if relative else place / target)


def inside(place, name, target):
    """The model or text in the allowed folder, with a link in it."""
    link(place / "allowed" / name, place / target)
    return place / "allowed" / name.partition("/")[0]


def other(place):
    """A folder that is allowed, in which a link leads out."""
    link(place / "allowed" / "other" / "out", place / "secret")
    return place / "allowed" / "other"


def bound(path):
    """A socket in a folder; its name is short, as it must be."""
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_leaves_the_allowed_folders_is_refused_in_a_line(place, how):
    path = HOSTILE[how](place)
    with pytest.raises(NeutralError) as refused:
        allowed(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(NeutralError):
        sources.checked("find", ["--text", str(path)], folders.roots(False))


def test_what_is_outside_is_refused_alike_whether_it_is_there_or_not(place):
    said = []
    for name in ("model", "none"):
        with pytest.raises(NeutralError) as refused:
            allowed(place / "secret" / name)
        said.append(str(refused.value).replace(name, ""))
    assert said[0] == said[1]


def test_a_folder_with_more_files_than_a_model_has_is_refused(place, monkeypatch):
    monkeypatch.setattr(folders, "_MOST", 3)
    for number in range(4):
        (place / "allowed" / "model" / str(number)).touch()
    with pytest.raises(NeutralError, match="more than 3 files"):
        allowed(place / "allowed" / "model")


def test_a_link_to_another_allowed_folder_may_be_inside(place):
    """As in a cache of the hub, whose snapshots are links."""
    (place / "allowed" / "blobs").mkdir()
    (place / "allowed" / "blobs" / "1").write_text("{}")
    inside(place, "model/weights", "allowed/blobs/1")
    assert allowed(place / "allowed" / "model")


def test_who_sits_at_the_machine_has_the_home_folder_and_others_have_the_apps(place, monkeypatch):
    monkeypatch.delenv(folders.VARIABLE)
    monkeypatch.setattr(Path, "home", lambda: place / "allowed")
    (place / "home" / "models").mkdir(parents=True)
    assert place / "allowed" in folders.roots(True)
    assert folders.allowed("~/model", folders.roots(True)) == place / "allowed" / "model"
    assert folders.roots(False) == [place / "home" / "models", *folders.BUNDLED]
    monkeypatch.setenv(folders.VARIABLE, f"{place / 'secret'}:{place / 'none'}")
    assert (
        folders.roots(True) == folders.roots(False) == [place / "secret", place / "home" / "models", *folders.BUNDLED]
    )


def test_the_models_and_texts_of_a_folder_are_listed(place):
    top = place / "allowed"
    (top / "gguf").mkdir()
    (top / "gguf" / "m.gguf").touch()
    (top / "ner" / "en").mkdir(parents=True)
    (top / "ner" / "en" / "train.conll").touch()
    (top / "pictures").mkdir()
    (top / "pictures" / "cat.png").touch()
    (top / "deep" / "er").mkdir(parents=True)
    (top / "deep" / "er" / "sw.txt.xz").touch()
    (top / ".hidden").mkdir()
    (top / ".hidden" / "config.json").touch()
    (top / "programs").mkdir()
    for name in ("as", "cat", "training.csv"):
        (top / "programs" / name).touch()
    linked(place, "out", "secret")
    for split in ("train", "dev"):
        (top / "splits" / split).mkdir(parents=True)
        (top / "splits" / split / "en.txt").touch()
    found = folders.listing(top, folders.roots(False))
    assert found.models == [top / "gguf", top / "model"]
    assert found.texts == [top / "deep" / "er", top / "ner", top / "splits", top / "text"]
    assert found.whole


def test_the_bundled_models_and_texts_are_listed(place):
    roots = folders.roots(False)
    assert MODEL in folders.listing(MODEL.parent, roots).models
    assert folders.listing(ROOT / "data" / "sentences", roots).texts == [ROOT / "data" / "sentences"]
    tasks = {path.name for path in folders.listing(ROOT / "data" / "tasks", roots).texts}
    assert tasks == {"ner", "nli", "acceptability"}


@pytest.mark.parametrize("folder", ["/", "/etc", "{}/secret", "{}/allowed/../secret", "{}/allowed/none", ""])
def test_no_list_is_made_of_what_is_not_allowed(place, folder):
    with pytest.raises(NeutralError, match="no folder that this server allows"):
        folders.listing(folder.replace("{}", str(place)), folders.roots(False))


def test_a_list_ends_somewhere(place, monkeypatch):
    monkeypatch.setattr(folders, "_LOOKED", 1)
    assert not folders.listing(place / "allowed", folders.roots(False)).whole


def checked(*arguments, command="find"):
    return sources.checked(command, arguments, folders.roots(False))


def test_arguments_get_the_real_paths_of_what_they_name(place, monkeypatch):
    monkeypatch.chdir(place / "allowed")
    once = checked("--model", "model", "--text=text", "--sparsity", "0.5", "--title", "../x")
    assert once[:3] == ["--model", str(place / "allowed" / "model"), f"--text={place / 'allowed' / 'text'}"]
    assert once[3:] == ["--sparsity", "0.5", "--title", "../x"]
    assert checked(*once) == once


@pytest.mark.parametrize("title", ["-1", "--export=/tmp/x", "--study=/tmp/x", "a=b"])
def test_a_value_that_looks_like_an_option_stays_a_value(place, title):
    plan = SearchPlan(str(place / "allowed" / "model"), text=str(place / "allowed" / "text"), title=title)
    words = options.arguments(plan)
    assert checked(*words) == words
    once = checked("--keep=--export=/tmp/x", "--title", "a", command="compress")
    assert once[0] == "--keep=--export=/tmp/x"  # which a switch refuses


def test_an_option_that_takes_several_has_each_checked(place):
    good, bad = str(place / "allowed" / "text"), str(place / "secret" / "text")
    assert checked("--mask-files", good, good, command="retrieve")
    for command, option in (("retrieve", "--mask-files"), ("compress", "--finetune")):
        with pytest.raises(NeutralError):
            checked(option, good, bad, command=command)


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--mod", "/etc"], ["--te=/etc"], ["--t", "/etc"], ["--held", "/etc"], ["--", "/etc"], ["/etc"]),
        *(["--study", "/tmp/x"], ["--stud=/tmp/x"], ["--out", "x"], ["--device", "cpu"], ["--json-progress", "x"]),
        *(["--export", "/tmp/x"], ["--exp=/tmp/x"], ["--dry-run"], ["--address", "10.0.0.1:1"], ["--help"]),
        ["--title", "a\0b"],
    ],
    ids=" ".join,
)
def test_an_option_that_is_cut_or_not_a_runs_is_refused(place, arguments):
    with pytest.raises(NeutralError):
        checked(*arguments)


@pytest.mark.parametrize("command", ["study", "masks", "app", "find; ls", "", "-m"])
def test_the_app_runs_only_what_its_form_has(place, command):
    with pytest.raises(NeutralError, match="is no command that the app runs"):
        checked(command=command)


@pytest.mark.parametrize("name", ["../m.gguf", "/etc/passwd", "a/b.gguf", "..", "none.gguf", "out.gguf"])
def test_a_gguf_file_is_one_in_the_models_folder(place, name):
    model = place / "allowed" / "model"
    (model / "m.gguf").touch()
    assert checked("--model", str(model), "--gguf", "m.gguf")[-1] == "m.gguf"
    with pytest.raises(NeutralError):
        checked("--gguf", "m.gguf")
    if name == "out.gguf":
        link(model / name, place / "secret" / "model" / "config.json")
    with pytest.raises(NeutralError):
        checked("--model", str(model), "--gguf", name)


def test_masks_may_come_from_a_study_that_the_app_shows(place, monkeypatch):
    bundled = str(ROOT / "data" / "studies" / "mini-mbert-mlm")
    assert checked("--masks", bundled, command="transfer") == ["--masks", bundled]
    assert checked("--masks", "full,own", command="retrieve") == ["--masks", "full,own"]
    with pytest.raises(NeutralError):
        checked("--masks", str(place / "secret"), command="transfer")
    monkeypatch.setenv("NEUTRAL_STUDIES", str(place / "secret"))
    assert checked("--masks", str(place / "secret"), command="transfer")


def test_an_id_of_the_hub_needs_a_network(place, monkeypatch):
    with pytest.raises(NeutralError, match="the hub cannot be reached"):
        checked("--model", "google-bert/bert-base-multilingual-cased")
    monkeypatch.setattr(sources, "is_online", lambda: True)
    for name in ("google-bert/bert-base-multilingual-cased", "gpt2", "wikimedia/wikipedia", "nyu-mll/glue:cola"):
        assert checked("--text", name) == ["--text", name]


@pytest.mark.parametrize(
    "name",
    [
        "a/b/c",
        "../x",
        "a/..",
        "/a",
        "a b",
        "a/b:",
        "a/b:../c",
        "https://host/a",
        "a\n",
        "-a/b",
        "a@b",
        "x" * 200,
        "~/a",
    ],
)
def test_what_does_not_look_like_an_id_is_no_id(place, monkeypatch, name):
    monkeypatch.setattr(sources, "is_online", lambda: True)
    with pytest.raises(NeutralError):
        checked("--model", name)


def test_a_folder_here_is_no_id(place, monkeypatch):
    monkeypatch.setattr(sources, "is_online", lambda: True)
    monkeypatch.chdir(place)
    with pytest.raises(NeutralError):
        checked("--model", "secret/model")


def test_offline_is_believed_and_the_network_is_asked_shortly(monkeypatch):
    asked = []
    monkeypatch.setattr(sources, "_answers", lambda: asked.append(1) or True)
    monkeypatch.setattr(sources, "_reached", (float("-inf"), False))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not sources.is_online()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert sources.is_online()
    assert sources.is_online()
    assert asked == [1]


WORDS = {
    *(
        "--languages",
        "--functional-languages",
        "--labels",
        "--title",
        "--prompt",
        "--recipe",
        "--controls",
        "--task",
        "--source-task",
        "--method",
    ),
    *("--targets", "--sources", "--baselines", "--methods", "--measures", "--by", "--masks", "--weights", "--where"),
    *("--perplexity", "--alpha", "--finetune-task", "--finetune-train", "--regressed", "--devices"),
}
"""Options whose values are words, and are never opened; `--masks` is of `retrieve` and `represent`."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_may_name_a_file_is_checked(command):
    """A new option of text must be put into `sources`, or among the words here."""
    parser = next(each for each in cli._parser()._actions if isinstance(each, argparse._SubParsersAction))
    watched = {*sources.READ, *sources.FILES, *sources.STUDIES.get(command, ()), sources.WITHIN, *sources.SET}
    for action in parser.choices[command]._actions:
        if action.choices or action.nargs == 0 or getattr(action.type, "__name__", "") in NUMBERS:
            continue
        assert set(action.option_strings) <= watched | set(sources.REFUSED) | WORDS


NUMBERS = ("int", "float", "numbers", "decimals")


@pytest.mark.parametrize("title", ["-h", "--export=x", "-1", "--title=b", "- a", 'it\'s, "q" ü'])
def test_a_value_that_begins_like_an_option_stays_a_value(title, place, monkeypatch):
    monkeypatch.chdir(place / "allowed")
    plan = SearchPlan(model="model", text="text", title=title)
    once = checked(*options.arguments(plan))
    assert checked(*once) == once
    parser = argparse.ArgumentParser()
    for option in ("--model", "--text", "--title"):
        parser.add_argument(option)
    assert parser.parse_args(once).title == title


@pytest.mark.parametrize("word", ["-h", "-x", "-"])
def test_a_short_option_is_refused_since_help_would_count_as_done(word, place):
    with pytest.raises(NeutralError, match="belongs to no option"):
        checked("--halves", word)
