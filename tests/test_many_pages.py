"""Pages with a study of 128 languages: what they open on, the switch, the address, and what they answer."""

import time

import many
import pytest
from apppages import charts, only, opened, text

from neutral.members import display
from pages.parts import catalogue

ELEVEN = ["eng-US", "fra", "deu", "zho-CN", "rus", "spa", "fas", "urd", "arb", "hin", "swa"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return many.study(tmp_path_factory.mktemp("studies") / "many").path.parent


@pytest.fixture(autouse=True)
def shown(folder, tmp_path, monkeypatch):
    only(folder, tmp_path, monkeypatch)


def switch(at):
    return next(group for group in at.get("button_group") if group.key == "members")


def address(at):
    values = {key: at.query_params[key] for key in at.query_params}
    return {key: [value] if isinstance(value, str) else list(value) for key, value in values.items()}


def heat(at):
    return next(trace for chart in charts(at) for trace in chart["data"] if trace["type"] == "heatmap")


def test_pages_open_on_the_eleven_and_all_is_one_click_away_and_in_the_address():
    at = opened("pages/overlap.py")
    assert "11 masks" in text(at)
    assert switch(at).value == "eleven"
    assert "members" not in address(at)
    assert [option.content for option in switch(at).proto.options] == ["The eleven", "All 128", "Mine"]
    switch(at).set_value("all").run()
    assert "128 masks" in text(at)
    assert address(at)["members"] == ["all"]
    at.switch_page("pages/layers.py").run()
    assert "128 masks" in text(at)
    assert address(at)["members"] == ["all"]


def test_mine_starts_with_what_was_shown_and_keeps_the_picks():
    at = opened("pages/overlap.py")
    switch(at).set_value("mine").run()
    picked = at.multiselect(key="languages")
    assert set(picked.value) == set(ELEVEN)
    picked.set_value(["fin", "est", "hun"]).run()
    assert "3 masks" in text(at)
    switch(at).set_value("all").run()
    assert "languages" not in address(at)
    switch(at).set_value("mine").run()
    assert "3 masks" in text(at)
    assert not at.exception


def test_an_older_link_with_languages_alone_shows_them():
    at = opened("pages/overlap.py", languages=["Finnish", "Estonian", "Hungarian"])
    assert "3 masks" in text(at)
    assert switch(at).value == "mine"


def test_a_link_restores_the_set_and_one_to_a_set_that_is_not_there_shows_the_first():
    assert "128 masks" in text(opened("pages/overlap.py", members="all"))
    assert "11 masks" in text(opened("pages/overlap.py", members="few"))


def test_with_no_pick_left_the_first_set_is_shown():
    at = opened("pages/overlap.py", members="mine", languages=["Finnish", "Estonian"])
    at.multiselect(key="languages").set_value([]).run()
    assert "11 masks" in text(at)
    assert not at.error


def test_a_pair_is_of_any_languages_and_begins_with_two_of_the_eleven_and_keeps_the_set():
    at = opened("pages/pair.py", members="all")
    assert {at.selectbox(key="a").value, at.selectbox(key="b").value} < set(ELEVEN)
    assert len(at.selectbox(key="a").options) == 128
    at.switch_page("pages/overlap.py").run()
    assert "128 masks" in text(at)
    at = opened("pages/pair.py", a=display("fin"), b=display("est"))
    assert "How well they work" in text(at)


def test_find_frames_a_language_and_the_clustering_draws_a_tree():
    at = opened("pages/overlap.py", members="all", find="Swahili", order="Clustering")
    figure = next(chart for chart in charts(at) if chart["layout"]["meta"]["name"] == "overlap-jaccard")
    assert len(figure["layout"]["shapes"]) == 2
    assert any(trace.get("xaxis") == "x4" for trace in figure["data"])
    assert "find" not in [box.key for box in opened("pages/overlap.py").selectbox]


def test_layers_of_many_draw_families_and_the_lines_that_are_asked_for():
    at = opened("pages/layers.py", members="all", drawn=["Swahili"])
    names = [trace.get("name") for chart in charts(at) for trace in chart["data"]]
    assert {"Indo-European, 60", "Swahili"} <= set(names)
    assert "Finnish" not in names
    assert "drawn" not in [box.key for box in opened("pages/layers.py").multiselect]


@pytest.mark.parametrize("page", ["app.py", "pages/tickets.py", "pages/masks.py", "pages/transfer.py"])
def test_other_pages_show_all_of_them(page):
    at = opened(page, members="all")
    assert not at.error
    assert max(map(len, text(at).splitlines())) < 800, "no sentence names a hundred languages"


def test_a_page_that_was_shown_before_answers_at_once():
    at = opened("pages/overlap.py", members="all")
    began = time.process_time()
    at.selectbox(key="find").set_value("swa").run()
    assert time.process_time() - began < 1, "0.2 s on a machine with nothing else to do"
    assert not at.exception


def test_a_study_that_is_named_is_opened_first(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "BUNDLED", folder)
    monkeypatch.delenv(catalogue.VARIABLE)
    many.study(tmp_path / "another", codes=("en", "fr", "sw"), layers=1)
    assert catalogue.first(catalogue.studies()[0]) is None
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path / "another"))
    assert catalogue.first(catalogue.studies()[0]) == "another"


def test_pairs_within_the_bound_are_said():
    said = text(opened("pages/overlap.py", members="all"))
    assert "No two languages are as alike as one of them is to itself" in said
