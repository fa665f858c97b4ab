"""What is bundled is what the documents say it is."""

from pathlib import Path

import pytest

from neutral import corpora, models
from neutral.compression import results
from neutral.languages import PAPER_ORDER
from neutral.study import Study
from neutral.tasks import LanguageModelling
from neutral.transfer import results as transfers

DATA = Path(__file__).parent.parent / "data"


@pytest.mark.long
def test_the_bundled_model_knows_all_eleven_languages():
    """Far better than guessing on the bundled sentences, which it never saw in training."""
    tokenizer, model = models.load_tokenizer(DATA / "models/mini-mbert"), models.load_model(DATA / "models/mini-mbert")
    task = LanguageModelling("mlm", tokenizer)
    text = corpora.load(DATA / "sentences")
    for code in PAPER_ORDER:
        blocks = task.blocks(text.held_out[code])[:3]
        learned = task.blocks(text.train[code])
        assert task.evaluate(model, blocks).value < 0.6 * task.unigram(learned, blocks).value, code


def test_the_bundled_model_is_small_and_half_precision():
    assert (DATA / "models/mini-mbert/model.safetensors").stat().st_size <= 60e6


@pytest.mark.parametrize("name", ["mini-mbert", "gemma-3-270m"])
def test_at_a_tenth_of_the_bytes_no_language_loses_a_tenth(name):
    """What the README claims of `mixed`, and that low rank does not."""
    study = Study(DATA / f"studies/{name}-compression")
    scores = results.scores(study.table("perplexity"), results.tables(study.table("table")))
    tenth = scores[
        (scores["by"] == "bytes") & (scores.ratio == 10) & (scores.variant == "") & (scores["where"] == "both")
    ]
    factor = tenth[~tenth.words & (tenth.ratio_bytes >= 10)].set_index(["method", "language"])["factor"]
    assert set(factor["mixed"].index) == set(PAPER_ORDER)
    assert factor["mixed"].max() < 1.1
    assert factor["svd"].min() > 2


def test_at_four_fifths_removed_every_language_needs_its_own_ticket():
    """What the README claims of transfer: own masks are the best, overlap foretells the rest, the core is no better."""
    table = Study(DATA / "studies/mini-mbert-transfer").table("transfer")
    rows = transfers.select(table[table["seed"] == 0], "mlm", 0.8)
    matrix = transfers.against_own(transfers.matrix(rows))
    between = matrix[matrix["source"].isin(PAPER_ORDER) & (matrix["source"] != matrix["target"])]
    assert len(between) == 110
    assert (between["relative"] > 0.1).all()
    tested = transfers.bootstrap(rows)
    assert (tested[tested["source"].isin(PAPER_ORDER)]["p"] < 0.05).all()
    together = transfers.left_out(rows)
    assert (together["core"] > together["mean"]).all()
    assert (together[["core", "union", "vote"]].to_numpy() < together[["random"]].to_numpy()).all()


def test_a_ticket_of_another_search_tells_the_language_from_the_search():
    """What the README claims: it is as good as the own one, and better than any other language's."""
    study = Study(DATA / "studies/mini-mbert-transfer")
    table = study.table("transfer")
    rows = transfers.select(table[table["seed"] == 1], "mlm", 0.8)
    matrix = transfers.against_own(transfers.matrix(rows))
    again = matrix[matrix["source"] == "reseeded 2"]["relative"]
    assert len(again) == 11
    assert again.abs().max() < 0.031
    assert abs(again.mean()) < 0.005
    tested = transfers.bootstrap(transfers.reseeded(rows, 2))
    tested = tested[tested["source"].isin(PAPER_ORDER)]
    assert len(tested) == 110
    assert ((tested["gain"] < 0) & (tested["p"] < 0.05)).all()
    jaccard = study.counts("mlm", "magnitude", 0.8, kind="seeds").matrix("jaccard")
    for code in PAPER_ORDER:
        others = jaccard.loc[f"{code}/0", [f"{other}/2" for other in PAPER_ORDER]]
        assert others.idxmax() == f"{code}/2"


def test_another_order_of_the_examples_turns_the_comparison_at_half():
    """Trained again on the examples it was found on, a ticket is worse than others', on other examples it is better."""
    table = Study(DATA / "studies/mini-mbert-transfer").table("transfer")
    for seed, sign, best in ((0, -1, 0), (1, 1, 9)):
        rows = transfers.select(table[table["seed"] == seed], "mlm", 0.5)
        matrix = transfers.against_own(transfers.matrix(rows))
        others = matrix[matrix["source"].isin(PAPER_ORDER) & (matrix["source"] != matrix["target"])]
        assert len(others) == 110
        assert sign * others["relative"].mean() > 0.01
        assert (others.groupby("target")["relative"].min() > 0).sum() == best
        tested = transfers.bootstrap(rows)
        tested = tested[tested["source"].isin(PAPER_ORDER) & (tested["p"] < 0.05)]
        assert (sign * tested["gain"] < 0).all()


def test_masks_for_inference_work_for_other_languages_and_those_of_other_tasks_do_not():
    table = Study(DATA / "studies/mini-mbert-transfer").table("transfer")
    found = table[(table["task"] == "nli") & (table["method"] == "magnitude") & (table["sparsity"] == 0.5)]
    same = found["source_task"] == "nli"
    languages = found[same & (found["source"] != "random")]["value"]
    assert len(languages) == 12  # three languages' and their mixture's
    assert languages.min() > 0.99
    assert found[same & (found["source"] == "random")]["value"].max() < 0.34
    assert set(found[~same]["source_task"]) == {"mlm", "ner"}
    assert found[~same]["value"].max() <= 0.7
