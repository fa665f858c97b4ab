"""What a function makes of its arguments alone, remembered under what they hold, between reruns and sessions.

`Shelf` keeps what is large: as much as it has room for.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from hashlib import blake2b
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

import pandas as pd

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that asks this one once for equal arguments, for tables of several thousand rows as well.

    What comes back is shared, so nobody changes it; frames may be written to (see `apart`).
    """

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            asked = blake2b(pickle.dumps((arguments, options)), digest_size=16).hexdigest()
        except (pickle.PicklingError, TypeError, AttributeError):  # a function made on the spot, say
            return function(*arguments, **options)
        key = function.__module__, function.__qualname__, asked
        return apart(_MADE.get(key, lambda: function(*arguments, **options)))

    return call


def apart(shared: R) -> R:
    """Return what is remembered so that frames, also those in a tuple, can be written to; nothing is copied yet."""
    if isinstance(shared, (pd.DataFrame, pd.Series)):
        return shared.copy(deep=False)  # pandas copies when one of both is written to
    if type(shared) is tuple:
        return tuple(map(apart, shared))
    return shared


class Shelf(Generic[R]):
    """Keeps things up to `room`, of which each takes its `size`; those that were asked for longest ago go first.

    A thing that several threads ask for at once is made by one of them.
    """

    def __init__(self, room: int, size: Callable[[R], int] = lambda _: 1) -> None:
        self.room, self.size = room, size
        self._kept: OrderedDict[Hashable, R] = OrderedDict()
        self._making: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], R]) -> R:
        """Return what is kept under a key, or is made now."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                return self._keep(key, make())
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def _keep(self, key: Hashable, made: R) -> R:
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > 1 and sum(map(self.size, self._kept.values())) > self.room:
                self._kept.popitem(last=False)
        return made

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._kept.clear()


_MADE: Shelf[object] = Shelf(150)
