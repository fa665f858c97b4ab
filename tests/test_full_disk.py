"""Long commands on a disk that refuses: one line, exit code 2, and with room again they go on to the same results."""

import builtins
import errno
import io
import itertools
import json
import os
import resource
import shutil
from contextlib import contextmanager

import pytest
import tiny
import torch

from neutral import cli, maskfiles
from neutral.errors import FileError
from neutral.study import Study

CODES = ("en", "sw", "de", "fr")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.saved(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for code, lines in tiny.text(CODES, 30).train.items():
        (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def masks(model, text, tmp_path_factory):
    """A study with the masks of four languages, which no test changes."""
    folder = tmp_path_factory.mktemp("masks")
    command = ["find", "--model", model, "--text", text, "--study", str(folder), "--method", "wanda", "--steps", "0"]
    assert cli.main([*command, "--sparsity", "0.4", "--length", "32", "--device", "cpu", "--quiet"]) == 0
    return folder


COMMANDS = {
    "find": "--method wanda --blocks 4 --sparsity 0.4 --halves --functional 0.4 --controls pretrained --steps 0",
    "find in rounds": "--sparsity 0.2 --step 0.1 --recipe paper --steps 2 --batch 2 --languages en,sw",
    "transfer": "--method wanda --sparsity 0.4 --steps 2 --batch 2 --targets en,sw --baselines full,random",
    "compress": "--methods svd,int8,direction,pq --ratios 2 --keep --lines 30",
    "retrieve": "--method wanda --masks full,each --sparsity 0.4",
    "represent": "--method wanda --masks full,each --sparsity 0.4",
    "typology": "--sparsity 0.4 --permutations 9 --by all --measures jaccard",
}


@pytest.fixture
def run(request, model, text, masks, tmp_path, capsys):
    """Run a command into the study "full", or another; return the exit code, and keep what was said."""
    name = request.param
    options = [name.split()[0], *COMMANDS[name].split(), "--quiet"]
    options += ["--model", model] if name != "typology" else []
    options += ["--sentences" if name in ("retrieve", "represent") else "--text", text] if name != "typology" else []
    options += ["--length", "32"] if name in ("find", "find in rounds", "transfer", "compress") else []
    options += ["--masks", str(masks), "--device", "cpu"] if name == "transfer" else []
    options += ["--device", "cpu"] if name not in ("transfer", "typology") else []

    if name in ("retrieve", "represent", "typology"):
        for folder in ("whole", "full"):
            shutil.copytree(masks, tmp_path / folder)

    def run(folder="full"):
        code = cli.main([*options, "--study", str(tmp_path / folder)])
        run.said = capsys.readouterr().err
        return code

    return run


def tensors(data):
    """The header of a file of tensors, and their bytes."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def contents(study):
    """What a study holds, apart from the day and the order of rows and of headers' entries."""
    rows = [json.dumps(row, sort_keys=True) for row in Study(study).rows()]
    assert len(set(rows)) == len(rows), "nothing is there twice"
    files = {path.relative_to(study): path for path in study.rglob("*") if path.is_file()}
    kept = {str(name): tensors(path.read_bytes()) for name, path in files.items() if name.suffix == ".safetensors"}
    info = {name: value for name, value in Study(study).info.items() if name != "created"}
    return sorted(rows), sorted(map(str, files)), kept, info


@contextmanager
def refused(folder, allowed):
    """Within, the system refuses to write in a folder after so many times, whoever asks."""
    asked = 0
    folder = os.fspath(folder)

    def refusing(what, is_write=lambda *_: True):
        def asking(*arguments, **options):
            nonlocal asked
            path = arguments[0]
            if is_write(*arguments, **options) and (isinstance(path, int) or os.fspath(path).startswith(folder)):
                asked += 1
                if asked > allowed:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([] if isinstance(path, int) else [path]))
            return what(*arguments, **options)

        return asking

    def opens_to_write(_, mode="r", *__, **___):
        return set(mode) & set("wax+")

    with pytest.MonkeyPatch.context() as patched:
        for module in (builtins, io):
            patched.setattr(module, "open", refusing(open, opens_to_write))
        for name in ("replace", "mkdir", "fsync"):
            patched.setattr(os, name, refusing(getattr(os, name)))
        yield


@contextmanager
def small_files(size):
    """Within, no file may grow beyond so many bytes: what is written up to there stays, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def stopped(run, tmp_path):
    """Whether a run was stopped; if so it must have said why in one line, and have left no draft."""
    code = run()
    if code == 0:
        return False
    assert code == 2, run.said
    lines = [line for line in run.said.splitlines() if "runs to do" not in line]
    assert len(lines) == 1, run.said
    assert lines[0].startswith(f"neutral: {tmp_path}")
    assert "run the same command again" in lines[0]
    assert not list(tmp_path.rglob("*.part"))
    return True


def go_on(run, tmp_path, refusing, steps):
    """Run again and again where less and less is refused, and compare with a run that nothing disturbed."""
    assert run("whole") == 0, run.said
    times = 0
    for step in steps:
        with refusing(step):
            if not stopped(run, tmp_path):
                break
        times += 1
    assert times > 2
    assert run() == 0
    assert contents(tmp_path / "full") == contents(tmp_path / "whole")


@pytest.mark.parametrize("run", ["find"], indirect=True)
def test_a_full_disk_stops_a_search_and_with_room_it_goes_on(run, tmp_path):
    go_on(run, tmp_path, lambda step: refused(tmp_path / "full", step), [0, 3, 9, 27])


@pytest.mark.long
@pytest.mark.parametrize("run", COMMANDS, indirect=True)
def test_whichever_write_the_disk_refuses_the_command_goes_on_to_the_same_results(run, tmp_path):
    go_on(run, tmp_path, lambda step: refused(tmp_path / "full", step), itertools.count())


@pytest.mark.long
@pytest.mark.parametrize("run", COMMANDS, indirect=True)
def test_half_written_files_leave_nothing_that_the_next_run_stumbles_over(run, tmp_path):
    go_on(run, tmp_path, small_files, (int(1.5**n) for n in itertools.count(8)))


@pytest.mark.long
def test_a_mask_is_not_called_damaged_where_there_is_no_place_to_unpack_it(tmp_path):
    torch.save({"encoder.layer.0.output.dense.weight": torch.ones(256, 256)}, tmp_path / "en.pt")
    with small_files(2000), pytest.raises(FileError, match=r"en.pt: could not be read, for want of a place to work in"):
        maskfiles.read(tmp_path / "en.pt")
