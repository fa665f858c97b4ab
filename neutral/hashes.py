"""Hashes of what decides results: a model's weights and settings, its tokenizer, masks and other files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neutral.masks import Mask

if TYPE_CHECKING:  # seconds to import, and who hashes masks and files has no use for them
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def digest(weights: Mapping[str, torch.Tensor]) -> str:
    """Return 16 hexadecimal digits that change when a weight does.

    A text model inside of one of several media (Qwen3.5 under a head for tags) has the names that it has alone.
    """
    hasher = hashlib.sha256()
    for name, weight in weights.items():
        hasher.update(_alone(name).encode())
        hasher.update(np.ascontiguousarray(weight.detach().float().cpu().numpy()).data)
    return hasher.hexdigest()[:16]


def beside(
    model: PreTrainedModel, hashed: Mapping[str, torch.Tensor], new: Collection[str] = ()
) -> tuple[str, str | None]:
    """Return the hashes of the weights beside `hashed`: of the model's base, and of its head if that was loaded.

    The base (embeddings, norms, biases, and whatever else is no head and no pooler) has the same hash under every
    task's head. What is drawn anew (`new`) is left out: its seed tells it.
    """
    seen = {weight.untyped_storage().data_ptr() for weight in hashed.values()}
    prefix = f"{model.base_model_prefix}." if model.base_model is not model else ""
    parts: dict[bool, dict[str, torch.Tensor]] = {True: {}, False: {}}
    named = [(_alone(name), name, weight) for name, weight in model.state_dict(keep_vars=True).items()]
    is_base = {own: own.startswith(prefix) and "pooler" not in own for own, *_ in named}
    for own, name, weight in sorted(named, key=lambda each: not is_base[each[0]]):  # tied weights belong to the base
        if name not in new and weight.untyped_storage().data_ptr() not in seen:
            seen.add(weight.untyped_storage().data_ptr())
            parts[is_base[own]][own.removeprefix(prefix)] = weight
    base, head = parts[True], parts[False]
    return digest(base), digest(head) if head else None


_NO_MATTER = ("transformers_version", "_name_or_path", "architectures", "dtype", "torch_dtype", "use_cache")
_NO_MATTER += ("id2label", "label2id", "problem_type", "quantization_config", "auto_map")
"""Entries of a configuration that change nothing of what a network computes here, or that its weights tell."""


def configured(source: str | Path, **options: object) -> str:
    """Return 16 hexadecimal digits that change with a model's configuration: the same weights compute something else.

    Values that are transformers' defaults do not count, so a file that spells them out is the same. `options` go to the
    loader. Raises `NeutralError` naming the source.
    """
    from neutral import models

    def kept(entry: object) -> object:
        if isinstance(entry, dict):
            return {str(name): kept(value) for name, value in entry.items() if name not in _NO_MATTER}
        return entry

    return _of_entries(kept(models.configuration(source, **options).to_diff_dict()))


_SPECIAL = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_PLACES = ("name_or_path", "tokenizer_file", "special_tokens_map_file", "transformers_version", "tokenizer_class")
_PLACES += ("is_local", "local_files_only", "backend")
"""Entries of a tokenizer's settings that say where it came from."""


def tokenizer(read: PreTrainedTokenizerBase) -> str:
    """Return 16 hexadecimal digits that change when a tokenizer does: in vocabulary, merges, normaliser, splitting,
    special tokens, or what it puts around a text.

    Of one that is written in Python these are its class, vocabulary and settings, and the files that it reads.
    """
    backend = getattr(read, "backend_tokenizer", None)
    if backend is not None:
        entries = json.loads(backend.to_str())
        for name in ("version", "truncation", "padding"):  # the last two are as the latest call left them
            entries.pop(name, None)
    else:
        entries = {"class": type(read).__name__, "files": sorted(_files(read))}
        entries["settings"] = {name: value for name, value in read.init_kwargs.items() if name not in _PLACES}
        if read.vocab_files_names:  # else it is computed: of bytes, or of all of Unicode
            entries["vocabulary"] = read.get_vocab()
    special = {name: getattr(read, f"{name}_token_id", None) for name in _SPECIAL}
    if special["pad"] == special["eos"]:  # a tokenizer without one is given it to fill up with
        special["pad"] = None
    entries["special"] = special
    entries["inputs"] = list(read.model_input_names)
    entries["sides"] = [read.padding_side, read.truncation_side]
    entries["longest"] = min(int(read.model_max_length), 10**9)  # without a limit it says 1e30
    return _of_entries(_said(entries))


def mask(read: Mask) -> str:
    """Return 16 hexadecimal digits that change when a mask's names, shapes or bits do."""
    hasher = hashlib.sha256()
    for name in sorted(read.shapes):
        hasher.update(f"{name} {read.shapes[name]}".encode())
        hasher.update(np.ascontiguousarray(read.bits[name]).data)
    return hasher.hexdigest()[:16]


def numbers(array: np.ndarray) -> str:
    """Return 16 hexadecimal digits that change when a number of an array does."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()[:16]


def file(path: str | Path) -> str:
    """Return 16 hexadecimal digits that change when a file does."""
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]


def _alone(name: str) -> str:
    return re.sub(r"^model\.language_model\.", "model.", name)


def _files(read: PreTrainedTokenizerBase) -> Iterator[str]:
    """Yield the hashes of the files that a tokenizer in Python has read: of merges, or of pieces."""
    for name, value in vars(read).items():
        for path in value if isinstance(value, list) else [value]:
            if name not in _PLACES and isinstance(path, str) and os.path.isfile(path):
                yield file(path)


def _said(entries: object) -> object:
    """Return entries without those that are unset, which a later version of a library may add."""
    if not isinstance(entries, dict):
        return entries
    kept = {str(name): _said(value) for name, value in entries.items()}
    return {name: value for name, value in kept.items() if value is not None and value is not False}


def _of_entries(entries: object) -> str:
    return hashlib.sha256(json.dumps(entries, sort_keys=True, default=str).encode()).hexdigest()[:16]
