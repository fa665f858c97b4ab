"""Labels: every family's names, with wrappers and suffixes, and the order of groups."""

import pytest

from neutral import labels
from neutral.errors import NeutralError
from neutral.labels import Label, canonical, group, label, sort_key

QKV = {"query": "query", "key": "key", "value": "value"}
LLAMA = {
    "self_attn.q_proj": "query",
    "self_attn.k_proj": "key",
    "self_attn.v_proj": "value",
    "self_attn.o_proj": "attention_output",
    "mlp.gate_proj": "gate",
    "mlp.up_proj": "intermediate",
    "mlp.down_proj": "output",
}
BERT = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "intermediate.dense": "intermediate",
    "output.dense": "output",
}
FUSED_NEOX = {"mlp.dense_h_to_4h": "intermediate", "mlp.dense_4h_to_h": "output"}
BART = {
    "self_attn.q_proj": "query",
    "self_attn.k_proj": "key",
    "self_attn.v_proj": "value",
    "self_attn.out_proj": "attention_output",
    "fc1": "intermediate",
    "fc2": "output",
}
BART_CROSS = {
    "encoder_attn.q_proj": "cross_query",
    "encoder_attn.k_proj": "cross_key",
    "encoder_attn.v_proj": "cross_value",
    "encoder_attn.out_proj": "cross_output",
}
T5_SELF = {
    "layer.0.SelfAttention.q": "query",
    "layer.0.SelfAttention.k": "key",
    "layer.0.SelfAttention.v": "value",
    "layer.0.SelfAttention.o": "attention_output",
}
T5_CROSS = {
    "layer.1.EncDecAttention.q": "cross_query",
    "layer.1.EncDecAttention.k": "cross_key",
    "layer.1.EncDecAttention.v": "cross_value",
    "layer.1.EncDecAttention.o": "cross_output",
}
T5_FEED = {
    "DenseReluDense.wi": "intermediate",
    "DenseReluDense.wi_0": "gate",
    "DenseReluDense.wi_1": "intermediate",
    "DenseReluDense.wo": "output",
}
GPT2 = {
    "attn.c_attn": "query_key_value",
    "attn.c_proj": "attention_output",
    "mlp.c_fc": "intermediate",
    "mlp.c_proj": "output",
    "crossattention.q_attn": "cross_query",
    "crossattention.c_proj": "cross_output",
}

# family: (prefix with {} for the layer, stack, what follows -> component)
FAMILIES = {
    "bert": ("bert.encoder.layer.{}.", "encoder", BERT),
    "bert base model": ("encoder.layer.{}.", "encoder", BERT),
    "bert cross attention": (
        "bert.encoder.layer.{}.",
        "encoder",
        {"crossattention.self.query": "cross_query", "crossattention.output.dense": "cross_output"},
    ),
    "roberta": ("roberta.encoder.layer.{}.", "encoder", BERT),
    "electra": ("electra.encoder.layer.{}.", "encoder", BERT),
    "deberta": (
        "deberta.encoder.layer.{}.",
        "encoder",
        {
            "attention.self.query_proj": "query",
            "attention.self.key_proj": "key",
            "attention.self.value_proj": "value",
            "attention.self.in_proj": "query_key_value",
            "attention.self.pos_key_proj": "other",
            "attention.output.dense": "attention_output",
            "intermediate.dense": "intermediate",
            "output.dense": "output",
        },
    ),
    "distilbert": (
        "distilbert.transformer.layer.{}.",
        "encoder",
        {
            "attention.q_lin": "query",
            "attention.k_lin": "key",
            "attention.v_lin": "value",
            "attention.out_lin": "attention_output",
            "ffn.lin1": "intermediate",
            "ffn.lin2": "output",
        },
    ),
    "albert": (
        "albert.encoder.albert_layer_groups.{}.albert_layers.0.",
        "encoder",
        {
            **{f"attention.{k}": v for k, v in QKV.items()},
            "attention.dense": "attention_output",
            "ffn": "intermediate",
            "ffn_output": "output",
        },
    ),
    "xlm attention": (
        "transformer.attentions.{}.",
        "encoder",
        {"q_lin": "query", "out_lin": "attention_output"},
    ),
    "xlm feed-forward": ("transformer.ffns.{}.", "encoder", {"lin1": "intermediate", "lin2": "output"}),
    "modernbert": (
        "model.layers.{}.",
        "encoder",
        {
            "attn.Wqkv": "query_key_value",
            "attn.Wo": "attention_output",
            "mlp.Wi": "intermediate",
            "mlp.Wo": "output",
        },
    ),
    "gpt-2": ("transformer.h.{}.", "decoder", GPT2),
    "gpt-2 base model": ("h.{}.", "decoder", GPT2),
    "gpt-j": (
        "transformer.h.{}.",
        "decoder",
        {
            "attn.q_proj": "query",
            "attn.out_proj": "attention_output",
            "mlp.fc_in": "intermediate",
            "mlp.fc_out": "output",
        },
    ),
    "gpt-neox, pythia": (
        "gpt_neox.layers.{}.",
        "decoder",
        {"attention.query_key_value": "query_key_value", "attention.dense": "attention_output", **FUSED_NEOX},
    ),
    "bloom": (
        "transformer.h.{}.",
        "decoder",
        {
            "self_attention.query_key_value": "query_key_value",
            "self_attention.dense": "attention_output",
            **FUSED_NEOX,
        },
    ),
    "opt": ("model.decoder.layers.{}.", "decoder", BART),
    "llama, gemma, qwen, mistral": ("model.layers.{}.", "decoder", LLAMA),
    "llama base model": ("layers.{}.", "decoder", LLAMA),
    "gemma 3 with vision": ("model.language_model.layers.{}.", "decoder", LLAMA),
    "phi-3": (
        "model.layers.{}.",
        "decoder",
        {"self_attn.qkv_proj": "query_key_value", "mlp.gate_up_proj": "intermediate"},
    ),
    "mixtral": (
        "model.layers.{}.block_sparse_moe.",
        "decoder",
        {"gate": "other", "experts.7.w1": "gate", "experts.7.w2": "output", "experts.7.w3": "intermediate"},
    ),
    "t5 encoder": (
        "encoder.block.{}.",
        "encoder",
        {**T5_SELF, **{f"layer.1.{k}": v for k, v in T5_FEED.items()}},
    ),
    "t5 decoder": (
        "decoder.block.{}.",
        "decoder",
        {**T5_SELF, **T5_CROSS, **{f"layer.2.{k}": v for k, v in T5_FEED.items()}},
    ),
    "bart, mbart, m2m encoder": ("model.encoder.layers.{}.", "encoder", BART),
    "bart, mbart, m2m decoder": ("model.decoder.layers.{}.", "decoder", {**BART, **BART_CROSS}),
    "encoder-decoder of two berts": (
        "decoder.bert.encoder.layer.{}.",
        "decoder",
        {"crossattention.self.query": "cross_query", "output.dense": "output"},
    ),
}


@pytest.mark.parametrize("dress", ["{}", "module.{}", "{}_mask", "module.{}_mask", "_orig_mod.module.{}_orig"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_read_from_its_names(family: str, dress: str):
    prefix, stack, components = FAMILIES[family]
    for layer in (0, 7, 31):
        for rest, component in components.items():
            name = f"{prefix.format(layer)}{rest}.weight"
            assert label(dress.format(name)) == (stack, layer, component), name


@pytest.mark.parametrize(
    "name",
    [
        "bert.pooler.dense.weight",
        "pooler.dense.weight",
        "albert.pooler.weight",
        "module.bert.pooler.dense.weight_mask",
    ],
)
def test_a_pooler_is_a_group_of_its_own_and_in_no_layer(name: str):
    assert label(name) == Label("encoder", None, "pooler")
    assert [group(name, by) for by in ("layer", "layer-component", "component")] == ["pooler"] * 3


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        ("bert.embeddings.word_embeddings.weight", "encoder"),
        ("cls.predictions.decoder.weight", "encoder"),
        ("cls.predictions.transform.dense.weight", "encoder"),
        ("lm_head.decoder.weight", "encoder"),
        ("classifier.out_proj.weight", "encoder"),
        ("decoder.embed_tokens.weight", "decoder"),
        ("w", "encoder"),
        ("", "encoder"),
    ],
)
def test_weights_outside_the_blocks_are_other(name: str, stack: str):
    assert label(name) == Label(stack, None, "other")
    assert group(name, "layer") == f"{stack} other"


def test_canonical_names_lose_wrappers_and_suffixes_and_nothing_else():
    bare = "bert.encoder.layer.7.attention.self.query.weight"
    for name in (
        bare,
        f"module.{bare}",
        f"module.module.{bare}_mask",
        f"base_model.{bare}",
        f"_orig_mod.module.{bare}_orig",
        bare.replace("encoder.", "encoder._orig_mod."),
    ):
        assert canonical(name) == bare
    for name in ("my_module.w", "model.module.w", "weight", "mask"):
        assert canonical(name) == name


def test_groups_of_one_weight():
    name = "module.decoder.block.3.layer.1.EncDecAttention.k.weight_mask"
    assert {by: group(name, by) for by in labels.GROUPINGS} == {
        "all": "all",
        "stack": "decoder",
        "layer": "decoder 3",
        "component": "cross_key",
        "layer-component": "decoder 3 cross_key",
        "tensor": "decoder.block.3.layer.1.EncDecAttention.k.weight",
    }
    with pytest.raises(NeutralError, match=r"unknown grouping 'layers'.*layer-component"):
        group(name, "layers")
    with pytest.raises(NeutralError):
        label(name).group("tensor")


@pytest.mark.parametrize(
    "ordered",
    [
        ["all"],
        ["encoder", "decoder"],
        ["encoder 0", "encoder 2", "encoder 10", "encoder other", "pooler", "decoder 0", "decoder 10"],
        list(labels.COMPONENTS),
        [
            "encoder 2 query",
            "encoder 2 output",
            "encoder 10 query",
            "pooler",
            "decoder 0 gate",
            "decoder 0 output",
        ],
        [
            "bert.encoder.layer.2.attention.self.query.weight",
            "bert.encoder.layer.2.output.dense.weight",
            "bert.encoder.layer.10.attention.self.query.weight",
            "bert.pooler.dense.weight",
            "decoder.block.0.layer.0.SelfAttention.q.weight",
        ],
    ],
)
def test_groups_sort_naturally(ordered: list[str]):
    assert sorted(ordered, key=sort_key) == ordered
    assert sorted(ordered[1:] + ordered[:1], key=sort_key) == ordered
