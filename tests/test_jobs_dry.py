"""What a run would do is asked of a child process, which is gone afterwards, whatever it did."""

import os
import signal
import sys
import time

import fakecheck
import pytest

from neutral.errors import NeutralError
from neutral.jobs import Limits, dry, launch


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr(launch, "PROGRAM", (sys.executable, fakecheck.__file__))


@pytest.fixture
def children(monkeypatch):
    """The processes that were started."""
    started = []
    start = dry._Question.__init__

    def note(self, *arguments):
        start(self, *arguments)
        started.append(self._child)

    monkeypatch.setattr(dry._Question, "__init__", note)
    return started


def ask(title="", limits=None):
    return dry.ask(["find", "--title", title], limits or Limits(), lambda: time.sleep(0.02))


def test_the_answer_is_the_commands():
    assert ask()["units"] == {"total": 11, "done": 1, "left": 10}


@pytest.mark.parametrize(
    ("title", "said"),
    [("fail --seeds: no\x1b[31m such", "--seeds: no"), ("die", "without a word"), ("nonsense", "no answer")],
)
def test_a_refusal_is_the_commands_line(title, said):
    with pytest.raises(NeutralError, match=said) as refused:
        ask(title)
    assert "\x1b" not in str(refused.value)


def test_who_stops_waiting_leaves_no_process(children):
    def leave():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dry.ask(["find", "--title", "wait 60"], Limits(), leave)
    (child,) = children
    assert child.returncode == -signal.SIGKILL
    assert not os.path.exists(f"/proc/{child.pid}")


def test_a_check_is_held_to_the_runs_memory_and_to_a_time(children, monkeypatch):
    with pytest.raises(NeutralError, match="of memory and may have"):
        ask("wait 60", Limits(memory=1000))
    monkeypatch.setattr(dry, "SECONDS", 0.1)
    with pytest.raises(NeutralError, match="took more than"):
        ask("wait 60")
    assert all(child.returncode for child in children)
