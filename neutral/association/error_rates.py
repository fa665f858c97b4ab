"""How often each test finds what is not there, and what is, in a sample of languages as it is.

Traits are drawn for the languages of a sample, normal, `DIMENSIONS` of them: a language's own, plus what follows the
family, the branch, the whole of Glottolog's tree or the place on the globe, by a structure of `STRUCTURES`. A similarity
is made of the distances in one set of traits, a distance of those in another, independent one. So nothing connects the
two but what both follow. A test at level α should find α of them. With an effect the own traits of one set are partly
those of the other, and the share that is found is the power.

    nice -n 10 python -m neutral.association.error_rates FILE [--simulations 500] [--permutations 199]

appends a line for each pair of sets to FILE, goes on where it stopped, and prints the table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist

from neutral.association.mantel import mantel
from neutral.association.moran import Spectral, spectral
from neutral.association.neighbours import great_circle, on_globe, on_tree
from neutral.association.permutations import Orders, orders
from neutral.languages import branches, language

DIMENSIONS = 10
SPREAD = 2000.0
"""Traits that follow the place on the globe correlate by 1/e at so many km."""

STRUCTURES: dict[str, dict[str, float]] = {
    "nothing": {},
    "family 1": {"family": 1},
    "family 2": {"family": 2},
    "family 1, branch 1": {"family": 1, "branch": 1},
    "family 1, branch 2": {"family": 1, "branch": 2},
    "tree 2": {"tree": 2},
    "place 1": {"place": 1},
    "place 2": {"place": 2},
    "tree 1, place 1": {"tree": 1, "place": 1},
    "tree 2, place 2": {"tree": 2, "place": 2},
}
"""Standard deviations of what traits follow, beside 1 for a language's own."""


@dataclass(frozen=True)
class Sample:
    """Languages, all of known family and place, and how what they share goes together."""

    codes: tuple[str, ...]

    @cached_property
    def families(self) -> dict[str, str]:
        """Code -> family."""
        return {code: language(code).family for code in self.codes}

    @cached_property
    def family_distance(self) -> np.ndarray:
        """0 in one branch, 0.5 in one family, else 1: (m,)."""
        branch, family = branches(self.codes), self.families
        return np.array(
            [
                0 if branch[a] == branch[b] and family[a] == family[b] else 0.5 if family[a] == family[b] else 1
                for a, b in (
                    (self.codes[i], self.codes[j]) for i, j in zip(*np.triu_indices(len(self.codes), 1), strict=True)
                )
            ]
        )

    @cached_property
    def roots(self) -> dict[str, np.ndarray]:
        """What traits follow -> a square root (n, n) of the correlation of two languages in it."""
        branch = branches(self.codes)
        family = [self.families[code] for code in self.codes]
        twig = [(name, branch[code]) for name, code in zip(family, self.codes, strict=True)]
        places = [(language(code).latitude, language(code).longitude) for code in self.codes]
        shared = {
            "family": [[a == b for b in family] for a in family],
            "branch": [[a == b for b in twig] for a in twig],
            "tree": on_tree(self.codes).to_numpy(),
            "place": np.exp(-great_circle(np.array(places, dtype=float)) / SPREAD),
        }
        return {name: _root(np.array(each, dtype=float)) for name, each in shared.items()}

    def traits(self, rng: np.random.Generator, structure: Mapping[str, float]) -> np.ndarray:
        """Draw what traits follow, (n, `DIMENSIONS`); a language's own is not among it."""
        shared = np.zeros((len(self.codes), DIMENSIONS))
        for name, deviation in structure.items():
            shared += deviation * (self.roots[name] @ rng.normal(size=shared.shape))
        return shared


def _root(correlation: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(correlation)
    return vectors * np.sqrt(np.maximum(values, 0))
