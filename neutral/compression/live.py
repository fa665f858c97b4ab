"""A model's own token table, compressed while one looks: a few methods that answer within seconds.

Only the table and the tokenizer are read (`checkpoint`), not the model.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from neutral.compression.choosing import EXPORTED

if TYPE_CHECKING:  # torch takes seconds to import: only what computes imports it
    import numpy as np
    import torch
    from tokenizers import Tokenizer

    from neutral.compression import Table
    from neutral.compression.rows import Rows

METHODS = ("svd", "direction", "int8", "int4", "mixed")
ONE_SIZE = ("int8", "int4")
"""Methods whose ratio cannot be chosen."""

DRAWN = 4096
"""Tokens over which errors are measured: as many as the mean of a table needs to three digits."""

_HANDS = 2
SAMPLE = 100  # of them, whose neighbours among them are compared
_threads = 0  # that torch had before the first table


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
        How much each token counts in the fit (uniform, sqrt, frequency, expected).
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

    @property
    def file(self) -> str:
        """What a file of the compressed table is called.

        >>> Request("models/tiny", (), "svd", 2.5, "bytes", "sqrt").file
        'tiny_svd_bytes_2.5_sqrt.safetensors'
        """
        asked = self.deciding
        size = [] if self.method in ONE_SIZE else [asked.by, f"{asked.ratio:g}", asked.weights]
        return "_".join([Path(self.folder).name, self.method, *size]) + ".safetensors"

    @property
    def command(self) -> str:
        """The shell command that fits such a table, scores it, and writes a model folder with it.

        >>> Request("models/tiny", (), "int8", 2.5, "bytes", "sqrt").command.partition(" --study ")[0]
        'neutral compress --model tiny --text TEXT --methods int8 --by bytes'
        """
        asked = self.deciding
        words = ["neutral", "compress", "--model", Path(self.folder).name, "--text", "TEXT", "--methods", self.method]
        words += ["--by", asked.by]
        if self.method not in ONE_SIZE:
            words += ["--ratios", f"{asked.ratio:g}", "--weights", asked.weights]
        return shlex.join([*words, "--study", "tables", *EXPORTED])

    @property
    def deciding(self) -> Request:
        """This request without what its method does not ask: two with the same give the same table.

        >>> at = Request("folder", (), "int8", 5.0, "bytes", "sqrt")
        >>> at.deciding == replace(at, ratio=10.0, weights="uniform").deciding
        True
        """
        if self.method in ONE_SIZE:
            return replace(self, ratio=1.0, by="bytes", weights="uniform")
        if self.method == "mixed":  # more bits for tokens that are used more is what it is
            return replace(self, weights="frequency")
        return replace(self, ratio=1.0, by="bytes", weights="uniform") if not self.method else self


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
    expected
        (V,) shares to be expected in more text (`tokens.expected_frequency`).
    """

    matrix: torch.Tensor
    backend: Tokenizer
    pieces: list[str]
    scripts: np.ndarray
    frequency: np.ndarray
    expected: np.ndarray
    _rows: dict[str, Rows] = field(default_factory=dict, repr=False, compare=False)

    def rows(self, weights: str) -> Rows:
        """Return the rows as they count under `weights`; what they keep of their axes serves every ratio."""
        from neutral.compression import tokens
        from neutral.compression.rows import Rows

        if weights not in self._rows:
            counts = tokens.weights(weights, self.frequency, self.expected)
            counts = None if counts is None else counts / counts.mean()
            self._rows[weights] = Rows.of(self.matrix, counts, None, _hands())
        return self._rows[weights]

    @cached_property
    def drawn(self) -> torch.Tensor:
        """The tokens over which errors are measured, ascending, (n,)."""
        import numpy as np
        import torch

        size = len(self.matrix)
        ids = np.random.default_rng(0).choice(size, min(DRAWN, size), replace=False)
        return torch.from_numpy(np.sort(ids))


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
    halves = [
        tokens.count(backend, {code: text[half::2] for code, text in lines.items()}, len(matrix)) for half in (0, 1)
    ]
    frequency = tokens.mean_frequency({code: halves[0][code] + halves[1][code] for code in lines})
    scripts = tokens.scripts(pieces)
    return TokenTable(matrix, backend, pieces, scripts, frequency, tokens.expected_frequency(halves, scripts))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute within on one thread: on a machine whose cores are taken, several wait for each other many times over.

    For a table that is compressed live one is as fast on idle cores, and about five times as fast beside eight others
    (`benchmarks/live.py`).
    """
    import torch

    global _threads
    _threads = _threads or torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(_threads)


@cache
def _hands() -> ThreadPoolExecutor:
    """Return two threads that sum over blocks of rows, each by itself: they wait for each other once a sum."""
    import torch

    return ThreadPoolExecutor(_HANDS, "live", initializer=torch.set_num_threads, initargs=(1,))


def fit(source: TokenTable, request: Request) -> tuple[Table, float]:
    """Return the compressed table and the seconds that it took. Errors are those of `compression.fit`."""
    from neutral import compression
    from neutral.compression import tokens

    asked = request.deciding
    begun = time.perf_counter()
    with one_thread():
        own = {"rows": source.rows(asked.weights)} if asked.method in ("svd", "direction") else {}
        weights = tokens.weights(asked.weights, source.frequency, source.expected)
        table = compression.fit(source.matrix, asked.method, asked.ratio, by=asked.by, weights=weights, **own)
    return table, time.perf_counter() - begun


def sizes(table: Table) -> dict[str, float]:
    """Return a table's ratios, by bytes and by parameters, and its size in MB."""
    return {"bytes": table.ratio("bytes"), "parameters": table.ratio("parameters"), "size": table.bytes / 1e6}


def measure(source: TokenTable, table: Table) -> dict[str, float]:
    """Return a table's `sizes` and errors (`distortion.measure`).

    Errors are over the tokens `source.drawn`, and neighbours are sought among these.
    """
    from neutral.compression import distortion
    from neutral.compression.table import Rebuilt

    with one_thread():
        full, rebuilt = source.matrix[source.drawn], table.rows(source.drawn)
        held = Rebuilt(tuple(full.shape), {"dense": rebuilt})
        return {**distortion.measure(full, held, neighbours=SAMPLE, seed=0), **sizes(table)}
