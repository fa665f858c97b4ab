"""Labels: families' names, with wrappers and suffixes; stacks; experts and adapters; the order of groups."""

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
    "mlp.up_proj": "up",
    "mlp.down_proj": "down",
}
BERT = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "intermediate.dense": "up",
    "output.dense": "down",
}
FUSED_NEOX = {"mlp.dense_h_to_4h": "up", "mlp.dense_4h_to_h": "down"}
BART = {
    "self_attn.q_proj": "query",
    "self_attn.k_proj": "key",
    "self_attn.v_proj": "value",
    "self_attn.out_proj": "attention_output",
    "fc1": "up",
    "fc2": "down",
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
    "DenseReluDense.wi": "up",
    "DenseReluDense.wi_0": "gate",
    "DenseReluDense.wi_1": "up",
    "DenseReluDense.wo": "down",
}
GPT2 = {
    "attn.c_attn": "query_key_value",
    "attn.c_proj": "attention_output",
    "mlp.c_fc": "up",
    "mlp.c_proj": "down",
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
            "attention.self.pos_key_proj": "position_key",
            "attention.output.dense": "attention_output",
            "intermediate.dense": "up",
            "output.dense": "down",
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
            "ffn.lin1": "up",
            "ffn.lin2": "down",
        },
    ),
    "albert": (
        "albert.encoder.albert_layer_groups.{}.albert_layers.0.",
        "encoder",
        {
            **{f"attention.{k}": v for k, v in QKV.items()},
            "attention.dense": "attention_output",
            "ffn": "up",
            "ffn_output": "down",
        },
    ),
    "xlm attention": (
        "transformer.attentions.{}.",
        "encoder",
        {"q_lin": "query", "out_lin": "attention_output"},
    ),
    "xlm feed-forward": ("transformer.ffns.{}.", "encoder", {"lin1": "up", "lin2": "down"}),
    "modernbert": (
        "model.layers.{}.",
        "encoder",
        {
            "attn.Wqkv": "query_key_value",
            "attn.Wo": "attention_output",
            "mlp.Wi": "gate_up",
            "mlp.Wo": "down",
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
            "mlp.fc_in": "up",
            "mlp.fc_out": "down",
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
        {"self_attn.qkv_proj": "query_key_value", "mlp.gate_up_proj": "gate_up"},
    ),
    "mixtral": (
        "model.layers.{}.block_sparse_moe.",
        "decoder",
        {"gate": "router", "experts.7.w1": "gate", "experts.7.w2": "down", "experts.7.w3": "up"},
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
        {"crossattention.self.query": "cross_query", "output.dense": "down"},
    ),
}


@pytest.mark.parametrize("dress", ["{}", "module.{}", "{}_mask", "module.{}_mask", "_orig_mod.module.{}_orig"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_read_from_its_names(family: str, dress: str):
    prefix, stack, components = FAMILIES[family]
    for layer in (0, 7, 31):
        for rest, component in components.items():
            name = f"{prefix.format(layer)}{rest}.weight"
            assert label(dress.format(name))[:3] == (stack, layer, component), name


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
        f"base_model.model.{bare}",
        f"_forward_module._orig_mod.{bare}",
        f"_module.module.{bare}",
        f"_fsdp_wrapped_module._fpw_module.{bare}",
        bare.replace("encoder.", "encoder._orig_mod."),
        bare.replace("layer.7.", "layer.7._fsdp_wrapped_module._checkpoint_wrapped_module."),
        bare.replace("query.", "query._nni_wrapper."),
        bare.replace("query.weight", "query._weight_mask"),
        bare.replace("query.weight", "query.parametrizations.weight.0.mask"),
        bare.replace("query.weight", "query.parametrizations.weight.original"),
    ):
        assert canonical(name) == bare
    assert canonical(f"model._orig_mod.{bare}") == bare, "Lightning's"
    assert canonical("model._orig_mod.layers.3.mlp.up_proj.weight") == "model.layers.3.mlp.up_proj.weight"
    assert canonical("model._orig_mod.model.layers.3.w") == "model.layers.3.w"
    for name in (
        "my_module.w",
        "model.module.w",
        "weight",
        "mask",
        "x.parametrizations.weight.original0",
        "a.my_module.w",
    ):
        assert canonical(name) == name


def test_groups_of_one_weight():
    name = "module.decoder.block.3.layer.1.EncDecAttention.k.weight_mask"
    assert {by: group(name, by) for by in labels.GROUPINGS} == {
        "all": "all",
        "stack": "decoder",
        "layer": "decoder 3",
        "expert": "decoder 3 outside experts",
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
            "encoder 2 down",
            "encoder 10 query",
            "encoder other",
            "pooler",
            "decoder 0 gate",
            "decoder 0 down",
        ],
        [
            "decoder 2 outside experts",
            "decoder 2 shared expert",
            "decoder 2 expert 0",
            "decoder 2 expert 9",
            "decoder 2 expert 10",
            "decoder 10 outside experts",
            "decoder other",
        ],
        [
            "decoder 2 query",
            "decoder 2 down",
            "decoder 2 shared expert gate",
            "decoder 2 expert 9 up",
            "decoder 2 expert 9 down",
            "decoder 2 expert 10 up",
            "decoder 10 query",
        ],
        ["encoder 0 down", "encoder 0 en_XX adapter", "encoder 0 sw_KE adapter", "encoder 1 query"],
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


@pytest.mark.parametrize(
    ("name", "part", "component"),
    [
        ("model.layers.0.mlp.experts.3.gate_up_proj.weight", "expert 3", "gate_up"),
        ("model.layers.0.mlp.experts.12.down_proj.weight", "expert 12", "down"),
        ("model.layers.0.mlp.experts.3.up_proj.weight", "expert 3", "up"),
        ("model.layers.0.block_sparse_moe.experts.3.w1.weight", "expert 3", "gate"),
        ("model.layers.0.mixer.experts.3.up_proj.weight", "expert 3", "up"),
        ("model.decoder.layers.0.ffn.experts.expert_3.fc1.weight", "expert 3", "up"),
        ("decoder.block.0.layer.2.mlp.experts.expert_3.wi.weight", "expert 3", "up"),
        ("decoder.layers.0.mlp.experts.local_experts.3.linear_fc2.weight", "expert 3", "down"),
        ("model.layers.0.mlp.shared_expert.up_proj.weight", "shared expert", "up"),
        ("model.layers.0.mlp.shared_experts.gate_proj.weight", "shared expert", "gate"),
        ("model.layers.0.mlp.shared_expert_gate.weight", "", "router"),
        ("model.layers.0.mlp.up_proj.weight", "", "up"),
    ],
)
def test_an_expert_is_the_part_and_never_the_layer(name: str, part: str, component: str):
    assert label(name) == ("decoder", 0, component, part)
    by_expert = f"decoder 0 {part or 'outside experts'}"
    assert group(name, "expert") == by_expert
    assert group(name, "layer-component") == " ".join(filter(None, ("decoder 0", part, component)))
    assert labels.has_experts([name]) == part.startswith("expert")


def test_an_adapter_s_part_is_its_language():
    xmod = "roberta.encoder.layer.7.output.adapter_modules.sw_KE.dense1.weight"
    assert label(xmod) == ("encoder", 7, "adapter", "sw_KE")
    assert group(xmod, "layer-component") == "encoder 7 sw_KE adapter"
    assert group(xmod, "layer") == "encoder 7"
    assert group(xmod, "expert") == "encoder 7 outside experts"
    pretrained = "bert.encoder.layer.7.output.adapters.sw.adapter_down.0.weight"
    assert label(pretrained) == ("encoder", 7, "adapter", "sw")


def test_a_layer_of_peft_is_looked_through_and_its_matrices_are_an_adapter():
    layer = "base_model.model.model.layers.3.self_attn.q_proj"
    assert canonical(f"{layer}.base_layer.weight") == "model.layers.3.self_attn.q_proj.weight"
    assert label(f"{layer}.base_layer.weight") == ("decoder", 3, "query", "")
    assert label(f"{layer}.lora_A.default.weight") == ("decoder", 3, "adapter", "")
    assert label(f"{layer}.lora_B.sw.weight") == ("decoder", 3, "adapter", "sw")


def test_a_layer_in_a_layer_is_looked_through():
    for inner in ("module", "_nni_wrapper", "linear"):
        assert label(f"bert.encoder.layer.7.attention.self.query.{inner}.weight") == ("encoder", 7, "query", "")


def test_lists_beside_the_blocks_are_in_no_layer():
    assert label("model.altup_projections.2.weight", "decoder") == ("decoder", None, "altup", "")
    assert group("model.altup_projections.2.weight", "layer", "decoder") == "decoder other"
    assert label("initial_char_encoder.layer.0.attention.self.query.weight") == ("encoder", None, "query", "")
    assert label("classifier.0.weight") == ("encoder", None, "other", "")


MODERN = [f"model.layers.{i}.{leaf}.weight" for i in (0, 1) for leaf in ("attn.Wo", "mlp.Wi", "mlp.Wo")]
TIED = "cls.predictions.decoder.weight"


@pytest.mark.parametrize(
    ("names", "stack"),
    [
        (MODERN, "encoder"),
        ([*MODERN, "model.layers.0.attn.q_proj.weight"], "decoder"),
        (["nomic_bert.layers.0.self_attn.q_proj.weight", "nomic_bert.layers.0.mlp.up_proj.weight"], "encoder"),
        (["roberta.layers.0.self_attn.q_proj.weight"], "encoder"),
        (["model.layers.0.self_attn.q_proj.weight"], "decoder"),
        (["transformer.h.0.attn.c_attn.weight", "w"], "decoder"),
        (["bert.encoder.layer.0.output.dense.weight", "bert.pooler.dense.weight", TIED], "encoder"),
        (["encoder.block.0.layer.0.SelfAttention.q.weight"], "encoder"),
        (["encoder.block.0.layer.0.SelfAttention.q.weight", "decoder.block.0.layer.0.SelfAttention.q.weight"], ""),
        (["model.decoder.layers.0.fc1.weight", "model.decoder.project_in.weight"], "decoder"),
        (["transformer.layer.0.ffn.lin1.weight"], "encoder"),
        (["w"], ""),
    ],
)
def test_all_names_together_tell_the_only_stack(names: list[str], stack: str):
    assert labels.stack_of(names) == stack
    assert labels.stack_of(reversed(names)) == stack


def test_what_a_header_says_goes_before_what_names_suggest():
    names = ["model.layers.0.self_attn.q_proj.weight"]  # EuroBERT's, and Llama's
    assert [labels.stack_of(names, said) for said in ("encoder", "decoder", None, "", "both", 3)] == [
        *("encoder", "decoder", "decoder", "decoder", "decoder", "decoder")
    ]
    assert label(names[0], "encoder") == ("encoder", 0, "query", "")
    assert [group(names[0], by, "encoder") for by in ("stack", "layer")] == ["encoder", "encoder 0"]


def test_former_names_of_components_are_read():
    former = ["intermediate", "encoder 3 intermediate", "decoder 0 output", "encoder 3 attention_output", "all"]
    assert [labels.renamed(group) for group in former] == [
        *("up", "encoder 3 up", "decoder 0 down", "encoder 3 attention_output", "all")
    ]


@pytest.mark.parametrize("name", ["pooler.dense.weight", "model.layers.3.mlp.experts.5.up_proj.weight", "w", MODERN[0]])
def test_a_group_s_name_is_taken_apart_again(name: str):
    given = label(name)
    layer, part, component = labels.parsed(given.group("layer-component"))
    assert (layer, part) == (given.group("layer"), given.part)
    assert component == ("" if layer.endswith(" other") else given.component)
    assert labels.parsed(given.group("layer")) == (layer, "", component if layer == "pooler" else "")
