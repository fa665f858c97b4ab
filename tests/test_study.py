import json

import pandas as pd
import pytest

from neutral import maskfiles, overlap
from neutral.errors import FileError, NeutralError
from neutral.masks import Mask
from neutral.study import Study, at_sparsity, find_studies, same_sparsity


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "one", {"title": "One", "languages": ["en"], "text": {"hashes": {"en": "a"}}})


def test_results_come_back_as_a_tidy_table(study):
    study.append("score", language="en", value=1.5)
    study.append("functional", source="en", target="sw", value=2.0)
    study.append("score", language="sw", value=float("inf"))
    table = study.table("score")
    assert list(table.columns) == ["language", "value"]
    assert table.value.tolist() == [1.5, float("inf")]
    assert study.has("score", language="sw")
    assert not study.has("score", language="fr")
    assert study.table("none").empty


def test_a_torn_last_line_is_ignored_and_cut_off_before_the_next(study):
    study.append("score", language="en")
    file = study.path / "results.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"kind": "sco')
    assert len(study.table("score")) == 1
    study.append("score", language="sw")
    assert [json.loads(line)["language"] for line in file.read_text().splitlines()] == ["en", "sw"]


def test_rows_that_belong_together_count_when_all_are_there_wherever_a_kill_cut_them(study):
    study.append("score", language="en")
    file, group = study.path / "results.jsonl", [{"distance": name} for name in "abc"]
    before = file.read_bytes()
    study.extend("association", group)
    whole = file.read_bytes()
    assert study.table("association").to_dict("records") == group
    for end in range(len(before), len(whole) - 1):
        file.write_bytes(whole[:end])
        assert study.table("association").empty
        assert len(list(study.rows())) == 1
        if end % 10 == 0 or whole[:end].endswith(b"\n"):
            study.extend("association", group)
            assert file.read_bytes() == whole
    file.write_bytes(whole)
    study.append("score", language="sw")
    assert [len(study.table(kind)) for kind in ("score", "association")] == [2, 3]


@pytest.mark.parametrize("held", ["results.jsonl", "masks/a.safetensors", "counts/a.safetensors"])
def test_results_without_a_study_json_are_not_taken_for_those_of_a_new_study(tmp_path, held):
    file = tmp_path / "study" / held
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    with pytest.raises(FileError, match=r"no study\.json that tells how they were made"):
        Study.create(tmp_path / "study", {})
    assert not (tmp_path / "study" / "study.json").exists()
    file.unlink()
    Study.create(tmp_path / "study", {})


@pytest.mark.parametrize("text", ["w", "é" * 70_000], ids=["short", "longer than a piece"])
def test_a_whole_last_line_without_its_end_is_a_result_and_stays_one(study, text):
    study.append("score", language="en")
    file = study.path / "results.jsonl"
    file.write_text(file.read_text() + json.dumps({"kind": "score", "note": text}, ensure_ascii=False))
    assert study.has("score", note=text)
    study.append("score", language="sw")
    assert study.table("score").language.fillna("").tolist() == ["en", "", "sw"]
    assert file.read_bytes().count(b"\n") == 3


def test_a_broken_line_in_the_middle_is_named(study):
    study.append("score", language="en")
    file = study.path / "results.jsonl"
    file.write_bytes(b"nonsense\n" + file.read_bytes())
    with pytest.raises(FileError, match=r"results\.jsonl: line 1 is broken"):
        study.table("score")


def test_going_on_unites_lists_and_refuses_another_model(study):
    again = Study.create(study.path, {"languages": ["sw"], "text": {"hashes": {"sw": "b"}}})
    assert again.info["languages"] == ["en", "sw"]
    assert again.info["text"]["hashes"] == {"en": "a", "sw": "b"}
    with pytest.raises(NeutralError, match="was made with title = One"):
        Study.create(study.path, {"title": "Two"}, fixed=("title",))


def test_counts_and_masks_are_listed_by_what_they_are(study):
    masks = [Mask.random({"encoder.layer.0.output.dense.weight": (8, 8)}, 0.5, seed) for seed in (0, 1)]
    counts = overlap.count(masks, ["en", "sw"])
    counts.save(study.counts_path("mlm", "wanda", 0.5, 0, "languages"))
    (study.path / "counts" / "stray.safetensors").write_bytes(b"")
    index = study.counts_index()
    assert index[["task", "method", "sparsity", "seed", "kind"]].values.tolist() == [
        ["mlm", "wanda", 0.5, 0, "languages"]
    ]
    assert study.counts("mlm", "wanda", 0.5).jaccard().equals(counts.jaccard())
    with pytest.raises(FileError, match="no languages counts of wanda at 70%"):
        study.counts("mlm", "wanda", 0.7)
    assert study.masks_index().empty


def test_masks_of_languages_with_a_script_or_region_are_listed_by_language_and_half(study):
    mask = Mask.random({"encoder.layer.0.output.dense.weight": (8, 8)}, 0.5, 0)
    stored = [(code, variant) for code in ("en+fa", "ko_KR", "srp_Cyrl_RS", "sw") for variant in ("", "a", "b")]
    for code, variant in stored:
        maskfiles.write(mask, study.mask_path("mlm", "wanda", 0.5, 0, code, variant))
    index = study.masks_index()
    assert sorted(zip(index["language"], index["variant"], strict=True)) == stored
    assert list(study.masks_of("mlm", "wanda", 0.5)) == ["en+fa", "ko_KR", "srp_Cyrl_RS", "sw"]


def test_what_is_no_study_is_named(tmp_path, study):
    with pytest.raises(FileError, match="is not a study"):
        Study(tmp_path)
    (study.path / "study.json").write_text("{")
    with pytest.raises(FileError, match=r"study\.json: cannot be read as a study\.json"):
        Study(study.path)
    assert find_studies(tmp_path) == [study.path]


def test_sparsities_that_were_computed_are_found():
    column = pd.Series([0.1 + 0.2, 0.3, 0.31, 0])
    assert at_sparsity(column, 0.3).tolist() == [True, True, False, False]
    assert same_sparsity(0.1 + 0.2, 0.3)
    assert not same_sparsity(0.3, 0.31)
