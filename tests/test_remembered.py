"""What pages remember: figures and tables under what they are made of; and what lasts is not searched for garbage."""

import gc
import os
import shutil

import pandas as pd
import pytest

from neutral import summary
from neutral.overlap import Counts
from neutral.summary import Choice
from pages.parts import catalogue, figures, heap, memory
from pages.parts.overlap import tables


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


def test_a_shelf_keeps_what_it_has_room_for_and_what_was_asked_for_last():
    made = []
    shelf = memory.Shelf(10, len)

    def ask(key, size):
        return shelf.get(key, lambda: made.append(key) or "x" * size)

    assert [ask("a", 4), ask("b", 4), ask("a", 4)] == ["xxxx"] * 3
    ask("c", 4)  # no room for three
    ask("a", 4)
    ask("b", 4)
    assert made == ["a", "b", "c", "b"]
    ask("large", 20)  # kept all the same, alone
    ask("large", 20)
    ask("a", 4)
    assert made == ["a", "b", "c", "b", "large", "a"]


def test_pages_read_a_file_of_counts_once_and_again_when_it_has_changed(studies, tmp_path, monkeypatch):
    shutil.copytree(studies / "two", tmp_path / "two")
    read, load = [], Counts.load
    monkeypatch.setattr(Counts, "load", lambda path: read.append(path) or load(path))
    study = catalogue.Opened(tmp_path / "two")
    choice = summary.choices(study)[0]
    for _ in range(2):
        summary.levels(study, choice)
    assert len(read) == len(set(read))
    os.utime(read[0])
    summary.levels(study, choice)
    assert read[-1] == read[0]


def test_one_table_across_sparsities_whichever_is_chosen(studies, monkeypatch):
    study = catalogue.Opened(studies / "encoder")
    low, high = (Choice("mlm", "magnitude", sparsity, 0) for sparsity in (0.2, 0.5))
    first = tables.across_sparsity(study, low, "jaccard", ("en", "sw"))
    monkeypatch.setattr(summary, "across_sparsity", None)
    pd.testing.assert_frame_equal(tables.across_sparsity(study, high, "jaccard", ("en", "sw")), first)
    assert first["sparsity"].nunique() == 5


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
