"""A table in, a plotly figure out.

Figures set no background and no text colour, so that the page's theme (light or dark) shows through; colours
that carry meaning are given explicitly and are safe for colour-blind readers. Each figure says what it shows
in `figure.layout.meta`: `alt` for screen readers, `name` for a downloaded file.
"""

from neutral.figures import theme
from neutral.figures.bars import core_curve, kept_bars
from neutral.figures.compression import (
    error_against_perplexity,
    error_by_ratio,
    language_perplexity_by_ratio,
    perplexity_by_ratio,
)
from neutral.figures.heatmaps import functional_matrix, layer_component, pair_matrix
from neutral.figures.levels import by_component, by_layer, by_sparsity, level_strip
from neutral.figures.lines import language_lines, score_curves
from neutral.figures.tokens import breaking_points, error_spread, token_map

__all__ = [
    "breaking_points",
    "by_component",
    "by_layer",
    "by_sparsity",
    "core_curve",
    "error_against_perplexity",
    "error_by_ratio",
    "error_spread",
    "functional_matrix",
    "kept_bars",
    "language_lines",
    "language_perplexity_by_ratio",
    "layer_component",
    "level_strip",
    "pair_matrix",
    "perplexity_by_ratio",
    "score_curves",
    "theme",
    "token_map",
]
