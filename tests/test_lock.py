"""One writer at a time: another process, thread or machine is refused, and a dead one holds nothing."""

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from functools import partial

import pytest
from conftest import ROOT

from neutral import lock
from neutral.errors import FileError, NeutralError
from neutral.lock import LEASE, RECORD, only_writer
from neutral.writers import Writer, read_at

HOLDER = """
import subprocess, sys, time
from neutral.lock import only_writer
with only_writer(sys.argv[1]):
    {worker}
    print("held", flush=True)
    time.sleep(60)
"""
SPAWNED = 'print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid)'
FORKED = "import os\n    child = os.fork()\n    if not child: time.sleep(60)\n    print(child)"


def holder(folder, worker="print(0)", **options):
    """Start a process that holds a folder's lock, and return it and its worker's number."""
    program = [sys.executable, "-c", HOLDER.format(worker=worker), str(folder)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options)
    child = int(process.stdout.readline())
    assert process.stdout.readline() == "held\n"
    return process, child


def left(folder, age, **changed):
    """Write the record of a writer elsewhere, renewed `age` seconds ago."""
    folder.mkdir(exist_ok=True)
    writer = replace(Writer.here(), command="neutral find", host="elsewhere", boot="other", **changed)
    (folder / RECORD).write_text(json.dumps(asdict(writer)) + "\n")
    os.utime(folder / RECORD, (time.time() - age,) * 2)


@pytest.fixture
def no_locks(monkeypatch):
    """A file system without locks."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(lock, "_SETTLED", 0.05)
    monkeypatch.setattr(lock, "_BEGUN", 0.2)


def test_the_second_process_is_told_who_writes_and_since_when(tmp_path):
    process, _ = holder(tmp_path / "study")
    with pytest.raises(NeutralError) as refused, only_writer(tmp_path / "study"):
        pass
    process.kill()
    said = rf"another process writes here: python \(pid {process.pid} on \S+, since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC\);"
    assert re.search(said, str(refused.value))


@pytest.mark.parametrize("worker", ["print(0)", SPAWNED, FORKED], ids=["alone", "spawned", "forked"])
def test_a_killed_holder_frees_the_folder_at_once_though_its_worker_lives(tmp_path, worker):
    process, child = holder(tmp_path / "study", worker)
    process.kill()
    process.wait()
    try:
        begun = time.monotonic()
        with only_writer(tmp_path / "study"):
            assert read_at(tmp_path / "study" / RECORD).pid == os.getpid()
        assert time.monotonic() - begun < 5  # far from the lease
    finally:
        if child:
            os.kill(child, signal.SIGKILL)


def test_a_forked_child_holds_nothing_and_takes_nothing_away(tmp_path):
    with only_writer(tmp_path):
        child = os.fork()
        if not child:
            try:
                with only_writer(tmp_path):
                    os._exit(1)
            except NeutralError:
                lock._held.clear()
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert read_at(tmp_path / RECORD).pid == os.getpid()


def test_it_may_be_used_again_in_one_thread_and_not_in_two(tmp_path):
    refused = []

    def other():
        try:
            with only_writer(tmp_path):
                pass
        except NeutralError as error:
            refused.append(str(error))

    with only_writer(tmp_path):
        with only_writer(tmp_path / "." / ""):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1
    assert "another thread of this process writes here" in refused[0]
    other()
    assert len(refused) == 1


def test_it_leaves_no_trace(tmp_path):
    with only_writer(tmp_path / "a" / "b"):
        assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [RECORD]
    assert not list(tmp_path.iterdir())
    with only_writer(tmp_path / "a"):
        (tmp_path / "a" / "result").write_text("")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["result"]


def test_a_brief_writer_waits_for_a_brief_one(tmp_path):
    begun = threading.Event()

    def other():
        with only_writer(tmp_path):
            begun.set()
            time.sleep(0.1)

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    with only_writer(tmp_path, patience=5):
        pass
    thread.join()


def test_of_many_at_once_one_writes_at_a_time(tmp_path):
    inside, most, refused = [], [], []

    def write(number):
        for _ in range(20):
            try:
                with only_writer(tmp_path, patience=number % 2):
                    inside.append(number)
                    most.append(len(inside))
                    inside.remove(number)
            except NeutralError:
                refused.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(most) + len(refused) == 120
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no locks"])
def test_another_machine_holds_it_as_long_as_it_renews_it(tmp_path, locks, request):
    if not locks:
        request.getfixturevalue("no_locks")
    left(tmp_path, LEASE / 2)
    said = r"neutral find \(pid \d+ on elsewhere, since .*; wait for it \(60 seconds if it was killed\)"
    with pytest.raises(NeutralError, match=said), only_writer(tmp_path):
        pass
    left(tmp_path, LEASE + 5)
    with only_writer(tmp_path):
        assert read_at(tmp_path / RECORD).pid == os.getpid()
    assert not list(tmp_path.iterdir())


def test_it_is_renewed_by_the_file_servers_clock(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_RENEWED", 0.05)
    with only_writer(tmp_path):
        os.utime(tmp_path / RECORD, (0, 0))
        until = time.monotonic() + 5
        while os.stat(tmp_path / RECORD).st_mtime == 0 and time.monotonic() < until:
            time.sleep(0.01)
        assert abs(os.stat(tmp_path / RECORD).st_mtime - time.time()) < 10


@pytest.mark.usefixtures("no_locks", "quick")
def test_without_locks_of_the_file_system_a_living_process_holds_it_and_a_dead_one_does_not(tmp_path):
    process, _ = holder(tmp_path)
    with pytest.raises(NeutralError, match=f"pid {process.pid} on"), only_writer(tmp_path):
        pass
    other = Writer.here()
    process.kill()
    process.wait()
    with only_writer(tmp_path):
        pass
    reused = asdict(replace(other, started="1"))  # the number is another process's now
    (tmp_path / RECORD).write_text(json.dumps(reused) + "\n")
    with only_writer(tmp_path):
        pass


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": 1}', "[" * 4000, "\0" * 5000])
def test_a_record_that_is_none_holds_no_longer_than_another_machines(tmp_path, content):
    (tmp_path / RECORD).write_text(content)
    if content:
        with pytest.raises(NeutralError, match="does not say who it is"), only_writer(tmp_path):
            pass
        os.utime(tmp_path / RECORD, (0, 0))
    with only_writer(tmp_path):
        pass


def test_a_link_in_place_of_the_record_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / RECORD).symlink_to(tmp_path / "mine")
    with pytest.raises(FileError, match="cannot be written"), only_writer(tmp_path / "study"):
        pass
    assert (tmp_path / "mine").read_text() == "kept"


def test_who_lost_the_lock_writes_no_more(tmp_path):
    with only_writer(tmp_path):
        left(tmp_path, 0)
        with pytest.raises(NeutralError, match=r"elsewhere, .* took over"), only_writer(tmp_path):
            pass
    assert read_at(tmp_path / RECORD).host == "elsewhere"
    (tmp_path / RECORD).unlink()
    with only_writer(tmp_path):
        (tmp_path / RECORD).unlink()
        with pytest.raises(FileError, match="was removed"), only_writer(tmp_path):
            pass


@pytest.mark.parametrize("where", ["/proc/nothing", "/dev/null"])
def test_a_folder_that_cannot_be_made_is_one_line(where, monkeypatch):
    monkeypatch.setattr(lock, "_TRIED", 0.05)
    with pytest.raises(FileError, match=r"cannot be (written|locked)"), only_writer(where):
        pass


def test_a_full_disk_leaves_no_record(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "pwrite", partial(_full, os.pwrite))
    with pytest.raises(FileError, match="no space is left on its disk; make room"), only_writer(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def _full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")
