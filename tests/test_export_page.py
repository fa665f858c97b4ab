"""Beside every figure: its table, caption and files, made when they are opened and not before."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from apppages import charts, only, opened

from neutral import __version__
from pages.parts import export, settings


@pytest.fixture(autouse=True)
def studies_only(studies, tmp_path, monkeypatch):
    only(studies, tmp_path, monkeypatch)


def files(at):
    """The boxes beside figures."""
    return [box for box in at.expander if box.label == export.LABEL]


def test_every_figure_has_its_table_and_files_and_a_closed_box_makes_nothing(monkeypatch):
    made = []
    monkeypatch.setattr(export, "drawn", lambda figure: made.append(figure) or pd.DataFrame({"x": [1.0]}))
    at = opened("pages/layers.py", study="encoder")
    assert len(files(at)) == len(charts(at)) > 4
    assert not made
    assert not at.get("download_button")
    at.session_state["excess-study-files"] = True
    at.run()
    assert len(made) == 1


def test_an_open_box_has_the_table_the_caption_with_all_settings_and_every_kind_of_file(monkeypatch):
    monkeypatch.setattr("neutral.export.pictures.browser", lambda: "/usr/bin/chromium")
    at = opened("pages/overlap.py", study="encoder", method="Wanda", sparsity="70%", measure="Dice", layer="Encoder 3")
    at.session_state["matrix-study-files"] = True
    at.run()
    said = next(code.value for code in at.code if "Drawn with neutral" in code.value)
    for part in ("Dice overlap of 11 masks", "Study: Synthetic encoder", "method: wanda", "sparsity: 70%", "seed: 0"):
        assert part in said
    assert "languages: Russian, German" in said
    assert "measure: Dice; layer: Encoder 3; component: All components" in said
    assert said.endswith(f"Drawn with neutral {__version__}.")
    table = next(frame.value for frame in at.dataframe if frame.value.shape == (11, 12))
    assert list(table.iloc[:, 0]) == list(table.columns[1:])
    labels = [button.proto.label for button in at.get("download_button")]
    assert labels == [*["CSV", "LaTeX (booktabs)"] * 2, "PNG", "SVG", "PDF"]  # the square, and every pair
    assert "**Dice of every pair, Encoder 3**" in [each.value for each in at.markdown]


def test_a_width_that_is_none_is_told_and_without_chromium_the_page_says_what_does_instead(monkeypatch):
    monkeypatch.setattr("neutral.export.pictures.browser", lambda: "/usr/bin/chromium")
    at = opened("pages/overlap.py", study="two")
    at.session_state["matrix-study-files"] = True
    at.run()
    at.selectbox(key="matrix-study-files-width").set_value(export.OWN).run()
    at.text_input(key="matrix-study-files-own").set_value("wide").run()
    assert [error.value for error in at.error] == ["“wide” is no width; write 85mm, 8.5cm, 3.3in or 1200px"]
    assert len(at.get("download_button")) == 4
    monkeypatch.setattr("neutral.export.pictures.browser", lambda: None)
    at.run()
    assert export.NO_BROWSER in [caption.value for caption in at.caption]


def test_where_a_figure_is_clipped_the_table_is_not(monkeypatch):
    given = {}
    monkeypatch.setattr(export, "offer", lambda figure, key, own, more=(): given.update({key: own.table}))
    opened("pages/compression.py", tables="tables")
    assert {"perplexity", "breaks"} <= {key for key, table in given.items() if table is not None}
    assert {"line", "factor", "ratio"} <= set(given["perplexity"].columns)


def test_settings_are_those_of_this_run():
    at = opened("pages/overlap.py", study="encoder", measure="Dice")
    at.switch_page("pages/layers.py").run()
    asked = at.session_state[settings._KEPT]["asked"]
    assert asked["Measure"] == "Dice"
    assert "Component" not in asked


def test_pinned_views_and_their_differences_are_one_report(monkeypatch):
    made = {}
    monkeypatch.setattr(export, "_button", lambda label, make, file, mime, key: made.update({file: make}))
    pins = [f"pair:encoder:en,{other}:magnitude:0.5:mlm:0:jaccard" for other in ("fr", "sw")]
    at = opened("pages/compare.py", pin=pins)
    page = made["report.html"]()
    assert page.count("<section>") == page.count("<figure>") == len(charts(at)) == 3
    assert page.count("Drawn with neutral") == page.count("<table>") == 3
    assert "English and Swahili minus English and French" in page
    assert "They differ most in " in page[: page.index("<section>")]
    assert "sparsity" in page or "50%" in page
    assert f"Made on {datetime.now(tz=UTC):%Y-%m-%d}" in page
    for word in ("Jaccard", "Method", "Sparsity", "Bound (same language)"):
        assert f"<dt>{word}</dt><dd>" in page, word
