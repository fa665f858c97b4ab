"""Which experts a language uses: stored with a Wanda run, and how much of it two languages share."""

import architectures
import pandas as pd
import pytest
import tiny

from neutral import figures
from neutral.cli import main
from neutral.recipes import Recipe
from neutral.runs.plans.search import SearchPlan
from neutral.runs.search import find
from neutral.search import experts
from neutral.study import Study
from neutral.summary import Choice
from pages.parts.overlap import words

CHOICE = Choice("clm", "wanda", 0.5)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixture")
    architectures.make("mixtral", folder / "model")
    plan = SearchPlan(
        model=str(folder / "model"),
        task="clm",
        languages=("en", "sw"),
        method="wanda",
        sparsities=(0.5,),
        recipe=Recipe(steps=0),
        length=32,
        blocks=6,
        held_out=2,
        halves=True,
    )
    find(plan, tiny.text(), folder / "study", device="cpu", quiet=True)
    find(plan, tiny.text(), folder / "study", device="cpu", quiet=True)  # stored once
    return Study(folder / "study")


def test_a_wanda_run_stores_how_many_tokens_each_expert_got(study):
    table = experts.usage(study, CHOICE)
    assert list(table) == list(experts.COLUMNS)
    assert len(table) == 2 * 2 * 4  # languages, layers, experts
    sums = table.groupby(["language", "layer"])["tokens"].sum()
    assert set(sums) == {6 * 32 * 2}  # every token of six blocks goes to two experts
    assert table.groupby(["language", "layer"])["share"].sum().round(12).eq(1).all()


def test_the_halves_add_up_to_the_whole(study):
    whole, first, second = (experts.usage(study, CHOICE, variant=variant) for variant in ("", "a", "b"))
    assert (first["tokens"] + second["tokens"]).equals(whole["tokens"])


def test_languages_come_in_the_order_asked_for(study):
    assert list(dict.fromkeys(experts.usage(study, CHOICE, ["sw", "en"])["language"])) == ["sw", "en"]
    assert experts.usage(study, Choice("mlm", "wanda", 0.5)).empty


def used(shares):
    """A table of `usage` from language -> shares of one layer."""
    rows = [(code, "decoder 0", e, 0, share) for code, of in shares.items() for e, share in enumerate(of)]
    return pd.DataFrame(rows, columns=list(experts.COLUMNS))


def test_shared_routing_is_the_sum_of_the_smaller_shares():
    table = experts.shared(used({"en": [0.5, 0.5, 0], "fr": [0.25, 0.5, 0.25], "sw": [0, 0, 1]}))
    assert dict(zip(zip(table["source"], table["target"], strict=True), table["value"], strict=True)) == {
        ("en", "fr"): 0.75,
        ("en", "sw"): 0.0,
        ("fr", "sw"): 0.25,
    }


def test_shared_routing_of_one_language_is_an_empty_table():
    assert experts.shared(used({"en": [1, 0]})).empty


def test_within_compares_the_halves_of_each_language(study):
    table = experts.within(study, CHOICE)
    first, second = (experts.usage(study, CHOICE, variant=variant) for variant in ("a", "b"))
    expected = first.assign(least=first["share"].where(first["share"] < second["share"], second["share"]))
    expected = expected.groupby(["layer", "language"])["least"].sum()
    assert [expected[row.group, row.language] for row in table.itertuples()] == pytest.approx(list(table["value"]))
    assert len(table) == 4


def test_tokens_of_experts_are_put_together_by_layer():
    name = "model.layers.{}.mlp.experts.{}.{}_proj.weight"
    tokens = {name.format(layer, e, kind): e * layer for layer in (0, 1) for kind in ("up", "down") for e in (0, 1)}
    assert experts.by_layer(tokens) == {"decoder 0": [0, 0], "decoder 1": [0, 1]}


def test_what_no_token_reaches_is_said(tmp_path, capsys):
    architectures.make("xmod", tmp_path / "model")
    plan = SearchPlan(
        *(str(tmp_path / "model"), "mlm", ("en",), "wanda", (0.5,)),
        recipe=Recipe(steps=0),
        length=32,
        blocks=2,
        held_out=1,
    )
    find(plan, tiny.text(("en",)), tmp_path / "study", device="cpu")
    said = capsys.readouterr().err
    (note,) = [n for n in Study(tmp_path / "study").info["notes"] if "no token" in n]
    assert f"neutral: {note}" in said
    assert note == (
        "en: no token reaches 4 matrices, so all their weights score 0 and where its mask cuts them says nothing: "
        "encoder 0 sw_KE, encoder 1 sw_KE"
    )


def test_the_shell_prints_the_shares(study, capsys):
    assert main(["study", "experts", str(study.path), "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "language,layer,expert,tokens,share,task,seed"
    assert len(lines) == 1 + 16


def test_the_sentence_says_what_is_shared_and_what_two_halves_share(study):
    shared = experts.shared(used({"en": [0.5, 0.5, 0], "fr": [0.25, 0.5, 0.25], "sw": [0, 0, 1]}))
    within = pd.DataFrame({"group": ["decoder 0"], "language": ["en"], "value": [0.9]})
    assert words.routing(experts.routing(shared, within)) == (
        "Two languages share 33% of their routing in the mean; two halves of one language's text share 90%; "
        "English and Swahili share least (0%)."
    )


def test_the_figure_has_a_row_a_language_and_a_column_an_expert(study):
    figure = figures.experts_used(experts.usage(study, CHOICE), "decoder 1")
    (heat,) = figure.data
    assert heat.z.shape == (2, 4)
    assert list(heat.y) == ["English", "Swahili"]
    assert heat.zmid == 0.25


def test_study_json_says_what_is_pruned_and_what_not(study):
    inventory = study.info["inventory"]["wanda"]
    assert inventory["weights"] == study.info["prunable"] == sum(p["weights"] for p in inventory["taken"].values())
    routers = {"name": "model.layers.*.mlp.gate.weight", "matrices": 2, "weights": 512, "reason": "chooses the experts"}
    assert routers in inventory["left_out"]
