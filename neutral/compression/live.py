"""A model's own token table, compressed while one looks: a few methods that answer within seconds.

Only the table and the tokenizer are read (`checkpoint`), not the model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import: only what computes imports it
    import numpy as np
    import torch
    from tokenizers import Tokenizer

    from neutral.compression import Table

METHODS = ("svd", "direction", "int8", "int4", "mixed")
ONE_SIZE = ("int8", "int4")
"""Methods whose ratio cannot be chosen."""

SAMPLE = 100  # tokens whose neighbours are compared


@dataclass(frozen=True)
class Request:
    """Which compressed table of which model: all that decides a result.

    Attributes
    ----------
    folder
        Of the model.
    changed
        What changes when the model's files do (`stamp`).
    method
        One of `METHODS`; "" is the full table.
    ratio
        How many times smaller, counted by `by` (bytes or parameters).
    weights
        How much each token counts in the fit (uniform, sqrt, frequency).
    """

    folder: str
    changed: tuple
    method: str
    ratio: float
    by: str
    weights: str

    @property
    def title(self) -> str:
        """What the compressed table is called."""
        return self.method if self.method in ONE_SIZE else f"{self.method} at {self.ratio:g} × by {self.by}"


@dataclass(frozen=True)
class TokenTable:
    """A model's token table and its tokens.

    Attributes
    ----------
    matrix
        (V, d) float32.
    backend
        The tokenizer.
    pieces
        The tokens as text.
    scripts
        (V,) ISO 15924.
    frequency
        (V,) shares of the text, which sum to 1.
    """

    matrix: torch.Tensor
    backend: Tokenizer
    pieces: list[str]
    scripts: np.ndarray
    frequency: np.ndarray


def stamp(folder: Path) -> tuple:
    """Return what changes when a model does."""
    files = [*sorted(folder.glob("*.safetensors")), folder / "tokenizer.json"]
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


def read(folder: str | Path, text: str | Path) -> TokenTable:
    """Read a model's table, and how often its tokens are used in a folder of text (<lang>.txt).

    Raises `FileError` for a folder without a token table or a tokenizer.
    """
    from neutral import corpora
    from neutral.compression import checkpoint, tokens

    backend, matrix = checkpoint.tokenizer(folder), checkpoint.matrix(folder)
    pieces = tokens.pieces(backend)
    lines = {code: corpora.read_lines(path) for code, path in corpora.languages_in(text).items()}
    frequency = tokens.mean_frequency(tokens.count(backend, lines, len(matrix)))
    return TokenTable(matrix, backend, pieces, tokens.scripts(pieces), frequency)


def fit(source: TokenTable, request: Request) -> tuple[Table, float]:
    """Return the compressed table and the seconds that it took. Errors are those of `compression.fit`."""
    from neutral import compression
    from neutral.compression import tokens

    # More bits for tokens that are used more is what `mixed` is.
    weights = tokens.weights("frequency" if request.method == "mixed" else request.weights, source.frequency)
    ratio, by = (1.0, "bytes") if request.method in ONE_SIZE else (request.ratio, request.by)
    begun = time.perf_counter()
    table = compression.fit(source.matrix, request.method, ratio, by=by, weights=weights)
    return table, time.perf_counter() - begun


def measure(source: TokenTable, table: Table) -> dict[str, float]:
    """Return a table's sizes (ratios by bytes and by parameters, size in MB) and errors (`distortion.measure`)."""
    from neutral.compression import distortion
    from neutral.compression.table import Rebuilt

    sizes = {"bytes": table.ratio("bytes"), "parameters": table.ratio("parameters"), "size": table.bytes / 1e6}
    return {**distortion.measure(source.matrix, Rebuilt.of(table), neighbours=SAMPLE, seed=0), **sizes}
