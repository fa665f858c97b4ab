"""Summaries of counts: reference levels against plain computations, orders, kinship."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from neutral import maskfiles, overlap, summary
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.masksets import MaskSet
from neutral.members import display, is_known, numbered, order, relation, speaker
from neutral.study import Study
from neutral.summary import Choice

TICKETS = Choice("mlm", "magnitude", 0.5, 0)


@pytest.fixture(scope="module")
def study(studies):
    return Study(studies / "encoder")


@pytest.fixture(scope="module")
def masks(study):
    return {
        row.language: study.mask("mlm", "magnitude", 0.5, 0, row.language) for row in study.masks_index().itertuples()
    }


def jaccard(a, b):
    return (a & b).kept / (a | b).kept


def test_the_level_between_languages_is_the_mean_over_pairs(study, masks):
    values = [jaccard(masks[a], masks[b]) for i, a in enumerate(masks) for b in list(masks)[:i]]
    row = summary.levels(study, TICKETS).set_index("level").loc["between"]
    assert row["value"] == pytest.approx(np.mean(values))
    assert (row["low"], row["high"], row["n"]) == (pytest.approx(min(values)), pytest.approx(max(values)), 55)


def test_the_pretrained_control_compares_each_language_with_the_untouched_weights(study, masks):
    reference = synthetic.Model(synthetic.shapes(), 12).mask("pretrained", 0.5)
    table = summary.against_pretrained(study, TICKETS)
    assert dict(zip(table["language"], table["value"], strict=True)) == pytest.approx(
        {code: jaccard(mask, reference) for code, mask in masks.items()}
    )


def test_within_compares_a_language_with_itself_only(study, masks):
    other = synthetic.Model(synthetic.shapes(), 12).mask("en", 0.5, seed=1)
    table = summary.within(study, TICKETS, "seeds").set_index("language")["value"]
    assert list(table.index) == ["en", "fr", "de", "zh"]
    assert table["en"] == pytest.approx(jaccard(masks["en"], other))


def test_levels_of_some_members_leave_the_others_out(study):
    table = summary.levels(study, TICKETS, members=("en", "sw")).set_index("level")
    assert table.loc["between", "n"] == 1
    assert table.loc["pretrained", "n"] == 2
    assert table.loc["seeds", "n"] == 1  # of the two only English has a second seed


def test_members_found_once_are_read_against_the_languages_found_twice(study):
    some = summary.levels(study, TICKETS, members=("hi", "sw")).set_index("level").loc["seeds"]
    every = summary.levels(study, TICKETS).set_index("level").loc["seeds"]
    assert (some["value"], some["n"]) == (pytest.approx(every["value"]), 4)


@pytest.mark.parametrize("measure", summary.MEASURES)
@pytest.mark.parametrize("by", ["all", "layer", "component", "layer-component"])
def test_every_measure_lies_between_chance_and_the_bound_in_every_group(study, measure, by):
    table = summary.levels(study, TICKETS, measure, by).pivot(index="group", columns="level", values="value")
    assert (table["chance"] < table["between"]).all()
    if measure != "beyond":
        assert (table["between"] < table["seeds"]).all()


@pytest.mark.parametrize("measure", summary.MEASURES)
def test_one_group_alone_is_what_it_is_among_all(study, measure):
    by, group, some = "layer-component", "encoder 1 query", ("en", "fr", "sw")
    for table in (
        lambda **only: summary.levels(study, TICKETS, measure, by, some, **only),
        lambda **only: summary.pairs(summary.counts_of(study, TICKETS, measure), measure, by, **only),
    ):
        every = table()
        expected = every[every["group"] == group].reset_index(drop=True)
        assert len(expected) > 1
        pd.testing.assert_frame_equal(table(group=group).reset_index(drop=True), expected)
    with pytest.raises(NeutralError, match="no group 'x' by layer"):
        summary.levels(study, TICKETS, measure, "layer", group="x")


def test_chance_of_jaccard_agrees_with_the_counts_own(study):
    counts = summary.counts_of(study, TICKETS)
    table = summary.pairs(counts, by="layer")
    np.testing.assert_allclose(table["chance"], counts.chance("layer")["value"], atol=1e-3)
    np.testing.assert_allclose(table["excess"], table["value"] - table["chance"])


def test_chance_of_phi_is_what_independent_masks_have():
    masks = [Mask.random({"encoder.layer.0.a.weight": (400, 500)}, s, i) for i, s in enumerate((0.3, 0.6))]
    assert summary.pairs(overlap.count(masks, ["a", "b"]), "phi")["chance"].abs().item() < 1e-4


def test_beyond_is_the_overlap_of_the_changes(study, masks):
    reference = synthetic.Model(synthetic.shapes(), 12).mask("pretrained", 0.5)
    counts = summary.counts_of(study, TICKETS, "beyond")
    assert counts.matrix("jaccard").loc["en", "de"] == pytest.approx(
        jaccard(masks["en"] ^ reference, masks["de"] ^ reference)
    )


def test_controls_made_for_one_seed_serve_the_others(study):
    second = TICKETS._replace(seed=1)
    assert summary.kinds(study, second)["seeds"] == 0
    assert summary.kinds(study, second)["languages"] == 1
    assert set(summary.levels(study, second)["level"]) >= {"between", "seeds", "pretrained"}


def test_choices_and_sparsities_are_what_the_study_has(study):
    assert len(summary.choices(study)) == 5 * 2 + 5 + 5
    table = summary.across_sparsity(study, TICKETS)
    assert sorted(table["sparsity"].unique()) == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_sparsities_that_lack_a_member_are_left_out(study):
    assert summary.across_sparsity(study, TICKETS._replace(seed=1), members=("en", "sw")).empty


def test_missing_counts_are_said_in_one_line(study):
    with pytest.raises(NeutralError, match=r"no languages counts of magnitude at 90%"):
        summary.counts_of(study, TICKETS._replace(sparsity=0.9))


def test_shares_of_a_pair_add_up(study, masks):
    table = summary.shares(summary.counts_of(study, TICKETS), "en", "fr", "layer")
    np.testing.assert_allclose(table.drop(columns="group").sum(axis=1), 1)
    whole = summary.shares(summary.counts_of(study, TICKETS), "en", "fr").iloc[0]
    assert whole["only_a"] == pytest.approx((masks["en"] & ~masks["fr"]).kept / masks["en"].size)


def test_kinship_sorts_pairs_by_their_closest_relation(study):
    shown = ["en", "de", "hi", "en/0", "sw", "zh", "ar"]
    assert relation("en", "de", shown) == "same branch"
    assert relation("en", "hi", shown) == "same family"
    assert relation("en/0", "sw", shown) == "same script"
    assert relation("zh", "ar", shown) == "unrelated"
    table = summary.kinship(summary.pairs(summary.counts_of(study, TICKETS)))
    assert table["n"].sum() == 55
    assert table["value"].iloc[0] > table["value"].iloc[-1]


def test_orders(study):
    members = ["zh", "sw", "en", "xx", "de"]
    assert order(members) == ["de", "en", "sw", "zh", "xx"]
    assert order(members, "name") == ["zh", "en", "de", "sw", "xx"]
    square = summary.counts_of(study, TICKETS).matrix("jaccard")
    clustered = order(square.index, "clustering", square)
    assert sorted(clustered) == sorted(square.index)
    assert all(abs(clustered.index(a) - clustered.index(b)) == 1 for a, b in (("en", "de"), ("fr", "es"), ("ur", "hi")))
    with pytest.raises(NeutralError, match="no such order"):
        order(members, "size")


def test_clustering_of_what_is_not_defined_falls_back_to_family():
    counts = overlap.count([Mask.from_tensors({"w": np.zeros((4, 4))})] * 3, ["sw", "en", "zh"])
    assert order(counts.members, "clustering", counts.matrix("jaccard")) == ["sw", "en", "zh"]


def test_names_that_people_read():
    assert display("en 2") == "English 2"
    assert display("sw (yours)") == "Swahili (yours)"
    assert display("my run") == "my run"
    for label in ("run 7", "my 7", "new 2", "it 3", "No 1"):
        assert (display(label), speaker(label), is_known(label)) == (label, label, False), "a word and a number"
    assert (display("pt 2"), speaker("fin 2"), display("no/2")) == ("Portuguese 2", "fin", "Norwegian/2")
    assert [speaker(member) for member in numbered(["my", "my", "my"])] == ["my"] * 3
    assert speaker("en/0") == "en"
    assert not is_known("my run")


def test_by_language_and_partners_see_a_pair_from_both_sides(study):
    table = summary.pairs(summary.counts_of(study, TICKETS, members=("en", "de", "sw")))
    square = summary.counts_of(study, TICKETS).matrix("jaccard")
    means = summary.by_language(table).set_index("language")["value"]
    assert means["de"] == pytest.approx((square.loc["de", "en"] + square.loc["de", "sw"]) / 2)
    assert sorted(summary.partners(table, "de")["language"]) == ["en", "sw"]


def test_two_languages_and_one_sparsity_are_enough(studies):
    study = Study(studies / "two")
    levels = summary.levels(study, summary.choices(study)[0])
    assert list(levels["level"]) == ["between", "chance"]
    assert summary.bound(levels) is None
    assert summary.kinship(summary.pairs(summary.counts_of(study, summary.choices(study)[0])))["n"].tolist() == [1]


def test_a_set_of_masks_answers_like_a_study(masks):
    mine = MaskSet([masks["en"], masks["fr"]], ["en", "fr"])
    choice = summary.choices(mine)[0]
    assert choice == Choice("masks", "upload", 0.5, 0)
    assert summary.levels(mine, choice)["value"].iloc[0] == pytest.approx(jaccard(masks["en"], masks["fr"]))
    assert mine.settings("masks", "upload") == {}
    assert mine.union() == masks["en"] | masks["fr"]
    assert mine.intersection() == masks["en"] & masks["fr"]


@pytest.mark.parametrize("labels", [["en", "en", "fr"], ["en", "en 2", "fr"]], ids=["one by one", "read at once"])
def test_two_masks_under_one_name_give_the_within_language_bound(masks, labels):
    again = synthetic.Model(synthetic.shapes(), 12).mask("en", 0.5, seed=1)
    mine = MaskSet([masks["en"], again, masks["fr"]], labels)
    assert mine.members == ("en", "en 2", "fr")
    choice = summary.choices(mine)[0]
    table = summary.within(mine, choice, "seeds")
    assert table["language"].tolist() == ["en"]
    assert table["value"].item() == pytest.approx(jaccard(masks["en"], again))


def test_far_between_chance_and_one_language_found_again_is_a_share_of_the_way():
    table = pd.DataFrame({"level": ["between", "chance", "seeds"], "value": [0.6, 0.4, 0.8]})
    assert summary.by_level(table) == {"between": 0.6, "chance": 0.4, "seeds": 0.8}
    assert summary.way(table) == pytest.approx(0.5)
    assert np.isnan(summary.way(table[table["level"] != "seeds"]))
    assert np.isnan(summary.way(table.assign(value=[0.6, 0.8, 0.8])))


def test_pairs_and_layers_are_ranked_and_their_extremes_found():
    rows = [("encoder 0", "en", "fr", 0.1), ("encoder 0", "en", "hi", 0.3), ("encoder 1", "en", "fr", 0.5)]
    table = pd.DataFrame(rows, columns=["group", "source", "target", "value"])
    assert [row["value"] for row in summary.extremes(table)] == [0.5, 0.1]
    assert summary.ranked(table)["relation"].tolist() == ["same family"] * 3
    assert summary.ranked(table)["value"].tolist() == [0.5, 0.3, 0.1]
    assert "relation" not in summary.ranked(table.replace("hi", "my run"))
    assert summary.means(table).values.tolist() == [["encoder 0", 0.2], ["encoder 1", 0.5]]
    assert summary.peaks(table) == {"encoder 1": 0.5, "encoder 0": pytest.approx(0.2)}
    assert summary.peaks(table.assign(value=np.nan)) == {}


def test_alternatives_are_the_other_masks_of_the_sparsity_and_seed(studies):
    study = Study(studies / "encoder")
    choice = Choice("mlm", "magnitude", 0.5, 0)
    others = summary.alternatives(study, choice)
    assert others == [Choice("mlm", "wanda", 0.5, 0)]
    assert summary.alternatives(study, choice._replace(method="random")) == []


def test_files_of_masks_are_those_that_the_counts_between_languages_are_of(tmp_path, masks):
    study = Study.create(tmp_path / "s", {"title": "s"})
    for sparsity, language, variant in ((0.5, "en", ""), (0.5, "fr", ""), (0.5, "en", "a"), (0.6, "en", "")):
        maskfiles.write(masks["en"], study.mask_path("mlm", "magnitude", sparsity, 0, language, variant))
    assert study.masks_of("mlm", "magnitude", 0.1 + 0.4) == {
        language: study.mask_path("mlm", "magnitude", 0.5, 0, language) for language in ("en", "fr")
    }
    assert study.masks_of("mlm", "magnitude", 0.5, seed=1) == {}
    assert MaskSet([masks["en"]], ["en"]).masks_of("mlm", "magnitude", 0.5) == {}
