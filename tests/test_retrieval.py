"""Retrieval against plain loops of the formula and of the paper's way, and cases with a known answer."""

import numpy as np
import pandas as pd
import pytest

from neutral.errors import MismatchError, NeutralError
from neutral.inside import retrieval
from neutral.inside.definitions import CANDIDATES, PAPER, SCORES, UNWRITTEN, Definition, among, completed, written

pytestmark = pytest.mark.numeric


def states(n=30, d=12, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32) + 1.5


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def plain_margin(source, target, k):
    scores = np.zeros((len(source), len(target)))
    for i, x in enumerate(source.astype(float)):
        near_x = sorted((cosine(x, z) for z in target.astype(float)), reverse=True)[:k]
        for j, y in enumerate(target.astype(float)):
            near_y = sorted((cosine(y, z) for z in source.astype(float)), reverse=True)[:k]
            scores[i, j] = cosine(x, y) / (sum(near_x) / (2 * k) + sum(near_y) / (2 * k))
    return scores


def plain_accuracy(scores, m):
    hits = 0
    for i, row in enumerate(scores):
        hits += i in sorted(range(len(row)), key=lambda j: -row[j])[:m]
    return hits / len(scores)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 5, 30])
def test_margin_and_accuracy_agree_with_plain_loops(seed, k):
    source = states(seed=seed)
    target = source + 1.2 * states(seed=seed + 100)
    scores = retrieval.margin(source, target, k)
    np.testing.assert_allclose(scores, plain_margin(source, target, k), rtol=1e-6)
    assert retrieval.accuracy(scores) == pytest.approx([plain_accuracy(scores, 1), plain_accuracy(scores, 5)])
    assert retrieval.accuracy(scores.T) == pytest.approx([plain_accuracy(scores.T, 1), plain_accuracy(scores.T, 5)])


def by_the_script(source, target, score, k=5):
    """The share of source sentences that find their translation, one after the other as in the paper's script.

    Of each source sentence the k nearest targets by cosine are ranked, nearest first; the score sets the cosine against
    the mean of both sentences' k highest cosines in the other language; of equal scores the nearer sentence wins.
    """
    x, y = ([row / np.sqrt(row @ row) for row in states.astype(float)] for states in (source, target))
    k = min(k, len(y))
    near_y = [np.mean(sorted((b @ a for a in x), reverse=True)[:k]) for b in y]
    hits = 0
    for i, a in enumerate(x):
        candidates = sorted(range(len(y)), key=lambda j: -(a @ y[j]))[:k]
        near = np.mean([a @ y[j] for j in candidates])
        scores = []
        for j in candidates:
            cosine, mean = a @ y[j], (near + near_y[j]) / 2
            scores.append({"ratio": cosine / mean, "distance": cosine - mean, "absolute": cosine}[score])
        hits += candidates[int(np.argmax(scores))] == i
    return hits / len(x)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(4))
def test_the_papers_way_agrees_with_its_script(score, seed):
    """Where hubs lie among the sentences, so that candidates and scores matter, and both ways."""
    source = states(60, seed=seed)
    target = source + 1.5 * states(60, seed=seed + 50)
    target[::7] = 0.2 * target[::7] + source.mean(0)
    there, back = retrieval.both_ways(source, target, Definition(score=score))
    assert there[0] == pytest.approx(by_the_script(source, target, score))
    assert back[0] == pytest.approx(by_the_script(target, source, score))
    few = retrieval.both_ways(source[:3], target[:3], Definition(score=score))
    assert few[0][0] == pytest.approx(by_the_script(source[:3], target[:3], score))


@pytest.mark.parametrize("candidates", CANDIDATES)
def test_a_translation_that_is_not_among_the_nearest_is_found_only_if_all_are_ranked(candidates):
    """Six hubs are the nearest of every sentence; the margin sees through them, the candidates do not."""
    source = np.hstack([np.eye(40) + 0.15, np.zeros((40, 40))])
    target = np.hstack([np.eye(40), 1.2 * np.eye(40)])
    target[:6] = source.mean(0)
    there, _ = retrieval.both_ways(source, target, Definition(candidates))
    assert there[0] > 0.8 if candidates == "all" else there == [pytest.approx(1 / 40), pytest.approx(5 / 40)]


def test_among_the_five_nearest_five_are_found_whatever_their_margin():
    source = states(seed=3)
    target = source + 1.2 * states(seed=4)
    cosine = retrieval.margin(source, target, score="absolute")
    there, back = retrieval.both_ways(source, target, PAPER)
    assert (there[1], back[1]) == (retrieval.accuracy(cosine, (5,))[0], retrieval.accuracy(cosine.T, (5,))[0])


def test_the_scores_are_those_of_their_formulas():
    source, target = states(), states(seed=1)
    absolute, ratio, distance = (
        retrieval.margin(source, target, score=score) for score in ("absolute", "ratio", "distance")
    )
    np.testing.assert_allclose(absolute, [[cosine(x, y) for y in target] for x in source], rtol=1e-5)
    np.testing.assert_allclose(absolute / (absolute - distance), ratio)
    with pytest.raises(NeutralError, match="no score is called best"):
        retrieval.margin(source, target, score="best")


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("candidates", CANDIDATES)
def test_states_that_say_nothing_give_chance_by_every_definition(candidates, score):
    flat = np.ones((20, 4), dtype=np.float32)
    for some in (flat, 0 * flat):
        both = retrieval.both_ways(some, some, Definition(candidates, score=score))
        assert both == (pytest.approx([1 / 20, 5 / 20]), pytest.approx([1 / 20, 5 / 20]))


def test_a_row_says_what_differs_from_the_oldest_definition():
    assert written(UNWRITTEN) == {}
    assert written(PAPER) == {"candidates": "nearest", "pooling": "mean-with-special"}
    assert written(PAPER, ("pooling",)) == {"pooling": "mean-with-special"}
    for definition in (PAPER, UNWRITTEN, Definition("all", "cls", "absolute")):
        assert Definition(**completed(written(definition))) == definition


def test_equal_states_are_all_found_and_unrelated_ones_by_chance():
    same = states(400, 50)
    assert retrieval.accuracy(retrieval.margin(same, 3 * same)) == [1, 1]
    found = [retrieval.accuracy(retrieval.margin(same, states(400, 50, seed=s))) for s in range(1, 21)]
    np.testing.assert_allclose(np.mean(found, axis=0), [1 / 400, 5 / 400], atol=1.5e-3)


def test_states_that_say_nothing_give_chance_and_not_one():
    flat = np.ones((20, 4), dtype=np.float32)
    assert retrieval.accuracy(retrieval.margin(flat, flat)) == pytest.approx([1 / 20, 5 / 20])
    assert retrieval.accuracy(retrieval.margin(0 * flat, 0 * flat)) == pytest.approx([1 / 20, 5 / 20])


def test_ties_count_by_their_share():
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    assert retrieval.accuracy(scores, (1, 2)) == pytest.approx([(1 / 2 + 0 + 1 / 3) / 3, (1 + 1 + 2 / 3) / 3])


def test_the_margin_takes_hubs_out():
    """One target lies in the middle of all sources and is the nearest of each by cosine."""
    source = np.hstack([np.eye(40) + 0.3, np.zeros((40, 40))])
    target = np.hstack([np.eye(40), 1.2 * np.eye(40)])
    target[0] = source.mean(0)
    near = retrieval._unit(source) @ retrieval._unit(target).T
    assert (near.argmax(1) == 0).all()
    assert retrieval.accuracy(near)[0] == 1 / 40
    assert retrieval.accuracy(retrieval.margin(source, target))[0] > 0.95


def test_scale_and_rotation_change_nothing():
    source, target = states(), states(seed=1)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(12, 12)))[0]
    np.testing.assert_allclose(
        retrieval.margin(2 * source @ turn, 0.5 * target @ turn), retrieval.margin(source, target), rtol=1e-6
    )


def test_few_sentences_lower_k():
    np.testing.assert_allclose(
        retrieval.margin(states(3), states(3, seed=1)), plain_margin(states(3), states(3, seed=1), 3)
    )


def test_states_that_do_not_fit_are_refused():
    with pytest.raises(MismatchError, match="30 and 29"):
        retrieval.margin(states(), states(29))
    with pytest.raises(NeutralError, match="one d"):
        retrieval.margin(states(), states(d=11))


def test_the_table_has_a_row_a_layer():
    common = {"task": "mlm", "method": "full", "sparsity": 0.0, "seed": 0, "mask": "full", "k": 5, "sentences": 9}
    frame = pd.DataFrame(
        [
            common | {"source": a, "target": b, "layers": ["embeddings", "encoder 0"], "at1": [0.1, v], "at5": [0.2, v]}
            for a, b, v in (("en", "sw", 0.5), ("sw", "en", 0.75))
        ]
    )
    table = retrieval.table(frame)
    assert list(table.columns) == retrieval.COLUMNS
    assert len(table) == 4
    row = table[(table.source == "sw") & (table.layer == "encoder 0")].iloc[0]
    assert (row["target"], row["at1"], row["at5"], row["sentences"]) == ("en", 0.75, 0.75, 9)
    assert table["at1"].dtype == float
    assert among(table) == [UNWRITTEN]
    newer = pd.concat([frame, frame.assign(**written(PAPER)), frame.assign(score="distance")])
    assert among(retrieval.table(newer)) == [PAPER, UNWRITTEN, Definition("all", "mean", "distance")]
    assert list(retrieval.table(pd.DataFrame()).columns) == retrieval.COLUMNS


@pytest.mark.parametrize("seed", range(5))
def test_scores_that_are_equal_but_for_rounding_are_ties(seed):
    """States that say nothing, as single precision leaves them, give chance; so does a sentence that comes twice."""
    draw = np.random.default_rng(seed)
    flat, other = (np.ones((20, 4)) + 3e-8 * draw.standard_normal((20, 4)) for _ in range(2))
    assert retrieval.accuracy(retrieval.margin(flat, other)) == pytest.approx([1 / 20, 5 / 20])
    once = states(10, seed=seed)
    twice = np.vstack([once, once * (1 + 3e-8 * draw.standard_normal(once.shape))]).astype(np.float32)
    assert retrieval.accuracy(retrieval.margin(twice, 3 * twice), (1, 2)) == pytest.approx([1 / 2, 1])
