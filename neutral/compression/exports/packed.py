"""`compressed-tensors`: integers of 8 or 4 bits as that package packs them ("pack-quantized"), read without `neutral`.

Eight codes of 4 bits, or four of 8, are an int32, the first in the lowest bits, each with 2^(b−1) added; the scales are
those of `compression.rounding`. The format describes layers, each with numbers of its own: a table that input and
output layer share is written for both, and the configuration says that they are not tied. The package rebuilds the
numbers on loading; vLLM computes with the packed ones where its model hands the format to its embedding.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from neutral.compression.exports.weights import can_untie, cast, declared, declared_untied
from neutral.compression.packing import unpack
from neutral.compression.placement import embedding, holders, tied
from neutral.compression.rounding import Rounded
from neutral.errors import NeutralError
from neutral.models.output import multiplier

METHODS = ("int8", "int4")


def require(model: PreTrainedModel, method: str, where: str | None) -> None:
    """Raise `NeutralError` for a method or a model that the format has no words for."""
    if method not in METHODS:
        raise NeutralError(
            f"--as compressed-tensors: holds {' and '.join(METHODS)} only, not {method}; use --as neutral"
        )
    name, layer = type(model).__name__, embedding(model)
    if len(holders(model, nn.Embedding, layer.weight)) > 1:
        raise NeutralError(f"{name}: several layers look up its token table, which compressed-tensors cannot say")
    if multiplier(model) is not None:
        raise NeutralError(
            f"{name}: its output layer reads the token table itself, which compressed-tensors cannot say"
        )
    if tied(model) and not can_untie(model):
        raise NeutralError(f"{name}: its configuration cannot untie the output layer, as compressed-tensors needs it")


def write(model: PreTrainedModel, table: Rounded, folder: Path, where: str, dtype: torch.dtype) -> set[str]:
    """Write the model into `folder`; return how the names of the tensors that are the table end.

    Raises `NeutralError` for groups that do not divide a row.
    """
    group, width = int(table.settings["group"]), table.shape[1]
    if width % group:
        raise NeutralError(f"--as compressed-tensors: groups of {group} do not divide rows of {width}; give a --ratios")
    layer = embedding(model)
    kinds = (nn.Embedding, nn.Linear) if where == "both" else (nn.Embedding,)
    modules = {name: each for name, each in model.named_modules() if isinstance(each, kinds)}
    places = [name for name, each in modules.items() if each.weight is layer.weight]
    parts = {
        "weight_packed": pack(table),
        "weight_scale": table.tensors["scales"],
        "weight_shape": torch.tensor(table.shape),
    }
    with declared_untied(model) if tied(model) else nullcontext(False) as says_untied:
        written = cast(model.state_dict(keep_vars=True), dtype)
        written = {name: tensor.clone() if says_untied else tensor for name, tensor in written.items()}
        for place in places:
            del written[f"{place}.weight"]
        table_parts = {f"{place}.{name}": part.clone() for place in places for name, part in parts.items()}
        with declared(model, _said(table, [_target(model, place) for place in places])):
            model.save_pretrained(folder, state_dict=written | table_parts)
    return {".weight_packed", ".weight_scale"}


def pack(table: Rounded) -> torch.Tensor:
    """Return the codes of a rounded table, int32 (V, ⌈d·bits/32⌉)."""
    codes = table.tensors["codes"].cpu()
    if table.bits == 4:
        codes = unpack(codes, np.full(table.shape[1], 4)).to(torch.uint8)  # has 8 added already
        codes = F.pad(codes, (0, -codes.shape[1] % 8))
        codes = codes[:, ::2] | codes[:, 1::2] << 4
    else:
        codes = F.pad((codes.short() + 128).to(torch.uint8), (0, -codes.shape[1] % 4))
    return codes.contiguous().view(torch.int32)


def _said(table: Rounded, targets: list[str]) -> dict[str, object]:
    """Return what config.json says of the format."""
    group = int(table.settings["group"])
    of_rows = group == table.shape[1]
    weights = {"num_bits": table.bits, "type": "int", "symmetric": True, "dynamic": False}
    weights |= {"strategy": "channel"} if of_rows else {"strategy": "group", "group_size": group}
    return {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "quantization_status": "compressed",
        "config_groups": {"group_0": {"targets": targets, "weights": weights}},
        "ignore": [],
        "dequantize": True,  # else transformers 5.23 asks a packed embedding for the numbers that it does not have
    }


def _target(model: PreTrainedModel, place: str) -> str:
    """Return a pattern that only the module `place` matches: also of a model without its head, whose names are shorter.

    It is the end of its name: as few of its words as tell it apart.
    """
    words = place.split(".")
    for first in range(len(words) - 1, -1, -1):
        pattern = rf"re:(.*\.)?{re.escape('.'.join(words[first:]))}$"
        if [name for name, _ in model.named_modules() if re.match(pattern.removeprefix("re:"), name)] == [place]:
            break
    return pattern
