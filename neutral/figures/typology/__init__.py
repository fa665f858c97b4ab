"""Typology: overlap against distances between languages (`association`), and languages as points (`languages`)."""

from neutral.figures.typology.association import association_heatmap, distance_scatter
from neutral.figures.typology.languages import dendrogram, language_map, network

__all__ = ["association_heatmap", "dendrogram", "distance_scatter", "language_map", "network"]
