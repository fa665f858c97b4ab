"""Glottolog 5.1: the tree of the world's languages, their codes, places and macroareas.

Hammarström, Forkel, Haspelmath & Bank (2024), Glottolog 5.1, Max Planck Institute for Evolutionary Anthropology,
CC BY 4.0; `GLOTTOLOG.md` says what was kept of it. The file's lines are the tree from top to bottom: a line's parent is
the last line above it that is one level higher.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from neutral.errors import reading

FILE = Path(__file__).with_name("glottolog-5.1.tsv.gz")
NO_FAMILIES = {"book1242", "sign1238", "mixe1287", "pidg1258", "arti1236", "uncl1493", "unat1236", "spee1234"}
"""Top nodes that gather languages and are no families.

Bookkeeping, sign languages, mixed languages, pidgins, artificial, unclassifiable and unattested languages, and speech
registers.
"""


@dataclass(frozen=True)
class Languoid:
    """A language or a group of languages: its place in the tree's order, and what Glottolog knows of it."""

    place: int
    glottocode: str
    iso3: str
    name: str
    latitude: float | None
    longitude: float | None
    macroarea: str


class Tree:
    """Languages and their groups, from the families down; siblings by name."""

    def __init__(self, text: str):
        self._rows = [line.split("\t") for line in text.splitlines()[1:]]
        self._parents: list[int | None] = []
        above: list[int] = []
        for place, row in enumerate(self._rows):
            depth = int(row[0])
            del above[depth:]
            self._parents.append(above[-1] if above else None)
            above.append(place)

    @cached_property
    def _by_code(self) -> dict[str, int]:
        codes = {row[1]: place for place, row in enumerate(self._rows)}
        return codes | {row[2]: place for place, row in enumerate(self._rows) if row[2]}

    def find(self, code: str) -> Languoid | None:
        """Return what has a glottocode or an ISO 639-3 code, None if nothing has.

        >>> tree().find("eus").name
        'Basque'
        """
        place = self._by_code.get(code)
        return None if place is None else self._languoid(place)

    def path(self, languoid: Languoid) -> tuple[Languoid, ...]:
        """Return a languoid's groups from the top down, itself last."""
        places: list[int] = []
        place: int | None = languoid.place
        while place is not None:
            places.append(place)
            place = self._parents[place]
        return tuple(self._languoid(place) for place in reversed(places))

    def _languoid(self, place: int) -> Languoid:
        _, glottocode, iso3, name, *rest = self._rows[place]
        north, east, area = rest or ("", "", "")
        return Languoid(
            place, glottocode, iso3, name, float(north) if north else None, float(east) if east else None, area
        )

    def __len__(self) -> int:
        return len(self._rows)


@cache
def tree() -> Tree:
    """Return Glottolog's tree: 13,399 languages and groups. It is read at the first call."""
    with reading(FILE, "Glottolog's tree"):
        return Tree(gzip.decompress(FILE.read_bytes()).decode())


@lru_cache(maxsize=4096)  # of pairs of languages each path is asked for again and again
def path(glottocode: str) -> tuple[Languoid, ...]:
    """Return the way from a language's family down to it; empty if it is not known or in no family.

    >>> [languoid.name for languoid in path("finn1318")][:3]
    ['Uralic', 'Finnic', 'Coastal Finnic']
    """
    languoid = tree().find(glottocode)
    way = tree().path(languoid) if languoid else ()
    return () if way and way[0].glottocode in NO_FAMILIES else way
