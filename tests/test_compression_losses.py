"""The auto-encoder's variants by name, and its losses against each other."""

import argparse
import random
from math import exp

import numpy as np
import pandas as pd
import pytest

from neutral import figures, options
from neutral.compression import losses, results, variants
from neutral.compression.variants import DEFAULTS, Settings
from neutral.errors import NeutralError
from neutral.runs.plans.compression import CompressionPlan, filled
from pages.parts.compression import words

LANGUAGES = ("en", "sw")
FULL_LOSS = 2.0


def study(costs, *, cosine=None, rmse=None, ratios=(2.5,), **more):
    """Tables and perplexities of {variant: nats of each seed}; English loses 0.9 times as much, Swahili 1.1 times."""
    full = {"method": "full", "by": "", "ratio": 1.0, "weights": "", "variant": "", "trimmed": False, "where": "full"}
    scores = [full | {"language": code, "words": False, "loss": FULL_LOSS, "seed": 0} for code in LANGUAGES]
    tables = []
    for variant, nats in costs.items():
        for ratio in ratios:
            for seed, cost in enumerate(nats):
                key = {"method": "autoencoder", "by": "parameters", "ratio": ratio, "weights": "uniform"}
                key |= {"variant": variant, "trimmed": False, "seed": seed} | more
                errors = {"cosine": (cosine or {}).get(variant, 0.1), "rmse": (rmse or {}).get(variant, 0.1)}
                tables.append(key | errors | {"norm_ratio": 1.0, "rank": 8})
                for code, times in zip(LANGUAGES, (0.9, 1.1), strict=True):
                    said = {
                        "language": code,
                        "where": "input",
                        "words": False,
                        "loss": FULL_LOSS + times * cost * ratio,
                    }
                    scores.append(key | said)
    return pd.DataFrame(tables), pd.DataFrame(scores)


def test_a_variant_says_what_differs_and_is_read_back():
    draw = random.Random(0)
    for _ in range(200):
        chosen = {
            "variant": draw.choice(variants.ELU),
            "start": draw.choice(variants.STARTS),
            **{key: draw.choice([0.0, 1.0, 0.25, DEFAULTS[key]]) for key in ("c1", "c2", "c3")},
            "first_power": draw.choice([1.0, 0.5, 1e-5]),
            "last_power": draw.choice([0.1, 0.5]),
            "falling": draw.choice([20, 5]),
            "rate": draw.choice([1e-3, 0.012345678901]),
            "batch": draw.choice([32, 64]),
            "halving": draw.choice([4, 2]),
            "decay": draw.choice([0.5, 0.9]),
            "stop": draw.choice(variants.STOPS),
        }
        if not any(chosen[key] for key in ("c1", "c2", "c3")):
            continue
        named = variants.name(chosen)
        differs = {key: value for key, value in chosen.items() if value != {**DEFAULTS, "stop": "train"}[key]}
        read = variants.options(named)
        assert {**DEFAULTS, "stop": "train"} | read == {**DEFAULTS, "epochs": 30} | chosen
        assert (named == "linear") == (not differs)
        assert variants.canonical(named) == named
        assert variants.split(f"svd,autoencoder:{named},pq") == ("svd", f"autoencoder:{named}", "pq")


def test_what_was_asked_for_under_old_names_keeps_them():
    """Studies that were made before hold these."""
    for old in ("linear", "elu", "from-svd", "from-direction"):
        assert variants.canonical(old) == old
    assert variants.options("elu") == {"variant": "elu"}
    assert results.name_of("autoencoder", "c1=1,c2=0.5", "sqrt") == "autoencoder c1=1,c2=0.5, √frequency"


@pytest.mark.parametrize(
    ("variant", "complaint"),
    [
        ("relu", "autoencoder:relu: unknown variant; there is linear, elu"),
        ("c1=a", "autoencoder:c1=a: a number is needed"),
        ("batch=1.5", "autoencoder:batch=1.5: a whole number"),
        ("batch=0", "batch=0: 1 or more"),
        ("alpha-epochs=0", "alpha-epochs=0: 1 or more"),
        ("c1=0,c2=0", "one of them above 0"),
        ("c1=nan", "c1, c2 and c3: numbers of 0 or more"),
        ("rate=0", "rate=0: a number above 0"),
        ("rate=inf", "rate=inf: a number above 0"),
        ("alpha=1-", "alpha=1-: a number is needed"),
        ("alpha=0-1", "alpha=0: a number above 0"),
        ("stop=best", "unknown variant"),
        ("cosine+l1", "unknown variant"),
        ("", None),
    ],
)
def test_what_no_variant_is_said_in_a_line(variant, complaint):
    if complaint is None:
        assert variants.canonical(variant) == "linear"
        return
    with pytest.raises(NeutralError) as raised:
        variants.options(variant)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def methods_of(*arguments):
    """The methods that a command line of `compress` asks for."""
    parser = argparse.ArgumentParser()
    options.add(parser, CompressionPlan)
    plan = options.read(CompressionPlan, parser.parse_args(["--model", "m", "--text", "t", *arguments]))
    return filled(plan, "mlm", ("en",)).methods


def test_every_setting_has_its_option_in_the_shell():
    assert methods_of("--methods", "svd,autoencoder") == ("svd", "autoencoder")
    given = ["--c1=0.5", "--c2=0.1", "--c3=2", "--alpha=0.9-0.2", "--alpha-epochs=5", "--rate=0.01", "--batch=64"]
    given += ["--halving=2", "--decay=0.9", "--elu=decoder", "--start=svd", "--stop=last"]
    (_, named) = methods_of("--methods", "svd,autoencoder", *given)
    read = variants.options(named.removeprefix("autoencoder:"))
    assert {*read} == {*DEFAULTS, "stop"} - {"epochs"}, "epochs are a setting of the whole study"
    assert all(value != DEFAULTS.get(key) for key, value in read.items())
    asked = methods_of(
        "--methods", "autoencoder:cosine,autoencoder:rate=0.1,c1=1,pq", "--rate", "0.01", "--elu", "both"
    )
    assert asked == ("autoencoder:elu,cosine,rate=0.01", "autoencoder:elu,c1=1,rate=0.1", "pq")
    with pytest.raises(NeutralError, match=r"c1=1\.0: only the auto-encoder is trained; add autoencoder to --methods"):
        methods_of("--c1", "1")


def test_alpha_falls_as_it_is_told():
    settings = Settings(**variants.options("alpha=0.9-0.5,alpha-epochs=4,rate=0.1,halving=2,decay=0.1"))
    assert [settings.power(epoch) for epoch in range(6)] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.5])
    assert [settings.rate_in(epoch) for epoch in range(5)] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    always = Settings(**variants.options("alpha=0.3"))
    assert {always.power(epoch) for epoch in range(30)} == {0.3}


def test_a_loss_is_compared_with_every_language_and_seed():
    tables, scores = study({"cosine": [0.1, 0.2], "rmse": [0.3, 0.4]}, rmse={"cosine": 0.11}, ratios=(2.5, 5.0))
    runs = losses.runs(tables, scores)
    assert len(runs) == 2 * 2 * 2 * 2  # losses × sizes × seeds × languages
    row = losses.ablation(runs).query("loss == 'cosine' and ratio == 5").iloc[0]
    assert row[["factor", "low", "high"]].tolist() == pytest.approx([exp(0.75), exp(0.5), exp(1.0)])
    assert row["seeds"] == 2
    row = losses.versus(runs).query("ratio == 2.5").iloc[0]
    assert row[["one", "other", "gain"]].tolist() == pytest.approx([exp(0.375), exp(0.875), exp(-0.5)])
    assert row[["least", "most"]].tolist() == pytest.approx([exp(-0.25), exp(-0.75)])
    assert row["beyond"]
    assert row[["languages", "n", "seeds"]].tolist() == [2, 2, 2]
    assert row[["cosine", "rmse"]].tolist() == pytest.approx([1.0, 1.1])


def test_what_was_scored_line_by_line_is_apart():
    tables, scores = study({"cosine": [0.1], "rmse": [0.3]})
    lines = scores.assign(scoring="lines", loss=scores["loss"] * 2)
    versus = losses.versus(losses.runs(tables, pd.concat([scores, lines]))).set_index("scoring")
    assert versus["gain"].to_dict() == pytest.approx({"blocks": exp(-0.5), "lines": exp(-1.0)})


def test_a_difference_within_the_seeds_is_said_to_be_one():
    tables, scores = study({"cosine": [0.1, 0.35], "rmse": [0.3, 0.4]})
    assert not losses.versus(losses.runs(tables, scores))["beyond"].any()
    tables, scores = study({"cosine": [0.1], "rmse": [0.3]})
    assert not losses.versus(losses.runs(tables, scores))["beyond"].any()  # one seed tells nothing


def test_only_what_differs_in_the_loss_alone_is_compared():
    costs = {"linear": [0.1], "cosine": [0.1], "elu,cosine": [0.1], "rate=0.1": [0.1], "of-tomorrow": [0.1]}
    found = losses.runs(*study(costs))
    assert sorted(set(found["loss"])) == ["cosine", "paper"]
    assert losses.runs(*study({"linear": [0.1]})).empty  # one loss is no ablation
    assert losses.runs(*study({"linear": [0.1], "cosine": [0.1]}, weights="sqrt")).empty
    assert len(losses.runs(*study({"linear": [0.1], "cosine": [0.1]}, weights="sqrt"), weights="sqrt")) == 4
    empty = pd.DataFrame()
    assert losses.runs(empty, empty).empty
    assert losses.ablation(losses.runs(empty, empty)).empty
    assert losses.versus(losses.runs(empty, empty)).empty


@pytest.mark.parametrize(
    ("costs", "verdict"),
    [
        ({"cosine": [0.1, 0.2], "rmse": [0.3, 0.4]}, "**Yes: at 2.5 × the cosine distance alone gives"),
        ({"rmse": [0.1, 0.2], "cosine": [0.3, 0.4]}, "**No: at 2.5 ×"),
        ({"cosine": [0.1, 0.35], "rmse": [0.3, 0.4]}, "**Not shown: at 2.5 ×"),
        ({"cosine": [0.1], "rmse": [0.3]}, "**Not shown: at 2.5 ×"),
    ],
)
def test_the_sentence_answers_with_numbers(costs, verdict):
    tables, scores = study(costs, rmse={"cosine": 0.11})
    versus = losses.versus(losses.runs(tables, scores))
    sentence = words.losses(versus, "cosine", "rmse")
    assert sentence.startswith(verdict)
    assert f"{versus['one'].iloc[0]:.3g} times" in sentence
    assert "RMSE is 10% higher with the first" in sentence
    assert ("although RMSE" in sentence) == verdict.startswith("**Yes")
    assert ("One seed" in sentence) == (len(costs["rmse"]) == 1)


def test_the_figure_has_a_mark_a_loss_and_size_and_bars_from_seed_to_seed():
    costs = {"cosine": [0.1, 0.2], "rmse": [0.3, 0.4], "linear": [0.1], "c1=0.5": [9.0]}
    table = losses.ablation(losses.runs(*study(costs, ratios=(2.5, 5.0))))
    figure = figures.losses_by_ratio(table, "parameters")
    assert [trace.name for trace in figure.data[::3]] == [
        "Cosine alone",
        "The paper's: cosine and power",
        "RMSE alone",
        "c1=0.5",
    ]
    first = figure.data[0]
    assert list(first.x) == ["2.5 ×", "5 ×"]
    assert list(first.y) == pytest.approx([exp(0.375), exp(0.75)])
    assert np.array(first.error_y.array) == pytest.approx(np.exp([0.5, 1.0]) - np.exp([0.375, 0.75]))
    assert max(figure.data[9].y) <= 1e4  # a ruined model is ruined
