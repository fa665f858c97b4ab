"""What a checkpoint lacks, and what it has too much: weights that transformers would draw at random, or leave out.

A language model may lack none. A task's new head, and a pooler before it, are drawn from a seed and listed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from transformers import PreTrainedModel

from neutral.errors import NeutralError

LANGUAGE_MODELS = ("mlm", "clm", "seq2seq")
"""Heads that come with the model."""

_POOLER = re.compile(r"(^|\.)pooler\.")
_NAMED = 3  # weights that a message names


def lacking(model: PreTrainedModel, info: Mapping[str, Collection]) -> dict[str, str]:
    """Return name -> why, of the weights that the checkpoint has no values for, in the model's order.

    `info` is what transformers tells of the loading. Why is "" for a weight that is not there, or names its shape. A
    table of sines (Marian's positions) is never lacking: it is computed.
    """
    other = {name: f"{_shape(there)} in the file, not {_shape(here)}" for name, there, here in info["mismatched_keys"]}
    missing = {name: "" for name in info["missing_keys"] if not _is_computed(model, name)} | other
    order = {name: i for i, name in enumerate(model.state_dict())}
    return {name: missing[name] for name in sorted(missing, key=lambda name: (order.get(name, len(order)), name))}


def require(
    source: str | Path, model: PreTrainedModel, head: str, info: Mapping[str, Collection], *, new_head: bool = False
) -> frozenset[str]:
    """Return the names of the weights that are new by design.

    `new_head` lets a language model's head be new too.

    Raises `NeutralError` naming the first weights that the checkpoint lacks and must have, and how many there are.
    """
    missing = lacking(model, info)
    is_new = {name for name in missing if _in_head(model, name)}
    if head not in LANGUAGE_MODELS:
        is_new |= {name for name in missing if _POOLER.search(name)}
    elif missing and not new_head:
        if len(is_new) == len(missing) and not any(missing.values()):
            raise NeutralError(_headless(source, model, head, missing))
        is_new = set()
    lost = {name: why for name, why in missing.items() if name not in is_new}
    if lost:
        others = f"; names in the file that it has no place for: {names(info['unexpected_keys'])}"
        raise NeutralError(
            f"{source}: lacks {len(lost)} of the {len(model.state_dict())} weights of {type(model).__name__}: "
            f"{names(lost)}{others if info['unexpected_keys'] else ''}"
        )
    return frozenset(is_new)


def not_numbers(model: PreTrainedModel) -> list[str]:
    """Return the names of the weights, and of the buffers that a checkpoint has, that are not all numbers.

    A buffer may be infinite: it may be a mask.
    """
    learned = {name for name, _ in model.named_parameters()}
    return [
        name
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point()
        and not tensor.is_meta
        and not (tensor.isfinite() if name in learned else ~tensor.isnan()).all()
    ]


def require_numbers(source: str | Path, model: PreTrainedModel) -> None:
    """Raise `NeutralError` naming the first weights that are not all numbers, and how many there are."""
    if broken := not_numbers(model):
        raise NeutralError(
            f"{source}: {len(broken)} of its weights {'has' if len(broken) == 1 else 'have'} values that are no "
            f"numbers (NaN or infinite): {names(broken)}; copy or download the file again, or take another checkpoint"
        )


def names(of: Collection[str]) -> str:
    """Return the first few names, and how many more there are; what a mapping says of a name follows it.

    >>> names(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    ordered = list(of) if isinstance(of, (Mapping, list, tuple)) else sorted(of)
    said = [f"{name} ({of[name]})" if isinstance(of, Mapping) and of[name] else name for name in ordered[:_NAMED]]
    more = len(ordered) - len(said)
    return ", ".join(said) + (f" and {more} more" if more else "")


def _is_computed(model: PreTrainedModel, name: str) -> bool:
    return hasattr(model.get_submodule(name.rpartition(".")[0]), "create_weight")  # as sinusoidal positions have it


def _headless(source: str | Path, model: PreTrainedModel, head: str, missing: Mapping[str, str]) -> str:
    """Return what is said of a checkpoint without a head, or with a part of one."""
    base = {id(parameter) for parameter in model.base_model.parameters()} if model.base_model is not model else set()
    whole = {
        name for name, parameter in model.named_parameters() if _in_head(model, name) and id(parameter) not in base
    }
    lost = [name for name in missing if name in whole]
    advice = {
        "mlm": f"`neutral pretrain --from {source}` {{}} and trains it",
        "clm": "take the checkpoint of the whole language model",
        "seq2seq": "take the checkpoint of the whole language model",
    }
    if len(lost) < len(whole):
        said = f"lacks {len(lost)} of the {len(whole)} weights of its language-model head: {names(lost)}"
        return f"{source}: {said}; {advice[head].format('draws these')}"
    return f"{source}: has no language-model head (missing: {names(missing)}); {advice[head].format('adds one')}"


def _in_head(model: PreTrainedModel, name: str) -> bool:
    """Whether a weight is outside the base model; of a model without one, whether it is the output layer's."""
    if model.base_model is not model:
        return not name.startswith(f"{model.base_model_prefix}.")
    output = model.get_output_embeddings()
    place = next((place for place, module in model.named_modules() if module is output), None) if output else None
    return place is not None and name.startswith(f"{place}.")


def _shape(shape: Collection[int]) -> str:
    return "×".join(map(str, shape))
