"""What is bundled is what the documents say it is."""

from pathlib import Path

from neutral import corpora, models
from neutral.languages import PAPER_ORDER
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
        assert task.evaluate(model, blocks).perplexity < 0.6 * task.unigram(learned, blocks).perplexity, code


def test_the_bundled_model_is_small_and_half_precision():
    assert (DATA / "models/mini-mbert/model.safetensors").stat().st_size <= 60e6
