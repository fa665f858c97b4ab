"""How far languages are from each other: typology, family, place, script, and the vocabulary they share.

`distance` has the distances that need no model (`uriel` reads URIEL+'s), `tokens` those that depend on a model's
tokenizer and the text, `lineage` the families. `similarity` folds the overlap of masks to languages; `graphs`, `trees`
and `maps` prepare overlap or distances for drawing.
"""

from neutral.typology.distance import (
    COLUMNS,
    KINDS,
    MODEL_FREE,
    STEPS,
    Kind,
    complete,
    distances,
    filled,
    kinds_in,
    label,
    nearness,
    square,
)
from neutral.typology.lineage import about, areas, families, is_code, known

__all__ = [
    "COLUMNS",
    "KINDS",
    "MODEL_FREE",
    "STEPS",
    "Kind",
    "about",
    "areas",
    "complete",
    "distances",
    "families",
    "filled",
    "is_code",
    "kinds_in",
    "known",
    "label",
    "nearness",
    "square",
]
