"""Which of a model's tables of tokens are compressed, and how their columns lie side by side in one matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

import torch
from transformers import PreTrainedModel

from neutral.compression import TABLES
from neutral.compression.blocks import PER_LAYER, TOKENS, Blocks
from neutral.compression.placement import embedding, looked_up
from neutral.compression.table import Rebuilt, Table
from neutral.errors import NeutralError
from neutral.models.output import per_layer


@dataclass(frozen=True)
class Layout:
    """Which blocks there are: (table, width) of each in the order of their columns."""

    blocks: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, model: PreTrainedModel, tables: str = TABLES[-1]) -> Layout:
        """Return the blocks of some of a model's tables (`TABLES`).

        Raises `NeutralError` for "per-layer" of a model that has no such table.
        """
        further = per_layer(model)
        if tables == PER_LAYER and further is None:
            raise NeutralError(f"--tables per-layer: {type(model).__name__} has no embeddings for all layers")
        blocks = [(TOKENS, embedding(model).embedding_dim)] if tables != PER_LAYER else []
        if further and tables != TOKENS:
            _, table, layers = further
            blocks += [(PER_LAYER, table.embedding_dim // layers)] * layers
        return cls(tuple(blocks))

    @property
    def alone(self) -> bool:
        """Whether it is the token table alone."""
        return self.blocks == self.blocks[:1] and self.tables == [TOKENS]

    @property
    def tables(self) -> list[str]:
        """The tables, each once."""
        return [name for name, _ in groupby(name for name, _ in self.blocks)]

    @property
    def widths(self) -> tuple[int, ...]:
        """The width of each block."""
        return tuple(width for _, width in self.blocks)

    def spans(self, names: Sequence[object]) -> dict[object, slice]:
        """Return name -> columns, of names that the blocks have one each."""
        ends = [0, *accumulate(self.widths)]
        spans: dict[object, slice] = {}
        for name, (start, end) in zip(names, pairwise(ends), strict=True):
            spans[name] = slice(spans[name].start if name in spans else start, end)
        return spans

    @property
    def columns(self) -> dict[str, slice]:
        """The columns of each table."""
        return self.spans([name for name, _ in self.blocks])

    def matrix(self, model: PreTrainedModel) -> torch.Tensor:
        """Return the model's own numbers, float32 (V, Σ widths) on the CPU.

        The table for all layers may have fewer rows than there are tokens, and further tokens read its first.
        """
        ids = torch.arange(embedding(model).num_embeddings)
        parts = []
        for layer in looked_up(model, self.tables).values():
            own = layer.weight.detach().cpu().float()
            parts.append(own if len(own) == len(ids) else own[torch.where(ids < len(own), ids, 0)])
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def dense(self, matrix: torch.Tensor) -> Table:
        """Return a table of the rows of `matrix` (V, Σ widths) themselves."""
        if self.alone:
            return Rebuilt(tuple(matrix.shape), {"dense": matrix})
        return Blocks.join(
            [
                (name, Rebuilt((len(matrix), span.stop - span.start), {"dense": matrix[:, span]}))
                for name, span in self.columns.items()
            ]
        )

    def fit(self, matrix: torch.Tensor, fit: Callable[[torch.Tensor, str], Table]) -> Table:
        """Return what `fit` makes of each block (V, width) of `matrix`, which it gets with the name of its table."""
        if self.alone:
            return fit(matrix, TOKENS)
        spans = self.spans(range(len(self.blocks))).values()
        names = [name for name, _ in self.blocks]
        return Blocks.join(
            [(name, fit(matrix[:, span].contiguous(), name)) for name, span in zip(names, spans, strict=True)]
        )
