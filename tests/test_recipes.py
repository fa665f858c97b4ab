"""How a network is trained over the rounds of a search: rate, examples, head, and what is written of it."""

import json

import numpy as np
import pytest
import tiny
import torch

from neutral import models, recipes, training
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.recipes import Recipe
from neutral.search import lottery
from neutral.search.rewind import head_names
from neutral.search.search import Search
from neutral.tasks import LanguageModelling, Order

STEPS = {"steps": 4, "batch_size": 2, "rate": 1e-2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


def search_by(folder, recipe):
    corpus = tiny.text()
    task = LanguageModelling("mlm", models.load_tokenizer(folder), length=32)
    train, held_out = task.blocks(corpus.train["en"]), task.blocks(corpus.held_out["en"])
    return Search(models.load_model(folder), task, train, held_out, recipe)


def rates(recipe, number, rounds):
    return [round(recipe.rate_at(step, number, rounds), 6) for step in range(recipe.steps)]


def test_the_rate_falls_within_a_round_over_the_whole_or_once_over_all():
    within = Recipe(steps=4, warmup=0.0)
    assert rates(within, 0, 10) == rates(within, 3, 10) == [1.0, 0.75, 0.5, 0.25]
    whole = Recipe(steps=4, warmup=0.0, schedule="whole")
    assert rates(whole, 0, 10) == rates(whole, 3, 10) == [1.0, 0.975, 0.95, 0.925], "from the peak anew"
    once = Recipe(steps=4, warmup=0.0, schedule="continuous")
    assert rates(once, 0, 10) == [1.0, 0.975, 0.95, 0.925]
    assert rates(once, 3, 10) == [0.7, 0.675, 0.65, 0.625]
    assert once.rate_at(4, 9, 10) == 0.0, "after the last step of the last round"


def test_warm_up_is_a_share_of_the_schedule():
    assert rates(Recipe(steps=4, warmup=0.5), 1, 2) == [0.0, 0.5, 1.0, 0.5]
    assert rates(Recipe(steps=4, warmup=0.25, schedule="whole"), 1, 2) == [0.0, 0.5, 1.0, round(5 / 6, 6)]
    assert rates(Recipe(steps=4, warmup=0.5, schedule="continuous"), 1, 2) == [1.0, 0.75, 0.5, 0.25]


def test_the_rate_within_a_round_is_that_of_transformers():
    from transformers import get_linear_schedule_with_warmup

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    for steps, warmup in ((100, 0.05), (7, 0.3), (60, 0.0)):
        theirs = get_linear_schedule_with_warmup(optimizer, round(warmup * steps), steps).lr_lambdas[0]
        assert [Recipe(steps, warmup=warmup).rate_at(i) for i in range(steps)] == [theirs(i) for i in range(steps)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "sideways"}, "--schedule sideways: unknown; use one of round, whole, continuous"),
        ({"examples": "stale"}, "--examples stale: unknown; use one of same, fresh"),
        ({"head": "off"}, "--head off: unknown; use one of rewind, keep"),
        ({"warmup": 1.0}, "--warmup 1: a share"),
        ({"accumulate": 0}, "--accumulate 0: at least 1"),
        ({"batch_size": 0}, "--batch 0: at least 1"),
        ({"epochs": -1.0}, "--epochs -1: a number that is not negative"),
        ({"rate": float("nan")}, "--rate nan: a number that is not negative"),
        ({"precision": "half"}, "--precision half: unknown; use one of auto, float32"),
    ],
)
def test_a_setting_that_is_no_such_thing_is_refused(settings, message):
    with pytest.raises(NeutralError, match=message):
        Recipe(**settings)
    with pytest.raises(NeutralError, match="--recipe theirs: unknown; there are default and paper"):
        recipes.named("theirs")


def test_the_paper_s_recipe_is_four_parts_and_each_can_be_set_apart():
    paper = recipes.named("paper", steps=7, warmup=None)
    assert (paper.schedule, paper.warmup, paper.examples, paper.head) == ("whole", 0.0, "fresh", "keep")
    assert recipes.named("paper", warmup=0.1, head="rewind") == Recipe(
        schedule="whole", warmup=0.1, examples="fresh", head="rewind"
    )
    assert recipes.named("default") == Recipe()


def test_epochs_are_steps_over_the_examples():
    recipe = Recipe(steps=0, batch_size=8, epochs=3)
    assert recipe.trains
    assert recipe.of(16).steps == 6
    assert recipe.of(17).steps == 9, "the last batch of an epoch may be small"
    assert Recipe(steps=0, batch_size=8, epochs=3, accumulate=2).of(17).steps == 3, "as the scripts: groups that fill"
    assert recipe.of(1).steps == 3
    assert Recipe(steps=5).of(1000) == Recipe(steps=5)


def test_a_study_s_settings_say_what_differs_from_older_studies_only():
    old = {"steps": 60, "batch_size": 4, "rate": 2e-4, "warmup": 0.05, "decay": 0.0}
    assert Recipe(60, 4, 2e-4, seed=3, schedule="round", examples="same", head="rewind", warmup=0.05).written() == old
    paper = recipes.named("paper", steps=60).written()
    assert {name: paper[name] for name in ("schedule", "examples", "head", "warmup")} == recipes.PARTS["paper"]
    assert "steps" not in Recipe(steps=0, epochs=2.0).written()
    assert json.loads(json.dumps(paper)) == paper


def test_a_single_training_has_no_settings_of_rounds():
    """So a transfer, or a one-shot method that trains once, goes on with an older study whatever the default is."""
    assert recipes.named("paper").once().written().keys() == Recipe(examples="same").written().keys()
    assert recipes.named("paper", warmup=0.05).once().written() == recipes.named("default").once().written()


def test_fresh_examples_go_on_where_the_round_before_stopped(folder):
    search = search_by(folder, Recipe(**STEPS, examples="fresh"))
    whole = Order(search.task, {"": search.train_items}, 16, 0)
    for number in (0, 1):
        order = search._order(number)
        assert len(order) == 8
        for index in range(8):
            example, expected = order[index], whole[8 * number + index]
            assert all(torch.equal(example[key], expected[key]) for key in expected)
    same = search_by(folder, Recipe(**STEPS, examples="same"))
    assert torch.equal(same._order(0)[3]["input_ids"], same._order(1)[3]["input_ids"])


def test_fresh_rounds_draw_other_dropout_and_the_first_is_that_of_same():
    fresh, same = Recipe(seed=5), Recipe(seed=5, examples="same")
    assert [same.seed_of(number) for number in range(3)] == [5, 5, 5]
    assert fresh.seed_of(0) == 5
    assert len({fresh.seed_of(number) for number in range(10)}) == 10


def test_the_head_is_what_lies_outside_the_encoder(folder):
    names = head_names(models.load_model(folder))
    assert names
    assert all(name.startswith("cls.") for name in names)
    assert "cls.predictions.decoder.weight" not in names, "it is the token table"
    assert set(head_names(models.load_model(folder, "classification"))) == {"classifier.weight", "classifier.bias"}


def test_a_kept_head_goes_on_and_all_else_is_rewound(folder, monkeypatch):
    search = search_by(folder, Recipe(**STEPS, head="keep"))
    starts = []

    def watched(model, *arguments, **options):
        starts.append({name: tensor.detach().clone() for name, tensor in model.named_parameters()})
        return train(model, *arguments, **options)

    train = training.train
    monkeypatch.setattr("neutral.search.search.train", watched)
    heads = []
    for _ in lottery.find(search, [0.2, 0.4]):
        heads.append(dict(search.head))
    names = set(head_names(search.model))
    for number, start in enumerate(starts):
        for name, tensor in start.items():
            if name in names:
                expected = heads[number - 1][name] if number else search.origin[name]
                assert torch.equal(tensor, expected), name
            else:
                kept = tensor != 0
                assert torch.equal(tensor[kept], search.origin[name][kept]), name
    assert any(not torch.equal(heads[0][name], search.origin[name]) for name in names)


def test_the_rates_of_training_are_the_recipe_s(folder, monkeypatch):
    seen = []

    class Watch(training.Report):
        def on_step_begin(self, args, state, control, optimizer=None, **_):
            seen.append(optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(training, "Report", Watch)
    recipe = Recipe(**STEPS, schedule="whole", warmup=0.0)
    search = search_by(folder, recipe)
    search.trained(None, lambda *_: None, number=2, rounds=10)
    assert seen == pytest.approx([1e-2 * share for share in (1, 0.975, 0.95, 0.925)])


def test_the_gradients_of_pruned_weights_are_zero_while_a_mask_is_kept(folder, monkeypatch):
    """So the norm by which gradients are clipped is that of the weights that stay, as in m ⊙ θ."""
    seen = []

    class Watch(training.Report):
        def on_pre_optimizer_step(self, args, state, control, model=None, **_):
            seen.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})

    monkeypatch.setattr(training, "Report", Watch)
    search = search_by(folder, Recipe(**STEPS))
    mask = Mask.random(search.cut({n: w.detach().abs() for n, w in search.weights.items()}, 0.5), 0.5, 1)
    search.trained(mask, lambda *_: None)
    keep = mask.to_tensors()
    assert len(seen) == STEPS["steps"]
    for gradients in seen:
        assert all((gradients[name][~keep[name]] == 0).all() for name in keep)
        assert any((gradients[name][keep[name]] != 0).any() for name in keep)
    search.model.zero_grad()
    search.task.mean_loss(search.model, next(search.batches(search.train_items, 2))).backward()
    assert any((search.weights[name].grad[~keep[name]] != 0).any() for name in keep), "afterwards all have theirs"


def test_two_accumulated_batches_train_as_one_of_both(folder, monkeypatch):
    """With as many scored tokens in each, the mean loss of two batches is that of all their examples."""
    monkeypatch.setattr(training, "gains_from_bfloat16", lambda _: False)
    one = search_by(folder, Recipe(steps=2, batch_size=4, rate=1e-2))
    two = search_by(folder, Recipe(steps=2, batch_size=2, rate=1e-2, accumulate=2))
    for search in (one, two):
        for module in search.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        search.trained(None)
    counts = {int((example["labels"] >= 0).sum()) for example in (one._order(0)[i] for i in range(8))}
    assert len(counts) == 1
    for name, weight in one.weights.items():
        np.testing.assert_allclose(weight.detach(), two.weights[name].detach(), rtol=0, atol=2e-5)
