"""A mask is bits: which weights of a network are kept, eight to the byte.

An mBERT mask (85 M weights) takes 10.6 MB instead of the 340 MB of a float32 tensor dict. Algebra reads
like mathematics: `a & b`, `a | b`, `a ^ b`, `~a`. Importing this module does not import torch.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neutral import labels, prefixes
from neutral.errors import MismatchError, NeutralError

if TYPE_CHECKING:
    import pandas as pd
    import torch

HEADER_KEYS = ("model", "stack", "language", "task", "method", "sparsity", "seed", "variant")
"""Keys that a mask's header may have; any may be absent, and other keys are kept as they are."""


class Mask:
    """A binary mask over named weight tensors.

    Names are canonical (`labels.canonical`). Masks compare equal when names, shapes and bits are equal.

    Attributes
    ----------
    header : dict
        What the mask is (see `HEADER_KEYS`). `stack` is encoder or decoder, for a network that has only that one.
    shapes : weight name -> tuple of int
        In the model's order.
    bits : weight name -> (ceil(size / 8),) uint8 array
        `numpy.packbits` of the tensor in C order, the first weight in the highest bit; the padding bits of the last
        byte are 0.
    """

    __hash__ = None

    def __init__(
        self,
        bits: Mapping[str, np.ndarray],
        shapes: Mapping[str, tuple[int, ...]],
        header: Mapping[str, Any] | None = None,
    ) -> None:
        """Take packed bits as they are; use `Mask.from_tensors` for unpacked ones.

        Raises `NeutralError` naming the tensor whose bits do not fit its shape, whose padding is set, or whose name
        comes twice after `labels.canonical`.
        """
        if not bits:
            raise NeutralError("a mask needs at least one tensor; this one has none")
        if set(bits) != set(shapes):
            raise NeutralError(f"{min(set(bits) ^ set(shapes))}: has a shape or bits, but not both")
        self.header: dict[str, Any] = dict(header or {})
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.bits: dict[str, np.ndarray] = {}
        for stored, packed in bits.items():
            name, shape = labels.canonical(stored), tuple(int(n) for n in shapes[stored])
            if name in self.bits:
                raise NeutralError(f"{stored}: two tensors for the weight {name}")
            self.bits[name] = _checked(name, packed, shape)
            self.shapes[name] = shape

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Any], /, **header: Any) -> Mask:
        """Pack 0/1 or bool tensors (torch, any dtype and device) or arrays, one at a time.

        >>> Mask.from_tensors({"w": [[1, 0], [1, 1]]}, language="en")
        Mask(en: 1 tensor, 3 of 4 weights kept)

        Raises `NeutralError` naming the tensor that holds another value, or whose name comes twice.
        """
        bits, shapes = {}, {}
        for name, tensor in tensors.items():
            array = _as_bool(name, tensor)
            bits[name], shapes[name] = np.packbits(array), array.shape
        return cls(bits, shapes, header)

    @classmethod
    def random(cls, like: Mask | Mapping[str, Any], sparsity: float, seed: int, **header: Any) -> Mask:
        """Remove exactly round(sparsity * size) weights of every tensor, uniformly.

        Parameters
        ----------
        like : Mask, or name -> tensor or shape
            Gives the names and shapes.
        sparsity : float
            Share of the weights to remove, 0..1.
        seed : int
            A tensor's draw depends on the seed and its name only, not on its neighbours.
        **header
            Added to method "random", sparsity and seed.

        Raises
        ------
        NeutralError
            For a sparsity outside 0..1.
        """
        if not 0 <= sparsity <= 1:
            raise NeutralError(f"a sparsity is a share from 0 to 1; got {sparsity}")
        shapes = like.shapes if isinstance(like, Mask) else {n: _shape(x) for n, x in like.items()}
        bits = {}
        for name, shape in shapes.items():
            size = math.prod(shape)
            generator = np.random.default_rng([seed, zlib.crc32(labels.canonical(name).encode())])
            bits[name] = np.packbits(_subset(size, size - round(sparsity * size), generator))
        header_of = like.header if isinstance(like, Mask) else {}
        network = {key: header_of[key] for key in ("model", "stack") if key in header_of}
        return cls(bits, shapes, {**network, "method": "random", "sparsity": sparsity, "seed": seed, **header})

    @property
    def names(self) -> tuple[str, ...]:
        """The weights' names, in order."""
        return tuple(self.bits)

    @property
    def sizes(self) -> dict[str, int]:
        """Weight name -> number of weights."""
        return {name: math.prod(shape) for name, shape in self.shapes.items()}

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(self.sizes.values())

    @property
    def kept(self) -> int:
        """Number of weights kept."""
        return sum(self.kept_by_tensor().values())

    @property
    def named(self) -> str:
        """The name of this mask in tables: its language, else the stem of the file it came from, else "mask"."""
        for key in ("language", "stem", "name"):
            if self.header.get(key):
                return str(self.header[key])
        return "mask"

    @property
    def stack(self) -> str:
        """The network's only stack, encoder or decoder, as the header says or all names together tell; "" for two."""
        return labels.stack_of(self.names, self.header.get("stack"))

    def kept_by_tensor(self) -> dict[str, int]:
        """Weight name -> number of weights kept."""
        return {name: int(np.bitwise_count(packed).sum(dtype=np.int64)) for name, packed in self.bits.items()}

    def sparsity(self, by: str = "all") -> float | pd.DataFrame:
        """Return the share of weights removed, 0..1: a float for "all", else a DataFrame (group, value).

        Raises `NeutralError` on an unknown grouping.
        """
        kept, sizes = self.kept_by_tensor(), self.sizes
        if by == "all":
            size = sum(sizes.values())
            return 1 - sum(kept.values()) / size if size else math.nan
        import pandas as pd

        totals: dict[str, list[int]] = {}
        stack = self.stack
        for name, size in sizes.items():
            total = totals.setdefault(labels.group(name, by, stack), [0, 0])
            total[0] += kept[name]
            total[1] += size
        groups = labels.in_order(totals, stack)
        values = [1 - totals[g][0] / totals[g][1] if totals[g][1] else math.nan for g in groups]
        return pd.DataFrame({"group": groups, "value": values})

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Unpack to name -> bool array; eight times the memory of the bits."""
        return {name: self.array(name) for name in self.names}

    def array(self, name: str) -> np.ndarray:
        """Unpack one tensor to a bool array."""
        shape = self.shapes[name]
        return np.unpackbits(self.bits[name], count=math.prod(shape)).view(bool).reshape(shape)

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Unpack to name -> torch.bool tensor (on the CPU).

        >>> Mask.from_tensors({"w": [[1, 0], [1, 1]]}).to_tensors()["w"]
        tensor([[ True, False],
                [ True,  True]])
        """
        import torch

        return {name: torch.from_numpy(array) for name, array in self.to_arrays().items()}

    def apply(self, model: torch.nn.Module, *, strict: bool = True) -> None:
        """Set the model's removed weights to zero, in place.

        Parameters
        ----------
        model : torch.nn.Module
            Its names are matched after `labels.canonical`; either side may have one prefix of base or head (`bert.`).
        strict : bool
            False skips weights that the model lacks (a pooler, under a head that has none).

        Raises
        ------
        MismatchError
            Naming the first weight that the model lacks or has in another shape; the model is then untouched.
        """
        import torch

        from neutral.models import experts

        own = dict(model.named_parameters())
        with torch.no_grad():
            parameters = {labels.canonical(name): weight for name, weight in (own | experts.split(model, own)).items()}
        model_name = prefixes.match(self.names, tuple(parameters), strict=strict)
        weights = {name: parameters[other] for name, other in model_name.items()}
        for name, weight in weights.items():
            if (shape := tuple(weight.shape)) != self.shapes[name]:
                raise MismatchError(f"{name}: the mask has shape {_by(self.shapes[name])}, the model {_by(shape)}")
        with torch.no_grad():
            for name, weight in weights.items():
                weight.masked_fill_(torch.from_numpy(~self.array(name)).to(weight.device), 0)

    def shuffled(self, seed: int) -> Mask:
        """Permute the kept weights inside each tensor: densities stay, and everything else is chance.

        The draw depends on the seed and on the mask's own bits, so different masks shuffled with one seed are
        independent of each other.
        """
        bits = {}
        for name, packed in self.bits.items():
            # A permutation of k ones is a uniform choice of k places, which is quicker to draw.
            generator = np.random.default_rng([seed, zlib.crc32(name.encode()), zlib.crc32(packed.data)])
            kept = int(np.bitwise_count(packed).sum(dtype=np.int64))
            bits[name] = np.packbits(_subset(math.prod(self.shapes[name]), kept, generator))
        return Mask(bits, self.shapes, {**self.header, "variant": f"shuffled {seed}"})

    def require_same(self, other: Mask, *, names: tuple[str, str] | None = None) -> None:
        """Raise `MismatchError`, naming the first tensor that differs, unless both mask one network.

        `names` are the names of the two masks in the message, in place of `named`.
        """
        first, second = names or (self.named, other.named)
        if first == second:
            first, second = "one", "the other"
        for name, shape in self.shapes.items():
            if name not in other.shapes:
                raise MismatchError(f"masks of different models: {name} is in {first}, but not in {second}")
            if other.shapes[name] != shape:
                sizes = f"{_by(shape)} in {first}, {_by(other.shapes[name])} in {second}"
                raise MismatchError(f"masks of different models: {name} is {sizes}")
        if extra := next((name for name in other.shapes if name not in self.shapes), None):
            raise MismatchError(f"masks of different models: {extra} is in {second}, but not in {first}")

    def bridged(self, other: Mask) -> Mask:
        """Return the mask under the names of `other`, if one prefix is all that tells their names apart; else itself.

        A headed model's names begin with the base's (`bert.`, `model.`, `transformer.` …), and wrappers add such parts.
        """
        change = prefixes.between(self.shapes, other.shapes)
        if change is None or change == ("", ""):
            return self
        off, on = change
        new = {name: on + name.removeprefix(off) for name in self.names}
        bits = {new[name]: packed for name, packed in self.bits.items()}
        return Mask(bits, {new[name]: shape for name, shape in self.shapes.items()}, self.header)

    def __and__(self, other: Mask) -> Mask:
        return self._combined(other, np.bitwise_and)

    def __or__(self, other: Mask) -> Mask:
        return self._combined(other, np.bitwise_or)

    def __xor__(self, other: Mask) -> Mask:
        return self._combined(other, np.bitwise_xor)

    def fitted(self, model: Mapping[str, Any]) -> Mask:
        """Return the mask under the names of a model's weights, name -> tensor; `apply` says how names are matched.

        A mask that was found on another task may have a pooler that the model lacks; it is left out. Raises
        `MismatchError` naming the first other weight that the model lacks or has in another shape.
        """
        model_name = prefixes.match(self.names, tuple(model), strict=False)
        for name, shape in self.shapes.items():
            if name not in model_name:
                if labels.label(name).component != "pooler":
                    raise MismatchError(f"{name}: the mask has it, the model does not")
            elif (other := _shape(model[model_name[name]])) != shape:
                raise MismatchError(f"{name}: the mask has shape {_by(shape)}, the model {_by(other)}")
        bits = {other: self.bits[name] for name, other in model_name.items()}
        return Mask(bits, {other: self.shapes[name] for name, other in model_name.items()}, self.header)

    def __invert__(self) -> Mask:
        bits = {name: _without_padding(~packed, self.shapes[name]) for name, packed in self.bits.items()}
        return Mask(bits, self.shapes, {k: v for k, v in self.header.items() if k != "sparsity"})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return self.shapes == other.shapes and all(
            np.array_equal(packed, other.bits[name]) for name, packed in self.bits.items()
        )

    def __repr__(self) -> str:
        tensors = f"{len(self.bits)} tensor{'s' if len(self.bits) != 1 else ''}"
        return f"Mask({self.named}: {tensors}, {self.kept:,} of {self.size:,} weights kept)"

    def _combined(self, other: Mask, operation: np.ufunc) -> Mask:
        if not isinstance(other, Mask):
            return NotImplemented
        other = other.bridged(self)
        self.require_same(other)
        header = {k: v for k, v in shared_header((self, other)).items() if k != "sparsity"}
        bits = {name: operation(packed, other.bits[name]) for name, packed in self.bits.items()}
        return Mask(bits, self.shapes, header)


def shared_header(masks: Sequence[Mask]) -> dict[str, Any]:
    """Return the entries that the headers of all masks of a network share.

    The stack is the network's, so that those masks which say it, if they agree, say it for those which do not.
    """
    first, *rest = (mask.header for mask in masks)
    shared = {k: v for k, v in first.items() if k != "notes" and all(header.get(k) == v for header in rest)}
    stacks = {mask.header["stack"] for mask in masks if mask.header.get("stack") in labels.STACKS}
    return shared | ({"stack": stacks.pop()} if len(stacks) == 1 else {})


def packed_length(shape: tuple[int, ...]) -> int:
    """Return how many bytes the packed bits of a tensor of this shape take."""
    return -(-math.prod(shape) // 8)


def _checked(name: str, packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    packed = np.ascontiguousarray(packed)
    if packed.dtype != np.uint8 or packed.shape != (packed_length(shape),):
        raise NeutralError(
            f"{name}: a mask of shape {_by(shape)} takes {packed_length(shape)} packed bytes (uint8); "
            f"got {packed.dtype} of shape {_by(packed.shape)}"
        )
    padding = -math.prod(shape) % 8
    if padding and packed[-1] & (2**padding - 1):
        raise NeutralError(f"{name}: the padding bits of the last byte are set, so the mask is damaged")
    return packed


def _without_padding(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if padding := -math.prod(shape) % 8:
        packed[-1] &= 256 - 2**padding
    return packed


def _as_bool(name: str, tensor: Any) -> np.ndarray:
    """Return a bool array of a 0/1 tensor or array; `NeutralError` naming it otherwise."""
    if hasattr(tensor, "detach"):
        tensor = _torch_array(name, tensor)
    array = np.asarray(tensor)
    if array.dtype == bool:
        return array
    if array.dtype.kind not in "iuf":
        raise NeutralError(f"{name}: a mask holds numbers 0 and 1 or booleans; this one is {array.dtype}")
    ones, zeros = array == 1, array == 0
    if np.count_nonzero(ones) + np.count_nonzero(zeros) == array.size:
        return ones
    raise NeutralError(f"{name}: a mask holds 0 and 1 only; this one has {array[~(ones | zeros)][0]}")


def _torch_array(name: str, tensor: torch.Tensor) -> np.ndarray:
    import torch

    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
        raise NeutralError(f"{name}: a mask must be a dense tensor with values")
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64):
        tensor = tensor.float()  # numpy has no bfloat16 and no float8
    return tensor.numpy()


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in getattr(tensor, "shape", tensor))


def _subset(size: int, kept: int, generator: np.random.Generator) -> np.ndarray:
    """Return (size,) bool with exactly `kept` True, every such choice equally likely.

    Each place draws a coin; then as many places of the fuller side as needed, chosen uniformly, change sides. By
    symmetry no choice is preferred, and nothing is sorted or permuted.
    """
    chosen = generator.random(size, dtype=np.float32) < (kept / size if size else 0)
    surplus = int(np.count_nonzero(chosen)) - kept
    if surplus:
        places = np.flatnonzero(chosen if surplus > 0 else ~chosen)
        chosen[generator.choice(places, abs(surplus), replace=False, shuffle=False)] = surplus < 0
    return chosen


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "()"
