"""Controls: what an overlap must be read against.

- pretrained: the mask of the untouched weights. Magnitude masks of one checkpoint follow |θ0|, so overlap is high by
  default; what matters is the overlap of what each language *changes* against it.
- functional: the loss of language t under the mask of language s, without any training.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neutral import scores
from neutral.masks import Mask
from neutral.search.lottery import Search
from neutral.tasks import Score

REFERENCE = "pretrained"


def pretrained(search: Search, sparsity: float, scope: str) -> Mask:
    """Return the mask that magnitude pruning of the untouched weights gives at this sparsity and scope."""
    search.rewind()
    mask = search.cut(scores.magnitude(search.weights), sparsity, scope=scope)
    mask.header |= {"language": REFERENCE, "method": "magnitude"}
    return mask


def functional(
    search: Search, masks: dict[str, Mask | None], held_out: dict[str, np.ndarray]
) -> Iterator[tuple[str, str, Score]]:
    """Yield (source, target, score) of every target's held-out blocks under every source's mask, untrained.

    A source whose mask is None is the full model.
    """
    for source, mask in masks.items():
        search.rewind(mask)
        for target, blocks in held_out.items():
            yield source, target, search.task.evaluate(search.model, blocks, passes=search.passes)
    search.rewind()
