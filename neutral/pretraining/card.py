"""The model card of a pretrained model: its recipe and its measured figures."""

from __future__ import annotations

from pathlib import Path

from neutral.languages import language
from neutral.recipes import Recipe
from neutral.tasks import Score

PASSES = 3
"""Maskings of the held-out text that a final score averages over."""


def card(facts: dict, scores: dict[str, tuple[Score, Score]]) -> str:
    """Return the model card's measured part, in Markdown."""
    recipe: Recipe = facts["recipe"]
    origin = Path(facts["from"]).name if facts["from"] else "nothing"
    rows = [
        f"| {code} {language(code).name} | {score.value:.1f} | {unigram.value:.0f} "
        f"| {unigram.value / score.value:.1f} | {score.count:,} |"
        for code, (score, unigram) in scores.items()
    ]
    return "\n".join(
        [
            "# A small multilingual masked language model",
            "",
            f"Made by `python -m neutral pretrain` from {origin}: {facts['size']:,} pieces, "
            f"{facts['parameters'] / 1e6:.1f} M parameters, float16.",
            "",
            "## Recipe",
            "",
            f"{recipe.steps:,} steps of {recipe.examples_a_step} × {facts['length']} tokens "
            f"({facts['tokens'] / 1e6:.1f} M tokens, languages sampled evenly), {facts['mask_share']:.0%} masked, "
            f"AdamW, peak rate {recipe.rate:g} after {recipe.warmup:.0%} warm-up, linear decay, "
            f"weight decay {recipe.decay:g}, no dropout, seed {recipe.seed}; "
            f"{facts['hours']:.1f} hours on {facts['device']} (the last run's, where it was resumed).",
            "",
            "## Perplexity on held-out text",
            "",
            f"15 % masked, the mean over {PASSES} maskings; beside the unigram model of the training text.",
            "",
            "| language | perplexity | unigram | unigram ÷ model | scored tokens |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )
