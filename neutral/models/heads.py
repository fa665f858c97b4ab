"""A task's head that a checkpoint already has: are its labels the task's, and in which order?"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

_UNNAMED = re.compile(r"^LABEL_\d+$")


def labels_of(config: PreTrainedConfig) -> list[str] | None:
    """Return the names of a checkpoint's labels in their order; None if it names none."""
    names = [str(name) for _, name in sorted((int(i), name) for i, name in (config.id2label or {}).items())]
    return None if not names or all(_UNNAMED.match(name) for name in names) else names


def same(named: Sequence[str], labels: Sequence[str]) -> bool:
    """Whether two lists have the same labels, whatever their order and case."""
    return sorted(map(str.casefold, named)) == sorted(map(str.casefold, map(str, labels)))


def put_in_order(model: PreTrainedModel, named: Sequence[str], labels: Sequence[str]) -> bool:
    """Sort the rows of a head, whose labels are `named`, into the order of `labels`, in place; whether any moved."""
    place = {name.casefold(): i for i, name in enumerate(named)}
    order = [place[str(label).casefold()] for label in labels]
    layer = output(model, len(order))
    if layer is None or order == sorted(order):
        return False
    with torch.no_grad():
        for parameter in (layer.weight, layer.bias):
            if parameter is not None:
                parameter.copy_(parameter[order].clone())
    return True


def output(model: PreTrainedModel, size: int) -> nn.Linear | None:
    """Return the last linear layer outside the base model, with one row a label; None if there is none."""
    inner = set(map(id, model.base_model.modules())) if model.base_model is not model else set()
    layers = [
        module
        for module in model.modules()
        if isinstance(module, nn.Linear) and module.out_features == size and id(module) not in inner
    ]
    return layers[-1] if layers else None


def fit(
    source: str | Path,
    model: PreTrainedModel,
    named: Sequence[str] | None,
    labels: Sequence[str],
    new: Collection[str],
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Make a head fit a task's labels, in place; return the weights that were drawn for it, and notes.

    `named` are the checkpoint's labels, None if it does not name them; `new` are weights that are drawn already.
    """
    labels = [str(label) for label in labels]
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: i for i, label in enumerate(labels)}
    layer = output(model, len(labels))
    name = next((name for name, module in model.named_modules() if module is layer), "")
    if layer is None:
        return frozenset(), ()
    if f"{name}.weight" in new:
        is_other = named is not None and len(named) != len(labels)
        return frozenset(), (_redrawn(source, named, labels),) if is_other else ()
    if named is None or all(label.isdigit() for label in labels):
        return frozenset(), (
            f"{Path(source).name}: its head's classes are taken for {', '.join(labels)}, in this order",
        )
    if same(named, labels):
        put_in_order(model, named, labels)
        return frozenset(), ()
    with torch.no_grad():
        layer.weight.normal_(0, getattr(model.config, "initializer_range", 0.02))
        if layer.bias is not None:
            layer.bias.zero_()
    drawn = {f"{name}.{part}" for part, _ in layer.named_parameters()}
    return frozenset(drawn), (_redrawn(source, named, labels),)


def _redrawn(source: str | Path, named: Sequence[str], labels: Sequence[str]) -> str:
    """Return the note on a head that is not taken."""
    first = ", ".join(named[:4]) + (", …" if len(named) > 4 else "")
    return f"{Path(source).name}: its head is for other labels ({first}); a new one is drawn for {', '.join(labels)}"
