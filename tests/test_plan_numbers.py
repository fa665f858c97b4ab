"""Numbers of plans: what cannot be is refused in one line that names the option, and nothing is scored over nothing."""

from dataclasses import replace

import pytest
import tiny
import torch
from transformers import BertConfig, M2M100Config, M2M100ForConditionalGeneration

from neutral import models
from neutral.errors import NeutralError
from neutral.pretraining import Shape
from neutral.recipes import Recipe
from neutral.runs.plans import compression, finetuning, inside, search, transfer, typology
from neutral.tasks import LanguageModelling
from neutral.tasks.base import tell_padding
from neutral.tasks.classification import Classification
from neutral.tasks.examples import Example
from neutral.tasks.sentences import Sentence
from neutral.tasks.tagging import TokenClassification
from neutral.tasks.text_to_text import TextToText

FIND = search.SearchPlan("m", "mlm", ("en",), "wanda", (0.5,))
TRANSFER = transfer.TransferPlan("m", "mlm", ("en",), ("en",))
COMPRESS = compression.CompressionPlan("m", "mlm", ("en",), ("svd",), (2.0,))
FINETUNE = finetuning.FinetuningPlan(("d",))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return models.load_tokenizer(tiny.saved(tmp_path_factory.mktemp("bert")))


@pytest.mark.parametrize(
    ("kind", "plan", "changes", "message"),
    [
        (search, FIND, {"blocks": 0}, "--blocks 0: at least 1"),
        (search, FIND, {"blocks": 1, "halves": True}, "raise --blocks"),
        (search, FIND, {"held_out": 0}, "--held-out-blocks 0: at least 1"),
        (search, FIND, {"held_out": -1}, "--held-out-blocks -1: at least 1"),
        (search, FIND, {"passes": 0}, "--passes 0: at least 1"),
        (search, FIND, {"seeds": (0, -1)}, "--seeds -1: a seed is from 0"),
        (search, FIND, {"length": 0}, "--length 0: at least 1"),
        (search, replace(FIND, task="ner"), {"examples": 0}, "--train-examples 0: at least 1"),
        (transfer, TRANSFER, {"passes": 0}, "--passes 0: at least 1"),
        (transfer, TRANSFER, {"held_out": 0}, "--held-out-blocks 0: at least 1"),
        (transfer, TRANSFER, {"mask_seed": -2}, "--mask-seed -2: a seed is from 0"),
        (compression, COMPRESS, {"lines": 0}, "--lines 0: at least 1"),
        (compression, COMPRESS, {"held_out": 0}, "--held-out-blocks 0: at least 1"),
        (compression, COMPRESS, {"ratios": (2.0, float("nan"))}, "--ratios nan: numbers of 1 or more"),
        (compression, COMPRESS, {"ratios": (float("inf"),)}, "--ratios inf: numbers of 1 or more"),
        (compression, COMPRESS, {"seeds": (0, -1)}, "--seed -1: a seed is from 0"),
        (finetuning, FINETUNE, {"rate": float("nan")}, "--finetune-rate nan"),
        (finetuning, FINETUNE, {"seeds": (-1,)}, "--finetune-seeds -1"),
        (inside, inside.InsidePlan("m"), {"batch": 0}, "--batch 0: at least 1"),
        (typology, typology.TypologyPlan(), {"permutations": 0}, "--permutations 0: at least 1"),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_its_option(kind, plan, changes, message):
    kind.check(plan)
    with pytest.raises(NeutralError, match=message):
        kind.check(replace(plan, **changes))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"heads": 0}, "--heads 0: at least 1"),
        ({"layers": 0}, "--layers 0: at least 1"),
        ({"heads": 3, "width": 16}, "--width 16: is no multiple of --heads 3"),
        ({"feed_forward": -1}, "--feed-forward -1: at least 1"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(shape, message):
    with pytest.raises(NeutralError, match=message):
        Shape(**shape)


def test_a_recipe_takes_no_negative_seed():
    with pytest.raises(NeutralError, match="--seed -1"):
        Recipe(seed=-1)


def test_the_least_length_of_a_block_holds_one_token_to_score(tokenizer):
    with pytest.raises(NeutralError, match=r"--length 2: leaves no text .* at least 3"):
        LanguageModelling("mlm", tokenizer, length=2)  # [CLS] and [SEP]
    task = LanguageModelling("mlm", tokenizer, length=3)
    block = task.items(tiny.text().train["en"])[0]
    assert (task.example(block, (0,))["labels"] != -100).sum() == 1
    with pytest.raises(NeutralError, match="at least 2"):
        LanguageModelling("clm", tokenizer, length=1)  # nothing before the only token
    assert LanguageModelling("clm", tokenizer, length=2).items(["It rained."]).shape[1] == 2


def test_the_least_length_of_an_example_leaves_something_of_every_text(tokenizer):
    sentence, pair = Sentence(("rain",), (0,)), Example(("It rained.", "It did."), 0)
    with pytest.raises(NeutralError, match=r"--length 2: leaves no text .* at least 3"):
        TokenClassification("ner", tokenizer, ["O"], length=2).items([sentence])
    assert TokenClassification("ner", tokenizer, ["O"], length=3).items([sentence]) == [sentence]
    with pytest.raises(NeutralError, match=r"--length 4: leaves no text .* at least 5"):
        Classification(tokenizer, ["yes", "no"], length=4).items([pair])  # [CLS] a [SEP] b [SEP]
    task = Classification(tokenizer, ["yes", "no"], length=5)
    assert len(task.example(*task.items([pair]))["input_ids"]) == 5
    with pytest.raises(NeutralError, match="--length 4: leaves no text"):
        TextToText(tokenizer, ["yes", "no"], length=4).items([pair])


def test_a_score_over_nothing_is_refused(tokenizer):
    task = LanguageModelling("mlm", tokenizer, length=8)
    network = tiny.model("bert", len(tokenizer))
    for blocks, passes in ((task.items(["It rained."]), 0), (task.items(["It rained."])[:0], 1)):
        with pytest.raises(NeutralError, match="no token to score"):
            task.evaluate(network, blocks, passes=passes)
    with pytest.raises(NeutralError, match="no token to score"):
        task.unigram(task.items(["It rained."]), task.items(["It rained."])[:0])
    with pytest.raises(NeutralError, match="no example to score"):
        Classification(tokenizer, ["yes", "no"]).evaluate(network, [])


def test_tags_of_which_no_word_is_left_are_not_scored(tokenizer):
    from transformers import BertForTokenClassification

    shape = tiny.SHAPES["bert"]
    network = BertForTokenClassification(BertConfig(vocab_size=len(tokenizer), num_labels=2, **shape))
    task = TokenClassification("ner", tokenizer, ["O", "B-X"], length=2)
    with pytest.raises(NeutralError, match="no word to score"):
        task.evaluate(network, [Sentence(("rain",), (1,))])


def test_a_network_that_counts_positions_by_a_padding_token_that_it_lacks_is_refused(tokenizer):
    shape = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    shape |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "vocab_size": len(tokenizer)}
    with torch.device("meta"):
        network = M2M100ForConditionalGeneration(M2M100Config(**shape))
    tell_padding(network, tokenizer)
    network.model.encoder.embed_positions.padding_idx = None  # as it is built from `pad_token_id: null`
    with pytest.raises(NeutralError, match=r"counts positions by its padding token, .* set pad_token_id, 0 in its"):
        tell_padding(network, tokenizer)


def test_a_long_block_is_not_made_of_padding(tokenizer):
    lines = tiny.text().train["en"][:10]
    tokens = sum(len(tokenizer(line)["input_ids"]) - 1 for line in lines)  # a line and its [SEP]
    assert tokens > 256
    assert LanguageModelling("mlm", tokenizer, length=512).blocks(["It rained."]).shape == (1, 512)
    assert LanguageModelling("mlm", tokenizer, length=2 * tokens).blocks(lines).shape == (1, 2 * tokens)
    with pytest.raises(NeutralError, match=rf"--length {2 * tokens + 1}: most .* has {tokens:,} tokens"):
        LanguageModelling("mlm", tokenizer, length=2 * tokens + 1).blocks(lines)
