"""Rounds of each of the papers' loops, as `plainscripts` has them, against the library under the paper's recipe.

Models are tiny and random, without dropout (its draws are the loop's own), in float32; gradients are clipped at 0.1 and
not at 1, so that clipping is always at work. What differs then is the order of sums, since the scripts pad to a fixed
length, and where their AdamW has its ε.
"""

import pytest
import tiny
import torch
from plainscripts import BATCHES, OldAdamW, Scripts

from neutral import models, recipes
from neutral.masks import Mask
from neutral.search import lottery
from neutral.search.search import Search
from neutral.tasks import base, making
from neutral.tasks.examples import Example
from neutral.tasks.sentences import Sentence

pytestmark = pytest.mark.numeric

PAPER = recipes.named("paper", steps=4, batch_size=4, rate=1e-3, clip=0.1, precision="float32")
LABELS = {"mlm": (), "ner": ("O", "B-CAP"), "nli": ("contradiction", "entailment", "neutral")}
WITHOUT_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
CLOSE = 1e-5  # of weights that move by 4e-3 a round


@pytest.fixture(autouse=True)
def scored_in_float32(monkeypatch):
    monkeypatch.setattr(base, "gains_from_bfloat16", lambda _place: False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


def subject(name, folder):
    """A task, its examples, and a function that loads the model; large weights leave few gradients to rounding."""
    lines = tiny.text().train["en"]
    task = making.make(name, models.load_tokenizer(folder), labels=LABELS[name], length=48)
    rows = [tuple(line.split()) for line in lines]
    items = {
        "mlm": lambda: task.blocks(lines),
        "ner": lambda: [Sentence(words, tuple(int(word[0].isupper()) for word in words)) for words in rows],
        "nli": lambda: [Example((line, lines[i - i % 2]), i % 3) for i, line in enumerate(lines)],
    }[name]()

    def load():
        torch.manual_seed(0)
        model = models.load_model(folder, task.head, **WITHOUT_DROPOUT, **task.model_options)
        with torch.no_grad():
            for weight in models.prunable(model).values():
                weight.mul_(10)
        return model

    return task, items, load


def apart(model, weights):
    """The share of a model's numbers that are not as close as rounding is.

    AdamW's first steps are as long for a gradient that is rounding as for any other, such as that of a key's bias.
    """
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("key.bias")}
    far = sum(int(((tensor - weights[name]).abs() > CLOSE).sum()) for name, tensor in state.items())
    return far / sum(tensor.numel() for tensor in state.values())


def differing(mask, kept):
    """How many bits of a mask differ from what the scripts keep."""
    tensors = mask.to_tensors()
    assert set(tensors) == set(kept)
    return sum(int((tensors[name] != kept[name]).sum()) for name in kept)


@pytest.mark.parametrize(
    "name", ["mlm", pytest.param("ner", marks=pytest.mark.long), pytest.param("nli", marks=pytest.mark.long)]
)
def test_rounds_of_the_search_train_prune_and_rewind_alike(name, folder):
    """Two rounds, since the second has a mask, fresh examples, the trained head, and the peak rate anew."""
    task, items, load = subject(name, folder)
    search = Search(load(), task, items, items[:4], PAPER)
    scripts = Scripts(load(), search.origin, PAPER.rate, clip=PAPER.clip, adamw=torch.optim.AdamW)
    rounds = lottery.find(search, [0.1, 0.2])
    for number in range(2):
        batches = BATCHES[name](task, items, PAPER.batch_size, PAPER.steps, first=number * PAPER.steps)
        scripts.train(batches, total=10 * PAPER.steps)
        done = next(rounds)
        assert apart(search.model, scripts.weights()) < 1e-3
        scripts.cut(1 / (10 - number))
        assert differing(done.following, scripts.kept()) <= 1
        scripts.rewind()


@pytest.mark.long
def test_a_round_with_the_scripts_own_adamw_prunes_nearly_alike(folder):
    task, items, load = subject("mlm", folder)
    search = Search(load(), task, items, items[:4], PAPER)
    scripts = Scripts(load(), search.origin, PAPER.rate, clip=PAPER.clip, adamw=OldAdamW)
    done = next(lottery.find(search, [0.1]))
    scripts.train(BATCHES["mlm"](task, items, PAPER.batch_size, PAPER.steps), total=10 * PAPER.steps)
    scripts.cut(1 / 10)
    assert differing(done.following, scripts.kept()) <= 4, "of 4,096"


def test_a_mask_is_fine_tuned_and_scored_alike(folder):
    """The rate falls to zero in the one training that there is."""
    task, items, load = subject("nli", folder)
    search = Search(load(), task, items, items[:12], PAPER)
    mask = Mask.random(search.weights, 0.5, seed=3)
    scripts = Scripts(load(), search.origin, PAPER.rate, clip=PAPER.clip, adamw=torch.optim.AdamW)
    scripts.put_on(mask)
    scripts.train(BATCHES["nli"](task, items, PAPER.batch_size, PAPER.steps), total=PAPER.steps)
    score = search.trained(mask)
    assert apart(search.model, scripts.weights()) < 1e-3
    sides = [list(side) for side in zip(*(item.texts for item in items[:12]), strict=True)]
    tokens = task.tokenizer(*sides, padding=True, truncation=True, max_length=task.length, return_tensors="pt")
    with torch.no_grad():
        logits = scripts.model.eval()(**tokens).logits
    right = [int(guess) == item.label for guess, item in zip(logits.argmax(1), items, strict=False)]
    assert score.value == pytest.approx(sum(right) / 12)
