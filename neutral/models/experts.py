"""Experts: a layer that holds the matrices of all its experts in one 3-D parameter, seen as one matrix an expert.

Mixture-of-experts layers store (experts, outputs, inputs), or (experts, inputs, outputs), under names such as
`mlp.experts.gate_up_proj`. Here matrix 3 of it is the weight `mlp.experts.3.gate_up_proj.weight`: a view, so what is
written to it is in the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import nn


class Slice(NamedTuple):
    """One expert's matrix: which part of which parameter."""

    parameter: str
    expert: int
    transposed: bool
    """Whether it is stored as (inputs, outputs)."""


def slices(model: nn.Module) -> dict[str, Slice]:
    """Return weight name -> where it is, for every matrix of every expert, in the model's order."""
    return {
        _name(module_name, own_name, expert): Slice(f"{module_name}.{own_name}", expert, _is_transposed(module))
        for module_name, module in model.named_modules()
        for own_name, parameter in stacked(module)
        for expert in range(len(parameter))
    }


def split(model: nn.Module, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weight name -> view of each expert's matrix, of tensors that go by the names of the model's parameters."""
    return {name: tensors[part.parameter][part.expert] for name, part in slices(model).items()}


def stacked(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the module's own parameters that are stacks of one matrix an expert: (experts, n, m)."""
    count = getattr(module, "num_experts", None)
    for name, parameter in module._parameters.items():
        if parameter is not None and parameter.ndim == 3 and len(parameter) == count:
            yield name, parameter


def matrix(parameter: nn.Parameter, expert: int) -> torch.Tensor:
    """Return one expert's matrix: a view without a gradient of its own, which knows its parameter (`owner`)."""
    view = parameter.detach()[expert]
    view.part_of = parameter, expert
    return view


def owner(weight: torch.Tensor) -> tuple[torch.Tensor, int | None]:
    """Return the parameter that a prunable weight is part of, and its place there; None if it is all of it.

    It knows what `matrix` returns, and `parameter[expert]`.
    """
    if hasattr(weight, "part_of"):
        return weight.part_of
    base = weight._base
    if isinstance(weight, nn.Parameter) or base is None or base.ndim != weight.ndim + 1:
        return weight, None
    return base, (weight.storage_offset() - base.storage_offset()) // base.stride(0)


def _name(module_name: str, own_name: str, expert: int) -> str:
    """Return the name of an expert's matrix; a parameter that is called `weight` goes by its module's name."""
    if own_name == "weight":
        return f"{module_name}.experts.{expert}.weight"
    inside = module_name if module_name.rpartition(".")[2] == "experts" else f"{module_name}.experts"
    return f"{inside}.{expert}.{own_name}.weight"


def _is_transposed(module: nn.Module) -> bool:
    """Whether the matrices are (inputs, outputs): as the module says, else as its two matrices tell.

    The first gives gate and up, so twice as many outputs as the second has inputs.
    """
    if (said := getattr(module, "is_transposed", None)) is not None:
        return bool(said)
    first, second = (getattr(module, name, None) for name in ("gate_up_proj", "down_proj"))
    return first is not None and second is not None and first.shape[1] == second.shape[2]
