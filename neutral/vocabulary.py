"""Vocabulary trimming: cut a model's token table to the pieces that a text needs.

Pieces are ranked by their mean relative frequency over the languages, so that a language with little
text keeps as good a vocabulary as one with much (Abdaoui et al. 2020, "Load what you need", cut by
language frequency; the even mean over languages is ours). Special tokens and every single character of
the text always stay, and so do the bytes that a tokenizer falls back to, so any word can still be spelled. BPE reaches
a piece by a chain of merges (Sennrich, Haddow, Birch 2016): the pieces on the way to it stay with it.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Collection
from itertools import pairwise

import torch
from tokenizers import Tokenizer, pre_tokenizers
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import encoding, wordpiece
from neutral.errors import NeutralError
from neutral.models import ids
from neutral.models.output import further_tables, multiplier

_SPECIAL_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "mask_token_id")


def needed(
    tokenizer: PreTrainedTokenizerBase,
    lines: dict[str, list[str]],
    size: int | None = None,
    *,
    also: Collection[int] = (),
) -> list[int]:
    """Return the ids of the tokens to keep, ascending.

    Special tokens, single characters of the text and bytes come first, then the pieces of highest mean relative
    frequency over the languages, each with the pieces that it is merged from. A piece that brings more of these than
    there is room for is skipped.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    lines : language -> list of str
    size : int, optional
        How many tokens to keep at most; by default all that the text uses.
    also : ids
        Tokens that stay in any case, of those that the tokenizer has.

    Raises
    ------
    NeutralError
        If `size` is too small for special tokens, single characters and bytes, and for a tokenizer written in Python.
    """
    backend = encoding.require_backend(tokenizer, "trimming a vocabulary")
    share: Counter[int] = Counter()
    for text in lines.values():
        counts: Counter[int] = Counter()
        for line in encoding.ids(tokenizer, text):
            counts.update(line)
        total = sum(counts.values())
        for token, count in counts.items():
            share[token] += count / total / len(lines)
    characters = set().union(*(set(line) for text in lines.values() for line in text))
    vocabulary = backend.get_vocab(with_added_tokens=True)
    bare = {i: piece.removeprefix("##") for piece, i in vocabulary.items()}  # "##a" continues a WordPiece word
    kept = {i for i, piece in bare.items() if len(piece) == 1 and (piece in characters or i in share)}
    kept |= set(tokenizer.all_special_ids) | set(backend.get_added_tokens_decoder())
    state = json.loads(backend.to_str())
    kept |= {vocabulary[piece] for piece in _bytes(state) if piece in vocabulary} | (bare.keys() & set(also))
    if size is not None:
        _require_room(size, len(kept))
    chain = _chains(state["model"])
    names = {i: piece for piece, i in vocabulary.items()}
    for token, _ in share.most_common():
        if size is not None and len(kept) >= size:
            break
        claimed = {token} | {vocabulary[piece] for piece in chain(names[token]) if piece in vocabulary}
        if token not in kept and (size is None or len(kept) + len(claimed - kept) <= size):
            kept |= claimed
    return sorted(kept)


def trim_tokenizer(tokenizer: PreTrainedTokenizerBase, keep: list[int]) -> PreTrainedTokenizerBase:
    """Return a tokenizer with only the tokens `keep`, renumbered 0 … len(keep) - 1 in that order.

    It works on Unigram, WordPiece and BPE models; BPE keeps only the merges whose parts and result all stay. Raises
    `NeutralError` for a model of another type.
    """
    state = json.loads(encoding.require_backend(tokenizer, "trimming a vocabulary").to_str())
    new = {old: i for i, old in enumerate(keep)}
    model = state["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [entry for i, entry in enumerate(model["vocab"]) if i in new]
        if model.get("unk_id") is not None:
            model["unk_id"] = new[model["unk_id"]]
    elif model["type"] in ("WordPiece", "BPE", "WordLevel"):
        model["vocab"] = {piece: new[i] for piece, i in model["vocab"].items() if i in new}
        if model["type"] == "BPE":
            model["merges"] = [pair for pair in model["merges"] if _survives(pair, model)]
    else:
        raise NeutralError(f"a tokenizer of type {model['type']} cannot be trimmed")
    state["added_tokens"] = [
        added | {"id": new[added["id"]]} for added in state.get("added_tokens") or [] if added["id"] in new
    ]
    _renumber_special(state.get("post_processor"), new)
    special = {
        name: token
        for name, token in tokenizer.special_tokens_map.items()
        if tokenizer.convert_tokens_to_ids(token) in new
    }
    trimmed = type(tokenizer)(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        **special,
    )
    trimmed.padding_side = tokenizer.padding_side
    return trimmed


def trim_embedding(model: PreTrainedModel, keep: list[int]) -> None:
    """Cut the model's token table (V × d → len(keep) × d), the output layer and its bias, and further tables, in place.

    Further tables are those of Gemma 3n and 4 for all layers (`models.output.further_tables`). Raises `NeutralError`
    for a model whose table transformers does not resize as others' (I-BERT, MobileBERT); it is then unchanged.
    """
    resizes = "mean_resizing" in inspect.signature(model.resize_token_embeddings).parameters
    if not resizes or isinstance(model.get_output_embeddings(), nn.Embedding):  # FSMT's head is an embedding
        raise NeutralError(f"{type(model).__name__}: its vocabulary cannot be trimmed, as its head is of its own kind")
    index = torch.tensor(keep)
    for table in further_tables(model).values():
        _keep_rows(table, torch.where(index < table.num_embeddings, index, 0))  # what has no row reads the first
    head = multiplier(model)
    if head is not None:  # it multiplies with the table itself, and only its bias is its own
        _keep_rows(model.get_input_embeddings(), index)
        head.bias = nn.Parameter(head.bias.data[index].clone())
    else:
        _resize(model, index)
    config = model.config.get_text_config()
    config.vocab_size = len(keep)
    if hasattr(config, "vocab_size_per_layer_input"):
        config.vocab_size_per_layer_input = len(keep)


def _resize(model: PreTrainedModel, index: torch.Tensor) -> None:
    """Keep the rows `index` of the token table, and of an output layer and its bias."""
    full = model.get_input_embeddings().weight.shape[0]
    rows = model.get_input_embeddings().weight.data[index].clone()
    head = model.get_output_embeddings()
    bias = head.bias.data[index].clone() if head is not None and head.bias is not None else None
    out = None if head is None else head.weight.data[index].clone()
    model.resize_token_embeddings(len(index), mean_resizing=False)
    model.get_input_embeddings().weight.data.copy_(rows)
    if head is not None:
        model.get_output_embeddings().weight.data.copy_(out)
        if bias is not None:  # its own: BERT's heads have a second name for it, under which it would not come back
            model.get_output_embeddings().bias = nn.Parameter(bias)
        _keep_biases(model, full, index)


def _keep_biases(model: PreTrainedModel, full: int, index: torch.Tensor) -> None:
    """Cut biases of one number a token that heads add themselves, beside their output layer: ESM's."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if name == "bias" and parameter.shape == (full,) and len(index) != full:
                module.bias = nn.Parameter(parameter.data[index].clone(), requires_grad=parameter.requires_grad)


def _keep_rows(table: nn.Embedding, index: torch.Tensor) -> None:
    table.weight = nn.Parameter(table.weight.data[index].clone(), requires_grad=table.weight.requires_grad)
    table.num_embeddings = len(index)


def cut(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, keep: list[int]) -> PreTrainedTokenizerBase:
    """Cut model (in place) and tokenizer (returned) to the tokens `keep`, ids ascending."""
    trimmed = trim_tokenizer(tokenizer, keep)
    trim_embedding(model, keep)
    known = {name: getattr(trimmed, name, None) for name in _SPECIAL_IDS}
    ids.renumber(model, {old: i for i, old in enumerate(keep)}, {n: i for n, i in known.items() if isinstance(i, int)})
    return trimmed


def trim(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, lines: dict[str, list[str]], size: int
) -> PreTrainedTokenizerBase:
    """Trim model (in place) and tokenizer (returned) to the `size` tokens that `lines` need most.

    A text that needs fewer keeps only what it uses.
    """
    return cut(model, tokenizer, needed(tokenizer, lines, size, also=ids.named(model)))


def train_wordpiece(lines: dict[str, list[str]], size: int) -> PreTrainedTokenizerBase:
    """Return a WordPiece tokenizer of `size` pieces made from `lines`, the languages weighted evenly by characters.

    The same lines give the same tokenizer, in every process. Raises `NeutralError` if `size` is too small for special
    tokens and single characters.
    """
    from tokenizers import decoders, models, normalizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer, splitter = normalizers.NFKC(), pre_tokenizers.BertPreTokenizer()
    words: Counter[str] = Counter()
    for line in _even(lines, min(sum(map(len, text)) for text in lines.values())):
        words.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line)))
    vocabulary = special + wordpiece.pieces(words, size - len(special))
    _require_room(size, len(vocabulary))
    backend = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer, backend.decoder = normalizer, splitter, decoders.WordPiece()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=512, **{f"{k}_token": v for k, v in names.items()}
    )


def _require_room(size: int, least: int) -> None:
    if least > size:
        raise NeutralError(
            f"{size:,} pieces are too few: special tokens and single characters are {least:,}; take that many or more"
        )


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


def _bytes(state: dict) -> list[str]:
    """Return the pieces that stand for bytes; a tokenizer spells text with them for which it has no other piece."""
    if state["model"].get("byte_fallback"):
        return [f"<0x{byte:02X}>" for byte in range(256)]
    split = json.dumps([state.get("pre_tokenizer"), state.get("decoder")])
    return pre_tokenizers.ByteLevel.alphabet() if '"ByteLevel"' in split else []


def _chains(model: dict) -> Callable[[str], set[str]]:
    """Return a function from a piece to its chain: all that BPE merges on the way to it, itself included.

    Merges go by rank, the leftmost first, as in encoding; within a longer text the same merges reach a piece. The chain
    is empty for a piece that no merges reach, and for other models.
    """
    if model["type"] != "BPE":
        return lambda piece: set()
    ranks = {_pair(merge): rank for rank, merge in enumerate(model["merges"])}
    prefix, suffix = model.get("continuing_subword_prefix") or "", model.get("end_of_word_suffix") or ""

    def chain(piece: str) -> set[str]:
        body = piece.removeprefix(prefix).removesuffix(suffix)
        symbols = [prefix + character for character in body]
        if symbols and not (prefix and piece.startswith(prefix)):
            symbols[0] = body[0]
        if symbols and piece.endswith(suffix):
            symbols[-1] += suffix
        passed = set(symbols)
        while len(symbols) > 1:
            rank, place = min((ranks.get(pair, len(ranks)), i) for i, pair in enumerate(pairwise(symbols)))
            if rank == len(ranks):
                return set()
            symbols[place : place + 2] = [_merged(symbols[place], symbols[place + 1], model)]
            passed.add(symbols[place])
        return passed

    return chain


def _survives(merge: str | list[str], model: dict) -> bool:
    left, right = _pair(merge)
    return {left, right, _merged(left, right, model)} <= model["vocab"].keys()


def _pair(merge: str | list[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _merged(left: str, right: str, model: dict) -> str:
    return left + right.removeprefix(model.get("continuing_subword_prefix") or "")


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
