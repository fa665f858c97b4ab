"""Many visitors at once: pages without errors, and nothing of one session in another."""

import threading

import pytest

from benchmarks import sessions
from benchmarks.visitors import Page


@pytest.mark.long
def test_visitors_at_once_see_no_error_and_nothing_of_each_other():
    report = sessions.measure(3, 10)
    assert not report.faults
    assert report.uploads == 2
    assert len(report.pages["first page"]) >= 3
    _, most, last = report.settled
    assert last <= most < 2000


def test_a_name_of_another_visitor_or_an_error_would_be_noticed():
    report = sessions.Report()
    walk = sessions.Walk(0, 3, "", 0.0, report, threading.Lock())
    own, other = sessions.names(0)[0], sessions.names(1)[0]
    walk._seen("masks", Page(raw=[f"a {own} b".encode()]), report.pages)
    assert not report.faults
    walk._seen("masks", Page(raw=[f"a {other} b".encode()]), report.pages)
    assert len(report.faults) == 1
    assert other in report.faults[0]


def test_every_visitors_masks_have_names_of_their_own():
    names = [name for number in range(20) for name in sessions.names(number)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "Inotify queue overflowed", "x ERROR y"])
def test_a_bad_line_of_the_log_would_be_noticed(line):
    assert sessions.BAD_LOG.search(line)
