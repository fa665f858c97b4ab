"""What a checkpoint's files hold, by their headers and sizes, against its configuration: before it is loaded."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedConfig
from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

from neutral.errors import NeutralError, reading
from neutral.models import folders, weights

# Names of what quantised weights are multiplied by, and of quantised weights that are packed.
_QUANTISED = re.compile(
    r"(?:^|[._])(?:(?:weight|input|activation)_scale(?:_inv|_2)?|SCB|qweight|qzeros|scales|g_idx|(?:nested_)?absmax|"
    r"weight_format|weight_packed|(?:nested_)?quant_map|quant_state(?:\..*)?|weight_zero_point|proj_blocks)$"
)
_MATRIX = re.compile(r"(?:\.weight|_proj)$")
_WHOLE = re.compile(r"^(?:[IU]\d|F8|F4|F6)")  # safetensors' names of types that no float network is trained in
_ADVICE = (
    ", and its config.json has no quantization_config, so they would be read wrongly; take the checkpoint in float16, "
    "bfloat16 or float32"
)
_OLD = {"load_in_8bit", "load_in_4bit"}  # bitsandbytes', which named no method once
_LEAST = 1 / 8  # bytes a weight: one bit
_SMALL = 10_000_000  # weights that can be made whatever the files hold: the loader says more of what is wrong then


def require_plain(source: str | Path, path: Path | None, config: PreTrainedConfig) -> None:
    """Raise `NeutralError` for matrices of integers or 8-bit floats in files whose configuration does not tell of them.

    Only safetensors tell before they are read.
    """
    if path is None or _is_told(config):
        return
    odd = {}
    for file in folders.weights(path):
        if file.suffix == ".safetensors":
            with reading(file, "safetensors"), safe_open(file, framework="pt") as opened:
                for name in filter(_MATRIX.search, opened.keys()):
                    kind = opened.get_slice(name).get_dtype()
                    if _WHOLE.match(kind):
                        odd[name] = kind
    if odd:
        which = f"{len(odd)} of its matrices {'is' if len(odd) == 1 else 'are'} quantised"
        raise NeutralError(f"{source}: {which} ({weights.names(odd)}){_ADVICE}")


def require_no_scales(source: str | Path, config: PreTrainedConfig, unexpected: Collection[str]) -> None:
    """Raise `NeutralError` for scales of quantised weights among what a model has no place for."""
    scales = sorted(filter(_QUANTISED.search, unexpected))
    if scales and not _is_told(config):
        raise NeutralError(f"{source}: its weights are quantised ({weights.names(scales)}){_ADVICE}")


def require_size(source: str | Path, path: Path | None, config: PreTrainedConfig, loader: type) -> None:
    """Raise `NeutralError` for a configuration of far more weights than the files have room for.

    Nothing but shapes is made for it. What makes no model at all is left to the loader, which says why.
    """
    if path is None:
        return
    held = sum(file.stat().st_size for file in folders.weights(path))
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            wanted = loader.from_config(config, trust_remote_code=False).num_parameters()
    except Exception:
        return
    if wanted > _SMALL and held < wanted * _LEAST:
        raise NeutralError(
            f"{source}: its config.json describes a model of {wanted:,} weights, and its files have {held:,} bytes; is "
            "its config.json whole and right?"
        )


def _is_told(config: PreTrainedConfig) -> bool:
    """Whether a configuration tells of a quantisation that transformers knows; it passes over others."""
    told = [getattr(each, "quantization_config", None) for each in (config, config.get_text_config())]
    told = [each if isinstance(each, dict) else each.to_dict() for each in told if each]
    return any(each.get("quant_method") in AUTO_QUANTIZATION_CONFIG_MAPPING or _OLD & {*each} for each in told)
