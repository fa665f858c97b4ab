"""The script for a rented GPU: searches of single languages are joined, packed and unpacked without a loss."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from benchmarks.gpu import parcels
from benchmarks.gpu.gather import Gathering
from benchmarks.gpu.tickets import Ask, affordable
from neutral.recipes import Recipe
from neutral.runs import search
from neutral.runs.plans.search import SearchPlan
from neutral.study import Study

CODES, SPARSITIES = ("en", "sw"), (0.2, 0.4)


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A study of one run over two languages, and one that is joined of a run a language."""
    folder = tmp_path_factory.mktemp("gpu")
    model = tiny.saved(folder / "model")
    recipe = Recipe(steps=2, batch_size=2, rate=1e-2)
    plan = SearchPlan(str(model), "mlm", CODES, "magnitude", SPARSITIES, recipe=recipe, length=32)

    def find(plan, name):
        return search.find(plan, tiny.text(), folder / name, device="cpu", quiet=True)

    whole = find(replace(plan, controls=("pretrained",)), "whole")
    for code in CODES:
        find(replace(plan, languages=(code,)), f"parts/{code}")
    gathering = Gathering(folder / "parts", folder / "joined", CODES, str(model))
    joined = gathering.join(gathering.reached(SPARSITIES))
    for sparsity in SPARSITIES:
        gathering.count(joined, sparsity)
    return whole, joined


def test_searches_of_single_languages_are_joined_into_what_one_run_finds(studies):
    whole, joined = studies
    assert {k: v for k, v in joined.info.items() if k != "text"} == {k: v for k, v in whole.info.items() if k != "text"}
    assert joined.info["text"]["hashes"] == whole.info["text"]["hashes"]
    for name in ("counts_index", "masks_index"):
        files = [{path.name: path.read_bytes() for path in getattr(study, name)()["path"]} for study in studies]
        assert files[0] == files[1]
        assert files[0]
    rows = [sorted((study.path / "results.jsonl").read_text().splitlines()) for study in studies]
    assert rows[0] == rows[1]


def test_a_level_counts_as_reached_when_all_languages_have_its_score(studies, tmp_path):
    _, joined = studies
    gathering = Gathering(joined.path.parent / "parts", tmp_path, CODES, str(joined.path.parent / "model"))
    assert gathering.reached((0.2, 0.4, 0.6)) == [0.2, 0.4]
    assert gathering.reached((0.2,), languages=("en", "fr")) == []
    assert gathering.reached((0.2,), seed=1) == []


def test_what_is_packed_comes_home_whole(studies, tmp_path, monkeypatch):
    whole, _ = studies
    size = next(whole.path.glob("masks/*")).stat().st_size
    monkeypatch.setattr(parcels, "PIECE", size + 60_000)
    (tmp_path / "out").mkdir()
    parcels.pack(whole.path, tmp_path / "out", 0.4)
    parcels.unpack(tmp_path / "out", tmp_path / "study")
    back = Study(tmp_path / "study")
    assert sorted(back.masks_index()["path"].map(lambda path: path.name)) == [
        f"mlm_magnitude_0.40_s0_{code}.safetensors" for code in CODES
    ]
    for path in (p for p in tmp_path.joinpath("study").rglob("*") if p.is_file()):
        assert path.read_bytes() == Path(whole.path, path.relative_to(back.path)).read_bytes()
    assert np.isin(["results.jsonl", "study.json"], [p.name for p in back.path.iterdir()]).all()


def test_steps_are_fewer_if_half_of_the_weights_cannot_go_in_time():
    ask = Ask(Path("text"))
    assert ask.rounds_home == 6
    assert affordable(ask, rate=110.0, seconds=400.0) == 500
    assert affordable(ask, rate=50.0, seconds=400.0) == 250
    assert affordable(ask, rate=1.0, seconds=400.0) == 100
