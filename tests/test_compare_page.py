"""The page Compare, the buttons that pin, and the pair beside the matrix, without a browser."""

import re
from dataclasses import replace

import apppages
import numpy as np
import pytest
import synthetic
from apppages import charts, numbers, opened, text

from neutral import compare, overlap
from neutral.figures import compare as figures
from neutral.figures import theme
from neutral.masks import Mask
from neutral.study import Study
from pages.parts.compare import words

ENGLISH = "pair:encoder:en,fr:magnitude:0.5:mlm:0:jaccard"
SWAHILI = "pair:encoder:en,sw:magnitude:0.5:mlm:0:jaccard"


@pytest.fixture(autouse=True)
def only_these_studies(studies, tmp_path, monkeypatch):
    """The app finds the synthetic studies, and no others."""
    apppages.only(studies, tmp_path, monkeypatch)


def keys(at):
    return [button.key for button in at.button]


def linked(at, key="pin"):
    """What the address has of a key, as a list."""
    values = at.query_params.get(key, [])
    return values if isinstance(values, list) else [values]


def pins(at):
    return at.session_state["_pins"]


# The page


def test_without_pins_the_page_says_how_to_pin():
    assert "Nothing is pinned yet" in text(opened("pages/compare.py"))


def test_two_pairs_stand_side_by_side_on_one_axis_with_their_difference_and_a_sentence(studies):
    at = opened("pages/compare.py", pin=[ENGLISH, SWAHILI])
    left, right, gap = charts(at)
    assert left["layout"]["yaxis"]["range"] == right["layout"]["yaxis"]["range"]
    views = [compare.view(compare.read(pin), Study(studies / "encoder")) for pin in (ENGLISH, SWAHILI)]
    apart = compare.difference(*views, "layer")
    line = next(trace for trace in gap["data"] if str(trace.get("name")).startswith("Difference"))
    assert numbers(line["y"]) == pytest.approx(list(apart.table["difference"]))
    band = next(trace for trace in gap["data"] if trace.get("name") == "Within the bound")
    assert numbers(band["y"]) == pytest.approx(list(apart.table["bound"]))
    told, said = compare.found(apart), text(at)
    place = told.most.iloc[0]
    assert f"differ most in **layer {place['place'].rpartition(' ')[2]}**" in said
    assert f"({place['difference']:+.3f})".replace("-", "−") in said
    assert f"{told.beyond} of 12 layers" in said
    assert "Synthetic encoder · English and French · magnitude · 50% removed · task mlm · seed 0 · jaccard" in said


def test_matrices_have_one_colour_scale_and_their_difference_is_symmetric():
    at = opened("pages/compare.py", pin=["overlap:encoder::magnitude:0.5", "overlap:encoder::wanda:0.5"], beside="pair")
    left, right, gap = (chart["data"][0] for chart in charts(at))
    assert (left["zmin"], left["zmax"]) == (right["zmin"], right["zmax"])
    assert gap["zmin"] == -gap["zmax"]
    assert [chart["layout"]["meta"]["alt"] for chart in charts(at)][2].startswith("11 languages: wanda minus magnitude")


def test_two_models_are_compared_by_relative_depth_and_by_language():
    at = opened("pages/compare.py", pin=["overlap:encoder::wanda:0.5", "overlap:decoder::wanda:0.5"])
    assert "same relative depth" in text(at)
    assert at.selectbox(key="beside").options == ["Layer", "Component", "Language", "Pair of languages"]
    assert "Relative depth" in str(charts(at)[2]["layout"]["xaxis"]["title"])
    at.selectbox(key="beside").set_value("language").run()
    assert not at.exception
    assert "11 languages, decoder" in text(at)


def test_token_tables_are_compared_by_language():
    at = opened("pages/compare.py", pin=["table:tables:svd:10", "table:tables:pq:10"])
    assert "times the perplexity of the full table" in text(at)
    assert "nats a token" in text(at)
    assert len(charts(at)) == 3


def test_what_cannot_be_compared_is_said_and_shown_on_its_own():
    at = opened("pages/compare.py", pin=["overlap:encoder::wanda:0.5", "table:tables:svd:10"])
    assert "in different measures" in text(at)
    assert len(charts(at)) == 2


def test_a_pin_that_is_none_is_said_in_a_line_and_the_others_are_shown():
    wrong = ["overlap:lost", "pair:encoder:en,xx:wanda", "overlap:@uploads"]
    at = opened("pages/compare.py", pin=["foo", ENGLISH, *wrong])
    lines = [warning.value for warning in at.warning]
    assert [line.partition(" is not shown: ")[2].partition(";")[0] for line in lines] == [
        "it begins with none of overlap, pair, language, typology, transfer, tickets, table.",
        "there is no study called “lost” here",
        "there is no mask of 'xx' here",
        "pins masks that somebody uploaded, and they are not here (any more).",
    ]
    assert len(charts(at)) == 1
    assert "Pin another" in text(at)
    at.button(key="wrong-0").click().run()
    assert pins(at) == [ENGLISH, *wrong]
    assert linked(at) == pins(at)


def test_a_pin_is_taken_away_and_more_than_six_are_not_shown():
    at = opened("pages/compare.py", pin=[f"pair:encoder:en,{code}:magnitude" for code in synthetic.ELEVEN[1:9]])
    assert len(at.warning) == 2
    assert "6 views are the most" in at.warning[0].value
    at.button(key="drop-0").click().run()
    assert len(pins(at)) == 7
    assert linked(at) == pins(at)


def views_of(study, *pins):
    return [compare.view(compare.read(pin), study) for pin in pins]


def said_of(views, by="layer"):
    apart = compare.difference(*views, by)
    return words.difference(*views, tuple(compare.labels(views)), apart)


def test_a_mean_of_many_pairs_has_no_bound_of_one_mask(studies):
    views = views_of(Study(studies / "encoder"), "overlap:encoder::wanda:0.5", "overlap:encoder::magnitude:0.5")
    for view in views:
        assert view.tables["layer"]["lowest"].isna().all()
        assert view.tables["pair"]["lowest"].notna().any()
    said = said_of(views)
    assert "same-language bound" not in said
    assert "noise" not in said or "usually makes" in said, "noise is said only where the usual change is known"


def test_what_is_within_the_bound_is_not_called_noise_where_the_usual_change_is_not_known(studies):
    views = views_of(Study(studies / "encoder"), ENGLISH, SWAHILI)
    apart = compare.difference(*views, "layer")
    table = apart.table.assign(bound=1.0, usual=float("nan"))
    said = words.difference(*views, ("A", "B"), replace(apart, table=table))
    assert "does not say that the difference is noise" in said
    assert "None of it is told from noise" not in said
    signs = (table["difference"] > 0).sum()
    assert f"In {max(signs, 12 - signs)} of 12 layers it has the same sign." in said
    assert re.search(r"Over all weights that is (within|more than) the most by which finding one mask again", said)


def test_views_of_other_sparsities_are_compared_beyond_chance(studies):
    views = views_of(Study(studies / "encoder"), "pair:encoder:en,fr:wanda:0.5", "pair:encoder:en,fr:wanda:0.3")
    first, second = ((view.whole - view.over_all["chance"]) / (1 - view.over_all["chance"]) for view in views)
    said = said_of(views)
    assert "Mind what they remove" in said
    assert f"**{second:.3f}** against {first:.3f}" in said
    assert "bound (" not in said
    assert compare.title_of_gap(*reversed(compare.labels(views)), views[0]).startswith("English and French: 30% minus")


def test_any_view_can_be_the_first():
    at = opened("pages/compare.py", pin=[ENGLISH, SWAHILI])
    at.button(key="lead-1").click().run()
    assert pins(at) == linked(at) == [SWAHILI, ENGLISH]
    assert "English and French minus English and Swahili" in text(at)


# Buttons


@pytest.mark.parametrize(
    ("page", "address", "pin"),
    [
        ("app.py", {}, "overlap:encoder::magnitude:0.5:mlm:0:jaccard"),
        ("pages/overlap.py", {"measure": "Dice"}, "overlap:encoder::magnitude:0.5:mlm:0:dice"),
        ("pages/pair.py", {"a": "English", "b": "French"}, ENGLISH),
        ("pages/language.py", {"language": "sw"}, "language:encoder:sw:magnitude:0.5:mlm:0:jaccard"),
        ("pages/layers.py", {"who": "sw"}, "language:encoder:sw:magnitude:0.5:mlm:0:jaccard"),
        ("pages/compression.py", {"tables": "tables"}, None),
        (
            "pages/overlap.py",
            {"layer": "Encoder 3", "component": "Query"},
            "overlap:encoder::magnitude:0.5:mlm:0:jaccard:encoder 3:query",
        ),
        ("pages/typology.py", {"component": "Query"}, "typology:encoder::magnitude:0.5:mlm:0:jaccard::query"),
        ("pages/inside.py", {}, "overlap:encoder::magnitude:0.5:mlm:0:jaccard"),
    ],
)
def test_what_a_page_shows_is_pinned_by_a_press_and_another_takes_it_away(page, address, pin):
    at = opened(page, **({"study": "encoder"} | address))
    key = next(key for key in keys(at) if key and key.startswith("pin-"))
    at.button(key=key).click().run()
    assert not at.exception
    (kept,) = pins(at)
    assert kept == (pin or kept)
    assert linked(at) == [kept]
    shown = opened("pages/compare.py", pin=[kept])
    assert not shown.warning
    assert len(charts(shown)) == 1
    at.button(key=key.replace("pin-", "pinned-")).click().run()
    assert pins(at) == []
    assert "pin" not in at.query_params


def test_pins_go_with_the_reader_to_other_pages():
    at = opened("pages/pair.py", study="encoder", a="English", b="French")
    at.button(key="pin-study").click().run()
    assert at.toast[0].value.startswith("Pinned to the page Compare, which has 1 of ")
    assert "Compare (1)" in [link.proto.label for link in at.get("page_link")]
    assert "- **encoder**: " in at.selectbox(key="study").help
    at.query_params.clear()  # as a link that has no pins
    at.switch_page("pages/compare.py").run()
    assert "English and French" in text(at)
    assert linked(at) == [ENGLISH]


def test_no_more_than_six_are_pinned():
    full = [f"pair:encoder:en,{code}" for code in synthetic.ELEVEN[1:7]]
    at = opened("pages/overlap.py", study="encoder", pin=full)
    assert at.button(key="pin-study").disabled


def test_uploaded_masks_are_pinned(studies, tmp_path):
    study = Study(studies / "encoder")
    at = opened("pages/masks.py")
    files = [
        (f"{code}.safetensors", study.mask_path("mlm", "magnitude", 0.5, 0, code).read_bytes(), "application/zip")
        for code in ("en", "fr", "sw")
    ]
    at.file_uploader[0].set_value(files).run()
    said = text(at)
    assert re.search(
        r"Masks drawn by lot would be within ±0\.\d+ of chance, and all 3 pairs are further from it\.", said
    )
    assert "are noise cannot be told: no language is here twice" in said
    at.query_params["show"] = "Your masks"
    at.switch_page("pages/overlap.py").run()
    key = next(key for key in keys(at) if key and key.startswith("pin-"))
    at.button(key=key).click().run()
    assert pins(at) == ["overlap:@uploads::::::jaccard"]
    at.switch_page("pages/compare.py").run()
    assert "Your masks · 3 languages" in text(at)


def test_masks_beside_a_study_are_pinned_and_a_pair_of_another_source_is_not_missed(studies):
    study = Study(studies / "encoder")
    at = opened("pages/overlap.py", study="encoder")
    clicked(at, "en", "hi")
    at.switch_page("pages/masks.py").run()
    files = [
        (f"{code}.safetensors", study.mask_path("mlm", "magnitude", 0.5, 0, code).read_bytes(), "application/zip")
        for code in ("en", "fr", "sw")
    ]
    at.file_uploader[0].set_value(files).run()
    at.switch_page("pages/overlap.py").run()
    at.selectbox(key="show").set_value("Your masks").run()
    assert "Hindi" not in " ".join(warning.value for warning in at.warning)
    at.selectbox(key="show").set_value("Both").run()
    key = next(key for key in keys(at) if key and key.startswith("pin-"))
    at.button(key=key).click().run()
    assert pins(at) == ["overlap:@uploads with encoder::magnitude:0.5:mlm:0:jaccard"]
    at.switch_page("pages/compare.py").run()
    assert not at.warning
    assert "14 languages" in text(at)


# The pair beside the matrix


def clicked(at, row, column, key="matrix-study"):
    """Click a cell, as plotly says so."""
    at.session_state[key] = {"selection": {"points": [{"customdata": [row, column]}]}}
    return at.run()


@pytest.mark.parametrize("page", ["app.py", "pages/overlap.py"])
def test_a_clicked_cell_shows_its_pair_beside_the_matrix_and_the_address_keeps_it(page):
    at = opened(page, study="encoder")
    before = len(charts(at))
    clicked(at, "en", "sw")
    assert not at.exception
    assert "## English and Swahili" in [m.value for m in at.markdown]
    assert len(charts(at)) == before + 1
    assert linked(at, "a") + linked(at, "b") == ["English", "Swahili"]
    at.button(key="pin-cell-study").click().run()
    assert pins(at) == [SWAHILI]
    at.button(key="close-study").click().run()
    assert "a" not in at.query_params
    assert len(charts(at)) == before
    clicked(at, "en", "fr")
    assert "## English and French" in [m.value for m in at.markdown]


def test_a_link_shows_the_pair_and_says_which_language_is_not_there():
    at = opened("pages/overlap.py", study="encoder", a="eng", b="Swahili")
    assert "## English and Swahili" in [m.value for m in at.markdown]
    at = opened("pages/overlap.py", study="encoder", a="English", b="xx")
    assert any("there is no “xx”" in warning.value for warning in at.warning)


# Figures


def test_a_sheet_has_a_figure_a_caption_with_all_settings_and_a_table(studies):
    views = [compare.view(compare.read(pin), Study(studies / "encoder")) for pin in (ENGLISH, SWAHILI)]
    one, other, gap = figures.sheets(views, "layer-component")
    assert (one.title, other.title) == ("English and French", "English and Swahili")
    assert gap.title == "English and Swahili minus English and French"
    assert one.caption == views[0].settings
    assert gap.caption == f"{views[1].settings}, minus {views[0].settings}"
    assert list(gap.table.columns) == [
        "layer_component",
        *(f"jaccard_{what}" for what in ("first", "second", "difference", "bound", "usual_change")),
    ]
    assert gap.figure.data[0].zmin == -gap.figure.data[0].zmax
    assert gap.figure.data[0].zmax >= gap.table["jaccard_bound"].max()  # never stretched over less than the bound
    for sheet in (one, other, gap):
        assert sheet.figure.layout.meta["alt"]


def test_dots_beyond_the_bound_are_filled_and_the_others_open(studies):
    views = [compare.view(compare.read(pin), Study(studies / "encoder")) for pin in (ENGLISH, SWAHILI)]
    sheet = figures.sheets(views, "layer")[2]
    dots = sheet.figure.data[-1]
    beyond = np.abs(sheet.table["jaccard_difference"]) > sheet.table["jaccard_bound"]
    assert list(dots.marker.symbol) == ["circle" if passed else "circle-open" for passed in beyond]


def test_names_from_outside_are_text_in_figures_and_sentences(tmp_path, monkeypatch):
    mark = "<b>*x*</b>"
    study = Study.create(tmp_path / "s" / "marked", {"title": mark, "task": "mlm", "languages": ["en", mark]})
    masks = [Mask.random(synthetic.shapes(2), 0.5, seed) for seed in range(3)]
    overlap.count(masks, ["en", mark, "fr"]).save(study.counts_path("mlm", "wanda", 0.5, 0, "languages"))
    apppages.only(tmp_path / "s", tmp_path, monkeypatch)
    at = opened("pages/compare.py", pin=[f"pair:marked:en,{mark}", "pair:marked:en,fr"])
    assert mark not in text(at)
    assert theme.plain(mark) in str(charts(at)[0]["data"])
