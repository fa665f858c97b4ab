"""A model and tables of Gemma 3 270M's shapes whose numbers are drawn: how fast they run does not depend on these."""

from __future__ import annotations

from math import ceil

import numpy as np
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from neutral.compression.budget import Budget
from neutral.compression.methods import mixed, transform
from neutral.compression.methods.int4 import Int4
from neutral.compression.methods.int8 import Int8
from neutral.compression.methods.pq import Product, choose
from neutral.compression.methods.svd import SVD
from neutral.compression.table import Table

SHAPE = 262_144, 640


def gemma(vocabulary: int, kind: torch.dtype, place: torch.device, layers: int = 18) -> Gemma3ForCausalLM:
    """Return a model of Gemma 3 270M's shape, but for its tokens and layers, with weights as they are at the start."""
    config = Gemma3TextConfig(
        vocab_size=vocabulary,
        hidden_size=SHAPE[1],
        intermediate_size=2048,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        sliding_window=512,
        tie_word_embeddings=True,
        dtype=kind,
    )
    torch.manual_seed(0)
    with place:
        return Gemma3ForCausalLM(config).to(kind).eval()


def table(method: str, vocabulary: int, ratio: float, place: torch.device) -> Table:
    """Return a table of V × 640 of a method, its codes drawn; bits are given to tokens and directions as `fit` does.

    Tokens are as frequent as Zipf's law has it, in an order of chance, and directions vary as their number to -1.
    """
    draw = torch.Generator(place).manual_seed(0)
    width, budget = SHAPE[1], Budget(vocabulary, SHAPE[1], ratio, "bytes")
    importance = np.random.default_rng(0).permutation(1 / np.arange(1, vocabulary + 1))
    make = {"mixed": _mixed, "transform": _transform, "int8": _int8, "int4": _int4, "svd": _svd, "pq": _pq}
    return make[method](vocabulary, width, budget, importance, draw).to(place)


def _bytes(shape: tuple[int, ...], draw: torch.Generator) -> torch.Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, device=draw.device, generator=draw)


def _normal(shape: tuple[int, ...], draw: torch.Generator, size: float = 1.0) -> torch.Tensor:
    return (torch.randn(shape, device=draw.device, generator=draw) * size).half()


def _lengths(vocabulary: int, draw: torch.Generator) -> torch.Tensor:
    return (0.02 * torch.rand(vocabulary, device=draw.device, generator=draw) + 0.01).half()


def _mixed(vocabulary: int, width: int, budget: Budget, importance: np.ndarray, draw: torch.Generator) -> Table:
    bits = mixed.allocate(importance, width, budget, mixed._overhead(vocabulary, width, 32))
    tensors = {
        "bits": torch.from_numpy(bits),
        "lengths": _lengths(vocabulary, draw),
        "offset": _normal((width,), draw, 0.01),
        "directions": torch.linalg.qr(_normal((width, 32), draw).float())[0].T.half(),
        "stretch": _normal((32,), draw, 0.2),
        "signs": torch.randint(2, (width,), dtype=torch.int8, device=draw.device, generator=draw) * 2 - 1,
    }
    for b in np.unique(bits).tolist():
        tensors[f"codes{b}"] = _bytes((int((bits == b).sum()), width * b // 8), draw)
        tensors[f"levels{b}"] = mixed.levels(b).half()
    return mixed.Mixed((vocabulary, width), tensors)


def _transform(vocabulary: int, width: int, budget: Budget, importance: np.ndarray, draw: torch.Generator) -> Table:
    overhead = transform._overhead(vocabulary, width)
    classes, reach = transform.allocate(importance, 1 / np.arange(1, width + 1), budget, overhead)
    size = int((np.bincount(classes, minlength=len(reach)) * transform._row_bytes(reach)).sum())
    tensors = {
        "classes": torch.from_numpy(classes),
        "lengths": _lengths(vocabulary, draw),
        "offset": _normal((width,), draw, 0.01),
        "directions": _bytes((width, width), draw).view(torch.int8),
        "scales": torch.full((width,), 0.01 / width**0.5),
        "reach": torch.from_numpy(reach.astype(np.int16)),
        "codes": _bytes((size,), draw),
    }
    return transform.Transformed((vocabulary, width), tensors)


def _int8(vocabulary: int, width: int, _budget: Budget, _importance: np.ndarray, draw: torch.Generator) -> Table:
    codes = _bytes((vocabulary, width), draw).view(torch.int8)
    return Int8((vocabulary, width), {"codes": codes, "scales": _normal((vocabulary, 1), draw, 1e-3)}, {"group": width})


def _int4(vocabulary: int, width: int, _budget: Budget, _importance: np.ndarray, draw: torch.Generator) -> Table:
    codes, scales = _bytes((vocabulary, width // 2), draw), _normal((vocabulary, ceil(width / 64)), draw, 1e-2)
    return Int4((vocabulary, width), {"codes": codes, "scales": scales}, {"group": 64})


def _svd(vocabulary: int, width: int, budget: Budget, _importance: np.ndarray, draw: torch.Generator) -> Table:
    tensors = {
        "latents": _normal((vocabulary, budget.rank), draw),
        "decoder": _normal((budget.rank, width), draw, 0.01),
    }
    return SVD((vocabulary, width), tensors)


def _pq(vocabulary: int, width: int, budget: Budget, _importance: np.ndarray, draw: torch.Generator) -> Table:
    layout = choose(budget)
    books = {
        name: _normal((entries, layout.sub), draw)
        for name, entries in zip(("narrow", "wide"), layout.entries, strict=True)
        if entries
    }
    tensors = {
        "codes": _bytes((vocabulary, layout.row), draw),
        "lengths": _bytes((vocabulary,), draw),
        "span": torch.tensor([-1.0, 1.0]),
        "offset": _normal((width,), draw, 0.01),
        **books,
    }
    return Product((vocabulary, width), tensors, {"sub": layout.sub, "bits": layout.bits, "wide": layout.wide})
