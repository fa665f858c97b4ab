"""Each page begins with its answer, with numbers of the study, and says first what is noise."""

import apppages
import pytest
from apppages import charts, text
from conftest import ROOT

from neutral import summary
from neutral.errors import NeutralError
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.overlap import answers, words
from pages.parts.views import View

MINI = catalogue.Opened(ROOT / "data" / "studies" / "mini-mbert-mlm")
WANDA, MAGNITUDE = (View(MINI, Choice("mlm", method, 0.5)) for method in ("wanda", "magnitude"))


@pytest.fixture(autouse=True)
def bundled(tmp_path, monkeypatch):
    apppages.only(ROOT / "data" / "studies" / "mini-mbert-mlm", tmp_path, monkeypatch)


def said(view, measure="jaccard"):
    return answers.overlap(view, view.pairs(measure), view.levels(measure), measure, "all", "all")


def test_pairs_that_differ_by_noise_are_said_to_before_anything_else():
    first = said(MAGNITUDE)
    assert first.startswith("**The differences between pairs are noise:** all 55 pairs lie within 0.000")
    assert "found again differs by 0.0189 from itself" in first
    assert "The colours span 0.019" in first
    assert "as alike as" not in first
    assert "noise" not in said(WANDA)


def test_the_answer_names_both_ends_the_mean_and_what_it_is_against():
    most, least = summary.extremes(WANDA.pairs("jaccard"))
    value = summary.by_level(WANDA.levels("jaccard"))
    sentence = said(WANDA)
    assert f"**{words.both(most)} share most ({most['value']:.1%}), {words.both(least)} least" in sentence
    assert f"in the mean, against {value['chance']:.1%} by chance and {value['halves']:.1%} for" in sentence
    assert "by the correlation φ" in said(WANDA, "phi")


def test_the_overview_says_why():
    kinship = summary.kinship(WANDA.pairs("jaccard"))
    answer = answers.answer(WANDA, WANDA.pairs("jaccard"), WANDA.levels("jaccard"), kinship)
    assert "the mask of the untouched pretrained weights they share" in answer
    assert "languages of one branch share" in answer
    assert answer.count(". ") == 1, "two sentences"


def test_a_pair_has_its_place_among_all():
    pairs = WANDA.pairs("jaccard")
    most, _ = summary.extremes(pairs)
    assert summary.place(pairs, most["target"], most["source"]) == 1
    ranked = pairs.sort_values("value", ascending=False)
    assert summary.place(pairs, ranked["source"].iloc[9], ranked["target"].iloc[9]) == 10
    with pytest.raises(NeutralError, match="no overlap of en and xx"):
        summary.place(pairs, "en", "xx")
    asked = [WANDA.levels("jaccard", by, ("en", "fr")) for by in ("all", "layer")]
    sentence = answers.pair(WANDA, "en", "fr", "jaccard", *asked)
    assert sentence.startswith("**English and French share ")
    assert "most alike of 55 pairs, against " in sentence
    assert "They share most in encoder" in sentence


def test_layers_say_where_pairs_differ_by_more_than_noise():
    assert "In all 12 layers pairs differ by more than noise" in words.by_layer(WANDA.levels("jaccard", "layer"))
    assert "more than noise in any layer**" in words.by_layer(MAGNITUDE.levels("jaccard", "layer"))
    assert not words.by_layer(WANDA.levels("beyond", "layer"))


@pytest.mark.parametrize(
    ("page", "answer"),
    [
        ("app.py", "share most ("),
        ("pages/overlap.py", "share most ("),
        ("pages/pair.py", "share "),
        ("pages/layers.py", "is highest in layer"),
        ("pages/language.py", "Nearest to "),
    ],
)
def test_the_answer_comes_before_any_figure_and_few_tiles_after_it(page, answer):
    at = apppages.opened(page)
    assert not at.error
    assert charts(at)
    assert answer in text(at)
    order = [each.type for each in at.main]
    place = next(i for i, each in enumerate(at.main) if each.type == "markdown" and answer in each.value)
    assert "plotly_chart" not in order[:place]
    assert len(at.metric) <= 5
