"""Engines do the units of a run: what local and Ray have in common, and what Ray's parts do without a cluster."""

import os
import sys
from pathlib import Path

import errands
import pytest
from errands import Errands
from processes import is_there, wait_for

from neutral.errors import MemoryLimitError, NeutralError, StorageError
from neutral.progress import Progress, StoppedError
from neutral.runs import engines
from neutral.runs.engines import Local, Ray, carry_out
from neutral.runs.engines.ray import held, parcel
from neutral.runs.engines.ray.cluster import Node, Wanted
from neutral.runs.engines.ray.dispatch import UnitsFailedError
from neutral.runs.engines.ray.slot import failure


def starting(cpus):
    """A small cluster of this machine."""
    return {"num_cpus": cpus, "object_store_memory": 80 * 2**20}


def left_behind():
    """Private folders of runs in the folder for temporary files."""
    return {mark.parent for mark in Path("/tmp").glob("neutral-*/.of-a-run")}


def test_units_are_done_in_order_phase_after_phase(tmp_path):
    work = Errands(tmp_path, [errands.unit("b", pieces=2), errands.unit("a")], [errands.unit("c")])
    carry_out(work, Local(), quiet=True)
    assert work.rows() == ["b 0 hello", "b 1 hello", "a 0 hello", "c 0 hello"]
    carry_out(work, Local(), quiet=True)
    assert len(work.rows()) == 4, "what is done is not done again"


def test_a_stop_that_is_asked_for_comes_behind_a_piece(tmp_path):
    work, progress = Errands(tmp_path, [errands.unit("a", pieces=3)]), Progress(quiet=True)
    write = work.write

    def stop(unit, piece):
        write(unit, piece)
        progress.stop_asked = len(work.rows()) == 2

    work.write = stop
    with pytest.raises(StoppedError):
        carry_out(work, Local(), progress)
    assert len(work.rows()) == 2
    work.write = write
    carry_out(work, Local(), quiet=True)
    assert work.rows() == ["a 0 hello", "a 1 hello", "a 2 hello"], "it goes on behind what is written"


@pytest.mark.long
def test_ray_does_the_longest_unit_first_tries_what_dies_again_and_names_what_fails(tmp_path, capsys, monkeypatch):
    """One slot, so that the order is seen; a unit kills its process, another one is never done."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # as the cluster of the other tests, if they are of this process
    units = [errands.unit("short", 1, pieces=2), errands.unit("long", 9)]
    units += [errands.unit("dying", 5, pieces=2, how="dies"), errands.unit("failing", 3, how="fault")]
    work = Errands(tmp_path, units, [errands.unit("after")])
    before = left_behind()
    progress = Progress(quiet=True)
    with pytest.raises(UnitsFailedError) as said:
        carry_out(work, Ray(starting=starting(1)), progress)
    assert str(said.value) == (
        "1 of 4 units failed 3 times each, and the others are done: errand failing (a fault of its own (ValueError)); "
        "the same command tries them again"
    )
    assert work.rows() == ["long 0 hello", "dying 0 hello", "dying 1 hello", "short 0 hello", "short 1 hello"]
    log = errands.log(tmp_path)
    assert [note.unit for note in log] == ["long", "dying", "dying", *["failing"] * 3, "short"]
    processes = {note.pid for note in log}
    assert os.getpid() not in processes
    assert work.loads == 1, "a shared value is loaded once"
    assert (progress.done, progress.units) == (3, 5)
    assert [each["unit"] for each in progress.told()["failed"]] == ["errand failing"]
    assert wait_for(lambda: not any(map(is_there, processes)))
    assert left_behind() == before
    assert capsys.readouterr().out == ""


def test_ray_that_is_not_installed_is_said_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NeutralError, match=r"Ray is not installed; install it with `pip install neutral\[cluster\]`"):
        engines.named("ray")
    with pytest.raises(NeutralError, match="Ray is not installed"):
        carry_out(Errands(tmp_path, []), Ray(), quiet=True)


def test_engines_are_told_by_name():
    assert engines.named("local", device="cpu") == Local("cpu")
    assert engines.named("ray", address="auto", gpus_per_run=0.5) == Ray("auto", None, 0.5)
    for given in ({"cpus_per_run": 0}, {"cpus_per_run": -1}, {"gpus_per_run": -0.5}):
        with pytest.raises(NeutralError, match="--cpus-per-run, --gpus-per-run: over 0"):
            engines.named("ray", **given)


@pytest.mark.parametrize(
    ("cpus", "gpus", "wanted", "slots"),
    [
        (16, 0, (1, 0), 16),
        (16, 0, (0.5, 0), 32),
        (2, 0, (4, 0), 0),
        (0, 0, (1, 0), 0),
        (16, 2, (1, 1), 2),
        (1, 2, (1, 1), 1),
        (16, 2, (1, 0.5), 4),
        (16, 2, (1, 0.4), 4),  # 0.4 of a GPU leaves 0.2 of each
        (16, 4, (1, 2), 2),
        (16, 0, (1, 1), 0),
        (0.3, 0, (0.1, 0), 3),
    ],
)
def test_slots_are_as_many_as_a_machine_has_room_for(cpus, gpus, wanted, slots):
    assert Wanted(*wanted).room(Node("", "", cpus, gpus)) == slots


def test_a_failure_is_one_of_memory_of_the_input_or_a_fault():
    assert failure(MemoryError()).kind == "memory"
    assert failure(RuntimeError("CUDA out of memory")).kind == "memory"
    assert failure(MemoryLimitError("lower --batch")).kind == "memory"
    assert failure(NeutralError("--text: empty")).kind == "input"
    assert failure(StorageError("/tmp/x", "no space is left")).kind == "fault", "another machine may have room"
    assert failure(ValueError("a\nb")).line == "a (ValueError)"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(held, "_place", lambda: tmp_path)
    return tmp_path


def test_a_folder_is_filled_once_and_goes_when_the_last_lets_it_go(place):
    fills = []
    one, other = (held.filled("key", lambda path: fills.append((path / "model").touch())) for _ in range(2))
    assert one.path == other.path
    assert len(fills) == 1
    assert one.path.stat().st_mode & 0o777 == 0o700
    one.leave()
    assert (other.path / "model").exists()
    other.leave()
    assert not list(place.iterdir())


def test_a_folder_that_was_left_over_is_removed_by_who_comes_later_and_no_other_is(place):
    os.close(held.new().number)  # as the kernel does when a process is killed
    (place / "neutral-study").mkdir()
    kept = held.new()
    assert {path.name for path in place.iterdir()} == {"neutral-study", kept.path.name}


def test_a_folder_that_was_left_half_filled_is_filled_anew(place):
    def fail(path):
        (path / "model").mkdir()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        held.filled("key", fail)
    again = held.filled("key", lambda path: (path / "model").mkdir())
    assert (again.path / "model").is_dir()


def test_a_folder_that_others_may_open_is_refused(place):
    (place / f"neutral-{os.getuid()}-key").mkdir(mode=0o755)
    with pytest.raises(NeutralError, match="is not this user's alone"):
        held.filled("key", lambda _: None)


def test_a_parcel_has_what_a_model_is_loaded_from(tmp_path):
    names = ("config.json", "model.safetensors", "tokenizer.json", "spiece.model")
    for name in (*names, "pytorch_model.bin", "tf_model.h5", "optimizer.pt", "onnx.onnx", ".gitattributes"):
        (tmp_path / name).write_text(name)
    (tmp_path / "checkpoint-5").mkdir()
    assert {path.name for path in parcel._files(tmp_path)} == set(names)
    (tmp_path / "model.safetensors").unlink()
    assert "pytorch_model.bin" in {path.name for path in parcel._files(tmp_path)}


def test_a_line_of_a_worker_names_the_folder_as_it_is_called_here():
    sent = parcel.Parcel("bert", "0123", ())
    assert sent.as_here("/tmp/neutral-0-0123/bert: no tokenizer", "models/bert") == "models/bert: no tokenizer"
