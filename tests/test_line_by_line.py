"""Perplexity line by line, against a plain version written from what the paper's scripts do."""

import numpy as np
import pytest
import tiny
import torch
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM, AutoTokenizer

from neutral.errors import NeutralError
from neutral.tasks import IGNORED, LineByLine
from neutral.tasks.line_by_line import _SEED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def task(tokenizer):
    return LineByLine(tokenizer, longest=60)


@pytest.fixture(scope="module")
def items(task):
    return task.items(tiny.text().held_out["en"])


def plain_places(tokens, special, draw):
    """The places that are masked and scored: words one after the other as they fit into 15 % of all tokens."""
    words = []
    for place, token in enumerate(tokens):
        if token not in ("[CLS]", "[SEP]"):
            if token[:2] == "##" and words:
                words[-1] = [*words[-1], place]
            else:
                words.append([place])
    left, taken = max(1, round(0.15 * len(tokens))), set()
    for i in draw.permutation(len(words)):
        if len(words[i]) <= left:
            left -= len(words[i])
            taken |= set(words[i])
    return {place for place in taken if tokens[place] not in special}


def plain_perplexity(model, tokenizer, task, items):
    """Four lines a batch, padded, without an attention mask; a batch's mean counts once for each of its lines."""
    losses = []
    for start in range(0, len(items), 4):
        rows = [task.example(item, (_SEED, 0, start + i)) for i, item in enumerate(items[start : start + 4])]
        width = max(len(row["labels"]) for row in rows)
        ids = torch.full((len(rows), width), tokenizer.pad_token_id)
        labels = torch.full((len(rows), width), IGNORED)
        for i, row in enumerate(rows):
            ids[i, : len(row["labels"])], labels[i, : len(row["labels"])] = row["input_ids"], row["labels"]
        with torch.no_grad():
            logits = model(input_ids=ids).logits
        losses += [float(F.cross_entropy(logits.flatten(0, 1), labels.flatten()))] * len(rows)
    return np.exp(np.mean(losses))


def test_items_are_the_lines_of_twenty_tokens_without_the_marks_of_headings(tokenizer, task):
    lines = [*tiny.text().held_out["en"], "", "  ", "= = Short = ="]
    kept = task.items(lines)
    plain = [[t for t in tokenizer(line)["input_ids"] if t != task._heading][:60] for line in lines if line.strip()]
    assert [item.tolist() for item in kept] == [ids for ids in plain if len(ids) >= 20]
    assert 0 < len(kept) < len(lines)


def test_the_marks_of_headings_are_left_out_before_lines_are_counted(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["="])
    task = LineByLine(tokenizer)
    long = tiny.text().held_out["en"][0]
    while len(tokenizer(long)["input_ids"]) < 20:
        long += f" {long}"
    mark = tokenizer.convert_tokens_to_ids("=")
    (item,) = task.items(["= = = = = = = = = = = = = = = = = = = = a", f"= = {long} = ="])
    assert mark not in item
    assert len(item) == len(tokenizer(long)["input_ids"])


def test_so_many_tokens_but_one_line_at_least(task, items):
    lengths = np.cumsum([len(item) for item in items])
    text = tiny.text().held_out["en"]
    assert len(task.items(text, most=1)) == 1
    assert len(task.items(text, most=int(lengths[2]))) == 3
    with pytest.raises(NeutralError, match="no line of the text has 20 tokens"):
        task.items(["short"])


@pytest.mark.parametrize("seed", range(10))
def test_the_places_are_those_of_the_plain_version(tokenizer, task, items, seed):
    special = set(tokenizer.all_special_tokens)
    for i, item in enumerate(items):
        example = task.example(item, (seed, i))
        tokens = tokenizer.convert_ids_to_tokens(item.tolist())
        plain = plain_places(tokens, special, np.random.default_rng((seed, i)))
        assert set(np.flatnonzero(example["labels"] != IGNORED)) == plain
        assert len(plain) <= round(0.15 * len(item))
        untouched = [place for place in range(len(item)) if place not in plain]
        assert example["input_ids"][untouched].tolist() == item[untouched].tolist()


def test_of_the_chosen_four_fifths_are_masked_a_tenth_is_random_and_a_tenth_stays(tokenizer, task, items):
    masked = stayed = scored = 0
    for seed in range(150):
        example = task.example(items[0], (seed,))
        chosen = example["labels"] != IGNORED
        scored += int(chosen.sum())
        masked += int((example["input_ids"][chosen] == tokenizer.mask_token_id).sum())
        stayed += int((example["input_ids"][chosen] == example["labels"][chosen]).sum())
    assert masked / scored == pytest.approx(0.8, abs=0.06)
    assert stayed / scored == pytest.approx(0.1, abs=0.06)


class Pieces:
    """A tokenizer that knows five pieces of SentencePiece's kind."""

    pieces = ("<s>", "</s>", "▁un", "break", "able")
    mask_token_id, pad_token_id, all_special_ids, model_max_length = 5, 6, (0, 1), 512
    unk_token_id = cls_token_id = sep_token_id = None

    def __len__(self):
        return 7

    def convert_tokens_to_ids(self, _token):
        return None

    def convert_ids_to_tokens(self, ids):
        return [self.pieces[i] for i in ids]


def test_on_sentencepiece_single_pieces_are_drawn_the_marks_of_the_sentence_among_them():
    task = LineByLine(Pieces())
    item = np.array([0, *[2, 3, 4] * 8, 1])
    counts = {int((task.example(item, (seed,))["labels"] != IGNORED).sum()) for seed in range(60)}
    assert counts <= {2, 3, 4}  # of 26 tokens four are drawn, and of these a mark of the sentence is not scored
    assert len(counts) > 1
    broken = [np.flatnonzero(task.example(item, (seed,))["labels"] != IGNORED) for seed in range(20)]
    assert any(len({(place - 1) // 3 for place in places}) == len(places) for places in broken)


def test_the_perplexity_is_that_of_the_plain_version(folder, tokenizer, task, items):
    model = AutoModelForMaskedLM.from_pretrained(folder).train()
    assert len({len(item) for item in items[:4]}) > 1  # some are padded
    score = task.evaluate(model, items)
    assert model.training
    assert score.value == pytest.approx(plain_perplexity(model.eval(), tokenizer, task, items), rel=2e-2)
    assert score.count == sum(
        int((task.example(item, (_SEED, 0, i))["labels"] != IGNORED).sum()) for i, item in enumerate(items)
    )
    assert task.evaluate(model, items) == score


def test_the_padding_is_attended_to(folder, task, items):
    model = AutoModelForMaskedLM.from_pretrained(folder)
    pair = sorted(items, key=len)[:: len(items) - 1]  # the shortest and the longest
    assert task.evaluate(model, pair).loss != task.evaluate(model, pair, batch_size=1).loss


def test_a_tokenizer_without_padding_is_refused():
    tokenizer = Pieces()
    tokenizer.pad_token_id = None
    with pytest.raises(NeutralError, match="no padding token"):
        LineByLine(tokenizer)
