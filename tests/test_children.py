"""Child processes end with their parent, and when one of them fails."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neutral import children

ROOT = Path(__file__).parent.parent


def is_there(pid):
    """Whether a process runs; one that ended and that nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.02)
    return what()


def work(folder, how):
    """Leave this process's id in a folder, and then work without an end."""
    (Path(folder) / str(os.getpid())).touch()
    if how == "holding the interpreter's lock":
        ctypes.PyDLL(None).sleep(600)
    time.sleep(600)


def fail():
    raise ValueError("a fault")


def parent(folder, how):
    """What the parent of the tests does, in a process of its own."""
    with children.pools(2) as pools:
        jobs = [pool.submit(work, folder, how) for pool in pools]
        for job in jobs:
            job.result()


def started(folder, how="sleeping"):
    """A parent with two children at work, and their ids."""
    code = (
        f"import sys; sys.path.insert(0, 'tests'); import test_children; test_children.parent({str(folder)!r}, {how!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
    assert wait_for(lambda: len(list(folder.iterdir())) == 2, 60)
    return process, [int(path.name) for path in folder.iterdir()]


@pytest.mark.parametrize("how", ["sleeping", "holding the interpreter's lock"])
def test_children_end_with_a_killed_parent(tmp_path, how):
    if how != "sleeping" and sys.platform != "linux":
        pytest.skip("elsewhere such a child ends when it gives the lock back")
    process, ids = started(tmp_path, how)
    process.kill()
    process.wait()
    assert wait_for(lambda: not any(map(is_there, ids)))


def test_children_end_at_once_when_the_parent_alone_is_interrupted(tmp_path):
    process, ids = started(tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait(10)
    assert not any(map(is_there, ids))
    assert process.stderr.read().count(b"Traceback") == 1, "the parent's own"


def test_children_leave_ctrl_c_to_the_parent(tmp_path):
    process, ids = started(tmp_path)
    for pid in ids:
        os.kill(pid, signal.SIGINT)
    time.sleep(0.2)
    assert all(map(is_there, ids))
    process.kill()
    process.wait()


@pytest.mark.long
def test_the_others_end_when_one_fails(tmp_path):
    began = time.monotonic()
    with pytest.raises(ValueError, match="a fault"), children.pools(2) as pools:  # noqa: PT012
        pools[0].submit(work, tmp_path, "sleeping")
        assert wait_for(lambda: list(tmp_path.iterdir()), 60)
        pools[1].submit(fail).result()
    assert time.monotonic() - began < 300  # and not 600
    assert not is_there(next(tmp_path.iterdir()).name)


@pytest.mark.long
def test_children_finish_their_work_when_all_is_well(tmp_path):
    with children.pools(2) as pools:
        assert [pool.submit(pow, 2, 3).result() for pool in pools] == [8, 8]


def test_the_reader_of_pickles_ends_with_its_parent_in_the_midst_of_a_file():
    code = "import time; from neutral.maskfiles import worker; worker.do = lambda _: time.sleep(600); worker.main()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE)
    process.stdin.write(b"{}\n")
    process.stdin.close()  # as when the process that has the other end is killed
    assert process.wait(20) == 0
