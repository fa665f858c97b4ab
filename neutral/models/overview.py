"""What `model show` says of a model, as facts: what of it is pruned, and what is not and why."""

from __future__ import annotations

from neutral.models.checkpoint import Looked
from neutral.models.inventory import inventory as inventory_of
from neutral.models.kinds import stack as stack_of
from neutral.models.prunable import OUTSIDE


def facts(looked: Looked, only: str = "") -> dict:
    """Return what is said of a model, of one stack if `only` names it, for JSON.

    `left_out` is inside the repeated blocks, `outside` is not.
    """
    inventory, stack = inventory_of(looked.model, only), stack_of(looked.model)
    left = [{"name": each.name, "shape": list(each.shape), "reason": each.reason} for each in inventory.each]
    return {
        "class": type(looked.model).__name__,
        "task": looked.task,
        "stack": stack or "encoder-decoder",
        "parameters": inventory.parameters,
        "prunable": {
            "matrices": inventory.matrices,
            "weights": inventory.weights,
            "share": inventory.share,
            "components": {group.what: group.weights for group in inventory.taken},
        },
        "left_out": [each for each in left if each["reason"] != OUTSIDE],
        "outside": [each for each in left if each["reason"] == OUTSIDE],
        "missing": list(looked.missing),
        "notes": list(looked.notes),
    }
