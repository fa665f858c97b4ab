"""What the README of the tickets by the paper's recipe says, held against its rows, counts and parts.csv."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from claims import ROOT, rounds, rows, says

from neutral.search import winning
from neutral.study import Study

FOLDER = "data/studies/mini-mbert-transfer-paper"
PAGE = f"{FOLDER}/README.md"
CODES = ["en", "zh", "hi", "sw"]
PAIRS = [(source, target) for source, target in product(CODES, CODES) if source != target]


@pytest.fixture(scope="module")
def studies():
    """Recipe -> study: the paper's, and the transfer study's, whose rounds see the same examples."""
    return {"paper": Study(ROOT / FOLDER), "same": Study(ROOT / "data/studies/mini-mbert-transfer")}


@pytest.fixture(scope="module")
def parts():
    return pd.read_csv(ROOT / FOLDER / "parts.csv")


def trained(study, sparsity):
    """(source, target) -> perplexity after training under seed 1."""
    table = study.table("transfer")
    table = table[(table["task"] == "mlm") & (table["method"] == "magnitude") & (table["source_task"] == "mlm")]
    table = table[(table["sparsity"] == sparsity) & (table["seed"] == 1)]
    return dict(zip(zip(table["source"], table["target"], strict=True), table["value"], strict=True))


def mean(ratios):
    """The geometric mean of ratios, as a change in per cent."""
    return 100 * (np.exp(np.mean(np.log(list(ratios)))) - 1)


def cost(cells):
    return mean(cells[pair] / cells[pair[1], pair[1]] for pair in PAIRS)


@pytest.mark.parametrize("sparsity", [0.5, 0.8])
def test_every_cell_of_the_table(studies, sparsity):
    table = rows(PAGE, f"{sparsity:.0%}".replace("%", " %"), "overlap")
    assert [row[0] for row in table] == ["the paper's recipe", "the transfer study"]
    for row, study in zip(table, studies.values(), strict=True):
        counts = study.counts("mlm", "magnitude", sparsity).select(CODES)
        beyond = study.counts("mlm", "magnitude", sparsity, 0, "beyond").select(CODES)
        cells = trained(study, sparsity)
        changed = 100 * beyond.kept.sum(axis=0).mean() / counts.sizes.sum()
        owns = [cells[code, code] for code in CODES]
        values = [counts.jaccard()["value"].mean(), beyond.jaccard()["value"].mean(), changed]
        printed = [row[1], row[2], row[3].removesuffix(" %"), *row[4].split(", "), row[5].strip("+ %")]
        for text, value in zip(printed, [*values, *owns, cost(cells)], strict=True):
            assert rounds(text, value), (row[0], text, value)


def test_what_the_recipe_changes(studies):
    tickets = {(name, s): trained(study, s) for name, study in studies.items() for s in (0.5, 0.8)}
    own = {s: [tickets["paper", s][c, c] / tickets["same", s][c, c] for c in CODES] for s in (0.5, 0.8)}
    says(PAGE, "own tickets of 80 % are {} % better", -mean(own[0.8]))
    assert max(own[0.8]) < 1
    assert abs(mean(own[0.5])) < 0.5
    assert [ratio > 1 for ratio in own[0.5]] == [True, True, False, False]
    costs = [cost(tickets[name, s]) for s in (0.5, 0.8) for name in ("paper", "same")]
    says(PAGE, "costs {} % instead of {} % at 50 %, and {} % instead of {} % at 80 %", *costs)
    for s in (0.5, 0.8):
        assert all(tickets["paper", s][pair] > tickets["paper", s][pair[1], pair[1]] for pair in PAIRS)
    changed = [
        study.counts("mlm", "magnitude", 0.5, 0, "beyond").select(CODES).kept.sum() for study in studies.values()
    ]
    says(PAGE, "{} times as many weights differ from the untouched mask at 50 %", changed[0] / changed[1])


def test_every_cell_of_the_parts(parts):
    search = parts[parts["what"] == "search"].set_index(["recipe", "language", "sparsity"])["perplexity"]
    names = {
        "fresh examples": "fresh",
        "rate over all rounds": "whole",
        "head kept": "head",
        "all of the paper's": "paper",
    }
    for name, *cells in rows(PAGE, "part", "full model"):
        for sparsity, cell in zip((0.0, 0.1, 0.3, 0.5, 0.8), cells, strict=True):
            if (names[name], "en", sparsity) not in search.index:
                assert cell == "–"
                continue
            change = mean(search[names[name], code, sparsity] / search["same", code, sparsity] for code in CODES)
            assert rounds(cell.strip("+ %"), change), (name, sparsity, cell, change)


def test_repeated_examples_explain_why_own_tickets_look_worse_on_them(parts, studies):
    retrained = parts[parts["what"] == "retrained"].set_index(["recipe", "language", "seed"])["perplexity"]
    for code, numbers in (("en", "{} instead of {} for English"), ("hi", "{} instead of {} for Hindi")):
        says(PAGE, numbers, retrained["fresh", code, 0], retrained["same", code, 0])
    table = studies["same"].table("transfer")
    table = table[(table["task"] == "mlm") & (table["method"] == "magnitude") & (table["source_task"] == "mlm")]
    table = table[(table["sparsity"] == 0.5) & (table["seed"] == 0) & table["source"].isin(CODES)]
    for code in ("en", "hi"):
        others = table[(table["target"] == code) & (table["source"] != code)]["value"]
        assert retrained["same", code, 0] > others.max()
        assert retrained["fresh", code, 0] < others.mean()


def test_tickets_of_transfer_do_not_count_where_their_rounds_were_trained_otherwise(studies):
    """The head is kept in the paper's rounds, so a round's score is no second seed of a transfer's."""
    assert set(winning.levels(winning.runs(studies["paper"]), "mlm")["seeds"]) == {1}
    assert (winning.levels(winning.runs(studies["same"]), "mlm")["seeds"] > 1).any()
