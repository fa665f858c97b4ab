"""Compression: against the ratio (`ratios`), under several losses (`losses`), a method's languages
(`languages`), by step of a fit (`steps`), tokens and
who breaks first (`tokens`), tasks (`downstream`)."""

from neutral.figures.compression.downstream import scores_by_table
from neutral.figures.compression.languages import language_perplexity_by_ratio
from neutral.figures.compression.losses import loss_label, losses_by_ratio
from neutral.figures.compression.ratios import (
    Mark,
    error_against_perplexity,
    error_by_ratio,
    off_axis,
    perplexity_by_ratio,
)
from neutral.figures.compression.steps import error_by_step, perplexity_by_step
from neutral.figures.compression.tokens import breaking_points, error_spread, token_map

__all__ = [
    "Mark",
    "breaking_points",
    "error_against_perplexity",
    "error_by_ratio",
    "error_by_step",
    "error_spread",
    "language_perplexity_by_ratio",
    "loss_label",
    "losses_by_ratio",
    "off_axis",
    "perplexity_by_ratio",
    "perplexity_by_step",
    "scores_by_table",
    "token_map",
]
