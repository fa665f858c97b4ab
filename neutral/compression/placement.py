"""Put a compressed table in the place of a model's own token embedding, and take it out again.

The table stays compressed in memory: the input side rebuilds the rows of the ids that it gets, and a tied output layer
rebuilds the table block by block. While the table is in place, the tensors that a gradient can change (the factors of a
low-rank table) are parameters of the model; codes are not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import nn
from transformers import PreTrainedModel

from neutral.compression import WHERE
from neutral.compression.codec import Codec
from neutral.compression.layers import CompressedEmbedding, CompressedHead, Multiplier, Stored
from neutral.compression.table import Rebuilt
from neutral.errors import NeutralError
from neutral.models.output import MULTIPLIERS, multiplier


class Placement:
    """A table in place in a model; `with put_in(…):` or `remove()` gives the model its own layers back.

    Only the placement keeps the model's own layers alive: their memory is free once the placement is dropped.

    Attributes
    ----------
    where : str
        "input", or "both" where the output layer uses the table too.
    """

    def __init__(self, where: str, stored: Stored, replaced: list[tuple[nn.Module, str, nn.Module]]) -> None:
        self.where, self._stored, self._replaced = where, stored, replaced

    def table(self) -> Codec:
        """Return the table as it is now: with what training changed."""
        return self._stored.table()

    def remove(self) -> None:
        """Give the model its own layers back, bit for bit. A second call does nothing."""
        device = next(iter(self._stored.tensors.values())).device
        for parent, name, layer in self._replaced:
            setattr(parent, name, layer.to(device))
        self._replaced = []

    def __enter__(self) -> Placement:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def put_in(
    model: PreTrainedModel, table: Codec, where: str | None = None, *, train: bool | Collection[str] = True
) -> Placement:
    """Put `table` in the place of the model's token embedding, and of a tied output layer where `where` is "both".

    Parameters
    ----------
    model : PreTrainedModel
        Changed in place.
    table : Codec
        A table of the embedding's V × d.
    where : "input", "both" or None
        With "input" a tied output layer keeps the model's own matrix. None is "both" for a model whose output layer is
        tied, else "input".
    train : bool or collection of str
        Whether the tensors that can train, or which of them, are copied and held in float32, in whatever type they are
        stored. The model shares the table's other tensors.

    Returns
    -------
    Placement
        It keeps the model's own layers and puts them back.

    Raises
    ------
    NeutralError
        For a model without an embedding of tokens, one whose V × d is not the table's, one that holds a compressed
        table already, and for "both" without a tied output layer.
    """
    layer = embedding(model)
    where = fitting(model, layer, table, where)
    if isinstance(train, bool):
        train = table.trainable if train else ()
    stored = Stored(table, layer.weight.device, [name for name in table.trainable if name in train])
    replaced, modules = [], []
    for holder in holders(model, nn.Embedding, layer.weight):
        replaced.append(holder)
        modules.append(CompressedEmbedding(stored, holder[2]))
    for holder in holders(model, nn.Linear, layer.weight) if where == "both" else []:
        replaced.append(holder)
        modules.append(CompressedHead(stored, holder[2]))
    for holder in _children(model, MULTIPLIERS):
        own = nn.Linear(*reversed(layer.weight.shape), bias=False, device="meta")
        own.weight = layer.weight
        replaced.append(holder)
        modules.append(Multiplier(holder[2], CompressedHead(stored, own) if where == "both" else own))
    modules[0].stored = stored
    for (parent, name, _), module in zip(replaced, modules, strict=True):
        setattr(parent, name, module)
    return Placement(where, stored, replaced)


@torch.inference_mode()
def require_placeable(model: PreTrainedModel, matrix: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> None:
    """Raise `NeutralError` unless a table in place gives what the model's own `matrix` (V, d) gives, on a small batch.

    A network may use its matrix in a way that no layer of it shows (MobileBERT joins it with another).
    """
    own = model(**batch).logits.float()
    table = Rebuilt(tuple(matrix.shape), {"dense": matrix})
    for where in WHERE if tied(model) else WHERE[:1]:
        with put_in(model, table, where, train=False):
            try:
                placed = model(**batch).logits.float()
            except torch.OutOfMemoryError:
                raise
            except (RuntimeError, AttributeError, TypeError) as error:
                raise _unplaceable(model) from error
        if not torch.allclose(placed, own, rtol=1e-3, atol=1e-3 * float(own.abs().max())):
            raise _unplaceable(model)


def _unplaceable(model: PreTrainedModel) -> NeutralError:
    name = type(model).__name__
    return NeutralError(f"{name}: uses its token table in a way of its own, so no other can be put in its place")


def embedding(model: nn.Module) -> nn.Embedding:
    """Return the token embedding of `model`.

    Raises `NeutralError` if it has none, or one that does more than look up and scale rows.
    """
    name = type(model).__name__
    try:
        layer = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        layer = None
    if isinstance(layer, CompressedEmbedding):
        raise NeutralError(f"{name} holds a compressed table already; remove that first")
    if not isinstance(layer, nn.Embedding):
        raise NeutralError(f"{name} has no embedding of tokens, so no table to compress")
    plain = type(layer).forward is nn.Embedding.forward or hasattr(layer, "embed_scale")
    if not plain or len(list(layer.parameters())) > 1 or layer.max_norm is not None:
        raise NeutralError(f"{name}: its embedding ({type(layer).__name__}) does more than look up and scale rows")
    return layer


def tied(model: nn.Module) -> bool:
    """Whether an output layer of `model` uses the very matrix of its token embedding."""
    return bool(holders(model, nn.Linear, embedding(model).weight)) or multiplier(model) is not None


def fitting(model: nn.Module, layer: nn.Embedding, table: Codec, where: str | None) -> str:
    """Return where the table goes. Raises `NeutralError` if it cannot."""
    name = type(model).__name__
    if where not in (None, *WHERE):
        raise NeutralError(f"where={where!r}: a table goes in {' or '.join(WHERE)}")
    if tuple(layer.weight.shape) != table.shape:
        table_shape, layer_shape = ("{:,} × {:,}".format(*shape) for shape in (table.shape, layer.weight.shape))
        raise NeutralError(f"the table is {table_shape} but the embedding of {name} is {layer_shape}")
    if where == "both" and not tied(model):
        raise NeutralError(f'{name} has no output layer tied to its embedding: use where="input"')
    return where or ("both" if tied(model) else "input")


def holders(model: nn.Module, kind: type[nn.Module], weight: nn.Parameter) -> list[tuple[nn.Module, str, nn.Module]]:
    """Return (parent, name, layer) of every layer of a kind that uses `weight` itself (T5 has three embeddings)."""
    return [holder for holder in _children(model, kind) if holder[2].weight is weight]


def _children(model: nn.Module, kind: type | tuple[type, ...]) -> list[tuple[nn.Module, str, nn.Module]]:
    """Return (parent, name, layer) of every layer of a kind."""
    children = [(parent, name, child) for parent in model.modules() for name, child in parent._modules.items()]
    return [child for child in children if isinstance(child[2], kind)]
