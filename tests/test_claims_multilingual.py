"""What the README of the transfer study says of a ticket for several languages of text, held against its rows."""

from statistics import mean

import numpy as np
import pytest
from claims import ROOT, rounds, rows, says
from scipy.stats import false_discovery_control

from neutral.bootstrap import gain_interval
from neutral.languages import PAPER_ORDER
from neutral.members import display
from neutral.study import Study
from neutral.transfer import across, results

PAGE = "data/studies/mini-mbert-transfer/README.md"
FOUR, MIXTURE = ("en", "fa", "fr", "zh"), "en+fa+fr+zh"
LEVELS = (0.5, 0.8)


@pytest.fixture(scope="module")
def table():
    """The runs of tickets on text under training seed 1."""
    table = Study(ROOT / "data/studies/mini-mbert-transfer").table("transfer")
    return table[(table["seed"] == 1) & (table["task"] == "mlm")]


@pytest.fixture(scope="module")
def runs(table):
    """Sparsity -> (source, target) -> (perplexity, its parts)."""
    found = {}
    for sparsity in LEVELS:
        rows = results.select(table, "mlm", sparsity)
        cells = zip(rows["value"], (np.array(parts, dtype=float).T for parts in rows["parts"]), strict=True)
        found[sparsity] = dict(zip(zip(rows["source"], rows["target"], strict=True), cells, strict=True))
    return found


def targets(cells):
    """The languages that the mixture's ticket was trained on: those outside it first."""
    have = [code for code in PAPER_ORDER if (MIXTURE, code) in cells]
    return [*(code for code in have if code not in FOUR), *(code for code in FOUR if code in have)]


def others(target):
    return [code for code in FOUR if code != target]


def test_a_ticket_for_three_languages_of_inference():
    table = Study(ROOT / "data/studies/mini-mbert-transfer").table("transfer")
    table = table[(table["task"] == "nli") & (table["source"] == "en+fr+zh") & (table["sparsity"] == 0.5)]
    reached = table[table["seed"] == 1].set_index("target")["value"]
    says(PAGE, "on English, French and Chinese together reaches {}, {} and {} in them", *reached[["en", "fr", "zh"]])
    scores = Study(ROOT / "data/studies/mini-mbert-transfer").table("score")
    own = scores[(scores["task"] == "nli") & (scores["language"] == "en+fr+zh")].set_index("sparsity")["value"]
    says(PAGE, "{} for the full model, {} at 25 % and {} at 50 %, scored on all three", *own[[0.0, 0.25, 0.5]])


def test_the_table_of_a_ticket_for_four_languages(runs):
    cells = rows(PAGE, "trained on", "50 %: together")
    every = {code for of in runs.values() for code in targets(of)}
    named = [display(code) + (", in it" if code in FOUR else "") for code in PAPER_ORDER if code in every]
    assert sorted(row[0] for row in cells) == sorted(named)
    codes = {name: code for code in every for name in (display(code), f"{display(code)}, in it")}
    for name, *texts in cells:
        target = codes[name]
        for texts_of, of in zip((texts[:4], texts[4:]), (runs[0.5], runs[0.8]), strict=True):
            if (MIXTURE, target) not in of:
                assert set(texts_of) == {"–"}
                continue
            own = of[target, target][0]
            cost = {source: 100 * (of[source, target][0] / own - 1) for source in (MIXTURE, "vote", *others(target))}
            single = [cost[code] for code in others(target)]
            for text, value in zip(texts_of, (cost[MIXTURE], mean(single), min(single), cost["vote"]), strict=True):
                assert rounds(text.removesuffix(" %"), value), (name, texts_of, cost)


def test_at_80_percent_it_is_better_than_each_of_the_four_and_at_50_there_is_nothing_of_it(runs):
    found = {}
    for sparsity, of in runs.items():
        pairs = [(of[MIXTURE, t][1], of[s, t][1]) for t in targets(of) for s in others(t)]
        found[sparsity] = [gain_interval("perplexity", [pair]) for pair in pairs]
    gains, p = [test[0] for test in found[0.8]], [test[3] for test in found[0.8]]
    assert min(gains) > 0
    assert max(p) < 0.05
    assert max(false_discovery_control(p)) < 0.05
    says(PAGE, "significantly in all {} pairs (p < {}, and after Benjamini-Hochberg)", len(p), 0.05)
    assert min(test[3] for test in found[0.5]) >= 0.05
    says(PAGE, "none of {} pairs differs significantly", len(found[0.5]))
    for target in targets(runs[0.8]):
        assert runs[0.8][MIXTURE, target][0] < runs[0.8]["vote", target][0]


def test_the_page_has_it_beside_the_four_and_the_own(table):
    shown = across.multilingual(results.select(table, "mlm", 0.8), "mlm")
    assert set(shown["mixture"]) == {MIXTURE}
    assert set(shown["source"]) == {"full", "own", *FOUR, MIXTURE}
    assert not set(shown["target"]) & set(FOUR)
