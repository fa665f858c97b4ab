"""What of a model a run takes, and what it leaves and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from neutral import labels
from neutral.models import kinds
from neutral.models.prunable import OUTSIDE, Candidate, candidates, prunable

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("pruned", "what", "matrices", "weights", "share", "reason")

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


@dataclass(frozen=True)
class Group:
    """Parameters of two or more dimensions that fare alike."""

    what: str
    """The component that is pruned, or the name of what is left out, * for a number."""
    matrices: int
    weights: int
    reason: str = ""
    """Why they are left out; empty for what is pruned."""


class Left(NamedTuple):
    """A parameter that is left out."""

    name: str
    shape: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Inventory:
    """What of a model a run takes, and what it leaves and why.

    Attributes
    ----------
    parameters : int
        All numbers of the model, shared ones once.
    taken : tuple of Group
        What is pruned, by component in the order of `labels.COMPONENTS`; or the tables that are compressed.
    left_out : tuple of Group
        By name and reason: those inside the repeated blocks first, then those outside.
    each : tuple of Left
        What is left out, parameter by parameter.
    """

    parameters: int
    taken: tuple[Group, ...]
    left_out: tuple[Group, ...]
    each: tuple[Left, ...] = ()

    @property
    def matrices(self) -> int:
        """How many matrices are taken."""
        return sum(group.matrices for group in self.taken)

    @property
    def weights(self) -> int:
        """How many weights are taken."""
        return sum(group.weights for group in self.taken)

    @property
    def share(self) -> float:
        """What share of the model's parameters is taken."""
        return self.weights / self.parameters

    def table(self) -> pd.DataFrame:
        """Return a row a group: what is taken, then what is left out with its reason."""
        import pandas as pd

        rows = [
            (not group.reason, group.what, group.matrices, group.weights, group.weights / self.parameters, group.reason)
            for group in (*self.taken, *self.left_out)
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def written(self) -> dict:
        """Return the entry `inventory` of study.json."""
        taken = {group.what: {"matrices": group.matrices, "weights": group.weights} for group in self.taken}
        left_out = [
            {"name": group.what, "matrices": group.matrices, "weights": group.weights, "reason": group.reason}
            for group in self.left_out
        ]
        return {
            "parameters": self.parameters,
            "matrices": self.matrices,
            "weights": self.weights,
            "taken": taken,
            "left_out": left_out,
        }

    def lines(self, verb: str = "prunes") -> list[str]:
        """Return it in a few lines of plain English."""
        parts = ", ".join(f"{group.what} {group.weights:,} in {group.matrices}" for group in self.taken)
        count = "1 matrix" if self.matrices == 1 else f"{self.matrices:,} matrices"
        first = (
            f"{verb} {self.weights:,} weights in {count}, {self.share:.1%} of the model's {self.parameters:,}: {parts}"
        )
        return [first, *(_left_out(group) for group in self.left_out)]


def inventory(model: nn.Module, only: str = "") -> Inventory:
    """Return what of a model is pruned: all that can be, or `only` one stack's (encoder | decoder).

    Raises `NeutralError` for a stack that the model has not.
    """
    stack = ""
    if only:
        prunable(model, only)
        stack = kinds.stack(model)
    chosen: dict[str, list[Candidate]] = {}
    others: dict[tuple[str, str], list[Candidate]] = {}
    each_left: list[Left] = []
    for each in candidates(model):
        label = labels.label(each.name, stack)
        reason = each.reason or (f"not in the {only}" if only and label.stack != only else "")
        if reason:
            each_left.append(Left(each.name, tuple(each.weight.shape), reason))
            others.setdefault((_NUMBER.sub("*", each.name), reason), []).append(each)
        else:
            chosen.setdefault(label.component, []).append(each)
    pruned = [_group(what, chosen[what]) for what in sorted(chosen, key=labels.sort_key)]
    left_out = [_group(what, several, reason) for (what, reason), several in others.items()]
    left_out.sort(key=lambda group: group.reason == OUTSIDE)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Inventory(parameters, tuple(pruned), tuple(left_out), tuple(each_left))


def _group(what: str, several: list[Candidate], reason: str = "") -> Group:
    return Group(what, len(several), sum(prod(each.weight.shape) for each in several), reason)


def _left_out(group: Group) -> str:
    count = f" ({group.matrices})" if group.matrices > 1 else ""
    return f"leaves {group.what}{count} whole, {group.weights:,} weights: {group.reason}"
