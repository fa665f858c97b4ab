"""What the matrices of every architecture do, written down from the architectures' sources in transformers.

Names are those of a model whose weights take no memory; a linear layer, or the stacked matrices of experts, inside the
repeated blocks or in a pooler can be a mask's.
"""

import re
from functools import cache

import architectures
import pytest
import torch

from neutral import labels, models
from neutral.models.prunable import GATE, candidates

ATTENTION = {
    "self_attn.q_proj": "query",
    "self_attn.k_proj": "key",
    "self_attn.v_proj": "value",
    "self_attn.o_proj": "attention_output",
}
GATED = {"mlp.gate_proj": "gate", "mlp.up_proj": "up", "mlp.down_proj": "down"}
GATE_AND_UP = {"mlp.gate_up_proj": "gate_up", "mlp.down_proj": "down"}
LLAMA = {**ATTENTION, **GATED}
BERT_SELF = {"attention.self.query": "query", "attention.self.key": "key", "attention.self.value": "value"}
BERT_REST = {"attention.output.dense": "attention_output", "intermediate.dense": "up", "output.dense": "down"}
BERT = {**BERT_SELF, **BERT_REST}
DEBERTA = {f"{path}_proj": component for path, component in BERT_SELF.items()} | BERT_REST
ALBERT = {
    **{f"albert_layers.N.attention.{component}": component for component in ("query", "key", "value")},
    "albert_layers.N.attention.dense": "attention_output",
    "albert_layers.N.ffn": "up",
    "albert_layers.N.ffn_output": "down",
}
BART_ENCODER = {
    "self_attn.q_proj": "query",
    "self_attn.k_proj": "key",
    "self_attn.v_proj": "value",
    "self_attn.out_proj": "attention_output",
    "fc1": "up",
    "fc2": "down",
}
BART_DECODER = BART_ENCODER | {
    "encoder_attn.q_proj": "cross_query",
    "encoder_attn.k_proj": "cross_key",
    "encoder_attn.v_proj": "cross_value",
    "encoder_attn.out_proj": "cross_output",
}
T5_ATTENTION = {"q": "query", "k": "key", "v": "value", "o": "attention_output"}
T5_ENCODER = {f"layer.N.SelfAttention.{leaf}": component for leaf, component in T5_ATTENTION.items()}
T5_DECODER = T5_ENCODER | {
    f"layer.N.EncDecAttention.{leaf}": f"cross_{component.removeprefix('attention_')}"
    for leaf, component in T5_ATTENTION.items()
}
T5_PLAIN = {"layer.N.DenseReluDense.wi": "up", "layer.N.DenseReluDense.wo": "down"}
T5_GATED = {
    "layer.N.DenseReluDense.wi_0": "gate",  # goes through the activation
    "layer.N.DenseReluDense.wi_1": "up",
    "layer.N.DenseReluDense.wo": "down",
}
NEOX_FEED_FORWARD = {"mlp.dense_h_to_4h": "up", "mlp.dense_4h_to_h": "down"}
BLOOM = {
    "self_attention.query_key_value": "query_key_value",
    "self_attention.dense": "attention_output",
    **NEOX_FEED_FORWARD,
}
GPT_FEED_FORWARD = {"mlp.c_fc": "up", "mlp.c_proj": "down"}
EXPERTS = {"mlp.experts.N.gate_up_proj": "gate_up", "mlp.experts.N.down_proj": "down"}
GEMMA_3N = LLAMA | {
    "altup.correction_coefs": "altup",
    "altup.prediction_coefs": "altup",
    "altup.modality_router": "altup",
    "laurel.linear_left": "laurel_down",
    "laurel.linear_right": "laurel_up",
    "per_layer_input_gate": "per_layer_gate",
    "per_layer_projection": "per_layer_projection",
}
GEMMA_4 = LLAMA | {"per_layer_input_gate": "per_layer_gate", "per_layer_projection": "per_layer_projection"}
GATED_DELTA = {  # a linear attention with a gate: q, k, v (and z, the gate), and per head b (writes) and a (decays)
    "linear_attn.out_proj": "mixer_output",
    "linear_attn.in_proj_qkv": "mixer_input",
    "linear_attn.in_proj_z": "mixer_gate",
    "linear_attn.in_proj_b": "mixer_parameters",
    "linear_attn.in_proj_a": "mixer_parameters",
}

# Architecture -> stack -> path below the layer's number -> component
ENCODERS = {
    **dict.fromkeys(("bert", "bert-untied", "xlm-roberta", "xlm-roberta-xl", "rembert", "electra"), BERT),
    **dict.fromkeys(("roformer", "megatron-bert", "canine"), BERT),
    **dict.fromkeys(
        ("xmod", "xmod-no-default"),
        BERT
        | {
            "output.adapter_modules.en_XX.dense1": "adapter",
            "output.adapter_modules.en_XX.dense2": "adapter",
            "output.adapter_modules.sw_KE.dense1": "adapter",
            "output.adapter_modules.sw_KE.dense2": "adapter",
        },
    ),
    "distilbert": {
        "attention.q_lin": "query",
        "attention.k_lin": "key",
        "attention.v_lin": "value",
        "attention.out_lin": "attention_output",
        "ffn.lin1": "up",
        "ffn.lin2": "down",
    },
    **dict.fromkeys(("albert", "albert-groups"), ALBERT),
    **dict.fromkeys(("deberta-v2", "deberta-v2-lm-head"), DEBERTA),
    "deberta-v2-own-keys": DEBERTA
    | {"attention.self.pos_key_proj": "position_key", "attention.self.pos_query_proj": "position_query"},
    "deberta": BERT_REST
    | {
        "attention.self.in_proj": "query_key_value",
        "attention.self.pos_proj": "position_key",  # the keys of positions that content asks for (c2p)
        "attention.self.pos_q_proj": "position_query",
    },
    "modernbert": {
        "attn.Wqkv": "query_key_value",
        "attn.Wo": "attention_output",
        "mlp.Wi": "gate_up",  # cut in two: input, gate
        "mlp.Wo": "down",
    },
    **dict.fromkeys(("eurobert", "nomic_bert"), LLAMA),
    "mpnet": {
        **{f"attention.attn.{leaf}": component for leaf, component in T5_ATTENTION.items()},
        "intermediate.dense": "up",
        "output.dense": "down",
    },
    "jina_embeddings_v3": ATTENTION | {"mlp.fc1": "up", "mlp.fc2": "down"},
    "xlm": {
        "q_lin": "query",
        "k_lin": "key",
        "v_lin": "value",
        "out_lin": "attention_output",
        "lin1": "up",
        "lin2": "down",
    },
}
DECODERS = {
    **dict.fromkeys(("bloom", "falcon", "falcon-new"), BLOOM),
    **dict.fromkeys(("xglm", "opt", "opt-projected"), BART_ENCODER),
    "gpt2": {"attn.c_attn": "query_key_value", "attn.c_proj": "attention_output", **GPT_FEED_FORWARD},
    "gpt_neo": {
        "attn.attention.q_proj": "query",
        "attn.attention.k_proj": "key",
        "attn.attention.v_proj": "value",
        "attn.attention.out_proj": "attention_output",
        **GPT_FEED_FORWARD,
    },
    "gptj": {
        "attn.q_proj": "query",
        "attn.k_proj": "key",
        "attn.v_proj": "value",
        "attn.out_proj": "attention_output",
        "mlp.fc_in": "up",
        "mlp.fc_out": "down",
    },
    "gpt_neox": {
        "attention.query_key_value": "query_key_value",
        "attention.dense": "attention_output",
        **NEOX_FEED_FORWARD,
    },
    **dict.fromkeys(("llama", "llama-tied", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"), LLAMA),
    **dict.fromkeys(("cohere", "cohere2", "olmo2", "smollm3", "granite", "exaone4", "gemma3", "mistral3"), LLAMA),
    "apertus": ATTENTION | {"mlp.up_proj": "up", "mlp.down_proj": "down"},
    "glm4": ATTENTION | GATE_AND_UP,
    "phi3": {"self_attn.qkv_proj": "query_key_value", "self_attn.o_proj": "attention_output", **GATE_AND_UP},
    "modernbert-decoder": {
        "attn.q_proj": "query",
        "attn.k_proj": "key",
        "attn.v_proj": "value",
        "attn.Wo": "attention_output",
        "mlp.Wi": "gate_up",
        "mlp.Wo": "down",
    },
    **dict.fromkeys(("gemma3n_text", "gemma3n_text-shared"), GEMMA_3N),
    **dict.fromkeys(("gemma4_text", "gemma4"), GEMMA_4),
    **dict.fromkeys(("mixtral", "qwen3_moe", "gpt_oss"), ATTENTION | EXPERTS),
    "qwen3_5_text": LLAMA | GATED_DELTA,
    "qwen3_5": LLAMA | GATED_DELTA,
    "qwen3_next": {
        **ATTENTION,
        "linear_attn.in_proj_qkvz": "mixer_input",
        "linear_attn.in_proj_ba": "mixer_parameters",
        "linear_attn.out_proj": "mixer_output",
        **EXPERTS,
        "mlp.shared_expert.gate_proj": "gate",
        "mlp.shared_expert.up_proj": "up",
        "mlp.shared_expert.down_proj": "down",
        "mlp.shared_expert_gate": "router",
    },
    "deepseek_v3": {
        "self_attn.q_a_proj": "query_down",
        "self_attn.q_b_proj": "query_up",
        "self_attn.kv_a_proj_with_mqa": "key_value_down",
        "self_attn.kv_b_proj": "key_value_up",
        "self_attn.o_proj": "attention_output",
        **GATED,
        **EXPERTS,
        "mlp.shared_experts.gate_proj": "gate",
        "mlp.shared_experts.up_proj": "up",
        "mlp.shared_experts.down_proj": "down",
    },
    "mamba": {
        "mixer.in_proj": "mixer_input",
        "mixer.x_proj": "mixer_parameters",  # step, B and C from the input
        "mixer.dt_proj": "mixer_step",
        "mixer.out_proj": "mixer_output",
    },
    "falcon_h1": {
        **ATTENTION,
        "mamba.in_proj": "mixer_input",
        "mamba.out_proj": "mixer_output",
        "feed_forward.gate_proj": "gate",
        "feed_forward.up_proj": "up",
        "feed_forward.down_proj": "down",
    },
    "lfm2": {
        "self_attn.q_proj": "query",
        "self_attn.k_proj": "key",
        "self_attn.v_proj": "value",
        "self_attn.out_proj": "attention_output",
        "conv.in_proj": "mixer_input",
        "conv.out_proj": "mixer_output",
        "feed_forward.w1": "gate",
        "feed_forward.w2": "down",
        "feed_forward.w3": "up",
    },
}
BOTH = {
    "t5": (T5_ENCODER | T5_PLAIN, T5_DECODER | T5_PLAIN),
    **dict.fromkeys(("mt5", "umt5", "byt5"), (T5_ENCODER | T5_GATED, T5_DECODER | T5_GATED)),
    **dict.fromkeys(("mbart", "m2m_100", "marian", "blenderbot"), (BART_ENCODER, BART_DECODER)),
}
TABLE = {
    **{name: {"encoder": table} for name, table in ENCODERS.items()},
    **{name: {"decoder": table} for name, table in DECODERS.items()},
    **{name: dict(zip(labels.STACKS, tables, strict=True)) for name, tables in BOTH.items()},
}
# Architectures that take common sizes are as those above, or have these paths, each of which does the same everywhere.
PATHS = {
    # encoders
    "attention.self.query_global": "query",
    "attention.self.key_global": "key",
    "attention.self.value_global": "value",
    "attention.self.conv_kernel_layer": "mixer_parameters",  # a convolution's kernel, made from the tokens
    "attention.self.conv_out_layer": "mixer_input",
    "bottleneck.input.dense": "bottleneck",
    "bottleneck.attention.dense": "bottleneck",
    "output.bottleneck.dense": "bottleneck",
    "ffn.N.intermediate.dense": "up",
    "ffn.N.output.dense": "down",
    "self_attn.output_projection.gate_proj": "attention_gate",
    "self_attn.output_projection.o_proj": "attention_output",
    # decoders
    "attn.out_proj": "attention_output",
    "self_attn.dense": "attention_output",
    "self_attn.gate_proj": "attention_gate",
    "self_attn.g_proj": "attention_gate",
    "self_attn.output_gate": "attention_gate",
    "self_attn.query_key_value": "query_key_value",
    "self_attn.r_proj": "position_query",
    "self_attn.dt_proj": "indexer",  # masks tokens
    "self_attn.indexer.wq_b": "indexer",
    "self_attn.indexer.wk": "indexer",
    "self_attn.indexer.weights_proj": "indexer",
    "self_attn.q_gate_proj": "query",  # and a gate
    "self_attn.kv_proj": "key_value",
    "self_attn.o_a_proj": "attention_output",
    "self_attn.o_b_proj": "attention_output",
    "self_attn.compressor.kv_proj": "key_value",
    "self_attn.compressor.gate_proj": "attention_gate",
    "input_layernorm.mlp.fc1": "other",  # the scale of a norm, made from the tokens
    "input_layernorm.mlp.fc2": "other",
    "post_attention_layernorm.mlp.fc1": "other",
    "post_attention_layernorm.mlp.fc2": "other",
    "multi_head_attention.Wq": "query",
    "multi_head_attention.Wk": "key",
    "multi_head_attention.Wv": "value",
    "multi_head_attention.dense": "attention_output",
    "ffn.0": "up",
    "ffn.2": "down",
    "ffn.up_proj": "up",
    "ffn.down_proj": "down",
    "feed_forward.gate_proj": "gate",
    "feed_forward.up_proj": "up",
    "feed_forward.down_proj": "down",
    "mlp.fc1": "up",
    "mlp.fc2": "down",
    "attention.key": "key",
    "attention.value": "value",
    "attention.receptance": "attention_gate",
    "attention.output": "attention_output",
    "feed_forward.key": "up",
    "feed_forward.value": "down",
    "feed_forward.receptance": "gate",
    # mixtures of experts
    "mlp.shared_expert.gate_proj": "gate",
    "mlp.shared_mlp.gate_proj": "gate",
    "mlp.shared_mlp.up_proj": "up",
    "mlp.shared_mlp.down_proj": "down",
    "mlp.shared_experts.gate_up_proj": "gate_up",
    "feed_forward.shared_expert.gate_proj": "gate",
    "feed_forward.shared_expert.up_proj": "up",
    "feed_forward.shared_expert.down_proj": "down",
    **{f"{place}.experts.N.gate_up_proj": "gate_up" for place in ("mlp", "feed_forward", "block_sparse_moe")},
    **{f"{place}.experts.N.down_proj": "down" for place in ("mlp", "feed_forward", "block_sparse_moe", "mixer")},
    "mixer.experts.N.up_proj": "up",
    "shared_mlp.input_linear": "gate_up",
    "shared_mlp.output_linear": "down",
    "mlp.input_linear.experts.N": "gate_up",
    "mlp.output_linear.experts.N": "down",
    "self_attention.experts.input_linear.experts.N": "query",
    "self_attention.experts.output_linear.experts.N": "attention_output",
    "self_attention.kv_proj": "key_value",
    "ffn.fc1": "up",
    "ffn.fc2": "down",
    "layer.N.mlp.wi": "up",
    "layer.N.mlp.wo": "down",
    # mixers
    "mixer.q_proj": "query",
    "mixer.k_proj": "key",
    "mixer.v_proj": "value",
    "mixer.o_proj": "attention_output",
    "mixer.up_proj": "up",
    "mixer.down_proj": "down",
    "mixer.shared_experts.up_proj": "up",
    "mixer.shared_experts.down_proj": "down",
    "mamba.x_proj": "mixer_parameters",
    "mamba.dt_proj": "mixer_step",
    "linear_attn.q_proj": "query",
    "linear_attn.k_proj": "key",
    "linear_attn.v_proj": "value",
    "linear_attn.g_proj": "mixer_gate",
    "linear_attn.a_proj": "mixer_parameters",
    "linear_attn.b_proj": "mixer_parameters",
    "linear_attn.o_proj": "mixer_output",
    "temporal_block.q_proj": "query",
    "temporal_block.k_proj": "key",
    "temporal_block.v_proj": "value",
    "temporal_block.o_proj": "attention_output",
    "temporal_block.linear_x": "mixer_input",
    "temporal_block.linear_y": "mixer_gate",
    "temporal_block.linear_out": "mixer_output",
    "mlp_block.gate_proj": "gate",
    "mlp_block.up_proj": "up",
    "mlp_block.down_proj": "down",
    # encoder-decoders
    "cross_attention.q_proj": "cross_query",
    "cross_attention.k_proj": "cross_key",
    "cross_attention.v_proj": "cross_value",
    "cross_attention.out_proj": "cross_output",
    **{f"layer.N.LocalSelfAttention.{leaf}": component for leaf, component in T5_ATTENTION.items()},
    **{f"self_attn.self.{component}": component for component in ("query", "key", "value")},
    **{f"self_attn.longformer_self_attn.{component}": component for component in ("query", "key", "value")},
    **{f"self_attn.longformer_self_attn.{component}_global": component for component in ("query", "key", "value")},
    "self_attn.output": "attention_output",
}
# Architectures whose names alone suggest another stack than their configuration: their masks say it.
LIKE_A_DECODER = {"eurobert", "gte", "neomme", "ultrabert"}
# The number of layers where it is not that of the configuration: ALBERT's layers share groups of weights, HRM's are run
# through several times.
GROUPED = {"albert": 1, "albert-groups": 2, "hrm_text": 2}
WITHOUT = {"ibert", "squeezebert"}  # no linear layers: a kind of its own, convolutions


ALL = [
    pytest.param(name, marks=[pytest.mark.long] if name in architectures.ALIKE else []) for name in architectures.ARCHS
]


@cache
def built(name):
    """The model, its weights on no device."""
    kind, head, spelling, _ = architectures.ARCHS[name]
    settings = architectures.settings_of(name)
    words = {"vocab_size": architectures.VOCABULARY, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    config = architectures.AutoConfig.for_model(kind, **(words if spelling else {}) | settings)
    with torch.device("meta"):
        return architectures._model_class(config, head)(config)


@cache
def matrices(name):
    """The names of an architecture's matrices that can be pruned, but those of pictures."""
    weights = [each.name for each in candidates(built(name)) if not each.reason or each.reason == GATE]
    return [weight for weight in weights if not re.search(r"vision|visual", weight)]


def path_of(weight, layer):
    """The name below the layer's number, N for the numbers in it."""
    path = weight.removesuffix(".weight").split(f".{layer}.", 1)[1]
    path = re.sub(r"expert_\d+", "expert_N", re.sub(r"(?<=\.)\d+(?=\.)", "N", path))
    return re.sub(r"experts\.\d+$", "experts.N", path)


def in_layers(name):
    """(path, stack, component) of every matrix in a layer."""
    for weight in matrices(name):
        label = labels.label(weight, models.stack(built(name)))
        if label.layer is not None:
            yield path_of(weight, label.layer), label.stack, label.component


@pytest.mark.parametrize("name", TABLE)
def test_every_matrix_has_the_component_that_its_source_gives_it(name: str):
    met = {stack: {} for stack in TABLE[name]}
    for path, stack, component in in_layers(name):
        assert met[stack].setdefault(path, component) == component
    assert met == TABLE[name]


@pytest.mark.long
def test_matrices_of_other_architectures_do_what_the_same_paths_do_here():
    known = dict(PATHS)
    for tables in TABLE.values():
        for table in tables.values():
            for path, component in table.items():
                assert known.setdefault(path, component) == component
    met = set()
    for name in architectures.ALIKE:
        for path, _, component in in_layers(name):
            assert component == known.get(path.replace(".experts.expert_N.", ".")), (name, path)
            met.add(path)
    assert set(PATHS) <= met, "a path that no architecture has"


@pytest.mark.long
def test_what_matrices_do_is_rarely_left_open():
    components = [component for name in architectures.ARCHS for *_, component in in_layers(name)]
    assert components.count("other") / len(components) < 0.002


def stack_expected(name):
    """The only stack of an architecture: that of its table, or of the head that it is made with."""
    if name in TABLE:
        return "" if name in BOTH else next(iter(TABLE[name]))
    return {"MaskedLM": "encoder", "CausalLM": "decoder", "Seq2SeqLM": ""}[architectures.ARCHS[name][1]]


@pytest.mark.parametrize("name", ALL)
def test_the_stack_is_that_of_the_configuration(name: str):
    stack, weights = models.stack(built(name)), matrices(name)
    assert stack == stack_expected(name)
    assert {labels.label(weight, stack).stack for weight in weights} <= {stack} if stack else {"encoder", "decoder"}
    if name not in LIKE_A_DECODER | WITHOUT | {"bert-generation"}:  # a decoder that has BERT's names
        assert labels.stack_of(weights) == stack


@pytest.mark.parametrize("name", [name for name in ALL if name.values[0] not in WITHOUT])
def test_the_layers_are_those_of_the_configuration(name: str):
    config = built(name).config
    stack = models.stack(built(name))
    count = GROUPED.get(name) or config.get_text_config().num_hidden_layers
    assert labels.layers(matrices(name), stack) == (count if stack else 2 * count)


@pytest.mark.long
def test_what_lies_beside_the_layers_is_in_none():
    outside = {}
    for name in architectures.ARCHS:
        for weight in matrices(name):
            label = labels.label(weight, models.stack(built(name)))
            if label.layer is None and label.component != "pooler":
                outside.setdefault(name, set()).add(label.component)
    assert outside == {"canine": set(BERT.values())}  # its encoders of characters
