"""The script for a rented GPU: searches of single languages are joined, packed and unpacked without a loss."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from benchmarks.gpu import parcels, tickets, unpack
from benchmarks.gpu.beside import beside
from benchmarks.gpu.gather import Gathering
from benchmarks.gpu.tickets import Ask, affordable
from neutral.errors import NeutralError
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


@pytest.fixture(scope="module")
def seeds(studies):
    """A study of seed 1, and one of seeds 0 and 1, each of one run."""
    whole, _ = studies
    recipe = Recipe(steps=2, batch_size=2, rate=1e-2)
    model = str(whole.path.parent / "model")
    plan = SearchPlan(model, "mlm", CODES, "magnitude", SPARSITIES, recipe=recipe, length=32, seeds=(1,))
    plan = replace(plan, controls=("pretrained",))
    return [
        search.find(replace(plan, seeds=seeds), tiny.text(), whole.path.parent / name, device="cpu", quiet=True)
        for seeds, name in (((1,), "second"), ((0, 1), "both"))
    ]


@pytest.mark.long
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


@pytest.mark.long
def test_a_level_counts_as_reached_when_all_languages_have_its_score(studies, tmp_path):
    _, joined = studies
    gathering = Gathering(joined.path.parent / "parts", tmp_path, CODES, str(joined.path.parent / "model"))
    assert gathering.reached((0.2, 0.4, 0.6)) == [0.2, 0.4]
    assert gathering.reached((0.2,), languages=("en", "fr")) == []
    assert gathering.reached((0.2,), seed=1) == []


@pytest.mark.long
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


def test_what_was_asked_for_exactly_is_neither_cut_short_nor_gone_on_with(tmp_path, monkeypatch):
    started = []

    class Pool(tickets.Pool):
        def start(self):
            started.append((self.ask.steps, self.seed, self.languages))

    monkeypatch.setattr(tickets, "Pool", Pool)
    monkeypatch.setattr(tickets, "Gathering", lambda *_: None)
    monkeypatch.setattr(tickets, "_follow", lambda *_: None)
    monkeypatch.setattr(tickets, "speed", lambda *_: 50.0)
    ask = Ask(Path("text"), seed=3)
    tickets.search(replace(ask, exactly=True), tmp_path, 400, tmp_path)
    assert started == [(500, 3, ())]
    tickets.search(ask, tmp_path, 400, tmp_path)
    assert started[1:3] == [(500, 3, ()), (200, 3, ())]
    started.clear()
    monkeypatch.setattr(tickets, "speed", lambda *_: 200.0)
    tickets.search(ask, tmp_path, 400, tmp_path)
    assert started == [(500, 3, ()), (500, 4, tickets.SECOND_SEED)]
    assert ask.command("en", 4, tmp_path)[-4:] == ["--seeds", "4", "--device", "auto"]


@pytest.mark.long
def test_a_seed_that_came_home_is_counted_against_the_one_that_is_there(studies, seeds, tmp_path, monkeypatch, capsys):
    first, (second, both) = studies[0], seeds
    (tmp_path / "out").mkdir()
    parcels.pack(second.path, tmp_path / "out", 0.4)
    for flags, masks in ((), 4), (("--masks",), 6):
        folder = tmp_path / f"joined{len(flags)}"
        monkeypatch.setattr(
            "sys.argv", ["unpack", *map(str, (tmp_path / "out", folder)), "--beside", str(first.path), *flags]
        )
        unpack.main()
        joined = Study(folder)
        assert len(joined.masks_index()) == masks
        assert joined.info["seeds"] == [0, 1]
        for kind in ("languages", "pretrained", "beyond"):
            for seed in (0, 1):
                paths = [study.counts_path("mlm", "magnitude", 0.2, seed, kind) for study in (joined, both)]
                assert paths[0].read_bytes() == paths[1].read_bytes()
        paths = [study.counts_path("mlm", "magnitude", 0.4, 0, "seeds") for study in (joined, both)]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert joined.counts("mlm", "magnitude", 0.4, 0, "seeds").members == ("en/0", "en/1", "sw/0", "sw/1")
        lines = [sorted((study.path / "results.jsonl").read_text().splitlines()) for study in (joined, both)]
        assert lines[0] == lines[1]
        assert {(row.sparsity, row.seed) for row in joined.counts_index().query("kind == 'shuffled'").itertuples()} == {
            (0.2, 0),
            (0.4, 0),
            (0.4, 1),
        }
    assert "16 counts" in capsys.readouterr().out


@pytest.mark.long
def test_studies_that_differ_in_more_than_the_seed_are_not_joined(studies, seeds, tmp_path):
    shutil.copytree(seeds[0].path, tmp_path / "study")
    file = tmp_path / "study" / "study.json"
    said = file.read_text()
    for before, after, why in (('"steps": 2', '"steps": 3', "settings"), ('"length": 32', '"length": 64', "length")):
        file.write_text(said.replace(before, after))
        with pytest.raises(NeutralError, match=f"{why} differs"):
            beside(Study(tmp_path / "study"), studies[0])
    with pytest.raises(NeutralError, match="both have seed 0"):
        beside(studies[1], studies[0])
