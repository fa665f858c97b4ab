"""Vocabulary trimming: cut a model's token table to the pieces that a text needs.

Pieces are ranked by their mean relative frequency over the languages, so that a language with little
text keeps as good a vocabulary as one with much (Abdaoui et al. 2020, "Load what you need", cut by
language frequency; the even mean over languages is ours). Special tokens and every single character of
the text always stay, so any word can still be spelled.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.errors import NeutralError


def needed(tokenizer: PreTrainedTokenizerBase, lines: dict[str, list[str]], size: int) -> list[int]:
    """Return the ids of the `size` tokens to keep, ascending.

    In order of claim: special tokens, single characters of the text, then the pieces of highest mean
    relative frequency over the languages in `lines`. Raises `NeutralError` when `size` is too small for the first two.
    """
    backend = tokenizer.backend_tokenizer
    share: Counter[int] = Counter()
    for text in lines.values():
        counts: Counter[int] = Counter()
        for encoding in backend.encode_batch(text, add_special_tokens=False):
            counts.update(encoding.ids)
        total = sum(counts.values())
        for token, count in counts.items():
            share[token] += count / total / len(lines)
    characters = set().union(*(set(line) for text in lines.values() for line in text))
    vocabulary = backend.get_vocab(with_added_tokens=True)
    bare = {i: piece.removeprefix("##") for piece, i in vocabulary.items()}  # "##a" continues a WordPiece word
    kept = {i for i, piece in bare.items() if len(piece) == 1 and (piece in characters or i in share)}
    kept |= set(tokenizer.all_special_ids) | set(backend.get_added_tokens_decoder())
    if len(kept) > size:
        raise NeutralError(f"{size:,} pieces are too few: special tokens and single characters are {len(kept):,}")
    for token, _ in share.most_common():
        if len(kept) >= size:
            break
        kept.add(token)
    return sorted(kept)


def trim_tokenizer(tokenizer: PreTrainedTokenizerBase, keep: list[int]) -> PreTrainedTokenizerBase:
    """Return a tokenizer with only the tokens `keep`, renumbered 0 … len(keep) - 1 in that order.

    Works on Unigram, WordPiece and BPE models; of BPE only the merges whose parts and result all stay are kept.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    new = {old: i for i, old in enumerate(keep)}
    model = state["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [entry for i, entry in enumerate(model["vocab"]) if i in new]
        if model.get("unk_id") is not None:
            model["unk_id"] = new[model["unk_id"]]
    elif model["type"] in ("WordPiece", "BPE", "WordLevel"):
        model["vocab"] = {piece: new[i] for piece, i in model["vocab"].items() if i in new}
        if model["type"] == "BPE":
            model["merges"] = [pair for pair in model["merges"] if _survives(pair, model["vocab"])]
    else:
        raise NeutralError(f"a tokenizer of type {model['type']} cannot be trimmed")
    for added in state.get("added_tokens") or []:
        added["id"] = new[added["id"]]
    _renumber_special(state.get("post_processor"), new)
    trimmed = type(tokenizer)(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        **tokenizer.special_tokens_map,
    )
    trimmed.padding_side = tokenizer.padding_side
    return trimmed


def trim_embedding(model: PreTrainedModel, keep: list[int]) -> None:
    """Cut the model's token table (V × d → len(keep) × d), a tied output layer and its bias, in place."""
    index = torch.tensor(keep)
    rows = model.get_input_embeddings().weight.data[index].clone()
    head = model.get_output_embeddings()
    bias = head.bias.data[index].clone() if head is not None and head.bias is not None else None
    out = None if head is None else head.weight.data[index].clone()
    model.resize_token_embeddings(len(keep), mean_resizing=False)
    model.get_input_embeddings().weight.data.copy_(rows)
    if head is not None:
        model.get_output_embeddings().weight.data.copy_(out)
        if bias is not None:
            model.get_output_embeddings().bias.data.copy_(bias)


def trim(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, lines: dict[str, list[str]], size: int
) -> PreTrainedTokenizerBase:
    """Trim model (in place) and tokenizer (returned) to the `size` tokens that `lines` need most.

    A text that needs fewer keeps only what it uses.
    """
    keep = needed(tokenizer, lines, size)
    trimmed = trim_tokenizer(tokenizer, keep)
    trim_embedding(model, keep)
    for name in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"):
        if getattr(model.config, name, None) is not None:
            setattr(model.config, name, getattr(trimmed, name, None))
    return trimmed


def train_wordpiece(lines: dict[str, list[str]], size: int, folder: str | Path) -> PreTrainedTokenizerBase:
    """Train a WordPiece tokenizer of `size` pieces on `lines`, the languages weighted evenly by characters.

    The tokenizer is also saved in `folder`.
    """
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    room = min(sum(map(len, text)) for text in lines.values())
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    backend.train_from_iterator(_even(lines, room), trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=512, **{f"{k}_token": v for k, v in names.items()}
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def _even(lines: dict[str, list[str]], room: int) -> list[str]:
    """Return lines of every language up to `room` characters each."""
    chosen = []
    for text in lines.values():
        used = 0
        for line in text:
            if used > room:
                break
            chosen.append(line)
            used += len(line)
    return chosen


def _survives(pair: str | list[str], vocabulary: dict[str, int]) -> bool:
    left, right = pair.split(" ") if isinstance(pair, str) else pair
    return left in vocabulary and right in vocabulary and left + right in vocabulary


def _renumber_special(processor: dict | None, new: dict[int, int]) -> None:
    """Renumber the ids that a post-processor holds (templates, BERT's and RoBERTa's cls/sep)."""
    if not processor:
        return
    for inner in processor.get("processors", []):
        _renumber_special(inner, new)
    if processor["type"] == "TemplateProcessing":
        for special in processor["special_tokens"].values():
            special["ids"] = [new[i] for i in special["ids"]]
    for key in ("cls", "sep"):
        if isinstance(processor.get(key), list):
            processor[key] = [processor[key][0], new[processor[key][1]]]
