"""A table in, a plotly figure out.

Figures set no background and no text colour, so that the page's theme (light or dark) shows through; colours
that carry meaning are given explicitly and are safe for colour-blind readers. Each figure says what it shows
in `figure.layout.meta`: `alt` for screen readers, `name` for a downloaded file.
"""

from neutral.figures import theme
from neutral.figures.bars import component_bars, core_curve, kept_bars, level_strip
from neutral.figures.heatmaps import functional_matrix, layer_component, pair_matrix
from neutral.figures.lines import by_layer, by_sparsity, language_lines, score_curves

__all__ = [
    "by_layer",
    "by_sparsity",
    "component_bars",
    "core_curve",
    "functional_matrix",
    "kept_bars",
    "language_lines",
    "layer_component",
    "level_strip",
    "pair_matrix",
    "score_curves",
    "theme",
]
