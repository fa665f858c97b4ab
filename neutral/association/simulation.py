"""How often the tests find an association that does not exist: simulated languages that share only their families.

Sets of traits are drawn apart from each other for eleven languages (`LANGUAGES`). In each, a language's
traits are those of its family, plus those of its branch, plus its own, all normal; a similarity is made of the
distances in one set, a distance of those in another. Nothing connects the two but that both follow the same families,
as unrelated properties of languages do. A test at level α should reject α of the time.

`python -m neutral.association.simulation` measures the rates that the docstring of `neutral.association` states.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist

from neutral.association.mantel import mantel
from neutral.association.permutations import orders

LANGUAGES: dict[str, tuple[str, str]] = {
    "en": ("Indo-European", "Germanic"),
    "de": ("Indo-European", "Germanic"),
    "fr": ("Indo-European", "Romance"),
    "es": ("Indo-European", "Romance"),
    "ru": ("Indo-European", "Slavic"),
    "fa": ("Indo-European", "Iranian"),
    "ur": ("Indo-European", "Indo-Aryan"),
    "hi": ("Indo-European", "Indo-Aryan"),
    "ar": ("Afro-Asiatic", "Semitic"),
    "zh": ("Sino-Tibetan", "Sinitic"),
    "sw": ("Niger-Congo", "Bantu"),
}
"""The simulated languages: family and branch. They are the study's eleven, in groups of one to eight."""
STRUCTURES: dict[str, tuple[float, float]] = {
    "none": (0, 0),
    "family": (1, 0),
    "strong family": (2, 0),
    "family, branch": (1, 1),
    "strong family, branch": (2, 1),
    "family, strong branch": (1, 2),
}
"""Standard deviations of a family's and a branch's traits, beside 1 for a language's own."""

TESTS = ("plain", "within", "partial", "partial within", "residuals", "residuals within")
"""Permutations of all languages or within families; partial: with a control; residuals: partial, by residuals."""

DIMENSIONS = 10


def traits(rng: np.random.Generator, family: float, branch: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw the traits that relatives share and those of a language's own, each (languages, `DIMENSIONS`).

    `family` and `branch` are the standard deviations of what a family and a branch share, beside 1 for the own traits.
    """
    shared = np.zeros((len(LANGUAGES), DIMENSIONS))
    for deviation, level in ((family, 0), (branch, 1)):
        groups = [groups[level] for groups in LANGUAGES.values()]
        names = list(dict.fromkeys(groups))
        drawn = rng.normal(0, deviation, (len(names), DIMENSIONS))
        shared += drawn[[names.index(name) for name in groups]]
    return shared, rng.normal(size=shared.shape)


def family_distances() -> np.ndarray:
    """Return 0 for two languages of one branch, 0.5 of one family, else 1: (m,), pairs i < j."""
    known = list(LANGUAGES.values())
    pairs = ((known[i], known[j]) for i, j in zip(*np.triu_indices(len(known), 1), strict=True))
    return np.array([0 if a[1] == b[1] else 0.5 if a[0] == b[0] else 1 for a, b in pairs])


def rates(
    structure: str,
    simulations: int,
    *,
    effect: float = 0.0,
    driver: float = 0.0,
    alpha: float = 0.05,
    count: int = 499,
    seed: int = 0,
) -> pd.Series:
    """Return how often each of `TESTS` rejects, as a share of the drawn data sets.

    Parameters
    ----------
    structure : str
        One of `STRUCTURES`.
    simulations : int
        Data sets to draw.
    effect : float
        0 to 1: how much languages' own traits in one set are those in the other; the rates are then the power.
    driver : float
        0 to 1: with 0 the control is `family_distances`, else a third drawn distance, which is mixed into the two
        others with this weight.
    alpha : float
        The level of the tests.
    count : int
        Permutations of a test.
    seed : int
        Of all draws.
    """
    rng = np.random.default_rng(seed)
    families = {code: family for code, (family, _) in LANGUAGES.items()}
    hits = dict.fromkeys(TESTS, 0)
    for run in range(simulations):
        (shared, own), (others, new), third = (traits(rng, *STRUCTURES[structure]) for _ in range(3))
        one, other = shared + own, others + effect * own + np.sqrt(1 - effect**2) * new
        similarity, distance, control = -pdist(one), pdist(other), family_distances()
        if driver:
            control = pdist(sum(third))
            similarity, distance = (
                driver * sign * _standard(control) + np.sqrt(1 - driver**2) * _standard(values)
                for sign, values in ((-1, similarity), (1, distance))
            )
        for suffix, within in (("", None), (" within", families)):
            permuted = orders(tuple(LANGUAGES), within=within, count=count, seed=seed + run)
            p = {
                suffix.strip() or "plain": mantel(similarity[None], distance[None], permuted).p,
                f"partial{suffix}": mantel(similarity[None], distance[None], permuted, control[None]).p,
                f"residuals{suffix}": mantel(
                    similarity[None], distance[None], permuted, control[None], residuals=True
                ).p,
            }
            for test, value in p.items():
                hits[test] += value.item() <= alpha
    return pd.Series(hits) / simulations


def main(simulations: int) -> None:
    """Print false-positive rates without and with a driver, and power."""
    settings = [(s, {}) for s in STRUCTURES]
    settings += [(s, {"driver": d}) for s in ("none", "family", "strong family, branch") for d in (0.5, 0.8)]
    settings += [(s, {"effect": 0.8}) for s in ("none", "family", "strong family", "family, branch")]
    rows = {}
    for structure, extra in settings:
        name = "; ".join([structure, *(f"{key} {value}" for key, value in extra.items())])
        rows[name] = rates(structure, simulations, **extra)
    print(pd.DataFrame(rows).T.round(3).to_string())


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
