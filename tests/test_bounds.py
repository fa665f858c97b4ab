"""Pairs that are as alike as one language found twice, against a plain version."""

import numpy as np
import pandas as pd

from neutral.bounds import noisy, told, within_bound


def plain(table, own):
    rows = []
    for row in table.to_dict("records"):
        known = [own[row[side].split("/")[0]] for side in ("source", "target") if row[side].split("/")[0] in own]
        if known and row["value"] >= min(known):
            rows.append((row["source"], row["target"]))
    return set(rows)


def test_pairs_within_the_bound_are_those_of_a_plain_version_on_random_tables():
    for seed in range(50):
        draw = np.random.default_rng(seed)
        members = [*"abcde", "f/0"]
        pairs = [(a, b) for i, a in enumerate(members) for b in members[i + 1 :]]
        table = pd.DataFrame(pairs, columns=["source", "target"]).assign(value=draw.random(len(pairs)).round(1))
        own = {name: draw.random().__round__(1) for name in "abcdef" if draw.random() < 0.6}
        found = within_bound(table, own)
        assert set(zip(found["source"], found["target"], strict=True)) == plain(table, own)
        assert found["value"].is_monotonic_decreasing


def test_without_a_language_found_twice_no_pair_is_within_a_bound():
    assert within_bound(pd.DataFrame({"source": ["en"], "target": ["fr"], "value": [1.0]}), {}).empty


def test_how_far_pairs_can_be_told_apart():
    table = pd.DataFrame({"source": ["en", "en"], "target": ["fr", "sw"], "value": [0.5, 0.8]})
    found = told(table, {"en": 0.7, "fr": 0.8})
    assert (round(found.spread, 3), found.again, found.above, len(found.alike)) == (0.3, 0.75, True, 1)
    assert not told(table, {}).above
    assert not told(table, {}).is_noise
    assert not found.is_noise, "0.3 apart, and a language found again is 0.25 from itself"
    assert told(table, {"en": 0.6}).is_noise


def test_groups_whose_pairs_differ_by_noise_alone_are_named():
    rows = [("a", "between", 0.9, 0.85, 0.95), ("b", "between", 0.9, 0.6, 0.95)]
    rows += [(group, "halves", 0.88, 0.8, 0.9) for group in "ab"]
    levels = pd.DataFrame(rows, columns=["group", "level", "value", "low", "high"])
    assert noisy(levels) == ["a"]
    assert noisy(levels[levels["level"] == "between"]) == []
