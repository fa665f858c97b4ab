"""What is known of weights that a study names by their hash alone: what one must know where their scores are read."""

from __future__ import annotations

from neutral.study import Study

FOUR_BITS = (
    "These weights were expanded from a 4-bit copy of the model (GGUF, Q4_K_M): perplexities of the published weights "
    "differ, and rounding them again is easier than rounding those."
)
KNOWN = {"3de30decc63c7cd3": FOUR_BITS, "a62e6031e19ceb97": FOUR_BITS}
"""A study's "weights" -> a sentence. Those of Gemma 3 270M, of the bundled studies, which say it in their README."""


def said(study: Study) -> str:
    """Return what is to be known of a study's weights; "" for nothing."""
    return KNOWN.get(str(study.info.get("weights")), "")
