"""Every number of docs/statistics.md is what the bundled studies, or the tests' own measurements, give."""

import re
from pathlib import Path

import numpy as np
import pytest

from neutral import association, typology
from neutral.association.permutations import orders
from neutral.association.vectors import ranks
from neutral.search import winning
from neutral.study import Study
from neutral.transfer import results
from neutral.typology import graphs, trees

ROOT = Path(__file__).parent.parent
TEXT = " ".join((ROOT / "docs" / "statistics.md").read_text(encoding="utf-8").split())
STUDIES = ROOT / "data" / "studies"
FOUND = {"mini-mbert-mlm": "mlm", "gemma-3-270m-clm": "clm"}


def says(sentence):
    """The page has these words."""
    assert sentence in TEXT


class Overlap:
    """The overlap of a study's Wanda masks at 50 %, and distances between its languages."""

    def __init__(self, name):
        study = Study(STUDIES / name)
        counts = study.counts(FOUND[name], "wanda", 0.5)
        self.codes = list(counts.members)
        self.similarity = counts.matrix("jaccard")
        self.distances = study.table("distance").astype({"value": float})

    def distance(self, kind):
        return typology.square(self.distances, kind, self.codes)

    def rho(self, kind, left_out=()):
        places = [i for i, code in enumerate(self.codes) if code not in left_out]
        upper = np.triu_indices(len(places), 1)
        one, other = (
            ranks(square.to_numpy()[np.ix_(places, places)][upper]) for square in (self.similarity, self.distance(kind))
        )
        return float(np.corrcoef(one, other)[0, 1])


@pytest.fixture(scope="module")
def mini():
    return Overlap("mini-mbert-mlm")


@pytest.fixture(scope="module")
def gemma():
    return Overlap("gemma-3-270m-clm")


def jackknife(overlap):
    """How much larger geography's |ρ| is than syntax's, and the standard error over languages left out."""

    def lead(*left_out):
        return abs(overlap.rho("geographic", left_out)) - abs(overlap.rho("syntactic", left_out))

    each = np.array([lead(code) for code in overlap.codes])
    n = len(each)
    return lead(), np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum())


def test_which_distance_is_the_better_one_is_not_to_be_told(mini, gemma):
    lead, error = jackknife(mini)
    says(f"Geography (ρ = {mini.rho('geographic'):.2f}) and syntax ({mini.rho('syntactic'):.2f}) differ by {lead:.2f}")
    says(f"gives that difference a standard error of {error:.2f}")
    assert lead < error
    lead, error = jackknife(gemma)
    says(f"For Gemma 3 270M it is {lead:.2f} with {error:.2f}")
    assert lead < error


def test_the_spread_of_rho_under_permutation(mini):
    upper = np.triu_indices(len(mini.codes), 1)
    pairs = orders(mini.codes, seed=0).pairs()
    spreads = []
    for kind in ("geographic", "syntactic", "script", "occurrences", "genetic"):
        one, other = (ranks(square.to_numpy()[upper]) for square in (mini.similarity, mini.distance(kind)))
        one, other = ((each - each.mean()) / each.std() for each in (one, other))
        spreads.append((one[pairs] @ other / len(other)).std())
    says(f"standard deviation of {min(spreads):.2f} to {max(spreads):.2f}")


def test_groups_and_trees(mini, gemma):
    indices, own, families = [], [], []
    for overlap in (mini, gemma):
        square = overlap.similarity
        groups = graphs.communities(graphs.graph(square, strongest=3))
        indices.append(graphs.agreement(groups, typology.families(overlap.codes)))
        tree = trees.tree(1 - square)
        own.append(trees.cophenetic_correlation(tree, 1 - square))
        families.append(trees.cophenetic_correlation(tree, overlap.distance("family")))
    says(f"agree with the families by {indices[0]:.2f} on mini-mbert and {indices[1]:.2f} on Gemma 3 270M")
    says(f"cophenetic correlation of {own[0]:.2f} (Gemma {own[1]:.2f})")
    says(f"goes with the family distance at {families[0]:.2f} ({families[1]:.2f})")


def test_permutations_within_families(mini):
    families = typology.families(mini.codes)
    moved = [code for code in mini.codes if list(families.values()).count(families[code]) > 1]
    assert len(moved) == 8
    every = orders(mini.codes, within=families, count=50_000)
    assert every.exact
    says(f"8! = {len(every):,} permutations")


@pytest.fixture(scope="module")
def transfers():
    return Study(STUDIES / "mini-mbert-transfer").table("transfer")


def rejected(p, level=0.05):
    """How many of these p Benjamini and Hochberg's procedure rejects."""
    p = np.sort(p)
    below = np.flatnonzero(p <= level * np.arange(1, len(p) + 1) / len(p))
    return below[-1] + 1 if len(below) else 0


def starred(rows):
    """Pairs of two languages: how many are significantly better, worse, and how many after the correction."""
    table = results.bootstrap(rows[rows["source"].isin(set(rows["target"]))])
    significant = table[table["p"] < 0.05]
    return len(table), (significant["gain"] > 0).sum(), (significant["gain"] < 0).sum(), rejected(table["p"])


def own(rows):
    """Languages whose ticket of the other search differs from the own one: all, for the better, for the worse."""
    table = results.bootstrap(rows[(rows["source"] == rows["target"]) | (rows["source"] == "reseeded 2")])
    significant = table[table["p"] < 0.05]
    return len(significant), (significant["gain"] > 0).sum(), (significant["gain"] < 0).sum()


def test_stars_of_the_bootstrap(transfers):
    def under(sparsity, seed):
        rows = results.select(transfers, "mlm", sparsity)
        return rows[rows["seed"] == seed]

    pairs, better, worse, after = starred(under(0.5, 1))
    says(f"Of {pairs} pairs at 50 % (training seed 1) {worse} are significantly worse than the own")
    says(f"ticket, and {after} with Benjamini-Hochberg at 5 %")
    assert better == 0
    _, better, worse, after = starred(results.reseeded(under(0.5, 1), 2))
    says(f"against the other search's ticket {worse} and {after}.")
    assert better == 0
    assert starred(under(0.8, 1)) == starred(results.reseeded(under(0.8, 1), 2)) == (110, 0, 110, 110)
    _, better, worse, _ = starred(under(0.5, 0))
    says(f"*another* language's ticket is significantly better in {better} pairs and worse in none")
    assert worse == 0

    assert own(under(0.8, 1)) == (8, 4, 4)
    says("differs *significantly* from the first in 8 of 11 languages")
    says("four times for the better and four for the worse")
    assert own(under(0.5, 1))[0] == 1
    says("at 50 % in 1 of 11")


def test_winning_tickets():
    levels = winning.levels(winning.runs(Study(STUDIES / "mini-mbert-transfer")), "mlm")
    levels = levels[~levels["language"].str.contains("+", regex=False)]  # a mixture was searched under one seed
    spread = levels.groupby("language")["full_std"].first()
    says(f"over the eleven languages it is {spread.min():.2f} to {spread.max():.2f} of perplexity")
    assert set(levels["full_seeds"]) == {3}
    won = winning.winners(levels)
    for sparsity in (0.1, 0.2, 0.3):
        of = {
            rule: " ".join(sorted(rows[np.isclose(rows["sparsity"], sparsity)]["language"]))
            for rule, rows in won.groupby("rule")
        }
        says(f"| {sparsity:.0%} | ".replace("%", " %") + f"{of['within_std']} | {of['not_worse']} |")


def test_the_rates_are_those_that_the_simulation_measured():
    structures = re.findall(r"^    (no structure|family.*?)  +([\d. ]+)$", association.__doc__, re.MULTILINE)
    assert len(structures) == 6
    for name, numbers in structures:
        called = "nothing" if name == "no structure" else name
        says(f"| {called} | {' | '.join(numbers.split())} |")
