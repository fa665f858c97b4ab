"""A batch of pickles is read in one child process, and a file that ends it, or hangs, costs the others nothing."""

import os
import pickle
import subprocess
import sys

import pytest
import torch
from maskbytes import repacked, torch_bytes

from neutral import cli, maskfiles
from neutral.maskfiles import Limits, pickled

GOOD = torch_bytes({"layer.0.x.weight_mask": torch.eye(4)})


@pytest.fixture
def starts(monkeypatch):
    """The children that were started."""
    children = []

    class Counted(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            children.append(self)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    return children


def test_a_batch_is_read_in_one_child_and_bad_files_hide_no_other(starts):
    files = [(f"{code}.pt", GOOD) for code in ("en", "fr", "swa")]
    bad = [
        ("notes.pt", b"no mask at all"),
        ("empty.pt", b""),
        ("code.pkl", pickle.dumps(os.getcwd)),
        ("cut.pt", GOOD[:-40]),
        ("x.safetensors", b"\1\0\0\0\0\0\0\0{"),
    ]
    found = maskfiles.read_uploads([files[0], *bad[:3], files[1], *bad[3:], files[2]])
    assert [one.name for one in found if one.mask is not None] == ["en", "fr", "swa"]
    assert sorted(one.file for one in found if one.problem) == sorted(name for name, _ in bad)
    assert all("\n" not in one.problem and one.problem.startswith(one.file) for one in found if one.problem)
    assert len(starts) == 1
    assert starts[0].poll() is not None, "it is gone afterwards"


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory limit is Linux's")
def test_a_file_that_takes_too_much_memory_leaves_the_others_to_another_child(starts):
    ten_gigabytes = b"\x80\x02c__builtin__\nbytearray\n\x8a\x05" + (10**10).to_bytes(5, "little") + b"\x85R."
    hostile = repacked(GOOD, data_pkl=ten_gigabytes)
    found = maskfiles.read_uploads([("en.pt", GOOD), ("bomb.pt", hostile), ("fr.pt", GOOD)])
    assert [bool(one.mask) for one in found] == [True, False, True]
    assert "more memory than it may" in found[1].problem
    assert len(starts) == 2


STAND_IN = """
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    data = open(job["paths"][0], "rb").read()
    if b"kill" in data: os.kill(os.getpid(), 9)
    if b"hang" in data: time.sleep(60)
    if b"fail" in data: raise ImportError("no torch here")
    open(job["folder"] + "/answer.json", "w").write('{"problem": "is read"}')
    print("done", flush=True)
"""


def test_files_that_end_the_child_or_hang_are_named_and_the_others_are_read(monkeypatch, starts):
    monkeypatch.setattr(pickled, "_COMMAND", ("-c", STAND_IN))
    head = b"\x80\x04"
    files = [(f"{i}.pkl", head + what) for i, what in enumerate((b"ok", b"kill", b"ok", b"hang", b"fail", b"ok"))]
    found = maskfiles.read_uploads(files, Limits(seconds=1))
    said = [one.problem.removeprefix(f"{one.file}: ") for one in found]
    assert said[0] == said[2] == said[5] == "is read"
    assert "signal 9" in said[1]
    assert said[3] == "took longer to read than the 1 s it may"
    assert "ImportError: no torch here" in said[4]
    assert len(starts) == 4
    assert all(child.poll() is not None for child in starts)


def test_info_and_convert_do_what_they_can_and_name_every_bad_file(tmp_path, in_process, capsys):
    for name, data in (("en.pt", GOOD), ("bad.pt", b"no mask"), ("worse.pt", b""), ("fr.pt", GOOD)):
        (tmp_path / name).write_bytes(data)
    files = [str(tmp_path / name) for name in ("bad.pt", "en.pt", "worse.pt", "fr.pt", "gone.pt")]
    assert cli.main(["masks", "info", *files, "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    assert [line.split(",")[1] for line in out.splitlines()] == ["name", "en", "fr"]
    assert [line.split(": ")[1] for line in err.splitlines()] == [files[0], files[2], files[4]]
    assert cli.main(["masks", "convert", *files, "-o", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().out.split()) == 2
    assert cli.main(["overlap", *files]) == 2, "a comparison is of all masks or of none"
    assert capsys.readouterr().out == ""


def test_a_fault_of_a_reader_is_one_line_about_the_file(monkeypatch):
    def faulty(*_, **__):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(maskfiles.npz, "read", faulty)
    from maskbytes import npz_bytes

    bad, good = maskfiles.read_uploads([("en.npz", npz_bytes(w=[[1]])), ("x.safetensors", b"")])
    assert bad.problem.startswith("en.npz: cannot be read as a mask file: a fault (ZeroDivisionError")
    assert good.problem == "x.safetensors: is empty"
