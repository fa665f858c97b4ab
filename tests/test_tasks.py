import math

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from torch.nn import functional as F

from neutral import models
from neutral.errors import NeutralError
from neutral.metrics import METRICS, by_accuracy, has_accuracy
from neutral.runs.records import scored
from neutral.tasks import IGNORED, LanguageModelling, Order, only_positions, stacked

MINI = tiny.SENTENCES.parent / "models" / "mini-mbert"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def task(folder):
    return LanguageModelling("mlm", models.load_tokenizer(folder), length=32)


@pytest.fixture(scope="module")
def blocks(task):
    return task.blocks(tiny.text().train["en"])


def test_blocks_hold_all_of_the_text_in_order(task, blocks):
    assert blocks.shape[1] == 32
    assert (blocks[:, 0] == task.first).all()
    assert (blocks[:, -1] == task.separator).all()
    lines = tiny.text().train["en"]
    stream = [
        i for line in lines for i in task.tokenizer(line, add_special_tokens=False)["input_ids"] + [task.separator]
    ]
    assert blocks[:, 1:-1].ravel().tolist() == stream[: blocks[:, 1:-1].size]


def test_a_text_shorter_than_a_block_is_padded_and_the_padding_hidden(task):
    block = task.blocks(["a short line"])
    assert block.shape == (1, 32)
    example = task.example(block[0], (0,))
    assert (example["attention_mask"] == (torch.from_numpy(block[0]) != task.filler)).all()
    assert (example["labels"][example["attention_mask"] == 0] == IGNORED).all()


def test_masking_is_15_percent_in_the_shares_80_10_10(task, blocks):
    masked = kept = other = scored = content = 0
    for i, block in enumerate(np.tile(blocks, (40, 1))):
        example = task.example(block, (1, i))
        where = example["labels"] != IGNORED
        assert (example["labels"][where] == torch.from_numpy(block)[where]).all()
        assert (example["input_ids"][~where] == torch.from_numpy(block)[~where]).all()
        ids, truth = example["input_ids"][where], example["labels"][where]
        masked += int((ids == task.tokenizer.mask_token_id).sum())
        kept += int((ids == truth).sum())
        scored += int(where.sum())
        content += int((~np.isin(block, task.special)).sum())
    other = scored - masked - kept
    assert scored / content == pytest.approx(0.15, abs=0.02)
    assert masked / scored == pytest.approx(0.8, abs=0.03)
    assert kept / scored == pytest.approx(0.1, abs=0.03)
    assert other / scored == pytest.approx(0.1, abs=0.03)


def test_single_tokens_are_masked_at_the_same_places_for_ever():
    """Bundled scores were taken at these places (found by the version that made them)."""
    task = LanguageModelling("mlm", models.load_tokenizer(MINI))
    example = task.example(np.arange(1000, 1032), (20220512, 0, 7))
    assert (example["labels"] != IGNORED).nonzero().ravel().tolist() == [2, 3, 16, 24, 28]
    assert (example["input_ids"] == task.tokenizer.mask_token_id).nonzero().ravel().tolist() == [2, 16, 24, 28]


def test_whole_words_are_masked_whole_and_within_the_share(folder, blocks):
    task = LanguageModelling("mlm", models.load_tokenizer(folder), length=32, words=True)
    masked = scored = several = 0
    for i, block in enumerate(np.tile(blocks, (20, 1))):
        example = task.example(block, (1, i))
        where = (example["labels"] != IGNORED).numpy()
        words = task.words.groups(block, ~np.isin(block, task.special))
        assert all(where[places].all() or not where[places].any() for places in words)
        count = max(1, round(0.15 * sum(map(len, words))))
        assert 0 < where.sum() <= count or sum(where[places].any() for places in words) == 1
        several += sum(where[places].any() for places in words if len(places) > 1)
        masked += int((example["input_ids"] == task.tokenizer.mask_token_id).sum())
        scored += int(where.sum())
        assert (example["labels"][where] == torch.from_numpy(block)[where]).all()
    assert several > 50
    assert masked / scored == pytest.approx(0.8, abs=0.03)


def test_whole_words_are_scored_at_the_same_places_every_time(folder, blocks):
    task = LanguageModelling("mlm", models.load_tokenizer(folder), length=32, words=True)
    model = models.load_model(folder)
    first = task.evaluate(model, blocks, batch_size=3)
    assert task.evaluate(model, blocks, batch_size=3) == first
    assert first != LanguageModelling("mlm", task.tokenizer, length=32).evaluate(model, blocks, batch_size=3)
    labels = [task.example(block, (20220512, 0, i))["labels"] for i, block in enumerate(blocks)]
    assert first.count == sum(int((each != IGNORED).sum()) for each in labels)


def test_a_text_without_spaces_is_masked_token_by_token():
    tokenizer = models.load_tokenizer(MINI)
    single, whole = (LanguageModelling("mlm", tokenizer, words=words) for words in (False, True))
    block = single.blocks(["大雨下了一整夜淹没了河边低洼的街道"])[0]
    for seed in range(20):
        scored = [(task.example(block, (seed,))["labels"] != IGNORED).sum() for task in (single, whole)]
        assert scored[0] == scored[1]


def test_whole_words_are_for_masked_models(folder):
    with pytest.raises(NeutralError, match="masked language modelling only"):
        LanguageModelling("clm", models.load_tokenizer(folder), words=True)


def test_the_same_place_gives_the_same_example_whatever_came_before(task, blocks):
    order = Order(task, {"en": blocks}, 100, seed=3)
    late = order[57]
    torch.rand(5), np.random.default_rng().random()
    again = Order(task, {"en": blocks}, 100, seed=3)[57]
    assert all(torch.equal(late[key], again[key]) for key in late)


def test_languages_are_sampled_evenly_and_every_block_once_an_epoch(task, blocks):
    few = blocks[:3]
    order = Order(task, {"en": blocks, "sw": few}, 12, seed=0)
    second = [order[i] for i in range(1, 12, 2)]
    restored = [torch.where(e["labels"] != IGNORED, e["labels"], e["input_ids"]) for e in second]
    for epoch in (restored[:3], restored[3:]):
        assert {tuple(row.tolist()) for row in epoch} == {tuple(row.tolist()) for row in few}


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "distilbert", "gpt2", "llama"])
def test_loss_equals_the_plain_cross_entropy(kind, folder, tmp_path):
    """The output layer sees only the scored positions; the loss must be what all positions would give."""
    name = "clm" if kind in ("gpt2", "llama") else "mlm"
    tokenizer = models.load_tokenizer(tiny.saved(tmp_path, kind))
    task = LanguageModelling(name, tokenizer, length=32)
    model = tiny.model(kind, len(tokenizer), pad_token_id=0).eval()
    batch = stacked(task.example(block, (0, i)) for i, block in enumerate(task.blocks(tiny.text().train["sw"])[:4]))
    losses, places = task.losses(model, batch)
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    labels = batch["labels"]
    if name == "clm":
        logits, labels = logits[:, :-1], labels[:, 1:]
    plain = F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=IGNORED, reduction="sum"
    )
    assert float(losses.sum().detach()) == pytest.approx(float(plain), rel=1e-4)
    assert len(losses) == int((labels != IGNORED).sum())
    scored = (labels != IGNORED).sum(dim=1)
    assert torch.equal(torch.bincount(places, minlength=4), scored)


def test_the_hook_is_taken_off_again(folder):
    model = models.load_model(folder)
    with only_positions(model, torch.ones(1, 4, dtype=torch.bool)):
        pass
    assert model(input_ids=torch.ones(1, 4, dtype=torch.long)).logits.shape[:2] == (1, 4)


def test_a_uniform_model_has_the_perplexity_of_the_vocabulary(task, blocks, folder):
    model = models.load_model(folder)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    score = task.evaluate(model, blocks)
    assert score.value == pytest.approx(len(task.tokenizer), rel=1e-3)
    assert score.count == sum(int((task.example(b, (0, i))["labels"] != IGNORED).sum()) for i, b in enumerate(blocks))


def test_evaluation_is_repeatable_and_leaves_the_mode(task, blocks, folder):
    model = models.load_model(folder).train()
    first = task.evaluate(model, blocks, batch_size=3)
    assert model.training
    assert task.evaluate(model, blocks, batch_size=3) == first
    assert task.evaluate(model, blocks, passes=2).count == 2 * first.count


def test_unigram_of_a_one_token_text(task):
    block = np.full((4, 32), 9)
    known = (32 * 4 + 1) / (32 * 4 + len(task.tokenizer))
    assert task.unigram(block, block).loss == pytest.approx(-math.log(known))


def test_mlm_needs_a_mask_token_and_text_must_hold_tokens(task, folder):
    tokenizer = models.load_tokenizer(folder)
    tokenizer.mask_token = None
    with pytest.raises(NeutralError, match="no mask token"):
        LanguageModelling("mlm", tokenizer)
    with pytest.raises(NeutralError, match="no token"):
        task.blocks([""])


@pytest.mark.parametrize("kind", ["mlm", "clm"])
def test_accuracy_is_the_share_of_scored_tokens_whose_likeliest_token_is_right(folder, blocks, kind, monkeypatch):
    """Plain: one block at a time, all logits, position by position."""
    for supported in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, supported, lambda: False)  # in bfloat16 near ties fall otherwise
    task = LanguageModelling(kind, models.load_tokenizer(folder), length=32)
    model = tiny.model("bert" if kind == "mlm" else "gpt2", len(task.tokenizer)).eval()
    with torch.no_grad():  # so that some tokens are right: the commonest are likely
        head = model.get_output_embeddings()
        head.bias = torch.nn.Parameter(torch.zeros(len(task.tokenizer)))
        head.bias[np.bincount(blocks.ravel(), minlength=len(task.tokenizer)).argsort()[-8:-4]] = 0.3
    score = task.evaluate(model, blocks, batch_size=3, passes=2)
    right, tokens = [], 0
    for turn in range(2 if kind == "mlm" else 1):
        for i, block in enumerate(blocks):
            example = task.example(block, (20220512, turn, i))
            with torch.no_grad():
                logits = model(example["input_ids"][None], attention_mask=example["attention_mask"][None]).logits[0]
            for place, label in enumerate(example["labels"].tolist()):
                if label != IGNORED and (kind == "mlm" or place):
                    right.append((i, int(logits[place - (kind == "clm")].argmax() == label)))
                    tokens += 1
    assert 0 < sum(one for _, one in right) < tokens
    assert score.count == tokens
    assert score.accuracy == sum(one for _, one in right) / tokens
    by_block = [sum(one for block, one in right if block == i) for i in range(len(blocks))]
    assert score.parts[:, 2].tolist() == by_block
    row = scored(score)
    assert row["accuracy"] == score.accuracy
    assert row["metric"] == "perplexity"
    assert row["value"] == pytest.approx(METRICS["perplexity"].value(np.array(row["parts"]).sum(axis=1)), rel=1e-4)


def test_results_by_accuracy_leave_out_those_that_have_none_and_keep_other_metrics():
    rows = [
        {"metric": "perplexity", "value": 9.0, "untrained": 30.0, "accuracy": 0.5, "parts": [[2.0], [4.0], [2.0]]},
        {"metric": "perplexity", "value": 8.0, "untrained": 20.0, "parts": [[2.0], [4.0]]},
        {"metric": "f1", "value": 0.7, "parts": [[1.0], [2.0], [3.0]]},
    ]
    table = pd.DataFrame(rows)
    assert has_accuracy(table)
    by = by_accuracy(table)
    assert by["metric"].tolist() == ["accuracy", "f1"]
    assert by["value"].tolist() == [0.5, 0.7]
    assert by["parts"].tolist() == [[[2.0], [4.0]], rows[2]["parts"]]
    assert by["untrained"].isna().all()
    old = table.drop(columns="accuracy")
    assert not has_accuracy(old)
    assert by_accuracy(old)["metric"].tolist() == ["f1"]
