"""A compressed token table: what is stored, and how rows are rebuilt from it.

A table holds named tensors and nothing else; `decode` rebuilds the rows that are asked for. The tensors are passed
to `decode`, so that a model that trains them (`placement`) uses the same code as one that only reads them.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from neutral.errors import FileError, NeutralError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from neutral.compression.placement import Placement

FORMAT = "neutral-table"
_BLOCK = 8192  # rows rebuilt at a time

KINDS: dict[str, type[Table]] = {}
"""Method -> the class of its tables."""


class Table(ABC):
    """A token table of V × d in fewer bytes.

    Attributes:
        shape: (V, d).
        tensors: name -> stored tensor; all that is stored.
        settings: JSON values that `decode` needs besides.
    """

    method: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]  # the names of `tensors`
    optional: ClassVar[tuple[str, ...]] = ()  # names that may be missing
    trainable: ClassVar[tuple[str, ...]] = ()  # names that a gradient can change

    def __init__(
        self,
        shape: tuple[int, int],
        tensors: Mapping[str, torch.Tensor],
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.shape = (int(shape[0]), int(shape[1]))
        self.tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        self.settings = dict(settings or {})

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "method" in cls.__dict__:
            KINDS[cls.method] = cls

    @abstractmethod
    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """Return the rows `ids` (n,) as float32 (n, d), rebuilt from `tensors`."""

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """Return hidden (…, d) times the rebuilt table transposed, (…, V), without ever holding the whole table."""
        spans = [hidden @ self.decode(tensors, ids).to(hidden.dtype).T for ids in self._spans(hidden.device)]
        return torch.cat(spans, dim=-1)

    @torch.no_grad()
    def rows(self, ids: torch.Tensor | list[int]) -> torch.Tensor:
        """Return the vectors of `ids` (any shape …) as float32 (…, d).

        Raises `NeutralError` for an id outside the table.
        """
        ids = torch.as_tensor(ids, dtype=torch.long)
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < self.shape[0]:
            raise NeutralError(f"token ids must be in 0 … {self.shape[0] - 1}; got {int(ids.min())} … {int(ids.max())}")
        flat = self.decode(self.tensors, ids.reshape(-1).to(self._device))
        return flat.reshape(*ids.shape, self.shape[1])

    @torch.no_grad()
    def matrix(self) -> torch.Tensor:
        """Return the whole rebuilt table, float32 (V, d)."""
        whole = torch.empty(self.shape, device=self._device)
        for ids in self._spans(self._device):
            whole[ids[0] : ids[-1] + 1] = self.decode(self.tensors, ids)
        return whole

    @property
    def bytes(self) -> int:
        """Every stored byte."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @property
    def parameters(self) -> int:
        """How many numbers are stored; a code is one number, however few bits it takes."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def ratio(self, by: str) -> float:
        """Return how many times smaller than V × d float32 numbers the table is, by parameters or by bytes."""
        full = self.shape[0] * self.shape[1]
        return full / self.parameters if by == "parameters" else 4 * full / self.bytes

    def to(self, device: torch.device | str) -> Table:
        """Return the table with its tensors on a device."""
        moved = {name: tensor.to(device) for name, tensor in self.tensors.items()}
        return type(self)(self.shape, moved, self.settings)

    def put_in(self, model: PreTrainedModel, where: str | None = None, *, train: bool = True) -> Placement:
        """Put the table in the place of the model's own embedding; see `placement.put_in`."""
        from neutral.compression.placement import put_in  # it needs transformers, which takes seconds to import

        return put_in(model, self, where, train=train)

    def save(self, path: str | Path) -> None:
        """Write the table as one safetensors file, still compressed; its folder is made.

        >>> Rebuilt((2, 3), {"dense": torch.ones(2, 3)}).save("tables/dense.safetensors")
        >>> Table.load("tables/dense.safetensors").shape
        (2, 3)
        """
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        said = {"format": FORMAT, "method": self.method, "shape": json.dumps(self.shape)}
        save_file(self.tensors, path, metadata=said | {"settings": json.dumps(self.settings)})

    @staticmethod
    def load(path: str | Path) -> Table:
        """Read a table that `save` wrote.

        Raises `FileError` for another file, an unknown method, or missing or unexpected tensors.
        """
        try:
            with safe_open(path, framework="pt") as file:
                said = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        except (OSError, SafetensorError) as error:
            raise FileError(path, f"cannot be read as a compressed table: {error}") from error
        if said.get("format") != FORMAT or said.get("method") not in KINDS:
            raise FileError(path, f"is no compressed table of a known method ({', '.join(KINDS)})")
        kind = KINDS[said["method"]]
        missing = sorted(set(kind.parts) - set(kind.optional) - set(tensors))
        unexpected = sorted(set(tensors) - set(kind.parts))
        if missing or unexpected:
            raise FileError(path, f"tensors missing: {missing}, unexpected: {unexpected}")
        try:
            table = kind(json.loads(said["shape"]), tensors, json.loads(said["settings"]))
            table.rows([0, table.shape[0] - 1])
        except (KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
            raise FileError(path, f"its tensors do not fit together: {error}") from error
        return table

    @property
    def _device(self) -> torch.device:
        return next(iter(self.tensors.values())).device

    def _spans(self, device: torch.device) -> Iterator[torch.Tensor]:
        for start in range(0, self.shape[0], _BLOCK):
            yield torch.arange(start, min(start + _BLOCK, self.shape[0]), device=device)


class Rebuilt(Table):
    """The rebuilt rows themselves: for evaluating a table over and over, at the price of the full matrix."""

    method = "dense"
    parts = ("dense",)

    @classmethod
    def of(cls, table: Table) -> Rebuilt:
        """Rebuild a table."""
        return cls(table.shape, {"dense": table.matrix()})

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        return tensors["dense"][ids]

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`."""
        return hidden @ tensors["dense"].to(hidden.dtype).T
