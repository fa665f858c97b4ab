"""What the READMEs of the studies of 128 languages say of other forms of the text, held against counts and rows."""

import numpy as np
import pytest
from claims import README, ROOT, rows, says

from neutral import summary
from neutral.language import nearest
from neutral.languages import language
from neutral.members import speaker
from neutral.metrics import rank_correlation
from neutral.study import Study
from neutral.summary import Choice

MAIN = "data/studies/gemma-3-270m-ntrex/README.md"
FORMS = {form: f"data/studies/gemma-3-270m-ntrex-{form}" for form in ("romanised", "shuffled", "lines")}
DOMAINS = "data/studies/gemma-3-270m-domains"
CHOICE = Choice("clm", "wanda", 0.5)
ELEVEN = ["en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw"]
CALLED = {
    "other documents": "other documents",
    "words shuffled": "words shuffled",
    "romanised": "romanised",
    "equal lines, 43 languages": "equal lines",
}


@pytest.fixture(scope="module")
def study():
    return Study(ROOT / "data/studies/gemma-3-270m-ntrex")


@pytest.fixture(scope="module")
def alike(study):
    """What another study says beside this one, over the whole network: (called, what, distance) -> here, there."""
    table = study.table("alike")
    return table[table["by"] == "all"].set_index(["called", "what", "distance"])[["here", "there"]]


@pytest.fixture(scope="module")
def own(study):
    """Language × called -> the overlap of both masks."""
    return study.table("across").pivot(index="language", columns="called", values="value")


def square(source):
    found = nearest.similarity(source, CHOICE)
    return found.where(~np.eye(len(found), dtype=bool))


def order(one, other, chosen):
    """ρ between two squares over the pairs of some languages."""
    values = [table.loc[chosen, chosen].stack() for table in (one, other)]
    return rank_correlation(*values)


def test_the_table_of_other_texts(alike):
    columns = ("text", "own", "two languages", "order", "nearest in the branch", "syntax", "text size", "script")
    found = {row[0]: row[1:] for row in rows(MAIN, *columns)}
    cells = [("own", ""), ("between", ""), ("order", ""), ("branch", "")]
    cells += [("distance", kind) for kind in ("syntactic", "size", "script")]
    for label, called in CALLED.items():
        for text, (what, kind) in zip(found[label], cells, strict=True):
            value = alike.at[(called, what, kind), "there"]
            assert_rounds(text, value, (label, what, kind))
    for text, (what, kind) in zip(found["as written"], cells, strict=True):
        if what != "order":
            assert_rounds(text, alike.at[("words shuffled", what, kind), "here"], ("as written", what, kind))


def assert_rounds(text, value, where):
    number, share = text.removesuffix(" %"), text.endswith("%")
    digits = len(number.partition(".")[2])
    assert round(100 * value if share else value, digits) == pytest.approx(float(number)), (where, text, value)


def test_writing_and_word_order(study, own, alike):
    latin = [code for code in own.index if language(speaker(code)).script == "Latn"]
    rest = [code for code in own.index if code not in latin]
    here, there = square(study), square(Study(ROOT / FORMS["romanised"]))
    written = own["romanised"]
    says(
        MAIN,
        "the {} languages in Latin letters keep their masks ({}), and the order of their pairs stays ({}).",
        len(latin),
        written[latin].mean(),
        order(here, there, latin),
    )
    says(
        MAIN,
        "The {} others get another mask: it overlaps {} with their own, less than two languages do, and the order of "
        "their pairs goes ({}).",
        len(rest),
        written[rest].mean(),
        order(here, there, rest),
    )
    assert written[rest].mean() < here.stack().mean()
    pair = ("srp-Cyrl", "srp-Latn")
    says(MAIN, "Serbian in two scripts overlaps {} as written, {} romanised.", here.at[pair], there.at[pair])
    shuffled = own["words shuffled"]
    says(MAIN, "(Thai {}, Japanese {})", shuffled["tha"], shuffled["jpn"])
    assert shuffled.nsmallest(2).index.tolist() == ["tha", "jpn"]
    says(
        MAIN,
        "in another script a language's mask is another one ({}), with its words shuffled it is the same ({}).",
        written[rest].mean(),
        shuffled.mean(),
    )
    says(
        README,
        "in another script it overlaps {} with itself, with its words shuffled {}.",
        written[rest].mean(),
        shuffled.mean(),
    )
    says(
        MAIN,
        "{} % have the nearest in their branch. Triplets fall from {} % to {} %.",
        100 * alike.at[("romanised", "branch", ""), "there"],
        *(100 * alike.loc[("romanised", "triplets", ""), ["here", "there"]]),
    )
    size = alike.loc[("equal lines", "distance", "size")]
    says(
        MAIN,
        "with text size the overlap goes by {} in the 43 languages, as with equal tokens ({}).",
        size["there"],
        size["here"],
    )


def test_the_studies_of_other_texts_say_the_same(alike, own):
    for form, page in FORMS.items():
        source = Study(ROOT / page)
        control = summary.against_pretrained(source, CHOICE, "jaccard", "all")["value"].mean()
        between = square(source).stack().mean()
        says(
            f"{page}/README.md",
            "Two languages overlap {}, against the mask of the untouched weights {}.",
            between,
            control,
        )
        assert not source.table("score").empty, form
    far = square(Study(ROOT / FORMS["romanised"])).mean()
    assert far.idxmin() == "dzo"
    page = f"{FORMS['romanised']}/README.md"
    says(page, "Farthest from all is Dzongkha ({} in the mean).", far.min())
    of = {kind: alike.at[("romanised", "distance", kind), "there"] for kind in ("syntactic", "geographic")}
    says(page, "syntax by ρ = {}, with geography by {}.", of["syntactic"], of["geographic"])
    page = f"{FORMS['shuffled']}/README.md"
    says(
        page,
        "overlap {} in the mean, which is as much as with other documents ({}).",
        own["words shuffled"].mean(),
        own["other documents"].mean(),
    )
    says(page, "in Thai the two masks overlap {}.", own.at["tha", "words shuffled"])
    says(page, "syntax by ρ = {},", alike.at[("words shuffled", "distance", "syntactic"), "there"])
    page = f"{FORMS['lines']}/README.md"
    size = alike.loc[("equal lines", "distance", "size")]
    says(page, "agrees by ρ = {}, and", alike.at[("equal lines", "order", ""), "there"])
    says(page, "by {} here and {} there.", size["there"], size["here"])
    says(page, "A language's mask overlaps {} with that", own["equal lines"].mean())


def test_masks_under_other_masks(study):
    table = study.table("functional").pivot_table(index="source", columns="target", values="value")
    cost = np.log(table)
    codes = list(table.columns)
    own = np.diag(cost.loc[codes, codes])
    beside = cost - own
    apart = ~np.eye(len(codes), dtype=bool)
    among = beside.loc[codes, codes].to_numpy()
    overlap = square(study).loc[codes, codes]
    near = [beside.at[overlap[code].idxmax(), code] for code in codes]
    percent = [100 * (np.exp(np.mean(each)) - 1) for each in (among[apart], near)]
    says(
        MAIN,
        "Of {} languages under each other's masks (two blocks each, without training) another language's mask "
        "costs {} % of the perplexity in the (geometric) mean, that of the nearest language {} %, that of the "
        "untouched weights {} times.",
        len(codes),
        *percent,
        np.exp(beside.loc["pretrained"].mean()),
    )
    rho = rank_correlation(overlap.stack(), beside.loc[codes, codes].where(apart).stack())
    says(MAIN, "the less the other costs (ρ = {}).", rho)
    lowest = (cost.loc[codes].min() >= np.diag(cost.loc[codes, codes]) - 1e-9).sum()
    says(MAIN, "For {} the own mask is the best,", lowest)
    says(MAIN, "a language's own mask always serves it best ({} of {})", lowest, len(codes))
    best = cost.loc[codes].idxmin()
    assert best[["amh", "zho-TW"]].tolist() == ["tir", "yue"]
    assert best["eng-GB"] in ("eng", "eng-US")
    says(MAIN, "of which the model knows little, {} others.", (beside.loc[codes, "bod"] < 0).sum())


def test_layers_and_what_is_left_out(study):
    tests = study.table("association")
    tests = tests[(tests["scheme"] == "tree") & (tests["measure"] == "jaccard") & (tests["controls"] == "")]
    layer = tests[tests["by"] == "layer"].set_index(["group", "distance"])["rho"]
    says(
        MAIN,
        "In layer 0 it goes with the tokens that two texts share (ρ = {}) and with script ({});",
        layer["decoder 0", "occurrences"],
        layer["decoder 0", "script"],
    )
    says(
        MAIN,
        "by layer 4 script has gone ({}), and family ({}), geography ({}) and syntax ({}) have come.",
        *(layer["decoder 4", kind] for kind in ("script", "family", "geographic", "syntactic")),
    )
    leaving = study.table("leaving")
    leaving = leaving[leaving["measure"] == "jaccard"]
    size = leaving[leaving["distance"] == "size"]
    says(MAIN, "text size keeps p ≤ {} whichever is left out.", size["p"].max())
    latin = leaving[leaving["without"] == "Latn"].set_index("distance")
    labels = {"syntax": "syntactic", "text size": "size", "geography": "geographic", "all features": "featural"}
    labels |= {"token occurrences": "occurrences", "phonology": "phonological", "script": "script"}
    for label, *_, rho, p in rows(MAIN, "distance", "ρ", "p along the tree"):
        assert float(rho) == pytest.approx(latin.at[labels[label], "rho"], abs=0.005), label
        assert float(p) == pytest.approx(latin.at[labels[label], "p"], rel=0.05), label


def test_the_model_of_single_languages(study):
    table = study.table("process")
    table = table[table["measure"] == "jaccard"]
    p = table.pivot(index="component", columns="predictor", values="p")
    assert (p["size"] < 0.001).all()
    assert (p["occurrences"] < 0.05).sum() == 3
    assert p.index[p["syntactic"] < 0.05].tolist() == [2]
    says(MAIN, "syntax with the second alone (p = {});", p.at[2, "syntactic"])
    first = study.table("properties")
    first = first[(first["measure"] == "jaccard") & (first["component"] == 1)].set_index("predictor")
    says(
        MAIN,
        "the first direction, {} % of the overlap, goes with bits a character (F = {}), tokens ({}) and script ({}).",
        100 * first["share"].iloc[0],
        *first.loc[["bits", "tokens", "script"], "f"],
    )
    regression = study.table("regression")
    chosen = regression[(regression["measure"] == "jaccard") & (regression["by"] == "all")]
    says(MAIN, "Six distances together explain {} % of the ranks.", 100 * chosen["r2"].iloc[0])


def test_eleven_languages_of_three_domains():
    page, study = f"{DOMAINS}/README.md", Study(ROOT / DOMAINS)
    found = square(study)
    own = study.table("across").pivot(index="language", columns="called", values="value").loc[ELEVEN]
    between = found.loc[ELEVEN, ELEVEN]
    says(
        page,
        "from two other texts overlap {} with them, two languages of news {}.",
        own.to_numpy().mean(),
        between.stack().mean(),
    )
    nearer = own.gt(between.max(), axis=0)
    assert nearer.sum().nunique() == 1
    says(page, "In {} of 11 languages the own mask from either other text is nearer", nearer.all(axis=1).sum())
    assert own.index[~nearer.all(axis=1)].tolist() == ["es"]
    changed = summary.counts_of(study, CHOICE, "beyond").matrix("jaccard")
    two = changed.loc[ELEVEN, ELEVEN].to_numpy()[np.triu_indices(11, 1)].mean()
    chance = summary.levels(study, CHOICE, "beyond", "all").set_index("level").at["chance", "value"]
    says(
        page,
        "they share {} with a language, two languages share {}, where {} is chance.",
        changed.loc["zxx", ELEVEN].mean(),
        two,
        chance,
    )
    halves = summary.within(study, CHOICE, "halves", "jaccard", "all").set_index("language")["value"]
    says(page, "half of its own text gives one that overlaps {}.", halves[ELEVEN].mean())
    pooled = found.loc["+".join(ELEVEN), ELEVEN]
    says(
        page,
        "gives a mask that overlaps {} with a language's in the mean, more than two languages do: Arabic {}, "
        "Swahili {}.",
        pooled.mean(),
        pooled["ar"],
        pooled["sw"],
    )
    says(page, "Random tokens give one that overlaps {} with a language's.", found.loc["zxx", ELEVEN].mean())
    alike = study.table("alike")
    alike = alike[(alike["by"] == "all") & (alike["what"] == "order")].set_index("called")["there"]
    says(
        page,
        "news and the bundled sentences agree by ρ = {}, news and software text by {}.",
        *alike[["bundled sentences", "software text"]],
    )
