"""A study in ten languages of ten families that the project names nowhere: families, colours, relations, typology."""

import apppages
import pytest
import synthetic
from apppages import charts, text

from neutral import association, typology
from neutral.cli import main
from neutral.figures.families import USUAL
from neutral.members import relation
from neutral.runs.typology import notes

TEN = ("fi", "tr", "ja", "ko", "th", "ta", "yo", "id", "eu", "ka")
NAMES = {"Finnish", "Turkish", "Japanese", "Korean", "Thai", "Tamil", "Yoruba", "Indonesian", "Basque", "Georgian"}
FAMILIES = {
    *("Uralic", "Turkic", "Japonic", "Koreanic", "Tai-Kadai", "Dravidian", "Atlantic-Congo", "Austronesian", "Basque"),
    "Kartvelian",
}
SCRIPTS = {"ja": "Jpan", "ko": "Kore", "th": "Thai", "ta": "Taml", "ka": "Geor"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a study of two layers, one method and one sparsity."""
    folder = tmp_path_factory.mktemp("studies")
    model = synthetic.Model(synthetic.shapes(2), 2)
    study = synthetic._create(folder / "ten", "Ten languages", "mlm", TEN, ["magnitude"], model, (0,))
    synthetic._counts(study, {code: model.mask(code, 0.5) for code in TEN}, "mlm", "magnitude", 0.5)
    return folder


@pytest.fixture(autouse=True)
def only_this_study(folder, tmp_path, monkeypatch):
    apppages.only(folder, tmp_path, monkeypatch)


def test_families_scripts_and_relations_are_known():
    about = typology.about(TEN).set_index("code")
    assert set(about["family"]) == FAMILIES
    assert dict(about["script"]) == {code: SCRIPTS.get(code, "Latn") for code in TEN}
    assert about["in_uriel"].all()
    assert relation("fi", "eu", TEN) == "same script"
    assert relation("ja", "ko", TEN) == "unrelated"


def test_the_overview_has_a_colour_a_family_names_all_and_tells_how_pairs_relate():
    at = apppages.opened("app.py")
    heat = charts(at)[0]
    legend = {trace["name"]: trace["marker"]["color"] for trace in heat["data"] if trace.get("showlegend")}
    assert set(legend) == FAMILIES
    assert set(legend.values()) == set(USUAL.values())
    labels = heat["layout"]["yaxis"]["ticktext"]
    assert {label.split(" <")[0] for label in labels} == NAMES
    table = at.dataframe[0].value.set_index("Pairs with")
    assert table["Pairs"].to_dict() == {"unrelated, same script": 10, "unrelated, other scripts": 35}


def test_the_typology_page_says_on_what_its_tests_rest():
    at = apppages.opened("pages/typology.py", distance="Syntax")
    table = at.dataframe[0].value.set_index("name")
    assert table.loc["Syntax", ["languages", "pairs"]].tolist() == [10, 45]
    assert table.loc["Phonology", ["languages", "pairs", "left_out"]].tolist() == [9, 36, "Tamil"]
    assert table.loc["Genealogy", "left_out"] == "Basque"  # URIEL knows no lineage of it, Glottolog's tree has it
    assert table.loc["Family tree", ["languages", "left_out"]].tolist() == [10, ""]
    assert table["p_within"].isna().all()
    said = text(at)
    assert "It rests on 65 to 97 features that both languages have in URIEL+." in said
    assert "in families: nothing to exchange" in charts(at)[0]["layout"]["annotations"][0]["text"]
    assert "here no two languages are of one family" in said
    assert "No value: Genealogy, Family tree, Family, the same for all pairs here." in said
    several = at.dataframe[1].value
    assert several[["languages", "pairs"]].drop_duplicates().values.tolist() == [[9, 36]]  # no lineage of Basque


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("Graph", "each language is of a family of its own, so communities cannot agree with families"),
        ("Tree", "All pairs are equally far here, so the tree says nothing."),
    ],
)
def test_graph_and_tree_say_that_families_tell_nothing_of_ten_unrelated_languages(section, said):
    shown = text(apppages.opened("pages/typology.py", section=section))
    assert said in shown
    assert "Rand index" not in shown


def test_the_command_says_languages_pairs_and_that_nothing_can_be_exchanged(folder, capsys):
    options = ["--study", str(folder / "ten"), "--by", "all", "--permutations", "99", "--format", "csv"]
    assert main(["typology", *options]) == 0
    printed = capsys.readouterr()
    assert "no two of the 10 languages are of one family: tests within families have no p" in printed.err
    assert f"page Typology of `neutral app --studies {folder / 'ten'}`" in printed.err
    header = printed.out.splitlines()[0].split(",")
    assert {"languages", "pairs", "left_out"} <= set(header)


def test_the_permutations_within_families_are_counted_and_strangers_to_uriel_are_named():
    few = ["en", "de", "fi", "ja", "cnp"]  # Northern Ping Chinese
    assert association.possible(few, typology.families(few)) == 2
    assert notes(few) == [
        "not in URIEL+, so left out of its distances: cnp",
        "within families there are only 2 permutations: no p is below 0.5",
    ]
    assert association.possible(TEN, typology.families(TEN)) == 1
    assert association.possible(["en", "de", "fr", "fi", "et"], typology.families(["en", "de", "fr", "fi", "et"])) == 12
    distances = typology.distances(few)
    lacking = distances[(distances["target"] == "cnp") & ~distances["distance"].isin(["tree", "family", "script"])]
    assert lacking["value"].isna().all()
    assert distances[(distances["distance"] == "tree")]["value"].notna().all()
