import numpy as np
import pytest
import torch

from neutral import rows, scores
from neutral.errors import NeutralError
from neutral.scores import Scores, texts

pytestmark = pytest.mark.numeric

SHARES = [0.3, 0.5, 0.0, 0.7, 0.99]


def plain(weights, norms, shares):
    """All scores at once, and each share a cut of its own."""
    found = {text: scores.from_norms(weights, of_text) for text, of_text in norms.items()}
    return {text: {share: scores.cut(each, share, "row") for share in shares} for text, each in found.items()}


def drawn(rng, dtype=torch.float32, *, tied=False, transposed=()):
    """Weights of odd shapes and the norms of three texts; tied ones have few values."""
    shapes = {"wide": (5, 33), "tall": (41, 3), "eights": (24, 16), "one": (1, 1), "none": (0, 4), "thin": (4, 0)}

    def draw(*shape):
        return torch.from_numpy(rng.integers(-2, 3, shape) * 0.5 if tied else rng.standard_normal(shape))

    weights = {name: draw(*shape).to(dtype) for name, shape in shapes.items()}
    inputs = {name: shape[0 if name in transposed else 1] for name, shape in shapes.items()}
    norms = {
        text: Scores({n: draw(i).abs() for n, i in inputs.items()}, transposed=transposed) for text in ("", "a", "b")
    }
    return weights, norms


def same(found, expected):
    return all(
        found[text][share] == mask and found[text][share].header == mask.header
        for text, masks in expected.items()
        for share, mask in masks.items()
    )


@pytest.mark.parametrize("block", [1, 64, texts.BLOCK])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("transposed", [(), ("wide", "eights", "thin")])
def test_masks_of_texts_are_those_of_one_cut_after_the_other(monkeypatch, block, tied, transposed):
    monkeypatch.setattr(texts, "BLOCK", block)
    rng = np.random.default_rng(0)
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        weights, norms = drawn(rng, dtype, tied=tied, transposed=transposed)
        for shares in (SHARES, [0.5], [0.5, 0.5]):
            assert same(texts.masks_of_texts(weights, norms, shares), plain(weights, norms, shares))


def test_inputs_that_no_token_reached_are_ties_that_go_in_order():
    weights, norms = drawn(np.random.default_rng(1))
    for of_text in norms.values():
        of_text["wide"].zero_()
        of_text["tall"][1:].zero_()
    found = texts.masks_of_texts(weights, norms, SHARES)
    assert same(found, plain(weights, norms, SHARES))
    assert found["a"][0.5].array("wide").tolist() == [[False] * 16 + [True] * 17] * 5


@pytest.mark.filterwarnings("error")
def test_a_score_that_is_no_number_is_refused_by_the_name_of_its_weight():
    weights, norms = drawn(np.random.default_rng(2))
    weights["tall"][3, 0], norms["a"]["tall"][0] = torch.inf, 0
    with pytest.raises(NeutralError, match="tall: a score is NaN"):
        texts.masks_of_texts(weights, norms, SHARES)
    with pytest.raises(NeutralError, match="only a matrix can be cut row by row"):
        texts.masks_of_texts({"cube": torch.ones(2, 2, 2)}, {"": Scores({"cube": torch.ones(2)})}, [0.5])
    with pytest.raises(NeutralError, match="under 1; got 1"):
        texts.masks_of_texts(*drawn(np.random.default_rng(3)), [1.0])


def test_rows_at_several_counts_are_those_of_a_stable_sort():
    rng = np.random.default_rng(4)
    for _ in range(200):
        block = rng.integers(0, rng.integers(2, 9), (rng.integers(0, 5), rng.integers(1, 12))).astype(np.float32)
        counts = rng.integers(0, block.shape[1] + 1, rng.integers(1, 4)).tolist()
        order = np.argsort(block, axis=1, kind="stable")
        for count, kept in zip(counts, rows.kept(block, counts), strict=True):
            expected = np.ones(block.shape, dtype=bool)
            np.put_along_axis(expected, order[:, :count], False, axis=1)
            assert np.array_equal(kept, expected)
