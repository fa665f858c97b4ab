"""What the README of the tickets trained on a GPU says, held against its rows, counts and stored tests."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from claims import README, ROOT, rounds, rows, says
from gputickets import BUNDLED, CODES, GPU, PAGE, by_pair, control, explained, jaccard, levels_of, rest
from scipy.stats import spearmanr

from neutral import association, typology
from neutral.association import agreement
from neutral.search import winning
from neutral.study import Study

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
SEEDS = {s: (0, 1) if s in LEVELS else (1,) for s in (*LEVELS, 0.7, 0.8)}
PAIRS = list(combinations(CODES, 2))
METHODS = ("magnitude", "wanda")
FAMILIES = typology.families(CODES)
NAMES = {
    "less text of the two": "scarcity",
    "vocabulary, types": "types",
    "vocabulary, occurrences": "occurrences",
    "text size": "size",
    "script": "script",
    "syntax": "syntactic",
    "geography": "geographic",
    "genealogy": "genetic",
}


@pytest.fixture(scope="module")
def prolonged():
    return Study(ROOT / "data/studies/mini-mbert-transfer")


def scores(study, seed=0):
    """Perplexity after training under a seed: a row a language, a column a sparsity (0: the full model)."""
    table = study.table("score")
    table = table[(table["seed"] == seed) & (table["variant"] == "trained") & (table["task"] == "mlm")]
    table = table[table["method"].isin(["full", "magnitude"])]
    return table.pivot(index="language", columns="sparsity", values="value").loc[CODES]


def cost(study, sparsity, seed=0):
    """Perplexity against the full model's, geometric mean over the languages, in %."""
    table = scores(study, seed)
    return 100 * (np.exp(np.log(table[sparsity] / table[0.0]).mean()) - 1)


def tokens(study):
    """How many tokens of text each language has: Urdu has the least, and the others by their distances from it."""
    table = study.table("distance").astype({"value": float})
    table = table[(table["source"] == "ur") | (table["target"] == "ur")]
    table = table.assign(other=table["source"].where(table["source"] != "ur", table["target"]))
    value = table.set_index(["distance", "other"])["value"]
    assert value["scarcity"].nunique() == 1  # Urdu's, in every pair
    more = pd.Series({"ur": 0.0, **value["size"]})
    return 10 ** (more - value["scarcity"].iloc[0])[CODES]


def test_the_run_is_what_the_readme_says():
    here, there = (study.info["settings"]["magnitude"]["recipe"] for study in (GPU, BUNDLED))
    per_round = [recipe["steps"] * recipe["batch_size"] for recipe in (here, there)]
    says(PAGE, "with {} times as many tokens a round", per_round[0] / per_round[1])
    says(
        README,
        "With {} times the training, on one H200, they overlap {},",
        per_round[0] / per_round[1],
        jaccard(GPU)["value"].mean(),
    )
    assert (here["schedule"], here["examples"], here["head"]) == ("whole", "fresh", "keep")
    assert GPU.info["settings"]["magnitude"]["sparsities"] == list(SEEDS)
    assert GPU.info["versions"]["torch"] == "2.11.0"
    assert GPU.info["text"] == BUNDLED.info["text"]
    assert GPU.info["seeds"] == [0, 1]
    assert set(GPU.masks_index()["seed"]) == {0}
    config = json.loads((ROOT / "data/models/mini-mbert/config.json").read_text())
    assert config["hidden_dropout_prob"] == config["attention_probs_dropout_prob"] == 0
    table = GPU.table("score")
    says(PAGE, "{} to {} masked tokens", table["tokens"].min(), table["tokens"].max())
    both = [s.table("score").drop_duplicates("language").set_index("language")["tokens"] for s in (GPU, BUNDLED)]
    assert both[0].to_dict() == both[1].to_dict()


def test_the_table_of_levels(prolonged):
    cells = rows(PAGE, "sparsity", "overlap", "untouched mask")
    assert [row[0] for row in cells] == [f"{round(100 * s)} %" for s in SEEDS]
    wrong, apart = [], []
    for (sparsity, seeds), row in zip(SEEDS.items(), cells, strict=True):
        other = BUNDLED if sparsity <= 0.5 else prolonged
        means = [jaccard(GPU, sparsity=sparsity, seed=seed)["value"].mean() for seed in seeds]
        apart.append(np.ptp(means))
        changes = [jaccard(GPU, sparsity=sparsity, kind="beyond", seed=seed)["value"].mean() for seed in seeds]
        values = [np.mean(means), np.mean([control(GPU, sparsity, seed).mean() for seed in seeds]), np.mean(changes)]
        values += [cost(GPU, sparsity, seed) for seed in seeds]
        values += [jaccard(other, sparsity=sparsity)["value"].mean(), control(other, sparsity).mean()]
        printed = [part for cell in row[1:] for part in cell.removesuffix(" %").split(", ")]
        wrong += [(sparsity, *both) for both in zip(printed, [*values, cost(other, sparsity)], strict=True)]
    assert not [each for each in wrong if not rounds(*each[1:])]
    says(PAGE, "the two agree to {}.", max(apart))


def test_overlap_and_what_the_untouched_weights_have_of_it():
    values = by_pair(jaccard(GPU))
    assert (values.index[0], values.index[-1]) == (("ur", "sw"), ("en", "es"))
    shuffled = jaccard(GPU, kind="shuffled")["value"].mean()
    says(PAGE, "Masks shuffled within their tensors overlap {}.", shuffled)
    assert jaccard(GPU, kind="shuffled", seed=1)["value"].mean() == pytest.approx(shuffled, abs=0.0005)
    changed = []
    for study in (GPU, BUNDLED):
        counts = study.counts("mlm", "magnitude", 0.5, 0, kind="beyond")
        changed.append(100 * counts.kept.sum(axis=0).mean() / counts.sizes.sum())
    says(PAGE, "control in {} % of the weights (bundled {} %)", *changed)
    says(PAGE, "A ticket changes {} % of the untouched mask", changed[0])
    counts = GPU.counts("mlm", "magnitude", 0.5, 0, kind="beyond")
    at, kept, sizes = list(counts.members), counts.kept.astype(float), counts.sizes.astype(float)
    chance = []
    for a, b in PAIRS:
        one, other = kept[:, at.index(a)], kept[:, at.index(b)]
        both = (one * other / sizes).sum()
        chance.append(both / (one.sum() + other.sum() - both))
    shares = [100 * jaccard(study, kind="beyond")["value"].mean() for study in (GPU, BUNDLED)]
    says(PAGE, "{} % are the same ones (bundled {} %; {} % by chance)", *shares, 100 * np.mean(chance))


def test_the_spread_is_the_languages_own_levels():
    values, before = (jaccard(study)["value"] for study in (GPU, BUNDLED))
    ends = values.min(), values.max()
    says(PAGE, "range over {} at 50 % ({} ur-sw to {} en-es; bundled {})", np.ptp(values), *ends, np.ptp(before))
    says(PAGE, "deviation is {} (bundled {})", values.std(), before.std())
    shares = [explained(t) for t in (jaccard(GPU), jaccard(BUNDLED), jaccard(BUNDLED, "wanda"))]
    says(PAGE, "But {} % of that variance", 100 * shares[0])
    says(PAGE, "(bundled {} %, its Wanda masks {} %)", *(100 * share for share in shares[1:]))
    text = tokens(GPU)
    own, near = (
        [f(s) for s in (0, 1)] for f in (lambda s: levels_of(jaccard(GPU, seed=s)), lambda s: control(GPU, seed=s))
    )
    both = [spearmanr(*each).statistic for each in zip(own, near, strict=True)]
    says(PAGE, "from the control (ρ = {} over the eleven, {} under seed 1)", *both)
    says(PAGE, "the amount of its text (ρ = {} and {}).", *(spearmanr(each, text).statistic for each in near))
    recipe = GPU.info["settings"]["magnitude"]["recipe"]
    passes = recipe["steps"] * recipe["batch_size"] * GPU.info["length"] / text
    assert (passes.idxmin(), passes.idxmax()) == ("en", "ur")
    says(PAGE, "reads each text {} times (en) to {} times (ur)", passes.min(), passes.max())
    for seed in (0, 1):
        assert all("ur" in pair for pair in by_pair(jaccard(GPU, seed=seed)).index[:5])
        levels = [s for s, seeds in SEEDS.items() if seed in seeds]
        ranks = pd.DataFrame({s: jaccard(GPU, sparsity=s, seed=seed)["value"] for s in levels}).corr(method="spearman")
        assert ranks.loc[list(LEVELS), list(LEVELS)].min(axis=None) > 0.985
    says(PAGE, "(ρ 0.99 and more; with 80 % {})", ranks[0.8].min())


def test_short_and_long_training_agree_better_at_80(prolonged):
    table = jaccard(GPU, sparsity=0.8, seed=1)
    others = [jaccard(prolonged, sparsity=0.8, seed=seed) for seed in (0, 2)]
    says(PAGE, "own levels are less ({} % of the variance; {} % in", *(100 * explained(t) for t in (table, others[0])))
    raw = [agreement.over_pairs(table, other).iloc[0] for other in others]
    left = [agreement.over_pairs(rest(table), rest(other)).iloc[0] for other in others]
    numbers = [each[column] for each, column in zip(raw * 2, ("rho", "rho", "p", "p"), strict=True)]
    says(PAGE, "ρ = {} and {} (p = {} and {}), own levels", *numbers)
    says(PAGE, "own levels out with {} and {} (both {})", *(each["rho"] for each in left), left[0]["p"])
    assert left[0]["p"] == left[1]["p"]
    distances = GPU.table("distance").astype({"value": float})
    of = association.associations(others[0], distances).set_index("distance")
    text = of.loc["scarcity"]
    says(PAGE, "goes with geography ({}) and less with the smaller", of.loc["geographic", "rho"])
    says(PAGE, "smaller text ({}, Holm {})", text["rho"], text["holm"])


def test_what_is_left_without_them():
    left = by_pair(rest(jaccard(GPU)))[::-1]
    assert list(left.index[:2]) == [("ur", "hi"), ("fr", "es")]
    assert set(left.index[2:6]) == {("en", "es"), ("en", "fr"), ("en", "de"), ("fa", "ur")}
    first = *left.iloc[:2], left.iloc[5]
    says(PAGE, "ur-hi (+{}), fr-es (+{}), en-es, en-fr, en-de and fa-ur (+{})", *first)
    again = by_pair(rest(jaccard(GPU, seed=1)))[::-1]
    assert set(again.index[:7]) == {*left.index[:6], ("fa", "ar")}
    changes, again = (by_pair(jaccard(GPU, kind="beyond", seed=seed))[::-1] for seed in (0, 1))
    assert list(changes.index[:5]) == [("fr", "es"), ("en", "es"), ("en", "fr"), ("en", "de"), ("ur", "hi")]
    assert set(again.index[:5]) == set(changes.index[:5])
    says(PAGE, "en-de and ur-hi ({} to {}) do", changes.iloc[4], changes.iloc[0])


def test_it_agrees_with_the_bundled_masks():
    apart = []
    for name, *cells in rows(PAGE, "these tickets beside", "ρ", "p"):
        method = "wanda" if "Wanda" in name else "magnitude"
        kind = "beyond" if "changes" in name else "languages"
        tables = [jaccard(GPU, kind=kind), jaccard(BUNDLED, method, kind=kind)]
        if "levels" in name:
            tables = [rest(table) for table in tables]
        plain, within = (agreement.over_pairs(*tables, within=blocks).iloc[0] for blocks in (None, FAMILIES))
        values = plain["rho"], plain["p"], within["tested"], within["p"]
        assert all(rounds(cell, value) for cell, value in zip(cells, values, strict=True)), (name, values)
        if name == "bundled Wanda, own levels out":
            says(PAGE, "Wanda masks do (ρ = {})", plain["rho"])
        again = jaccard(GPU, kind=kind, seed=1)
        again = rest(again) if "levels" in name else again
        tests = [agreement.over_pairs(again, tables[1], within=blocks).iloc[0] for blocks in (None, FAMILIES)]
        apart += [tests[0]["rho"] - plain["rho"], tests[1]["tested"] - within["tested"]]
    says(PAGE, "settled before ({} with Wanda's)", tests[0]["rho"])
    assert 0.015 < np.abs(apart).max() < 0.03, "within 0.03 of all these"
    layers = [agreement.over_layers(jaccard_by_layer(GPU), jaccard_by_layer(BUNDLED, m)).means for m in METHODS]
    says(PAGE, "as the bundled tickets' do (ρ = {}), not as Wanda's ({})", *layers)


def jaccard_by_layer(study, method="magnitude"):
    return study.counts("mlm", method, 0.5, 0).jaccard("layer")


def test_layers_and_components():
    layers = jaccard_by_layer(GPU).groupby("group", sort=False)["value"].mean().to_numpy()
    assert (layers.argmin(), layers.argmax()) == (0, 11)
    says(PAGE, "layer 0 ({}), {} in layer 3, {} in layer 7 and highest in the last ({})", *layers[[0, 3, 7, 11]])
    gone = GPU.counts("mlm", "magnitude", 0.5, 0).sparsity(by="layer").groupby("group", sort=False)["value"].mean()
    says(PAGE, "of which {} % is gone at 50 %", 100 * gone.iloc[-1])
    parts = GPU.counts("mlm", "magnitude", 0.5, 0).jaccard("component").groupby("group")["value"].mean()
    assert set(parts.nsmallest(2).index) == {"attention_output", "down"}
    assert set(parts.nlargest(2).index) == {"query", "key"}
    differ = parts["attention_output"], parts["down"]
    says(PAGE, "Attention output ({}) and the second feed-forward matrix ({})", *differ)
    says(PAGE, "query and key ({}, {}) least", parts["query"], parts["key"])


def functional(study, seed=0):
    """Perplexity without training on the target under the source's ticket of 50 %: a square, and rows of controls."""
    table = study.table("functional")
    table = table[(table["method"] == "magnitude") & (table["sparsity"] == 0.5) & (table["seed"] == seed)]
    return table.pivot(index="source", columns="target", values="value")


def test_what_tickets_do_without_training():
    costs, rhos, own, others, more = [], [], [], [], []
    for study, seed in ((GPU, 0), (GPU, 1), (BUNDLED, 0)):
        table = functional(study, seed)
        assert table.shape == (14, 11)
        square = table.loc[CODES, CODES]
        own.append(pd.Series(np.diag(square), CODES))
        others.append(square.mask(np.eye(11, dtype=bool)))
        times = others[-1] / own[-1]
        assert times.min().min() > 1
        costs.append(100 * (np.exp(np.nanmean(np.log(times))) - 1))
        overlap = study.counts("mlm", "magnitude", 0.5, seed).matrix("jaccard")
        ordered = [(a, b) for a in CODES for b in CODES if a != b]
        rhos.append(spearmanr([overlap.loc[p] for p in ordered], [-times.loc[p] for p in ordered]).statistic)
        more.append(100 * (table.loc["pretrained", CODES] / own[-1] - 1))
    says(PAGE, "another language's costs {} and {} % more in the mean (bundled {} %)", *costs)
    says(PAGE, "(ρ = {} over 110 ordered pairs and {} under seed 1; bundled {};", *rhos)
    both = pd.concat(more[:2])
    says(PAGE, "untouched weights {} % (fa) to {} % (ru) more", both.min(), both.max())
    assert (both.idxmin(), both.idxmax()) == ("fa", "ru")
    lower = pd.concat([100 * (1 - each / own[2]) for each in own[:2]])
    says(PAGE, "An own ticket is {} % (hi) to {} % (ar) better", lower.min(), lower.max())
    assert (lower.idxmin(), lower.idxmax()) == ("hi", "ar")
    change = 100 * (own[1] / own[0] - 1)
    mean = 100 * (np.exp(np.log(own[1] / own[0]).mean()) - 1)
    says(
        PAGE,
        "costs {} % in the mean against seed 0's, between {} % (ar) and {} % (en)",
        mean,
        change.min(),
        change.max(),
    )
    assert (change.idxmin(), change.idxmax()) == ("ar", "en")
    least = min((others[seed] / own[1 - seed]).min().min() for seed in (0, 1))
    says(PAGE, "Any other language's is at least {} % worse than the own one of", 100 * (least - 1))


def test_every_ticket_is_below_the_full_model():
    table, before = scores(GPU), BUNDLED.table("score")
    untrained = before[(before["method"] == "full") & (before["variant"] == "untrained")].set_index("language")["value"]
    tables = [table, scores(GPU, 1)]
    assert all((each[0.0] < untrained[CODES]).all() for each in tables)
    says(PAGE, "en from {} to {}, ur from {} to {})", *(v[c] for c in ("en", "ur") for v in (untrained, table[0.0])))
    above = pd.concat([100 * each.div(each[0.0], axis=0) - 100 for each in tables])
    assert above[list(LEVELS)].max(axis=None) < 0
    assert [(above[s].idxmax(), above[s].idxmin()) for s in (0.5, 0.6)] == [("ur", "sw"), ("fa", "ar")]
    numbers = [-f(above[s]) for s in (0.5, 0.6) for f in (max, min)]
    says(PAGE, "50 % by {} % (ur) to {} % (sw), at 60 % by {} % (fa) to {} % (ar)", *numbers)
    above = 100 * tables[1].div(tables[1][0.0], axis=0) - 100
    assert ((above[0.7] < 0).sum(), above[0.8].idxmin(), above[0.8].idxmax()) == (2, "zh", "ru")
    says(PAGE, "at 80 % all are {} % (zh) to {} % (ru) above", above[0.8].min(), above[0.8].max())
    runs, better = winning.runs(GPU), {}
    for seed in (0, 1):
        tested = winning.levels(runs[runs["seed"] == seed], "mlm")
        assert tested[tested["sparsity"] < 0.65]["not_worse"].all()
        better[seed] = (tested["low"] > 0).groupby(tested["sparsity"]).sum()
    counted = [better[seed][s] for seed in (0, 1) for s in (0.5, 0.6)]
    says(PAGE, "better are {} of 11 at 50 % and {} at 60 % under seed 0, {} and {} under seed 1", *counted)
    worse = tested[~tested["not_worse"].astype(bool)].groupby("sparsity")["language"].agg(set)
    assert (worse[0.7], worse[0.8]) == ({"en", "ru"}, set(CODES))
    won = winning.by_rule(winning.winners(tested))["not_worse"]
    assert {code: 0.6 if code in ("en", "ru") else 0.7 for code in CODES} == won
    says(PAGE, "10 % alone should lower perplexity by {} %", -cost(GPU, 0.1))
    moved = [(100 * (tables[1][s] / tables[0][s] - 1)).abs().max() for s in (0.0, 0.5)]
    says(PAGE, "up to {} % from that of the other, a ticket of 50 % up to {} %", *moved)


def test_distances():
    stored = GPU.table("association")
    stored = stored[(stored["by"] == "all") & (stored["controls"] == "")]
    every = stored.set_index(["measure", "scheme", "seed", "sparsity", "distance"]).sort_index()
    assert set(stored.groupby("seed")["sparsity"].nunique()) == {6, 8}
    of = stored[stored["seed"] == 0].set_index(["measure", "scheme", "sparsity", "distance"]).sort_index()
    distances = GPU.table("distance").astype({"value": float})
    left, again, sparse = (
        association.associations(rest(jaccard(GPU, sparsity=sparsity, seed=seed)), distances).set_index("distance")
        for sparsity, seed in ((0.5, 0), (0.5, 1), (0.8, 1))
    )
    for name, *cells in rows(PAGE, "distance", "50 %: overlap"):
        key = NAMES[name]
        tests = [of.loc[("jaccard", "plain", 0.5, key)], of.loc[("beyond", "plain", 0.5, key)], left.loc[key]]
        tests += [every.loc[("jaccard", "plain", 1, 0.8, key)], sparse.loc[key]]
        for cell, test in zip(cells, tests, strict=True):
            rho, holm = cell.removesuffix(")").split(" (")
            assert rounds(rho, test["rho"]), (name, cell, test)
            assert rounds(holm, test["holm"]), (name, cell, test)
    assert (every.loc["jaccard", "family"].xs("scarcity", level="distance")["holm"] < 0.03).all()
    least = every.loc["jaccard", "plain"].xs("scarcity", level="distance")["rho"]
    dense = least.drop(0.8, level="sparsity")
    says(
        PAGE,
        "smaller text**, {} to {} at all levels to 70 % under both seeds, {} at 80 %",
        dense.max(),
        dense.min(),
        least[1][0.8],
    )
    plain = of.loc["jaccard", "plain"]
    text, places = (plain.loc[(0.5, name), "rho"] for name in ("scarcity", "geographic"))
    says(README, "the amount of text (ρ = {}), not geography ({})", text, places)
    plain = every.loc["jaccard", "plain"]
    raw = plain[plain.index.isin(["syntactic", "geographic", "genetic"], level="distance")]["rho"]
    says(PAGE, "syntax or genealogy (|ρ| at most {})", raw.abs().max())
    words = plain[plain.index.isin(["types", "occurrences"], level="distance")]["holm"]
    says(PAGE, "Vocabulary goes with it (Holm {} to {})", words.min(), words.max())
    changes = every.loc["beyond", "plain"]
    types, places = (changes.xs(name, level="distance") for name in ("types", "geographic"))
    ranges = [f(each["rho"]) for each in (types, places) for f in (max, min)]
    says(PAGE, "types {} to {}; geography {} to {},", *ranges)
    says(PAGE, "Holm {} and less)", max(types["holm"].max(), places["holm"].max()))
    held = association.associations(jaccard(GPU), distances, controls=("scarcity",)).set_index("distance")
    says(PAGE, "is left of that (types {}, Holm {})", held.loc["types", "rho"], held.loc["types", "holm"])
    held, inside = (
        association.associations(
            jaccard(GPU, kind="beyond"), distances, controls=("scarcity",), within=blocks
        ).set_index("distance")
        for blocks in (None, FAMILIES)
    )
    both = ["types", "geographic"]
    says(PAGE, "types have {} and geography {}, Holm {} and {}", *held.loc[both, "rho"], *held.loc[both, "holm"])
    says(PAGE, "within families {} and {}.", *inside.loc[both, "holm"])
    hold = [set(each.index[each["holm"] <= 0.05]) for each in (left, again, sparse)]
    both = {"geographic", "types", "occurrences"}
    assert hold == [both, both | {"script"}, both | {"script", "syntactic"}]
    says(PAGE, "script does under seed 1 alone (Holm {}),", again.loc["script", "holm"])
    inside = association.associations(rest(jaccard(GPU)), distances, within=FAMILIES).set_index("distance")
    says(PAGE, "geography has {} (Holm {})", *inside.loc["geographic", ["tested", "holm"]])
    wanda = association.associations(rest(jaccard(BUNDLED, "wanda")), distances).set_index("distance")["rho"]
    says(PAGE, "treated alike, geography has {} and types {}", wanda["geographic"], wanda["types"])
