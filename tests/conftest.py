"""Fixtures that several test files share."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:  # so that plain `pytest` finds the package as `python -m pytest` does
    sys.path.insert(0, str(ROOT))

# What the app stores while it is tested is no user's. A worker of several has a folder of its own.
os.environ["NEUTRAL_HOME"] = tempfile.mkdtemp(prefix="neutral-home-")
atexit.register(shutil.rmtree, os.environ["NEUTRAL_HOME"], ignore_errors=True)

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # several processes, each with a thread for every core, would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import synthetic  # noqa: E402

from neutral.maskfiles import pickled, worker  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """Leave out the tests marked `long`, unless `-m` names them."""
    if "long" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol():
    """Let the garbage collector pass over what stays: the tests, and the modules that those before have imported.

    Streamlit after each run of a page, and the trainer after each training, let it walk over everything there is,
    which takes longer than what most tests do.
    """
    if len(sys.modules) > pytest_runtest_protocol.modules:
        pytest_runtest_protocol.modules = len(sys.modules)
        gc.collect()
        gc.freeze()


pytest_runtest_protocol.modules = 0


@pytest.fixture(scope="session")
def studies(tmp_path_factory):
    """A folder of synthetic studies: encoder (everything), decoder (counts only), two (the least there is), tables."""
    folder = tmp_path_factory.mktemp("studies")
    synthetic.encoder_study(folder / "encoder")
    synthetic.decoder_study(folder / "decoder")
    synthetic.two_language_study(folder / "two")
    synthetic.compression_study(folder / "tables", model="data/models/mini-mbert")
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Name of `architectures.ARCHS` -> the folder of that tiny model, made when it is first asked for."""
    import architectures

    folders = {}

    def folder(name):
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name)
            architectures.make(name, folders[name])
        return folders[name]

    return folder


@pytest.fixture
def in_process(monkeypatch):
    """Unpickle masks here, not in a child with limits: a start of one takes a second."""

    monkeypatch.setattr(worker, "_limit", lambda *_: None)
    monkeypatch.setattr(pickled.Child, "_do", lambda self, job, seconds: worker.do(job) and "")
