"""What the README of the tickets trained on a GPU says of two searches of one language, held against its counts."""

import numpy as np
import pandas as pd
import pytest
from claims import README, says
from gputickets import BUNDLED, CODES, GPU, PAGE, control, jaccard, rest
from scipy.stats import spearmanr


def twice(study, by="all"):
    """The overlap of all masks of 50 % of both seeds: group, value, languages a and b, seeds of_a and of_b."""
    table = study.counts("mlm", "magnitude", 0.5, 0, kind="seeds").jaccard(by)
    for name, column in (("a", "source"), ("b", "target")):
        table[[name, f"of_{name}"]] = table[column].str.split("/", expand=True)
    return table


def changed_alike(study):
    """How many weights two masks of 50 % both change against the control, over how many either does: (22, 22) twice.

    The second is over how many the first of the two does. Rows and columns are the members of `seeds`. Two masks differ
    where their changes do, so no mask is needed.
    """
    counts = study.counts("mlm", "magnitude", 0.5, 0, kind="seeds")
    overlap, kept = counts.matrix("jaccard"), counts.kept.sum(axis=0).astype(float)
    changes = {}
    for seed in (0, 1):
        beyond = study.counts("mlm", "magnitude", 0.5, seed, kind="beyond")
        changes |= {f"{code}/{seed}": n for code, n in zip(beyond.members, beyond.kept.sum(axis=0), strict=True)}
    changes = pd.Series(changes, dtype=float)[list(counts.members)]
    total, each = np.add.outer(kept, kept), np.add.outer(changes.to_numpy(), changes.to_numpy())
    differ = total - 2 * overlap * total / (1 + overlap)
    both = (each - differ) / 2
    return both / (each - both), both.div(changes, axis=0)


def test_a_language_is_nearer_to_itself_than_to_any_other():
    table = twice(GPU)
    own, between = table[table["a"] == table["b"]].set_index("a")["value"][CODES], table[table["a"] != table["b"]]
    crossed = between["of_a"] != between["of_b"]
    means = [jaccard(study)["value"].mean() for study in (GPU, BUNDLED)]
    says(PAGE, "languages overlap {} (there {}), one language's two searches {}:", *means, own.mean())
    says(PAGE, "they overlap {} ({} ur to {} sw)", own.mean(), own.min(), own.max())
    says(README, "one language's two searches {}; overlap", own.mean())
    assert (own.idxmin(), own.idxmax()) == ("ur", "sw")
    says(PAGE, "two languages {} and at most {}.", between["value"].mean(), between["value"].max())
    means = [between[rows]["value"].mean() for rows in (~crossed, crossed)]
    says(PAGE, "overlap no more than under two ({} and {})", *means)
    says(PAGE, "mask of the untouched weights, {}, than with", control(GPU).mean())
    assert min(control(GPU).mean(), control(GPU, seed=1).mean()) > own.mean()
    square = np.diag(own.to_numpy())
    for pair in between[crossed].itertuples():
        at = [CODES.index(code) for code in ((pair.a, pair.b) if pair.of_a == "0" else (pair.b, pair.a))]
        square[tuple(at)] = pair.value
    off = ~np.eye(11, dtype=bool)
    rng = np.random.default_rng(0)
    drawn = []
    for at in rng.integers(0, 11, (9999, 11)):
        other = at[:, None] != at
        drawn.append(np.diag(square)[at].mean() - square[np.ix_(at, at)][other].mean())
    each = own - [(square[i, off[i]].mean() + square[off[i], i].mean()) / 2 for i in range(11)]
    assert (each.idxmin(), each.idxmax()) == ("en", "ur")
    gap = np.diag(square).mean() - square[off].mean()
    ends = *np.percentile(drawn, [2.5, 97.5]), each.min(), each.max()
    says(PAGE, "The gap is {} ({} to {} by bootstrap over languages; {} en to {} ur)", gap, *ends)
    assert gap > 2 * np.ptp(between["value"])
    matched = [square[np.arange(11), rng.permutation(11)].mean() for _ in range(9999)]
    p = (1 + sum(value >= np.diag(square).mean() for value in matched)) / 10_000
    says(PAGE, "true one (p = {}; the best {})", p, max(matched))
    counts = BUNDLED.counts("mlm", "magnitude", 0.5, 0, kind="seeds").jaccard()
    same = counts["source"].str.split("/").str[0] == counts["target"].str.split("/").str[0]
    says(PAGE, "the bundled study's was {}", counts[same]["value"].mean() - jaccard(BUNDLED)["value"].mean())
    moved = (jaccard(GPU)["value"] - jaccard(GPU, seed=1)["value"]).abs().max()
    says(PAGE, "the overlap of a pair moves by {} at most", moved)


def test_it_is_so_in_every_layer_and_component():
    gaps = {}
    for by in ("layer", "component"):
        for group, table in twice(GPU, by).groupby("group", sort=False):
            same = table["a"] == table["b"]
            assert table[same]["value"].min() > table[~same]["value"].max()
            gaps[group] = table[same]["value"].mean() - table[~same]["value"].mean()
    layers = pd.Series({group: gap for group, gap in gaps.items() if group.startswith("encoder")})
    parts = pd.Series(gaps).drop(layers.index)
    assert list(layers.nlargest(2).index) == ["encoder 0", "encoder 10"]
    assert list(parts.nlargest(2).index) == ["down", "attention_output"]
    assert list(parts.nsmallest(2).index) == ["key", "query"]
    assert layers.idxmin() == "encoder 3"
    says(PAGE, "in layer 0 ({}) and layer 10 ({})", *layers.nlargest(2))
    says(PAGE, "feed-forward matrix ({}) and in attention output ({}); narrowest", *parts.nlargest(2))
    says(PAGE, "in layer 3 ({}), in key ({}) and query ({})", layers.min(), *parts.nsmallest(2))


def test_what_recurs_of_the_changes():
    of_either, of_first = changed_alike(GPU)
    counted = GPU.counts("mlm", "magnitude", 0.5, 0, kind="beyond").matrix("jaccard")
    assert of_either.loc["en/0", "sw/0"] == pytest.approx(counted.loc["en", "sw"], abs=1e-9)
    own = pd.Series({code: of_either.loc[f"{code}/0", f"{code}/1"] for code in CODES})
    assert (own.idxmin(), own.idxmax()) == ("en", "ur")
    numbers = 100 * np.array([own.mean(), own.min(), own.max()])
    says(PAGE, "under two seeds, {} % (en {} to ur {} %)", *numbers)
    languages = np.array([member.split("/")[0] for member in of_either.index])
    other = languages[:, None] != languages
    says(PAGE, "1.8 % by chance), at most {} %;", 100 * of_either.to_numpy()[other].max())
    again = np.mean([of_first.loc[f"{code}/{s}", f"{code}/{1 - s}"] for code in CODES for s in (0, 1)])
    shares = 100 * of_first.to_numpy()[other].mean(), 100 * again
    says(PAGE, "ticket changes, {} % recurs in another language's, {} % under", *shares)
    says(PAGE, "recurs under the other seed, {} % in another", shares[0])
    assert 0.45 < again < 0.55


def test_pairs_rank_alike_under_both_seeds():
    tables = [[jaccard(GPU, seed=s), jaccard(GPU, seed=s, kind="beyond"), rest(jaccard(GPU, seed=s))] for s in (0, 1)]
    alike = [spearmanr(a["value"], b["value"]).statistic for a, b in zip(*tables, strict=True)]
    says(PAGE, "alike under both seeds (ρ = {})", alike[0])
    says(PAGE, "rank alike under both (ρ = {}; changes {}; own levels out {})", *alike)
