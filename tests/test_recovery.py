"""How far families come out of an overlap: against plain loops and known answers."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from neutral.languages import branches, language
from neutral.languages.glottolog import path
from neutral.typology import recovery, trees

CODES = ["en", "de", "nl", "fr", "es", "it", "ru", "uk", "hi", "ur", "ar", "he", "zh", "sw", "fi", "et"]


def square(seed, codes=CODES):
    values = np.random.default_rng(seed).random((len(codes), len(codes)))
    values = np.triu(values, 1) + np.triu(values, 1).T
    return pd.DataFrame(values, index=codes, columns=codes)


def table(values, group="all"):
    rows = [(group, a, b, values.at[a, b]) for a, b in combinations(values.index, 2)]
    return pd.DataFrame(rows, columns=["group", "source", "target", "value"])


def plain_level(one, other):
    ways = [path(language(code).glottocode) for code in (one, other)]
    level = 0
    while level < min(map(len, ways)) and ways[0][level] == ways[1][level]:
        level += 1
    return level


def plain_triplets(values):
    heights = trees.heights(trees.tree(values.to_numpy().max() - values), list(values.index))
    right = cases = 0
    for three in combinations(values.index, 3):
        pairs = list(combinations(three, 2))
        levels = [plain_level(*pair) for pair in pairs]
        if levels.count(max(levels)) == 1:
            cases += 1
            apart = [heights.at[pair] for pair in pairs]
            right += apart.count(min(apart)) == 1 and apart.index(min(apart)) == levels.index(max(levels))
    return right / cases, cases


@pytest.mark.parametrize("seed", range(4))
def test_triplets_and_neighbours_agree_with_plain_loops(seed):
    values = square(seed)
    right, chance, cases = recovery.triplets(values)
    assert (right, cases) == plain_triplets(values)
    assert chance == pytest.approx(1 / 3)
    branch = branches(CODES)
    found = recovery.recovered(table(values)).set_index("what")
    for what, label in (("branch", branch), ("family", {code: language(code).family for code in CODES})):
        hits = shares = 0
        counted = [code for code in CODES if sum(label[other] == label[code] for other in CODES) > 1]
        for code in counted:
            nearest = values[code].drop(code).idxmax()
            hits += label[nearest] == label[code]
            shares += (sum(label[other] == label[code] for other in CODES) - 1) / (len(CODES) - 1)
        row = found.loc[what]
        assert (row["right"], row["chance"]) == (
            pytest.approx(hits / len(counted)),
            pytest.approx(shares / len(counted)),
        )
        assert row["cases"] == len(counted)
    assert found.loc["triplets", "right"] == right


def test_the_tree_of_glottolog_itself_is_recovered_whole():
    levels = pd.DataFrame(recovery.shared_levels(CODES), index=CODES, columns=CODES).astype(float)
    found = recovery.recovered(table(levels)).set_index("what")["right"]
    assert found.tolist() == [1, 1, 1]


@pytest.mark.long
def test_random_labels_have_the_chance_that_is_said():
    values, rng = square(0), np.random.default_rng(1)
    drawn = []
    for _ in range(200):
        order = rng.permutation(len(CODES))
        mixed = pd.DataFrame(values.to_numpy()[np.ix_(order, order)], index=CODES, columns=CODES)
        drawn.append(recovery.recovered(table(mixed))["right"].to_numpy())
    chance = recovery.recovered(table(values))["chance"]
    np.testing.assert_allclose(np.mean(drawn, axis=0), chance, atol=0.03)


def test_a_tree_that_joins_all_at_once_has_no_triplets_and_no_chance():
    right, chance, cases = recovery.triplets(square(0) * 0 + 0.5)
    assert (right, chance) == (0, 0)
    assert cases > 0


def test_variants_of_a_language_and_what_has_no_family_are_left_out_and_named():
    codes = ["eng", "eng-GB", "deu", "fra", "epo"]
    found = recovery.recovered(table(square(0, codes)))
    assert set(found["left_out"]) == {"eng-GB, epo"}
    assert set(found["languages"]) == {3}
    alone = recovery.recovered(table(square(0, ["zh", "sw", "ar"]))).set_index("what")
    assert alone["cases"].tolist() == [0, 0, 0]
    assert alone["right"].isna().all()
