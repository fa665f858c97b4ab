from itertools import pairwise

import numpy as np
import pytest
import tiny
import torch

from neutral import models, scores, training
from neutral import search as search_methods
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.search import controls, lottery, one_shot, rounds
from neutral.search.calibration import alternating
from neutral.search.search import Search
from neutral.tasks import LanguageModelling
from neutral.training import Recipe

pytestmark = pytest.mark.numeric

RECIPE = Recipe(steps=3, batch_size=2, rate=1e-2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def search(folder):
    corpus = tiny.text()
    task = LanguageModelling("mlm", models.load_tokenizer(folder), length=32)
    return Search(
        models.load_model(folder), task, task.blocks(corpus.train["en"]), task.blocks(corpus.held_out["en"]), RECIPE
    )


def weights_of(search):
    return {name: weight.detach().clone() for name, weight in search.weights.items()}


def test_levels_are_ten_points_of_the_original_weights_each():
    assert rounds.levels(0.5) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert rounds.levels(0.25, 0.1) == [0.1, 0.2, 0.25]
    for sparsity, step in ((1.0, 0.1), (0.5, 0.0), (0.1, 0.2)):
        with pytest.raises(NeutralError):
            rounds.levels(sparsity, step)


def test_rounds_prune_by_trained_magnitude_and_rewind(search):
    """Against the method's steps done by hand: train from mask ⊙ θ0, cut the smallest of what is left, rewind."""
    origin, rounds = search.origin, []
    for done in lottery.find(search, [0.1, 0.2, 0.3]):
        trained = weights_of(search)
        rounds.append(done)
        if done.mask is not None:
            keep = done.mask.to_tensors()
            assert all((trained[name][~keep[name]] == 0).all() for name in keep), "pruned weights stay zero in training"
            assert all(torch.equal(origin[n], search.origin[n]) for n in origin), "θ0 is untouched"
        if done.following is not None:
            alive = torch.cat(
                [
                    (done.mask.to_tensors()[n] if done.mask else torch.ones_like(w, dtype=torch.bool)).ravel()
                    for n, w in trained.items()
                ]
            )
            magnitude = torch.cat([w.abs().ravel() for w in trained.values()])
            magnitude[~alive] = -1  # those gone are the lowest
            total = round([0.1, 0.2, 0.3][len(rounds) - 1] * len(magnitude))
            gone = torch.zeros_like(alive)
            gone[magnitude.argsort(stable=True)[:total]] = True
            expected = ~gone
            found = torch.cat([t.ravel() for t in done.following.to_tensors().values()])
            assert torch.equal(found, expected)
    assert [r.sparsity for r in rounds] == [0.0, 0.1, 0.2, 0.3]
    assert rounds[-1].following is None
    for earlier, later in pairwise(rounds[1:]):
        assert earlier.mask & later.mask == later.mask, "tickets are nested"


def test_a_search_gone_on_with_ends_like_an_uninterrupted_one(search):
    whole = list(lottery.find(search, [0.2, 0.4]))
    rest = list(lottery.find(search, [0.2, 0.4], start=1, mask=whole[1].mask))
    assert [r.score for r in rest] == [r.score for r in whole[1:]]
    assert rest[-1].mask == whole[-1].mask


def test_training_changes_the_masked_weights_from_their_pretrained_values(search):
    mask = Mask.random({n: w.shape for n, w in search.weights.items()}, 0.5, 0)
    keep = search.rewind(mask)
    for name, weight in search.weights.items():
        assert torch.equal(weight, search.origin[name] * keep[name])
    search.trained(mask)
    moved = [not torch.equal(w, search.origin[n] * keep[n]) for n, w in search.weights.items()]
    assert all(moved)


def test_attention_is_written_out_for_training_in_bfloat16_only_and_scores_alike(search, monkeypatch):
    seen, task, mean_loss = [], search.task, search.task.mean_loss
    monkeypatch.setattr(task, "mean_loss", lambda m, b: seen.append(m.config._attn_implementation) or mean_loss(m, b))
    scores = {}
    for gains in (False, True):
        monkeypatch.setattr(training, "gains_from_bfloat16", lambda _place, gains=gains: gains)
        scores[gains] = search.trained(None).loss
        assert search.model.config._attn_implementation == "sdpa"
    assert seen == ["sdpa"] * RECIPE.steps + ["eager"] * RECIPE.steps
    assert scores[True] == pytest.approx(scores[False], rel=0.02)


@pytest.mark.parametrize("method", search_methods.ONE_SHOT)
def test_one_shot_masks_are_nested_and_exact(search, method):
    masks = one_shot.one_shot(search, method, [0.25, 0.5])[""]
    assert masks[0.25] & masks[0.5] == masks[0.5]
    for sparsity, mask in masks.items():
        assert mask.sparsity() == pytest.approx(sparsity, abs=1e-3)


def test_wanda_masks_of_halves_differ_and_the_whole_is_both(search):
    found = one_shot.one_shot(search, "wanda", [0.5], halves=True)
    examples = [search.task.example(block, (search.recipe.seed, i)) for i, block in enumerate(search.train_items)]
    halves = [
        scores.input_norms(
            search.model, search.weights, [search.task.collate([example]) for example in half], search.task.forward
        )
        for half in (examples[::2], examples[1::2])
    ]
    for name, weight in search.weights.items():
        for variant, half in zip("ab", halves, strict=True):
            dropped = (weight.detach().abs() * half[name]).argsort(1)[:, : weight.shape[1] // 2]
            kept = torch.ones_like(weight, dtype=torch.bool).scatter(1, dropped, False)
            assert torch.equal(found[variant][0.5].to_tensors()[name], kept)
        both = (halves[0][name] ** 2 + halves[1][name] ** 2).sqrt()
        lowest = (weight.detach().abs() * both).argsort(1)[:, : weight.shape[1] // 2]
        expected = torch.ones_like(weight, dtype=torch.bool).scatter(1, lowest, False)
        assert torch.equal(found[""][0.5].to_tensors()[name], expected)
    assert found["a"][0.5] != found["b"][0.5]
    with pytest.raises(NeutralError, match="no two halves"):
        one_shot.one_shot(search, "wanda", [0.5], text=alternating(search.train_items[:1]), halves=True)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_wanda_mask_of_all_the_text_is_the_same_with_and_without_halves(search, count):
    blocks = search.train_items[:count]
    whole = one_shot.one_shot(search, "wanda", [0.5], text=alternating(blocks))[""][0.5]
    assert one_shot._norms(search, alternating(blocks))[""].keys() == search.weights.keys()
    scored = one_shot.weight_scores(search, "wanda", blocks)
    assert search.cut(scored, 0.5, scope="row") == whole
    if count > 1:
        assert one_shot.one_shot(search, "wanda", [0.5], text=alternating(blocks), halves=True)[""][0.5] == whole


def test_change_scores_are_the_distance_from_the_start(search):
    found = one_shot.weight_scores(search, "change", search.train_items)
    for name, weight in search.weights.items():
        assert torch.allclose(found[name], (weight - search.origin[name]).abs())


def test_an_unknown_method_is_named(search):
    with pytest.raises(NeutralError, match="no such method: guess"):
        one_shot.one_shot(search, "guess", [0.5])


def test_the_pretrained_control_is_the_cut_of_the_untouched_weights(search):
    search.trained(None)
    mask = controls.pretrained(search.origin, search.weights, 0.5)
    assert mask == scores.cut({n: search.origin[n].abs() for n in search.weights}, 0.5)
    assert mask.named == "pretrained"


def test_the_functional_check_scores_every_target_under_every_source(search):
    held = {"en": search.held_out, "sw": search.task.blocks(tiny.text().held_out["sw"])}
    half = Mask.random({n: w.shape for n, w in search.weights.items()}, 0.5, 0)
    cells = {(s, t): score for s, t, score in controls.functional(search, {"full": None, "half": half}, held)}
    assert set(cells) == {("full", "en"), ("full", "sw"), ("half", "en"), ("half", "sw")}
    search.rewind(half)
    assert cells["half", "sw"] == search.task.evaluate(search.model, held["sw"])
    search.rewind()
    assert cells["full", "en"] == search.evaluate()


def test_rewinding_restores_every_parameter(search):
    search.trained(None)
    search.rewind()
    assert all(torch.equal(t, search.origin[n]) for n, t in search.model.state_dict().items())
    assert np.isfinite(search.evaluate().loss)
