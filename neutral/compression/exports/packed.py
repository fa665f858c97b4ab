"""`compressed-tensors`: integers of 8 or 4 bits as that package packs them ("pack-quantized"), read without `neutral`.

Eight codes of 4 bits, or four of 8, are an int32, the first in the lowest bits, each with 2^(b−1) added; the scales are
those of `compression.rounding`. The format describes layers, each with numbers of its own: a table that input and
output layer share is written for both, and the configuration says that they are not tied. The package rebuilds the
numbers on loading; vLLM computes with the packed ones where its model hands the format to its embedding.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import nullcontext
from itertools import chain
from math import gcd
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from neutral.compression.blocks import TOKENS, Blocks, places
from neutral.compression.exports.weights import can_untie, cast, declared, declared_untied, endings
from neutral.compression.packing import unpack
from neutral.compression.placement import embedding, holders, looked_up, tied
from neutral.compression.rounding import Rounded
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.models.output import multiplier

METHODS = ("int8", "int4")


def require(model: PreTrainedModel, method: str, tables: Collection[str] = (TOKENS,)) -> None:
    """Raise `NeutralError` for a method or a model that the format has no words for."""
    if method not in METHODS:
        raise NeutralError(
            f"--as compressed-tensors: holds {' and '.join(METHODS)} only, not {method}; use --as neutral"
        )
    if TOKENS not in tables:
        return
    name, layer = type(model).__name__, embedding(model)
    if len(holders(model, nn.Embedding, layer.weight)) > 1:
        raise NeutralError(f"{name}: several layers look up its token table, which compressed-tensors cannot say")
    if multiplier(model) is not None:
        raise NeutralError(
            f"{name}: its output layer reads the token table itself, which compressed-tensors cannot say"
        )
    if tied(model) and not can_untie(model):
        raise NeutralError(f"{name}: its configuration cannot untie the output layer, as compressed-tensors needs it")


def write(model: PreTrainedModel, table: Table, folder: Path, where: str, dtype: torch.dtype) -> dict[str, set[str]]:
    """Write the model into `folder`; return table -> how the names of the tensors that are it end.

    Raises `NeutralError` for groups that do not divide a row.
    """
    own = places(table)
    rounded = {of: _side_by_side(part) for of, part in own.items()}
    every = [block for blocks in rounded.values() for block in blocks]
    group = gcd(*(int(block.settings["group"]) for block in every))  # a longer one's scale is written several times
    of_rows = all(group == sum(block.shape[1] for block in blocks) for blocks in rounded.values())
    layers = looked_up(model, own)
    modules = {of: _modules(model, layer, of == TOKENS and where == "both") for of, layer in layers.items()}
    parts = {
        f"{module}.{name}": part.clone()
        for of, blocks in rounded.items()
        for name, part in _parts(blocks, layers[of].num_embeddings, group).items()
        for module in modules[of]
    }
    unties = TOKENS in own and tied(model)
    with declared_untied(model) if unties else nullcontext(False) as says_untied:
        written = cast(model.state_dict(keep_vars=True), dtype)
        written = {name: tensor.clone() if says_untied else tensor for name, tensor in written.items()}
        for module in chain(*modules.values()):
            del written[f"{module}.weight"]
        targets = [_target(model, name) for name in chain(*modules.values())]
        with declared(model, _said(every[0].bits, group, of_rows, targets)):
            model.save_pretrained(folder, state_dict=written | parts)
    held = ("weight_packed", "weight_scale")
    return {of: endings([f"{each}.{name}" for each in names for name in held], 2) for of, names in modules.items()}


def _side_by_side(table: Table) -> list[Rounded]:
    """Return the rounded tables whose columns lie side by side in one layer, whose groups are all of one length."""
    blocks = [block for _, block in table.named()] if isinstance(table, Blocks) else [table]
    for block in blocks:
        group, width = int(block.settings["group"]), block.shape[1]
        if width % group:
            said = f"groups of {group} do not divide rows of {width}; give a --ratios"
            raise NeutralError(f"--as compressed-tensors: {said}")
    return blocks


def _modules(model: PreTrainedModel, layer: nn.Embedding, output: bool) -> list[str]:
    """Return the names of the layers that hold a table: embeddings, and those of the output too."""
    kinds = (nn.Embedding, nn.Linear) if output else (nn.Embedding,)
    return [name for name, each in model.named_modules() if isinstance(each, kinds) and each.weight is layer.weight]


def _parts(blocks: list[Rounded], rows: int, group: int) -> dict[str, torch.Tensor]:
    """Return the tensors of a layer of so many rows, with a scale for every `group` numbers."""
    scales = [
        block.tensors["scales"].repeat_interleave(int(block.settings["group"]) // group, dim=1) for block in blocks
    ]
    return {
        "weight_packed": pack(blocks)[:rows],
        "weight_scale": torch.cat(scales, dim=1)[:rows],
        "weight_shape": torch.tensor((rows, sum(block.shape[1] for block in blocks))),
    }


def pack(blocks: list[Rounded]) -> torch.Tensor:
    """Return the codes of rounded tables side by side, int32 (V, ⌈d·bits/32⌉)."""
    bits = blocks[0].bits
    codes = torch.cat([_codes(block) for block in blocks], dim=1)
    codes = F.pad(codes, (0, -codes.shape[1] % (32 // bits)))
    if bits == 4:
        codes = codes[:, ::2] | codes[:, 1::2] << 4
    return codes.contiguous().view(torch.int32)


def _codes(table: Rounded) -> torch.Tensor:
    """Return the codes of a rounded table with 2^(b−1) added, uint8 (V, d)."""
    codes = table.tensors["codes"].cpu()
    if table.bits == 4:
        return unpack(codes, np.full(table.shape[1], 4)).to(torch.uint8)  # has 8 added already
    return (codes.short() + 128).to(torch.uint8)


def _said(bits: int, group: int, of_rows: bool, targets: list[str]) -> dict[str, object]:
    """Return what config.json says of the format: one group of layers, as many as transformers 5.23 rebuilds.

    `of_rows` is whether a scale is that of a row, whatever its width.
    """
    weights = {"num_bits": bits, "type": "int", "symmetric": True, "dynamic": False}
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
