"""A table in, a plotly figure out.

Figures set no background and no text colour, so that the page's theme (light or dark) shows through. Colours that
carry meaning are set explicitly and are safe for colour-blind readers. `figure.layout.meta` holds what each figure
shows (`alt`, for screen readers) and the name of a downloaded file (`name`).
"""

from neutral.figures import theme
from neutral.figures.across import own_masks, reasons
from neutral.figures.compression import (
    Mark,
    breaking_points,
    error_against_perplexity,
    error_by_ratio,
    error_by_step,
    error_spread,
    language_perplexity_by_ratio,
    loss_label,
    losses_by_ratio,
    off_axis,
    perplexity_by_ratio,
    perplexity_by_step,
    scores_by_table,
    token_map,
)
from neutral.figures.inside import representation_by_layer, retrieval_by_layer, retrieval_matrix, together
from neutral.figures.language import nearest_dots, where_lines
from neutral.figures.layers import (
    agreement_by_layer,
    by_layer,
    experts_used,
    joint_by_layer,
    language_deviations,
    language_lines,
    layer_component,
    layer_expert,
    ways_by_layer,
)
from neutral.figures.overlap import by_sparsity, core_curve, functional_matrix, level_strip
from neutral.figures.pair import by_component, kept_bars
from neutral.figures.square import pair_matrix
from neutral.figures.tickets import score_curves, ticket_curve, winning_bars
from neutral.figures.transfer import cross_task_matrix, drop_bars, overlap_against_transfer, transfer_matrix
from neutral.figures.typology import (
    Placed,
    association_heatmap,
    dendrogram,
    distance_scatter,
    language_map,
    leaving_ranges,
    network,
    world_map,
)

__all__ = [
    "Mark",
    "Placed",
    "agreement_by_layer",
    "association_heatmap",
    "breaking_points",
    "by_component",
    "by_layer",
    "by_sparsity",
    "core_curve",
    "cross_task_matrix",
    "dendrogram",
    "distance_scatter",
    "drop_bars",
    "error_against_perplexity",
    "error_by_ratio",
    "error_by_step",
    "error_spread",
    "experts_used",
    "functional_matrix",
    "joint_by_layer",
    "kept_bars",
    "language_deviations",
    "language_lines",
    "language_map",
    "language_perplexity_by_ratio",
    "layer_component",
    "layer_expert",
    "leaving_ranges",
    "level_strip",
    "loss_label",
    "losses_by_ratio",
    "nearest_dots",
    "network",
    "off_axis",
    "overlap_against_transfer",
    "own_masks",
    "pair_matrix",
    "perplexity_by_ratio",
    "perplexity_by_step",
    "reasons",
    "representation_by_layer",
    "retrieval_by_layer",
    "retrieval_matrix",
    "score_curves",
    "scores_by_table",
    "theme",
    "ticket_curve",
    "together",
    "token_map",
    "transfer_matrix",
    "ways_by_layer",
    "where_lines",
    "winning_bars",
    "world_map",
]
