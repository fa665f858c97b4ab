"""A compressed token table: its size, its file, and its place in a model. Rows are rebuilt by its `Codec`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import save

from neutral.compression.codec import Codec
from neutral.errors import FileError, NeutralError, reading
from neutral.files import storing, write_whole

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from neutral.compression.placement import Placement

FORMAT = "neutral-table"

# Numbers a stored byte: as many as a table of rank one has in float16 that is twice as wide as any model's.
_BEST = 20_000

KINDS: dict[str, type[Table]] = {}
"""Method -> the class of its tables."""


class Table(Codec):
    """A token table of V × d in fewer bytes: named tensors, the shape and the settings of its method."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "method" in cls.__dict__:
            KINDS[cls.method] = cls

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

    @property
    def made_by(self) -> str:
        """The method that made it."""
        return self.method

    @classmethod
    def lacking(cls, names: Collection[str], settings: Mapping[str, object]) -> tuple[list[str], list[str]]:
        """Return which tensors are missing among `names`, and which are not expected, both sorted."""
        missing = set(cls.parts) - set(cls.optional) - set(names)
        return sorted(missing), sorted(set(names) - set(cls.parts))

    def rebuilt(self) -> Table:
        """Return a table that holds the rebuilt rows."""
        return Rebuilt(self.shape, {"dense": self.matrix()})

    def to(self, device: torch.device | str) -> Table:
        """Return the table with its tensors on a device."""
        moved = {name: tensor.to(device) for name, tensor in self.tensors.items()}
        return type(self)(self.shape, moved, self.settings)

    def require_sound(self) -> None:
        """Rebuild rows that reach to the ends of all tensors; raises, of any type, if these do not fit together."""
        self.rows([0, self.shape[0] - 1])

    def put_in(self, model: PreTrainedModel, where: str | None = None, *, train: bool = True) -> Placement:
        """Put the table in the place of the model's own embedding; see `placement.put_in`."""
        from neutral.compression.placement import put_in  # it needs transformers, which takes seconds to import

        return put_in(model, self, where, train=train)

    def save(self, path: str | Path) -> None:
        """Write the table as one safetensors file, still compressed; make its folder if need be.

        The same table gives the same bytes.

        Raises `StorageError` if the system refuses.

        >>> Rebuilt((2, 3), {"dense": torch.ones(2, 3)}).save("tables/dense.safetensors")
        >>> Table.load("tables/dense.safetensors").shape
        (2, 3)
        """
        data = self.to_bytes()
        with storing(path):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)

    def to_bytes(self) -> bytes:
        """Return the file that `save` writes."""
        header = {"format": FORMAT, "method": self.method, "shape": json.dumps(self.shape)}
        return _in_order(save(self.tensors, header | {"settings": json.dumps(self.settings)}))

    @staticmethod
    def load(path: str | Path) -> Table:
        """Read a table that `save` wrote.

        Raises `FileError` for another file, an unknown method, or missing or unexpected tensors.
        """
        with reading(path, "a compressed table"), safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        if header.get("format") != FORMAT or header.get("method") not in KINDS:
            raise FileError(path, f"is no compressed table of a known method ({', '.join(KINDS)})")
        kind = KINDS[header["method"]]
        with reading(path, "a compressed table, its tensors do not fit together"):
            shape, settings = json.loads(header["shape"]), json.loads(header["settings"])
            missing, unexpected = kind.lacking(tensors, settings)
        if missing or unexpected:
            raise FileError(path, f"tensors missing: {missing}, unexpected: {unexpected}")
        with reading(path, "a compressed table, its tensors do not fit together"):
            require_shape(shape, sum(tensor.nbytes for tensor in tensors.values()))
            table = kind(shape, tensors, settings)
            table.require_sound()
            return table


def require_shape(shape: object, held: int) -> None:
    """Raise `NeutralError` for a shape that is none, or one of far more numbers than `held` bytes can be told for."""
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(n) is int and n > 0 for n in shape):
        raise NeutralError("its shape is not two whole numbers from 1 on")
    rows, width = shape
    if rows * width > _BEST * held:
        raise NeutralError(f"claims {rows:,} × {width:,} numbers, which {held:,} bytes do not hold")


class Rebuilt(Table):
    """The rebuilt rows themselves: a table that is evaluated over and over, at the price of the full matrix."""

    method = "dense"
    parts = ("dense",)

    @staticmethod
    def of(table: Table) -> Table:
        """Return a table that holds the rebuilt rows of `table`."""
        return table.rebuilt()

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Table.decode`."""
        return tensors["dense"][ids]

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Table.logits`."""
        return hidden @ tensors["dense"].to(hidden.dtype).T


def _in_order(data: bytes) -> bytes:
    """Return a safetensors file with its metadata in the order of their names; the library's is random."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]
