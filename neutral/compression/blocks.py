"""Several tables of tokens as one: the columns of a matrix in blocks, each a table of its own.

A row is all the numbers that a model has of a token: that of its token table, and in Gemma 3n and 4 a vector for every
layer from a further table of V × (L · width). A layer reads only its own columns of that, so its block is fitted by
itself: each has a basis, codebooks, rotation and lengths of its own, a token's small vector in one layer is not judged
beside its long one in another, and a fit takes the memory of one layer. All blocks get the same ratio.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import torch

from neutral.compression import TABLES
from neutral.compression.table import KINDS, Table
from neutral.errors import NeutralError

TOKENS, PER_LAYER, _ = TABLES


class Blocks(Table):
    """Tables side by side; `settings["blocks"]` holds {table, method, width, settings} of each, in order.

    `tensors` holds those of block i under `<i>_<name>`.
    """

    method = "blocks"
    parts = ()

    def __init__(
        self,
        shape: tuple[int, int],
        tensors: Mapping[str, torch.Tensor],
        settings: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(shape, tensors, settings)
        self._decoders = [self._block(i, {}) for i in range(len(self.settings["blocks"]))]
        if sum(each.shape[1] for each in self._decoders) != self.shape[1]:
            raise NeutralError("its blocks are not as wide as it is")
        own = [(f"{i}_{name}" for name in each.trainable) for i, each in enumerate(self._decoders)]
        self.trainable = tuple(name for names in own for name in names)

    @classmethod
    def join(cls, blocks: Sequence[tuple[str, Table]]) -> Blocks:
        """Return one table of (table's name, block) side by side; blocks of such a table come apart again."""
        flat = []
        for name, block in blocks:
            flat += block.named() if isinstance(block, Blocks) else [(name, block)]
        said = [
            {"table": name, "method": each.method, "width": each.shape[1], "settings": each.settings}
            for name, each in flat
        ]
        tensors = {f"{i}_{name}": part for i, (_, each) in enumerate(flat) for name, part in each.tensors.items()}
        shape = (flat[0][1].shape[0], sum(each.shape[1] for _, each in flat))
        return cls(shape, tensors, {"blocks": said})

    @classmethod
    def lacking(cls, names: Collection[str], settings: Mapping[str, object]) -> tuple[list[str], list[str]]:
        """See `Table.lacking`."""
        missing, unexpected = [], set(names)
        for i, said in enumerate(settings["blocks"]):
            own = {name.removeprefix(f"{i}_") for name in names if name.startswith(f"{i}_")}
            lacks, more = _kind(said).lacking(own, said["settings"])
            missing += [f"{i}_{name}" for name in lacks]
            unexpected -= {f"{i}_{name}" for name in own - set(more)}
        return missing, sorted(unexpected)

    @property
    def made_by(self) -> str:
        """See `Table.made_by`."""
        return self._decoders[0].method

    @property
    def tables(self) -> list[str]:
        """The tables, each once."""
        return [name for name, _ in groupby(said["table"] for said in self.settings["blocks"])]

    def named(self) -> list[tuple[str, Table]]:
        """Return (table's name, block) of each block."""
        return [
            (said["table"], self._block(i, self._own(i, self.tensors)))
            for i, said in enumerate(self.settings["blocks"])
        ]

    def of(self, table: str) -> Table:
        """Return the blocks of one table: the block itself for the tokens' own, which has one."""
        own = [(name, block) for name, block in self.named() if name == table]
        return own[0][1] if table == TOKENS else Blocks.join(own)

    @property
    def parameters(self) -> int:
        """See `Table.parameters`."""
        return sum(block.parameters for _, block in self.named())

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        return torch.cat([each.decode(self._own(i, tensors), ids) for i, each in enumerate(self._decoders)], dim=1)

    def rebuilt(self) -> Table:
        """See `Table.rebuilt`."""
        return Blocks.join([(name, block.rebuilt()) for name, block in self.named()])

    def require_sound(self) -> None:
        """See `Table.require_sound`."""
        for _, block in self.named():
            block.require_sound()

    def _block(self, i: int, tensors: Mapping[str, torch.Tensor]) -> Table:
        said = self.settings["blocks"][i]
        return _kind(said)((self.shape[0], said["width"]), tensors, said["settings"])

    @staticmethod
    def _own(i: int, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        start = f"{i}_"
        return {name.removeprefix(start): part for name, part in tensors.items() if name.startswith(start)}


def places(table: Table) -> dict[str, Table]:
    """Return which of a model's tables a table is -> the part for it."""
    return {name: table.of(name) for name in table.tables} if isinstance(table, Blocks) else {TOKENS: table}


def _kind(said: Mapping[str, object]) -> type[Table]:
    """Return the class of a block. Raises `NeutralError` for blocks within a block, and for what is no block."""
    kind = KINDS.get(said["method"])
    if kind is None or issubclass(kind, Blocks) or said["table"] not in (TOKENS, PER_LAYER):
        raise NeutralError(f"a block of it is of no known method or table ({said['method']}, {said['table']})")
    return kind
