"""What a matrix does in its layer, from the last parts of its name.

A leaf such as `q_proj` says it alone; `dense`, `out_proj` or `gate` need the part of the layer that they stand in
(`_room`). What the leaves of an architecture do was read in its source in transformers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

COMPONENTS = (
    "query",
    "key",
    "value",
    "query_key_value",
    "key_value",
    "query_down",
    "query_up",
    "key_value_down",
    "key_value_up",
    "position_query",
    "position_key",
    "indexer",
    "attention_gate",
    "attention_output",
    "cross_query",
    "cross_key",
    "cross_value",
    "cross_key_value",
    "cross_output",
    "mixer_input",
    "mixer_gate",
    "mixer_parameters",
    "mixer_step",
    "mixer_output",
    "router",
    "gate",
    "up",
    "gate_up",
    "down",
    "bottleneck",
    "laurel_down",
    "laurel_up",
    "per_layer_gate",
    "per_layer_projection",
    "altup",
    "adapter",
    "pooler",
    "other",
)
"""All components, in the order of tables and figures; `docs/methods.md` says what each does."""

_LEAVES = {
    "query": (
        *("query", "q", "q_proj", "q_lin", "query_proj", "q_attn", "Wq", "wq", "to_q", "project_q", "q_head"),
        *("q_gate_proj", "linear_q_proj", "query_global", "w2e_query", "e2w_query", "e2e_query"),
    ),
    "key": ("key", "k", "k_proj", "k_lin", "key_proj", "Wk", "wk", "to_k", "project_k", "k_head", "key_global"),
    "value": (
        *("value", "v", "v_proj", "v_lin", "value_proj", "Wv", "wv", "to_v", "project_v", "v_head", "value_global"),
        *("v_proj_current", "v_proj_delayed"),
    ),
    "query_key_value": ("query_key_value", "c_attn", "Wqkv", "wqkv", "qkv_proj", "qkv", "in_proj", "linear_qkv"),
    "key_value": ("kv_proj", "to_kv", "linear_kv"),
    "query_down": ("q_a_proj", "wq_a", "linear_q_down_proj"),
    "query_up": ("q_b_proj", "wq_b", "linear_q_up_proj"),
    "key_value_down": ("kv_a_proj_with_mqa", "wkv_a", "linear_kv_down_proj"),
    "key_value_up": ("kv_b_proj", "wkv_b", "linear_kv_up_proj"),
    "position_query": ("pos_q_proj", "pos_query_proj"),
    "position_key": ("pos_proj", "pos_key_proj", "linear_pos"),
    "attention_output": (
        *("o", "o_proj", "out_lin", "out_proj", "to_out", "attention_out", "post_proj", "linear_proj"),
        *("o_a_proj", "o_b_proj"),
    ),
    "up": (
        *("up_proj", "fc1", "fc_in", "fc11", "lin1", "ffn", "c_fc", "dense_h_to_4h", "wi", "wi_1", "w3", "w_1"),
        *("linear_fc1", "linear1", "linear_1", "layer_1", "dense1", "proj_up", "intermediate"),
    ),
    "gate": ("gate_proj", "wi_0", "w1", "w_0", "fc12", "proj_up_gate"),
    "gate_up": ("gate_up_proj", "Wi", "input_linear"),
    "down": (
        *("down_proj", "fc2", "fc_out", "lin2", "ffn_output", "c_proj", "dense_4h_to_h", "wo", "Wo", "w2", "w_out"),
        *("linear_fc2", "linear2", "linear_2", "layer_2", "dense2", "proj_down", "output_linear"),
    ),
    "router": ("gate",),
    "laurel_down": ("linear_left",),
    "laurel_up": ("linear_right",),
    "per_layer_gate": ("per_layer_input_gate",),
    "per_layer_projection": ("per_layer_projection",),
}
_IN_ATTENTION = {
    "query": ("input_linear",),  # JetMoE has experts in its attention
    "attention_output": ("dense", "c_proj", "Wo", "wo", "proj", "output", "output_linear", "linear_out"),
    "attention_gate": ("gate_proj", "g_proj", "g_a_proj", "g_b_proj", "gate", "output_gate", "receptance"),
    # Kimi's linear attention is called `self_attn` too; ConvBERT has a convolution beside its heads.
    "mixer_parameters": ("b_proj", "f_proj", "f_a_proj", "f_b_proj", "conv_kernel_layer"),
    "mixer_input": ("conv_out_layer",),
    "position_query": ("r_proj",),
    "indexer": ("dt_proj",),  # Doge's, which masks tokens
}
_IN_MIXER = {
    "mixer_input": ("in_proj", "in_proj_qkv", "in_proj_qkvz", "linear_x"),
    "mixer_gate": ("in_proj_z", "g_proj", "linear_y", "ogate_preact"),
    "mixer_parameters": (
        *("x_proj", "in_proj_a", "in_proj_b", "in_proj_ba", "a_proj", "b_proj"),
        *("igate_preact", "fgate_preact"),
    ),
    "mixer_step": ("dt_proj",),
    "mixer_output": ("out_proj", "linear_out"),
}
_IN_FEED_FORWARD = {
    "up": ("key", "0"),  # RWKV, CTRL
    "gate": ("receptance",),
    "down": ("value", "2", "output"),
}
_DENSE_IN = {"intermediate": "up", "dense": "up", "output": "down"}  # `dense` outside attention, by the part above

_ROOMS = (  # the first that fits: `linear_attn` and `mamba` are mixers
    ("mixer", re.compile(r"^(?:mamba|mixer$|conv$|short_conv$|linear_attn$|temporal_block$|mlstm_layer$)")),
    ("attention", re.compile(r"attention|attn|_att$", re.IGNORECASE)),
    ("feed-forward", re.compile(r"mlp|ffn|^ff\d?$|feed_?forward|denseReluDense|moe", re.IGNORECASE)),
)
# A part with such a name says what everything below it is.
_WHOLE = (
    ("adapter", re.compile(r"^lora_|adapter")),
    ("altup", re.compile(r"^altup")),
    ("router", re.compile(r"router|^shared_expert_gate$")),
    ("indexer", re.compile(r"^indexer$")),
    ("bottleneck", re.compile(r"^bottleneck$")),
    ("other", re.compile(r"(?:^|_)(?:layer)?norm$")),
)
_CROSS = re.compile(r"^(?:cross_?(?:attention|attn)|encdecattention|encoder_attn)$", re.IGNORECASE)
_CROSS_OF = {
    "query": "cross_query",
    "key": "cross_key",
    "value": "cross_value",
    "key_value": "cross_key_value",
    "query_key_value": "cross_key_value",  # GPT-2's `c_attn` has key and value only there
    "attention_output": "cross_output",
}


def _by_leaf(leaves_of: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {leaf: component for component, leaves in leaves_of.items() for leaf in leaves}


_ANYWHERE = _by_leaf(_LEAVES)
_THERE = {
    "mixer": _by_leaf(_IN_MIXER),
    "attention": _by_leaf(_IN_ATTENTION),
    "feed-forward": _by_leaf(_IN_FEED_FORWARD),
    "": {},
}


def is_pooler(parts: Sequence[str]) -> bool:
    """Whether a name's parts are those of a pooler's matrix."""
    return "pooler" in parts[-2:]


def component_of(parts: Sequence[str]) -> str:
    """Return the component of a matrix, one of `COMPONENTS`, from the parts of its name without `weight`."""
    if is_pooler(parts):
        return "pooler"
    if list(parts[-2:-1]) == ["experts"] and parts[-1].isdecimal():
        parts = parts[:-2]  # JetMoE's `input_linear.experts.3`: no leaf follows the expert's number
    leaf, above = parts[-1], parts[:-1]
    for whole, form in _WHOLE:
        if any(form.search(part) for part in parts):
            return whole
    room = _room(above)
    if "gate" in above and room != "attention":
        return "router"
    component = _THERE[room].get(leaf) or _ANYWHERE.get(leaf, "other")
    if leaf == "dense" and room != "attention":
        component = _DENSE_IN.get(above[-1] if above else "", "other")
    if leaf == "o_proj" and "linear_attn" in above:
        component = "mixer_output"  # a `mixer` may be attention, whose output has this name too (Nemotron-H)
    return _CROSS_OF.get(component, component) if any(_CROSS.match(part) for part in above) else component


def _room(above: Sequence[str]) -> str:
    """Return the innermost of a layer's parts that a matrix stands in: mixer, attention, feed-forward, or ""."""
    for part in reversed(above):
        for room, form in _ROOMS:
            if form.search(part):
                return room
    return ""
