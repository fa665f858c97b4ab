"""A process is told from another that has its number; a signal reaches it or nobody."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from neutral import processes
from neutral.processes import Process


@pytest.fixture
def child():
    """A process that sleeps."""
    started = subprocess.Popen(["sleep", "30"])
    yield started
    started.kill()
    started.wait()


def test_a_process_lives_until_it_ends_asked_for_or_not(child):
    process = Process.of(child.pid)
    assert process.lives
    assert process.signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while process.lives and time.monotonic() < until:  # a zombie is dead
        time.sleep(0.01)
    assert not process.lives
    assert not process.signal(signal.SIGKILL)
    child.wait()
    assert Process.of(child.pid) is None


@pytest.mark.parametrize("changed", [{"started": "1"}, {"started": ""}, {"boot": "another"}, {"space": "pid:[1]"}])
@pytest.mark.parametrize("handles", [True, False], ids=["a new kernel", "an old kernel"])
def test_another_process_with_that_number_gets_no_signal(child, changed, handles, monkeypatch):
    if not handles:
        monkeypatch.setattr(os, "pidfd_open", lambda pid: (_ for _ in ()).throw(OSError(38, "not there")))
    other = replace(Process.of(child.pid), **changed)
    assert not other.lives
    assert not other.signal(signal.SIGKILL)
    other.kill()
    assert other.family() == []
    assert child.poll() is None
    assert Process.of(child.pid).signal(0)


def test_age_and_memory_are_the_systems(child):
    process = Process.of(child.pid)
    assert 0 <= process.age < 60
    own = Process.of(os.getpid())
    assert 10**7 < processes.memory([own]) < 10**11
    assert processes.memory([]) == 0


def test_a_family_is_what_a_process_started_in_its_session_or_not():
    code = "import subprocess; subprocess.Popen(['sleep', '30'], start_new_session=True); print(1, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    parent.stdout.readline()
    process = Process.of(parent.pid)
    family = process.family()
    assert len(family) == 2
    process.kill()
    parent.communicate()
    until = time.monotonic() + 10
    while any(each.lives for each in family) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(each.lives for each in family)
