"""Controls: what an overlap must be compared with.

- pretrained: the mask of the untouched weights. Magnitude masks of one checkpoint follow |θ0|, so overlap is high by
  default; what matters is the overlap of what each language *changes* against it.
- functional: the loss of language t under the mask of language s, without any training.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np
import torch

from neutral import scores
from neutral.masks import Mask
from neutral.models import adapters
from neutral.search.search import Search
from neutral.study import PRETRAINED
from neutral.tasks import Score


def pretrained(
    origin: Mapping[str, torch.Tensor],
    names: Iterable[str],
    sparsity: float,
    scope: str = "global",
    *,
    transposed: Collection[str] = (),
) -> Mask:
    """Return the mask that magnitude pruning of the untouched weights gives at a sparsity and scope.

    `origin` is name -> θ0, `names` are the pruned weights; `transposed` names the ones that are stored as (inputs,
    outputs), which a cut within rows needs to know (`scores.transposed`).
    """
    magnitude = scores.magnitude({name: origin[name] for name in names})
    return scores.cut(magnitude, sparsity, scope, transposed=transposed, language=PRETRAINED, method="magnitude")


def functional(
    search: Search, masks: dict[str, Mask | None], held_out: dict[str, np.ndarray]
) -> Iterator[tuple[str, str, Score]]:
    """Yield (source, target, score) of every target's held-out blocks under every source's mask, untrained.

    A source whose mask is None is the full model.
    """
    for source, mask in masks.items():
        search.rewind(mask)
        for target, blocks in held_out.items():
            adapters.speak(search.model, target)
            yield source, target, search.task.evaluate(search.model, blocks, passes=search.passes)
    search.rewind()
