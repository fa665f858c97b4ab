"""A model folder's token table and tokenizer, read straight from its files: no model is built.

That takes a second at most, where loading the model takes many: so a page can show the table live.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from tokenizers import Tokenizer

from neutral.errors import FileError, reading

NAMES = ("word_embeddings", "embed_tokens", "wte", "shared", "tok_embeddings", "word_embedding")
"""Names that architectures give the module of their token table, the surest first."""

WEIGHTS, INDEX, TOKENIZER = "model.safetensors", "model.safetensors.index.json", "tokenizer.json"


def is_model(folder: str | Path) -> bool:
    """Whether a folder holds what this module reads: a configuration, safetensors and a tokenizer.

    A model whose weights are quantized, as one with a compressed table, holds no table to compress.
    """
    folder = Path(folder)
    weights = (folder / WEIGHTS).is_file() or (folder / INDEX).is_file()
    if not (weights and (folder / "config.json").is_file() and (folder / TOKENIZER).is_file()):
        return False
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True  # who reads the model says what is wrong
    return not (isinstance(config, dict) and config.get("quantization_config"))


def shape(folder: str | Path) -> tuple[int, int]:
    """Return (V, d) of a model's token table without reading it. Raises `FileError` as `matrix` does."""
    file, name = _find(Path(folder))
    with reading(file, "safetensors"), safe_open(file, framework="pt") as tensors:
        rows, width = tensors.get_slice(name).get_shape()
        return rows, width


def matrix(folder: str | Path) -> torch.Tensor:
    """Return a model's token table as float32 (V, d).

    Raises `FileError` when the folder holds no safetensors, or no tensor with a name of `NAMES`.
    """
    file, name = _find(Path(folder))
    with reading(file, "safetensors"), safe_open(file, framework="pt") as tensors:
        return tensors.get_tensor(name).float()


def tokenizer(folder: str | Path) -> Tokenizer:
    """Return the tokenizer of a folder. Raises `FileError` when there is none, or a broken one."""
    file = Path(folder) / TOKENIZER
    if not file.is_file():
        raise FileError(file, "is not there; the token explorer reads the tokenizer from it")
    with reading(file, "a tokenizer"):
        return Tokenizer.from_file(str(file))


def _find(folder: Path) -> tuple[Path, str]:
    """Return the file and the name of the token table."""
    names = _tensors(folder)
    for module in NAMES:
        for name, file in names.items():
            if name.removesuffix(".weight").rsplit(".", 1)[-1] == module and name.endswith(".weight"):
                return file, name
    raise FileError(folder, f"no tensor is called as a token table is ({', '.join(NAMES)})")


def _tensors(folder: Path) -> dict[str, Path]:
    """Return name -> file of all tensors, by name."""
    with reading(folder / (INDEX if (folder / INDEX).is_file() else WEIGHTS), "a model's weights in safetensors"):
        if (folder / INDEX).is_file():
            parts = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
            if outside := [name for name in parts.values() if Path(name).name != name]:
                raise FileError(folder / INDEX, f"names a file that is not beside it ({outside[0][:80]!r})")
            return {name: folder / parts[name] for name in sorted(parts)}
        with safe_open(folder / WEIGHTS, framework="pt") as tensors:
            return dict.fromkeys(sorted(tensors.keys()), folder / WEIGHTS)
