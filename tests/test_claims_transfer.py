"""What the README of the transfer study says, held against its rows and counts by other code than the app's."""

from collections import Counter
from statistics import mean

import numpy as np
import pandas as pd
import pytest
from claims import README, ROOT, rounds, rows, says
from scipy.stats import false_discovery_control, spearmanr

from neutral import association, typology
from neutral.association import agreement
from neutral.languages import PAPER_ORDER
from neutral.search import winning
from neutral.study import Study
from neutral.transfer import across, results

PAGE = "data/studies/mini-mbert-transfer/README.md"
LEVEL = 0.05
FAMILIES = typology.families(PAPER_ORDER)
BASES = ["reseeded 2", "vote", "core", "union", "pretrained", "random", "full"]


@pytest.fixture(scope="module")
def study():
    return Study(ROOT / "data/studies/mini-mbert-transfer")


@pytest.fixture(scope="module")
def table(study):
    return study.table("transfer")


@pytest.fixture(scope="module")
def runs(table):
    """(method, sparsity, seed) -> (source, target) -> (value, parts): masks of language modelling, and full models."""
    found = {}
    of = table[(table["task"] == "mlm") & (table["source_task"].isin(["mlm", ""]) | (table["method"] == "full"))]
    for row in of.itertuples():
        cell = (row.value, np.array(row.parts, dtype=float))  # parts: (loss and tokens, blocks)
        keys = [(m, s) for m in ("magnitude", "wanda") for s in (0.5, 0.8)]
        for key in keys if row.method == "full" else [(row.method, row.sparsity)]:
            found.setdefault((*key, row.seed), {})[row.source, row.target] = cell
    return found


def costs(runs, own="own", sources=PAPER_ORDER):
    """Perplexity against the own mask, relative: source, target -> value. `own` may be another search's."""
    base = {t: runs[t if own == "own" else own, t][0] for t in PAPER_ORDER}
    there = {(s, t): cell[0] / base[t] - 1 for (s, t), cell in runs.items() if s in sources and s != t}
    return pd.Series(there)


def bootstrapped(runs, own="own", sources=PAPER_ORDER, draws=2000):
    """Paired bootstrap of every mask against the own one, two-sided p: the library's, with the blocks drawn once."""
    found = []
    for target in PAPER_ORDER:
        parts = runs[target if own == "own" else own, target][1]
        blocks = parts.shape[1]
        weights = np.random.default_rng(0).multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(float)
        drawn = perplexity(parts, weights)
        for source in sources:
            if source != target and (source, target) in runs:
                other = runs[source, target][1]
                gains = drawn - perplexity(other, weights)
                tail = min((gains <= 0).sum(), (gains >= 0).sum())
                gain = perplexity(parts, np.ones(blocks)) - perplexity(other, np.ones(blocks))
                found.append((source, target, gain, min(1.0, 2 * (tail + 1) / (draws + 1))))
    return pd.DataFrame(found, columns=["source", "target", "gain", "p"])


def perplexity(parts, weights):
    return np.exp((weights @ parts[0]) / (weights @ parts[1]))


def counted(tests):
    """How many are significantly worse, worse after Benjamini-Hochberg, better, and better after it."""
    kept, worse = false_discovery_control(tests["p"]) <= LEVEL, tests["gain"] < 0
    plain = tests["p"] < LEVEL
    return [int((side & some).sum()) for side in (worse, ~worse) for some in (plain, kept)]


def associated(overlap, cost):
    """ρ and p of overlap with cost over pairs, exchanging all languages and relatives only."""
    distance = cost.rename_axis(["source", "target"]).rename("value").reset_index().assign(distance="cost")
    plain = association.associations(overlap, distance).iloc[0]
    within = association.associations(overlap, distance, within=FAMILIES).iloc[0]
    return plain["tested"], plain["p"], within["tested"], within["p"]


def test_the_table_of_means_has_every_mask(runs):
    cells = rows(PAGE, "mask", "50 %, seed 1")
    assert len(cells) == 9
    columns = [runs["magnitude", sparsity, seed] for sparsity, seed in ((0.5, 1), (0.5, 0), (0.8, 1), (0.8, 0))]
    for place, column in enumerate(columns, 1):
        others = costs(column)
        assert len(others) == 110
        best = sum(others[:, t].min() > 0 for t in PAPER_ORDER)
        assert rounds(cells[0][place].removesuffix(" %"), 100 * others.mean())
        assert cells[1][place] == f"{best} of 11"
        for row, base in zip(cells[2:], BASES, strict=True):
            value = costs(column, sources=[base])
            assert len(value) == 11
            text = row[place]
            measured = 1 + value.mean() if "times" in text else 100 * value.mean()
            assert rounds(text.removesuffix(" %").removesuffix(" times"), measured), (base, place, text, measured)


@pytest.mark.long
def test_the_table_of_significant_pairs_with_benjamini_hochberg(runs):
    cells = rows(PAGE, "own ticket", "training seed")
    owns = {"of the first search": ("magnitude", "own"), "of the second search": ("magnitude", "reseeded 2")}
    assert len(cells) == 7
    many = {}
    for text, seed, sparsity, *numbers in cells:
        method, own = owns.get(text, ("wanda", "own"))
        column = runs[method, float(sparsity.removesuffix(" %")) / 100, int(seed)]
        tests = bootstrapped(column, own)
        assert len(tests) == 110
        assert [int(number) for number in numbers] == counted(tests), (text, seed, sparsity)
        if sparsity == "50 %":
            worse, left, better, left_better = counted(bootstrapped(column, own, draws=20000))
            many[text, seed] = max(left, left_better)
            assert not min(worse, better)
    says(
        PAGE,
        "With 20,000 Benjamini-Hochberg leaves {} of the 53, {} of the 49, {} of the 59, {} of the 47 and {} of the 44",
        many["of the first search", "1"],
        many["of the second search", "1"],
        many["of the first search", "0"],
        many["of the second search", "0"],
        many["Wanda mask", "0"],
    )


def test_the_librarys_bootstrap_gives_the_same_p(table, runs):
    selected = results.select(table[(table["seed"] == 1) & (table["target"] == "ur")], "mlm", 0.5)
    theirs = results.bootstrap(selected).set_index("source")
    ours = bootstrapped(runs["magnitude", 0.5, 1])
    ours = ours[ours["target"] == "ur"].set_index("source")
    np.testing.assert_array_equal(theirs.loc[ours.index, "p"], ours["p"])
    np.testing.assert_allclose(theirs.loc[ours.index, "gain"], ours["gain"])


def test_at_80_percent_another_languages_ticket_costs_much(runs):
    one, zero = costs(runs["magnitude", 0.8, 1]), costs(runs["magnitude", 0.8, 0])
    says(
        PAGE,
        "by {} % of perplexity in the mean ({} to {} %). On the examples",
        *(100 * v for v in (one.mean(), one.min(), one.max())),
    )
    says(
        PAGE,
        "it is the same: {} % ({} to {} %), all 110",
        *(100 * v for v in (zero.mean(), zero.min(), zero.max())),
    )
    says(PAGE, "the same pairs are the worse ones (ρ = {})", one.corr(zero.reindex(one.index), method="spearman"))
    of_source = one.groupby(level=0).mean()
    assert (of_source.idxmin(), of_source.idxmax()) == ("es", "zh")
    says(PAGE, "ranges from {} % (Spanish) to {} % (Chinese)", 100 * of_source.min(), 100 * of_source.max())
    blocks = [runs["magnitude", 0.8, 1][t, t][1].shape[1] for t in PAPER_ORDER]
    says(PAGE, "over the {} to {} held-out blocks", min(blocks), max(blocks))
    says(
        README,
        "another language's ticket costs {} % of perplexity in the mean, and overlap goes with how much",
        100 * one.mean(),
    )
    says(PAGE, "At 80 % sparsity another language's lottery ticket costs {} % of perplexity", 100 * one.mean())
    assert (bootstrapped(runs["magnitude", 0.8, 1])["p"] < LEVEL).all()


def test_the_second_search_of_a_language_is_level_with_the_first(runs):
    again = {
        key: costs(runs["magnitude", *key], sources=["reseeded 2"]) for key in ((0.5, 1), (0.8, 1), (0.5, 0), (0.8, 0))
    }
    values = [f(again[key]) for key in ((0.8, 1), (0.5, 1)) for f in (np.mean, np.min, np.max)]
    says(
        PAGE,
        "{} % of perplexity in the mean of the eleven at 80 % ({} to {} %), {} % at 50 % ({} to {} %)",
        *(100 * v for v in values),
    )
    says(
        PAGE,
        "by {} % in the mean at 50 % and by {} % at 80 %",
        100 * again[0.5, 1].abs().mean(),
        100 * again[0.8, 1].abs().mean(),
    )
    against = {sparsity: costs(runs["magnitude", sparsity, 1], "reseeded 2") for sparsity in (0.5, 0.8)}
    says(
        PAGE,
        "another language's ticket loses {} % at 80 % ({} to {} %) and {} % at 50 %",
        *(100 * v for v in (against[0.8].mean(), against[0.8].min(), against[0.8].max(), against[0.5].mean())),
    )
    says(PAGE, "it is {} % better than the own one (all eleven", -100 * again[0.5, 0].mean())
    assert (again[0.5, 0] < 0).all()
    says(
        PAGE,
        "against it another language's costs {} % as under seed 1",
        100 * costs(runs["magnitude", 0.5, 0], "reseeded 2").mean(),
    )
    says(PAGE, "the other search's ticket is the worse by {} % (all eleven", 100 * again[0.8, 0].mean())


def test_two_searches_of_one_language_differ_significantly(runs):
    counts = {
        key: counted(bootstrapped(runs["magnitude", *key], sources=["reseeded 2"]))
        for key in ((0.5, 1), (0.8, 1), (0.5, 0), (0.8, 0))
    }
    worse, worse_left, better, better_left = counts[0.8, 1]
    says(PAGE, "significantly better than the first in {} languages and significantly worse in {}", better, worse)
    says(PAGE, "(Benjamini-Hochberg leaves all {})", worse_left + better_left)
    says(PAGE, "(at 80 % their scores differ significantly in {} of 11 languages)", worse + better)
    assert counts[0.8, 0][:2] == [11, 11]
    assert sum(counts[0.5, 1][::2]) == 1
    says(PAGE, "(all eleven, {} of them significantly)", counts[0.5, 0][2])


def test_a_ticket_is_nearest_to_its_languages_other_ticket(study):
    first, second, same, other = {}, {}, {}, {}
    for sparsity in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        jaccard = study.counts("mlm", "magnitude", sparsity, kind="seeds").matrix("jaccard")
        square = jaccard.loc[[f"{c}/0" for c in PAPER_ORDER], [f"{c}/2" for c in PAPER_ORDER]].to_numpy()
        first[sparsity] = int((square.argmax(axis=1) == np.arange(11)).sum())
        second[sparsity] = int((square.argmax(axis=0) == np.arange(11)).sum())
        same[sparsity] = np.diag(square).mean()
        other[sparsity] = square[~np.eye(11, dtype=bool)].mean()
    says(
        PAGE,
        "{} against {} at 50 %, {} against {} at 80 %",
        *(same[0.5], other[0.5], same[0.8], other[0.8]),
    )
    assert all(side[sparsity] == 11 for side in (first, second) for sparsity in (0.4, 0.5, 0.6, 0.7, 0.8))
    early = [side[sparsity] for side in (first, second) for sparsity in (0.1, 0.2, 0.3)]
    says(PAGE, "at 10 to 30 % it is for {} to {} of them", min(early), max(early))


def test_overlap_goes_with_transfer_at_80_percent_and_not_at_50(study, runs):
    found = {
        (sparsity, seed, search): associated(
            study.counts("mlm", "magnitude", sparsity, search).jaccard(), costs(runs["magnitude", sparsity, seed])
        )
        for sparsity in (0.5, 0.8)
        for seed in (0, 1)
        for search in (0, 2)
    }
    one, zero = found[0.8, 1, 0], found[0.8, 0, 0]
    says(PAGE, "(ρ = {} under one training seed, {} under another)", one[0], zero[0])
    says(
        PAGE,
        "ρ = {} over the 55 pairs under training seed 1 (p = {}, Mantel; exchanging relatives only ρ = {}, p = {}), "
        "and ρ = {} under seed 0 ({})",
        *(*one, zero[0], zero[2]),
    )
    says(PAGE, "second search's masks gives {} and {}", found[0.8, 1, 2][0], found[0.8, 0, 2][0])
    says(
        PAGE,
        "ρ = {} (p = {}; within families {}, p = {}), and under seed 0 ρ = {} (p = {}; within families {}, p = {})",
        *(*found[0.5, 1, 0], *found[0.5, 0, 0]),
    )
    says(PAGE, "second search's overlap it is {} and {}", found[0.5, 1, 2][0], found[0.5, 0, 2][0])
    says(README, "(ρ = {} under one training seed, {} under another; at 50 % it does not)", one[0], zero[0])
    values = study.counts("mlm", "magnitude", 0.8, 0).jaccard()["value"]
    says(PAGE, "tickets overlap at 80 % ({} to {},", values.min(), values.max())
    values = study.counts("mlm", "magnitude", 0.5, 0).jaccard()["value"]
    says(PAGE, "The masks differ by {} of overlap there", values.max() - values.min())


def test_the_mantel_test_is_what_plain_permutations_give(study, runs):
    """ρ of -0.70 and its p, without the library."""
    jaccard = study.counts("mlm", "magnitude", 0.8, 0).matrix("jaccard").loc[PAPER_ORDER, PAPER_ORDER].to_numpy()
    cost = costs(runs["magnitude", 0.8, 0]).unstack().loc[PAPER_ORDER, PAPER_ORDER].to_numpy()
    cost, upper = (cost + cost.T) / 2, np.triu_indices(11, 1)
    rho = spearmanr(jaccard[upper], cost[upper]).statistic
    ranks = pd.Series(jaccard[upper]).rank().to_numpy()
    square = np.zeros((11, 11))
    square[upper] = pd.Series(cost[upper]).rank()
    square += square.T
    rng, extreme = np.random.default_rng(1), 0
    for _ in range(999):
        order = rng.permutation(11)
        extreme += abs(np.corrcoef(ranks, square[np.ix_(order, order)][upper])[0, 1]) >= abs(rho)
    assert rounds("-0.70", rho)
    assert (extreme + 1) / 1000 <= 0.005


def test_at_half_the_own_mask_is_better_by_a_little(runs):
    others = costs(runs["magnitude", 0.5, 1])
    says(
        PAGE,
        "costs {} % of perplexity in the mean of the 110 pairs ({} to {} %): the own one is the best in {} of 11",
        *(100 * v for v in (others.mean(), others.min(), others.max())),
        sum(others[:, t].min() > 0 for t in PAPER_ORDER),
    )
    of = 100 * others.groupby(level=1).mean()
    assert set(of.nlargest(3).index) == {"zh", "ur", "ar"}
    assert set(of.nsmallest(2).index) == {"hi", "es"}
    assert rounds("2.2", of["ur"])
    says(
        PAGE,
        "Chinese ({} %), Urdu and Arabic ({} %) lose most, Hindi ({} %) and Spanish ({} %) least",
        *(of["zh"], of["ar"], of["hi"], of["es"]),
    )
    says(PAGE, "At 50 % it costs {} %, and overlap does not foretell it", 100 * others.mean())


def test_on_the_examples_of_the_search_the_own_mask_looks_the_worst(runs):
    others = costs(runs["magnitude", 0.5, 0])
    better = (others.groupby(level=1).mean() < 0).sum()
    assert better == 10  # "ten of eleven languages"
    says(PAGE, "another's ticket than with their own: by {} % in the mean", -100 * others.mean())
    one = costs(runs["magnitude", 0.5, 1])
    says(PAGE, "the same under both seeds (ρ = {} over", one.corr(others.reindex(one.index), method="spearman"))
    for target, sentence in (
        ("en", "{} and {} times the own ticket's perplexity for English"),
        ("hi", "{} and {} times for Hindi"),
    ):
        thin = [1 + costs(runs["magnitude", 0.5, 0], sources=[f"thinned {s}"])[:, target].item() for s in (0.2, 0.4)]
        says(PAGE, sentence, *thin)


def test_what_the_others_share_takes_no_tickets_place(table):
    medians = {}
    for sparsity in (0.5, 0.8):
        for seed in (0, 1):
            left = results.left_out(results.select(table[table["seed"] == seed], "mlm", sparsity))
            assert len(left) == 11
            for name in ("core", "union", "vote"):
                for beside in ("mean", "best", "random", "pretrained", "own"):
                    medians[sparsity, seed, name, beside] = 100 * (left[name] / left[beside] - 1).median()
            assert (left["core"] > left["best"]).all()
            if sparsity == 0.8:
                assert (left["core"] > left["mean"]).all()
            if (sparsity, seed) == (0.5, 1):
                for name in ("core", "vote"):
                    assert (left[name] > left[["best", "own"]].max(axis=1)).all()
    m = medians
    says(PAGE, "is {} % worse than the mean of the ten single masks", m[0.8, 1, "core", "mean"])
    says(PAGE, "the union, cut down, is {} % worse", m[0.8, 1, "union", "mean"])
    says(
        PAGE,
        "is {} % worse than the mean single mask, {} % worse than the best (medians over the languages; {}, {}, {} and "
        "{} % under training seed 0)",
        *(m[0.8, 1, "vote", "mean"], m[0.8, 1, "vote", "best"], m[0.8, 0, "core", "mean"]),
        *(m[0.8, 0, "union", "mean"], m[0.8, 0, "vote", "mean"], m[0.8, 0, "vote", "best"]),
    )
    says(PAGE, "(core by {} %, vote by {} %)", -m[0.8, 1, "core", "random"], -m[0.8, 1, "vote", "random"])
    says(PAGE, "untouched weights ({} and {} %)", -m[0.8, 1, "core", "pretrained"], -m[0.8, 1, "vote", "pretrained"])
    says(PAGE, "(core {} %, vote {} % against", m[0.5, 1, "core", "mean"], m[0.5, 1, "vote", "mean"])


def test_the_cheap_check_ranks_the_dear_one_for_wanda_masks_only(table):
    found = {}
    for method, sparsity, seed in (("magnitude", 0.5, 1), ("magnitude", 0.8, 1), ("wanda", 0.5, 0)):
        of = results.select(table[table["seed"] == seed], "mlm", sparsity, method=method)
        own = of[of["source"] == of["target"]].set_index("target")
        of = of[of["source"].isin(PAPER_ORDER) & (of["source"] != of["target"])]
        change = {c: np.log(of[c] / of["target"].map(own[c])) for c in ("untrained", "value")}
        each = [spearmanr(g["untrained"], g["value"]).statistic for _, g in of.groupby("target")]
        found[method, sparsity] = spearmanr(change["untrained"], change["value"]).statistic, mean(each)
    half, most = found["magnitude", 0.5], found["magnitude", 0.8]
    says(PAGE, "with ρ = {} (50 %) and {} (80 %) over 110 pairs", half[0], most[0])
    says(
        PAGE,
        "per target language {} and {} in the mean. For Wanda masks it does: {}",
        half[1],
        most[1],
        found["wanda", 0.5][0],
    )


def test_winning_tickets_are_scored_where_they_were_found_but_for_seed_1(study):
    table = winning.runs(study)
    table = table[table["language"].isin(PAPER_ORDER)]  # a mixture was searched once
    found = winning.levels(table, "mlm")
    won = winning.winners(found).pivot_table(index="language", columns="rule", values="sparsity")
    assert {s: set(won.index[won["not_worse"] == s]) for s in (0.1, 0.2)} == {
        0.1: {"en"},
        0.2: {"de", "fr", "ru", "sw"},
    }
    assert (won["not_worse"] == 0.3).sum() == 6
    by_std = {s: set(won.index[won["within_std"] == s]) for s in (0.1, 0.3)}
    assert by_std == {0.1: {"en", "fa"}, 0.3: {"ar", "ur", "zh"}}
    assert (won["within_std"] == 0.2).sum() == 6
    deviation = found["full_std"]
    says(PAGE, "three seeds ({} to {} of perplexity)", deviation.min(), deviation.max())
    tickets = table[(table["task"] == "mlm") & (table["method"] == "magnitude") & (table["variant"] == "trained")]
    assert set(tickets[tickets["seed"] == 1]["sparsity"]) == {0.5, 0.8}
    assert Counter(tickets["seed"]) == {0: 88, 2: 88, 1: 22}
    full = table[(table["task"] == "mlm") & (table["method"] == "full") & (table["variant"] == "trained")]
    half = tickets[tickets["sparsity"] == 0.5].set_index(["language", "seed"])["value"]
    alike = 100 * (half / full.set_index(["language", "seed"])["value"] - 1).unstack()
    says(
        PAGE,
        "perplexity is {} % above that of the full model under the same seed at 50 %; under other examples (seed 1, "
        "run at 50 and 80 % only) it is {} % above ({} to {} %)",
        *(alike[[0, 2]].mean(axis=None), alike[1].mean(), alike[1].min(), alike[1].max()),
    )
    full = full.groupby("language")["value"].mean()
    every = tickets.groupby(["sparsity", "language"])["value"].mean()
    above = {sparsity: 100 * (every[sparsity] / full - 1) for sparsity in (0.5, 0.6, 0.7, 0.8)}
    half = above[0.5]
    says(
        PAGE,
        "against the mean of the full model's, it is {} % at 50 % ({} to {} %), {} % at 60 %",
        *(half.mean(), half.min(), half.max(), above[0.6].mean()),
    )
    assert round(1 + above[0.7].mean() / 100) == 2
    eight = 1 + above[0.8] / 100
    assert round(eight.mean()) == 10
    says(PAGE, "ten times ({} to {}) at 80 %", eight.min(), eight.max())
    other = winning.winners(winning.levels(table[(table["seed"] == 1) | (table["method"] == "full")], "mlm"))
    won = other[(other["rule"] == "not_worse") & (other["sparsity"] == 0.5)]
    assert set(won["language"]) == {"ar", "zh"}
    steps = pd.read_csv(ROOT / "data/published/training.csv").set_index("setting").loc["iterations_per_epoch", "mlm"]
    assert round(int(steps) / 60, -2) == 1700
    says(PAGE, "after {} times as many steps", 1700)


def test_what_the_overlap_of_sparse_tickets_goes_with(study):
    distances = Study(ROOT / "data/studies/mini-mbert-mlm").table("distance").astype({"value": float})
    same = Study(ROOT / "data/studies/mini-mbert-mlm").info["text"]["hashes"]
    assert {code: study.info["text"]["hashes"][code] for code in same} == same
    found = {}
    for sparsity in (0.5, 0.6, 0.7, 0.8):
        for search in (0, 2):
            overlap = study.counts("mlm", "magnitude", sparsity, search).jaccard()
            for name, within in (("plain", None), ("within", FAMILIES)):
                of = association.associations(overlap, distances, within=within).set_index("distance")
                found[sparsity, search, name] = of
    hold = {key: set(of.index[of["holm"] <= LEVEL]) for key, of in found.items()}
    both = {
        s: set.intersection(*(hold[s, search, n] for search in (0, 2) for n in ("plain", "within")))
        for s in (0.5, 0.6, 0.7, 0.8)
    }
    assert both[0.5] == set()
    assert both[0.8] == {"types", "occurrences", "geographic", "script"}
    assert "geographic" in both[0.6] & both[0.7]
    assert not hold[0.5, 0, "plain"] | hold[0.5, 2, "plain"]
    names = ["types", "occurrences", "geographic", "script"]
    for row, name in zip(rows(PAGE, "distance, tickets of 80 %"), names, strict=True):
        for text, (search, scheme) in zip(
            row[1:], [(0, "plain"), (0, "within"), (2, "plain"), (2, "within")], strict=True
        ):
            assert rounds(text, found[0.8, search, scheme].loc[name, "tested"]), (name, search, scheme)
    geography = [found[s, search, "plain"].loc["geographic", "rho"] for s in (0.6, 0.7) for search in (0, 2)]
    says(PAGE, "({} and {} at 60 %, {} and {} at 70 %)", *geography)
    at = found[0.8, 0, "plain"]["rho"]
    says(README, "shared vocabulary and geography go with their overlap (ρ = {} and {})", at["types"], at["geographic"])


def test_wanda_masks_beside_tickets(study, runs):
    counts = {
        (method, kind): study.counts("mlm", method, 0.5, 0, kind=kind)
        for method in ("wanda", "magnitude")
        for kind in ("languages", "beyond")
    }
    pairs = {
        kind: [
            agreement.over_pairs(
                counts["wanda", kind].jaccard(), counts["magnitude", kind].jaccard(), within=within
            ).iloc[0]
            for within in (None, FAMILIES)
        ]
        for kind in ("languages", "beyond")
    }
    plain, within = pairs["beyond"]
    says(
        PAGE,
        "ρ = {} over the 55 pairs at 50 % (p = {}; exchanging relatives only {}, p = {}); the overlap itself does not "
        "({}, p = {})",
        *(plain["rho"], plain["p"], within["tested"], within["p"]),
        *(pairs["languages"][0]["rho"], pairs["languages"][0]["p"]),
    )
    layers = {
        kind: agreement.over_layers(counts["wanda", kind].jaccard("layer"), counts["magnitude", kind].jaccard("layer"))
        for kind in ("beyond", "languages")
    }
    says(PAGE, "{} for the changes and {} for the overlap", layers["beyond"].means, layers["languages"].means)
    cost = costs(runs["wanda", 0.5, 0])
    says(
        PAGE,
        "Wanda mask costs {} % in the mean of the 110 pairs ({} to {} %), the mask of the untouched weights {} %",
        *(100 * v for v in (cost.mean(), cost.min(), cost.max())),
        100 * costs(runs["wanda", 0.5, 0], sources=["pretrained"]).mean(),
    )
    says(
        PAGE,
        "foretells it at 50 % already (ρ = {}, p = {}; exchanging relatives only {}, p = {}; one training seed)",
        *associated(counts["wanda", "languages"].jaccard(), cost),
    )
    others = [costs(runs["magnitude", s, 0]).reindex(cost.index) for s in (0.5, 0.8)]
    says(PAGE, "(ρ = {}; {} with tickets of 80 %)", *(cost.corr(other, method="spearman") for other in others))
    below = {
        seed: [1 - runs["wanda", 0.5, seed][t, t][0] / runs["magnitude", 0.5, seed][t, t][0] for t in PAPER_ORDER]
        for seed in (0, 1)
    }
    one, zero = ([100 * f(below[seed]) for f in (np.mean, np.min, np.max)] for seed in (1, 0))
    says(PAGE, "ends {} % below its ticket's perplexity ({} to {} % over the eleven languages)", *one)
    says(PAGE, "and {} % below on the very same ({} to {} %)", *zero)


def test_other_one_shot_masks(study):
    scores = study.table("score")
    half = scores[(scores["task"] == "mlm") & (scores["sparsity"] == 0.5) & (scores["seed"] == 0)]
    half = half[half["variant"] == "trained"].pivot_table(index="language", columns="method", values="value")
    fisher, change = half["fisher"] / half["magnitude"], half["change"] / half["magnitude"]
    assert (fisher.idxmin(), fisher.idxmax()) == ("sw", "en")
    says(
        PAGE, "{} times the ticket's in the mean ({} Swahili to {} English)", fisher.mean(), fisher.min(), fisher.max()
    )
    says(PAGE, "ruinous ({} to {} times; the large", change.min(), change.max())
    tickets = study.counts("mlm", "magnitude", 0.5).jaccard()
    for method, sentence in (
        ("fisher", "masks of two languages overlap {}, and that ranks the pairs unlike tickets (ρ = {}, p = {})"),
        (
            "change",
            "overlaps are near chance ({}), and what is left of them goes with that of tickets, weakly (ρ = {}, p = {}",
        ),
    ):
        overlap = study.counts("mlm", method, 0.5).jaccard()
        found = agreement.over_pairs(overlap, tickets).iloc[0]
        says(PAGE, sentence, overlap["value"].mean(), found["rho"], found["p"])
    within = agreement.over_pairs(overlap, tickets, within=FAMILIES).iloc[0]
    says(
        PAGE,
        "weakly (ρ = {}, p = {}; within families {}, p = {})",
        found["rho"],
        found["p"],
        within["tested"],
        within["p"],
    )


def test_training_the_full_model_longer_does_not_help_it(study):
    scores = study.table("score")
    full = scores[(scores["task"] == "mlm") & (scores["method"] == "full")]
    value = full[full["language"].isin(PAPER_ORDER)].groupby(["variant", "language"])["value"].mean()
    says(PAGE, "worse* in these steps in {} of 11 languages", (value["trained"] > value["untrained"]).sum())


def test_another_seed_moves_names_much(table):
    of = table[(table["task"] == "ner") & (table["source_task"] == "ner") & table["source"].isin(PAPER_ORDER)]
    value = of.pivot_table(index=["source", "target"], columns="seed", values="value").dropna()
    says(PAGE, "such F1 moves by up to {}: read no single cell", (value[0] - value[1]).abs().max())


def test_names_and_inference(study, table):
    scores = study.table("score")
    ner = scores[scores["task"] == "ner"].pivot_table(index="language", columns=["method", "sparsity"], values="value")
    full, ticket = ner["full", 0.0], ner["magnitude", 0.5]
    says(PAGE, "F1 of {} on Russian, its ticket at 50 % {},", full["ru"], ticket["ru"])
    says(
        PAGE,
        "(English {} and {}, French {} and {}, Farsi {} and {}, Chinese {} both, the mixture {} and {}; "
        "Arabic {} and {})",
        *(full["en"], ticket["en"], full["fr"], ticket["fr"], full["fa"], ticket["fa"], full["zh"]),
        *(full["en+fa+fr+zh"], ticket["en+fa+fr+zh"], full["ar"], ticket["ar"]),
    )
    assert rounds("0.75", ticket["zh"])
    assert ((ticket - full) > 0.1).sum() == 6
    random = table[(table["task"] == "ner") & (table["source"] == "random")]["value"]
    says(PAGE, "Random masks reach {} to {}. NER", random.min(), random.max())
    overlaps = [study.counts(task, "magnitude", 0.5).jaccard()["value"].mean() for task in ("ner", "mlm", "nli")]
    says(PAGE, "NER masks of two languages overlap {}, less than the MLM masks' {},", *overlaps[:2])
    says(PAGE, "Inference masks of two languages overlap {}", overlaps[2])
    nli = table[table["task"] == "nli"]
    search = scores[(scores["task"] == "nli") & (scores["method"] == "full")].set_index("language")["value"]
    other = nli[nli["method"] == "full"].set_index("target")["value"]
    says(
        PAGE,
        "the full model reaches {}, {} and {} (en, fr, zh) under the search's seed and {}, {} and {} under another",
        *(search[c] for c in ("en", "fr", "zh")),
        *(other[c] for c in ("en", "fr", "zh")),
    )
    same = nli[(nli["source_task"] == "nli") & nli["source"].isin(PAPER_ORDER)]["value"]
    assert len(same) == 9
    says(PAGE, "on any of the three ({} to {});", same.min(), same.max())
    tickets = scores[(scores["task"] == "nli") & (scores["method"] == "magnitude")]
    tickets = tickets[tickets["language"].isin(PAPER_ORDER)]
    assert set(tickets["sparsity"]) == {0.25, 0.5}
    assert tickets["value"].round(2).eq(1).all()
    assert nli[nli["source"] == "random"]["value"].round(2).eq(0.33).all()


def test_across_tasks(table, runs):
    found = across.cross_task(table[table["seed"] == 1], 0.5).set_index(["target_task", "source_task", "language"])
    found = found.sort_index()
    points = 100 * found["difference"]
    accuracy = found["own"] + found["difference"]
    low, high = ([f(accuracy["nli", source]) for f in (min, max)] for source in ("mlm", "ner"))
    says(PAGE, "reach {} to {} and the NER masks {} to {},", *low, *high)
    says(
        PAGE,
        "an MLM mask costs {}, {}, {} and {} points of F1 (en, fr, ru, zh; Arabic {},",
        *(-points["ner", "mlm", code] for code in ("en", "fr", "ru", "zh")),
        points["ner", "mlm", "ar"],
    )
    says(
        PAGE,
        "an inference mask {}, {} and {} (en, fr, zh),",
        *(-points["ner", "nli", code] for code in ("en", "fr", "zh")),
    )
    of = results.select(table[(table["seed"] == 1)], "ner", 0.5)
    value = of[of["source"].isin(PAPER_ORDER)].set_index(["source", "target"])["value"]
    spoken = ["en", "fr", "ru", "zh", "ar", "fa"]
    other = {t: 100 * (mean(value[s, t] for s in spoken if s != t) - value[t, t]) for t in spoken}
    says(
        PAGE,
        "another language's NER mask costs {}, {}, {} and {} in the mean of five (Arabic {})",
        *(-other[t] for t in ("en", "fr", "ru", "zh")),
        other["ar"],
    )
    serves = {s: 100 * mean(value[s, t] - value[t, t] for t in spoken if s != t) for s in spoken}
    assert rounds("9", serves["fr"])
    says(PAGE, "serve best ({} points above the targets' own in the mean of five)", serves["en"])
    says(PAGE, "Arabic, Farsi and Chinese ones worst ({}, {} and {} below)", *(-serves[s] for s in ("ar", "fa", "zh")))
    tests = results.bootstrap(of)
    tests = tests[tests["source"].isin(PAPER_ORDER)]
    assert len(tests) == 30
    better = tests[(tests["p"] < LEVEL) & (tests["gain"] > 0)]
    says(
        PAGE,
        "Of 30 pairs {} are significantly worse than the own mask and {} better",
        ((tests["p"] < LEVEL) & (tests["gain"] < 0)).sum(),
        len(better),
    )
    assert set(better["target"]) == {"ar", "fa"}
    says(PAGE, "(F1 {} and {})", value["ar", "ar"], value["fa", "fa"])
    for source, languages, sentence in (
        ("ner", 5, "a NER mask costs {} to {} % of perplexity (five languages, {} significantly)"),
        ("nli", 3, "an inference mask {} to {} % (three, {} significantly)"),
    ):
        cost = -100 * found["difference"]["mlm", source] / found["own"]["mlm", source]
        assert len(cost) == languages
        says(PAGE, sentence, cost.min(), cost.max(), (found["p"]["mlm", source] < LEVEL).sum())


def test_a_mixtures_ticket(table):
    found = across.multilingual(results.select(table, "ner", 0.5), "ner")
    value = found.set_index(["target", "source"])["value"]
    assert set(found["seeds"]) == {"0, 1"}
    four, mixture = ("en", "fa", "fr", "zh"), "en+fa+fr+zh"
    says(
        PAGE,
        "Russian F1 {}, where those of the four alone have {}, {}, {} and {}, and Arabic {} ({}, {}, {}, {}): above "
        "their mean ({} and {})",
        *(value["ru", mixture], *(value["ru", s] for s in four), value["ar", mixture], *(value["ar", s] for s in four)),
        *(mean(value[t, s] for s in four) for t in ("ru", "ar")),
    )
