"""What explains the overlap, from the shell into a study: rows, resuming, what is refused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import synthetic
import tiny

from neutral import association, typology
from neutral.cli import main
from neutral.runs.typology import notes, worker
from neutral.study import Study


@pytest.fixture(scope="module")
def untested(tmp_path_factory):
    return synthetic.encoder_study(tmp_path_factory.mktemp("made") / "study", layers=3, seeds=(0,))


@pytest.fixture
def study(untested, tmp_path):
    """A study of a test's own, which it may write into."""
    return Study(shutil.copytree(untested.path, tmp_path / "study"))


def explained(study, *options):
    return main(["typology", "--study", str(study.path), "--permutations", "199", "--quiet", *options])


def test_distances_and_tests_go_into_the_study_and_to_standard_output(study, capsys):
    assert explained(study, "--methods", "magnitude", "--format", "json") == 0
    printed = pd.DataFrame(json.loads(capsys.readouterr().out))
    distances, tests = study.table("distance"), study.table("association")
    assert len(distances) == len(typology.MODEL_FREE) * 55
    assert distances["value"].isna().sum() == 29
    overlap = study.counts("mlm", "magnitude", 0.5).jaccard()
    expected = association.associations(overlap, distances, count=199)
    stored = tests[
        (tests.measure == "jaccard") & (tests.by == "all") & (tests.scheme == "plain") & (tests.controls == "")
    ]
    assert stored.rho.tolist() == pytest.approx(expected.rho.tolist(), abs=1e-6)
    assert stored.p.tolist() == pytest.approx(expected.p.tolist(), abs=1e-6, nan_ok=True)
    assert set(tests.scheme) == {"plain", "family", "tree", "globe"}
    assert set(tests.measure) == {"jaccard", "beyond"}
    assert set(tests.controls) == {"", "family", "script", "geographic"}
    assert set(tests[tests.by == "layer"].group) == {"encoder 0", "encoder 1", "encoder 2"}
    assert set(printed.by) == {"all"}
    assert {"regression", "association"} <= {row["kind"] for row in study.rows()}


def test_relatives_are_seen_to_overlap_where_they_were_made_to(study):
    explained(study, "--methods", "magnitude", "--measures", "jaccard", "--by", "all")
    table = study.table("association").set_index(["distance", "scheme", "controls"])
    assert table.loc[("family", "plain", ""), "rho"] < -0.5
    assert table.loc[("family", "plain", ""), "p"] < 0.05


@pytest.mark.long
def test_what_is_done_is_not_done_again(study):
    quick = ("--measures", "jaccard", "--permutations", "19")
    explained(study, "--methods", "magnitude", *quick)
    before = (study.path / "results.jsonl").read_bytes()
    explained(study, "--methods", "magnitude", *quick)
    assert (study.path / "results.jsonl").read_bytes() == before
    explained(study, "--methods", "wanda", *quick)
    assert set(study.table("association").method) == {"magnitude", "wanda"}
    assert (study.path / "results.jsonl").read_bytes().startswith(before)


@pytest.mark.long
def test_masks_of_another_seed_are_tested_if_asked(tmp_path, capsys):
    study = synthetic.encoder_study(tmp_path / "study", layers=2, seeds=(0, 1))
    few = ("--methods", "magnitude", "--measures", "jaccard", "--by", "all", "--controls", "")
    explained(study, *few)
    assert set(study.table("association").seed) == {0}
    capsys.readouterr()
    assert explained(study, *few, "--mask-seed", "1", "--format", "json") == 0
    assert {row["seed"] for row in json.loads(capsys.readouterr().out)} == {1}
    assert set(study.table("association").seed) == {0, 1}


@pytest.mark.long
def test_a_study_tested_before_there_was_a_distance_says_that_its_tests_lack_it(study, capsys):
    options = ["typology", "--study", str(study.path), "--methods", "magnitude", "--by", "all", "--permutations", "9"]
    assert main(options) == 0
    assert "lack" not in capsys.readouterr().err
    path = study.path / "results.jsonl"
    kept = [line for line in path.read_text().splitlines() if json.loads(line).get("distance") != "tree"]
    path.write_text("\n".join(kept) + "\n")
    assert main(options) == 0
    assert (
        "the study's tests are older than the distances tree and lack them; the page Typology tests them"
        in capsys.readouterr().err
    )


@pytest.mark.long
def test_the_vocabulary_is_compared_where_model_and_text_are_given(tmp_path):
    study = synthetic.encoder_study(tmp_path / "study", languages=("en", "fr", "de", "sw"), layers=2, seeds=(0,))
    model = tiny.saved(tmp_path / "model", languages=("en", "fr", "de", "sw"))
    text = tiny.SENTENCES
    assert explained(study, "--model", str(model), "--text", str(text), "--methods", "magnitude", "--by", "all") == 0
    table = study.table("distance").set_index(["distance", "source", "target"])["value"]
    assert {"types", "occurrences", "size", "scarcity"} <= set(table.index.get_level_values(0))
    assert 0 < table["occurrences", "en", "fr"] < 1
    assert np.isfinite(table["scarcity"]).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--methods", "fisher"), "no overlap counts of these methods"),
        (("--sparsity", "0.77"), "it has magnitude 0.1"),
        (("--mask-seed", "7"), "it has magnitude 0.1 seed 0"),
        (("--mask-seed", "-1"), "--mask-seed -1: a seed is from 0"),
        (("--model", "somewhere"), "--model and --text go together"),
        (("--study", "nowhere"), "not a study"),
        (("--by", "all,expert"), "--by expert: this network has no experts; use --by layer"),
    ],
)
def test_wrong_input_is_said_in_one_line(study, capsys, options, said):
    assert explained(study, *options) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(Study(study.path).rows("association"))


def test_rows_with_the_former_names_of_components_are_shown_with_the_present_ones(study, capsys):
    asked = ("--methods", "magnitude", "--measures", "jaccard", "--by", "component", "--format", "json")
    explained(study, *asked)
    new = capsys.readouterr().out
    file = study.path / "results.jsonl"
    former = file.read_text().replace('"group": "up"', '"group": "intermediate"')
    former = former.replace('"group": "down"', '"group": "output"')
    assert former != file.read_text()
    file.write_text(former)
    explained(study, *asked)
    assert capsys.readouterr().out == new
    assert file.read_text() == former


def test_languages_that_are_not_on_the_tree_or_the_globe_are_said():
    said = "\n".join(notes(["eng", "deu", "fra", "epo", "tlh"]))
    assert "on the tree, so left out of tests along it: epo, tlh" in said
    assert "on the globe, so left out of tests along it: tlh" in said


@pytest.mark.long
def test_families_and_models_are_stored_for_every_overlap_and_opened_again(study):
    assert explained(study, "--methods", "magnitude", "--measures", "jaccard") == 0
    again = Study(study.path)
    left = again.table("leaving")
    assert set(left["scheme"]) == {"tree"}
    assert {"family", "script"} == set(left["left"])
    assert set(left["without"]) == {"", "Arab", "Latn"}, "without Indo-European, three languages are left"
    mixed, recovery = again.table("mixed"), again.table("recovery")
    assert set(mixed["by"]) == set(recovery["by"]) == {"all", "layer"}
    assert set(recovery["what"]) == {"triplets", "branch", "family"}
    assert set(mixed["distance"]) == {"syntactic", "genetic", "geographic", "script"}


def test_few_languages_are_not_tested(tmp_path, capsys):
    few = synthetic.encoder_study(tmp_path / "few", languages=("en", "fr", "sw"), layers=2, seeds=(0,))
    assert explained(few) == 2
    assert "3 languages; an association takes at least 4" in capsys.readouterr().err


def test_variants_of_one_language_are_no_two_languages_to_a_mixed_model():
    members = ["en", "en-GB", "fr", "de", "es", "sw", "zh"]
    rng = np.random.default_rng(0)
    apart = typology.distances(members)
    overlap = apart[apart["distance"] == "script"].assign(group="all", value=lambda table: rng.random(len(table)))
    given = {"overlap": overlap, "apart": apart, "members": members}
    test = worker.Test("mixed", "", ("geographic",))
    row = worker.Tester(permuted={"count": 9, "seed": 0})._table(test, given).iloc[0]
    assert (row["languages"], row["left_out"]) == (6, "en-GB")
