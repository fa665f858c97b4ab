"""What the README of the tickets trained on a GPU says, held against its rows, counts and stored tests."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from claims import README, ROOT, rounds, rows, says
from scipy.stats import spearmanr

from neutral import association, typology
from neutral.association import agreement
from neutral.languages import PAPER_ORDER
from neutral.search import winning
from neutral.study import Study

PAGE = "data/studies/mini-mbert-mlm-gpu/README.md"
CODES = list(PAPER_ORDER)
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
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
def gpu():
    return Study(ROOT / "data/studies/mini-mbert-mlm-gpu")


@pytest.fixture(scope="module")
def bundled():
    return Study(ROOT / "data/studies/mini-mbert-mlm")


@pytest.fixture(scope="module")
def prolonged():
    return Study(ROOT / "data/studies/mini-mbert-transfer")


def jaccard(study, method="magnitude", sparsity=0.5, kind="languages"):
    """The overlap of the 55 pairs: group, source, target, value."""
    return study.counts("mlm", method, sparsity, 0, kind=kind).jaccard()


def control(study, sparsity=0.5):
    square = study.counts("mlm", "magnitude", sparsity, 0, kind="pretrained").matrix("jaccard")
    return square.loc["pretrained", CODES]


def designed(table):
    return np.array([[float(code in pair) for code in CODES] for pair in zip(table.source, table.target, strict=True)])


def levels_of(table):
    """One number a language, whose sums over pairs are nearest to the overlap (least squares)."""
    return pd.Series(np.linalg.lstsq(designed(table), table["value"].to_numpy(), rcond=None)[0], CODES)


def rest(table):
    """The overlap without the languages' own levels."""
    return table.assign(value=table["value"] - designed(table) @ levels_of(table).to_numpy())


def explained(table):
    return 1 - rest(table)["value"].var() / table["value"].var()


def by_pair(table):
    return pd.Series(table["value"].to_numpy(), [(r.source, r.target) for r in table.itertuples()]).sort_values()


def scores(study):
    """Perplexity after training, seed 0: a row a language, a column a sparsity (0: the full model)."""
    table = study.table("score")
    table = table[(table["seed"] == 0) & (table["variant"] == "trained") & (table["task"] == "mlm")]
    table = table[table["method"].isin(["full", "magnitude"])]
    return table.pivot(index="language", columns="sparsity", values="value").loc[CODES]


def cost(study, sparsity):
    """Perplexity against the full model's, geometric mean over the languages, in %."""
    table = scores(study)
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


def test_the_run_is_what_the_readme_says(gpu, bundled):
    here, there = (study.info["settings"]["magnitude"]["recipe"] for study in (gpu, bundled))
    per_round = [recipe["steps"] * recipe["batch_size"] for recipe in (here, there)]
    says(PAGE, "with {} times as many tokens a round", per_round[0] / per_round[1])
    says(
        README,
        "With {} times the training, on a GPU, they overlap {},",
        per_round[0] / per_round[1],
        jaccard(gpu)["value"].mean(),
    )
    assert (here["schedule"], here["examples"], here["head"]) == ("whole", "fresh", "keep")
    assert gpu.info["settings"]["magnitude"]["sparsities"] == list(LEVELS)
    assert gpu.info["versions"]["torch"] == "2.11.0"
    assert gpu.info["text"] == bundled.info["text"]
    assert gpu.info["seeds"] == [0]
    assert len(gpu.masks_index()) == 11
    table = gpu.table("score")
    says(PAGE, "{} to {} masked tokens", table["tokens"].min(), table["tokens"].max())
    both = [s.table("score").drop_duplicates("language").set_index("language")["tokens"] for s in (gpu, bundled)]
    assert both[0].to_dict() == both[1].to_dict()


def test_the_table_of_levels(gpu, bundled, prolonged):
    cells = rows(PAGE, "sparsity", "overlap", "with the untouched mask")
    assert [row[0] for row in cells] == [f"{round(100 * s)} %" for s in LEVELS]
    wrong = []
    for sparsity, row in zip(LEVELS, cells, strict=True):
        other = bundled if sparsity <= 0.5 else prolonged
        changes = jaccard(gpu, sparsity=sparsity, kind="beyond")["value"].mean()
        values = [jaccard(gpu, sparsity=sparsity)["value"].mean(), control(gpu, sparsity).mean(), changes]
        values += [cost(gpu, sparsity), jaccard(other, sparsity=sparsity)["value"].mean()]
        values += [control(other, sparsity).mean(), cost(other, sparsity)]
        printed = [cell.removesuffix(" %") for cell in row[1:]]
        wrong += [(sparsity, *both) for both in zip(printed, values, strict=True) if not rounds(*both)]
    assert not wrong


def test_overlap_and_what_the_untouched_weights_have_of_it(gpu, bundled):
    values, before = by_pair(jaccard(gpu)), by_pair(jaccard(bundled))
    says(PAGE, "falls from {} to {}, and its range", before.mean(), values.mean())
    says(PAGE, "over the pairs grows {}-fold", np.ptp(values) / np.ptp(before))
    assert (values.index[0], values.index[-1]) == (("ur", "sw"), ("en", "es"))
    shuffled = jaccard(gpu, kind="shuffled")["value"].mean()
    says(PAGE, "overlap {} ({} ur-sw to {} en-es;", values.mean(), values.min(), values.max())
    says(PAGE, "masks shuffled within their tensors {}), and", shuffled)
    says(PAGE, "untouched weights: {}.", control(gpu).mean())
    assert control(gpu).min() > values.max()
    changed = []
    for study in (gpu, bundled):
        counts = study.counts("mlm", "magnitude", 0.5, 0, kind="beyond")
        changed.append(100 * counts.kept.sum(axis=0).mean() / counts.sizes.sum())
    says(PAGE, "in {} % of the weights (bundled {} %)", *changed)
    counts = gpu.counts("mlm", "magnitude", 0.5, 0, kind="beyond")
    at, kept, sizes = list(counts.members), counts.kept.astype(float), counts.sizes.astype(float)
    chance = []
    for a, b in PAIRS:
        one, other = kept[:, at.index(a)], kept[:, at.index(b)]
        both = (one * other / sizes).sum()
        chance.append(both / (one.sum() + other.sum() - both))
    shares = [100 * jaccard(study, kind="beyond")["value"].mean() for study in (gpu, bundled)]
    says(PAGE, "{} % are the same ones (bundled {} %; {} % by chance)", *shares, 100 * np.mean(chance))


def test_the_spread_is_the_languages_own_levels(gpu, bundled):
    values, before = (jaccard(study)["value"] for study in (gpu, bundled))
    says(PAGE, "Overlaps range over {} at 50 % (bundled {})", np.ptp(values), np.ptp(before))
    says(PAGE, "deviation is {} (bundled {})", values.std(), before.std())
    shares = [explained(t) for t in (jaccard(gpu), jaccard(bundled), jaccard(bundled, "wanda"))]
    says(PAGE, "But {} % of that variance", 100 * shares[0])
    says(PAGE, "(bundled {} %, its Wanda masks {} %)", *(100 * share for share in shares[1:]))
    own, near, text = levels_of(jaccard(gpu)), control(gpu), tokens(gpu)
    says(PAGE, "from the control (ρ = {} over the eleven)", spearmanr(own, near).statistic)
    says(PAGE, "the amount of its text (ρ = {}):", spearmanr(near, text).statistic)
    recipe = gpu.info["settings"]["magnitude"]["recipe"]
    passes = recipe["steps"] * recipe["batch_size"] * gpu.info["length"] / text
    assert (passes.idxmin(), passes.idxmax()) == ("en", "ur")
    says(PAGE, "reads the text {} times (en) to {} times (ur)", passes.min(), passes.max())
    assert all("ur" in pair for pair in by_pair(jaccard(gpu)).index[:5])
    ranks = pd.DataFrame({s: jaccard(gpu, sparsity=s)["value"] for s in LEVELS}).corr(method="spearman")
    assert ranks.min(axis=None) > 0.985


def test_what_is_left_without_them(gpu):
    left = by_pair(rest(jaccard(gpu)))[::-1]
    assert list(left.index[:2]) == [("ur", "hi"), ("fr", "es")]
    assert set(left.index[2:6]) == {("en", "es"), ("en", "fr"), ("en", "de"), ("fa", "ur")}
    first = *left.iloc[:2], left.iloc[5]
    says(PAGE, "ur-hi (+{}), fr-es (+{}), en-es, en-fr, en-de and fa-ur (+{})", *first)
    changes = by_pair(jaccard(gpu, kind="beyond"))[::-1]
    assert list(changes.index[:5]) == [("fr", "es"), ("en", "es"), ("en", "fr"), ("en", "de"), ("ur", "hi")]
    says(PAGE, "en-de and ur-hi ({} to {}) do", changes.iloc[4], changes.iloc[0])


def test_it_agrees_with_the_bundled_masks(gpu, bundled):
    for name, *cells in rows(PAGE, "these tickets beside", "ρ", "p"):
        method = "wanda" if "Wanda" in name else "magnitude"
        kind = "beyond" if "changes" in name else "languages"
        tables = [jaccard(gpu, kind=kind), jaccard(bundled, method, kind=kind)]
        if "levels" in name:
            tables = [rest(table) for table in tables]
        plain, within = (agreement.over_pairs(*tables, within=blocks).iloc[0] for blocks in (None, FAMILIES))
        values = plain["rho"], plain["p"], within["tested"], within["p"]
        assert all(rounds(cell, value) for cell, value in zip(cells, values, strict=True)), (name, values)
        if name == "bundled Wanda, own levels out":
            says(PAGE, "Wanda masks do (ρ = {})", plain["rho"])
    layers = [agreement.over_layers(jaccard_by_layer(gpu), jaccard_by_layer(bundled, m)).means for m in METHODS]
    says(PAGE, "as the bundled tickets' do (ρ = {}), not as Wanda's ({})", *layers)


def jaccard_by_layer(study, method="magnitude"):
    return study.counts("mlm", method, 0.5, 0).jaccard("layer")


def test_layers_and_components(gpu):
    layers = jaccard_by_layer(gpu).groupby("group", sort=False)["value"].mean().to_numpy()
    assert (layers.argmin(), layers.argmax()) == (0, 11)
    says(PAGE, "layer 0 ({}), {} in layer 3, {} in layer 7 and highest in the last ({})", *layers[[0, 3, 7, 11]])
    gone = gpu.counts("mlm", "magnitude", 0.5, 0).sparsity(by="layer").groupby("group", sort=False)["value"].mean()
    says(PAGE, "of which {} % is gone at 50 %", 100 * gone.iloc[-1])
    parts = gpu.counts("mlm", "magnitude", 0.5, 0).jaccard("component").groupby("group")["value"].mean()
    assert set(parts.nsmallest(2).index) == {"attention_output", "down"}
    assert set(parts.nlargest(2).index) == {"query", "key"}
    differ = parts["attention_output"], parts["down"]
    says(PAGE, "Attention output ({}) and the second feed-forward matrix ({})", *differ)
    says(PAGE, "query and key ({}, {}) least", parts["query"], parts["key"])


def functional(study):
    """Perplexity without training on the target under the source's ticket of 50 %: a square, and rows of controls."""
    table = study.table("functional")
    table = table[(table["method"] == "magnitude") & (table["sparsity"] == 0.5)]
    return table.pivot(index="source", columns="target", values="value")


def test_what_tickets_do_without_training(gpu, bundled):
    costs, own = [], {}
    for study in (gpu, bundled):
        table = functional(study)
        assert table.shape == (14, 11)
        own[study] = pd.Series(np.diag(table.loc[CODES, CODES]), CODES)
        times = (table.loc[CODES, CODES] / own[study]).mask(np.eye(11, dtype=bool))
        assert times.min().min() > 1
        costs.append(100 * (np.exp(np.nanmean(np.log(times))) - 1))
        if study is gpu:
            ordered = [(a, b) for a in CODES for b in CODES if a != b]
            cost = [-times.loc[pair] for pair in ordered]
            square = gpu.counts("mlm", "magnitude", 0.5, 0).matrix("jaccard")
            rho = spearmanr([square.loc[pair] for pair in ordered], cost).statistic
            more = 100 * (table.loc["pretrained", CODES] / own[gpu] - 1)
    says(PAGE, "another language's costs {} % more in the mean (bundled {} %)", *costs)
    says(PAGE, "untouched weights {} % (fa) to {} % (hi) more", more.min(), more.max())
    assert (more.idxmin(), more.idxmax()) == ("fa", "hi")
    lower = 100 * (own[gpu] / own[bundled] - 1)
    says(PAGE, "an own ticket is {} % (sw) to {} % (ru) better", -lower.min(), -lower.max())
    assert (lower.idxmin(), lower.idxmax()) == ("sw", "ru")
    says(PAGE, "does well (ρ = {} over 110 ordered pairs;", rho)


def test_every_ticket_is_below_the_full_model(gpu, bundled):
    table, before = scores(gpu), bundled.table("score")
    untrained = before[(before["method"] == "full") & (before["variant"] == "untrained")].set_index("language")["value"]
    assert (table[0.0] < untrained[CODES]).all()
    says(PAGE, "(en from {} to {}, ur from {} to {})", *(v[c] for c in ("en", "ur") for v in (untrained, table[0.0])))
    above = 100 * table.div(table[0.0], axis=0) - 100
    assert above[list(LEVELS)].max(axis=None) < 0
    assert [(above[s].idxmax(), above[s].idxmin()) for s in (0.5, 0.6)] == [("ur", "de"), ("es", "de")]
    numbers = [-f(above[s]) for s in (0.5, 0.6) for f in (max, min)]
    says(PAGE, "50 % by {} % (ur) to {} % (de), at 60 % by {} % (es) to {} % (de)", *numbers)
    tested = winning.levels(winning.runs(gpu), "mlm")
    assert tested["not_worse"].all()
    better = (tested["low"] > 0).groupby(tested["sparsity"]).sum()
    says(PAGE, "{} of 11 are significantly better at 50 %, {} at 60 %", better[0.5], better[0.6])
    won = winning.winners(tested)
    assert (won[won["rule"] == "not_worse"]["sparsity"] == 0.6).all()
    says(PAGE, "10 % alone should lower perplexity by {} %", -cost(gpu, 0.1))


def test_distances(gpu, bundled):
    stored = gpu.table("association")
    stored = stored[(stored["by"] == "all") & (stored["controls"] == "")]
    of = stored.set_index(["measure", "scheme", "sparsity", "distance"]).sort_index()
    distances = gpu.table("distance").astype({"value": float})
    left = association.associations(rest(jaccard(gpu)), distances).set_index("distance")
    for name, *cells in rows(PAGE, "distance, tickets of 50 %", "overlap"):
        tests = [of.loc[("jaccard", "plain", 0.5, NAMES[name])], of.loc[("beyond", "plain", 0.5, NAMES[name])]]
        for cell, test in zip(cells, [*tests, left.loc[NAMES[name]]], strict=True):
            rho, holm = cell.removesuffix(")").split(" (")
            assert rounds(rho, test["rho"]), (name, cell, test)
            assert rounds(holm, test["holm"]), (name, cell, test)
    assert (of.loc["jaccard", "family"].xs("scarcity", level="distance")["holm"] < 0.01).all()
    least = of.loc["jaccard", "plain"].xs("scarcity", level="distance")["rho"]
    says(PAGE, "smaller text**, {} or {} at all six levels", least.max(), least.min())
    plain = of.loc["jaccard", "plain"]
    text, places = (plain.loc[(0.5, name), "rho"] for name in ("scarcity", "geographic"))
    says(README, "how much text a language has (ρ = {}), not with geography ({})", text, places)
    assert plain.loc[pd.IndexSlice[:, ["syntactic", "geographic", "genetic"]], "rho"].abs().max() < 0.3
    words = plain.loc[pd.IndexSlice[:, ["types", "occurrences"]], "holm"]
    says(PAGE, "Vocabulary goes with it (Holm {} to {})", words.min(), words.max())
    changes = of.loc["beyond", "plain"]
    types, places = (changes.xs(name, level="distance") for name in ("types", "geographic"))
    ranges = [f(each["rho"]) for each in (types, places) for f in (max, min)]
    says(PAGE, "types {} to {}; geography {} to {},", *ranges)
    says(PAGE, "Holm {} and less)", max(types["holm"].max(), places["holm"].max()))
    held = association.associations(jaccard(gpu), distances, controls=("scarcity",)).set_index("distance")
    says(PAGE, "is left of that (types {}, Holm {})", held.loc["types", "rho"], held.loc["types", "holm"])
    held, inside = (
        association.associations(
            jaccard(gpu, kind="beyond"), distances, controls=("scarcity",), within=blocks
        ).set_index("distance")
        for blocks in (None, FAMILIES)
    )
    both = ["types", "geographic"]
    says(PAGE, "types have {} and geography {}, Holm {} and {}", *held.loc[both, "rho"], *held.loc[both, "holm"])
    says(PAGE, "within families {} and {}.", *inside.loc[both, "holm"])
    assert set(left.index[left["holm"] <= 0.05]) == {"geographic", "types", "occurrences"}
    inside = association.associations(rest(jaccard(gpu)), distances, within=FAMILIES).set_index("distance")
    says(PAGE, "geography has {} (Holm {})", *inside.loc["geographic", ["tested", "holm"]])
    wanda = association.associations(rest(jaccard(bundled, "wanda")), distances).set_index("distance")["rho"]
    says(PAGE, "treated alike, geography has {} and types {}", wanda["geographic"], wanda["types"])
