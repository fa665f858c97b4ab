"""What pages remember: figures and tables under what they are made of; and what lasts is not searched for garbage."""

import gc

import pandas as pd
import pytest

from pages.parts import figures, heap, memory


@pytest.fixture
def drops():
    return pd.DataFrame({"source": ["en", "fr"], "line": "50%", "value": [0.1, 0.2], "cost": [0.1, 0.2]})


def test_a_figure_of_equal_tables_is_drawn_once_and_of_another_anew(drops):
    first = figures.drop_bars(drops, ["en", "fr"], "perplexity")
    assert figures.drop_bars(drops.copy(), ["en", "fr"], "perplexity") is first
    changed = drops.assign(cost=[0.1, 0.3])
    assert figures.drop_bars(changed, ["en", "fr"], "perplexity").data[0].y[1] == 0.3
    assert figures.drop_bars(drops, ["fr", "en"], "perplexity") is not first


def test_one_changed_number_of_a_long_table_is_seen():
    table = pd.DataFrame({"value": range(200_000)})
    total = memory.remembered(sum_of)
    before = total(table)
    table.loc[77_777, "value"] += 1
    assert total(table) == before + 1


def sum_of(table):
    return int(table["value"].sum())


def test_a_frame_that_was_written_to_is_remembered_as_it_was(drops):
    def doubled(table):
        return table.assign(value=2 * table["value"]), table

    once = memory.remembered(doubled)
    first, second = once(drops)
    first["value"] = second["value"] = 0.0
    again, beside = once(drops)
    assert again["value"].tolist() == [0.2, 0.4]
    assert beside["value"].tolist() == [0.1, 0.2]


def test_what_cannot_be_told_apart_is_made_anew():
    assert memory.remembered(len)([lambda: 1, lambda: 2]) == 2


@pytest.fixture
def searched(monkeypatch):
    """A heap of its own, whose searches take as long as a test says."""
    clock = {"now": 1000.0, "spent": 0.0}
    monkeypatch.setattr(heap.time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(heap.time, "thread_time", lambda: clock["spent"])
    done = []
    monkeypatch.setattr(heap.gc, "freeze", lambda: done.append("freeze"))
    monkeypatch.setattr(heap.gc, "unfreeze", lambda: done.append("thaw"))
    one = heap.Heap()

    def search(seconds, generation=2):
        done.clear()
        one("start", {"generation": generation})
        clock["spent"] += seconds
        one("stop", {"generation": generation})
        return list(done)

    return search, clock


def test_what_outlives_a_search_is_frozen_until_searches_are_slow_again_or_some_time_is_over(searched):
    search, clock = searched
    assert search(0.3, generation=1) == []
    assert search(0.3) == ["thaw", "freeze"], "the first goes through everything"
    assert search(0.01) == []
    assert search(0.06) == [], "much has come since"
    assert search(0.3) == ["thaw", "freeze"], "so the next is whole"
    assert search(0.01) == []
    clock["now"] += heap.AGAIN + 1
    assert search(0.01) == ["thaw", "freeze"], "what sessions left behind goes"


def test_the_heap_is_watched_once():
    before = list(gc.callbacks)
    try:
        heap.keep()
        heap.keep()
        assert sum(isinstance(callback, heap.Heap) for callback in gc.callbacks) == 1
    finally:
        gc.callbacks[:] = before
        gc.unfreeze()
