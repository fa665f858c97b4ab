"""`plain`: the rebuilt matrix in the place of the token table; all else is as it was."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from neutral.compression.blocks import TOKENS, places
from neutral.compression.exports.weights import cast, declared_untied, endings
from neutral.compression.placement import looked_up, tied
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.models import trial
from neutral.models.output import multiplier


def require(model: PreTrainedModel, where: str | None) -> None:
    """Raise `NeutralError` for `where="input"` of a model whose output layer cannot be another.

    Such a layer reads the table itself, or the model computes otherwise once its configuration says that it is not tied
    (Switch Transformers scales what enters a tied layer).
    """
    if where != "input" or not tied(model):
        return
    if multiplier(model) is not None or not _stays(model):
        raise NeutralError(
            f"{type(model).__name__}: its output layer must be the token table, so a plain folder cannot hold both "
            'matrices: use where="both"'
        )


@torch.inference_mode()
def _stays(model: PreTrainedModel) -> bool:
    """Whether a model computes the same where its configuration says that its output layer is not tied."""
    batch, was_training = trial(model), model.training
    model.eval()
    own = model(**batch).logits
    with declared_untied(model):
        untied = model(**batch).logits
    model.train(was_training)
    return torch.allclose(own, untied, rtol=1e-4, atol=1e-4 * float(own.abs().max()))


def write(model: PreTrainedModel, table: Table, folder: Path, where: str, dtype: torch.dtype) -> dict[str, set[str]]:
    """Write the model into `folder`; return table -> how the names of the tensors that are it end."""
    own = places(table)
    weights = model.state_dict(keep_vars=True)
    heads = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    names: dict[str, set[str]] = {}
    written = cast(weights, dtype)
    for of, layer in looked_up(model, own).items():
        rebuilt = own[of].matrix()[: layer.num_embeddings].to(layer.weight.device, dtype)
        kept = heads if of == TOKENS and where == "input" else set()
        names[of] = {name for name, each in weights.items() if each is layer.weight and name not in kept}
        written |= dict.fromkeys(names[of], rebuilt)
    untied = where == "input" and TOKENS in own and tied(model)
    with declared_untied(model) if untied else nullcontext(False) as says_untied:
        if says_untied:  # the loader then ties nothing, so every name needs its tensor (BERT has two names of a bias)
            written = {name: tensor.clone() for name, tensor in written.items()}
        model.save_pretrained(folder, state_dict=written)
    return {of: endings(each, 2) for of, each in names.items()}
