"""Pairs that are as alike as one language found twice, against a plain version."""

import numpy as np
import pandas as pd
import pytest

from neutral import bounds, overlap
from neutral.bounds import noisy, told, within_bound
from neutral.masks import Mask


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


def test_the_deviation_by_lot_is_that_of_masks_drawn_by_lot():
    random = np.random.default_rng(0)
    shapes, kept = {"a": 300, "b": 500}, {"a": (90, 200), "b": (250, 100)}
    values = []
    for _ in range(400):
        masks = []
        for side in (0, 1):
            drawn = {}
            for name, size in shapes.items():
                bits = np.zeros(size, dtype=bool)
                bits[random.permutation(size)[: kept[name][side]]] = True
                drawn[name] = bits
            masks.append(drawn)
        both = sum((masks[0][name] & masks[1][name]).sum() for name in shapes)
        either = sum((masks[0][name] | masks[1][name]).sum() for name in shapes)
        values.append(both / either)
    last = [Mask.from_tensors({f"layer.0.{k}.weight": v for k, v in drawn.items()}) for drawn in masks]
    told = bounds.by_lot(overlap.count(last, ["en", "fr"]))
    assert told[["source", "target"]].to_numpy().tolist() == [["en", "fr"]]
    assert told["deviation"].iloc[0] == pytest.approx(np.std(values), rel=0.12)
