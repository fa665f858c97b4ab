"""Scores: how much each weight matters, by several methods, and the cut that turns scores into a mask.

`magnitude`, `random`, `change`, `fisher` and `wanda`, a file each, take the prunable weights (name -> parameter) and
return name -> float32 score, of the weight's shape and on its device. `cut` drops the lowest share:

    weights = models.prunable(model)
    mask = scores.cut(scores.magnitude(weights), share=0.5, scope="global", language="en")
"""

from neutral.scores.base import Scores, transposed
from neutral.scores.change import change
from neutral.scores.cutting import cut
from neutral.scores.fisher import fisher
from neutral.scores.magnitude import magnitude
from neutral.scores.random import random
from neutral.scores.texts import masks_of_texts
from neutral.scores.wanda import from_norms, input_norms, join, wanda
from neutral.selection import SCOPES, scope_of

__all__ = [
    "SCOPES",
    "Scores",
    "change",
    "cut",
    "fisher",
    "from_norms",
    "input_norms",
    "join",
    "magnitude",
    "masks_of_texts",
    "random",
    "scope_of",
    "transposed",
    "wanda",
]
