"""What `typology` stores of models and of tests without one family is what the page shows; it makes nothing anew."""

import apppages
import many
import pandas as pd
import pytest
from apppages import charts, text
from conftest import ROOT

from neutral.association import models, stored
from neutral.cli import main
from neutral.language.facts import properties_of
from neutral.study import Study
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.typology import fits, hanging, modelled
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


def test_the_page_shows_all_three_models_and_the_tests_without_one_family(folder):
    at = apppages.opened("pages/typology.py", study="some", members="all")
    for title in (modelled.PAIRS, modelled.LANGUAGES, modelled.LIKE):
        at.session_state[f"{title}-study-box"] = True
    at.run()
    assert not at.exception, at.exception[0].message
    said = text(at)
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


def test_a_sentence_says_what_hangs_on_one_family():
    row = {"left": "family", "distance": "script", "rho": -0.4, "low": -0.5, "high": -0.1, "p": 0.001, "p_low": 0.001}
    row |= {"holm": 0.01, "holm_low": 0.01, "holm_high": 0.02, "p_high": 0.002, "most": "A*B", "rho_without": -0.1}
    row |= {"p_without": 0.002, "blocks": 3, "gone": ""}
    assert hanging.first(pd.DataFrame([row])).startswith("**Each of these** holds")
    both = hanging.first(pd.DataFrame([row, row | {"distance": "syntax", "holm_high": 0.3}]))
    assert "is left out: **Script**; Syntax hangs on one of them" in both
    assert "**none of these**" in hanging.first(pd.DataFrame([row | {"gone": "Latn"}]))
    firm = hanging.sentence(pd.DataFrame([row]))
    assert firm.startswith("**Script**: along the tree, whichever")
    assert "without the family A\\*B" in firm
    shaken = hanging.sentence(pd.DataFrame([row | {"holm_high": 0.3}]))
    assert "**Script** hangs on one: Holm up to 0.3000 without one family." in shaken
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
