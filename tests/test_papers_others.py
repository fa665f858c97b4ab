"""The rest of the papers' loops against the library: retrieval, overlap, randomized SVD, perplexity by line, mT5.

And every option that the table of `docs/papers.md` names is one that a command has.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from plainscripts import Scripts, in_order
from sklearn.decomposition import TruncatedSVD
from torch.nn import functional as F

from neutral import cli, compression, labels, models, overlap, recipes
from neutral.compression.budget import Budget
from neutral.inside import retrieval
from neutral.inside.definitions import Definition
from neutral.inside.states import states
from neutral.masks import Mask
from neutral.search import lottery
from neutral.search.search import Search
from neutral.tasks import base
from neutral.tasks.examples import Example
from neutral.tasks.line_by_line import _SEED, LineByLine
from neutral.tasks.text_to_text import TextToText
from neutral.tasks.wording import Wording

pytestmark = pytest.mark.numeric


@pytest.fixture(autouse=True)
def scored_in_float32(monkeypatch):
    monkeypatch.setattr(base, "gains_from_bfloat16", lambda _place: False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


# --- retrieval -------------------------------------------------------------------------------------------------------


def plain_retrieval(source, target, margin, k=5):
    """The share of sentences whose translation has the best margin among the k nearest by cosine."""
    x, y = (states / np.linalg.norm(states, axis=1, keepdims=True) for states in (source, target))
    nearest = [np.argsort(-(y @ row), kind="stable")[:k] for row in x]
    forward = [np.mean([x[i] @ y[j] for j in near]) for i, near in enumerate(nearest)]
    backward = [np.mean(np.sort(x @ row)[-k:]) for row in y]
    found = 0
    for i, near in enumerate(nearest):
        scores = [margin(x[i] @ y[j], (forward[i] + backward[j]) / 2) for j in near]
        found += near[int(np.argmax(scores))] == i
    return found / len(x)


MARGINS = {"ratio": lambda a, b: a / b, "distance": lambda a, b: a - b, "absolute": lambda a, _b: a}


@pytest.mark.parametrize("pooling", ["mean-with-special", "cls"])
def test_a_translation_is_looked_for_alike(pooling, folder):
    """Each side under a mask of its own; one sentence at a time, padded to the longest that the model takes."""

    tokenizer, sentences = models.load_tokenizer(folder), [tiny.text().train[code][:30] for code in ("en", "sw")]
    sides, plain = [], []
    for seed, lines in enumerate(sentences):
        model = models.load_model(folder).eval()
        with torch.no_grad():
            for weight in models.prunable(model).values():
                weight.mul_(10)  # or a tiny network's states of [CLS] would be nearly equal
        Mask.random(models.prunable(model), 0.5, seed).apply(model)
        sides.append(states(model, tokenizer, lines, pooling=pooling))
        rows = []
        for line in lines:
            tokens = tokenizer([line], padding="max_length", truncation=True, max_length=200, return_tensors="pt")
            with torch.no_grad():
                hidden = torch.stack(model(**tokens, output_hidden_states=True).hidden_states)[:, 0]  # (layers, T, d)
            weights = tokens["attention_mask"][0, :, None].float()
            rows.append(hidden[:, 0] if pooling == "cls" else (hidden * weights).sum(1) / weights.sum())
        plain.append(torch.stack(rows, dim=1).double().numpy())  # (layers, sentences, d)
    for number, layer in list(enumerate(sides[0]))[pooling == "cls" :]:  # [CLS] is the same everywhere at first
        for name, margin in MARGINS.items():
            found, _ = retrieval.both_ways(sides[0][layer], sides[1][layer], Definition("nearest", pooling, name))
            assert found[0] == pytest.approx(plain_retrieval(plain[0][number], plain[1][number], margin), abs=1e-9)


# --- masks -----------------------------------------------------------------------------------------------------------


def test_the_overlap_of_masks_is_theirs_by_layer_and_counts_no_layer_twice():
    """Kept by all ÷ kept by any: by layer as in the scripts, whose total adds the last layer to the pooler again."""
    weights = {
        f"bert.encoder.layer.{i}.{part}.weight": (6, 5)
        for i in range(3)
        for part in ("output.dense", "attention.self.key")
    }
    weights["bert.pooler.dense.weight"] = (6, 6)
    masks = [Mask.random(weights, 0.4, seed, language=str(seed)) for seed in range(3)]
    sums = {name: sum(mask.array(name).astype(int) for mask in masks) for name in weights}
    every = {name: int((total == 3).sum()) for name, total in sums.items()}
    some = {name: int((total > 0).sum()) for name, total in sums.items()}
    counts = overlap.count(masks)
    by_layer = overlap.joint(counts, "layer").set_index("group")["value"]
    for i in range(3):
        inside = [name for name in weights if f"layer.{i}." in name]
        theirs = sum(every[name] for name in inside) / sum(some[name] for name in inside)
        assert by_layer[labels.group(inside[0], "layer")] == pytest.approx(theirs)
    assert overlap.joint(counts)["value"].item() == pytest.approx(sum(every.values()) / sum(some.values()))
    last = [name for name in weights if "layer.2." in name]
    twice = [sum(each.values()) + sum(each[name] for name in last) for each in (every, some)]
    assert overlap.joint(counts)["value"].item() != pytest.approx(twice[0] / twice[1]), "what theirs prints"


# --- SVD and perplexity ----------------------------------------------------------------------------------------------


def test_the_randomized_svd_is_theirs():

    matrix = torch.randn(120, 16, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 17) ** -0.5
    rank = int(120 * 16 / (2.5 * (120 + 16)))
    svd = TruncatedSVD(n_components=rank, n_iter=3, random_state=42)
    rebuilt = svd.inverse_transform(svd.fit(matrix.numpy()).transform(matrix.numpy()))
    table = compression.fit(matrix, "svd", 2.5, seed=42, iterations=(3,))
    assert Budget(120, 16, 2.5).rank == rank
    assert torch.allclose(table.matrix(), torch.from_numpy(rebuilt).float(), atol=1e-5)


def test_perplexity_line_by_line_is_the_mean_over_batches_of_four(folder):

    task = LineByLine(models.load_tokenizer(folder), longest=64)
    model = models.load_model(folder).eval()
    items = task.items([" ".join(tiny.text().train["en"][i : i + 3]) for i in range(0, 18, 3)] + ["= Short ="])
    assert len(items) == 6, "lines of under 20 tokens are left out"
    losses = []
    for start in (0, 4):
        rows = [task.example(item, (_SEED, 0, start + i)) for i, item in enumerate(items[start : start + 4])]
        longest = max(len(row["input_ids"]) for row in rows)
        ids = torch.stack([F.pad(row["input_ids"], (0, longest - len(row["input_ids"]))) for row in rows])
        targets = torch.stack([F.pad(row["labels"], (0, longest - len(row["labels"])), value=-100) for row in rows])
        with torch.no_grad():  # nothing says where padding is
            losses.append(float(model(input_ids=ids, labels=targets).loss))
    assert task.evaluate(model, items).loss == pytest.approx((4 * losses[0] + 2 * losses[1]) / 6, rel=1e-5)


# --- mT5 -------------------------------------------------------------------------------------------------------------


def test_a_round_of_mt5_prunes_its_stacks_alike_and_its_answers_are_read_alike(tmp_path):
    """The loss differs by a factor: theirs is a mean over tokens, ours over examples; names here have equal lengths."""

    paper = recipes.named("paper", steps=4, batch_size=4, rate=1e-3, precision="float32")
    folder = tiny.saved(tmp_path, "mt5")
    tokenizer = models.load_tokenizer(folder)
    task = TextToText(tokenizer, ["a", "b", "c"], length=200, wording=Wording("paper", "generated"))
    lines = tiny.text().train["en"]
    items = [Example((line, lines[i - 1]), i % 3) for i, line in enumerate(lines)]

    def load():
        model = models.load_model(folder, "seq2seq", dropout_rate=0.0)
        with torch.no_grad():
            for weight in models.prunable(model).values():
                weight.mul_(10)
        return model

    def text(pair):
        return f"xnli premise: {pair.texts[0]} hypothesis:  {pair.texts[1]}"

    def tokens(pair):
        ids = tokenizer(text(pair), add_special_tokens=False)["input_ids"]
        return {"input_ids": torch.tensor([[*ids, tokenizer.eos_token_id]])}

    def batches(first):
        for pairs in in_order(items, paper.batch_size, paper.steps, first * paper.steps):
            ids = [F.pad(row, (0, 200 - row.shape[1])) for row in (tokens(pair)["input_ids"] for pair in pairs)]
            names = [tokenizer("abc"[pair.label], add_special_tokens=False)["input_ids"] for pair in pairs]
            labels = torch.tensor([[*name, tokenizer.eos_token_id] for name in names])
            batch = torch.cat(ids)
            yield {"input_ids": batch, "attention_mask": (batch != 0).long(), "labels": labels}

    search = Search(load(), task, items, items[:6], paper, scope="stack")
    scripts = Scripts(load(), search.origin, paper.rate, adamw=torch.optim.AdamW)
    rounds = lottery.find(search, [0.1, 0.2])
    for number in range(2):
        scripts.train(batches(number), total=10 * paper.steps)
        done = next(rounds)
        answers = [scripts.model.eval().generate(**tokens(item), max_length=5)[0] for item in items[:6]]
        written = [tokenizer.decode(answer, skip_special_tokens=True) for answer in answers]
        right = [text == "abc"[item.label] for text, item in zip(written, items, strict=False)]
        assert done.score.value == pytest.approx(sum(right) / 6)
        scripts.cut(1 / (10 - number))
        kept, ours = scripts.kept(), done.following.to_tensors()
        assert set(ours) == set(kept)
        assert sum(int((ours[name] != kept[name]).sum()) for name in kept) <= 2
        scripts.rewind()


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_option_that_the_table_names_as_ours_exists():
    """Cells of the second column: an option belongs to the command that its cell begins with, or to any."""

    parser = cli._parser()
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    options = {name: set(command._option_string_actions) for name, command in commands.items()}
    inner = [a for a in commands["masks"]._actions if isinstance(a, argparse._SubParsersAction)]
    options["masks"] |= {name for each in inner for one in each.choices.values() for name in one._option_string_actions}
    table = (Path(__file__).parent.parent / "docs" / "papers.md").read_text(encoding="utf-8")
    ours = [line.split(" | ")[1] for line in table.splitlines() if line.startswith("| ")]
    unknown = []
    for text in [*re.findall(r"`([^`]+)`", " ".join(ours)), *re.findall(r"`([a-z]+ --[^`]+)`", table)]:
        command = text.split()[0]
        known = options.get(command, set().union(*options.values()))
        unknown += [f"{text}: {option}" for option in re.findall(r"--[a-z][a-z0-9-]*", text) if option not in known]
    assert unknown == []
