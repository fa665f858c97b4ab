"""The beginnings of a run's study."""

import json

import pytest

from neutral.errors import NeutralError
from neutral.hashes import configured
from neutral.runs.records import Finished, begin, writing
from neutral.study import Study


def info(seed):
    return {"task": "ner", "text": {"hashes": {"en": "a"}}, "settings": {"random": {"mask_seed": seed, "only": ""}}}


@pytest.mark.parametrize(
    ("before", "after", "said"), [(0, 1, "0, not 1"), (1, 0, "1, not 0"), (None, 0, "unset, not 0")]
)
def test_a_refused_setting_is_said_as_it_is(tmp_path, before, after, said):
    begin(tmp_path, info(before), fixed=("task",))
    with pytest.raises(NeutralError, match=f"random results were made with mask_seed {said};"):
        begin(tmp_path, info(after), fixed=("task",))
    begin(tmp_path, info(before), fixed=("task",))


def test_a_refusal_takes_a_new_study_away_but_none_with_a_result(tmp_path):
    def refused(folder, work=lambda folder: None):
        def run():
            with writing(folder):
                work(begin(folder, info(0), fixed=()))
                raise NeutralError("no")

        with pytest.raises(NeutralError, match="no"):
            run()

    refused(tmp_path / "runs" / "new")
    assert not list(tmp_path.iterdir())
    refused(tmp_path / "scored", lambda study: study.append("score", value=1.0))
    refused(tmp_path / "masked", lambda study: (study.path / "masks" / "x.safetensors").touch())
    assert (tmp_path / "scored" / "study.json").is_file()
    assert (tmp_path / "masked" / "study.json").is_file()
    begin(tmp_path / "before", info(0), fixed=())
    refused(tmp_path / "before")
    assert (tmp_path / "before" / "study.json").is_file()
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty")
    assert not list((tmp_path / "empty").iterdir())  # the folder itself was there before


def test_a_study_goes_on_with_the_same_configuration_only(tmp_path):
    def configuration(**entries):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "num_hidden_layers": 2} | entries))
        return configured(tmp_path)

    plain = configuration()
    same = {"id2label": {"0": "a"}, "torch_dtype": "float16", "transformers_version": "4", "num_attention_heads": 12}
    assert configuration(**same) == plain  # 12 heads are transformers' default
    assert configuration(num_attention_heads=6) != plain
    assert configuration(hidden_act="tanh") != plain
    begin(tmp_path / "study", info(0) | {"config": plain, "model": "m"}, fixed=())
    begin(tmp_path / "study", info(0) | {"config": plain, "model": "m"}, fixed=())
    with pytest.raises(NeutralError, match=r"was made with another configuration \(config.json\) of m; use that one"):
        begin(tmp_path / "study", info(0) | {"config": "0" * 16}, fixed=())
    begin(tmp_path / "old", info(0), fixed=())
    assert begin(tmp_path / "old", info(0) | {"config": plain}, fixed=()).info["config"] == plain


def test_results_of_a_later_version_are_no_hindrance(tmp_path):
    study = Study.create(tmp_path, info(0))
    study.append("prophecy", task=["mlm", {"of": "later"}])
    results = Finished(study, ("task",))
    assert results.has("prophecy", task=["mlm", {"of": "later"}])
    assert not results.has("score", task="mlm")
