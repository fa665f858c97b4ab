"""What a loaded model is held against before anything is computed with it: its kind, its tokenizer, its positions.

`checkpoint.load` calls all of these, in this order, and nothing else has to. `trying` then runs it once.
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from neutral.errors import NeutralError
from neutral.models.kinds import stack, text_config
from neutral.models.tokenizers import rows_of

_TASKS = {"encoder": "mlm", "decoder": "clm"}
_READS = {"encoder": "reads both ways", "decoder": "reads forward only"}
_POSITIONS = re.compile(r"(?:^|[._])(?:position|pos|positional)s?_emb|embed_positions$|(?:^|\.)wpe$")
_RELATIVE = re.compile(r"rel_|relative|distance")
_ROLES = ("bos", "eos", "cls", "sep", "mask", "pad", "unk")


def require_kind(source: str | Path, config: PreTrainedConfig, head: str) -> None:
    """Raise `NeutralError` for a language model's head that a model of this kind does not have."""
    kind = stack(config)
    if head == "seq2seq" and kind:
        raise NeutralError(f"{source}: is no encoder-decoder but {'an' if kind[0] == 'e' else 'a'} {kind}")
    if head not in _TASKS.values() or _TASKS.get(kind) == head:
        return
    if not kind:
        raise NeutralError(f"--task {head}: {source} is an encoder-decoder, which has no such task; use --task nli")
    has_masked = {config.model_type, text_config(config).model_type} & {*MODEL_FOR_MASKED_LM_MAPPING_NAMES}
    advice = f"use --task {_TASKS[kind]}" if kind == "decoder" or has_masked else "it has no masked head either"
    raise NeutralError(f"--task {head}: {source} {_READS[kind]} ({config.model_type}); {advice}")


def require_tokenizer(
    source: str | Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, head: str
) -> None:
    """Raise `NeutralError` for a tokenizer with tokens that the model has no row for.

    A special token that text never holds may lack its row (Gemma 3's for pictures): only masking draws it.
    """
    table = getattr(embeddings(model), "weight", None)
    if table is None or rows_of(tokenizer) <= len(table):  # CANINE hashes characters, and has no table
        return
    roles = {getattr(tokenizer, f"{role}_token_id", None) for role in _ROLES}
    unread = set(tokenizer.all_special_ids) | {
        number for number, token in tokenizer.added_tokens_decoder.items() if token.special
    }
    over = {number for number in tokenizer.get_vocab().values() if number >= len(table)}
    if head == "mlm" or over - unread or over & roles:
        raise NeutralError(
            f"{source}: its tokenizer has {rows_of(tokenizer):,} tokens and the model's table only {len(table):,} "
            "rows; take the tokenizer that the model was made with"
        )


def positions(model: PreTrainedModel) -> int | None:
    """Return how many tokens a model can read at once: its table of positions tells; None if it has no such table.

    Rotary and relative positions have no end. Tables that begin at an offset, or after the padding token's row, hold
    fewer positions than rows.
    """
    config = model.config.get_text_config()
    most = [
        _room(module)
        for name, module in model.named_modules()
        if _POSITIONS.search(name) and not _RELATIVE.search(name)
    ]
    most += [
        len(buffer)
        for name, buffer in model.named_buffers()
        if name.endswith("embed_positions") and buffer.ndim == 2  # GPT-J's sines and cosines
    ]
    most = [rows for rows in most if rows]
    said = getattr(config, "max_position_embeddings", None)
    return min([*most, said] if isinstance(said, int) and said > 0 else most) if most else None


def require_positions(source: str | Path, model: PreTrainedModel, length: int) -> None:
    """Raise `NeutralError` if `length` tokens are more than a model has positions for."""
    most = positions(model)
    if most is not None and length > most:
        raise NeutralError(f"--length {length}: {source} has {most} positions only; use --length {most} or less")


def embeddings(model: PreTrainedModel) -> nn.Module | None:
    """Return a model's token table; None of a model that has no such thing, as CANINE."""
    try:
        return model.get_input_embeddings()
    except NotImplementedError:
        return None


def _room(module: nn.Module) -> int | None:
    """Return the positions in a table of positions; None of a module that is none, or that grows as it needs to."""
    weight = getattr(module, "weight", None)
    if not isinstance(module, nn.Embedding) or weight is None or weight.ndim != 2:
        return None
    padding = module.padding_idx
    return len(weight) - (getattr(module, "offset", 0) or (padding + 1 if padding is not None else 0))
