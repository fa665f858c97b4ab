"""Typology: overlap against distances between languages (`association`, `leaving`), and languages as points.

`languages` draws graphs and maps of likeness, `world` the globe, `tree` trees; `points` and `labels` are what they
share.
"""

from neutral.figures.typology.association import association_heatmap, distance_scatter
from neutral.figures.typology.languages import language_map, network
from neutral.figures.typology.leaving import leaving_ranges
from neutral.figures.typology.points import Placed
from neutral.figures.typology.tree import dendrogram
from neutral.figures.typology.world import world_map

__all__ = [
    "Placed",
    "association_heatmap",
    "dendrogram",
    "distance_scatter",
    "language_map",
    "leaving_ranges",
    "network",
    "world_map",
]
