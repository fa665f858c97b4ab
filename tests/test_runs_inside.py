"""`retrieve` and `represent` from the shell: what is written, what resumes, what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from neutral import cli, corpora, maskfiles, models
from neutral.errors import NeutralError
from neutral.hashes import digest
from neutral.inside import representations, retrieval, states
from neutral.inside.definitions import PAPER, Definition, among
from neutral.masks import Mask
from neutral.runs import inside
from neutral.runs.plans.inside import InsidePlan, RetrievePlan
from neutral.search import controls
from neutral.search.search import Search
from neutral.study import Study

ROOT = Path(__file__).parent.parent
CODES = ("en", "sw", "fr")
LAYERS = ["embeddings", "encoder 0", "encoder 1"]
EVERY = "full,each,own,core,random,pretrained"
LINES = 24


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny model whose blocks do something, as those of a freshly drawn one hardly do."""
    folder = tiny.saved(tmp_path_factory.mktemp("model"), languages=CODES)
    network = models.load_model(folder)
    with torch.no_grad():
        for weight in models.prunable(network).values():
            weight.mul_(20)
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sentences")
    for code in CODES:
        lines = corpora.read_lines(tiny.SENTENCES / f"{code}.txt")[:LINES]
        (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


def new_study(path, model, **info):
    """A study of three random masks, as `find` would leave it."""
    weights = models.prunable(models.load_model(model))
    info = {"title": "t", "model": "tiny", "weights": digest(weights), "task": "mlm", "languages": list(CODES)} | info
    study = Study.create(path, info)
    for i, code in enumerate(CODES):
        mask = Mask.random(weights, 0.5, seed=i + 10, language=code)
        maskfiles.write(mask, study.mask_path("mlm", "magnitude", 0.5, 0, code))
    return study


@pytest.fixture
def study(tmp_path, model):
    return new_study(tmp_path / "study", model)


def run(command, study, model, text, *more):
    arguments = [command, "--study", study.path, "--model", model, "--sentences", text, "--device", "cpu", "--quiet"]
    return cli.main([*map(str, arguments), *more])


def expected_states(model, text, mask=None, pooling="mean-with-special"):
    network, tokenizer = models.load_model(model), models.load_tokenizer(model)
    if mask is not None:
        mask.apply(network)
    lines = {code: corpora.read_lines(text / f"{code}.txt") for code in CODES}
    return {code: states.states(network, tokenizer, lines[code], pooling=pooling) for code in CODES}


def old_rows(study, model, text, command="retrieve"):
    """Run a command as it was before it had settings; return its rows."""
    settings = ("--pooling", "mean") + (("--candidates", "all") if command == "retrieve" else ())
    run(command, study, model, text, *settings)
    return (study.path / "results.jsonl").read_text()


def test_retrieval_is_written_for_every_mask_and_ordered_pair(study, model, text):
    assert run("retrieve", study, model, text, "--masks", EVERY) == 0
    table = retrieval.table(study.table("retrieval"))
    assert set(table["mask"]) == {"full", *CODES, "own", "core", "random", "pretrained"}
    assert len(table) == 8 * len(list(permutations(CODES, 2))) * len(LAYERS)
    assert list(dict.fromkeys(table["layer"])) == LAYERS
    assert (table["at5"] >= table["at1"]).all()
    full = table[table["mask"] == "full"]
    assert (set(full["method"]), set(full["sparsity"])) == ({"full"}, {0.0})
    masked = table[table["mask"] != "full"]
    assert (set(masked["method"]), set(masked["sparsity"])) == ({"magnitude"}, {0.5})
    assert set(table["sentences"]) == {LINES}


def test_sentences_longer_than_the_models_positions_are_cut(text, tmp_path):
    folder = tiny.saved(tmp_path / "model", languages=CODES)
    size = len(models.load_tokenizer(folder))
    tiny.model("bert", size, pad_token_id=0, max_position_embeddings=16).save_pretrained(folder)
    study = new_study(tmp_path / "study", folder)
    assert run("retrieve", study, folder, text, "--masks", "full") == 0
    rows = [row["at1"] for row in study.rows("retrieval")]
    network, tokenizer = models.load_model(folder), models.load_tokenizer(folder)
    lines = {code: corpora.read_lines(text / f"{code}.txt") for code in CODES}
    cut = {
        code: states.states(network, tokenizer, lines[code], pooling="mean-with-special", length=16) for code in CODES
    }
    one, other = cut["en"]["encoder 1"], cut["sw"]["encoder 1"]
    assert rows[0][-1] == round(retrieval.both_ways(one, other, PAPER)[0][0], 4)


def test_masks_do_not_reach_the_embeddings(study, model, text):
    run("retrieve", study, model, text, "--masks", EVERY)
    table = retrieval.table(study.table("retrieval"))
    first = table[table["layer"] == "embeddings"]
    assert (first.groupby(["source", "target"])["at1"].nunique() == 1).all()
    assert (table[table["layer"] == "encoder 1"].groupby(["source", "target"])["at5"].nunique() > 1).any()


def test_rows_are_those_of_the_library(study, model, text):
    run("retrieve", study, model, text, "--masks", "full,core")
    run("represent", study, model, text, "--masks", "full,core")
    found = retrieval.table(study.table("retrieval")).set_index(["mask", "source", "target", "layer"])
    alike = representations.table(study.table("representation"))
    alike = alike.set_index(["mask", "source", "target", "layer", "measure"])
    masks = [study.mask("mlm", "magnitude", 0.5, 0, code) for code in CODES]
    for name, mask in (("full", None), ("core", masks[0] & masks[1] & masks[2])):
        of = expected_states(model, text, mask)
        for layer in LAYERS:
            for source, target in permutations(CODES, 2):
                there, _ = retrieval.both_ways(of[source][layer], of[target][layer], PAPER)
                row = found.loc[name, source, target, layer]
                assert [row["at1"], row["at5"]] == pytest.approx(there, abs=1e-4)
            for pair in combinations(CODES, 2):
                both = [representations.geometry(of[code][layer]) for code in pair]
                for measure, values in representations.compare(*both).items():
                    row = alike.loc[(name, *pair, layer, measure)]
                    assert (row["value"], row["chance"]) == pytest.approx(values, abs=1e-4)


def test_with_masks_of_their_own_each_side_is_read_under_its_languages(study, model, text):
    """As in the paper's script: a network for the source sentences, another for the target's."""
    run("retrieve", study, model, text, "--masks", "own")
    run("represent", study, model, text, "--masks", "own")
    masks = {code: study.mask("mlm", "magnitude", 0.5, 0, code) for code in CODES}
    of = {code: expected_states(model, text, masks[code])[code] for code in CODES}
    table = retrieval.table(study.table("retrieval"))
    assert set(table["mask"]) == {"own"}
    assert set(table["method"]) == {"magnitude"}
    for row in table.itertuples():
        there, _ = retrieval.both_ways(of[row.source][row.layer], of[row.target][row.layer], PAPER)
        assert [row.at1, row.at5] == pytest.approx(there, abs=1e-4)
    alike = representations.table(study.table("representation"))
    for row in alike[alike["measure"] == "cka"].itertuples():
        both = [representations.geometry(of[code][row.layer]) for code in (row.source, row.target)]
        assert row.value == pytest.approx(representations.compare(*both)["cka"][0], abs=1e-4)


@pytest.mark.parametrize("command", ["retrieve", "represent"])
def test_a_study_of_before_the_settings_is_gone_on_with(study, model, text, command):
    """Its rows say nothing of them; the same settings add nothing, and others add rows that say what they are."""
    before = old_rows(study, model, text, command)
    fields = {"candidates", "pooling", "score"}
    assert not any(fields & set(json.loads(line)) for line in before.splitlines())
    assert old_rows(study, model, text, command) == before
    run(command, study, model, text)
    after = (study.path / "results.jsonl").read_text()
    assert after.startswith(before)
    new = [json.loads(line) for line in after.removeprefix(before).splitlines()]
    assert len(new) == len(before.splitlines())
    said = {"pooling": "mean-with-special"} | ({"candidates": "nearest"} if command == "retrieve" else {})
    assert all({name: row[name] for name in fields & set(row)} == said for row in new)
    run(command, study, model, text)
    assert (study.path / "results.jsonl").read_text() == after


def test_settings_are_those_of_the_rows(study, model, text):
    run("retrieve", study, model, text, "--pooling", "cls", "--score", "distance", "--candidates", "all")
    (definition,) = among(retrieval.table(study.table("retrieval")))
    assert definition == Definition("all", "cls", "distance")
    of = expected_states(model, text, pooling="cls")
    row = study.table("retrieval").iloc[0]
    there, _ = retrieval.both_ways(of[row["source"]]["encoder 1"], of[row["target"]]["encoder 1"], definition)
    assert [row["at1"][2], row["at5"][2]] == pytest.approx(there, abs=1e-4)


def test_the_pretrained_and_the_random_mask_are_those_of_the_functional_check(study, model, text):
    plan = InsidePlan(str(model), ("random", "pretrained"), sentences=text)
    work = inside.Inside("retrieval", plan, study.path, device="cpu", quiet=True)
    made = {name: work.here("cpu").control(name) for name in plan.masks}
    search = Search(models.load_model(model), None, np.empty(0), np.empty(0))
    reference = controls.pretrained(search.origin, search.weights, 0.5)
    assert made["pretrained"] == reference
    assert made["random"] == Mask.random(reference, 0.5, 0)


def test_representations_are_written_for_every_pair_and_measure(study, model, text):
    assert run("represent", study, model, text) == 0
    table = representations.table(study.table("representation"))
    assert len(table) == 3 * 3 * len(LAYERS)
    assert [*table[["source", "target"]].drop_duplicates().itertuples(index=False, name=None)] == [
        *combinations(CODES, 2)
    ]
    assert set(table["measure"]) == set(representations.MEASURES)


@pytest.mark.parametrize("command", ["retrieve", "represent"])
def test_what_is_there_is_not_done_again(study, model, text, command):
    run(command, study, model, text, "--languages", "fr,en")
    some = (study.path / "results.jsonl").read_text()
    run(command, study, model, text, "--masks", "full,each")
    whole = (study.path / "results.jsonl").read_text()
    assert whole.startswith(some)
    run(command, study, model, text, "--masks", "each,full")
    assert (study.path / "results.jsonl").read_text() == whole
    keys = [(r["mask"], r["source"], r["target"], r.get("measure")) for r in map(json.loads, whole.splitlines())]
    assert len(set(keys)) == len(keys)


def test_mask_files_take_the_place_of_the_studys(study, model, text, tmp_path):
    files = []
    for code in ("en", "fr"):
        mask = Mask.random(study.mask("mlm", "magnitude", 0.5, 0, code), 0.3, seed=1, language=code)
        files.append(str(tmp_path / f"{code}.safetensors"))
        maskfiles.write(mask, files[-1])
    more = ("--method", "mine", "--sparsity", "0.3", "--mask-files", *files)
    assert run("retrieve", study, model, text, *more) == 0
    table = study.table("retrieval")
    assert set(table["mask"]) == {"full", "en", "fr"}
    assert set(table[table["mask"] == "fr"]["method"]) == {"mine"}


def test_a_causal_model_is_looked_at_too(tmp_path, text):
    folder = tiny.saved(tmp_path / "model", "llama")
    weights = models.prunable(models.load_model(folder, "clm"))
    info = {"weights": digest(weights), "task": "clm", "languages": ["en", "sw"]}
    study = Study.create(tmp_path / "study", info)
    assert run("retrieve", study, folder, text, "--masks", "full,random") == 0
    assert study.table("retrieval")["layers"][0] == ["embeddings", "decoder 0", "decoder 1"]
    assert among(retrieval.table(study.table("retrieval"))) == [Definition("nearest", "mean", "ratio")]
    assert run("retrieve", study, folder, text, "--pooling", "cls") == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--masks", "full,halves"), "--masks halves: unknown"),
        (("--masks", "each", "--sparsity", "0.3"), "no masks of magnitude at 30% with seed 0"),
        (("--masks", "core", "--method", "wanda"), "no masks of wanda at 50%"),
        (("--languages", "en,zh"), "no sentences for zh; it has en, fr, sw"),
        (("--languages", "en"), "at least two"),
        (("--device", "tpu"), "--device tpu"),
        (("--masks", "random", "--sparsity", "1.5"), "--sparsity 1.5: a share between 0 and 1"),
        (("--masks", "own", "--method", "wanda"), "no masks of wanda at 50%"),
    ],
)
def test_bad_input_ends_in_one_line_and_writes_nothing(study, model, text, capsys, more, words):
    assert run("retrieve", study, model, text, *more) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (study.path / "results.jsonl").exists()


def test_a_language_without_a_mask_of_its_own_is_named(study, model, text, capsys):
    study.mask_path("mlm", "magnitude", 0.5, 0, "sw").unlink()
    assert run("retrieve", study, model, text, "--masks", "own") == 2
    assert "--masks own: there is no mask of sw, only of en, fr" in capsys.readouterr().err
    assert run("retrieve", study, model, text, "--masks", "own", "--languages", "en,fr") == 0


@pytest.mark.parametrize("option", ["candidates", "pooling", "score"])
def test_an_unknown_setting_is_named(study, model, text, option):
    plan = RetrievePlan(str(model), sentences=text, **{option: "best"})
    with pytest.raises(NeutralError, match=f"--{option} best: unknown"):
        inside.retrieve(plan, study.path, device="cpu")


def test_another_model_is_refused(tmp_path, model, text, capsys):
    study = new_study(tmp_path / "study", model, weights="0" * 16)
    assert run("represent", study, model, text) == 2
    assert "was made with other weights of tiny" in capsys.readouterr().err


def test_other_sentences_are_refused(study, model, text, tmp_path, capsys):
    run("retrieve", study, model, text)
    assert Study(study.path).info["parallel"]["hashes"].keys() == set(CODES)
    for code in CODES:
        lines = (text / f"{code}.txt").read_text(encoding="utf-8").split("\n")
        (tmp_path / f"{code}.txt").write_text("\n".join(lines[::-1]), encoding="utf-8")
    assert run("represent", study, model, tmp_path) == 2
    assert "the sentences of en, sw, fr are not those" in capsys.readouterr().err


def test_text_that_is_not_parallel_and_no_study_are_refused(study, model, text, tmp_path, capsys):
    (tmp_path / "en.txt").write_text("one\ntwo", encoding="utf-8")
    (tmp_path / "sw.txt").write_text("moja", encoding="utf-8")
    assert run("retrieve", study, model, tmp_path, "--languages", "en,sw") == 2
    assert "2 lines in en.txt, 1 in sw.txt" in capsys.readouterr().err
    assert cli.main(["retrieve", "--study", str(tmp_path / "none"), "--model", str(model)]) == 2
    assert "is not a study" in capsys.readouterr().err


def test_a_study_of_other_languages_says_how_to_name_them(tmp_path, model, text, capsys):
    study = new_study(tmp_path / "study", model, languages=["en", "it"])
    assert run("retrieve", study, model, text) == 2
    assert "no sentences for it" in (error := capsys.readouterr().err)
    assert "--languages" in error


def test_mask_files_of_another_sparsity_or_name_are_refused(study, text, model, tmp_path):
    mask = study.mask("mlm", "magnitude", 0.5, 0, "en")
    maskfiles.write(mask, tmp_path / "en.safetensors")
    file = str(tmp_path / "en.safetensors")
    for plan, words in (
        ({"files": (file,), "sparsity": 0.3}, "removes 50% of the weights, not the 30%"),
        ({"files": (file, file)}, "is called en, as another mask is"),
    ):
        with pytest.raises(NeutralError, match=words):
            inside.retrieve(InsidePlan(str(model), ("each",), sentences=text, **plan), study.path, device="cpu")


@pytest.mark.long
def test_a_killed_run_ends_like_an_uninterrupted_one(tmp_path, model, text):
    """SIGKILL after the first results; then the same command again."""
    whole, killed = new_study(tmp_path / "whole", model), new_study(tmp_path / "killed", model)
    assert run("retrieve", whole, model, text, "--masks", EVERY) == 0
    command = [*(sys.executable, "-m", "neutral", "retrieve", "--study", killed.path, "--model", model)]
    command += ["--sentences", text, "--masks", EVERY, "--device", "cpu", "--quiet"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"})
    results = killed.path / "results.jsonl"
    while process.poll() is None and not (results.exists() and results.read_bytes().count(b"\n") >= 3):
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was too quick to be killed"
    wanted = (whole.path / "results.jsonl").read_bytes()
    # What was being written may be torn; a run that is killed between two lines is made to look like it.
    torn = b"".join(results.read_bytes().splitlines(keepends=True)[:3])
    results.write_bytes(torn + wanted[len(torn) : len(torn) + 40])
    assert run("retrieve", killed, model, text, "--masks", EVERY) == 0
    assert results.read_bytes() == wanted
