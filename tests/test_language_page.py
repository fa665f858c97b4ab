"""The page Language, and what it says: the nearest, what is known, whose masks would serve; of many and few."""

import apppages
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from test_nearest import drawn

from neutral import figures, summary
from neutral.figures.families import Families
from neutral.language import nearest
from neutral.language.facts import facts
from neutral.language.serving import foretold, serving
from neutral.masks import Mask
from neutral.masksets import MaskSet
from neutral.overlap import count, meant
from neutral.study import Study
from neutral.summary import Choice
from pages.parts.language import words

MINI = ROOT / "data/studies/mini-mbert-mlm"
CHOICE = Choice("clm", "wanda", 0.5, 0)
TEXT = {"lines": 9, "characters": 4000, "bytes": 5000, "tokens": 1000, "unknown": 0.25, "fallback": 0.125}
NAMES = ["fr", "de", "es", "sw", "my run"]


def written(folder, names=NAMES, *, checked=(), texts=True):
    """A study of drawn masks, with scores, facts of the text and a functional check of some languages' texts."""
    study = Study.create(folder, {"title": "Drawn", "model": "small", "task": "clm", "languages": list(names)})
    count(drawn(names), names).save(study.counts_path(*CHOICE, "languages"))
    halves = [f"{name}/{half}" for name in names for half in "ab"]
    noise = [Mask.random(mask.shapes, 0.99, seed) for seed, mask in enumerate(drawn(names))]
    twice = [each for mask, bits in zip(drawn(names), noise, strict=True) for each in (mask, mask ^ bits)]
    count(twice, halves, pairs=meant("halves", halves)).save(study.counts_path(*CHOICE, "halves"))
    for i, name in enumerate(names):
        score = {"task": "clm", "language": name, "seed": 0, "variant": "untrained", "metric": "perplexity"}
        for method, sparsity, value in (("full", 0.0, 16.0), ("wanda", 0.5, 32.0 + i)):
            loss = {"value": value, "loss": np.log(value), "tokens": 100, "characters": 400}
            study.append("score", **score, **loss, method=method, sparsity=sparsity)
        if texts:
            study.append("text", language=name, **TEXT)
    for target in checked:
        for i, source in enumerate(names):
            row = {**CHOICE._asdict(), "source": source, "target": target, "metric": "perplexity"}
            study.append("functional", **row, value=32.0 if source == target else 33.0 + i)
    return study


def page(study, tmp_path, monkeypatch, **address):
    apppages.only(study.path.parent, tmp_path, monkeypatch)
    return apppages.opened("pages/language.py", study=study.path.name, **address)


def test_the_page_answers_first_and_says_what_is_known(tmp_path, monkeypatch):
    study = written(tmp_path / "studies" / "drawn", checked=["fr"])
    at = page(study, tmp_path, monkeypatch, language="French")
    near = nearest.nearest(study, CHOICE, "fr")
    said = apppages.text(at)
    assert f"Nearest to **French** of 4 others is **German**: their masks share **{near['value'][0]:.1%}**" in said
    assert f"by chance and {near['bound'][0]:.1%} for the same language found again" in said
    assert "serves best of 4 others: it costs **+6.3%** of the score under its own mask" in said
    tiles = {tile.label: (tile.value, tile.delta) for tile in at.metric}
    assert "Indo-European (Italic) · script Latn · 48° N, 2° E, Eurasia" in said
    assert tiles["Perplexity (untrained)"] == ("32", "masked; full 16")
    assert tiles["Bits a character"] == ("1.25", "masked; full 1.00")
    assert tiles["Unknown tokens"] == ("25.0%", "of 1,000 tokens")
    assert tiles["Byte fallback"] == ("12.5%", "of 1,000 tokens")
    assert len(apppages.charts(at)) == 2


def test_a_language_that_was_not_checked_is_told_from_overlap_and_how_far_that_goes(tmp_path, monkeypatch):
    names = ["fr", "de", "es", "sw", "ru", "my run"]
    at = page(written(tmp_path / "s" / "drawn", names, checked=["fr", "de"]), tmp_path, monkeypatch, language="my run")
    said = apppages.text(at)
    assert "was not scored under other languages' masks. By the way from chance to the bound: French " in said
    assert "In the 2 languages that were scored under 5 or more others' masks" in said
    assert "my run is no language that Glottolog has" not in said, "its scores are known"


def test_a_study_without_scores_says_that_overlap_foretells_nothing_known(tmp_path, monkeypatch):
    study = Study.create(tmp_path / "s" / "bare", {"title": "Bare", "languages": ["x1", "x2"]})
    count(drawn(["x1", "x2"]), ["x1", "x2"]).save(study.counts_path(*CHOICE, "languages"))
    said = apppages.text(page(study, tmp_path, monkeypatch))
    assert "so nothing is known of it" in said
    assert "how far overlap foretells them is not known here" in said
    assert "of the way" not in said


def test_one_language_and_one_that_is_not_there_are_said_in_words(tmp_path, monkeypatch):
    study = Study.create(tmp_path / "s" / "one", {"title": "One", "languages": ["fr"]})
    count(drawn(["fr"]), ["fr"]).save(study.counts_path(*CHOICE, "languages"))
    assert "Upload another language's" in apppages.text(page(study, tmp_path, monkeypatch))
    count(drawn(["fr", "random"]), ["fr", "random"]).save(study.counts_path(*CHOICE, "languages"))
    assert "Upload another language's" in apppages.text(page(study, tmp_path, monkeypatch, language="French"))


def test_bits_a_character_and_the_facts_are_the_studys(tmp_path):
    study = written(tmp_path / "drawn")
    known = facts(study, CHOICE, "de", NAMES)
    assert known.spoken.iso3 == "deu"
    assert known.branch == "Germanic"
    assert known.scores["bits"].item() == pytest.approx(np.log2(33.0) / 4)
    assert known.scores["full_bits"].item() == 1
    assert known.text == TEXT
    assert facts(written(tmp_path / "bare", texts=False), CHOICE, "de", NAMES).text == {}
    uploads = MaskSet(drawn(["en", "x"]), ["en", "x"])
    known = facts(uploads, summary.choices(uploads)[0], "x", uploads.members)
    assert (known.text, len(known.scores), known.branch) == ({}, 0, "Unknown")


def test_serving_goes_by_the_check_and_the_right_way_round():
    near = pd.DataFrame({"language": ["a", "b", "c"], "value": [0.9, 0.8, 0.7], "way": [0.9, 0.5, 0.1]})
    rows = [("a", "x", 30.0, 3.0), ("b", "x", 20.0, 2.0), ("x", "x", 10.0, 1.0), ("full", "x", 5.0, 0.5)]
    checked = pd.DataFrame(rows, columns=["source", "target", "value", "ratio"])
    assert serving(near, checked, "x")["language"].tolist() == ["b", "a"]
    assert serving(near, checked, "x", "accuracy")["language"].tolist() == ["a", "b"]
    assert serving(near, checked, "y")["language"].tolist() == ["a", "b", "c"]
    assert serving(near, checked.head(0), "x")["ratio"].isna().all()


def test_how_far_overlap_foretells_is_the_mean_rank_correlation():
    names = list("abcdef")
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame([(a, b, rng.random()) for i, a in enumerate(names) for b in names[i + 1 :]])
    pairs.columns = ["source", "target", "value"]
    overlap = {frozenset((row.source, row.target)): row.value for row in pairs.itertuples()}
    rows = [(a, b, 1.0, 2 - overlap[frozenset((a, b))]) for a in names for b in "ab" if a != b]
    checked = pd.DataFrame([*rows, ("a", "a", 1.0, 1.0)], columns=["source", "target", "value", "ratio"])
    assert foretold(pairs, checked) == pytest.approx((1, 1, 1, 2, 5))
    assert foretold(pairs, checked, "accuracy").rho == pytest.approx(-1)
    assert foretold(pairs, checked[checked["source"] < "d"]) is None


def test_the_figures_have_room_for_three_and_for_three_hundred_languages():
    for n in (3, 300):
        names = [f"m{i}" for i in range(n)]
        near = pd.DataFrame({"language": names[1:]}, columns=nearest.COLUMNS)
        near = near.assign(value=np.linspace(0.9, 0.5, n - 1), sure=0.5)
        figure = figures.nearest_dots(near, "jaccard", "m0", Families(names))
        assert len(figure.data[-1].y) == min(n - 1, 20)
        assert set(figure.data[-1].marker.symbol) == {"circle-open"}
        unknown = figures.nearest_dots(near.assign(sure=np.nan), "jaccard", "m0", Families(names))
        assert set(unknown.data[-1].marker.symbol) == {"circle-open"}
        assert figure.layout.height < 700


def test_where_is_the_overlap_by_layer():
    study = Study(MINI)
    choice = Choice("mlm", "wanda", 0.5, 0)
    table = nearest.where(study, choice, "fr", "es").set_index(["level", "group"])
    for group in ("encoder 0", "encoder 3"):
        square = study.counts(*choice).matrix("jaccard", group, "layer")
        others = square.loc["fr"].drop("fr")
        assert table.loc[("nearest", group), "value"] == square.loc["fr", "es"]
        assert table.loc[("between", group), ["value", "low", "high"]].tolist() == pytest.approx(
            [others.mean(), others.min(), others.max()]
        )
    assert set(table.index.get_level_values("level")) == {"nearest", "between", "chance", "pretrained", "halves"}


def test_places_on_the_globe_are_written_with_their_sides():
    assert [words.place(*at) for at in ((0.4, -0.6), (-33.7, 151))] == ["0° N, 1° W", "34° S, 151° E"]
