"""The Typology page without a browser: every part of it, its numbers, subsets, uploads, and what is missing."""

import json
from itertools import combinations

import apppages
import numpy as np
import pandas as pd
import pytest
import synthetic
from apppages import charts, named, text

from neutral import across, association, languages, maskfiles, summary, typology
from neutral.cli import main
from neutral.languages import PAPER_ORDER
from neutral.members import is_known, order, relation
from neutral.study import Study
from neutral.summary import Choice
from neutral.typology import maps
from pages.parts import catalogue, umaps
from pages.parts.typology import tables

PARTS = ["Distances", "World", "Graph", "Tree", "Similarity map", "Other text"]
MEMBERS = ("en", "fr", "de", "ru", "hi", "ar", "sw")
CHOICE = Choice("mlm", "magnitude", 0.5, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of seven languages with the distances of a model's vocabulary, and one of two languages."""
    folder = tmp_path_factory.mktemp("studies")
    study = synthetic.encoder_study(folder / "seven", MEMBERS, layers=3, seeds=(0,))
    with open(study.path / "results.jsonl", "a", encoding="utf-8") as file:
        for i, (a, b) in enumerate(combinations(MEMBERS, 2)):
            for kind, value in (("types", 0.5 + i / 100), ("script", None if "ar" in (a, b) else i % 2)):
                row = {"kind": "distance", "distance": kind, "source": a, "target": b, "value": value}
                file.write(json.dumps(row) + "\n")
    synthetic.two_language_study(folder / "two")
    return folder


@pytest.fixture(autouse=True)
def only_these_studies(folder, tmp_path, monkeypatch):
    """The app finds the synthetic studies, and no others."""
    apppages.only(folder, tmp_path, monkeypatch)
    # UMAP takes ten seconds to be compiled, and has its own tests.
    monkeypatch.setattr(maps, "by_umap", lambda distance, neighbours: maps.by_mds(distance))


@pytest.fixture(scope="module")
def expected(folder):
    """What the library says of the whole network: overlap and its associations, plain and within families."""
    overlap = summary.counts_of(Study(folder / "seven"), CHOICE).jaccard()
    table = tables.distances(catalogue.Opened(folder / "seven"), tuple(order(MEMBERS)))
    within = typology.families(MEMBERS)
    return {
        "plain": association.associations(overlap, table).set_index("distance"),
        "within": association.associations(overlap, table, within=within).set_index("distance"),
    }


def opened(page="pages/typology.py", **address):
    """A page of a fresh server, with the study and the masks of this file."""
    return apppages.opened(page, **{"study": "seven", "method": "Magnitude", **address})


def uploaded(model, names):
    """The page of a session that has uploaded masks under some names."""
    at = opened("pages/masks.py")
    spoken = [name if is_known(name) else "en" for name in names]
    files = [
        (f"{name}.safetensors", maskfiles.to_bytes(model.mask(code, 0.5, seed=i)), "application/octet-stream")
        for i, (name, code) in enumerate(zip(names, spoken, strict=True))
    ]
    at.get("file_uploader")[0].set_value(files)
    at.run()
    for field, name in zip(named(at), names, strict=True):
        field.set_value(name).run()
    at.switch_page("pages/typology.py").run()
    at.selectbox(key="show").set_value("Your masks").run()
    assert not at.exception, at.exception[0].message
    return at


def points(chart):
    """The pairs that a scatter names."""
    return [name for trace in chart["data"] for name in trace["text"]]


@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens(part):
    at = opened(section=part)
    assert not at.error
    assert len(charts(at)) == {"World": 1, "Other text": 0}.get(part, 2)


@pytest.mark.parametrize("part", PARTS[:4])
def test_every_picker_works(part):
    at = opened(section=part)
    for key in [box.key for box in at.selectbox if box.key not in ("study", "method", "sparsity")]:
        at.selectbox(key=key).select_index(len(at.selectbox(key=key).options) - 1).run()
        assert not at.exception, key
        assert not at.error, key
        at.selectbox(key=key).select_index(0).run()


def test_a_part_has_no_picker_that_changes_nothing_and_gets_back_what_it_had():
    at = opened(section="Distances", distance="Geography")
    keys = {part: {box.key for box in opened(section=part).selectbox} for part in PARTS}
    assert all(("distance" in keys[part]) == (part in ("Distances", "Graph")) for part in PARTS)
    assert "measure" in keys["Similarity map"]
    assert "measure" not in {box.key for box in opened(section="Similarity map", near="Syntax").selectbox}
    at.segmented_control(key="section").set_value("Tree").run()
    at.segmented_control(key="section").set_value("Distances").run()
    assert at.selectbox(key="distance").value == "geographic"


def test_the_world_has_every_language_and_the_links_that_are_asked_for():
    at = opened(section="World", links="5", colour="Overlap with a language", to="Hindi")
    (chart,) = charts(at)
    (drawn,) = [trace for trace in chart["data"] if trace.get("mode") == "markers+text"]
    assert len(drawn["hovertext"]) == len(MEMBERS)
    hindi = next(said for said in drawn["hovertext"] if said.startswith("<b>Hindi"))
    assert "script Deva" in hindi
    assert "nearest:" in hindi
    assert "The 5 strongest overlaps of Hindi" in text(at)
    assert {trace["type"] for trace in chart["data"]} == {"scatter"}
    some = charts(opened(section="World", region="Africa"))[0]
    (drawn,) = [trace for trace in some["data"] if trace.get("mode") == "markers+text"]
    assert len(drawn["hovertext"]) == 2, "Arabic and Swahili"


def test_a_folded_family_is_one_row():
    names = charts(opened(section="Tree", folded=["Indo-European"]))[1]["layout"]["yaxis"]["ticktext"]
    assert sum("Indo-European, 5 languages" in name for name in names) == 1
    assert len(names) == 3


def test_the_table_has_both_ps_of_every_distance_as_the_library_gives_them(expected):
    at = opened()
    table = at.dataframe[0].value.set_index("name")
    for kind, row in expected["plain"].iterrows():
        shown = table.loc[typology.KINDS[kind].label]
        assert shown["rho"] == pytest.approx(row["rho"], nan_ok=True)
        assert shown["p"] == pytest.approx(row["p"], nan_ok=True)
        assert shown["holm"] == pytest.approx(row["holm"], nan_ok=True)
        assert shown["tested_within"] == pytest.approx(expected["within"].loc[kind, "tested"], nan_ok=True)
        assert shown["p_within"] == pytest.approx(expected["within"].loc[kind, "p"], nan_ok=True)
    assert len(table) == len(expected["plain"])


def test_rho_and_both_ps_are_written_on_the_scatter(expected):
    chart = charts(opened(distance="Vocabulary"))[0]
    assert len(points(chart)) == 21
    said = chart["layout"]["annotations"][0]["text"].replace("<br>", " ")  # lines are broken for a phone
    row, within = expected["plain"].loc["types"], expected["within"].loc["types"]
    assert f"ρ = {row['rho']:.2f}".replace("-", "−") in said
    assert f"all permuted: p = {row['p']:.4f}, Holm {row['holm']:.4f}" in said
    left = f"{within['tested']:.2f}".replace("-", "−")
    assert f"in families: ρ = {left}, p = {within['p']:.4f}, Holm {within['holm']:.4f}" in said
    assert "(all 5,040 perm.)" in said  # 7!
    assert "(all 120 perm.)" in said  # 5!: of the seven, five are Indo-European and two alone


def test_the_studys_own_distances_go_first_and_what_they_lack_is_left_out():
    at = opened(distance="Script")
    assert len(points(charts(at)[0])) == 15  # the study's rows know nothing of Arabic's script
    assert "left out: Arabic" in text(at)


def test_the_heatmap_has_every_distance_and_layer_and_a_cell_chooses_both():
    at = opened()
    heat = charts(at)[1]["data"][0]
    assert heat["x"] == ["all", "0", "1", "2"]
    assert "Vocabulary" in heat["y"]
    assert heat["zmin"] == -heat["zmax"]
    at = opened(distance="Family", layer="Encoder 1")
    assert at.selectbox(key="layer").value == "encoder 1"
    assert "Encoder 1" in text(at)
    assert charts(at)[1]["layout"]["shapes"]  # the chosen cell is framed


def test_holm_corrects_the_whole_network_as_the_table_does_and_the_layers_for_all_their_cells(folder):
    study, there = catalogue.Opened(folder / "seven"), tuple(order(MEMBERS))
    counts = summary.counts_of(study, CHOICE, "jaccard", there)
    distances = tables.distances(study, there)
    tests = [association.associations(counts.jaccard(by), distances) for by in ("all", "layer")]
    known = pd.concat(tests, ignore_index=True)
    at = opened()
    at.session_state["heat-study-files"] = True
    at.run()
    table = next(frame.value for frame in at.dataframe if "Holm, in families" in frame.value and "Where" in frame.value)
    assert len(table) == len(known)
    np.testing.assert_allclose(np.sort(table["Holm"]), np.sort(known["holm"]))


def test_a_control_adds_the_partial_tests():
    at = opened(control="Family")
    table = at.dataframe[0].value.set_index("name")
    assert np.isnan(table.loc["Family", "partial"])
    assert np.isfinite(table.loc["Syntax", "partial"])
    assert "partial" not in opened().dataframe[0].value


def test_the_regression_has_the_distances_in_the_address_and_refuses_one_twice(folder, monkeypatch):
    at = opened(together=["Syntax", "Geography"])
    assert at.dataframe[1].value["name"].tolist() == ["Syntax", "Geography"]
    assert "R²" in text(at)


def test_distances_that_follow_from_one_another_are_said_not_crashed(tmp_path, monkeypatch):
    study = synthetic.encoder_study(tmp_path / "same", MEMBERS[:5], layers=2, seeds=(0,))
    with open(study.path / "results.jsonl", "a", encoding="utf-8") as file:
        for i, (a, b) in enumerate(combinations(MEMBERS[:5], 2)):
            for kind in ("types", "occurrences"):
                row = {"kind": "distance", "distance": kind, "source": a, "target": b, "value": float(i)}
                file.write(json.dumps(row) + "\n")
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path))
    at = opened(study="same", together=["Vocabulary", "Token use"])
    assert any("follow from one another" in info.value for info in at.info)


def test_a_subset_of_languages_is_what_everything_is_about():
    some = ["English", "French", "Hindi", "Arabic", "Swahili"]
    at = opened(languages=some, distance="Syntax")
    assert len(points(charts(at)[0])) == 10
    assert set(at.dataframe[0].value["languages"]) <= {4.0, 5.0}
    drawn = charts(opened(languages=some, section="Graph"))[0]
    named = [name for trace in drawn["data"] if trace.get("mode") == "markers+text" for name in trace["text"]]
    assert sorted(named) == sorted(some)
    assert len(charts(opened(languages=some, section="Tree"))[0]["layout"]["yaxis"]["ticktext"]) == 5


def test_fewer_than_four_languages_are_too_few_and_said_so():
    at = opened(languages=["English", "French", "Arabic"])
    assert not charts(at)
    assert "takes 4 languages" in text(at)
    assert "there are 3 here: English, French, Arabic" in text(at)
    assert "takes 4 languages" in text(opened(study="two"))


def test_places_stay_while_the_threshold_moves_and_fewer_edges_are_drawn():
    def nodes(chart):
        return [(t["x"], t["y"]) for t in chart["data"] if t.get("mode") == "markers+text"]

    few, many = (opened(section="Graph", threshold=str(share)) for share in (10, 60))
    assert nodes(charts(few)[0]) == nodes(charts(many)[0]) == nodes(charts(many)[1])
    assert "2 pairs drawn" in text(few)
    assert "13 pairs drawn" in text(many)


def test_a_spanning_tree_joins_all_languages_with_one_edge_less():
    said = text(opened(section="Graph", edges="Spanning tree"))
    assert said.count("6 pairs drawn") == 2
    assert "adjusted Rand index" in said
    assert "Modularity" in said


def test_the_tree_says_how_well_it_keeps_distances_and_agrees_with_the_families():
    said = text(opened(section="Tree"))
    assert "cophenetic correlation" in said
    assert "heights agree with family" in said


def test_the_map_is_of_overlap_or_of_any_distance_and_says_who_is_left_out():
    assert "2 nearest" in text(opened(section="Similarity map"))
    at = opened(section="Similarity map", near="Script")
    assert "left out: Arabic" in text(at)


def test_while_umap_is_compiled_the_other_map_is_there_and_a_bar(monkeypatch):
    monkeypatch.setattr(umaps, "seconds", lambda: 12.0)
    at = opened(section="Similarity map")
    assert [chart["layout"]["meta"]["name"] for chart in charts(at)] == ["map-mds"]
    assert "12 s of about 40" in at.get("progress")[0].proto.text
    monkeypatch.setattr(umaps, "seconds", lambda: None)
    assert [chart["layout"]["meta"]["name"] for chart in charts(at.run())] == ["map-mds", "map-umap"]


def test_an_address_restores_the_view():
    at = opened(measure="Phi", layer="Encoder 2", distance="Geography", control="Script", section="Distances")
    keys = ("measure", "layer", "distance", "control")
    assert [at.selectbox(key=key).value for key in keys] == ["phi", "encoder 2", "geographic", "script"]
    at = opened(section="Graph", edges="Strongest of each", strongest="3")
    assert at.select_slider(key="strongest").value == 3


def test_uploaded_masks_get_the_same_analysis_and_names_that_are_no_language_are_said():
    model = synthetic.Model(synthetic.shapes(2), 2)
    at = uploaded(model, ["en", "de", "ru", "sw", "my run"])
    said = text(at)
    assert "“my run” is no language" in said
    assert "4 languages are too few to tell" in said, "no p can be small enough, so nothing is denied"
    assert "a regression on" in said, "three distances fit six pairs whatever they are"
    assert "adds them to a study" in said, "why there is no vocabulary"
    assert set(at.dataframe[0].value["languages"]) == {4}
    assert len(points(charts(at)[0])) == 6
    assert "Vocabulary" not in list(at.dataframe[0].value["name"])  # takes a model


def test_several_masks_of_one_language_count_by_their_mean():
    model = synthetic.Model(synthetic.shapes(2), 2)
    at = uploaded(model, ["en", "en", "de", "ru", "sw"])
    assert "count together" in text(at)
    assert len(points(charts(at)[0])) == 6


def test_masks_that_are_no_languages_are_one_clear_line():
    model = synthetic.Model(synthetic.shapes(2), 2)
    at = uploaded(model, ["run one", "run two"])
    assert not charts(at)
    assert "“run one”, “run two” are no languages" in text(at)
    assert "there are 0 here" in text(at)


def test_relations_of_the_eleven_are_those_of_the_other_pages():
    known = {row.code: row for row in typology.about(PAPER_ORDER).itertuples()}
    for a, b in combinations(PAPER_ORDER, 2):
        sisters = (known[a].family, known[a].branch) == (known[b].family, known[b].branch)
        assert sisters == (relation(a, b, PAPER_ORDER) == "same branch"), (a, b)


def test_languages_of_unknown_family_are_not_taken_for_relatives():
    unknown = languages.Language("xx", "xx", "xx")
    assert languages.relation(unknown, unknown, among=[]) == "unrelated"


def test_the_largest_part_without_gaps_is_what_trees_and_maps_take():
    square = pd.DataFrame(np.zeros((4, 4)), index=list("abcd"), columns=list("abcd"))
    square.loc["b", ["a", "c"]] = square.loc[["a", "c"], "b"] = np.nan
    assert list(typology.complete(square).index) == ["a", "c", "d"]


@pytest.mark.long
def test_tests_are_the_studys_own_while_their_correlations_are_what_they_are_now(tmp_path, monkeypatch, capsys):
    study = synthetic.encoder_study(tmp_path / "studies" / "held", MEMBERS, layers=2, seeds=(0,))
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path / "studies"))
    figures = {}
    asked = ["--methods", "magnitude", "--measures", "jaccard", "--quiet"]

    def heat(column="ρ"):
        at = opened(study="held")
        at.session_state["heat-study-files"] = True
        at.run()
        frames = (frame.value for frame in at.dataframe)
        return next(f for f in frames if "Holm, in families" in f and "Where" in f).set_index(["Where", "Distance"])[
            column
        ]

    def write(change):
        rows = [json.loads(line) for line in lines]
        text = "".join(json.dumps(change(row) if row["kind"] == "association" else row) + "\n" for row in rows)
        (study.path / "results.jsonl").write_text(text, encoding="utf-8")

    figures["computed"] = heat()
    assert main(["typology", "--study", str(study.path), *asked]) == 0
    capsys.readouterr()
    lines = (study.path / "results.jsonl").read_text(encoding="utf-8").splitlines()
    figures["read"] = heat()
    pd.testing.assert_series_equal(figures["read"], figures["computed"], rtol=0, atol=1e-6)
    of_layers = figures["computed"].index.get_level_values("Where") != "All"
    assert (figures["read"] != figures["computed"])[of_layers].any(), "the study's have six decimals"

    write(lambda row: row | ({"p": 0.123456} if row["p"] is not None else {}))
    assert set(heat("p").dropna()) == {0.123456}
    write(lambda row: row | {"rho": 0.123456})
    pd.testing.assert_series_equal(heat(), figures["computed"])


def test_other_text_is_set_beside_the_study_or_the_page_says_how(folder):
    assert "run `neutral study across` on both" in text(opened(section="Other text"))
    study = synthetic.encoder_study(folder / "beside", MEMBERS, layers=3, seeds=(0,))
    across.write(study, Study(folder / "seven"), CHOICE, "*other* lines")
    at = opened(section="Other text", study="beside")
    said = text(at)
    assert r"**\*other\* lines**: " in said
    assert "the pairs of languages keep their order at ρ = **1.00**" in said
    assert "two languages overlap" in said
    drawn = charts(at)
    assert [trace["name"] for trace in drawn[-1]["data"]] == ["this study", "*other* lines"]
    assert "measure" not in {box.key for box in at.selectbox}, "it is of one measure"


def test_other_text_says_what_a_study_has_of_it(folder):
    study = synthetic.encoder_study(folder / "some", MEMBERS, layers=3, seeds=(0,))
    rows = across.compare(study, Study(folder / "seven"), CHOICE, "lines")["alike"]
    study.extend("alike", [row for row in rows if row["what"] == "between"])
    said = text(opened(section="Other text", study="some"))
    assert "**lines**: two languages overlap" in said
    assert "keep their order" not in said


def test_a_map_of_a_distance_has_no_pickers_of_masks_and_keeps_what_was_chosen():
    at = opened(section="Similarity map", near="Syntax", method="Wanda")
    assert not {"method", "sparsity", "seed", "measure"} & {box.key for box in at.selectbox}
    assert "wanda" in text(at)
    assert "method=Wanda" in at.get("page_link")[1].proto.query_string
    assert {"method", "measure"} <= {box.key for box in opened(section="Similarity map").selectbox}
