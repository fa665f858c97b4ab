"""The layers that hold a compressed table inside a model: in the place of an embedding, and of an output layer."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy

import torch
from torch import nn

from neutral.compression.codec import Codec


class Stored(nn.Module):
    """The tensors of a table inside a model: those that train are float32 parameters, the others buffers as stored."""

    def __init__(self, table: Codec, device: torch.device, train: Collection[str]) -> None:
        super().__init__()
        self._empty = copy(table)  # knows how to decode, holds nothing
        self._empty.tensors = {}
        self._types = {name: tensor.dtype for name, tensor in table.tensors.items()}
        for name, tensor in table.tensors.items():
            if name in train:
                self.register_parameter(name, nn.Parameter(tensor.to(device, torch.float32, copy=True)))
            else:
                self.register_buffer(name, tensor.to(device))

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Name -> tensor, as `Codec.decode` takes them."""
        return {name: getattr(self, name) for name in self._types}

    def rows(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the rows `ids` (…), float32 (…, d), with a gradient. Rebuilt in full precision also under autocast."""
        with torch.autocast(ids.device.type, enabled=False):
            return self._empty.decode(self.tensors, ids.reshape(-1)).reshape(*ids.shape, -1)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return hidden (…, d) times the table transposed, (…, V), in the type autocast gives a linear layer."""
        kind = hidden.device.type
        if torch.is_autocast_enabled(kind):
            hidden = hidden.to(torch.get_autocast_dtype(kind))
        with torch.autocast(kind, enabled=False):
            return self._empty.logits(self.tensors, hidden)

    def table(self) -> Codec:
        """Return a table of copies of the tensors as they are now, in the types in which they were stored."""
        tensors = {name: tensor.detach().to(self._types[name], copy=True) for name, tensor in self.tensors.items()}
        return type(self._empty)(self._empty.shape, tensors, self._empty.settings)


class CompressedEmbedding(nn.Module):
    """A compressed table where `layer` was: ids (…) -> rows (…, d) in the type and at the scale of `layer`.

    As in `nn.Embedding`, the row of the padding id gives no gradient.
    """

    def __init__(self, stored: Stored, layer: nn.Embedding) -> None:
        super().__init__()
        self._stored = (stored,)  # in a tuple: `put_in` registers its tensors with one module, once
        self.num_embeddings, self.embedding_dim = layer.num_embeddings, layer.embedding_dim
        self.padding_idx = layer.padding_idx
        scale = getattr(layer, "embed_scale", None)
        self._scale = getattr(layer, "scalar_embed_scale", None)  # what `scale` is made of, where that is a tensor
        if isinstance(scale, torch.Tensor):
            self.register_buffer("embed_scale", scale.clone(), persistent=False)
        else:
            self.embed_scale = scale
        self.register_buffer("_like", layer.weight.detach().new_empty(0), persistent=False)  # follows the model's type

    def table(self) -> Codec:
        """Return the table as it is now: with what training changed."""
        return self._stored[0].table()

    @torch.no_grad()
    def restore_scale(self) -> None:
        """Fill in the scale, which no file holds, of a layer that was made without numbers (on "meta")."""
        if self._scale is not None:
            self.embed_scale.fill_(self._scale)

    @property
    def weight(self) -> torch.Tensor:
        """The rebuilt matrix (V, d), for models that take rows of it by themselves (Gemma 4: that of the padding)."""
        return self._stored[0].rows(torch.arange(self.num_embeddings, device=self._like.device)).to(self._like.dtype)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rebuild the rows of `ids`."""
        rows = self._stored[0].rows(ids).to(self._like.dtype)
        if self.padding_idx is not None and rows.requires_grad:
            rows = torch.where((ids == self.padding_idx).unsqueeze(-1), rows.detach(), rows)
        if self.embed_scale is None:
            return rows
        return rows * (self.embed_scale.to(rows) if isinstance(self.embed_scale, torch.Tensor) else self.embed_scale)


class CompressedHead(nn.Module):
    """The output layer over a compressed table: hidden (…, d) -> logits (…, V), with the bias of `layer`."""

    def __init__(self, stored: Stored, layer: nn.Linear) -> None:
        super().__init__()
        self._stored = (stored,)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.register_parameter("bias", layer.bias)
        # Follows the model's type; as many rows as there are tokens, to which transformers fits the bias.
        self.register_buffer("_like", layer.weight.detach().new_empty(layer.out_features, 0), persistent=False)

    @property
    def weight(self) -> torch.Tensor:
        """A tensor without numbers, in the model's type and on its device: Mamba asks its output layer for these."""
        return self._like

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits of every token."""
        logits = self._stored[0].logits(hidden)
        return logits if self.bias is None else logits + self.bias.to(logits.dtype)


class Multiplier(nn.Module):
    """In the place of a head that multiplies with the embedding's own matrix (`models.output`): with `output` instead.

    `output` is a layer (…, d) -> (…, V) without bias: one over the table, or over the matrix that the model had.
    """

    def __init__(self, head: nn.Module, output: nn.Module) -> None:
        super().__init__()
        self.dense, self.transform_act_fn, self.LayerNorm = head.dense, head.transform_act_fn, head.LayerNorm
        self.output = output
        self.register_parameter("bias", head.bias)

    def forward(self, hidden: torch.Tensor, _embedding: nn.Module) -> torch.Tensor:
        """Return the logits of every token."""
        logits = self.output(self.LayerNorm(self.transform_act_fn(self.dense(hidden))))
        return logits + self.bias.to(logits.dtype)
