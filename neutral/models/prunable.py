"""Which weights can be pruned: the matrices of linear layers and of experts in the repeated blocks, and a BERT pooler.

They are found by walking the model, so a new architecture needs no table. Every parameter of two or more dimensions
that is left out has its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from transformers.pytorch_utils import Conv1D

from neutral import labels
from neutral.errors import NeutralError
from neutral.models import experts
from neutral.models.kinds import stack

OUTSIDE = "outside the repeated blocks"
TABLE = "a table whose rows are looked up"
KERNEL = "the kernel of a convolution"
ROUTER = "chooses the experts"
GATE = "gives one number for a token: a gate"
BIAS = "biases"
OTHER = "no matrix of a linear layer"


class Candidate(NamedTuple):
    """A parameter of two or more dimensions, or one expert's matrix of it."""

    name: str
    weight: torch.Tensor
    reason: str
    """Why it is not pruned; empty if it can be."""


def prunable(model: nn.Module, only: str = "") -> dict[str, torch.Tensor]:
    """Return name -> matrix of every linear layer and every expert in the repeated blocks, and of a pooler.

    Weights shared between layers (ALBERT) appear once; an expert's matrix is a view of the parameter that holds those
    of all experts, so ask again when the model has moved to another device or type. `only` takes those of one stack:
    encoder | decoder.

    Raises `NeutralError` if there are none.
    """
    weights = {each.name: each.weight for each in candidates(model) if not each.reason}
    if not weights:
        raise NeutralError(f"{type(model).__name__}: no linear layers in repeated blocks, so nothing to prune")
    if only:
        own = stack(model)
        weights = {name: weight for name, weight in weights.items() if labels.label(name, own).stack == only}
        if not weights:
            raise NeutralError(f"--only {only}: {type(model).__name__} has no linear layers there")
    return weights


def candidates(model: nn.Module) -> Iterator[Candidate]:
    """Yield every parameter of two or more dimensions once, with the reason why it is not pruned."""
    modules = dict(model.named_modules())
    blocks = tuple(f"{name}." for name, module in modules.items() if _repeats(module))
    mixtures = _mixtures(modules)
    slices = _by_parameter(experts.slices(model))
    seen: set[int] = set()
    for module_name, module in modules.items():
        for own_name, parameter in module._parameters.items():
            if parameter is None or parameter.ndim < 2 or id(parameter) in seen:
                continue
            seen.add(id(parameter))
            name = f"{module_name}.{own_name}" if module_name else own_name
            if not name.startswith(blocks) and not module_name.endswith("pooler.dense"):
                yield Candidate(name, parameter, OUTSIDE)
            elif name in slices:
                yield from (Candidate(of, experts.matrix(parameter, expert), "") for of, expert in slices[name])
            elif any(_chooses(name, mixture) for mixture in mixtures):
                yield Candidate(name, parameter, ROUTER)
            else:
                yield Candidate(name, parameter, _reason(module, own_name, parameter))


def _repeats(module: nn.Module) -> bool:
    """Whether a module is a list of blocks: of more than bare layers, such as Gemma 3n's projections of its streams."""
    return isinstance(module, nn.ModuleList) and any(len(list(each.children())) for each in module)


def _reason(module: nn.Module, own_name: str, parameter: nn.Parameter) -> str:
    if isinstance(module, nn.Linear | Conv1D) and own_name == "weight":
        return GATE if parameter.shape[isinstance(module, Conv1D)] == 1 else ""
    for kind, reason in ((nn.Embedding, TABLE), (_ConvNd, KERNEL)):
        if isinstance(module, kind):
            return reason
    return BIAS if "bias" in own_name else OTHER


def _by_parameter(slices: dict[str, experts.Slice]) -> dict[str, list[tuple[str, int]]]:
    """Return parameter -> (weight name, expert) of its experts."""
    grouped: dict[str, list[tuple[str, int]]] = {}
    for name, part in slices.items():
        grouped.setdefault(part.parameter, []).append((name, part.expert))
    return grouped


def _mixtures(modules: dict[str, nn.Module]) -> set[str]:
    """Return the names of the modules that hold experts, with a dot: what stands beside the experts may choose them."""
    holders = {name for name, module in modules.items() if any(True for _ in experts.stacked(module))}
    holders |= {name for name in modules if name.rpartition(".")[2] == "experts"}
    return {f"{name.rpartition('.')[0]}." for name in holders}


def _chooses(name: str, mixture: str) -> bool:
    """Whether a parameter is of a mixture's router: `router`, `gate`, `gate.wg`."""
    beside = name.removeprefix(mixture).split(".")[0] if name.startswith(mixture) else ""
    return beside == "gate" or "router" in beside
