"""What n masks keep in every weight tensor, alone, in pairs and together, and tables of it.

The level expected by chance is computed per tensor, because unequal densities raise it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neutral import labels
from neutral.errors import NeutralError, reading
from neutral.overlap import core, stored, tables
from neutral.overlap import pairs as of_pairs
from neutral.overlap.measures import FORMULAS, MEASURES, Kept, expected_both


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
    kept : (T, n) int64
        Weights that each mask keeps.
    shared : (T, P) int64
        Weights that both masks of each counted pair keep.
    exactly : (T, n + 1) int64, or None
        Weights that exactly k masks keep.
    header : dict
        Entries that the headers of all masks share (model, stack, task, method, …).
    counted : (P, 2) int64
        Places of the masks of each counted pair, the lower first, in order: by default all pairs. Where only some are
        counted the tables of pairs have rows for these, and what takes all pairs raises `NeutralError`.
    """

    members: tuple[str, ...]
    tensors: tuple[str, ...] = field(repr=False)
    sizes: np.ndarray = field(repr=False)
    kept: np.ndarray = field(repr=False)
    shared: np.ndarray = field(repr=False)
    exactly: np.ndarray | None = field(default=None, repr=False)
    header: dict[str, Any] = field(default_factory=dict)
    counted: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        t, n = len(self.tensors), len(self.members)
        if self.counted is None:
            object.__setattr__(self, "counted", of_pairs.every(n))
        p = len(self.counted)
        shapes = {"sizes": (t,), "kept": (t, n), "shared": (t, p), "exactly": (t, n + 1), "counted": (p, 2)}
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
    def is_whole(self) -> bool:
        """Whether all pairs are counted."""
        n = len(self.members)
        return 2 * len(self.counted) == n * (n - 1)

    @cached_property
    def both(self) -> np.ndarray:
        """(T, n, n) int64: `shared` as symmetric squares, with `kept` on the diagonal.

        Raises `NeutralError` when only some pairs are counted.
        """
        return self._squares(self.kept, self.shared)

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
        return tables.of_pairs(self, by, {"value": self._values(measure, by, by_chance=True)})

    def measure(self, name: str, by: str = "all") -> pd.DataFrame:
        """Return one of `MEASURES` for every counted pair: columns group, source, target, value.

        Pairs are unordered, in the order of the members; the diagonal is left out.

        Raises `NeutralError` for an unknown measure or grouping.
        """
        return tables.of_pairs(self, by, {"value": self._values(name, by)})

    def means(self, name: str, by: str = "all", member: str = "") -> pd.DataFrame:
        """Return a measure's mean over the counted pairs, or those of a `member`: columns group, value, excess.

        `excess` is beyond chance. Pairs without a value are left out; NaN where none has one. There is no row for every
        pair, which of many members are a million.

        Raises `NeutralError` for an unknown measure, grouping or member.
        """
        of_it = (self.counted == self._places([member])[0]).any(axis=1) if member else slice(None)
        value, chance = (self._values(name, by, by_chance=chosen)[:, of_it] for chosen in (False, True))
        value, excess = (pd.DataFrame(values).mean(axis=1) for values in (value, value - chance))
        return pd.DataFrame({"group": self.groups(by), "value": value, "excess": excess})

    def pairs(self, by: str = "all") -> pd.DataFrame:
        """Return every counted pair's counts: group, source, target, size, source_kept, target_kept, both, either."""
        kept = self._kept_by(by)
        values = {
            "size": np.repeat(kept.size, len(self.counted), axis=1),
            "source_kept": kept.one,
            "target_kept": kept.other,
            "both": kept.both,
            "either": kept.either,
        }
        return tables.of_pairs(self, by, values)

    def matrix(self, measure: str, group: str = "all", by: str = "all") -> pd.DataFrame:
        """Return a measure in one group as a symmetric square: members × members.

        The diagonal compares a mask with itself (for chance: with an independent mask of the same densities).

        Raises `NeutralError` for an unknown measure, grouping or group, and when only some pairs are counted.
        """
        part = self.part(group, by)
        square = self._squares(part._values(measure, "all", own=True)[0], part._values(measure, "all")[0])
        return pd.DataFrame(square, index=list(self.members), columns=list(self.members))

    def sparsity(self, by: str = "all") -> pd.DataFrame:
        """Return the share of weights that each mask removes, 0..1: columns group, mask, value."""
        with np.errstate(invalid="ignore"):
            value = 1 - self.summed(self.kept, by) / self.summed(self.sizes, by)[:, None]  # (groups, n)
        return tables.of_each(self.groups(by), ("mask", self.members), {"value": value})

    def core(self, by: str = "all") -> pd.DataFrame:
        """Return the share of weights kept by at least k masks, k = 1..n: columns group, k, value, chance.

        `chance` is the share expected of independent masks with the same densities: in every tensor the number of
        masks that keep a weight is then Poisson-binomial; expected counts are added up over the group.

        Raises `NeutralError` when `exactly` is None: after `select`, or when it was not counted.
        """
        value, chance = core.shares(self, by)
        ks = range(1, len(self.members) + 1)
        return tables.of_each(self.groups(by), ("k", ks), {"value": value, "chance": chance})

    def select(self, members: Iterable[str]) -> Counts:
        """Return the counts of the `members`, in their order; `exactly` is None unless these are all members.

        Raises `NeutralError` naming a member that is not in these counts.
        """
        members = tuple(members)
        places = self._places(members)
        exactly = self.exactly if set(members) == set(self.members) else None
        counted, where = of_pairs.among(self.counted, places, len(self.members))
        kept, shared = self.kept[:, places], self.shared[:, where]
        return Counts(members, self.tensors, self.sizes, kept, shared, exactly, dict(self.header), counted)

    def part(self, group: str, by: str = "all") -> Counts:
        """Return the counts of the tensors of one group. Raises `NeutralError` for an unknown grouping or group."""
        groups = self.groups(by)
        if group not in groups:
            raise NeutralError(f"no group {group!r} by {by}; there are {', '.join(groups)}")
        places = [place for place, of_tensor in enumerate(self._group_of_each(by)) if of_tensor == group]
        return replace(
            self,
            tensors=tuple(self.tensors[place] for place in places),
            sizes=self.sizes[places],
            kept=self.kept[places],
            shared=self.shared[places],
            exactly=None if self.exactly is None else self.exactly[places],
            header=self.header | ({"stack": self.stack} if self.stack else {}),
        )

    def only(self, pairs: Iterable[tuple[str, str]]) -> Counts:
        """Return the counts of the same members with fewer pairs. Raises `NeutralError` for a pair that is not counted.

        >>> from neutral.masks import Mask
        >>> from neutral.overlap import count
        >>> masks = [Mask.from_tensors({"w": [1, 0, 1]}, language=code) for code in ("en", "fr", "sw")]
        >>> count(masks).only([("sw", "en")]).jaccard()
          group source target  value
        0   all     en     sw    1.0
        """
        counted = of_pairs.placed(pairs, self.members)
        at = {tuple(pair): place for place, pair in enumerate(self.counted.tolist())}
        where = [at.get(tuple(pair), -1) for pair in counted.tolist()]
        if -1 in where:
            one, other = (self.members[place] for place in counted[where.index(-1)])
            raise NeutralError(f"the pair {one}, {other} is not among those that are counted")
        return replace(self, shared=self.shared[:, where], counted=counted)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file with JSON metadata; the file appears whole or not at all.

        >>> from neutral.masks import Mask
        >>> from neutral.overlap import count
        >>> masks = [Mask.from_tensors({"w": [1, 0, 1]}, language=code) for code in ("en", "fr")]
        >>> count(masks).save("counts.safetensors")
        >>> Counts.load("counts.safetensors").members
        ('en', 'fr')
        """
        stored.write(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Counts:
        """Read a file that `save` wrote (its docstring has an example). Raises `FileError` for any other file."""
        with reading(path, "a file of overlap counts"):
            loaded = cls(**stored.read(path))
            stored.require_possible(loaded)
            return loaded

    @classmethod
    def is_in(cls, path: str | Path) -> bool:
        """Whether a file is one that `save` wrote."""
        return stored.is_in(path)

    def _values(self, name: str, by: str, *, by_chance: bool = False, own: bool = False) -> np.ndarray:
        """Return a measure of the counted pairs, or its value expected of independent masks, as (groups, P).

        With `own`, of each mask with itself, as (groups, n).
        """
        if name not in MEASURES:
            raise NeutralError(f"unknown measure {name!r}; use one of {', '.join(MEASURES)}")
        name, by_chance = ("jaccard", True) if name == "chance" else (name, by_chance)
        with np.errstate(invalid="ignore", divide="ignore"):
            return FORMULAS[name](self._kept_by(by, by_chance=by_chance, own=own))

    def _kept_by(self, by: str, *, by_chance: bool = False, own: bool = False) -> Kept:
        """Return how many weights the pairs, or independent masks, keep in each group of a grouping."""
        i, j = np.arange(len(self.members)).repeat(2).reshape(-1, 2).T if own else self.counted.T
        both = self.kept if own else self.shared
        if by_chance:
            both = expected_both(self.kept[:, i], self.kept[:, j], self.sizes)
        kept = self.summed(self.kept, by)
        return Kept(self.summed(both, by), kept[:, i], kept[:, j], self.summed(self.sizes, by)[:, None])

    def summed(self, array: np.ndarray, by: str) -> np.ndarray:
        """Return numbers of tensors, (T, …), added up to groups in natural order, (groups, …)."""
        groups, of_each = self.groups(by), np.array(self._group_of_each(by), dtype=object)
        totals = np.zeros((len(groups), *array.shape[1:]), dtype=array.dtype)
        for place, group in enumerate(groups):
            totals[place] = array[of_each == group].sum(axis=0)
        return totals

    def _places(self, members: Iterable[str]) -> list[int]:
        """Return where members stand. Raises `NeutralError` naming one that is not in these counts."""
        place_of = {member: place for place, member in enumerate(self.members)}
        places = []
        for member in members:
            if member not in place_of:
                raise NeutralError(f"no mask {member!r} in these counts; there are {', '.join(self.members)}")
            places.append(place_of[member])
        return places

    def _squares(self, own: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        """Return values of masks, (…, n), and of pairs, (…, P), as symmetric squares (…, n, n)."""
        n, (i, j) = len(self.members), self.counted.T
        if not self.is_whole:
            raise NeutralError(f"only {len(self.counted)} pairs of these {n} masks are counted, and this takes all")
        squares = np.empty((*own.shape, n), dtype=own.dtype)
        squares[..., i, j] = squares[..., j, i] = pairs
        squares[..., range(n), range(n)] = own
        return squares

    def _group_of_each(self, by: str) -> list[str]:
        """Return the group of each tensor."""
        return [labels.group(name, by, self.stack) for name in self.tensors]
