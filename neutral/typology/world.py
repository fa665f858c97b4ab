"""The world in a plane: coasts, the places where languages are spoken, and ways between them.

The projection is Natural Earth's (Šavrič, Jenny, Patterson, Petrovič & Hurni 2011, A polynomial equation for the
Natural Earth projection, Cartography and Geographic Information Science 38, 363-372). The map is cut at 168.5° west, in
the Bering Strait, where no land lies but the Antarctic. Coasts are Natural Earth's (`NATURAL_EARTH.md`), places
Glottolog's.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from neutral.errors import reading
from neutral.typology.lineage import known

FILE = Path(__file__).with_name("land-110m.txt.gz")

MIDDLE = 11.5
"""The longitude in the middle of the map, in degrees east."""

HALF_WIDTH = 0.8707 * np.pi
"""Half the map's width at the equator, in the projection's units, in which a radian at the centre is about 0.87."""

APART = 0.05
"""How far languages of one place are drawn apart, in the projection's units: about 300 km at the equator."""

REGIONS = {
    "Europe": ((-25, 45), (34, 72)),
    "Africa": ((-20, 55), (-36, 38)),
    "West and South Asia": ((25, 98), (4, 58)),
    "East and South-East Asia": ((85, 148), (-12, 55)),
    "The Pacific": ((92, -135), (-48, 28)),
    "The Americas": ((-168, -33), (-56, 72)),
}
"""Region -> its longitudes from west to east, and its latitudes, in degrees; regions overlap."""

_STEP = np.radians(4)  # of a way between two places, at most


@cache
def coasts() -> tuple[np.ndarray, ...]:
    """Return the coasts as rings (points, 2) of longitude and latitude in degrees; a lake's runs the other way."""
    with reading(FILE, "Natural Earth's coasts"):
        lines = gzip.decompress(FILE.read_bytes()).decode().splitlines()
        rings = [np.array([point.split(",") for point in line.split()], dtype=float) for line in lines]
    for ring in rings:
        ring.flags.writeable = False
    return tuple(rings)


def project(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places x and y on the map of points given in degrees.

    >>> x, y = project(11.5, 0.0)
    >>> float(x), float(y)
    (0.0, 0.0)
    """
    across = np.radians((np.asarray(longitude, dtype=float) - MIDDLE + 180) % 360 - 180)
    up = np.radians(np.asarray(latitude, dtype=float))
    x = across * (0.8707 - 0.131979 * up**2 - 0.013791 * up**4 + 0.003971 * up**10 - 0.001529 * up**12)
    y = up * (1.007226 + 0.015085 * up**2 - 0.044475 * up**6 + 0.028874 * up**8 - 0.005916 * up**10)
    return x, y


def outline() -> pd.DataFrame:
    """Return the land of the map: x, y, ring after ring with an empty row behind each; the Antarctic is left out."""
    parts = []
    for ring in coasts():
        if ring[:, 1].max() < -60:
            continue
        parts += [np.column_stack(project(*ring.T)), [[np.nan, np.nan]]]
    return pd.DataFrame(np.concatenate(parts), columns=["x", "y"])


def places(codes: Sequence[str]) -> pd.DataFrame:
    """Return where languages are drawn: language, latitude, longitude (degrees), x, y, together.

    Languages at one place, as variants of one language are, stand around it, `APART` from each other; together is how
    many they are. A language whose place is unknown is left out. Raises `NeutralError` for a code that is no
    language's.
    """
    spoken = [known(code) for code in codes]
    rows = [(one.code, one.latitude, one.longitude) for one in spoken if None not in (one.latitude, one.longitude)]
    table = pd.DataFrame(rows, columns=["language", "latitude", "longitude"])
    table = table.astype({"latitude": float, "longitude": float})
    x, y = project(table["longitude"], table["latitude"])
    table = table.assign(x=x, y=y)
    at_one = table.groupby(["latitude", "longitude"])["language"]
    table["together"] = at_one.transform("size").astype(int)
    nth, count = at_one.cumcount().to_numpy(), table["together"].to_numpy()
    turn = 2 * np.pi * nth / count
    radius = np.where(count > 1, APART / (2 * np.sin(np.pi / np.maximum(count, 2))), 0)
    return table.assign(x=table["x"] + radius * np.cos(turn), y=table["y"] + radius * np.sin(turn))


def within(table: pd.DataFrame, region: str) -> pd.DataFrame:
    """Return the rows of `places` that lie in one of `REGIONS`."""
    (west, east), latitudes = REGIONS[region]
    across = (table["longitude"] - west) % 360 <= (east - west) % 360
    return table[across & table["latitude"].between(*latitudes)].reset_index(drop=True)


def way(one: tuple[float, float], other: tuple[float, float]) -> np.ndarray:
    """Return the shortest way on the globe between two places, as (points, 2) on the map.

    Places are (longitude, latitude) in degrees. A row is NaN where the way leaves the map at one side and comes back
    at the other.
    """
    ends = np.radians(np.array([one, other], dtype=float))
    globe = np.column_stack(
        [np.cos(ends[:, 1]) * np.cos(ends[:, 0]), np.cos(ends[:, 1]) * np.sin(ends[:, 0]), np.sin(ends[:, 1])]
    )
    angle = np.arccos(np.clip(globe[0] @ globe[1], -1, 1))
    share = np.linspace(0, 1, max(2, int(np.ceil(angle / _STEP)) + 1))[:, None]
    # Between antipodes every way is a shortest one, and the middle of the chord is no direction.
    straight = (1 - share) * globe[0] + share * globe[1]
    if 1e-9 < angle < np.pi - 1e-9:
        straight = (np.sin((1 - share) * angle) * globe[0] + np.sin(share * angle) * globe[1]) / np.sin(angle)
    longitude = np.degrees(np.arctan2(straight[:, 1], straight[:, 0]))
    latitude = np.degrees(np.arctan2(straight[:, 2], np.hypot(straight[:, 0], straight[:, 1])))
    points = np.column_stack(project(longitude, latitude))
    over = np.flatnonzero(np.abs(np.diff(points[:, 0])) > HALF_WIDTH) + 1
    return np.insert(points, over, np.nan, axis=0)
