"""The nearest languages of one, and the square of all: against a plain loop, by any code, and what is refused."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from neutral import cli, summary
from neutral.cli.language import CODES, MEASURES
from neutral.errors import NeutralError
from neutral.language import nearest
from neutral.language.nearest import COLUMNS, choice_of, member_called, similarity
from neutral.languages.written import written
from neutral.masks import Mask
from neutral.masksets import MaskSet
from neutral.overlap import count
from neutral.study import Study
from neutral.summary import Choice

MINI = ROOT / "data/studies/mini-mbert-mlm"
WANDA = Choice("mlm", "wanda", 0.5, 0)


@pytest.fixture(scope="module")
def mini():
    return Study(MINI)


def drawn(labels, seed=0, layers=6):
    """Masks whose languages share the more of a common mask, the earlier they stand."""
    rng = np.random.default_rng(seed)
    shapes = {f"encoder.layer.{i}.output.dense.weight": (20, 10 + 5 * i) for i in range(layers)}
    common = {name: rng.random(shape) for name, shape in shapes.items()}
    masks = []
    for i, label in enumerate(labels):
        own = {name: rng.random(shape) < 0.1 + 0.03 * i for name, shape in shapes.items()}
        tensors = {n: np.where(own[n], rng.random(s), common[n]) < 0.5 for n, s in shapes.items()}
        masks.append(Mask.from_tensors(tensors, language=label))
    return masks


def plain_sure(masks, member, table, seed):
    """Draw layers, put their bits behind each other, and compare the whole again: as the docstring says."""
    bits = {mask.named: list(mask.to_arrays().values()) for mask in masks}
    layers = len(bits[member])
    times = np.random.default_rng(seed).multinomial(layers, np.full(layers, 1 / layers), size=nearest.DRAWS)
    kept = np.zeros(len(table))
    for row in times:
        values = []
        for other in table["language"]:
            pairs = [(a, b) for a, b, k in zip(bits[member], bits[other], row, strict=True) for _ in range(k)]
            both, either = (sum(f(a, b).sum() for a, b in pairs) for f in (np.logical_and, np.logical_or))
            values.append(both / either)
        order = sorted(range(len(values)), key=lambda i: (-values[i], i))
        kept += [order.index(i) <= i for i in range(len(values))]
    return kept / len(times)


def test_the_nearest_come_first_with_what_they_are_compared_with(mini):
    table = nearest.nearest(mini, WANDA, "fr")
    assert list(table.columns) == COLUMNS
    assert len(table) == 10
    assert table["value"].is_monotonic_decreasing
    square = mini.counts(*WANDA).matrix("jaccard")
    bound = summary.within(mini, WANDA, "halves").set_index("language")["value"]
    control = summary.against_pretrained(mini, WANDA).set_index("language")["value"]
    chance = mini.counts(*WANDA).matrix("chance")
    for row in table.itertuples():
        assert row.value == square.loc["fr", row.language]
        assert row.chance == pytest.approx(chance.loc["fr", row.language])
        assert row.control == pytest.approx((control["fr"] + control[row.language]) / 2)
        assert row.bound == pytest.approx((bound["fr"] + bound[row.language]) / 2)
        assert row.way == pytest.approx((row.value - row.chance) / (row.bound - row.chance))
        assert 0 <= row.sure <= 1
    assert table["sure"].iloc[-1] == 1


def test_how_sure_a_place_is_equals_the_plain_way(monkeypatch):
    masks = drawn(["en", "fr", "de", "sw", "zh"])
    source = MaskSet(masks, [mask.named for mask in masks])
    choice = summary.choices(source)[0]
    monkeypatch.setattr(nearest, "DRAWS", 40)
    for seed in (0, 1):
        table = nearest.nearest(source, choice, "de", seed=seed)
        np.testing.assert_array_equal(table["sure"], plain_sure(masks, "de", table, seed))
        assert table[["control", "bound", "way"]].isna().all(axis=None)


def test_the_nearest_of_one_group_are_those_of_its_weights(mini):
    table = nearest.nearest(mini, WANDA, "fr", by="layer", group="encoder 3").set_index("language")
    pairs = summary.partners(summary.pairs(mini.counts(*WANDA), by="layer").query("group == 'encoder 3'"), "fr")
    assert dict(zip(pairs["language"], pairs["value"], strict=True)) == table["value"].to_dict()
    beyond = nearest.nearest(mini, WANDA, "fr", "beyond")
    assert beyond[["control", "bound", "way"]].isna().all(axis=None)
    assert beyond["value"].iloc[0] == mini.counts(*WANDA, "beyond").matrix("jaccard").loc["fr"].drop("fr").max()


def test_layers_that_are_few_say_nothing_of_how_sure_a_place_is():
    source = MaskSet(drawn(["en", "fr", "de"], layers=3), ["en", "fr", "de"])
    assert nearest.nearest(source, summary.choices(source)[0], "en")["sure"].isna().all()


def test_the_square_is_a_studys_in_codes_of_ones_choice(mini):
    square = mini.similarity(method="wanda", codes="iso639-3")
    stored = mini.counts(*WANDA).matrix("jaccard")
    np.testing.assert_array_equal(square, stored)
    assert list(square) == list(square.index) == written(stored.columns, "iso639-3")
    some = mini.similarity("phi", "layer", "encoder 0", method="wanda", members=["sw", "en"])
    assert some.loc["sw", "en"] == mini.counts(*WANDA).matrix("phi", "encoder 0", "layer").loc["en", "sw"]
    for refused in ({}, {"method": "none"}, {"method": "wanda", "sparsity": 0.99}, {"method": "wanda", "codes": "x"}):
        with pytest.raises(NeutralError):
            mini.similarity(**refused)


def test_controls_are_no_languages_of_the_square():
    names = ["en", "fr", "pretrained", "random"]
    source = MaskSet(drawn(names), names)
    choice = summary.choices(source)[0]
    assert list(similarity(source, choice)) == ["en", "fr"]
    assert list(nearest.nearest(source, choice, "en")["language"]) == ["fr"]


def test_a_language_with_controls_only_has_no_nearest():
    uploaded = MaskSet(drawn(["en", "random"]), ["en", "random"])
    with pytest.raises(NeutralError, match="en: there is no other language's mask"):
        nearest.nearest(uploaded, summary.choices(uploaded)[0], "en")


def test_a_place_without_an_overlap_is_not_sure(tmp_path):
    one, other = drawn(["en", "de"])
    study = Study.create(tmp_path / "study", {"title": "Empty", "languages": ["en", "fr", "de"]})
    count([one & ~one, one & ~one, other], ["en", "fr", "de"]).save(study.counts_path(*WANDA, "languages"))
    found = nearest.nearest(study, WANDA, "en").set_index("language")
    assert found["sure"].isna().to_dict() == found["value"].isna().to_dict() == {"de": False, "fr": True}


def test_the_choice_is_the_one_that_is_meant(mini):
    assert choice_of(mini, method="wanda") == WANDA
    assert choice_of(mini, method="magnitude", sparsity=0.3).sparsity == 0.3
    with pytest.raises(NeutralError, match=r"^--method: there are masks of magnitude, random, wanda; say which$"):
        choice_of(mini)
    with pytest.raises(NeutralError, match=r"^--seed 9: there are no such masks; there are 0"):
        choice_of(mini, method="wanda", seed=9)


@pytest.mark.parametrize(
    ("label", "member"),
    [
        ("fr", "fra"),
        ("fra_Latn", "fra"),
        ("stan1290", "fra"),
        ("fr-CA", "fra-CA"),
        ("sr_Latn", "srp-Latn"),
        ("x/1", "x/1"),
    ],
)
def test_a_language_is_found_by_any_code(label, member):
    assert member_called(label, ["fra", "fra-CA", "srp-Cyrl", "srp-Latn", "x/1", "x/2"]) == member


def test_a_language_that_is_not_there_or_there_twice_is_refused_in_a_line():
    with pytest.raises(NeutralError, match=r"^fr may be fr/0 or fr/1 here; say which$"):
        member_called("fr", ["fr/0", "fr/1"])
    with pytest.raises(NeutralError, match=r"^en may be en-GB or en-US here; say which$"):
        member_called("en", ["en-GB", "en-US"])
    with pytest.raises(
        NeutralError, match=r"^there is no mask of 'xx' here; languages go by code: a0, .*, a11 and 3 more$"
    ):
        member_called("xx", [f"a{i}" for i in range(15)])


def test_codes_tell_all_languages_apart():
    labels = ["eng", "eng-GB", "srp-Latn", "srp-Cyrl", "hrv", "bos", "nob", "nno", "zho-CN", "zho-TW", "my run"]
    for codes in CODES:
        assert len(set(written(labels, codes))) == len(labels)
        assert written(labels, codes)[-1] == "my run"
    assert written(labels, "written") == labels
    assert written(["fr", "fra"], "iso639-3") == ["fra-fr", "fra-fra"]


def test_the_shell_offers_what_the_library_has():
    assert MEASURES == summary.MEASURES
    assert CODES == nearest.CODES


def test_the_shell_prints_the_nearest_and_the_square(capsys):
    asked = ["--method", "wanda"]
    assert cli.main(["nearest", "fra", "--study", str(MINI), *asked, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    rows = json.loads(out)
    assert err == "neutral: French (fr), task mlm, wanda at 50%, seed 0\n"
    assert len(rows) == 10
    assert list(rows[0]) == ["language", "name", *COLUMNS[1:]]
    assert cli.main(["nearest", "fra", "--study", str(MINI), *asked, "--most", "2"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert "the first 2 of 10 (--most)" in err
    assert cli.main(["study", "similarity", str(MINI), *asked, "--codes", "bcp47"]) == 0
    square = pd.read_csv(io.StringIO(capsys.readouterr().out), index_col="language")
    pd.testing.assert_frame_equal(square, Study(MINI).similarity(method="wanda"), check_names=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nearest", "fr", "--study", str(MINI)], "--method: there are masks of magnitude, random, wanda; say which"),
        (["nearest", "xx", "--study", str(MINI), "--method", "wanda"], "there is no mask of 'xx' here"),
        (["nearest", "fr", "--study", "/nowhere"], "/nowhere"),
        (["nearest", "fr", "--study", str(MINI), "--method", "wanda", "--by", "layer"], "--by and --group go together"),
        (["nearest", "fr", "--study", str(MINI), "--method", "wanda", "--most", "0"], "--most 0"),
        (["study", "similarity", str(MINI), "--method", "wanda", "--members", "en,xx"], "no mask 'xx'"),
        (["study", "similarity", str(MINI), "--method", "wanda", "--by", "layer", "--group", "9"], "no group '9' by"),
    ],
)
def test_the_shell_refuses_in_one_line(capsys, arguments, says):
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


def test_halves_that_are_counted_within_languages_are_a_bound(tmp_path):
    labels = ["en", "fr", "de", "sw"]
    study = Study.create(tmp_path, {"title": "Drawn", "languages": labels})
    count(drawn(labels), labels).save(study.counts_path("mlm", "wanda", 0.5, 0, "languages"))
    halves = [f"{label}/{half}" for label in labels for half in "ab"]
    twice = [mask for pair in zip(drawn(labels), drawn(labels, 1), strict=True) for mask in pair]
    within = count(twice, halves, pairs=[(f"{label}/a", f"{label}/b") for label in labels])
    within.save(study.counts_path("mlm", "wanda", 0.5, 0, "halves"))
    table = nearest.nearest(study, WANDA, "en")
    assert table["bound"].notna().all()
    assert "halves" in set(summary.levels(study, WANDA)["level"])
