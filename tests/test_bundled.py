"""What is bundled is what the documents say it is."""

from pathlib import Path

import pytest

from neutral import corpora, models
from neutral.compression import results
from neutral.languages import PAPER_ORDER
from neutral.study import Study
from neutral.tasks import LanguageModelling

DATA = Path(__file__).parent.parent / "data"


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
