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
import streamlit as st

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
        return apart(_made(f"{function.__module__}.{function.__qualname__}", asked, function, arguments, options))

    return call


def apart(shared: R) -> R:
    """Return what is remembered so that frames, also those in a tuple, can be written to; nothing is copied yet."""
    if isinstance(shared, (pd.DataFrame, pd.Series)):
        return shared.copy(deep=False)  # pandas copies when one of both is written to
    if type(shared) is tuple:
        return tuple(map(apart, shared))
    return shared


@st.cache_resource(max_entries=150, show_spinner=False)
def _made(name: str, asked: str, _function: Callable, _arguments: tuple, _options: dict) -> object:
    return _function(*_arguments, **_options)


class Shelf(Generic[R]):
    """Keeps things up to `room` bytes, as `size` tells them; those that were asked for longest ago go first."""

    def __init__(self, room: int, size: Callable[[R], int]) -> None:
        self.room, self.size = room, size
        self._kept: OrderedDict[Hashable, R] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], R]) -> R:
        """Return what is kept under a key, or is made now."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(map(self.size, self._kept.values())) > self.room:
                self._kept.popitem(last=False)
        return made
