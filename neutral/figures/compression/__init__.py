"""Compression: perplexity and errors against the ratio (`ratios`), tokens and who breaks first (`tokens`), tasks
(`downstream`)."""

from neutral.figures.compression.downstream import scores_by_table
from neutral.figures.compression.ratios import (
    error_against_perplexity,
    error_by_ratio,
    language_perplexity_by_ratio,
    perplexity_by_ratio,
)
from neutral.figures.compression.tokens import breaking_points, error_spread, token_map

__all__ = [
    "breaking_points",
    "error_against_perplexity",
    "error_by_ratio",
    "error_spread",
    "language_perplexity_by_ratio",
    "perplexity_by_ratio",
    "scores_by_table",
    "token_map",
]
