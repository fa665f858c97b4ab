"""Make transformers know models that hold a compressed table, whichever of the two is imported first.

Neither is imported for the other: where transformers has not read its quantizers yet, a finder waits for that import.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_AWAITED = "transformers.quantizers.auto"


def register() -> None:
    """Register `compression.quantizer` with transformers: now, or as soon as transformers reads its quantizers."""
    if _AWAITED in sys.modules:
        _register()
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _register() -> None:
    from neutral.compression import quantizer  # noqa: F401  (its classes register themselves)


class _Finder(MetaPathFinder):
    """Finds the one module that is awaited, as the other finders do, and registers when it is read."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """See `MetaPathFinder.find_spec`; None for every other module."""
        if name != _AWAITED:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader)
        return spec


class _Then(Loader):
    """Reads a module as another loader does, and registers after it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `Loader.create_module`."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """See `Loader.exec_module`."""
        self._loader.exec_module(module)
        _register()
