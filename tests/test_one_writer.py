"""Two processes on one study: the second is refused before it does anything, and no row comes twice."""

import collections
import json
import subprocess
import sys
import threading

import pytest
import synthetic
import tiny
from conftest import ROOT

from neutral.errors import FileError, NeutralError, StorageError
from neutral.lock import RECORD, only_writer
from neutral.recipes import Recipe
from neutral.runs import compression, finetuning, inside, search, transfer, typology
from neutral.runs.plans.compression import CompressionPlan
from neutral.runs.plans.finetuning import FinetuningPlan
from neutral.runs.plans.inside import InsidePlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.transfer import TransferPlan
from neutral.runs.plans.typology import TypologyPlan
from neutral.study import Study

RUN = """
import sys, time
from neutral.errors import NeutralError
from neutral.lock import only_writer
from neutral.study import Study
try:
    with only_writer(sys.argv[1]):
        study = Study.create(sys.argv[1], {"title": "t"})
        for number in range(30):
            if not study.has("score", number=number):
                time.sleep(0.02)
                study.append("score", number=number)
except NeutralError as error:
    sys.exit(print(error) or 2)
"""
PLANS = {
    "find": lambda model, folder: search.find(
        SearchPlan(model, "mlm", ("en",), "random", (0.5,), recipe=Recipe(steps=1)), tiny.text(), folder
    ),
    "transfer": lambda model, folder: transfer.transfer(
        TransferPlan(model, "mlm", ("en",), ("en",)), tiny.text(), folder, masks=folder
    ),
    "typology": lambda _, folder: typology.explain(Study(folder), TypologyPlan(), quiet=True),
    "distances": lambda _, folder: typology.distances(Study(folder), ["en", "sw"]),
    "retrieve": lambda model, folder: inside.retrieve(InsidePlan(model), folder),
    "represent": lambda model, folder: inside.represent(InsidePlan(model), folder),
    "compress": lambda model, folder: compression.compress(
        CompressionPlan(model, "mlm", ("en",), ("int8",), (4.0,)), tiny.text(), folder
    ),
    "finetune": lambda _, folder: finetuning.tune(
        type("Compressor", (), {"study": Study(folder)}), FinetuningPlan(("none",)), {}
    ),
    "append": lambda _, folder: Study(folder).append("score", value=1.0),
    "extend": lambda _, folder: Study(folder).extend("score", [{"value": 1.0}]),
    "create": lambda _, folder: Study.create(folder, {"notes": ["mine"]}),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic.encoder_study(tmp_path_factory.mktemp("studies") / "study", layers=2, seeds=(0,))


@pytest.fixture
def writer(study, monkeypatch):
    """Another thread that writes in the study."""
    monkeypatch.setattr("neutral.study.study._PATIENCE", 0.05)
    begun, end = threading.Event(), threading.Event()

    def hold():
        with only_writer(study.path):
            begun.set()
            end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    yield
    end.set()
    thread.join()


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != RECORD}


@pytest.mark.usefixtures("writer")
@pytest.mark.parametrize("name", PLANS)
def test_whatever_writes_is_refused_while_another_writes(study, name):
    before = contents(study.path)
    with pytest.raises(NeutralError, match=r"another thread of this process writes here: .*; wait for it, or choose"):
        PLANS[name]("no model", study.path)
    assert contents(study.path) == before


@pytest.mark.usefixtures("writer")
def test_readers_are_not_held_up_and_write_nothing(study):
    before, changed = contents(study.path), study.path.stat().st_mtime_ns
    again = Study(study.path)
    assert len(again.table("score"))
    assert len(again.counts_index())
    assert again.counts("mlm", "magnitude", 0.5).members
    assert contents(study.path) == before
    assert study.path.stat().st_mtime_ns == changed


def test_of_two_processes_at_once_one_writes_and_the_other_says_who(tmp_path):
    folder = str(tmp_path / "study")
    command = [sys.executable, "-c", RUN, folder]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    line = "".join(said)
    winner = next(process.pid for process in both if not process.returncode)
    assert line.count("\n") == 1
    assert line.startswith(f"{folder}: another process writes here: python (pid {winner} on ")
    assert [row["number"] for row in Study(folder).rows()] == list(range(30))
    assert not (tmp_path / "study" / RECORD).exists()


def test_a_study_that_was_removed_is_not_begun_anew_by_a_result(tmp_path):
    study = Study.create(tmp_path / "study", {})
    (tmp_path / "study").rename(tmp_path / "moved")
    with pytest.raises(FileError, match="is no longer a study"):
        study.append("score", value=1.0)
    assert not (tmp_path / "study").exists()


def test_rows_that_belong_together_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    from neutral.study import lines

    study = Study.create(tmp_path / "study", {})
    study.append("score", number=0)
    before = (study.path / "results.jsonl").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lines.os, "fsync", full)
    with pytest.raises(StorageError, match="no space"):
        lines.append(study.path / "results.jsonl", "score", [{"number": n} for n in range(1, 4)])
    assert (study.path / "results.jsonl").read_bytes() == before


@pytest.mark.long
def test_two_searches_side_by_side_find_each_ticket_once(tmp_path):
    model = tiny.saved(tmp_path / "model")
    options = ["--model", model, "--text", tiny.SENTENCES, "--languages", "en,sw", "--study", tmp_path / "study"]
    options += ["--method", "random", "--steps", "40", "--batch", "2", "--length", "32", "--device", "cpu", "--quiet"]
    options += ["--seeds", "0,1"]
    command = [sys.executable, "-m", "neutral", "find", *map(str, options)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    errors = {process.communicate()[1]: process for process in both}
    assert sorted(process.returncode for process in both) == [0, 2], list(errors)
    (refused,) = (error for error, process in errors.items() if process.returncode)
    winner = next(process.pid for process in both if not process.returncode)
    assert f"another process writes here: neutral find (pid {winner} on " in refused
    rows = collections.Counter(json.dumps({k: r.get(k) for k in search.KEY}) for r in Study(tmp_path / "study").rows())
    assert set(rows.values()) == {1}
