"""What the system refuses is one line, whichever library met it; a fault of the program stays one."""

import errno
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from neutral import cli, maskfiles
from neutral.compression.table import Rebuilt
from neutral.errors import MemoryLimitError, NeutralError, StorageError
from neutral.files import storing, write_whole, written_whole
from neutral.masks import Mask
from neutral.study import Study, lines
from neutral.system import is_lack_of_memory, refused
from neutral.training import memory_limit

MASK = Mask.random(Mask.from_tensors({"encoder.layer.0.output.dense.weight": torch.ones(8, 8)}), 0.5, 0)


def refuse(number):
    """A function that the system refuses, whatever it is asked."""

    def asked(*_):
        raise OSError(number, os.strerror(number))

    return asked


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("ENOSPC", "no space is left on its disk; make room and run the same command again"),
        ("EDQUOT", "quota"),
        ("EFBIG", "ulimit -f"),
        ("EROFS", "only be read"),
        ("EACCES", "permission denied"),
        ("ENOENT", "no such file or folder"),
        ("EMFILE", "too many files are open"),
        ("EIO", "input/output error"),
        ("ESTALE", "stale file handle"),
    ],
)
def test_each_refusal_is_a_line_that_names_the_file(number, said):
    code = getattr(errno, number)
    with pytest.raises(StorageError, match=said) as caught, storing("runs/mine"):
        raise OSError(code, os.strerror(code), "runs/mine/a.safetensors")
    assert caught.value.path == "runs/mine/a.safetensors"
    assert "\n" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value), "it comes from a worker as it is"


def test_a_refusal_that_names_no_file_is_of_the_one_that_was_written():
    with pytest.raises(StorageError, match=r"^runs/mine: no space"), storing("runs/mine"):
        refuse(errno.ENOSPC)()


def test_what_libraries_make_of_a_refusal_is_understood(tmp_path):
    tensors = {"a": torch.zeros(10)}
    missing = tmp_path / "none" / "a"
    with pytest.raises(StorageError, match="no such file or folder"), storing(missing):
        save_file(tensors, missing)
    with pytest.raises(StorageError, match="make sure that its disk has room"), storing(missing):
        torch.save(tensors, missing)
    with pytest.raises(StorageError, match="no space is left"), storing("a.npz"), open("/dev/full", "wb") as file:
        np.savez(file, a=np.zeros(10**6))
    assert refused(SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"))


@pytest.mark.parametrize("fault", [OSError("negative seek position"), OSError(errno.EBADF, "x"), ValueError("x")])
def test_a_fault_of_the_program_stays_one(fault):
    with pytest.raises(type(fault)), storing("runs/mine"):
        raise fault
    assert not is_lack_of_memory(fault)


def test_a_users_error_passes_as_it_is():
    with pytest.raises(NeutralError, match=r"^a word$") as caught, storing("runs/mine"):
        raise NeutralError("a word")
    assert not isinstance(caught.value, StorageError)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: np.zeros(10**15),
        lambda: torch.empty(10**15),
        lambda: [0] * 10**15,
        refuse(errno.ENOMEM),
    ],
    ids=["numpy", "torch", "python", "system"],
)
def test_too_little_memory_is_a_line_with_what_to_lower(ask):
    refusal = pytest.raises(MemoryLimitError, match="the computer ran out of memory; lower --batch")
    with refusal, memory_limit("lower --batch"):
        ask()


def test_the_shell_says_of_memory_what_to_do(monkeypatch, capsys, tmp_path):
    def short(*_):
        raise MemoryError

    Study.create(tmp_path, {"title": "A study"})
    monkeypatch.setattr(Study, "rows", short)
    assert cli.main(["study", "show", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("neutral: the computer ran out of memory")


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch, tmp_path):
    def wrong(*_):
        raise OSError("a fault")

    Study.create(tmp_path, {"title": "A study"})
    monkeypatch.setattr(Study, "rows", wrong)
    with pytest.raises(OSError, match="a fault"):
        cli.main(["study", "show", str(tmp_path)])


def test_what_is_refused_half_way_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, refuse(errno.ENOSPC))
            with pytest.raises(StorageError, match=r"a.bin: no space is left"):
                write_whole(path, b"new")
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["a.bin"]


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (done.append(name), real(*a))[1])
    with written_whole(tmp_path / "a") as file:
        file.write(b"whole")
    assert done == ["fsync", "replace"]


def test_masks_and_tables_name_the_file_that_the_disk_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(StorageError, match=r"masks/en.safetensors: no space is left"):
        maskfiles.write(MASK, tmp_path / "masks" / "en.safetensors")
    with pytest.raises(StorageError, match=r"tables/dense.safetensors: no space is left"):
        Rebuilt((2, 3), {"dense": torch.ones(2, 3)}).save(tmp_path / "tables" / "dense.safetensors")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_rows_that_belong_together_are_there_all_or_none(tmp_path, monkeypatch):
    file = tmp_path / "results.jsonl"
    lines.append(file, "score", [{"value": 1}])
    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(StorageError, match=r"results.jsonl: no space is left"):
        lines.append(file, "score", [{"value": 2}, {"value": 3}])
    assert file.read_bytes() == before


def test_a_study_that_was_removed_takes_no_more_rows(tmp_path):
    study = Study.create(tmp_path / "study", {"title": "A study"})
    (study.path / "study.json").unlink()
    with pytest.raises(NeutralError, match="no longer a study"):
        study.append("score", value=1)
    assert not (study.path / "results.jsonl").exists()
