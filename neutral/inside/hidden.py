"""The states of a network's tokens after the embeddings and every block, whatever the architecture calls them.

transformers hands them on as `hidden_states`. Most models have one tensor (B, T, d) for the embeddings and one for each
block. Others differ:

- ALBERT may have several inner layers a block (`inner_group_num`): the last one's states are the block's.
- Gemma 3n has several streams, (streams, B, T, d): the active one is what a block computes with.
- Mamba hands on no embeddings, and the last block's states before and after the final norm.
- OPT may project the last block's states to another width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from neutral.errors import NeutralError


def hidden(base: PreTrainedModel, blocks: int, inputs: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Return the states after the embeddings and after each of the `blocks`, (B, T, d) each; d may differ.

    The last ones are those that the model hands on. Raises `NeutralError` for a model whose states cannot be told apart
    by block (CANINE's are of characters, then of groups of them).
    """
    with _first_block(base, blocks) as seen:
        output = base(**inputs, output_hidden_states=True)
    states, config = list(output.hidden_states or ()), base.config.get_text_config()
    if states and states[0].ndim == 4:
        active = config.altup_active_idx
        states = [*(streams[active] for streams in states[:-1]), output.last_hidden_state]
    states = states[:: getattr(config, "inner_group_num", None) or 1]
    if len(states) > 1 and seen and _same(states[0], seen["output"]) and not _same(states[0], seen["input"]):
        states = [seen["input"], *states[:-2], states[-1]]
    if len(states) != blocks + 1:
        raise NeutralError(
            f"{type(base).__name__}: has {len(states)} layers of states, not {blocks + 1}, so none is known by block"
        )
    return states


@contextmanager
def _first_block(base: nn.Module, blocks: int) -> Iterator[dict[str, torch.Tensor]]:
    """Within, keep what the first block gets and gives, input and output (B, T, d); nothing if it cannot be found."""
    lists = (module for module in base.modules() if isinstance(module, nn.ModuleList) and len(module) == blocks)
    seen: dict[str, torch.Tensor] = {}

    def keep(_module: nn.Module, inputs: tuple, named: dict[str, object], output: object) -> None:
        given = inputs[0] if inputs else named.get("hidden_states")
        output = output[0] if isinstance(output, tuple) else output
        if isinstance(given, torch.Tensor) and isinstance(output, torch.Tensor):
            seen.update(input=given, output=output)

    handles = [module[0].register_forward_hook(keep, with_kwargs=True) for module in list(lists)[:1]]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)
