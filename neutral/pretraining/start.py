"""What a pretraining begins with: an encoder trimmed to the text, or a WordPiece tokenizer and a BERT from nothing."""

from __future__ import annotations

from typing import NamedTuple

from transformers import BertConfig, BertForMaskedLM, PreTrainedModel, PreTrainedTokenizerBase, set_seed

from neutral import hashes, models, vocabulary
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.shape import Shape

_DROPOUT = (  # what configurations call it
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "embedding_dropout"),
    *("mlp_dropout", "resid_dropout", "activation_dropout"),
)
_POSITIONS = 512  # of a model made from nothing


class Untrained(NamedTuple):
    """A masked language model before its training, and its tokenizer. Dropout is off: training is one to a few passes
    over the text, where it costs time and helps little.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


class Encoder(NamedTuple):
    """An encoder to start from, whole."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    digests: dict[str, str]
    """Of its weights, its configuration and its tokenizer: `neutral.hashes`."""
    notes: tuple[str, ...]


def encoder(source: str, corpus: Corpus, *, length: int, seed: int) -> Encoder:
    """Load an encoder with a masked-language-model head; one that it lacks is drawn from the seed.

    Raises `NeutralError` for what is no encoder or has no mask token, and for what else `models.load` refuses.
    """
    tokenizer = models.load_tokenizer(source)
    if models.stack(models.configuration(source)) != "encoder":
        raise NeutralError(f"--from {source}: is no encoder, and a masked language model is made from an encoder")
    if tokenizer.mask_token_id is None:
        raise NeutralError(f"--from {source}: its tokenizer has no mask token, such as [MASK]; take another encoder")
    _, poor = models.require_known(source, tokenizer, corpus.train)
    without = {name: 0.0 for name in _DROPOUT if hasattr(models.configuration(source), name)}
    loaded = models.load(source, "mlm", tokenizer=tokenizer, length=length, seed=seed, new_head=True, **without)
    stored = {name: tensor for name, tensor in sorted(loaded.model.state_dict().items()) if name not in loaded.new}
    digests = {"weights": hashes.digest(stored), "config": hashes.configured(source)}
    digests |= {"tokenizer": hashes.tokenizer(tokenizer)}
    return Encoder(loaded.model, tokenizer, digests, (*loaded.notes, *poor))


def untrained(encoder: Encoder | None, corpus: Corpus, size: int, shape: Shape, *, length: int, seed: int) -> Untrained:
    """Return what is trained: an encoder, trimmed in place, or what is made from nothing."""
    if encoder is None:
        return from_nothing(corpus, size, shape, length=length, seed=seed)
    return trimmed(encoder, corpus, size)


def trimmed(encoder: Encoder, corpus: Corpus, size: int) -> Untrained:
    """Trim an encoder, in place, to the `size` tokens that the text needs most."""
    return Untrained(encoder.model, vocabulary.trim(encoder.model, encoder.tokenizer, corpus.train, size))


def from_nothing(corpus: Corpus, size: int, shape: Shape, *, length: int, seed: int) -> Untrained:
    """Make a tokenizer of at most `size` pieces from the text, and a BERT whose weights are drawn from the seed.

    Raises `NeutralError` for more tokens in a block than it has positions, and for too few pieces.
    """
    if length > _POSITIONS:
        raise NeutralError(f"--length {length}: a model made from nothing has {_POSITIONS} positions")
    tokenizer = vocabulary.train_wordpiece(corpus.train, size)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        max_position_embeddings=_POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
    )
    set_seed(seed)
    return Untrained(BertForMaskedLM(config), tokenizer)
