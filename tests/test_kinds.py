"""What a model is follows from its configuration."""

import pytest
import tiny
import torch
from architectures import ALIKE, ARCHS, settings_of
from transformers import AutoConfig

from neutral import models

ENCODERS = {
    *("albert", "bert", "canine", "deberta", "deberta-v2", "distilbert", "electra", "eurobert", "jina_embeddings_v3"),
    *("megatron-bert", "modernbert", "mpnet", "nomic_bert", "rembert", "roformer", "xlm", "xlm-roberta"),
    *("xlm-roberta-xl", "xmod"),
}
BOTH = {"t5", "mt5", "umt5", "mbart", "m2m_100", "marian", "blenderbot"}


@pytest.mark.parametrize("name", ARCHS)
def test_the_stack_of_every_architecture_follows_from_its_configuration(name):
    kind, head, _, _ = ARCHS[name]
    right = "" if kind in BOTH else "encoder" if kind in ENCODERS else "decoder"
    if name in ALIKE:
        right = {"MaskedLM": "encoder", "CausalLM": "decoder", "Seq2SeqLM": ""}[head]
    assert models.stack(AutoConfig.for_model(kind, **settings_of(name))) == right


@pytest.mark.parametrize(
    ("kind", "settings", "right"),
    [
        ("bert", {"is_decoder": True}, "decoder"),
        ("bert", {"architectures": ["BertLMHeadModel"]}, "encoder"),
        ("flaubert", {}, "encoder"),
        ("flaubert", {"causal": True}, "decoder"),
        ("xlnet", {}, "encoder"),
        ("gemma3_text", {"use_bidirectional_attention": True}, "encoder"),
        ("gemma4_text", {"use_bidirectional_attention": "vision"}, "decoder"),
        ("llama", {"is_causal": False}, "encoder"),
        ("mbart", {"is_encoder_decoder": False, "is_decoder": True}, "decoder"),
        ("qwen2_vl", {}, "decoder"),
        ("llava", {}, "decoder"),
        ("idefics3", {}, "decoder"),
    ],
)
def test_settings_decide_where_an_architecture_can_be_either(kind, settings, right):
    assert models.stack(AutoConfig.for_model(kind, **settings)) == right


def test_a_model_has_the_stack_of_its_configuration():
    assert [models.stack(tiny.model(kind)) for kind in ("bert", "gpt2", "mt5")] == ["encoder", "decoder", ""]
    assert models.stack(torch.nn.Linear(2, 2)) == ""
