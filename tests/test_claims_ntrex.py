"""What the README of the study of 128 languages says, held against its counts and rows."""

import numpy as np
import pytest
from claims import README, ROOT, rows, says

from neutral import summary
from neutral.language import nearest
from neutral.members import is_known
from neutral.search import evaluations
from neutral.study import Study
from neutral.summary import Choice
from neutral.typology import recovery

PAGE = "data/studies/gemma-3-270m-ntrex/README.md"
CHOICE = Choice("clm", "wanda", 0.5)
LABELS = {
    "syntax": "syntactic",
    "text size": "size",
    "geography": "geographic",
    "all features": "featural",
    "token occurrences": "occurrences",
    "phonology": "phonological",
    "script": "script",
}


@pytest.fixture(scope="module")
def study():
    return Study(ROOT / "data/studies/gemma-3-270m-ntrex")


@pytest.fixture(scope="module")
def square(study):
    found = nearest.similarity(study, CHOICE)
    return found.where(~np.eye(len(found), dtype=bool))


def level(study, name, sparsity=0.5, measure="jaccard", by="all"):
    table = summary.levels(study, CHOICE._replace(sparsity=sparsity), measure, by)
    return table[table["level"] == name].set_index("group")["value"]


def test_levels(study):
    between, control = level(study, "between")["all"], level(study, "pretrained")["all"]
    halves = level(study, "halves")["all"]
    says(
        PAGE,
        "the Wanda masks of two languages overlap {}, those of two halves of one language's text {},",
        between,
        halves,
    )
    says(
        PAGE,
        "Between languages {}, against the mask of the untouched weights {}, by chance {}.",
        between,
        control,
        1 / 3,
    )
    beyond = [level(study, name, measure="beyond")["all"] for name in ("between", "chance")]
    says(PAGE, "two languages change against that mask they share {}, where {} is chance.", *beyond)
    says(
        PAGE,
        "At {} % two languages overlap {}, at {} % {}.",
        30,
        level(study, "between", 0.3)["all"],
        70,
        level(study, "between", 0.7)["all"],
    )
    layers, own = level(study, "between", by="layer"), level(study, "halves", by="layer")
    assert layers.nlargest(2).round(3).tolist() == [0.894, 0.894]
    assert set(layers.nlargest(2).index) == {"decoder 4", "decoder 5"}
    says(PAGE, "highest in layers 4 and 5 ({}) and falls to {} in the last, while", layers.max(), layers["decoder 17"])
    says(PAGE, "that of two halves stays between {} and {}.", own.min(), own.max())


def test_relatives(study):
    found = recovery.recovered(summary.counts_of(study, CHOICE).measure("jaccard")).set_index("what")
    says(
        PAGE,
        "in {} % of the languages the nearest other one is of the same branch ({} % by chance).",
        *(100 * found.loc["branch", ["right", "chance"]]),
    )
    says(
        PAGE, "joins the same two first in {} % ({} % by chance).", *(100 * found.loc["triplets", ["right", "chance"]])
    )
    nearest_in = 100 * found.loc["branch", ["right", "chance"]]
    says(README, "{} % have the nearest other one in their own branch ({} % by chance)", *nearest_in)
    kin = summary.kinship(summary.pairs(summary.counts_of(study, CHOICE))).set_index("relation")["value"]
    says(
        PAGE,
        "Pairs of one branch overlap {}, of one family otherwise {}, of one script alone {}, others {}.",
        *kin[["same branch", "same family", "same script", "unrelated"]],
    )


def test_who_stands_where(study, square):
    mean, near = square.mean(), square.idxmax()
    assert mean.nsmallest(4).index.tolist() == ["mya", "dzo", "bod", "tir"]
    says(
        PAGE,
        "Farthest from all are Burmese and Dzongkha ({} in the mean), Tibetan ({}) and Tigrinya ({}).",
        mean["mya"],
        mean["bod"],
        mean["tir"],
    )
    pairs = {"jpn": "kor", "khm": "lao", "kat": "hye", "mlt": "ltz", "ckb-Arab": "uig"}
    assert near[list(pairs)].to_dict() == pairs
    text = study.table("text").set_index("language")["fallback"]
    says(PAGE, "the tokenizer has little: {} % of the tokens are pieces", 100 * text["mya"])
    says(PAGE, "{} % of the Polish tokens and {} % of the French are pieces", 100 * text["pol"], 100 * text["fra"])
    assert all(map(is_known, mean.index))


def test_scores(study, square):
    table = study.table("score")
    bits = evaluations.bits(table, "clm")
    full = bits[bits["method"] == "full"].set_index("language")["value"]
    rho = square.mean().corr(full, method="spearman")
    says(PAGE, "overlaps with the others' (ρ = {}).", rho)
    assert full.idxmax() == "yue"
    says(PAGE, "English takes {}, Cantonese {};", full["eng"], full["yue"])
    scores = evaluations.scores(table, "clm")
    mean = np.exp(np.log(scores["ratio"]).groupby(scores["sparsity"]).mean())
    half = scores[scores["sparsity"] == 0.5].set_index("language")["ratio"]
    assert (half.idxmin(), half.idxmax()) == ("fuc", "khm")
    says(PAGE, "own mask is {} times that of the full model at 50 %,", mean[0.5])
    says(PAGE, "from {} times in Pulaar, which the model does not know, to {} times in Khmer.", half.min(), half.max())
    says(PAGE, "At 30 % it is {} times, at 70 % {} times.", mean[0.3], mean[0.7])


def test_tests(study):
    tests = study.table("association")
    tests = tests[(tests["scheme"] == "tree") & (tests["by"] == "all") & (tests["measure"] == "jaccard")]
    tests = tests.set_index(["controls", "distance"])
    for label, rho, alone, held, *_ in rows(PAGE, "distance", "ρ", "p along the tree"):
        kind = LABELS[label]
        assert float(rho) == pytest.approx(tests.at[("", kind), "rho"], abs=0.005), label
        assert float(alone) == pytest.approx(tests.at[("", kind), "p"], rel=0.05), label
        if held:
            assert float(held) == pytest.approx(tests.at[("geographic", kind), "p"], rel=0.05), label
    of = {kind: tests.at[("", kind), "rho"] for kind in LABELS.values()}
    says(
        PAGE,
        "beyond the family tree is how evenly the tokenizer cuts the two languages (ρ = {}), and syntax ({}).",
        of["size"],
        of["syntactic"],
    )
    says(README, "text size, tokens for the same text (ρ = {}; not without Indo-European).", of["size"])
    says(PAGE, "that script matters to the network as a whole ({})", of["script"])
