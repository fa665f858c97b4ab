"""Put a compressed table in the place of a model's own token embedding, and take it out again.

So does a table of blocks (`blocks`) with the embeddings for all layers of Gemma 3n and 4, or with both.

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
from neutral.compression.blocks import PER_LAYER, TOKENS, Blocks, places
from neutral.compression.codec import Codec
from neutral.compression.layers import CompressedEmbedding, CompressedHead, Multiplier, Stored
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.models.output import MULTIPLIERS, multiplier, per_layer


class Placement:
    """A table in place in a model; `with put_in(…):` or `remove()` gives the model its own layers back.

    Only the placement keeps the model's own layers alive: their memory is free once the placement is dropped.

    Attributes
    ----------
    where : str
        "input", or "both" where the output layer uses the table too.
    """

    def __init__(
        self, where: str, stored: Mapping[str, Stored], replaced: list[tuple[nn.Module, str, nn.Module]]
    ) -> None:
        self.where, self._stored, self._replaced = where, dict(stored), replaced

    def table(self) -> Codec:
        """Return the table as it is now: with what training changed."""
        tables = [(name, stored.table()) for name, stored in self._stored.items()]
        return tables[0][1] if len(tables) == 1 else Blocks.join(tables)

    def remove(self) -> None:
        """Give the model its own layers back, bit for bit. A second call does nothing."""
        device = next(iter(next(iter(self._stored.values())).tensors.values())).device
        for parent, name, layer in self._replaced:
            setattr(parent, name, layer.to(device))
        self._replaced = []

    def __enter__(self) -> Placement:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def put_in(
    model: PreTrainedModel, table: Table, where: str | None = None, *, train: bool | Collection[str] = True
) -> Placement:
    """Put `table` in the place of the model's token embedding, and of a tied output layer where `where` is "both".

    Parameters
    ----------
    model : PreTrainedModel
        Changed in place.
    table : Table
        A table of the embedding's V × d; or `Blocks` of the embeddings for all layers, which only look up rows, or of
        both.
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
    where = fitting(model, table, where)
    layers, own = looked_up(model, places(table)), places(table)
    names = table.trainable if train is True else train or ()
    stored = {
        name: Stored(part, layers[name].weight.device, [each for each in part.trainable if each in names])
        for name, part in own.items()
    }
    pairs = []
    if TOKENS in stored:
        pairs += _of_tokens(model, layers[TOKENS], stored[TOKENS], where)
    if PER_LAYER in stored:
        further = holders(model, nn.Embedding, layers[PER_LAYER].weight)
        pairs += [(holder, CompressedEmbedding(stored[PER_LAYER], holder[2])) for holder in further]
    for each in stored.values():
        next(module for _, module in pairs if getattr(module, "_stored", None) == (each,)).stored = each
    for (parent, name, _), module in pairs:
        setattr(parent, name, module)
    return Placement(where, stored, [holder for holder, _ in pairs])


def _of_tokens(
    model: PreTrainedModel, layer: nn.Embedding, stored: Stored, where: str
) -> list[tuple[tuple[nn.Module, str, nn.Module], nn.Module]]:
    """Return (holder, module in its place) of every layer that uses the token table, the embeddings first."""
    pairs: list[tuple[tuple[nn.Module, str, nn.Module], nn.Module]] = []
    for holder in holders(model, nn.Embedding, layer.weight):
        pairs.append((holder, CompressedEmbedding(stored, holder[2])))
    for holder in holders(model, nn.Linear, layer.weight) if where == "both" else []:
        pairs.append((holder, CompressedHead(stored, holder[2])))
    for holder in _children(model, MULTIPLIERS):
        own = nn.Linear(*reversed(layer.weight.shape), bias=False, device="meta")
        own.weight = layer.weight
        pairs.append((holder, Multiplier(holder[2], CompressedHead(stored, own) if where == "both" else own)))
    return pairs


@torch.inference_mode()
def require_placeable(model: PreTrainedModel, table: Table, batch: Mapping[str, torch.Tensor]) -> None:
    """Raise `NeutralError` unless a table of the model's own numbers, in place, gives what it gives, on a small batch.

    A network may use its matrix in a way that no layer of it shows (MobileBERT joins it with another).
    """
    own = model(**batch).logits.float()
    for where in sides(model, table):
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


def looked_up(model: nn.Module, tables: Collection[str]) -> dict[str, nn.Embedding]:
    """Return table (of `TABLES`) -> the layer of `model` that looks it up.

    Raises `NeutralError` if there is none.
    """
    layers = {TOKENS: embedding(model)} if TOKENS in tables else {}
    if PER_LAYER in tables:
        further = per_layer(model)
        if further is None:
            raise NeutralError(f"{type(model).__name__} has no embeddings for all layers")
        layers[PER_LAYER] = further[1]
    return layers


def sides(model: nn.Module, table: Table) -> tuple[str, ...]:
    """Return where a table can go, of `WHERE`: embeddings for all layers only look up rows."""
    return WHERE if TOKENS in places(table) and tied(model) else WHERE[:1]


def fitting(model: nn.Module, table: Table, where: str | None) -> str:
    """Return where the table goes. Raises `NeutralError` if it cannot."""
    name = type(model).__name__
    if where not in (None, *WHERE):
        raise NeutralError(f"where={where!r}: a table goes in {' or '.join(WHERE)}")
    rows = embedding(model).num_embeddings
    for of, layer in looked_up(model, places(table)).items():
        shapes = places(table)[of].shape, (rows, layer.embedding_dim)
        if shapes[0] != shapes[1]:
            table_shape, layer_shape = ("{:,} × {:,}".format(*shape) for shape in shapes)
            raise NeutralError(f"the table is {table_shape} but the embedding of {name} is {layer_shape}")
    possible = sides(model, table)
    if where == "both" and "both" not in possible:
        raise NeutralError(f'{name} has no output layer tied to its embedding: use where="input"')
    return where or possible[-1]


def holders(model: nn.Module, kind: type[nn.Module], weight: nn.Parameter) -> list[tuple[nn.Module, str, nn.Module]]:
    """Return (parent, name, layer) of every layer of a kind that uses `weight` itself (T5 has three embeddings)."""
    return [holder for holder in _children(model, kind) if holder[2].weight is weight]


def _children(model: nn.Module, kind: type | tuple[type, ...]) -> list[tuple[nn.Module, str, nn.Module]]:
    """Return (parent, name, layer) of every layer of a kind."""
    children = [(parent, name, child) for parent in model.modules() for name, child in parent._modules.items()]
    return [child for child in children if isinstance(child[2], kind)]
