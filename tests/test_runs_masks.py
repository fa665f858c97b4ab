"""Mask files become a study that every page and command reads as one that `find` made, and its controls come later."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest
import synthetic
import tiny
from conftest import ROOT

from neutral import cli, files, maskfiles, summary
from neutral.errors import FileError, MismatchError, NeutralError, StorageError
from neutral.masks import Mask
from neutral.runs import masks as saving
from neutral.runs.masks import About
from neutral.runs.places import Place, places
from neutral.study import Study, find_studies
from neutral.summary import Choice

MODEL = synthetic.Model(synthetic.shapes(2), 2)
CODES = ("en", "fr", "de", "sw")


def bare(code, sparsity=0.5, seed=0, header=()):
    mask = MODEL.mask(code, sparsity, seed)
    return Mask(mask.bits, mask.shapes, dict(header))


def placed(*labels, headers=None, **about):
    headers = headers or [{}] * len(labels)
    some = [bare("en", header.get("sparsity", 0.5), i, header) for i, header in enumerate(headers)]
    return places(some, labels, **about)


def test_a_mask_that_says_nothing_is_an_upload():
    assert placed("en", "fr") == [Place("masks", "upload", 0.5, 0, code) for code in ("en", "fr")]


def test_masks_of_one_language_are_its_seeds():
    told = placed("en", "en 2", "fr/seed1", "fr/seed2", "zh", "zho 2")
    assert [(place.language, place.seed) for place in told] == [
        *(("en", 0), ("en", 1), ("fr", 0), ("fr", 1), ("zh", 0), ("zh", 1)),
    ]


def test_headers_say_seeds_where_all_languages_have_the_same():
    told = placed("en", "en 2", "fr", "fr 2", headers=[{"seed": seed} for seed in (7, 3, 3, 7)])
    assert [place.seed for place in told] == [7, 3, 3, 7]
    told = placed("en", "fr", headers=[{"seed": 7}, {"seed": 3}])
    assert [place.seed for place in told] == [0, 0]  # else no two could be compared


def test_a_find_studys_masks_come_back_to_their_places():
    headers = [{"task": "mlm", "method": "wanda", "sparsity": s, "seed": 2} for s in (0.3, 0.5, 0.3, 0.5)]
    told = placed("en", "en 2", "fr", "fr 2", headers=headers)
    assert told[:2] == [Place("mlm", "wanda", 0.3, 2, "en"), Place("mlm", "wanda", 0.5, 2, "en")]


def test_sparsities_are_several_only_where_a_language_has_several():
    one = places([bare("en", 0.47), bare("fr", 0.56)], ["en", "fr"])
    assert [place.sparsity for place in one] == [0.52, 0.52]
    two = places([bare("en", s) for s in (0.3, 0.71, 0.31, 0.7)], ["fi/0_3", "fi/0_7", "fr", "fr 2"])
    assert [round(place.sparsity, 1) for place in two] == [0.3, 0.7, 0.3, 0.7]
    assert {(place.language, place.seed) for place in two} == {("fi", 0), ("fr", 0)}


def test_halves_of_a_text_are_halves():
    told = placed("en", "en/a", "en/b", headers=[{}, {"variant": "a"}, {}])
    assert [(place.language, place.variant) for place in told] == [("en", ""), ("en", "a"), ("en", "b")]


def test_words_of_a_name_say_method_and_task():
    told = placed("en/wanda", "en/random", "en/ner_wanda")
    assert [(place.task, place.method) for place in told] == [
        *(("masks", "wanda"), ("masks", "random"), ("ner", "wanda")),
    ]


def test_what_is_given_goes_before_what_the_files_say():
    told = placed("en", headers=[{"task": "mlm", "method": "wanda"}], task="my_task/2", method="..")
    assert told[0][:2] == ("my-task-2", "upload")


def test_masks_that_nothing_tells_apart_are_refused_in_a_line():
    with pytest.raises(NeutralError, match=r"^en/old and en/new are masks of one language, and nothing says what "):
        placed("en/old", "en/new")
    assert placed("en/old")[0].language == "en"


@pytest.mark.parametrize("label", ["../../x", "a/b", "<b>", "x" * 400, "\x00", "", "my_a", "حروف" * 60, "\ud800"])
def test_whatever_a_mask_is_called_its_file_is_in_the_study(label, tmp_path):
    study = saving.save([bare("en"), bare("fr")], [label, "fr"], tmp_path / "mine")
    index = study.masks_index()
    assert len(index) == 2
    assert set(index["variant"]) == {""}
    assert set(index["language"]) == set(study.counts("masks", "upload", 0.5).members) == set(study.info["languages"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]
    assert saving.save([bare("en"), bare("fr")], ["my_a", "my-a"], tmp_path / "two").info["languages"] == [
        "my-a",
        "my-a-2",
    ]


def test_a_saved_study_has_the_overlap_of_its_masks(tmp_path):
    some = [bare(code) for code in CODES]
    study = saving.save(some, CODES, tmp_path / "mine", About(title="Mine", model="/models/small/"), files=["a/en.pt"])
    (choice,) = summary.choices(study)
    assert choice == Choice("masks", "upload", 0.5, 0)
    both = study.counts(*choice).both
    assert int(both[:, 0, 1].sum()) == (some[0] & some[1]).kept
    assert set(summary.kinds(study, choice)) == {"languages", "shuffled"}
    assert {code: maskfiles.read(path) for code, path in study.masks_of(*choice).items()} == dict(
        zip(CODES, some, strict=True)
    )
    assert {"title": "Mine", "model": "small", "files": ["en.pt"]}.items() <= study.info.items()
    assert "en.pt" in study.readme


def test_runs_of_a_language_bound_what_two_languages_can_share(tmp_path):
    some = [bare(code, seed=seed) for code in CODES[:2] for seed in (0, 1)]
    study = saving.save([*some, bare("de")], ["en", "en 2", "fr", "fr 2", "de"], tmp_path / "mine")
    assert study.counts("masks", "upload", 0.5, 0).members == ("en", "fr", "de")
    assert study.counts("masks", "upload", 0.5, 1).members == ("en", "fr")
    assert study.counts("masks", "upload", 0.5, 0, "seeds").members == ("en/0", "en/1", "fr/0", "fr/1")
    assert len(summary.within(study, Choice("masks", "upload", 0.5, 0), "seeds")) == 2


def test_masks_of_several_networks_are_refused(tmp_path):
    other = synthetic.Model(synthetic.shapes(3), 3).mask("fr", 0.5)
    with pytest.raises(MismatchError, match=r"masks of different models: .* is in fr, but not in en"):
        saving.save([bare("en"), other], ["en", "fr"], tmp_path / "mine")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_nothing_is_written_over(make, tmp_path):
    make(tmp_path / "mine")
    with pytest.raises(FileError, match="is there already"):
        saving.save([bare("en")], ["en"], tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_is_a_line_and_leaves_nothing(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in (10, 500, 3000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            with pytest.raises(StorageError):
                saving.save([bare("en"), bare("fr")], ["en", "fr"], tmp_path / "studies" / "mine")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert not list(tmp_path.rglob("*.*"))


def test_what_a_killed_process_left_is_no_study_and_goes(tmp_path):
    left = tmp_path / ".mine.0a1b2c3d.part" / "mine"
    left.mkdir(parents=True)
    (left / "study.json").write_text("{}")
    assert not find_studies(tmp_path)
    with files.folder_made_whole(tmp_path / "mine") as draft:  # while one writes, another's draft stays
        with files.folder_made_whole(tmp_path / "mine.2"):
            pass
        assert draft.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.2"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The study that `find` made of a tiny model, with its controls, and the same masks as files without a header."""
    folder = tmp_path_factory.mktemp("found")
    model, text = tiny.saved(folder / "model"), folder / "text"
    text.mkdir()
    for code, lines in tiny.text(CODES, 30).train.items():
        (text / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    command = ["find", "--model", str(model), "--text", str(text), "--study", str(folder / "study"), "--steps", "0"]
    command += ["--method", "random", "--sparsity", "0.4", "--length", "32", "--device", "cpu", "--quiet"]
    assert cli.main([*command, "--controls", "shuffled,pretrained"]) == 0
    study = Study(folder / "study")
    for code, path in study.masks_of("mlm", "random", 0.4).items():
        np.savez(folder / f"{code}.npz", **maskfiles.read(path).to_arrays())
    return folder


def save_command(found, folder, *more):
    return cli.main(
        ["masks", "save", *(str(found / f"{code}.npz") for code in CODES), "--study", str(folder), "--quiet", *more]
    )


def test_the_controls_of_saved_masks_are_those_that_find_makes(found, tmp_path):
    more = ("--model", str(found / "model"), "--task", "mlm", "--method", "random", "--controls", "shuffled,pretrained")
    assert save_command(found, tmp_path / "mine", *more) == 0
    one, other = Study(found / "study"), Study(tmp_path / "mine")
    for kind in ("languages", "shuffled", "pretrained", "beyond"):
        counts, saved = (study.counts("mlm", "random", 0.4, 0, kind) for study in (one, other))
        in_order = saved.select(counts.members)
        assert np.array_equal(in_order.kept, counts.kept), kind
        assert np.array_equal(in_order.shared, counts.shared), kind
        assert np.array_equal(in_order.counted, counts.counted), kind
        assert counts.is_whole == (kind != "pretrained")
    assert other.info["weights"] == one.info["weights"]


def test_saving_goes_on_where_it_was_and_refuses_other_masks(found, tmp_path, capsys):
    folder = tmp_path / "mine"
    assert save_command(found, folder) == 0
    before = (folder / "study.json").read_bytes()
    assert save_command(found, folder) == 0
    assert (folder / "study.json").read_bytes() == before
    assert cli.main(["masks", "save", str(found / "en.npz"), "--study", str(folder), "--quiet"]) == 2
    assert "is there already, and nothing is written over" in capsys.readouterr().err
    assert save_command(found, folder, "--model", str(found / "model"), "--controls", "pretrained") == 0
    assert "pretrained" in summary.kinds(Study(folder), Choice("masks", "upload", 0.4))
    stamps = {path: path.stat().st_mtime_ns for path in (folder / "counts").iterdir()}
    assert cli.main(["controls", "--study", str(folder), "--model", str(found / "model"), "--quiet"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (folder / "counts").iterdir()} == stamps


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--controls", "pretrained"], "takes the masks' model"),
        (["--controls", "much"], "--controls"),
        pytest.param(
            ["--controls", "pretrained", "--model", str(ROOT / "data/models/mini-mbert")],
            "is not the masks' model",
            marks=pytest.mark.long,
        ),
        (["--controls", "pretrained", "--model", "/nowhere"], "/nowhere"),
    ],
)
def test_controls_that_cannot_be_made_are_a_line(options, said, found, tmp_path, capsys):
    assert save_command(found, tmp_path / "mine") == 0
    assert cli.main(["controls", "--study", str(tmp_path / "mine"), "--quiet", *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_no_search_goes_on_from_saved_masks(found, tmp_path, capsys):
    assert save_command(found, tmp_path / "mine", "--task", "mlm", "--method", "random") == 0
    command = [
        "find",
        "--model",
        str(found / "model"),
        "--text",
        str(found / "text"),
        "--study",
        str(tmp_path / "mine"),
    ]
    command += [
        "--method",
        "random",
        "--sparsity",
        "0.4",
        "--steps",
        "0",
        "--length",
        "32",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert cli.main(command) == 2
    assert "was saved from mask files" in capsys.readouterr().err


def test_typology_is_tested_on_saved_masks(found, tmp_path):
    assert save_command(found, tmp_path / "mine") == 0
    command = ["typology", "--study", str(tmp_path / "mine"), "--sparsity", "0.4", "--by", "all", "--quiet"]
    assert cli.main([*command, "--permutations", "9", "--format", "json"]) == 0
    assert Study(tmp_path / "mine").has("association", scheme="plain")


def test_a_changed_mask_is_no_control(found, tmp_path, capsys):
    assert save_command(found, tmp_path / "mine") == 0
    study = Study(tmp_path / "mine")
    (tmp_path / "mine" / "counts" / "masks_upload_0.40_s0_shuffled.safetensors").unlink()
    path = study.mask_path("masks", "upload", 0.4, 0, "en")
    maskfiles.write(~maskfiles.read(path), path)
    assert cli.main(["controls", "--study", str(study.path), "--controls", "shuffled", "--quiet"]) == 2
    assert "the mask masks_upload_0.40_s0_en is not what its results were made with" in capsys.readouterr().err


def test_the_study_says_nothing_that_it_could_not_be_opened_with(tmp_path):
    mask = bare("en", header={"model": "m\nx", "language": "en", "stack": 3, "more": "x" * 5000})
    study = saving.save([mask], ["en"], tmp_path / "mine", About(title="a\nb" * 200, task="\u2028"), files=["\x1b[31m"])
    assert "\n" not in json.loads((study.path / "study.json").read_text())["title"]
    assert Study(study.path).readme


def test_a_dry_run_of_controls_says_what_is_left_and_writes_nothing(found, tmp_path, capsys):
    folder = tmp_path / "mine"
    assert save_command(found, folder) == 0
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    command = ["controls", "--study", str(folder), "--model", str(found / "model"), "--dry-run", "json"]
    assert cli.main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["units"] == {"total": 2, "done": 1, "left": 1}
    assert told["each"][0]["writes"] == "counts: pretrained, beyond"
    assert told["seconds"] > 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_each_kind_of_control_is_timed(found, tmp_path, capsys):
    folder = tmp_path / "mine"
    assert save_command(found, folder) == 0
    for counts in (folder / "counts").glob("*_shuffled.safetensors"):
        counts.unlink()
    assert cli.main(["controls", "--study", str(folder), "--model", str(found / "model"), "--dry-run", "json"]) == 0
    timed = json.loads(capsys.readouterr().out)["timed"]
    assert "shuffled" in timed
    assert "pretrained" in timed


def test_controls_tell_how_far_they_are(found, tmp_path):
    assert save_command(found, tmp_path / "mine") == 0
    command = ["controls", "--study", str(tmp_path / "mine"), "--model", str(found / "model"), "--quiet"]
    assert cli.main([*command, "--json-progress", str(tmp_path / "progress.json")]) == 0
    told = json.loads((tmp_path / "progress.json").read_text())
    assert (told["state"], told["units"]) == ("done", {"done": 2, "total": 2, "before": 1})
