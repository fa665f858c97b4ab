"""What a README says of tickets' typology at every sparsity and of what foretells transfer, against the stored data."""

import numpy as np
import pandas as pd
import pytest
from claims import ROOT, rounds, rows, says
from scipy.stats import spearmanr

from neutral import association
from neutral.languages import PAPER_ORDER
from neutral.study import Study
from neutral.transfer.predictors import foretold

PAGE = "data/studies/mini-mbert-transfer/README.md"
SPARSITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SEARCHES = (0, 2)
CONTINENT = {
    **dict.fromkeys(["en", "fr", "de", "ru", "es"], "Europe"),
    **dict.fromkeys(["zh", "fa", "ur", "ar", "hi"], "Asia"),
    "sw": "Africa",
}
NINE = [code for code in PAPER_ORDER if code not in ("sw", "zh")]


@pytest.fixture(scope="module")
def study():
    return Study(ROOT / "data/studies/mini-mbert-transfer")


@pytest.fixture(scope="module")
def distances():
    return Study(ROOT / "data/studies/mini-mbert-mlm").table("distance").astype({"value": float})


@pytest.fixture(scope="module")
def divided(distances):
    """The stored distances, and whether two languages are of different continents."""
    pairs = distances[distances["distance"] == "types"]
    apart = [float(CONTINENT[a] != CONTINENT[b]) for a, b in zip(pairs["source"], pairs["target"], strict=True)]
    return pd.concat([distances, pairs.assign(distance="continent", value=apart)])


def associated(study, distances, divided, sparsity, search, count=9999):
    """Tests of overlap: among all and among nine, with nothing and with the continent held."""
    counts = study.counts("mlm", "magnitude", sparsity, search)
    found = []
    for codes in (PAPER_ORDER, NINE):
        overlap = counts.select(codes).jaccard()
        found.append(association.associations(overlap, distances, count=count).set_index("distance"))
        held = association.associations(overlap, divided, controls=["continent"], count=count)
        found.append(held.set_index("distance"))
    return found


def test_tickets_at_every_sparsity_with_and_without_the_continent(study, distances, divided):
    cells = rows(PAGE, "sparsity", "vocabulary, types", "continent held")
    assert [row[0] for row in cells] == [f"{sparsity:.0%}".replace("%", " %") for sparsity in SPARSITIES]
    for sparsity, row in zip(SPARSITIES, cells, strict=True):
        found = [associated(study, distances, divided, sparsity, search, count=1) for search in SEARCHES]
        for cell, (name, place) in zip(
            row[1:], [(name, place) for name in ("types", "geographic") for place in range(4)], strict=True
        ):
            measured = [each[place].loc[name, "rho"] for each in found]
            assert all(map(rounds, cell.split("/"), measured)), (sparsity, name, place, cell, measured)


def test_beyond_the_continent_vocabulary_is_left_and_geography_hardly(study, distances, divided):
    found = {
        (s, search): associated(study, distances, divided, s, search) for s in SPARSITIES[5:] for search in SEARCHES
    }
    for each, held, nine, _ in found.values():
        assert len(each) == len(held) == 12
        assert max(each.loc["geographic", "holm"], nine.loc["geographic", "holm"]) <= 0.05
    last = [found[0.8, search] for search in SEARCHES]
    assert all(each.loc["types", "holm"] <= 0.05 for of in last for each in of[:3])
    says(PAGE, "with the continent held its Holm is {} and {}", *(of[3].loc["types", "holm"] for of in last))
    held = {(key, i): of[i].loc["geographic", "holm"] for key, of in found.items() for i in (1, 3)}
    (left,) = [key for key, holm in held.items() if holm <= 0.05]
    assert (left, len(held)) == (((0.7, 2), 1), 12)
    says(PAGE, "once of twelve (70 %, second search, {})", held[left])


def test_at_low_sparsities_overlap_is_how_much_masks_change(study):
    upper, found = np.triu_indices(11, 1), {}
    for sparsity in (0.1, 0.2, 0.3, 0.4, 0.8):
        for search in SEARCHES:
            overlap = study.counts("mlm", "magnitude", sparsity, search).select(PAPER_ORDER).matrix("jaccard")
            changed = study.counts("mlm", "magnitude", sparsity, search, kind="beyond").select(PAPER_ORDER).kept.sum(0)
            together = changed[:, None] + changed[None, :]
            found[sparsity, search] = spearmanr(overlap.to_numpy()[upper], together[upper]).statistic
    low = [value for (sparsity, _), value in found.items() if sparsity < 0.5]
    says(
        PAGE,
        "(ρ = {} to {} with their sum; {} and {} at 80 %)",
        *(max(low), min(low), *sorted((found[0.8, 0], found[0.8, 2]), reverse=True)),
    )


def test_what_foretells_transfer(study, distances):
    table = study.table("transfer")
    table = table[(table["task"] == "mlm") & table["source"].isin(PAPER_ORDER) & table["source_task"].isin(["mlm", ""])]
    types = distances[distances["distance"] == "types"].assign(predictor="types")
    cells = rows(PAGE, "cost of another's mask", "overlap")
    chosen = [("magnitude", 0.8, 1), ("magnitude", 0.8, 0), ("magnitude", 0.5, 1), ("wanda", 0.5, 0)]
    for row, (method, sparsity, seed) in zip(cells, chosen, strict=True):
        runs = table[(table["method"] == method) & (table["sparsity"] == sparsity) & (table["seed"] == seed)]
        assert len(runs) == 121
        own = runs[runs["source"] == runs["target"]].set_index("target")["value"]
        others = runs[runs["source"] != runs["target"]]
        cost = others.assign(value=others["value"] / others["target"].map(own) - 1)
        overlap = study.counts("mlm", method, sparsity, 0).select(PAPER_ORDER).jaccard().assign(predictor="overlap")
        found = foretold(cost, pd.concat([overlap, types]), apart=["target"])
        assert found["pairs"].eq(110).all()
        for cell, measured in zip(row[1:], found.itertuples(), strict=True):
            rho, p = cell.removesuffix(")").split(" (")
            assert rounds(rho, measured.rho), (row[0], cell, measured)
            assert rounds(p, measured.p), (row[0], cell, measured)
