"""`pretrain` stopped anywhere and begun again: the same model as at one go, and no other model by other settings."""

import json
import os
import resource
import shutil
from contextlib import contextmanager

import pytest
import tiny
from transformers import AutoModelForMaskedLM

from neutral import checkpoints, corpora, models, pretraining
from neutral.errors import FileError, NeutralError, StorageError
from neutral.lock import only_writer
from neutral.progress import Progress, StoppedError
from neutral.training import Recipe

CHOSEN = {
    "size": 300,
    "recipe": Recipe(steps=4, batch_size=2, rate=1e-2),
    "length": 16,
    "shape": pretraining.Shape(layers=1, width=8, heads=2, feed_forward=8),
    "device": "cpu",
    "quiet": True,
}
MODEL = {"model.safetensors", "tokenizer.json", "tokenizer_config.json", "config.json"}


def pretrained(out, source=None, text=None, **others):
    return pretraining.pretrain(source and str(source), text or tiny.text(lines=30), out, **CHOSEN | others)


def contents(folder, names=MODEL):
    """Name -> bytes; a model's card says how long the last run took."""
    return {name: (folder / name).read_bytes() for name in names}


def everything(folder):
    """Every path in a folder -> (bytes, time of its last change)."""
    return {
        str(path.relative_to(folder)): (path.is_file() and path.read_bytes(), path.stat().st_mtime_ns)
        for path in (folder, *folder.rglob("*"))
    }


class Killed(BaseException):
    """Not caught by anything, as a kill is not."""


def killed(*_, **__):
    raise Killed


def kill_at(module, function, out, source, instead=killed):
    """Call `pretrain` with a function of a module replaced by one that ends the process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, function, instead)
        with pytest.raises(Killed):
            pretrained(out, source)


FAULTS = ("missing", "empty", "changed")  # that are tried beside a cut file


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("encoder"), size=350)


@pytest.fixture(scope="module", params=["from nothing", pytest.param("from an encoder", marks=pytest.mark.long)])
def source(request):
    return None if request.param == "from nothing" else request.getfixturevalue("encoder")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, source):
    """A model made at one go, and its scores."""
    out = tmp_path_factory.mktemp("finished") / "out"
    return out, pretrained(out, source)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, source):
    """The same, killed after the training."""
    out = tmp_path_factory.mktemp("stopped") / "out"
    kill_at(pretraining, "measure", out, source)
    return out


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_finished_folder_is_finished(finished, source, capsys):
    out, scores = finished
    assert {path.name for path in out.iterdir()} == MODEL | {"README.md", "pretraining.json"}
    before = everything(out)
    assert pretrained(out, source, quiet=False) == scores
    assert everything(out) == before
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == f"neutral: {out}: is finished; perplexity " + ", ".join(
        f"{code} {score.value:.1f}" for code, (score, _) in scores.items()
    )
    assert not any("done" in line for line in said)


def test_a_stopped_run_goes_on_to_the_same_model_and_scores(finished, stopped, source, tmp_path):
    out = copied(stopped, tmp_path)
    assert pretrained(out, source) == finished[1]
    assert contents(out) == contents(finished[0])
    assert not (out / "checkpoints").exists()


@pytest.mark.parametrize("fault", ["cut", *(pytest.param(how, marks=pytest.mark.long) for how in FAULTS)])
def test_a_torn_checkpoint_is_passed_over_for_the_one_before(finished, stopped, fault, tmp_path):
    newest = stopped / "checkpoints" / "checkpoint-4"
    names = sorted(path.name for path in newest.iterdir())
    assert {"model.safetensors", "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json"} < set(names)
    for name in names:
        work = shutil.copytree(stopped / "checkpoints", tmp_path / name)
        tear(work / "checkpoint-4" / name, fault)
        assert checkpoints.last_whole(work) == work / "checkpoint-3"
        assert not (work / "checkpoint-4").exists()


def tear(path, fault):
    data = path.read_bytes()
    if fault == "missing":
        path.unlink()
    else:
        changed = bytes([data[0] ^ 1]) + data[1:]
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "changed": changed}[fault])


@pytest.mark.long
@pytest.mark.parametrize("torn", [("checkpoint-4",), ("checkpoint-4", "checkpoint-3"), ("start",)])
def test_from_what_is_whole_the_same_model_comes(finished, stopped, source, torn, tmp_path):
    out = copied(stopped, tmp_path)
    for name in torn:
        tear(out / "checkpoints" / name / "model.safetensors", "cut")
    assert pretrained(out, source) == finished[1]
    assert contents(out) == contents(finished[0])


@pytest.mark.long
def test_a_model_appears_when_it_is_whole_and_its_record_last(finished, stopped, source, tmp_path):
    out, replace = copied(stopped, tmp_path), os.replace

    def all_but_the_last(old, new):
        if new == out / "config.json":
            raise Killed
        replace(old, new)

    kill_at(pretraining.os, "replace", out, source, all_but_the_last)
    assert {path.name for path in out.iterdir()} > (MODEL | {"README.md"}) - {"config.json"}
    with pytest.raises(ValueError, match="Unrecognized model"):
        AutoModelForMaskedLM.from_pretrained(out)
    kill_at(pretraining.record, "finish", out, source)
    assert json.loads((out / "pretraining.json").read_text()).keys() == {"settings"}
    assert pretrained(out, source) == finished[1]
    assert contents(out) == contents(finished[0])


def test_checkpoints_that_a_kill_left_in_a_finished_folder_go(finished, stopped, source, tmp_path):
    out = copied(finished[0], tmp_path)
    shutil.copytree(stopped / "checkpoints", out / "checkpoints")
    assert pretrained(out, source) == finished[1]
    assert contents(out) == contents(finished[0])
    assert not (out / "checkpoints").exists()


def test_what_was_not_sealed_at_the_beginning_is_made_again(finished, source, tmp_path):
    out = tmp_path / "out"
    kill_at(pretraining.checkpoints, "seal", out, source)
    assert (out / "pretraining.json").exists()
    assert pretrained(out, source) == finished[1]
    assert contents(out) == contents(finished[0])


@pytest.mark.parametrize("state", ["finished", "stopped"])
def test_other_settings_are_refused_by_name(finished, stopped, source, state):
    out = finished[0] if state == "finished" else stopped
    before = everything(out)
    text = tiny.text(lines=30)
    turned = corpora.Corpus("", dict(reversed(text.train.items())), text.held_out)
    less = corpora.Corpus("", {**text.train, "sw": text.train["sw"][1:]}, text.held_out)
    apart = corpora.Corpus("", text.train, {**text.held_out, "en": text.held_out["en"][1:]})
    moved = corpora.Corpus(
        "",
        {**text.train, "en": text.train["en"][:-1]},
        {**text.held_out, "en": [text.train["en"][-1], *text.held_out["en"]]},
    )
    refused = {
        "--vocabulary 300, not 310": {"size": 310},
        "--steps 4, not 5, and --rate 0.01, not 0.02": {"recipe": Recipe(steps=5, batch_size=2, rate=0.02)},
        "--seed 0, not 1": {"recipe": Recipe(steps=4, batch_size=2, rate=1e-2, seed=1)},
        "--length 16, not 17": {"length": 17},
        "--mask-share 0.15, not 0.2": {"mask_share": 0.2},
        "--languages en,sw, not sw,en": {"text": turned},
        "another --text (sw)": {"text": less},
        "another --held-out (en)": {"text": apart},
        "another --text (en), and another --held-out (en)": {"text": moved},
    }
    if source is None:
        refused["--layers 1, not 2"] = {"shape": pretraining.Shape(layers=2, width=8, heads=2, feed_forward=8)}
    for difference, others in refused.items():
        with pytest.raises(NeutralError) as error:
            pretrained(out, source, **others)
        assert str(error.value) == f"{out}: was made with {difference}; choose another --out"
    assert everything(out) == before


def test_another_encoder_is_refused_and_the_same_one_elsewhere_is_not(encoder, tmp_path):
    out, other = tmp_path / "out", shutil.copytree(encoder, tmp_path / "other")
    scores = pretrained(out, encoder)
    assert pretrained(out, other) == scores

    def refusal(source):
        with pytest.raises(NeutralError) as error:
            pretrained(out, source)
        return str(error.value).removeprefix(f"{out}: was made with ").removesuffix("; choose another --out")

    assert refusal(None) == f"--from {encoder}, not nothing"
    model = models.load_model(other)
    model.bert.embeddings.word_embeddings.weight.data[7] += 1
    model.save_pretrained(other)
    assert refusal(other) == f"--from {encoder}, not {other}"
    shutil.copy(other / "model.safetensors", encoder / "model.safetensors")
    assert refusal(encoder) == f"--from {encoder} before its weights changed"


def test_a_model_that_was_not_made_so_is_not_overwritten(encoder, tmp_path):
    before = everything(encoder)
    with pytest.raises(NeutralError, match=r"holds config\.json and no pretraining\.json"):
        pretrained(encoder, encoder)
    assert everything(encoder) == before
    (tmp_path / "checkpoints").mkdir()  # of an unfinished run of an older version
    with pytest.raises(NeutralError, match=r"holds checkpoints and no pretraining\.json"):
        pretrained(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"settings": 1}', "[" * 100_000, '{"settings": {}, "scores": {"en": [{"x": 1}]}}'),
        '{"settings": {}, "scores": {"en": [{"loss": "low", "count": 1}, {"loss": 1, "count": 1}]}}',
    ],
    ids=range(7),
)
def test_a_record_that_is_none_is_one_line(text, tmp_path):
    (tmp_path / "pretraining.json").write_text(text)
    with pytest.raises(FileError, match=r"pretraining\.json: (cannot be read as a record of a pr|is nested too deep)"):
        pretrained(tmp_path)


def test_one_process_at_a_time_writes(tmp_path):
    import threading

    with only_writer(tmp_path / "out"):
        errors = []

        def second():
            try:
                pretrained(tmp_path / "out")
            except NeutralError as error:
                errors.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(errors) == 1
    assert "writes here" in errors[0]


def test_of_many_languages_the_line_at_the_end_names_two():
    scores = {f"l{i}": (pretraining.record.Score(float(i), 1), None) for i in range(1, 10)}
    assert pretraining._perplexities(scores) == "perplexity from 2.7 (l1) to 8103.1 (l9)"


@pytest.mark.parametrize("room", [1000, 20000])
def test_a_disk_that_refuses_is_one_line_and_with_room_it_goes_on(room, finished, source, tmp_path):
    out, limits = tmp_path / "out", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))  # bytes of a file
    try:
        with pytest.raises(StorageError):
            pretrained(out, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert pretrained(out, source) == finished[1]
    assert contents(out) == contents(finished[0])


class Stopped(Progress):
    """A run that is asked to stop in its second step."""

    @contextmanager
    def doing(self, unit):
        with super().doing(unit) as tell:

            def told(step, steps):
                tell(step, steps)
                self.stop_asked = step == 2

            yield told


def test_a_run_that_is_asked_to_stop_does_behind_a_checkpoint_and_goes_on_to_the_same_model(tmp_path):
    whole = pretrained(tmp_path / "whole")
    said = "^stopped, as asked, behind what is done of pretraining; run the same command again to go on$"
    with pytest.raises(StoppedError, match=said):
        pretrained(tmp_path / "out", progress=Stopped("pretrain", quiet=True))
    assert checkpoints.last_whole(tmp_path / "out" / "checkpoints").name == "checkpoint-2"
    assert pretrained(tmp_path / "out") == whole
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
