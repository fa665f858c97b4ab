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
from neutral.errors import NeutralError
from neutral.masks import Mask
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


def levels(sparsity: float, step: float = 0.1) -> list[float]:
    """Return the sparsities of the rounds after the first: step, 2·step, … up to `sparsity`.

    Raises `NeutralError` unless 0 < step ≤ sparsity < 1.
    """
    if not 0 < sparsity < 1 or not 0 < step <= sparsity:
        raise NeutralError(f"sparsity {sparsity:g} in steps of {step:g}: both must be over 0, and sparsity under 1")
    count = int(sparsity / step + 1e-9)
    sparsities = [round(step * i, 6) for i in range(1, count + 1)]
    return sparsities if abs(sparsities[-1] - sparsity) < 1e-9 else [*sparsities, sparsity]


def rounds_to_nothing(sparsities: list[float]) -> int:
    """Return the number of rounds after which nothing would be left: what a schedule over all rounds counts.

    So a ticket does not depend on how far the search goes on after it, and the scripts' ten rounds are these.
    """
    return round(1 / sparsities[0]) if sparsities else 1


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
