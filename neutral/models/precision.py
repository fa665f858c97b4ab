"""Whether a network can run in bfloat16 where the device gains from it; where it cannot, its own forward is in float32.

XMOD and the first DeBERTa mix types inside their blocks, which autocast does not mend.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedModel

_CONTEXTS = "_neutral_full_precision"


def runs_in_bfloat16(model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> bool:
    """Whether a model gets through a batch under a bfloat16 autocast of its device, if it does so in float32."""
    try:
        with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16):
            model(**batch)
    except Exception:  # of any type: what matters is whether it is the precision's
        return not _runs(model, batch)
    return True


def _runs(model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> bool:
    try:
        with torch.inference_mode():
            model(**batch)
    except Exception:
        return False
    return True


def in_full_precision(model: PreTrainedModel) -> None:
    """Make a model's forward run in float32 under every autocast, in place, and its base model's too."""
    for module in {id(part): part for part in (model, model.base_model)}.values():
        module.register_forward_pre_hook(_enter)
        module.register_forward_hook(_leave, always_call=True)


def _enter(module: nn.Module, _inputs: tuple) -> None:
    context = torch.autocast(next(module.parameters()).device.type, enabled=False)
    context.__enter__()
    setattr(module, _CONTEXTS, [*getattr(module, _CONTEXTS, ()), context])


def _leave(module: nn.Module, _inputs: tuple, _output: object) -> None:
    *before, context = getattr(module, _CONTEXTS)
    setattr(module, _CONTEXTS, before)
    context.__exit__(None, None, None)
