"""Compress a token-embedding table so that its directions survive.

Bałazy, Banaei, Lebret, Tabor, Aberer (2021), Direction is what you need: Improving Word Embedding Compression in Large
Language Models, RepL4NLP (arXiv 2106.08181). `fit` makes a `Table` by one of `METHODS`:

svd          truncated singular value decomposition, exact, or randomized as the paper's baseline is
direction    reweighted PCA of the unit-length rows: least mean cosine distance at a rank
autoencoder  the paper's, for comparison
int8, int4   rounded numbers with a scale a group
pq           product quantization of the unit rows, lengths apart
mixed        rotated rows with more bits for tokens that are used more
transform    bits by token and by direction, in the directions that the model feels most
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neutral.compression.budget import BY, Budget
from neutral.errors import NeutralError

if TYPE_CHECKING:
    import torch

    from neutral.compression.table import Table

METHODS = ("svd", "direction", "autoencoder", "int8", "int4", "pq", "mixed", "transform")
"""Names of the methods; `compression.methods` holds the function that fits each."""

WEIGHTS = ("uniform", "frequency", "sqrt", "expected")
"""How much a token counts: `tokens.weights`."""

TABLES = ("tokens", "per-layer", "all")
"""Which tables of tokens are compressed: the one that embeds them, that of Gemma 3n and 4 for all layers, or both."""

WHERE = ("input", "both")
"""Where a table is put: in place of the input's, or of a tied output layer too."""

FORMS = ("plain", "neutral", "compressed-tensors")
"""How a model with a compressed table is exported: `compression.exports`."""

WAYS = ("factors", "decoder", "none", "paper")
"""What trains of a compressed table in fine-tuning."""


def fit(
    matrix: torch.Tensor,
    method: str,
    ratio: float,
    *,
    by: str = "parameters",
    weights: torch.Tensor | None = None,
    seed: int = 0,
    **options: object,
) -> Table:
    """Compress `matrix` (V, d) by `method` so that it is at least `ratio` times smaller, by parameters or by bytes.

    Parameters
    ----------
    matrix : tensor (V, d)
        The full token table. A row of zeros (padding) has no direction: it counts for nothing.
    method : str
        One of `METHODS`.
    ratio : float
        How many times smaller, 1 or more; see `Budget`.
    by : str
        "parameters" or "bytes".
    weights : tensor (V,), optional
        How much each token counts; all count alike without.
    seed : int
        Seed of the methods that draw random numbers.
    **options
        Further options of the method; its `fit_…` in `compression.methods` describes them.

    Returns
    -------
    Table
        The compressed table.

    Raises
    ------
    NeutralError
        For an unknown method, a ratio that the method cannot reach, weights that do not fit, and rows that are not
        finite.

    Examples
    --------

    >>> import torch
    >>> matrix = torch.randn(1000, 32, generator=torch.Generator().manual_seed(0))
    >>> table = fit(matrix, "svd", ratio=2.0, by="parameters")
    >>> table.rank, table.parameters, table.rows([101, 102]).shape
    (15, 15480, torch.Size([2, 32]))
    """
    if method not in METHODS:
        raise NeutralError(f"method {method!r}: unknown; there are {', '.join(METHODS)}")
    matrix = checked(matrix)
    if weights is not None:
        weights = _checked_weights(weights, matrix)
    budget = Budget(*matrix.shape, ratio, by)
    from neutral.compression.methods import FITS  # importing torch takes seconds, and a study can be read without it

    return FITS[method](matrix, budget, weights=weights, seed=seed, **options)


def load(path: str) -> Table:
    """Read a table that `Table.save` wrote; see `Table.load`.

    >>> import torch
    >>> fit(torch.eye(64), "int8", ratio=2.0, by="bytes").save("table.safetensors")
    >>> load("table.safetensors").matrix().sum()
    tensor(64.)
    """
    from neutral.compression import methods  # noqa: F401  (defines the classes that tables are read into)
    from neutral.compression.table import Table

    return Table.load(path)


def checked(matrix: torch.Tensor) -> torch.Tensor:
    """Return the matrix as float32 (V, d). Raises `NeutralError` for other shapes and for rows that are not finite."""
    import torch

    matrix = torch.as_tensor(matrix).detach()
    if matrix.ndim != 2 or not matrix.numel():
        raise NeutralError(f"a token table is a matrix of tokens × width; got shape {tuple(matrix.shape)}")
    matrix = matrix.float()
    broken = ~torch.isfinite(matrix.sum(dim=1))
    if broken.any():
        first = int(broken.nonzero()[0])
        raise NeutralError(f"row {first} of the token table holds NaN or infinity ({int(broken.sum())} such rows)")
    return matrix


def _checked_weights(weights: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    import torch

    weights = torch.as_tensor(weights).detach().to(matrix)
    if weights.shape != matrix.shape[:1]:
        raise NeutralError(f"weights: one a token, so {matrix.shape[0]}; got shape {tuple(weights.shape)}")
    if not torch.isfinite(weights).all() or (weights < 0).any() or not weights.sum() > 0:
        raise NeutralError("weights: must be finite, not negative, and not all zero")
    return weights / weights.mean()


def __getattr__(name: str) -> type:
    """Import `Table` on its first use: a study's numbers can be read without torch."""
    if name != "Table":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from neutral.compression.table import Table

    return Table


__all__ = ["BY", "FORMS", "METHODS", "WAYS", "WEIGHTS", "WHERE", "Budget", "Table", "checked", "fit", "load"]
