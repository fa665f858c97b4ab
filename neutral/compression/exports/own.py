"""`neutral`: the table's tensors as they are, which `compression.quantizer` puts in their place on loading."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedModel

from neutral.compression import quantizer
from neutral.compression.blocks import places
from neutral.compression.exports.weights import cast, declared, endings
from neutral.compression.placement import put_in
from neutral.compression.table import Table


def write(model: PreTrainedModel, table: Table, folder: Path, where: str, dtype: torch.dtype) -> dict[str, set[str]]:
    """Write the model into `folder`; return table -> how the names of the tensors that are it end.

    The configuration goes on to say that the output layer is tied: what is not, `put_in` finds again on loading.
    """
    with (
        put_in(model, table, where, train=False),
        declared(model, quantizer.CompressedTableConfig.of(table, where)),
    ):
        names = quantizer.stored_names(model)
        written = quantizer.guarded(cast(model.state_dict(keep_vars=True), dtype, names), model)
        model.save_pretrained(folder, state_dict=written)
        return {of: endings([f"stored.{name}" for name in part.tensors], 2) for of, part in places(table).items()}
