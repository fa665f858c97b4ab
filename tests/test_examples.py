"""The examples in docstrings do what they say, each module's in an empty folder."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from neutral import compression, maskfiles, overlap, scores
from neutral.masks import Mask
from neutral.study import Study

ROOT = Path(__file__).parent.parent
WITH_EXAMPLES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in sorted((ROOT / "neutral").rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, attempted = doctest.testmod(import_module(name), optionflags=flags)
    assert attempted
    assert not failed  # what was expected and what came stand in the captured output


@pytest.mark.parametrize(
    "entry",
    [
        *(Mask.from_tensors, Mask.to_tensors, maskfiles.read, maskfiles.write, overlap.count, overlap.Counts.save),
        *(Study, scores.cut, compression.fit, compression.load, compression.Table.save),
    ],
    ids=lambda entry: entry.__qualname__,
)
def test_the_entry_points_have_an_example(entry):
    assert ">>> " in entry.__doc__
