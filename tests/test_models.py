import pytest
import tiny
import torch

from neutral import labels, models
from neutral.errors import NeutralError

EXPECTED = {  # linear weights in the blocks of a two-layer model
    "bert": 12,
    "xlm-roberta": 12,
    "distilbert": 12,
    "gpt2": 8,
    "llama": 14,
    "mt5": 2 * 7 + 2 * 11,
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_prunable_weights_are_the_matrices_of_the_blocks(kind):
    model = tiny.model(kind)
    weights = models.prunable(model)
    assert len(weights) == EXPECTED[kind]
    assert all(weight.ndim == 2 for weight in weights.values())
    assert all(labels.label(name).layer in (0, 1) for name in weights)
    assert "other" not in {labels.label(name).component for name in weights}
    assert dict(model.named_parameters()).keys() >= weights.keys()


def test_a_bert_pooler_is_prunable_and_the_head_is_not():
    from transformers import BertConfig, BertModel

    names = models.prunable(BertModel(BertConfig(vocab_size=50, **tiny.SHAPES["bert"])))
    assert "pooler.dense.weight" in names
    assert not any("embeddings" in name for name in names)
    assert not any("predictions" in name for name in models.prunable(tiny.model("bert")))


def test_encoder_decoder_layers_are_told_apart():
    stacks = {labels.label(name).stack for name in models.prunable(tiny.model("mt5"))}
    assert stacks == {"encoder", "decoder"}


@pytest.mark.parametrize(("kind", "task"), [("bert", "mlm"), ("llama", "clm"), ("gpt2", "clm"), ("mt5", "seq2seq")])
def test_the_natural_task_follows_the_architecture(tmp_path, kind, task):
    tiny.model(kind).save_pretrained(tmp_path)
    assert models.natural_task(tmp_path) == task
    assert models.load_model(tmp_path, task).num_parameters() > 0


def test_what_is_no_model_is_named_in_one_line(tmp_path):
    for source in (tmp_path / "missing", tmp_path):
        with pytest.raises(NeutralError) as error:
            models.load_model(source)
        assert str(source) in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(NeutralError, match="nothing to prune"):
        models.prunable(torch.nn.Linear(2, 2))
    with pytest.raises(NeutralError, match="not a device"):
        models.device("toaster")
