"""What the READMEs of the two studies of masks say of overlap, scores and the inside, held against rows and counts."""

import json
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from claims import README, ROOT, rows, says
from scipy.stats import spearmanr

from neutral import association, typology
from neutral.inside import definitions
from neutral.inside.definitions import PAPER, UNWRITTEN, Definition
from neutral.languages import PAPER_ORDER, language, relation
from neutral.study import Study

CARD = "data/models/mini-mbert/README.md"
MINI, GEMMA = "data/studies/mini-mbert-mlm/README.md", "data/studies/gemma-3-270m-clm/README.md"
PAIRS = list(combinations(PAPER_ORDER, 2))
RELATED = [language(a).family == language(b).family for a, b in PAIRS]
SISTERS = [relation(language(a), language(b), among=PAPER_ORDER) == "same branch" for a, b in PAIRS]
WRITTEN = [language(a).script == language(b).script for a, b in PAIRS]
LAYERS = 12


class Masks:
    """The counts of one study's masks at 50 %, and what overlap they give over pairs of languages."""

    def __init__(self, study, task, method):
        self.study, self.key = study, (task, method, 0.5, 0)

    def counts(self, kind="languages"):
        return self.study.counts(*self.key, kind=kind)

    def matrix(self, kind="languages"):
        return self.counts(kind).matrix("jaccard")

    def values(self, kind="languages"):
        """The overlap of the 55 pairs."""
        square = self.matrix(kind)
        return pd.Series({pair: square.loc[pair] for pair in PAIRS})

    def chance(self, kind="languages"):
        """The mean overlap of independent masks that keep as many weights in every tensor, from kept counts alone."""
        counts = self.counts(kind)
        at = {member: i for i, member in enumerate(counts.members)}
        kept, sizes = counts.kept.astype(float), counts.sizes.astype(float)
        found = []
        for a, b in PAIRS:
            both = (kept[:, at[a]] * kept[:, at[b]] / sizes).sum()
            found.append(both / (kept[:, at[a]].sum() + kept[:, at[b]].sum() - both))
        return np.mean(found)

    def control(self):
        """Each language's overlap with the mask of the untouched weights."""
        return self.matrix("pretrained").loc["pretrained", PAPER_ORDER]

    def halves(self):
        square = self.matrix("halves")
        return pd.Series({code: square.loc[f"{code}/a", f"{code}/b"] for code in PAPER_ORDER})

    def by(self, what):
        """The mean overlap of the pairs in each layer or component."""
        return self.counts().jaccard(by=what).groupby("group", sort=False)["value"].mean()

    def functional(self):
        """Perplexity on the target under the source's mask, without training: a square, and the rows of no language."""
        rows = self.study.table("functional")
        rows = rows[((rows["method"] == self.key[1]) & (rows["sparsity"] == 0.5)) | (rows["source"] == "full")]
        return rows.drop_duplicates(["source", "target"]).pivot(index="source", columns="target", values="value")


@pytest.fixture(scope="module")
def mini():
    return Study(ROOT / "data/studies/mini-mbert-mlm")


@pytest.fixture(scope="module")
def gemma():
    return Study(ROOT / "data/studies/gemma-3-270m-clm")


@pytest.fixture(scope="module")
def tickets(mini):
    return Masks(mini, "mlm", "magnitude")


@pytest.fixture(scope="module")
def wanda(mini):
    return Masks(mini, "mlm", "wanda")


@pytest.fixture(scope="module")
def large(gemma):
    return Masks(gemma, "clm", "wanda")


def against_own(functional):
    """How many times the own mask's perplexity another language's costs: a square of languages with NaN inside."""
    square = functional.loc[PAPER_ORDER, PAPER_ORDER]
    times = square / np.diag(square)
    return times.mask(np.eye(11, dtype=bool))


def serves(masks):
    """ρ over 110 ordered pairs of the overlap of two masks and how well one serves the other's language."""
    times, overlap = against_own(masks.functional()), masks.matrix()
    pairs = [(a, b) for a in PAPER_ORDER for b in PAPER_ORDER if a != b]
    return spearmanr([overlap.loc[p] for p in pairs], [-times.loc[p] for p in pairs]).statistic


def test_tickets_overlap_almost_completely(tickets):
    values, control = tickets.values(), tickets.control()
    numbers = values.mean(), values.min(), values.max(), tickets.chance()
    says(
        MINI,
        "have a Jaccard overlap of {} ({} to {} over the 55 pairs), where independent masks of the same densities "
        "would have {}, and masks shuffled within their tensors have {}.",
        *numbers,
        tickets.values("shuffled").mean(),
    )
    says(MINI, "overlaps even more, {}, with the mask of the untouched", control.mean())
    says(MINI, "Tickets of two languages overlap {}, but {} with the mask", values.mean(), control.mean())
    says(README, "overlap {} at 50 % whatever the languages", values.mean())
    counts = tickets.counts("pretrained")
    square, members = counts.both.sum(axis=0), list(counts.members)
    kept, place = counts.kept.sum(axis=0), members.index("pretrained")
    differs = [
        (kept[i] + kept[place] - 2 * square[i, place]) / counts.sizes.sum() for i, m in enumerate(members) if i != place
    ]
    says(MINI, "differs from that control in {} % of the weights", 100 * np.mean(differs))


def test_the_seed_bound_of_tickets_is_only_just_above(mini, tickets):
    square = mini.counts("mlm", "magnitude", 0.5, 0, kind="seeds").matrix("jaccard")
    twice = ["ar", "en", "sw", "zh"]
    same = [square.loc[f"{c}/0", f"{c}/1"] for c in twice]
    says(
        MINI,
        "(four languages: ar, en, sw, zh) overlaps {}; different languages {}",
        np.mean(same),
        tickets.values().mean(),
    )
    says(MINI, "but the gap is {}", np.mean(same) - tickets.values().mean())
    for code in twice:
        others = [square.loc[f"{code}/{a}", f"{o}/{b}"] for o in twice if o != code for a in (0, 1) for b in (0, 1)]
        assert square.loc[f"{code}/0", f"{code}/1"] > max(*others, tickets.matrix().loc[code].drop(code).max())


def test_what_tickets_change(tickets, wanda):
    changes = tickets.values("beyond")
    says(
        MINI,
        "{} % are the same ones. Independent changes of that density would share {} %",
        *(100 * v for v in (changes.mean(), tickets.chance("beyond"))),
    )
    says(
        MINI,
        "a little higher within a branch ({} against {})",
        changes[SISTERS].mean(),
        changes[~np.array(SISTERS)].mean(),
    )
    rho = spearmanr(changes, wanda.values("beyond")).statistic
    says(MINI, "changes over the 55 pairs (Spearman's ρ = {})", rho)
    says(MINI, "their changes against the control do (ρ = {})", rho)
    plain = spearmanr(tickets.values(), wanda.values())
    says(MINI, "do not rank the pairs alike (ρ = {}, p = {},", plain.statistic, plain.pvalue)


def test_tickets_are_specific_in_what_they_do(tickets):
    functional = tickets.functional()
    times = against_own(functional)
    assert times.min().min() > 1
    says(MINI, "ticket costs {} % more in the mean (geometric)", 100 * (np.exp(np.nanmean(np.log(times))) - 1))
    own = pd.Series(np.diag(functional.loc[PAPER_ORDER, PAPER_ORDER]), PAPER_ORDER)
    control = 100 * (functional.loc["pretrained", PAPER_ORDER] / own - 1)
    assert control.idxmin() == "fa"
    assert set(control.nlargest(2).index) == {"ru", "hi"}
    says(MINI, "untouched weights {} % (fa) to {} % (ru, hi) more", control.min(), control["ru"])
    assert round(control["hi"]) == round(control["ru"])
    assert functional.loc["random"].min() > 20000
    says(MINI, "which other language's ticket does well (ρ = {} over", serves(tickets))
    says(MINI, "the range of overlaps, {}, is too small", tickets.values().max() - tickets.values().min())


def test_wanda_masks_separate_languages(wanda):
    values, halves = wanda.values(), wanda.halves()
    assert (values.idxmin(), values.idxmax()) == (("zh", "sw"), ("fr", "es"))
    says(
        MINI,
        "At 50 %: {} between languages (zh-sw {} to fr-es {}), {} between the same language's masks from two disjoint "
        "halves of the text, {} with the control, {} by chance",
        *(values.mean(), values.min(), values.max(), halves.mean(), wanda.control().mean(), wanda.chance()),
    )
    says(MINI, "Wanda masks tell languages apart ({} between languages, {} within one)", values.mean(), halves.mean())
    assert list(values.nlargest(3).index) == [("fr", "es"), ("ur", "hi"), ("ru", "es")]
    says(MINI, "fr-es ({}), ur-hi ({}) and ru-es ({})", *values.nlargest(3))
    assert [pair for pair, sister in zip(PAIRS, SISTERS, strict=True) if sister] == [
        ("en", "de"),
        ("fr", "es"),
        ("fa", "ur"),
        ("fa", "hi"),
        ("ur", "hi"),
    ]
    says(MINI, "have {}, others {}; pairs of one script", values[SISTERS].mean(), values[~np.array(SISTERS)].mean())
    says(MINI, "pairs of one script {}, others {}", values[WRITTEN].mean(), values[~np.array(WRITTEN)].mean())
    changes = wanda.values("beyond")
    says(MINI, "coincides to {} % ({} % by chance)", 100 * changes.mean(), 100 * wanda.chance("beyond"))
    says(MINI, "ρ = {} between the overlap of two masks and how well", serves(wanda))
    times = against_own(wanda.functional())
    assert times.min().min() > 1
    says(MINI, "again the best for it, by {} % in the mean", 100 * (np.exp(np.nanmean(np.log(times))) - 1))


def test_layers_of_mini_mbert(mini, tickets, wanda):
    layers = wanda.by("layer").to_numpy()
    assert layers.argmax() == 6
    says(
        MINI,
        "from {} in layer 0 to {} in layer 6 and falls to {} in layer 9, as the paper's figure has it for MLM, with a "
        "second rise to {} in the last layer",
        *layers[[0, 6, 9, 11]],
    )
    flat = tickets.by("layer")
    says(MINI, "Ticket overlap is flat ({} to {} over the layers)", flat.min(), flat.max())
    one, two = wanda.by("component"), tickets.by("component")
    says(
        MINI,
        "Attention output ({} with Wanda, {} with tickets) and the second feed-forward matrix ({}, {})",
        *(one["attention_output"], two["attention_output"], one["down"], two["down"]),
    )
    for each in (one, two):
        assert set(each.nsmallest(2).index) == {"attention_output", "down"}
        assert set(each.nlargest(2).index) == {"query", "key"}
    gone = mini.counts("mlm", "magnitude", 0.5).sparsity(by="layer").groupby("group", sort=False)["value"].mean()
    assert gone.argmax() == 11
    says(MINI, "Tickets prune the last layer hardest: {} % of it is gone", 100 * gone.iloc[-1])


def test_scores_of_mini_mbert(mini):
    table = mini.table("score")
    says(MINI, "{} to {} masked tokens, the same ones", table["tokens"].min(), table["tokens"].max())
    value = table.set_index(["method", "sparsity", "variant", "seed", "language"])["value"].sort_index()
    full, ticket = value["full", 0.0, "trained", 0], value["magnitude", 0.5, "trained", 0]
    above = 100 * (ticket / full - 1)
    says(MINI, "sparsity and are {} to {} % above it at 50 %", above.min(), above.max())
    for sparsity in (0.1, 0.2):
        assert (value["magnitude", sparsity, "trained", 0] / full - 1).abs().max() < 0.02
    random = value["random", 0.5, "trained", 0]
    says(MINI, "have perplexities of {} to {} (not trained,", round(random.min(), -1), round(random.max(), -1))
    says(MINI, "(not trained, {} and more;", np.floor(value["random", 0.5, "untrained", 0].min() / 1000) * 1000 + 1000)
    factor = value["random", 0.1, "untrained", 0] / value["full", 0.0, "untrained", 0]
    says(MINI, "at random costs a factor of {} to {})", factor.min(), factor.max())
    says(
        MINI,
        "(en {} against {}; the full model {} untrained, {} after 60 steps)",
        *(value["wanda", 0.5, "untrained", 0, "en"], ticket["en"]),
        *(value["full", 0.0, "untrained", 0, "en"], full["en"]),
    )
    assert (value["wanda", 0.5, "untrained", 0] < ticket).all()
    worse = (full > value["full", 0.0, "untrained", 0]).sum()
    says(MINI, "slightly worse in 60 steps at this rate in {} of 11 languages", worse)


def found_first(study, definition):
    """Mask -> the share of sentences that find their translation first: ordered pairs by embeddings and layers."""
    table = definitions.filled(study.table("retrieval"))
    asked = (table[list(definitions.FIELDS)] == list(asdict(definition).values())).all(axis=1)
    return {
        mask: pd.DataFrame(of["at1"].tolist(), index=pd.MultiIndex.from_frame(of[["source", "target"]]))
        for mask, of in table[asked].groupby("mask")
    }


def test_what_the_definition_of_retrieval_does(mini):
    means = 100 * found_first(mini, PAPER)["full"].mean()
    more = {
        definition: 100 * found_first(mini, definition)["full"].mean() - means
        for definition in definitions.among(definitions.filled(mini.table("retrieval")))
    }
    assert {(means + by).idxmax() for by in more.values()} == {6}
    says(MINI, "By each of these definitions the curve peaks in layer {}", 5)
    ranked = more[Definition(candidates="all")]
    says(MINI, "makes retrieval {} to {} points better in every layer", ranked.min(), ranked.max())
    own_tokens = more[Definition(pooling="mean")]
    assert own_tokens[:12].abs().max() <= 0.1
    says(
        MINI,
        "leaving the special tokens out adds {} in the last and changes the others by at most {}",
        own_tokens[12],
        0.1,
    )
    says(
        MINI,
        "which is how it was measured here at first, {} to {} points",
        more[UNWRITTEN].min(),
        more[UNWRITTEN].max(),
    )
    says(MINI, "The distance margin gives the same within {} points", more[Definition(score="distance")].abs().max())
    cosine, first_token = (-more[Definition(**other)] for other in ({"score": "absolute"}, {"pooling": "cls"}))
    says(MINI, "the cosine alone {} to {} points less", cosine.min(), cosine.max())
    says(MINI, "[CLS] in place of the mean {} to {} points less", first_token.min(), first_token.max())


def test_the_inside_of_mini_mbert(mini, tickets, wanda):
    likeness = mini.table("representation")
    first = found_first(mini, PAPER)
    whole = first["full"]  # columns: the embeddings, then layers 0 to 11
    means = whole.mean()
    says(
        MINI,
        "in {} % of the cases with the embeddings alone, {} % in layer 5 and {} % in the last (chance {} %",
        *(100 * v for v in (means[0], means[6], means[12], 1 / 264)),
    )
    both = {(a, b): (whole.loc[(a, b), 6] + whole.loc[(b, a), 6]) / 2 for a, b in PAIRS}
    assert sorted(both, key=both.get)[-2:] == [("fr", "es"), ("ur", "hi")]
    says(
        MINI,
        "hi-ur {} %, fr-es {} %, the median pair {} % in layer 5",
        *(
            100 * v
            for v in (
                both["ur", "hi"],
                both["fr", "es"],
                np.median(list(both.values())),
            )
        ),
    )
    kinds = {}
    for (measure, mask), of in likeness.groupby(["measure", "mask"]):
        kinds[measure, mask] = np.array(of["value"].tolist()).mean(axis=0), np.array(of["chance"].tolist()).mean()
    cka, pwcca, svcca = (kinds[measure, "full"] for measure in ("cka", "pwcca", "svcca"))
    says(
        MINI, "(debiased) rises from {} to {} in layer 5 and falls to {} (chance {})", *cka[0][[0, 6, 12]], abs(cka[1])
    )
    says(MINI, "PWCCA from {} to {} to {} (chance {})", *pwcca[0][[0, 6, 12]], pwcca[1])
    says(MINI, "SVCCA stays flat at {}", svcca[0].mean())
    assert np.ptp(svcca[0]) < 0.02
    layers = {"wanda": wanda.by("layer"), "tickets": tickets.by("layer")}
    rho = {name: [spearmanr(v, curve[1:]).statistic for curve in (means, cka[0])] for name, v in layers.items()}
    says(MINI, "rank correlation over layers {} with retrieval, {} with CKA", *rho["wanda"])
    says(MINI, "overlap of tickets does not ({} and {})", *rho["tickets"])
    falls = kinds["cka", "random"][0]
    assert (first["random"].mean().diff()[1:] < 0).all()
    assert (np.diff(falls)[1:] < 0).all()
    says(MINI, "first step of CKA ({} to {})", *falls[:2])
    overlap = wanda.counts().jaccard()
    for values, sentence in (
        (both, "(layer 5: ρ = {}, p = {}, within families p = {};"),
        (
            {
                (r.source, r.target): r.value[6]
                for r in likeness[(likeness["measure"] == "cka") & (likeness["mask"] == "full")].itertuples()
            },
            "with CKA {}, p = {})",
        ),
    ):
        other = pd.DataFrame(
            [("x", *pair, value) for pair, value in values.items()], columns=["distance", "source", "target", "value"]
        )
        plain = association.associations(overlap, other).iloc[0]
        within = association.associations(overlap, other, within=typology.families(PAPER_ORDER)).iloc[0]
        says(MINI, sentence, *[plain["rho"], plain["p"], within["p"]][: sentence.count("{}")])
    under = {mask: 100 * of.mean()[6] for mask, of in first.items()}
    says(
        MINI,
        "with each side under its own language's ticket {} % in layer 5 ({} % without masks), with the core of all "
        "eleven {} %, with the mask of the untouched weights {} %, with a random one {} %",
        *(under[mask] for mask in ("own", "full", "core", "pretrained", "random")),
    )
    lost = 100 * (means - first["own"].mean())
    assert lost.idxmax() == 12
    says(MINI, "In the last layer own tickets cost most, {} points of {}", lost[12], 100 * means[12])
    first = found_first(mini, UNWRITTEN)
    under = {mask: 100 * of.mean()[6] for mask, of in first.items()}
    one = np.mean([under[code] for code in PAPER_ORDER])
    says(MINI, "(below), {} % in layer 5 where the full model has {} %", one, under["full"])
    own = np.mean([of.loc[pair, 6] for c, of in first.items() if c in PAPER_ORDER for pair in of.index if c in pair])
    rest = np.mean(
        [of.loc[pair, 6] for c, of in first.items() if c in PAPER_ORDER for pair in of.index if c not in pair]
    )
    says(MINI, "sentences than another's is ({} points)", 100 * (own - rest))


def test_overlap_of_gemma(large):
    values, halves = large.values(), large.halves()
    assert (values.idxmin(), values.idxmax()) == (("en", "sw"), ("fr", "es"))
    says(
        GEMMA,
        "Between languages {} at 50 % sparsity (en-sw {} to fr-es {}), {} within a language (masks from two disjoint "
        "halves of its text), {} against the mask of the untouched weights (the same cut by |W| alone), {} by chance",
        *(values.mean(), values.min(), values.max(), halves.mean(), large.control().mean(), large.chance()),
    )
    says(GEMMA, "two languages overlap {}, two halves of one language's text {}", values.mean(), halves.mean())
    assert list(values.nlargest(3).index) == [("fr", "es"), ("fa", "ur"), ("de", "ru")]
    says(GEMMA, "fr-es {}, fa-ur {}, de-ru {}. Least", *values.nlargest(3))
    assert list(values.nsmallest(3).index) == [("en", "sw"), ("zh", "sw"), ("hi", "sw")]
    says(GEMMA, "Swahili with en {}, zh {} and hi {}", *values.nsmallest(3))
    related, sisters, written = np.array(RELATED), np.array(SISTERS), np.array(WRITTEN)
    without = np.array(["sw" not in pair for pair in PAIRS])
    says(
        GEMMA,
        "Pairs of one family have {} and pairs of different families {}",
        values[related].mean(),
        values[~related].mean(),
    )
    inside, outside = values[related & without].mean(), values[~related & without].mean()
    assert abs(inside - outside) < 0.001
    says(GEMMA, "without it both have {}", inside)
    says(GEMMA, "(without Swahili, pairs within a family have {} and pairs between families {})", inside, outside)
    assert sisters.sum() == 5
    says(GEMMA, "The five pairs of one branch (en-de, fr-es, and fa, ur and hi) have {}.", values[sisters].mean())
    says(GEMMA, "no difference in the mean (both {})", values[written].mean())
    says(GEMMA, "no difference in the mean (both {})", values[~written].mean())
    says(GEMMA, "{} % coincides, {} % by chance", 100 * large.values("beyond").mean(), 100 * large.chance("beyond"))


def test_layers_of_gemma(large):
    layers = large.by("layer").to_numpy()
    assert layers.argmax() == 5
    says(GEMMA, "from {} in layer 0 to {} in layer 5", *layers[[0, 5]])
    assert layers[5:11].min() > 0.89
    says(GEMMA, "and falls to {} in the last", layers[-1])
    parts = large.by("component")
    assert set(parts.nsmallest(2).index) == {"down", "attention_output"}
    says(GEMMA, "second feed-forward matrix ({}) and attention output ({})", parts["down"], parts["attention_output"])


def test_what_gemmas_masks_do(gemma, large):
    functional = large.functional()
    times = against_own(functional)
    assert times.min().min() > 1
    says(GEMMA, "mask costs {} % more in the mean (geometric)", 100 * (np.exp(np.nanmean(np.log(times))) - 1))
    own = pd.Series(np.diag(functional.loc[PAPER_ORDER, PAPER_ORDER]), PAPER_ORDER)
    control = functional.loc["pretrained", PAPER_ORDER] / own
    assert np.floor(control.min()) == 16
    says(GEMMA, "mask costs {} to {} times as much", np.floor(control.min()), round(control.max(), -1))
    says(GEMMA, "Overlap goes with it: ρ = {} over 110", serves(large))
    lost = own / functional.loc["full", PAPER_ORDER]
    says(
        GEMMA,
        "perplexity {} to {} times what it was (en {} to {}, hi {} to {})",
        *(lost.min(), lost.max()),
        *(f for c in ("en", "hi") for f in (functional.loc["full", c], own[c])),
    )
    says(GEMMA, "under its own mask is {} to {} times what it was", lost.min(), lost.max())
    tokens = gemma.table("score").groupby("language")["tokens"].first()
    few = tokens[["en", "de", "es", "zh"]]
    many = tokens.drop(few.index)
    says(
        GEMMA,
        "{} to {} tokens for en, de, es and zh, {} to {} for the other seven",
        *(few.min(), few.max(), many.min(), many.max()),
    )
    says(GEMMA, "One seed, {} to {} held-out tokens a language", tokens.min(), tokens.max())
    assert gemma.info["prunable"] / 1e6 == pytest.approx(100, abs=1)
    says(GEMMA, "({} M weights, of them {} M in the", gemma.info["parameters"] / 1e6, gemma.info["prunable"] / 1e6)
    assert len(large.counts().tensors) == 126


def test_mini_mbert_loses_less_than_gemma(wanda):
    functional = wanda.functional()
    lost = 100 * (
        pd.Series(np.diag(functional.loc[PAPER_ORDER, PAPER_ORDER]), PAPER_ORDER) / functional.loc["full", PAPER_ORDER]
        - 1
    )
    says(GEMMA, "where mini-mbert loses {} to {} %", lost.min(), lost.max())


def test_the_models_card(mini, tickets):
    info, folder = mini.info, ROOT / "data/models/mini-mbert"
    says(
        CARD,
        "{} M parameters, of which {} M (the {} matrices of the blocks)",
        *(info["parameters"] / 1e6, info["prunable"] / 1e6, len(tickets.counts().tensors)),
    )
    says(CARD, "{} MB of float16 safetensors", (folder / "model.safetensors").stat().st_size / 1e6)
    config = json.loads((folder / "config.json").read_text())
    numbers = (config[k] for k in ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"))
    says(CARD, "{} layers × {}, {} heads, {} feed-forward", *numbers)
    says(CARD, "{} pieces; {} M", config["vocab_size"], info["parameters"] / 1e6)
    says(CARD, "{} steps of {} × {} tokens ({} M tokens", 6500, 8, 128, 6500 * 8 * 128 / 1e6)
    cells = rows(CARD, "language", "perplexity")
    assert [row[0].split()[0] for row in cells] == list(PAPER_ORDER)
    for _, perplexity, unigram, times, _ in cells:  # as far as the digits of both go
        assert float(times) == pytest.approx(float(unigram) / float(perplexity), rel=0.003)
