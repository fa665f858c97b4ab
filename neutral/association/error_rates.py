"""How often each test finds what is not there, and what is, in a sample of languages as it is.

Traits are drawn for the languages of a sample, normal, `DIMENSIONS` of them: a language's own, plus what follows the
family, the branch, the whole of Glottolog's tree or the place on the globe, by `STRUCTURES`. A similarity is made of
the distances in one set of traits, a distance of those in another, independent one: nothing connects the two but what
both follow. A test at level α should find α of them. With an `EFFECT` the own traits of one set are partly those of the
other, and the share that is found is the power. A simulation draws one similarity, `TRIED` independent distances and as
many with the effect, since a distance costs little beside the draws of a similarity. So its tests are not independent,
and standard errors are those of the simulations' means.

    nice -n 10 python -m neutral.association.error_rates FILE LANGUAGES… [--simulations 500] [--permutations 99]
    nice -n 10 python -m neutral.association.error_rates FILE LANGUAGES… --models

appends a line for each simulation to FILE, goes on where it stopped, and prints the table. With `--models` it is of the
mixed models in each of their forms and of the process over languages, which take longer, so that they are of `FEW`
distances and one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist
from scipy.stats import rankdata

from neutral.association.mixed import separate
from neutral.association.moran import Eigenvectors, Spectral, eigenvectors
from neutral.association.neighbours import great_circle, on_globe, on_tree
from neutral.association.pairs import pairs
from neutral.association.permutations import Orders, orders, two_sided
from neutral.association.process import components
from neutral.association.vectors import basis, left_over, permuted_products
from neutral.languages import UNKNOWN, branches, language

DIMENSIONS = 10
SPREAD = 2000.0
"""What traits follow on the globe correlates by 1/e at so many km."""
EFFECT = 0.5
"""The correlation of a language's own traits in both sets, where there is an effect."""
TRIED = 10
FEW = 3
ALPHA = 0.05

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
    """Languages of known family and place, and what they share."""

    codes: tuple[str, ...]

    @cached_property
    def families(self) -> dict[str, str]:
        """Code -> family."""
        return {code: language(code).family for code in self.codes}

    @cached_property
    def branches(self) -> dict[str, tuple[str, str]]:
        """Code -> family and branch."""
        branch = branches(self.codes)
        return {code: (family, branch[code]) for code, family in self.families.items()}

    @cached_property
    def family_distance(self) -> np.ndarray:
        """0 for two languages of one branch, 0.5 of one family, else 1: (m,), pairs i < j."""
        family, branch = self.families, self.branches
        return np.array(
            [1 - (family[a] == family[b]) / 2 - (branch[a] == branch[b]) / 2 for a, b in combinations(self.codes, 2)]
        )

    @cached_property
    def places(self) -> np.ndarray:
        """Latitude and longitude, (n, 2)."""
        return np.array([(language(code).latitude, language(code).longitude) for code in self.codes], dtype=float)

    @cached_property
    def far(self) -> np.ndarray:
        """Great-circle distances, (m,)."""
        return great_circle(self.places)[np.triu_indices(len(self.codes), 1)]

    @cached_property
    def roots(self) -> dict[str, np.ndarray]:
        """What traits follow -> a square root (n, n) of the languages' correlations in it."""
        family, branch = (list(each.values()) for each in (self.families, self.branches))
        shared = {
            "family": [[a == b for b in family] for a in family],
            "branch": [[a == b for b in branch] for a in branch],
            "tree": on_tree(self.codes),
            "place": np.exp(-great_circle(self.places) / SPREAD),
        }
        return {name: _root(np.array(each, dtype=float)) for name, each in shared.items()}

    @cached_property
    def patterns(self) -> dict[str, Eigenvectors]:
        """Scheme -> Moran's eigenvectors."""
        near = {"tree": on_tree(self.codes), "globe": on_globe(self.codes)}
        return {scheme: eigenvectors(weights.to_numpy()) for scheme, weights in near.items()}

    def drawn(self, count: int, seed: int) -> dict[str, Orders | Spectral]:
        """Return scheme -> permutations, or draws."""
        spectral = {
            scheme: Spectral(each.vectors, count, seed, shared=each.shared()) for scheme, each in self.patterns.items()
        }
        within = {"plain": None, "family": self.families}
        return {
            name: orders(self.codes, within=each, count=count, seed=seed) for name, each in within.items()
        } | spectral


def sample(codes: list[str]) -> Sample:
    """Return the languages of `codes` whose family and place are known."""
    spoken = [language(code) for code in codes]
    return Sample(tuple(s.code for s in spoken if s.family != UNKNOWN and None not in (s.latitude, s.longitude)))


def traits(among: Sample, rng: np.random.Generator, structure: Mapping[str, float]) -> np.ndarray:
    """Draw what traits follow, (n, `DIMENSIONS`): without a language's own."""
    shared = np.zeros((len(among.codes), DIMENSIONS))
    for name, deviation in structure.items():
        shared += deviation * (among.roots[name] @ rng.normal(size=shared.shape))
    return shared


def simulated(among: Sample, structure: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a similarity (m,) and distances (2 · `TRIED`, m), the first half independent of it."""
    rng = np.random.default_rng([list(STRUCTURES).index(structure), number])
    follows = STRUCTURES[structure]
    shared = traits(among, rng, follows)
    own = rng.normal(size=shared.shape)
    distances = []
    for effect in np.repeat([0, EFFECT], TRIED):
        new = rng.normal(size=own.shape)
        distances.append(pdist(traits(among, rng, follows) + effect * own + np.sqrt(1 - effect**2) * new))
    return -pdist(shared + own), np.array(distances)


def found(
    among: Sample, similarity: np.ndarray, distances: np.ndarray, count: int, seed: int
) -> dict[str, list[float]]:
    """Return test -> the shares of independent distances, and of those with an effect, that have p ≤ `ALPHA`."""
    held = {"": [], ", family held": [among.family_distance], ", place held": [among.far]}
    rejected = {}
    for scheme, permuted in among.drawn(count, seed).items():
        for name, p in zip(held, _tested(similarity, distances, permuted, list(held.values())), strict=True):
            rejected[f"{scheme}{name}"] = (p <= ALPHA).reshape(2, -1).mean(axis=1).tolist()
    return rejected


def modelled(among: Sample, similarity: np.ndarray, distances: np.ndarray, *_: int) -> dict[str, list[float]]:
    """Return what `found` does of mixed models (p of t) and of the process over languages (F, first coordinate)."""
    some = distances[[*range(FEW), *range(TRIED, TRIED + FEW)]]
    areas = {code: language(code).macroarea for code in among.codes}
    forms = {"": {}, ", families": {"family": among.families}}
    forms[", families, areas"] = forms[", families"] | {"area": areas}
    rejected = {}
    for name, blocks in forms.items():
        p = separate(similarity[None], some, pairs(among.codes, blocks))[0, 0]
        rejected[f"mixed{name}"] = (p <= ALPHA).reshape(2, -1).mean(axis=1).tolist()
    sides = list(zip(*combinations(among.codes, 2), strict=True))
    columns = {"source": sides[0], "target": sides[1]}
    overlap = pd.DataFrame({"group": "all", **columns, "value": similarity})
    shares = []
    for distance in (distances[0], distances[TRIED]):
        apart = pd.DataFrame({"distance": "drawn", **columns, "value": distance})
        row = components(overlap, distances=apart, kinds=["drawn"], count=1).iloc[0]
        shares.append(float(row["p"] <= ALPHA))
    return rejected | {"process": shares}


def _tested(
    similarity: np.ndarray, distances: np.ndarray, permuted: Orders | Spectral, held: list[list[np.ndarray]]
) -> list[np.ndarray]:
    """Return the p (D,) of `mantel` under each set of controls; the similarity is drawn once for all of them."""
    x, y, classes = rankdata(similarity)[None], rankdata(distances, axis=1), permuted.classes
    spans = [
        basis(rankdata(controls, axis=1) if controls else np.empty((0, len(similarity))), classes) for controls in held
    ]
    sides = [left_over(y, classes, span).T for span in spans]
    products = permuted_products(left_over(x, classes), np.hstack([*sides, *spans]), permuted)[:, 0]
    ends = np.cumsum([each.shape[1] for each in (*sides, *spans)])
    parts = np.split(products, ends[:-1], axis=1)
    tested = []
    for span, side, part, rest in zip(spans, sides, parts, parts[len(held) :], strict=False):
        drawn = part / np.sqrt(1 - (rest**2).sum(axis=1, keepdims=True))
        middle = drawn.mean(axis=0) if isinstance(permuted, Spectral) else 0
        tested.append(two_sided((left_over(x, classes, span) @ side)[0] - middle, drawn - middle, permuted.exact))
    return tested


def run(
    among: Sample,
    path: Path,
    simulations: int,
    count: int,
    by: Callable[..., dict[str, list[float]]] = found,
) -> Iterator[dict]:
    """Yield each simulation that is not in `path` as it is appended: structure, number, test -> shares."""
    lines = path.read_text().splitlines() if path.exists() else []
    done = {(row["structure"], row["number"]) for row in map(json.loads, lines)}
    for number in range(simulations):
        for structure in STRUCTURES:
            if (structure, number) not in done:
                shares = by(among, *simulated(among, structure, number), count, number)
                row = {"structure": structure, "number": number, "permutations": count, "found": shares}
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                yield row


def rates(rows: list[dict]) -> pd.DataFrame:
    """Return structure, test, simulations, wrong (share of independent distances found), power, and standard errors."""
    long = pd.DataFrame(
        [(r["structure"], test, *shares) for r in rows for test, shares in r["found"].items()],
        columns=["structure", "test", "wrong", "power"],
    )
    groups = long.groupby(["structure", "test"], sort=False)
    means, errors = groups.mean(), groups.sem()
    return means.join(errors, rsuffix="_error").assign(simulations=groups.size()).reset_index()


def main() -> None:
    """Simulate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("languages", nargs="+")
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument("--permutations", type=int, default=99)
    parser.add_argument("--models", action="store_true")
    asked = parser.parse_args()
    by = modelled if asked.models else found
    for _ in run(sample(asked.languages), asked.file, asked.simulations, asked.permutations, by):
        pass
    table = rates([json.loads(line) for line in asked.file.read_text().splitlines()])
    for column in ("wrong", "power"):
        print(column)
        print((100 * table.pivot(index="test", columns="structure", values=column)).round(1).to_string())


def _root(correlation: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(correlation)
    return vectors * np.sqrt(np.maximum(values, 0))


if __name__ == "__main__":
    main()
