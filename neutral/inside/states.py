"""States: what a network makes of a sentence, layer by layer; and the parallel sentences to read them with.

A sentence's state after a layer is pooled from its tokens' states there; padding never counts.

- `mean-with-special`: the mean of all its tokens, [CLS] and [SEP] included, as in Foroutan et al. (2022).
- `mean`: the mean of its own tokens. Special tokens are the same in every language, and the first token of a decoder
  has a state hundreds of times as long as the others' (Sun et al. 2024, arXiv 2402.17762), which would dominate the
  mean; so this is a decoder's usual way.
- `cls`: the state of its first token, [CLS], the other way of the paper's script.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import corpora, models
from neutral.corpora import textfiles
from neutral.errors import FileError, NeutralError
from neutral.inside.definitions import PAPER, POOLINGS, UNWRITTEN
from neutral.inside.hidden import hidden

EMBEDDINGS = "embeddings"
"""The layer before the first block."""

LENGTH = 256
"""Tokens of a sentence that count, from its start, unless the model has fewer positions."""


def parallel(folder: str | Path, languages: Sequence[str] = ()) -> dict[str, list[str]]:
    """Read `<lang>.txt[.gz|.xz]` whose lines n mean the same: language -> sentences, in the order of `languages`.

    Reads all the folder's languages if none are named. Raises `FileError` for a language without a file, for an empty
    line before the end (leaving it out would shift the lines that follow), and for files of unequal length.
    """
    files = corpora.languages_in(folder)
    if missing := [code for code in languages if code not in files]:
        raise FileError(folder, f"no sentences for {', '.join(missing)}; it has {', '.join(files)}")
    sentences = {code: _lines(files[code]) for code in languages or files}
    first = next(iter(sentences))
    for code, lines in sentences.items():
        if len(lines) != len(sentences[first]):
            lengths = f"{len(sentences[first])} lines in {files[first].name}, {len(lines)} in {files[code].name}"
            raise FileError(folder, f"is not parallel text, where line n means the same in all languages: {lengths}")
    return sentences


def layers(model: PreTrainedModel) -> list[str]:
    """Return the names of the layers of `states`: "embeddings", then every block as `labels` groups its weights.

    An encoder-decoder has the layers of its encoder. Blocks that share their weights (ALBERT) still have their numbers.
    """
    config = model.config.get_text_config()
    stack = models.stack(model) or "encoder"
    return [EMBEDDINGS, *(f"{stack} {i}" for i in range(config.num_hidden_layers))]


def usual_pooling(model: PreTrainedModel) -> str:
    """Return the paper's pooling, and the mean without special tokens for a decoder; why is said at the top."""
    return UNWRITTEN.pooling if _reads_forward(model) else PAPER.pooling


def require_pooling(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, pooling: str) -> None:
    """Raise `NeutralError` for an unknown pooling, and for `cls` of a model without a first token that may sum up."""
    if pooling not in POOLINGS:
        raise NeutralError(f"--pooling {pooling}: unknown; use one of {', '.join(POOLINGS)}")
    begins = tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"][:1] == [1]
    if pooling == "cls" and (_reads_forward(model) or not begins):
        raise NeutralError(
            f"--pooling cls: {type(model).__name__} reads no first token that may sum a sentence up, as BERT's [CLS]; "
            "use mean or mean-with-special"
        )


@torch.inference_mode()
def states(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    sentences: Sequence[str],
    *,
    pooling: str | None = None,
    batch: int = 32,
    length: int = LENGTH,
) -> dict[str, np.ndarray]:
    """Return the state of each sentence, after the embeddings and every block.

    The last layer's states are those that the model hands on, which in most decoders and in T5 is after its final norm.
    The model runs in evaluation mode on the device it is on, and is left as it was.

    Parameters
    ----------
    model, tokenizer
        The network and its tokenizer.
    sentences : sequence of str
        The n sentences to read.
    pooling : str
        One of `POOLINGS`; by default `usual_pooling`.
    batch : int
        Sentences at a time.
    length : int
        The number of tokens of a sentence that count, from its start.

    Returns
    -------
    layer -> array (n, d), float32
        The layers are those of `layers`; d may differ between them (OPT's last).

    Raises
    ------
    NeutralError
        When there are no sentences, or one has no token; what `require_pooling` and `hidden.hidden` raise.
    """
    if not sentences:
        raise NeutralError("there are no sentences to read")
    pooling = pooling or usual_pooling(model)
    require_pooling(model, tokenizer, pooling)
    names, base = layers(model), _base(model)
    ids, special = _encoded(model, tokenizer, sentences, length)
    counted = _counted(special, pooling)
    order = np.argsort([len(row) for row in ids], kind="stable")  # sentences of one length need no padding
    by_layer: dict[str, np.ndarray] = {}
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(ids), batch):
            places = order[start : start + batch]
            layers_of = hidden(base, len(names) - 1, _batch(ids, places, model.device))
            kept = _padded(counted, places, model.device)[..., None]  # (B, T, 1)
            for name, layer in zip(names, layers_of, strict=True):
                means = (layer.float() * kept).sum(1) / kept.sum(1)  # (B, d)
                rows = by_layer.setdefault(name, np.empty((len(ids), means.shape[1]), dtype=np.float32))
                rows[places] = means.cpu().numpy()
    finally:
        model.train(was_training)
    return by_layer


def _base(model: PreTrainedModel) -> PreTrainedModel:
    """Return the module that yields the states: the network without its head, or the encoder of an encoder-decoder."""
    return model.get_encoder() if model.config.is_encoder_decoder else model.base_model


def _encoded(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, sentences: Sequence[str], length: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Return each sentence's token ids, and which of them are special (1) rather than its own (0).

    A decoder's sentence begins with the first token of a text, if the model has one, even when its tokenizer does not
    add it: otherwise the sentence's own first token would take that token's part.
    """
    rows = tokenizer(list(sentences), truncation=True, max_length=length, return_special_tokens_mask=True)
    ids, special = rows["input_ids"], rows["special_tokens_mask"]
    if _reads_forward(model):
        first = tokenizer.bos_token_id
        missing = [first is not None and row[:1] != [first] for row in ids]
        ids = [[first, *row] if add else row for row, add in zip(ids, missing, strict=True)]
        special = [[1, *row] if add else row for row, add in zip(special, missing, strict=True)]
    for number, row in enumerate(special, 1):
        if all(row):
            raise NeutralError(f"sentence {number} has no token: {sentences[number - 1]!r}")
    return ids, special


def _reads_forward(model: PreTrainedModel) -> bool:
    """Whether a token's state knows only of the tokens before it."""
    return not model.config.is_encoder_decoder and layers(model)[-1].startswith("decoder")


def _counted(special: list[list[int]], pooling: str) -> list[list[int]]:
    """Return which tokens of each sentence (1) its state is the mean of."""
    if pooling == "mean":
        return [[1 - s for s in row] for row in special]
    if pooling == "mean-with-special":
        return [[1] * len(row) for row in special]
    return [[1] + [0] * (len(row) - 1) for row in special]


def _batch(ids: list[list[int]], places: np.ndarray, device: torch.device) -> dict[str, torch.Tensor]:
    """Return the input ids and the attention mask of the sentences at `places`, both (B, T), padded at the end."""
    real = [[1] * len(row) for row in ids]
    return {"input_ids": _padded(ids, places, device), "attention_mask": _padded(real, places, device)}


def _padded(rows: list[list[int]], places: np.ndarray, device: torch.device) -> torch.Tensor:
    """Stack rows, filled up with 0: the padding is neither attended to nor counted."""
    chosen = [torch.tensor(rows[i]) for i in places]
    return torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True).to(device)


def _lines(path: Path) -> list[str]:
    """Return the lines of a file, empty ones after the last left out."""
    lines = [line.strip() for line in textfiles.lines(path)]
    while lines and not lines[-1]:
        lines.pop()
    if "" in lines:
        raise FileError(path, f"line {lines.index('') + 1} is empty; line n must mean the same in all languages")
    return lines
