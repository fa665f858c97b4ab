"""How near languages are on Glottolog's tree and on the globe: the neighbourhoods of Moran spectral randomization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral.languages import UNKNOWN, language, tree_distance

RADIUS = 6371.0088
"""The mean radius of the earth in km (IUGG)."""
REACH = 1000.0
"""Neighbourhood on the globe falls by e in so many km."""


def on_tree(codes: Sequence[str]) -> pd.DataFrame:
    """Return how near languages are on Glottolog's tree, a square: from ½ in one family to 1, and 0 in other families.

    In a family it is the mean of 1 and of the share of levels that both have (one less `languages.tree_distance`): with
    that share alone, families would be hardly nearer than strangers where they are deep, and draws would lose them.
    Languages of unknown family are left out of the square.
    """
    spoken = [language(code) for code in codes]
    known = [each for each in spoken if each.family != UNKNOWN]
    near = [
        [1 - tree_distance(one, other) / 2 if one.family == other.family else 0 for other in known] for one in known
    ]
    return _square([each.code for each in known], np.array(near, dtype=float))


def on_globe(codes: Sequence[str]) -> pd.DataFrame:
    """Return exp(-d / `REACH`) of the great-circle distances d in km, a square; the nearer, the closer to 1.

    Languages of unknown place are left out of the square.
    """
    spoken = [language(code) for code in codes]
    known = [each for each in spoken if None not in (each.latitude, each.longitude)]
    places = np.array([(each.latitude, each.longitude) for each in known], dtype=float).reshape(len(known), 2)
    return _square([each.code for each in known], np.exp(-great_circle(places) / REACH))


def great_circle(places: np.ndarray) -> np.ndarray:
    """Return the distances in km, (n, n), of places (n, 2), latitude and longitude in degrees (haversine formula)."""
    latitude, longitude = np.radians(places).T
    across = np.cos(latitude)[:, None] * np.cos(latitude) * np.sin((longitude[:, None] - longitude) / 2) ** 2
    return 2 * RADIUS * np.arcsin(np.sqrt(np.clip(np.sin((latitude[:, None] - latitude) / 2) ** 2 + across, 0, 1)))


def _square(codes: list[str], values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values.reshape(len(codes), len(codes)), index=codes, columns=codes)
