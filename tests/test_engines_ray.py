"""Runs on a Ray cluster of three nodes on this machine: the rows of one process, whatever dies on the way."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import errands
import pytest
import tiny
import torch
from conftest import ROOT
from errands import Errands
from processes import is_there, wait_for
from test_engines import left_behind, starting
from threadpoolctl import threadpool_limits

from neutral.errors import NeutralError
from neutral.progress import Progress, StoppedError
from neutral.recipes import Recipe
from neutral.runs.compression import compress
from neutral.runs.engines import Local, Ray, carry_out
from neutral.runs.engines.ray import code, dispatch
from neutral.runs.engines.ray.dispatch import UnitsFailedError
from neutral.runs.plans.compression import CompressionPlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.transfer import TransferPlan
from neutral.runs.search import find
from neutral.runs.transfer import transfer
from neutral.study import Study

pytestmark = pytest.mark.long

MEMORY = {"object_store_memory": 80 * 2**20}
CODES = ("en", "sw", "de")


@pytest.fixture(scope="module")
def cluster():
    """Three nodes with a CPU each, in folders of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # one process is of one mode, whatever cluster it joins
        patch.setenv("PYTHONPATH", str(ROOT / "tests"))  # of the errands; the package itself comes over Ray
        from ray.cluster_utils import Cluster

        place = tempfile.mkdtemp(prefix="nr-", dir="/tmp")  # a path so short that sockets have room in it
        patch.setenv("RAY_TMPDIR", place)
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **MEMORY})
        for _ in range(2):
            made.add_node(num_cpus=1, **MEMORY)
        yield made
        made.shutdown()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(autouse=True)
def _one_mode(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.saved(tmp_path_factory.mktemp("bert"), languages=CODES))


@pytest.fixture(scope="module")
def masks(model, tmp_path_factory):
    return searched(model, tmp_path_factory.mktemp("masks"), Local("cpu"))


RECIPE = Recipe(steps=3, batch_size=2, rate=1e-2, examples="same")


def searched(model, folder, engine, method="magnitude", **options):
    asked = {"recipe": RECIPE, "length": 32, "controls": ("pretrained", "shuffled"), "functional": (0.4,), **options}
    plan = SearchPlan(model, "mlm", CODES, method, (0.2, 0.4), **asked)
    return find(plan, tiny.text(CODES), folder, engine=engine, quiet=True)


def moved(model, masks, folder, engine):
    asked = {"baselines": ("full", "random", "core", "thinned"), "thinned": (0.2,), "recipe": RECIPE, "length": 32}
    plan = TransferPlan(model, "mlm", CODES, ("en", "sw"), (0.4,), **asked)
    return transfer(plan, tiny.text(CODES), folder, masks=masks, engine=engine, quiet=True)


def compressed(model, folder, engine):
    asked = {"length": 32, "held_out": 4, "calibration": 2, "neighbours": 20, "keep": True}
    plan = CompressionPlan(model, "mlm", CODES, ("svd", "direction", "int8"), (1.5,), **asked)
    return compress(plan, tiny.text(CODES), folder, engine=engine, quiet=True)


def runs(model, masks):
    """What is run -> a function that takes the study's folder and the engine."""
    return {
        "find, in rounds": partial(searched, model),
        "find, at once": partial(searched, model, method="wanda", halves=True),
        "transfer": partial(moved, model, masks.path),
        "compress": partial(compressed, model),
    }


def contents(study):
    """The rows sorted, and every other file but what says when it was made, and in which order."""
    files = {path.relative_to(study.path): path.read_bytes() for path in study.path.rglob("*") if path.is_file()}
    rows = files.pop(Path("results.jsonl")).splitlines()
    del files[Path("study.json")]
    info = {name: value for name, value in Study(study.path).info.items() if name != "created"}
    return sorted(rows), files, info


def seen(folder, unit):
    return [note for note in errands.log(folder) if note.unit == unit]


@pytest.fixture
def one_thread():
    """As a unit on a cluster has, since sums by several threads round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", ["find, in rounds", "find, at once", "transfer", "compress"])
def test_a_cluster_finds_what_one_process_finds(name, cluster, model, masks, tmp_path):
    run = runs(model, masks)[name]
    alone = run(folder=tmp_path / "alone", engine=Local("cpu"))
    before = left_behind()
    together = run(folder=tmp_path / "together", engine=Ray(cluster.address))
    assert contents(together) == contents(alone)
    if name.startswith("find"):
        assert set(together.table("text")["language"]) == set(CODES)
    assert wait_for(lambda: left_behind() <= before, 60)


def test_a_model_reaches_machines_that_do_not_see_its_folder_once_each_and_leaves_them(cluster, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(bytes(5 * 2**20))
    units = [errands.unit(name, seconds=0.3) for name in "abcdef"]
    before = left_behind()
    work = Errands(tmp_path, units, model=str(tmp_path / "model"))
    carry_out(work, Ray(cluster.address), quiet=True)
    assert sorted(work.rows()) == [f"{name} 0 {{}}" for name in "abcdef"]
    log = errands.log(tmp_path)
    assert len({note.node for note in log}) > 1
    assert {Path(note.model).name for note in log} == {"model"}
    assert str(tmp_path / "model") not in {note.model for note in log}
    assert wait_for(lambda: left_behind() <= before, 60)


def test_a_node_that_dies_costs_its_units_last_piece_and_one_that_joins_is_used(cluster, tmp_path):
    units = [errands.unit(f"u{number}", pieces=4, seconds=0.5) for number in range(10)]
    work, killed = Errands(tmp_path, units), []
    write = work.write

    def write_and_kill(unit, piece):
        write(unit, piece)
        if not killed and len({note.node for note in errands.log(tmp_path)}) == 3:
            import ray

            own = ray._private.worker.global_worker.node._raylet_socket_name
            killed.append(next(node for node in cluster.worker_nodes if node._raylet_socket_name != own))
            cluster.remove_node(killed[0], allow_graceful=False)
            cluster.add_node(num_cpus=1, wait=False, **MEMORY)

    work.write = write_and_kill
    progress = Progress(quiet=True)
    carry_out(work, Ray(cluster.address), progress)
    rows = Counter(work.rows())
    assert rows == Counter(f"u{number} {piece} hello" for number in range(10) for piece in range(4))
    assert progress.done == 10
    notes = errands.log(tmp_path)
    assert len({note.node for note in notes}) == 4, "three, and the one that joined"
    again = [unit.key[0] for unit in units if len(seen(tmp_path, unit.key[0])) > 1]
    assert len(again) == 1, "the unit of the node that died"


OWNER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
import errands
from neutral.progress import heard
from neutral.runs.engines import Ray, carry_out
units = [errands.unit(f"u{{number}}", pieces=6, seconds={seconds!r}) for number in range(4)]
if __name__ == "__main__":
    with heard():
        carry_out(errands.Errands(Path({folder!r}), units), Ray({address!r}, starting={starting!r}), quiet=True)
"""
UNITS = [errands.unit(f"u{number}", pieces=6, seconds=0.5) for number in range(4)]


def owner(folder, address="", seconds=0.5):
    """A process that owns a run, which has begun to write; a piece takes so many seconds."""
    given = starting(2) if not address else {}
    texts = {"tests": str(ROOT / "tests"), "root": str(ROOT), "folder": str(folder), "address": address}
    script = OWNER.format(**texts, starting=given, seconds=seconds)
    env = {name: value for name, value in os.environ.items() if address or name != "RAY_AUTH_MODE"}
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, cwd=ROOT, env=env)
    assert wait_for(lambda: len(Errands(folder, UNITS).rows()) > 1, 120)
    return process


@pytest.mark.parametrize("where", ["here", "cluster"])
def test_an_owner_that_is_killed_leaves_no_workers_and_its_run_goes_on(where, cluster, tmp_path):
    address = cluster.address if where == "cluster" else ""
    others = left_behind()
    process = owner(tmp_path, address)
    process.kill()
    process.wait()
    pids = {note.pid for note in errands.log(tmp_path)}
    work = Errands(tmp_path, UNITS)
    before = Counter(work.rows())
    carry_out(work, Ray(address, starting={} if address else starting(2)), quiet=True)
    assert wait_for(lambda: not any(map(is_there, pids)), 20)
    rows = Counter(work.rows())
    assert rows == Counter(f"u{number} {piece} hello" for number in range(4) for piece in range(6))
    assert before <= rows
    assert wait_for(lambda: left_behind() <= others, 60), "who comes later removes what a killed one left"


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGUSR1, "StoppedError")])
def test_a_stop_takes_all_workers_down(number, said, tmp_path):
    others = left_behind()
    process = owner(tmp_path, seconds=3)  # so that it has not ended when it is stopped
    mine = {note.pid for note in errands.log(tmp_path)}
    os.kill(process.pid, number)
    _, told = process.communicate(timeout=60)
    assert said in told.splitlines()[-1]
    assert wait_for(lambda: not any(map(is_there, mine)))
    assert wait_for(lambda: left_behind() <= others, 60)
    rows = Errands(tmp_path, UNITS).rows()
    assert len(rows) == len(set(rows)) < 24


def test_a_stop_waits_for_the_pieces_that_are_under_way(tmp_path):
    work, progress = Errands(tmp_path, [errands.unit(name, pieces=9, seconds=1) for name in "ab"]), Progress(quiet=True)
    write = work.write

    def stop(unit, piece):
        write(unit, piece)
        progress.stop_asked = True

    work.write = stop
    with pytest.raises(StoppedError):
        carry_out(work, Ray(starting=starting(2)), progress)
    assert 2 <= len(work.rows()) <= 4
    assert {row.split()[0] for row in work.rows()} <= {"a", "b"}


def test_a_unit_that_lacks_memory_on_one_device_is_done_on_another(cluster, tmp_path):
    units = [errands.unit(name, seconds=0.3, how="memory") for name in "abcde"]
    work = Errands(tmp_path, units)
    carry_out(work, Ray(cluster.address), quiet=True)
    assert sorted(work.rows()) == [f"{name} 0 hello" for name in "abcde"]
    small = (tmp_path / "was-memory").read_text()
    tries = [note for note in errands.log(tmp_path) if note.node == small]
    assert tries
    assert len(tries) == len({note.unit for note in tries}), "no unit is tried there twice"


def test_a_device_that_is_the_only_one_and_too_small_is_said(tmp_path):
    with pytest.raises(UnitsFailedError, match=r"1 of 1 units failed 3 times.*CUDA out of memory.*; lower --batch"):
        carry_out(Errands(tmp_path, [errands.unit("a", how="memory")]), Ray(starting=starting(1)), quiet=True)


def test_what_is_wrong_with_the_input_ends_the_run_at_once(cluster, tmp_path):
    units = [errands.unit("a", 9, how="input"), *[errands.unit(name, seconds=20) for name in "bc"]]
    with pytest.raises(NeutralError, match=r"^the input is wrong; put it right$"):
        carry_out(Errands(tmp_path, units), Ray(cluster.address), quiet=True)
    assert len(seen(tmp_path, "a")) == 1


@pytest.mark.parametrize(
    ("given", "cpus", "gpus", "slots", "device"),
    [
        ({}, 2, 0, 2, "cpu"),
        ({"cpus_per_run": 0.5}, 2, 0, 4, "cpu"),
        ({"cpus_per_run": 2}, 3, 0, 1, "cpu"),
        ({}, 4, 2, 2, "cuda"),
        ({"gpus_per_run": 0.5}, 4, 1, 2, "cuda"),
        ({"gpus_per_run": 0}, 2, 2, 2, "cpu"),
        ({}, 9, 0, 5, "cpu"),
    ],
)
def test_slots_follow_from_what_there_is_and_what_a_unit_takes(given, cpus, gpus, slots, device, tmp_path):
    units = [errands.unit(str(number), seconds=4) for number in range(5)]
    engine = Ray(**given, starting={**starting(cpus), "num_gpus": gpus})
    carry_out(Errands(tmp_path, units), engine, quiet=True)
    notes = errands.log(tmp_path)
    assert len({note.pid for note in notes}) == slots
    assert {note.device.partition(":")[0] for note in notes} == {device}
    if device == "cuda":
        assert len({note.device for note in notes}) == gpus, "each sees its own"


def test_a_unit_that_is_larger_than_this_machine_is_refused(tmp_path):
    with pytest.raises(NeutralError, match=r"--cpus-per-run, .*a unit takes 4 CPU, and this machine has 2 CPU"):
        carry_out(Errands(tmp_path, [errands.unit("a")]), Ray(cpus_per_run=4, starting=starting(2)), quiet=True)


def test_a_cluster_without_room_is_said_in_a_line(cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dispatch, "PATIENCE", 1.0)
    work, progress = Errands(tmp_path, [errands.unit("a")]), Progress(quiet=True)
    sayings = []

    def say(lines):
        sayings.extend(lines)
        progress.stop_asked = True

    monkeypatch.setattr(dispatch, "say", say)
    with pytest.raises(StoppedError):
        carry_out(work, Ray(cluster.address, cpus_per_run=8), progress)
    (line,) = sayings
    assert "no machine has taken a unit for 1 s: each takes 8 CPU, the cluster has 3 CPU and 0 GPU" in line


def test_other_code_on_a_machine_is_refused(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(code, "digest", lambda: "0.0.0 another")
    with pytest.raises(NeutralError, match=r"has neutral .*, and this process 0\.0\.0 another; both must be the same"):
        carry_out(Errands(tmp_path, [errands.unit("a")]), Ray(cluster.address), quiet=True)


@pytest.mark.parametrize(
    ("address", "said"), [("127.0.0.1:9", "Ray could not be reached"), ("ray://host:1", "--address auto")]
)
def test_a_cluster_that_is_not_reached_is_said_in_a_line(address, said, tmp_path):
    with pytest.raises(NeutralError, match=said) as told:
        carry_out(Errands(tmp_path, [errands.unit("a")]), Ray(address), quiet=True)
    assert "\n" not in str(told.value)


@pytest.mark.usefixtures("one_thread")
def test_a_search_goes_on_at_the_round_that_the_study_has(model, tmp_path, monkeypatch):
    """A worker dies in the second round; the unit goes on with that, and ends as it would have."""
    from neutral.runs.search.work import Finder

    plan = SearchPlan(model, "mlm", ("en",), "magnitude", (0.2, 0.4), recipe=replace(RECIPE, head="keep"), length=32)
    whole = find(plan, tiny.text(CODES), tmp_path / "whole", device="cpu", quiet=True)
    write, starts = Finder.write, []

    def kill(self, unit, piece):
        write(self, unit, piece)
        if len(starts) == 1:
            for pid in _slots():
                os.kill(pid, signal.SIGKILL)

    def given(self, unit, usual=Finder.given):
        starts.append(usual(self, unit)["start"])
        return usual(self, unit)

    monkeypatch.setattr(Finder, "write", kill)
    monkeypatch.setattr(Finder, "given", given)
    again = find(plan, tiny.text(CODES), tmp_path / "again", engine=Ray(starting=starting(1)), quiet=True)
    assert contents(again) == contents(whole)
    assert starts[0] == 0
    assert starts[1] > 0


def _slots():
    """Processes of the slots that this process's own cluster has."""
    shown = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [
        (int(pid), int(parent), name) for pid, parent, name in (line.split(None, 2) for line in shown.splitlines()[1:])
    ]
    mine = {pid for pid, parent, _ in rows if parent == os.getpid()}
    return [pid for pid, parent, name in rows if parent in mine and name.startswith("ray::Slot")]
