"""The Compression page's sentences, which are in `said`, a file an idea; those of its answer are in `budget_words`."""

from pages.parts.compression.said.choices import (
    BY,
    MASKING,
    NO_RESULTS,
    NO_STUDY,
    VOCABULARY,
    WEIGHTS,
    WHERE,
    elsewhere,
    title,
    what,
)
from pages.parts.compression.said.curves import BOUNDS, MAP, PQ_MEASURED, broken, curve, unsteady
from pages.parts.compression.said.finetuned import NO_TUNING, TUNING, tuning
from pages.parts.compression.said.foretelling import NOT_INDEPENDENT, pairs, prediction, too_few
from pages.parts.compression.said.live import computing, estimates, full_table, no_model, too_large
from pages.parts.compression.said.training import (
    LOSSES,
    SAME_LOSS,
    STEP_ERRORS,
    STEPS_CAPTION,
    UNITS,
    losses,
    no_losses,
    no_steps,
    steps,
)

__all__ = [
    "BOUNDS",
    "BY",
    "LOSSES",
    "MAP",
    "MASKING",
    "NOT_INDEPENDENT",
    "NO_RESULTS",
    "NO_STUDY",
    "NO_TUNING",
    "PQ_MEASURED",
    "SAME_LOSS",
    "STEPS_CAPTION",
    "STEP_ERRORS",
    "TUNING",
    "UNITS",
    "VOCABULARY",
    "WEIGHTS",
    "WHERE",
    "broken",
    "computing",
    "curve",
    "elsewhere",
    "estimates",
    "full_table",
    "losses",
    "no_losses",
    "no_model",
    "no_steps",
    "pairs",
    "prediction",
    "steps",
    "title",
    "too_few",
    "too_large",
    "tuning",
    "unsteady",
    "what",
]
