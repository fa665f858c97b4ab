"""What `typology` stores of models and of tests without one family is what the page shows; it makes nothing anew."""

import apppages
import many
import pandas as pd
import pytest
from apppages import charts, text
from conftest import ROOT

from neutral.association import leaving, models, stored
from neutral.cli import main
from neutral.language.facts import properties_of
from neutral.study import Study
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.typology import answers, fits, hanging, modelled, words
from pages.parts.views import View

CODES = [code for code in many.CODES if "-" not in code][::5]
CHOICE = Choice("clm", "wanda", 0.5, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of 23 languages with what was measured on their text and its tests."""
    folder = tmp_path_factory.mktemp("studies")
    study = many.study(folder / "some", codes=CODES, layers=1)
    numbers = {"lines": 9, "characters": 99, "bytes": 120}
    rows = [
        {"language": c, **numbers, "tokens": 20 + i * i, "unknown": 0, "fallback": 1 / (9 + i)}
        for i, c in enumerate(CODES)
    ]
    study.extend("text", rows)
    asked = ["--permutations", "99", "--by", "all", "--measures", "jaccard", "--controls", "", "--quiet"]
    assert main(["typology", "--study", str(study.path), *asked]) == 0
    return folder


@pytest.fixture(autouse=True)
def only_this_study(folder, tmp_path, monkeypatch):
    """The app finds this study alone, and no model is fitted."""
    apppages.only(folder, tmp_path, monkeypatch)
    monkeypatch.setattr(models, "fit", lambda *_, **__: pytest.fail("the study has it"))


def test_models_of_languages_are_stored_by_distances_and_by_all_that_is_known_of_the_languages(folder):
    study = Study(folder / "some")
    process, properties = study.table("process"), study.table("properties")
    assert set(process["kinds"]) == {"syntactic, script"}
    assert set(process["predictor"]) == {"syntactic", "script"}
    assert set(properties["kinds"]) == {"script, tokens, fallback"}
    assert set(properties["predictor"]) == {"script", "tokens", "fallback"}
    known = properties_of(study, "clm", CODES)
    assert known["tokens"].notna().all()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("mixed", ("syntactic", "genetic", "geographic", "script")),
        ("process", ("syntactic", "script")),
        ("properties", ("script", "tokens", "fallback")),
    ],
)
def test_the_page_reads_the_models_of_a_study(kind, names, folder):
    view = View(catalogue.Opened(folder / "some"), CHOICE)
    table = fits.model(kind, view, "jaccard", "all", "all", names)
    assert list(table) == list(models.COLUMNS[kind])
    rows = Study(folder / "some").table(kind)
    assert rows["p"].notna().all()
    pd.testing.assert_series_equal(table["p"], rows["p"].astype(float))


def below(block):
    """The elements of a block in the order in which they stand."""
    for child in block.children.values():
        yield from below(child) if hasattr(child, "children") else [child]


def test_the_page_shows_all_three_models_and_the_tests_without_one_family(folder):
    at = apppages.opened("pages/typology.py", study="some", members="all")
    for title in (modelled.PAIRS, modelled.LANGUAGES, modelled.LIKE):
        at.session_state[f"{title}-study-box"] = True
    at.run()
    assert not at.exception, at.exception[0].message
    said = text(at)
    types = [node.type for node in below(at.main)]
    assert types.index("markdown") < types.index("selectbox"), "the answer, before what is asked"
    assert "with properties of each language beyond both" in said
    assert "Beyond kinship and place, languages one by one: **Jaccard overlap goes with " in said
    assert "**It compares explanations and is no test**" in said
    assert "with other distances beyond both" in said
    assert "**Tokens**: log₁₀ of how many" in said
    assert hanging.TITLE in said
    assert "is moved most: ρ = " in said
    assert any(chart["layout"]["meta"]["name"] == "without-one" for chart in charts(at))


def test_tests_without_one_family_of_other_distances_than_now_are_not_shown(folder):
    view = View(catalogue.Opened(folder / "some"), CHOICE)
    rows = Study(folder / "some").table("association")
    plain = rows[(rows["scheme"] == "plain") & (rows["controls"] == "")].astype({"rho": float})
    held = fits.leaving(view, "jaccard", "all", plain)
    assert set(held["left"]) == {"family", "script"}
    assert fits.leaving(view, "jaccard", "all", plain.assign(rho=plain["rho"] + 0.01)) is None
    assert fits.leaving(view, "jaccard", "layer", plain) is None


def test_p_of_all_languages_is_that_of_the_tests_of_more_draws():
    moved = pd.DataFrame({"distance": ["script", "syntax"], "p": [0.95, 0.5], "holm": [1.0, 0.9]})
    tests = pd.DataFrame({"distance": ["script"], "p_tree": [0.85], "holm_tree": [0.99]})
    one = leaving.with_whole(moved, tests, "tree")
    assert one["p"].tolist() == [0.85, 0.5]
    assert one["holm"].tolist() == [0.99, 0.9]
    assert leaving.with_whole(moved, tests, "globe") is moved
    assert "999 draws of its own" in hanging.caption(pd.DataFrame({"permutations": [999, 999]}))


def test_family_or_place_is_answered_first():
    rows = [("syntactic", -0.5, 0.001), ("geographic", -0.42, 0.002), ("family", -0.3, 0.6), ("script", -0.1, 0.9)]
    table = pd.DataFrame(rows, columns=["distance", "rho", "p_tree"])
    table = table.assign(p=0.0001, holm=0.0004, holm_tree=4 * table["p_tree"], permutations=9999, languages=20)
    table = table.assign(permutations_tree=9999, exact=False, exact_tree=False, group="all", tested_tree=0.0)
    said = answers.lead(table, "Jaccard overlap")
    assert said.startswith(
        "**Family or place? Place more than family**: Jaccard overlap goes with geography at ρ = −0.42"
    )
    assert "with family at ρ = −0.30" in said
    assert said.endswith(
        "Tested along the tree, beyond what relatives share, Syntax (−0.50), Geography (−0.42) hold "
        "with all languages. " + answers.KINSHIP
    )
    hangs = "**But none of these holds whichever one family or script is left out**: Syntax hangs on the script Latin."
    assert f"with all languages. {hangs}" in answers.lead(table, "Jaccard overlap", hangs)
    sized = table.replace({"distance": {"syntactic": "size"}})
    assert answers.lead(sized, "Jaccard overlap").endswith(answers.SIZE)
    none = answers.lead(table.assign(holm_tree=1.0), "Jaccard overlap")
    assert "No distance holds along the tree after correction: relatives alone can make this." in none
    assert none.endswith(answers.KINSHIP), "a test along the tree does not say that kinship is nothing"
    assert "Family more than place" in answers.lead(table.assign(rho=[-0.5, -0.15, -0.3, -0.1]), "Jaccard overlap")
    assert "Both about alike" in answers.lead(table.assign(rho=[-0.5, -0.42, -0.39, -0.1]), "Jaccard overlap")
    assert "Neither" in answers.lead(table.assign(rho=[-0.5, 0.2, -0.03, -0.1]), "Jaccard overlap")
    assert answers.lead(table[table["distance"] != "geographic"], "Jaccard overlap") == ""


def test_a_distance_that_turns_beside_the_others_is_named():
    alone = pd.DataFrame({"distance": ["script", "size", "tree"], "rho": [-0.12, -0.44, 0.01]})
    beside = pd.DataFrame({"distance": ["script", "size", "tree"], "beta": [0.306, -0.3, -0.02]})
    assert modelled.turned(beside, alone).startswith(
        "Another sign beside the others than alone: Script (β = 0.31, alone ρ = −0.12). "
    )
    assert modelled.turned(beside[1:], alone) == ""


def test_nearest_of_the_branch_and_one_mask_under_two_names_are_said():
    recovered = {"what": "branch", "right": 0.8144, "chance": 0.07, "cases": 97, "left_out": "eng-US, por-BR"}
    said = words.kin(pd.DataFrame([recovered]))
    assert said.startswith(
        "**81% of the 97 languages with another of their branch here have one as their nearest** (7%"
    )
    assert "count once (English (United States)" in said
    assert "count once" not in words.kin(pd.DataFrame([recovered | {"left_out": ""}]))
    assert words.kin(pd.DataFrame([recovered | {"cases": 0}])) == ""
    pairs = pd.DataFrame({"source": ["eng", "eng"], "target": ["eng-US", "deu"], "value": [0.99999, 0.9]})
    assert words.twins(pairs).startswith("English and English (United States) have the same mask")
    assert words.twins(pairs[1:]) == ""


def test_a_sentence_says_what_hangs_on_one_family():
    row = {"left": "family", "distance": "script", "rho": -0.4, "low": -0.5, "high": -0.1, "p": 0.001, "p_low": 0.001}
    row |= {"holm": 0.01, "holm_low": 0.01, "holm_high": 0.02, "p_high": 0.002, "most": "A*B", "rho_without": -0.1}
    row |= {"p_without": 0.002, "blocks": 3, "gone": "", "lost": ()}
    assert hanging.first(pd.DataFrame([row])).startswith("**Each of these** holds")
    lost = {"distance": "syntactic", "holm_high": 0.3, "lost": ("Indo-European", "A*B")}
    both = hanging.first(pd.DataFrame([row, row | lost, row | {"distance": "size", "left": "script", "gone": "Latn"}]))
    assert both.startswith("**But only Script holds whichever one family or script is left out**: ")
    assert "Syntax hangs on the family Indo-European and the family A\\*B; Text size hangs on the script Latin." in both
    gone = {"left": "script", "gone": "Latn"}
    none = hanging.first(pd.DataFrame([row | gone, row | gone | {"distance": "syntactic"}]))
    assert none.startswith("**But none of these holds")
    assert none.endswith("Script and Syntax hang on the script Latin.")
    many = hanging.first(pd.DataFrame([row | {"holm_high": 1.0, "lost": tuple("ABCDE")}]))
    assert many.endswith("the family A, the family B, the family C and 2 more families.")
    firm = hanging.sentence(pd.DataFrame([row]))
    assert firm.startswith("**Script**: along the tree, whichever")
    assert "without the family A\\*B" in firm
    shaken = hanging.sentence(pd.DataFrame([row | {"holm_high": 0.3, "lost": ("A*B",)}]))
    assert "**Script** hangs on one: Holm up to 0.3000 without one family (A\\*B)." in shaken
    gone = hanging.sentence(pd.DataFrame([row | {"gone": "Latn"}]))
    assert "nothing is left to test without Latn" in gone
    assert hanging.sentence(pd.DataFrame([row | {"holm": 0.3}])).startswith("With all languages no distance holds")


@pytest.mark.parametrize("name", ["mini-mbert-mlm", "gemma-3-270m-clm"])
def test_the_regression_of_an_older_study_has_as_many_pairs_as_its_languages(name):
    rows = Study(ROOT / "data/studies" / name).table("regression")
    rows = rows[(rows["measure"] == "jaccard") & (rows["by"] == "all")]
    row = rows.iloc[0]
    key = {each: row[each] for each in ("task", "method", "seed", "measure", "by", "members")}
    held = stored.read_regression(rows, group="all", kinds=row["kinds"].split(", "), sparsity=row["sparsity"], **key)
    assert held is not None
    assert (held["plain"]["pairs"] == held["plain"]["languages"] * (held["plain"]["languages"] - 1) / 2).all()
