"""What the READMEs say of distances and overlap, held against the stored tests, and these against other code."""

import re

import networkx as nx
import numpy as np
import pytest
from claims import README, ROOT, rounds, rows, says
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata, spearmanr

from neutral import association, typology
from neutral.association import schemes
from neutral.association.simulation import rates
from neutral.languages import PAPER_ORDER, language
from neutral.study import Study
from neutral.typology import graphs

MINI, GEMMA = "data/studies/mini-mbert-mlm/README.md", "data/studies/gemma-3-270m-clm/README.md"
FAMILIES = typology.families(PAPER_ORDER)
UPPER = np.triu_indices(11, 1)
NAMES = {
    "geography": "geographic",
    "syntax": "syntactic",
    "vocabulary, types": "types",
    "vocabulary, occurrences": "occurrences",
    "syntax, phonology and inventory together": "featural",
    "genealogy": "genetic",
    "family and branch": "family",
    "text size": "size",
    "script": "script",
    "less text of the two": "scarcity",
    "phonology": "phonological",
    "sound inventory": "inventory",
}
ROWS = {  # the structures of the simulation, as the docstring of `neutral.association` calls them
    "no structure": "none",
    "family 1": "family",
    "family 2": "strong family",
    "family 1, branch 1": "family, branch",
    "family 2, branch 1": "strong family, branch",
    "family 1, branch 2": "family, strong branch",
}


class Stored:
    """A study's stored tests of Wanda masks or tickets at 50 %."""

    def __init__(self, folder, task):
        self.study, self.task = Study(ROOT / folder), task
        self.associations, self.regressions = (self.study.table(k) for k in ("association", "regression"))
        self.distances = self.study.table("distance").astype({"value": float})

    def of(self, scheme, method="wanda", measure="jaccard", by="all", controls="", table=None):
        """The rows of one test, by distance (and layer)."""
        table = self.associations if table is None else table
        chosen = (table["method"] == method) & (table["measure"] == measure) & (table["by"] == by)
        chosen &= (table["scheme"] == scheme) & (table["sparsity"] == 0.5)
        if "controls" in table:
            chosen &= table["controls"] == controls
        return table[chosen].set_index("distance" if by == "all" else ["group", "distance"])

    def regression(self, scheme, **of):
        return self.of(scheme, table=self.regressions, **of)

    def overlap(self, method="wanda", kind="languages"):
        return self.study.counts(self.task, method, 0.5, 0, kind=kind)

    def square(self, distance):
        """A distance as a matrix (11, 11) in the order of the paper."""
        of = self.distances[self.distances["distance"] == distance]
        both = {
            **{(r.source, r.target): r.value for r in of.itertuples()},
            **{(r.target, r.source): r.value for r in of.itertuples()},
        }
        return np.array([[0.0 if a == b else both[a, b] for b in PAPER_ORDER] for a in PAPER_ORDER])

    def similar(self, method="wanda"):
        return self.overlap(method).matrix("jaccard").loc[PAPER_ORDER, PAPER_ORDER].to_numpy()


@pytest.fixture(scope="module")
def mini():
    return Stored("data/studies/mini-mbert-mlm", "mlm")


@pytest.fixture(scope="module")
def gemma():
    return Stored("data/studies/gemma-3-270m-clm", "clm")


def rho(one, other, places=None):
    """Spearman's ρ over the pairs of the languages at these places (all of them by default)."""
    places = np.arange(11) if places is None else np.array(places)
    upper = np.triu_indices(len(places), 1)
    return spearmanr(one[np.ix_(places, places)][upper], other[np.ix_(places, places)][upper]).statistic


def lead(study):
    """By how much geography's ρ is stronger than that of syntax, and its jackknife standard error over languages."""
    similar, near, alike = study.similar(), study.square("geographic"), study.square("syntactic")

    def difference(places=None):
        return rho(similar, alike, places) - rho(similar, near, places)

    each = np.array([difference([i for i in range(11) if i != out]) for out in range(11)])
    return difference(), np.sqrt(10 / 11 * ((each - each.mean()) ** 2).sum())


def continents(study):
    """ρ, among the Indo-European languages, of overlap with another continent, and with geography."""
    places = [i for i, code in enumerate(PAPER_ORDER) if language(code).family == "Indo-European"]
    assert len(places) == 8
    asia = np.array([code in ("fa", "ur", "hi") for code in PAPER_ORDER])
    apart = (asia[:, None] != asia[None, :]).astype(float)
    return rho(study.similar(), apart, places), rho(study.similar(), study.square("geographic"), places)


def groups(study):
    """The communities of each language's three strongest overlaps, and their adjusted Rand index with families."""
    similar = study.similar()
    graph = nx.Graph()
    for i, code in enumerate(PAPER_ORDER):
        for j in np.argsort(-similar[i])[1:4]:
            graph.add_edge(code, PAPER_ORDER[j], weight=similar[i, j])
    found = nx.community.louvain_communities(graph, weight="weight", seed=0)
    return {frozenset(group) for group in found}, graphs.agreement(found, FAMILIES)


def test_the_table_of_distances_is_that_of_the_stored_rows(mini):
    plain, within = mini.of("plain"), mini.of("family")
    held = mini.of("plain", controls="occurrences")
    cells = rows(MINI, "Wanda, Jaccard", "ρ")
    assert [NAMES[row[0]] for row in cells] == sorted(NAMES.values(), key=lambda d: plain.loc[d, "rho"])
    for name, strength, p, inside, p_inside, partial in cells:
        distance = NAMES[name]
        assert rounds(strength, plain.loc[distance, "rho"]), name
        assert rounds(inside, within.loc[distance, "tested"]), name
        for text, row in ((p, plain.loc[distance]), (p_inside, within.loc[distance])):
            assert all(map(rounds, re.findall(r"[\d.]+", text), (row["p"], row["holm"]))), (name, text, row)
        if partial:
            assert rounds(partial, held.loc[distance, "rho"]), name
    assert plain["permutations"].eq(9999).all()


@pytest.mark.parametrize("name", ["mini", "gemma"])
def test_the_stored_rows_come_again(name, request):
    study = request.getfixturevalue(name)
    for scheme, within in (("plain", None), ("family", FAMILIES)):
        again = association.associations(study.overlap().jaccard(), study.distances, within=within).set_index(
            "distance"
        )
        stored = study.of(scheme)
        for column in ("rho", "tested", "p", "holm"):
            np.testing.assert_allclose(stored[column], again.loc[stored.index, column], atol=2e-6)


@pytest.mark.parametrize("name", ["mini", "gemma"])
def test_rho_and_p_of_geography_without_the_library(name, request):
    """A Mantel test in ranks by SciPy and NumPy alone, all languages permuted and relatives only."""
    study = request.getfixturevalue(name)
    similar, near = study.similar(), study.square("geographic")
    one, other = rankdata(similar[UPPER]), np.zeros((11, 11))
    other[UPPER] = rankdata(near[UPPER])
    other += other.T
    plain, within = study.of("plain").loc["geographic"], study.of("family").loc["geographic"]
    assert spearmanr(similar[UPPER], near[UPPER]).statistic == pytest.approx(plain["rho"], abs=1e-6)
    family = np.array([FAMILIES[code] for code in PAPER_ORDER])
    blocks = np.array(["-".join(sorted((family[i], family[j]))) for i, j in zip(*UPPER, strict=True)])
    spread = (blocks[:, None] == np.unique(blocks)).astype(float)
    spread /= np.sqrt(spread.sum(axis=0))

    def inside(values):
        return values - spread @ (spread.T @ values)

    assert np.corrcoef(inside(one), inside(other[UPPER]))[0, 1] == pytest.approx(within["tested"], abs=1e-6)
    rng, far, extreme = np.random.default_rng(5), abs(np.corrcoef(one, other[UPPER])[0, 1]), 0
    for _ in range(1999):
        order = rng.permutation(11)
        extreme += abs(np.corrcoef(one, other[np.ix_(order, order)][UPPER])[0, 1]) >= far - 1e-12
    assert (extreme + 1) / 2000 < 0.003  # stored: 0.0001 and 0.0002


def test_what_is_left_of_geography(mini, gemma):
    held = [mini.of("plain", controls=name).loc["geographic", "rho"] for name in ("family", "script", "occurrences")]
    says(MINI, "family held ({}), script held ({}) and shared vocabulary held ({})", *held)
    p = max(mini.of("family", controls=name).loc["geographic", "p"] for name in ("family", "script", "occurrences"))
    says(MINI, "within families p is {} or less each time", p)
    held = [gemma.of("plain", controls=name).loc["geographic", "rho"] for name in ("family", "script", "occurrences")]
    says(GEMMA, "script or vocabulary held it stays at {} or stronger", max(held))
    plain, within = gemma.of("plain").loc["geographic"], gemma.of("family").loc["geographic"]
    says(
        GEMMA,
        "(ρ = {}, p = {}, Holm {}; within families p = {}, Holm {})",
        *(plain["rho"], plain["p"], plain["holm"], within["p"], within["holm"]),
    )
    strength = mini.of("plain").loc["geographic", "rho"]
    says(MINI, "geography goes best with their overlap (ρ = {})", strength)
    says(README, "(ρ = {}) and in Gemma 3 270M (ρ = {})", strength, plain["rho"])
    for study in (mini, gemma):
        assert study.of("plain")["rho"].idxmin() == "geographic"


def test_that_geography_is_best_is_not_shown(mini, gemma):
    for study, page in ((mini, MINI), (gemma, GEMMA)):
        difference, error = lead(study)
        assert difference < error
        says(page, "its ρ is {} stronger", difference)
        says(page, "with a jackknife standard error over languages of {}", error)


def test_europe_and_asia_do_as_well(mini, gemma):
    says(MINI, "as well as their distance does (ρ = {} and {})", *continents(mini))
    says(GEMMA, "goes with the overlap about as well (ρ = {}) as geography does ({})", *continents(gemma))


def test_groups_of_languages(mini, gemma):
    found, rand = groups(mini)
    assert found == {frozenset(s.split()) for s in ("en fr de es ru sw", "ar fa ur hi zh")}
    says(MINI, "no better than chance (adjusted Rand {})", rand)
    found, rand = groups(gemma)
    assert found == {frozenset(s.split()) for s in ("en fr de es zh", "ru fa ur ar hi sw")}
    says(GEMMA, "neither families (adjusted Rand {})", rand)


def test_regressions(mini, gemma):
    plain, within = mini.regression("plain"), mini.regression("family")
    assert list(plain.index[plain["holm"] <= 0.05]) == ["geographic"]
    at = plain.loc["geographic"]
    says(
        MINI,
        "(R² = {}; β = {}, p = {}; within families p = {})",
        *(at["r2"], at["beta"], at["p"], within.loc["geographic", "p"]),
    )
    says(MINI, "nothing of it is left (β = {})", plain.loc["syntactic", "beta"])
    theirs = gemma.regression("plain")
    assert set(theirs.index[theirs["holm"] <= 0.05]) == {"geographic", "size"}
    size, near, syntax = (theirs.loc[name] for name in ("size", "geographic", "syntactic"))
    says(
        GEMMA,
        "explain {} % of the ranks; tokenization (β = {}, p = {}), geography ({}, p = {}) and syntax ({}, p = {}, "
        " Holm {})",
        *(
            100 * size["r2"],
            size["beta"],
            size["p"],
            near["beta"],
            near["p"],
            syntax["beta"],
            syntax["p"],
            syntax["holm"],
        ),
    )
    changes = mini.regression("plain", method="magnitude", measure="beyond")
    says(MINI, "the six distances together explain {} % of the ranks", 100 * changes["r2"].iloc[0])


def test_the_regression_is_least_squares_of_ranks(mini):
    kinds = ["syntactic", "genetic", "geographic", "script", "occurrences", "size"]
    columns = np.array([rankdata(np.round(mini.square(kind)[UPPER], 12)) for kind in kinds])
    columns = (columns - columns.mean(axis=1, keepdims=True)) / columns.std(axis=1, keepdims=True)
    ranks = rankdata(mini.similar()[UPPER])
    beta = np.linalg.lstsq(columns.T, (ranks - ranks.mean()) / ranks.std(), rcond=None)[0]
    np.testing.assert_allclose(beta, mini.regression("plain").loc[kinds, "beta"], atol=1e-5)


def test_other_distances_of_mini_mbert(mini):
    script = mini.of("plain", controls="script")
    says(
        MINI,
        "Script's ρ of {} vanishes ({})",
        mini.of("plain").loc["script", "rho"],
        mini.of("plain", controls="occurrences").loc["script", "rho"],
    )
    says(
        MINI,
        "vocabulary keeps {} with script held (within families p = {})",
        script.loc["occurrences", "rho"],
        mini.of("family", controls="script").loc["occurrences", "p"],
    )
    held = mini.of("plain", controls="occurrences")["rho"]
    says(
        MINI,
        "Syntax goes along, {}, with vocabulary held {}, but",
        mini.of("plain").loc["syntactic", "rho"],
        held["syntactic"],
    )
    says(MINI, "within families Holm takes it ({})", mini.of("family").loc["syntactic", "holm"])
    says(MINI, "once shared vocabulary is held ({}, {})", held["size"], held["scarcity"])


def test_layers(mini):
    table = mini.of("plain", by="layer")
    layer = {
        name: table["rho"].xs(name, level="distance").to_numpy() for name in ("geographic", "types", "occurrences")
    }
    kept = table["holm"].xs("geographic", level="distance").to_numpy() <= 0.05
    assert len(table) == 144
    assert kept.tolist() == [True] * 3 + [False] + [True] * 4 + [False] * 4
    says(
        MINI,
        "in layers 0 to 2 (ρ {}, {}, {}) and holds to layer 7 ({} or more;",
        *layer["geographic"][:3],
        max(layer["geographic"][3:8]),
    )
    says(MINI, "weak at first ({} in layer 0)", layer["types"][0])
    assert ["types" if t < g else "" for t, g in zip(layer["types"][:8], layer["geographic"][:8], strict=True)] == [
        ""
    ] * 5 + ["types"] * 2 + [""]
    assert rounds("-0.68", layer["types"][5])
    says(MINI, "layers 5 and 6 ({} against {} and {})", layer["types"][6], *layer["geographic"][5:7])
    says(MINI, "in the last (occurrences {} against {})", layer["occurrences"][11], layer["geographic"][11])


def test_tickets_of_half_and_what_they_change(mini):
    for scheme in ("plain", "family"):
        assert (mini.of(scheme, method="magnitude")["holm"] > 0.05).all()
    plain, within = (mini.of(scheme, method="magnitude", measure="beyond") for scheme in ("plain", "family"))
    says(
        MINI,
        "follow vocabulary ({}), script ({}), geography ({}) and syntax with phonology ({}), all with p under {} and "
        "Holm under {};",
        *(plain.loc[name, "rho"] for name in ("types", "script", "geographic", "featural")),
        *(0.004, 0.03),
    )
    four = plain.loc[["types", "script", "geographic", "featural"]]
    assert four["p"].max() < 0.004
    assert four["holm"].max() < 0.03
    kept = within[within["holm"] <= 0.05]
    assert set(kept.index) == {"types", "occurrences", "geographic", "syntactic", "featural"}
    says(MINI, "vocabulary, geography and syntax stay (Holm {} to {})", kept["holm"].min(), kept["holm"].max())


def test_families_by_glottologs_tree(mini, gemma):
    def tests(study, method):
        overlap = study.overlap(method).jaccard()
        distances = typology.filled(study.distances, PAPER_ORDER)
        both = schemes.both(association.associations, overlap, distances, families=FAMILIES)
        return schemes.beside(both).set_index("distance")

    wanda, tickets = (tests(mini, method) for method in ("wanda", "magnitude"))
    assert len(wanda) == 13
    says(
        MINI,
        "Wanda: family {} (p = {}, within families {}), tree {} (p = {}, Holm over thirteen {}; within families p = {},"
        " Holm {})",
        *wanda.loc["family", ["rho", "p", "p_within"]],
        *wanda.loc["tree", ["rho", "p", "holm", "p_within", "holm_within"]],
    )
    says(
        MINI,
        "family goes with them so ({}, p = {}, Holm {}), in their range of 0.0005, and the tree does not (Holm {})",
        *tickets.loc["family", ["tested_within", "p_within", "holm_within"]],
        tickets.loc["tree", "holm_within"],
    )
    own = tests(gemma, "wanda")
    says(
        GEMMA,
        "tree, which the page Typology has besides ({}, p = {}; family by its branches {}, p = {})",
        *own.loc["tree", ["rho", "p"]],
        *own.loc["family", ["rho", "p"]],
    )


def test_trees(mini):
    found = {}
    for method in ("wanda", "magnitude"):
        apart = squareform(1 - mini.similar(method), checks=False)
        joined = cophenet(linkage(apart, "average"))
        others = [apart, *(squareform(mini.square(name), checks=False) for name in ("family", "genetic"))]
        found[method] = [np.corrcoef(joined, other)[0, 1] for other in others]
    says(
        MINI,
        "(cophenetic correlation {}) and agrees with the family distance at {}, with URIEL's genealogy at {}",
        *found["wanda"],
    )
    says(MINI, "Tickets: {} and {}.", *found["magnitude"][1:])


def test_other_distances_of_gemma(gemma):
    plain, within = gemma.of("plain"), gemma.of("family")
    size, syntax = plain.loc["size"], plain.loc["syntactic"]
    says(
        GEMMA,
        "ρ = {}, p = {}, Holm {}; within families p = {}, Holm {}. Then syntax",
        *(size["rho"], size["p"], size["holm"], within.loc["size", "p"], within.loc["size", "holm"]),
    )
    says(
        GEMMA,
        "Then syntax, {} (p = {}, Holm {}; within families p = {}, Holm {})",
        *(syntax["rho"], syntax["p"], syntax["holm"], within.loc["syntactic", "p"], within.loc["syntactic", "holm"]),
    )
    says(
        GEMMA,
        "(ρ = {}), how evenly the tokenizer cuts the two languages ({}) and syntax ({})",
        *plain["rho"][["geographic", "size", "syntactic"]],
    )
    says(
        GEMMA,
        "Family ({}, p = {}), shared vocabulary ({} and {}, p over 0.15), script ({})",
        *(plain.loc["family", "rho"], plain.loc["family", "p"]),
        *(plain.loc[name, "rho"] for name in ("types", "occurrences", "script")),
    )
    assert plain.loc[["types", "occurrences"], "p"].min() > 0.15
    says(
        GEMMA,
        "within families vocabulary does ({} and {}, p = {} and {}, Holm {} and {})",
        *(within.loc[name, column] for column in ("tested", "p", "holm") for name in ("types", "occurrences")),
    )


@pytest.fixture(scope="module")
def stated():
    """The rates that the docstring of `neutral.association` states: structure -> percentages of the four tests."""
    lines = {name: re.search(rf"^    {name}  +(.+)$", association.__doc__, flags=re.M)[1] for name in ROWS}
    return {name: [float(number) for number in line.split()] for name, line in lines.items()}


def test_one_rate_of_false_positives_everywhere(stated):
    plain, within = ({name: numbers[i] for name, numbers in stated.items()} for i in (0, 1))
    shared = [name for name in stated if name != "no structure"]
    bounds = min(plain[n] for n in shared), max(plain[n] for n in shared)
    whole = [within["family 1"], within["family 2"]]
    branches = [within[n] for n in shared if "branch" in n]
    numbers = *bounds, min(whole), max(whole), min(branches), max(branches)
    says(
        MINI,
        '"significant" at 5 % in {} to {} % of 2,000 simulations with these very eleven (499 permutations each). '
        "Within families the rate is {} to {} % as long as branches add nothing, {} to {} % where they do",
        *numbers,
    )
    text = " ".join(association.__doc__.split())
    assert "it finds {} to {} %. Permuting".format(*numbers[:2]) in text
    assert "({} to {} %), but not where branches inside a family differ ({} to {} %)".format(*numbers[2:]) in text


@pytest.mark.parametrize("name", ["family 2", "family 1, branch 2"])
def test_the_stated_rates_come_again(name, stated):
    """On 150 fresh simulations, within four standard errors."""
    again = 100 * rates(ROWS[name], 150, seed=11)[["plain", "within", "partial", "partial within"]]
    for measured, percent in zip(again, stated[name], strict=True):
        error = np.sqrt(max(percent * (100 - percent), 100) / 150)
        assert abs(measured - percent) < 4 * error
