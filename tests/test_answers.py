"""Each page begins with its answer, with numbers of the study, and says first what is noise."""

import apppages
import pandas as pd
import pytest
from apppages import charts, text
from conftest import ROOT

from neutral import summary
from neutral.errors import NeutralError
from neutral.members import relations
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
    answer = answers.why(WANDA.levels("jaccard"), kinship)
    assert answer.startswith("Most of this needs no text: a mask that keeps the largest pretrained weights shares")
    levels = WANDA.levels("jaccard").copy()
    levels.loc[levels["level"] == "pretrained", "value"] = 0.4
    assert answers.why(levels, kinship.head(0)).startswith("Part of this needs no text")
    pairs = WANDA.pairs("jaccard")
    related = pd.Series(relations(zip(pairs["source"], pairs["target"], strict=True), list(WANDA.members)))
    far = pairs["value"][related.isin(["unrelated", "same script"]).to_numpy()].mean()
    assert f"Languages of one branch share {kinship['value'].iloc[0]:.1%}, unrelated ones {far:.1%}" in answer
    assert answer.count(". ") == 1, "two sentences"


def test_the_overview_answers_in_two_sentences_that_begin_with_the_model_and_a_verdict():
    value = summary.by_level(WANDA.levels("jaccard"))
    answer = answers.answer(WANDA, WANDA.pairs("jaccard"), WANDA.levels("jaccard"))
    assert answer.startswith("**In mini-mbert the 11 languages mostly keep the same weights:** two of them share ")
    assert f"by chance it would be {value['chance']:.1%}, and one language found again" in answer
    most, least = summary.extremes(WANDA.pairs("jaccard"))
    assert f"{words.both(most)} share most ({most['value']:.1%}), {words.both(least)} least" in answer
    assert answer.count(". ") == 1, "two sentences"


@pytest.mark.parametrize(
    ("between", "verdict"),
    [(0.9, "mostly keep the same"), (0.6, "in part"), (0.4, "mostly keep weights of their own"), (0.3, "hardly more")],
)
def test_the_verdict_goes_by_the_way_from_chance_to_one_language_found_again(between, verdict):
    levels = WANDA.levels("jaccard").copy()
    for level, value in (("between", between), ("chance", 0.3), ("halves", 0.95)):
        levels.loc[levels["level"] == level, "value"] = value
    assert verdict in answers.answer(WANDA, WANDA.pairs("jaccard"), levels)
    levels = levels[levels["level"] != "halves"]
    assert "found again" not in answers.answer(WANDA, WANDA.pairs("jaccard"), levels)


def test_unrelated_pairs_of_one_script_that_share_less_are_said_to_be_of_one_language():
    pairs = pd.DataFrame(
        [("en", "fr", 0.9), ("en", "sw", 0.5), ("fr", "sw", 0.5), ("en", "zh", 0.8), ("zh", "sw", 0.8)],
        columns=["source", "target", "value"],
    ).assign(chance=0.3)
    kinship = summary.kinship(pairs)
    assert answers.scripts(pairs, kinship) == "Swahili is in 2 of the 2 pairs that share only their script."
    assert answers.scripts(pairs.assign(value=0.9), summary.kinship(pairs.assign(value=0.9))) == ""
    with pytest.raises(NeutralError, match="no pair is of same branch"):
        summary.commonest(pairs, "same branch")


def test_two_names_of_one_mask_are_said_and_are_not_the_most_alike():
    pairs, levels = WANDA.pairs("jaccard").copy(), WANDA.levels("jaccard")
    most, _ = summary.extremes(pairs)
    place = pairs.index[(pairs["source"] != most["source"]) & (pairs["target"] != most["target"])][0]
    pairs.loc[place, "value"] = 1.0
    sentence = answers.of_pairs(WANDA, pairs, levels, "jaccard")
    assert sentence.startswith(f"**{words.both(most)} share most")
    assert sentence.endswith(f" {words.both(pairs.loc[place])} have the very same mask.")
    assert answers.tiles(WANDA, pairs, levels)[1].note == words.pair(most)


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
    assert "In all 12 layers two languages are less alike than one language found twice" in words.by_layer(
        WANDA.levels("jaccard", "layer")
    )
    assert "one language found twice in any layer**" in words.by_layer(MAGNITUDE.levels("jaccard", "layer"))
    assert not words.by_layer(WANDA.levels("beyond", "layer"))


@pytest.mark.parametrize(
    ("page", "answer"),
    [
        ("app.py", "the same weights:**"),
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


def test_a_pairs_check_says_if_its_text_is_not_that_of_the_scores_beside_it():
    scores = pd.DataFrame({"language": ["en"], "full": [50.0]})
    check = pd.DataFrame({"source": ["full", "en"], "target": ["en", "en"], "value": [50.0, 60.0]})
    assert words.pair_check(scores, check) == words.pair_check(scores.head(0), check) == words.PAIR_CHECK
    assert words.pair_check(scores.assign(full=51.0), check).endswith(words.OTHER_BLOCKS)
