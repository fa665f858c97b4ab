"""Lottery tickets: iterative magnitude pruning with rewinding.

The search follows Foroutan et al. (2022, section 3; after Frankle & Carbin 2019, Chen et al. 2020): start from the
pretrained θ0; train the masked network on the task with a fresh optimizer and schedule; remove the weights of smallest
trained magnitude so that `step` of the *original* weights go each round; rewind the survivors to θ0; repeat. The state
between two rounds is θ0 and a mask, so a stopped search needs no checkpoint to go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neutral import scores
from neutral.masks import Mask
from neutral.search.rounds import rounds_to_nothing
from neutral.search.search import Search, Tell
from neutral.tasks import Score


@dataclass(frozen=True)
class Round:
    """A finished round: the network kept `mask` (None: all of it), was trained and scored.

    `following` is what to keep next; None after the last round.
    """

    sparsity: float
    mask: Mask | None
    score: Score
    following: Mask | None = None


def find(
    search: Search,
    sparsities: list[float],
    *,
    start: int = 0,
    mask: Mask | None = None,
    tell: Tell | None = None,
) -> Iterator[Round]:
    """Search for a lottery ticket; yield each round after its training, scoring and cut.

    Round 0 trains the full model, round r the mask at sparsities[r - 1]; the last round cuts no further.

    Parameters
    ----------
    search : Search
        The model and the data.
    sparsities : list of float
        That of every round after the first, rising; `levels` makes them.
    start : int
        The first round to do, when a stopped search goes on.
    mask : Mask or None
        What round `start` keeps; None for round 0. If the recipe keeps the head, `search.head` must be as the round
        before left it.
    tell : callable or None
        Called during training with the steps done and their number.
    """
    rounds = rounds_to_nothing(sparsities)
    for r, sparsity in enumerate([0.0, *sparsities]):
        if r < start:
            continue
        score = search.trained(mask, tell, number=r, rounds=rounds)
        following = None
        if r < len(sparsities):
            following = search.cut(scores.magnitude(search.weights), sparsities[r], kept=mask)
        yield Round(sparsity, mask, score, following)
        mask = following
