"""UMAP's compiled code is kept on disk, and made in a process of its own; without UMAP itself, which takes seconds."""

import sys
import types
from importlib.machinery import ModuleSpec

import pytest

from neutral import umaps


@pytest.fixture
def without_umap(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "umap"]:
        monkeypatch.delitem(sys.modules, name)


class Importing:
    """Stands for umap-learn: as it is imported it compiles with numba's `njit`."""

    def __init__(self, made, fails=False):
        self.made, self.fails = made, fails

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "umap" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        import numba

        self.made.append(numba.njit(fastmath=True))
        if self.fails and self.made[-1].get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        module.UMAP = "UMAP"


@pytest.mark.parametrize("fails", [False, True])
def test_what_umap_compiles_is_kept_unless_numba_can_write_nowhere(without_umap, monkeypatch, fails):
    made, numba = [], types.ModuleType("numba")
    numba.njit = plain = lambda **options: options
    monkeypatch.setitem(sys.modules, "numba", numba)
    monkeypatch.setattr(sys, "meta_path", [Importing(made, fails), *sys.meta_path])
    assert umaps.engine() == "UMAP"
    assert made[0] == {"fastmath": True, "cache": True}
    assert made[1:] == [{"fastmath": True}] * fails
    assert numba.njit is plain, "others compile as before"
    sys.modules.pop("umap")


def test_code_that_lies_beside_the_package_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(umaps, "find_spec", lambda name: ModuleSpec(name, None, origin=str(tmp_path / "__init__.py")))
    assert not umaps.is_kept()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / f"{umaps._MADE_LAST}-352.py311.nbi").touch()
    assert umaps.is_kept()


@pytest.mark.long
def test_the_command_leaves_code_that_is_kept(tmp_path):
    import os
    import subprocess

    from conftest import ROOT

    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "neutral.umaps"], env=environment, check=True, timeout=300)
    assert list(tmp_path.rglob(f"{umaps._MADE_LAST}*.nbi"))
