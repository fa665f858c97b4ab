"""What n masks keep in every weight tensor, alone, in pairs and together, and tables of it.

The level expected by chance is computed per tensor, because unequal densities raise it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neutral import labels
from neutral.errors import FileError, NeutralError, reading
from neutral.files import write_whole
from neutral.masks import Mask, shared_header
from neutral.members import numbered
from neutral.overlap import stored
from neutral.overlap.measures import FORMULAS, MEASURES, Kept, expected_both
from neutral.overlap.popcount import count_tensors


def count(masks: Sequence[Mask], names: Sequence[str] | None = None, *, exactly: bool = True) -> Counts:
    """Count what masks of one network keep: each, every pair, and exactly k of them.

    Parameters
    ----------
    masks : sequence of n Mask
    names : sequence of n str, optional
        Names of the members, all different; by default each mask's `named`, numbered where one comes again ("en 2").
    exactly : bool
        False leaves the neutral core out, which takes two thirds of the time.

    Returns
    -------
    Counts

    Raises
    ------
    MismatchError
        Naming the first tensor that differs between the masks; one prefix of all names may differ (`Mask.bridged`).
    NeutralError
        For no masks, or for names that do not fit.

    >>> from neutral.masks import Mask
    >>> en = Mask.from_tensors({"encoder.layer.0.output.dense.weight": [1, 1, 0, 0]}, language="en")
    >>> fr = Mask.from_tensors({"encoder.layer.0.output.dense.weight": [0, 1, 0, 0]}, language="fr")
    >>> count([en, fr]).jaccard(by="layer")
           group source target  value
    0  encoder 0     en     fr    0.5
    """
    masks = list(masks)
    if not masks:
        raise NeutralError("there are no masks to count")
    members = _members(masks, names)
    first = masks[0]
    masks = [mask.bridged(first) for mask in masks]
    for mask, member in zip(masks, members, strict=True):
        first.require_same(mask, names=(members[0], member))
    sizes = np.array([math.prod(shape) for shape in first.shapes.values()], dtype=np.int64)
    bits = [[mask.bits[name] for mask in masks] for name in first.names]
    both, by_number = count_tensors(bits, sizes, exactly=exactly)
    return Counts(members, first.names, sizes, both, by_number, shared_header(masks))


@dataclass(frozen=True, eq=False)
class Counts:
    """What n masks keep in T weight tensors, and every measure of it.

    The measures take `by`, one of `labels.GROUPINGS`: all | stack | layer | expert | component | layer-component |
    tensor, and return a tidy DataFrame. Groups come in natural order; encoder and decoder layers are never one group,
    a pooler is a group of its own. A measure that a group does not define is NaN: Jaccard and Dice of two masks that
    keep nothing in the group, φ of a mask that keeps nothing or everything.

    Attributes
    ----------
    members : tuple of n str
        Names of the masks.
    tensors : tuple of T str
        Names of the weights.
    sizes : (T,) int64
        Weights in each tensor.
    both : (T, n, n) int64
        Weights that both masks of a pair keep; symmetric, with each mask's own number on the diagonal.
    exactly : (T, n + 1) int64, or None
        Weights that exactly k masks keep.
    header : dict
        Entries that the headers of all masks share (model, stack, task, method, …).
    """

    members: tuple[str, ...]
    tensors: tuple[str, ...] = field(repr=False)
    sizes: np.ndarray = field(repr=False)
    both: np.ndarray = field(repr=False)
    exactly: np.ndarray | None = field(default=None, repr=False)
    header: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        t, n = len(self.tensors), len(self.members)
        shapes = {"sizes": (t,), "both": (t, n, n), "exactly": (t, n + 1)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array is None and name == "exactly":
                continue
            if array.shape != shape or array.dtype != np.int64:
                raise NeutralError(
                    f"counts of {n} masks in {t} tensors need {name} as int64 of shape {shape}; "
                    f"got {array.dtype} of shape {array.shape}"
                )
        if len(set(self.members)) != n:
            raise NeutralError(f"two masks have one name among {', '.join(self.members)}")

    @property
    def kept(self) -> np.ndarray:
        """(T, n) int64: weights that each mask keeps."""
        return np.diagonal(self.both, axis1=1, axis2=2)

    @cached_property
    def stack(self) -> str:
        """The network's only stack, encoder or decoder, as the header says or all names together tell; "" for two."""
        return labels.stack_of(self.tensors, self.header.get("stack"))

    def groups(self, by: str = "all") -> list[str]:
        """Return the groups of a grouping, in natural order. Raises `NeutralError` for an unknown one."""
        return labels.in_order(self._group_of_each(by), self.stack)

    def jaccard(self, by: str = "all") -> pd.DataFrame:
        """Return kept by both / kept by either: columns group, source, target, value."""
        return self.measure("jaccard", by)

    def dice(self, by: str = "all") -> pd.DataFrame:
        """Return 2 · both / (source + target): columns group, source, target, value."""
        return self.measure("dice", by)

    def agreement(self, by: str = "all") -> pd.DataFrame:
        """Return the share of equal bits, zeros included: columns group, source, target, value."""
        return self.measure("agreement", by)

    def phi(self, by: str = "all") -> pd.DataFrame:
        """Return Pearson's correlation of a group's bits: columns group, source, target, value."""
        return self.measure("phi", by)

    def chance(self, by: str = "all", measure: str = "jaccard") -> pd.DataFrame:
        """Return a measure as expected of independent masks: columns group, source, target, value.

        Per tensor of N weights with densities p and q the expected intersection is N·p·q and the union
        N·(p + q - p·q); both are added up over the group before the measure is taken.

        Raises `NeutralError` for an unknown measure or grouping.
        """
        rows, columns = np.triu_indices(len(self.members), k=1)
        values = self._values(measure, by, by_chance=True)[:, rows, columns]  # (groups, pairs)
        return self._pair_table(by, {"value": values.ravel()})

    def measure(self, name: str, by: str = "all") -> pd.DataFrame:
        """Return one of `MEASURES` for every pair: columns group, source, target, value.

        Pairs are unordered, in the order of the members; the diagonal is left out.

        Raises `NeutralError` for an unknown measure or grouping.
        """
        rows, columns = np.triu_indices(len(self.members), k=1)
        values = self._values(name, by)[:, rows, columns]  # (groups, pairs)
        return self._pair_table(by, {"value": values.ravel()})

    def pairs(self, by: str = "all") -> pd.DataFrame:
        """Return every pair's counts: group, source, target, size, source_kept, target_kept, both, either."""
        rows, columns = np.triu_indices(len(self.members), k=1)
        size, both = self.summed(self.sizes, by), self.summed(self.both, by)
        kept = np.diagonal(both, axis1=1, axis2=2)
        source, target, shared = kept[:, rows], kept[:, columns], both[:, rows, columns]
        values = {
            "size": np.repeat(size, len(rows)),
            "source_kept": source.ravel(),
            "target_kept": target.ravel(),
            "both": shared.ravel(),
            "either": (source + target - shared).ravel(),
        }
        return self._pair_table(by, values)

    def matrix(self, measure: str, group: str = "all", by: str = "all") -> pd.DataFrame:
        """Return a measure in one group as a symmetric square: members × members.

        The diagonal compares a mask with itself (for chance: with an independent mask of the same densities).

        Raises `NeutralError` for an unknown measure, grouping or group.
        """
        groups = self.groups(by)
        if group not in groups:
            raise NeutralError(f"no group {group!r} by {by}; there are {', '.join(groups)}")
        values = self._values(measure, by)[groups.index(group)]
        return pd.DataFrame(values, index=list(self.members), columns=list(self.members))

    def sparsity(self, by: str = "all") -> pd.DataFrame:
        """Return the share of weights that each mask removes, 0..1: columns group, mask, value."""
        with np.errstate(invalid="ignore"):
            value = 1 - self.summed(self.kept, by) / self.summed(self.sizes, by)[:, None]  # (groups, n)
        return _table(self.groups(by), ("mask", self.members), {"value": value})

    def core(self, by: str = "all") -> pd.DataFrame:
        """Return the share of weights kept by at least k masks, k = 1..n: columns group, k, value, chance.

        `chance` is the share expected of independent masks with the same densities: in every tensor the number of
        masks that keep a weight is then Poisson-binomial; expected counts are added up over the group.

        Raises `NeutralError` when `exactly` is None: after `select`, or when it was not counted.
        """
        if self.exactly is None:
            raise NeutralError("these counts do not hold the core of these masks; count these masks alone")
        with np.errstate(invalid="ignore", divide="ignore"):
            density = np.nan_to_num(self.kept / self.sizes[:, None])  # (T, n)
            expected = poisson_binomial(density) * self.sizes[:, None]  # (T, n + 1)
            sizes = self.summed(self.sizes, by)[:, None]
            value, chance = (_at_least(self.summed(a, by))[:, 1:] / sizes for a in (self.exactly, expected))
        ks = range(1, len(self.members) + 1)
        return _table(self.groups(by), ("k", ks), {"value": value, "chance": chance})

    def select(self, members: Iterable[str]) -> Counts:
        """Return the counts of the `members`, in their order; `exactly` is None unless these are all members.

        Raises `NeutralError` naming a member that is not in these counts.
        """
        members = tuple(members)
        if unknown := [name for name in members if name not in self.members]:
            raise NeutralError(f"no mask {unknown[0]!r} in these counts; there are {', '.join(self.members)}")
        places = [self.members.index(name) for name in members]
        exactly = self.exactly if set(members) == set(self.members) else None
        both = np.ascontiguousarray(self.both[:, places][:, :, places])
        return Counts(members, self.tensors, self.sizes, both, exactly, dict(self.header))

    def save(self, path: str | Path) -> None:
        """Write a safetensors file with JSON metadata; the file appears whole or not at all.

        >>> from neutral.masks import Mask
        >>> masks = [Mask.from_tensors({"w": [1, 0, 1]}, language=code) for code in ("en", "fr")]
        >>> count(masks).save("counts.safetensors")
        >>> Counts.load("counts.safetensors").members
        ('en', 'fr')
        """
        from safetensors.numpy import save

        arrays = {"sizes": self.sizes, "both": np.ascontiguousarray(self.both)}
        if self.exactly is not None:
            arrays["exactly"] = np.ascontiguousarray(self.exactly)
        about = {"members": self.members, "tensors": self.tensors, "header": self.header}
        write_whole(path, save(arrays, metadata={_FORMAT: json.dumps(about, ensure_ascii=False)}))

    @classmethod
    def load(cls, path: str | Path) -> Counts:
        """Read a file that `save` wrote (its docstring has an example). Raises `FileError` for any other file."""
        from safetensors import safe_open

        with reading(path, "a file of overlap counts"):
            with safe_open(str(path), framework="numpy") as file:
                about = json.loads((file.metadata() or {})[_FORMAT])
                arrays = {name: file.get_tensor(name) for name in _ARRAYS if name in file.keys()}  # noqa: SIM118
            loaded = cls(
                members=stored.names(about, "members"),
                tensors=stored.names(about, "tensors"),
                sizes=arrays["sizes"],
                both=arrays["both"],
                exactly=arrays.get("exactly"),
                header=stored.header(about),
            )
            stored.require_possible(loaded)
            return loaded

    @classmethod
    def is_in(cls, path: str | Path) -> bool:
        """Whether a file is one that `save` wrote."""
        from safetensors import safe_open

        try:
            with reading(path, "safetensors"), safe_open(str(path), framework="numpy") as file:
                return _FORMAT in (file.metadata() or {})
        except FileError:
            return False

    def _values(self, name: str, by: str, *, by_chance: bool = False) -> np.ndarray:
        """Return a measure of the masks, or its value expected of independent masks, as (groups, n, n)."""
        if name not in MEASURES:
            raise NeutralError(f"unknown measure {name!r}; use one of {', '.join(MEASURES)}")
        name, by_chance = ("jaccard", True) if name == "chance" else (name, by_chance)
        with np.errstate(invalid="ignore", divide="ignore"):
            return FORMULAS[name](self._kept_by(by, by_chance=by_chance))

    def _kept_by(self, by: str, *, by_chance: bool) -> Kept:
        """Return how many weights the masks, or independent masks, keep in each group of a grouping."""
        one, other = self.kept[:, :, None], self.kept[:, None, :]  # (T, n, 1), (T, 1, n)
        both = expected_both(self.kept, self.sizes) if by_chance else self.both  # (T, n, n)
        sums = (both, one + other - both, one, other, self.sizes[:, None, None])
        return Kept(*(self.summed(array, by) for array in sums))

    def summed(self, array: np.ndarray, by: str) -> np.ndarray:
        """Return numbers of tensors, (T, …), added up to groups in natural order, (groups, …)."""
        place = {name: i for i, name in enumerate(self.groups(by))}
        totals = np.zeros((len(place), *array.shape[1:]), dtype=array.dtype)
        np.add.at(totals, [place[group] for group in self._group_of_each(by)], array)
        return totals

    def _group_of_each(self, by: str) -> list[str]:
        """Return the group of each tensor."""
        return [labels.group(name, by, self.stack) for name in self.tensors]

    def _pair_table(self, by: str, values: dict[str, np.ndarray]) -> pd.DataFrame:
        """Return a table with a row for every group and pair; values are flat, groups outermost."""
        groups, pairs = self.groups(by), list(combinations(self.members, 2))
        columns = {
            "group": [group for group in groups for _ in pairs],
            "source": [source for source, _ in pairs] * len(groups),
            "target": [target for _, target in pairs] * len(groups),
        }
        return pd.DataFrame({**columns, **values})


def poisson_binomial(density: np.ndarray) -> np.ndarray:
    """Return the distribution of how many of n independent masks keep a weight.

    Parameters
    ----------
    density : (T, n) array
        Share of each tensor's weights that each mask keeps, 0..1.

    Returns
    -------
    (T, n + 1) array
        Probability that exactly k masks keep a weight, in column k.
    """
    t, n = density.shape
    chances = np.zeros((t, n + 1))
    chances[:, 0] = 1
    for i in range(n):
        p = density[:, i : i + 1]
        chances[:, 1:] = chances[:, 1:] * (1 - p) + chances[:, :-1] * p
        chances[:, :1] *= 1 - p
    return chances


_FORMAT = "neutral_counts"
_ARRAYS = ("sizes", "both", "exactly")


def _at_least(exactly: np.ndarray) -> np.ndarray:
    """Turn (…, n + 1) counts of exactly k into counts of at least k."""
    return np.cumsum(exactly[..., ::-1], axis=-1)[..., ::-1]


def _table(groups: list[str], inner: tuple[str, Iterable], values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return a table with a row for every group and every item of `inner`; values are (groups, items)."""
    name, items = inner[0], list(inner[1])
    columns = {"group": [group for group in groups for _ in items], name: items * len(groups)}
    return pd.DataFrame({**columns, **{key: value.ravel() for key, value in values.items()}})


def _members(masks: list[Mask], names: Sequence[str] | None) -> tuple[str, ...]:
    if names is not None:
        if len(names) != len(masks) or len(set(names)) != len(masks):
            raise NeutralError(f"{len(masks)} masks need as many different names; got {', '.join(names)}")
        return tuple(names)
    return tuple(numbered([mask.named for mask in masks]))
