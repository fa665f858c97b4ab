"""A codec rebuilds the rows of a token table from named tensors.

`decode` takes the tensors as an argument, so that a model that trains them (`placement`) uses the same code as one that
only reads them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch

from neutral.compression.kernels.cuda import products as cuda
from neutral.compression.kernels.cuda.packed import Kept
from neutral.errors import NeutralError

_BLOCK = 8192  # rows rebuilt at a time


class Codec(ABC):
    """Rows of a V × d table from fewer numbers.

    Attributes
    ----------
    shape : (int, int)
        (V, d).
    tensors : name -> tensor
        All that is stored.
    settings : name -> JSON value
        What `decode` needs besides.
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
        self._kept = Kept()

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

    def packed(self, tensors: Mapping[str, torch.Tensor]) -> object | None:
        """Return the rows as the kernels for a GPU read them; None for a method, or a table, that these do not know."""
        return None

    def _on_gpu(self, tensors: Mapping[str, torch.Tensor], numbers: torch.Tensor):
        """Return `packed`, made once, where the kernels for a GPU can multiply `numbers`; else None."""
        return self._kept.get(tensors, self.packed) if cuda.fits(numbers) else None

    @property
    def _device(self) -> torch.device:
        return next(iter(self.tensors.values())).device

    def _spans(self, device: torch.device) -> Iterator[torch.Tensor]:
        for start in range(0, self.shape[0], _BLOCK):
            yield torch.arange(start, min(start + _BLOCK, self.shape[0]), device=device)
