"""Data of every task by language."""

import gzip
import lzma
import sys

import datasets
import pandas as pd
import pytest
import tiny

from neutral.errors import FileError, NeutralError
from neutral.tasks import data
from neutral.tasks.examples import Example


def test_labelled_examples_come_by_language_with_one_set_of_labels(tmp_path):
    source = tiny.labelled(tmp_path / "nli", "nli")
    (source / "sw" / "train.tsv").write_text("premise\thypothesis\tlabel\na\tb\tmaybe\nc\td\tyes\n", encoding="utf-8")
    corpus = data.load("nli", source)
    assert corpus.languages == ["en", "sw"]
    assert corpus.labels == ("maybe", "no", "yes")
    assert corpus.train["sw"] == [Example(("a", "b"), 0), Example(("c", "d"), 2)]
    assert {example.label for example in corpus.train["en"]} == {1, 2}
    assert len(corpus.held_out["en"]) == 20


def test_the_hash_changes_with_a_text_and_with_a_label(tmp_path):
    source = tiny.labelled(tmp_path / "ner", "ner")
    before = data.load("ner", source).hashes
    path = source / "en" / "validation.conll"
    path.write_text(path.read_text(encoding="utf-8").replace("B-CAP", "O", 1), encoding="utf-8")
    after = data.load("ner", source).hashes
    assert before["en"] != after["en"]
    assert before["sw"] == after["sw"]


def test_a_mixture_brings_the_data_of_its_parts_and_a_hash_of_its_own(tmp_path):
    source = tiny.labelled(tmp_path / "ner", "ner")
    corpus = data.load("ner", source, ["en+sw", "sw"])
    assert corpus.languages == ["en+sw", "sw"]
    assert set(corpus.train) == {"en", "sw"}
    assert len(set(corpus.hashes.values())) == 3
    text = data.load("mlm", tiny.SENTENCES, ["en", "en+fa+fr+zh"])
    assert text.languages == ["en", "en+fa+fr+zh"]
    assert list(text.train) == ["en", "fa", "fr", "zh"]
    for wrong in ("en+", "en+en"):
        with pytest.raises(NeutralError, match="a mixture is different languages"):
            data.load("mlm", tiny.SENTENCES, [wrong])


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch):
    source = tiny.labelled(tmp_path / "ner", "ner")
    with pytest.raises(FileError, match="no data for fa; it has en, sw"):
        data.load("ner", source, ["en+fa"])
    with pytest.raises(FileError, match="has no labelled data"):
        data.load("ner", tiny.SENTENCES)
    with pytest.raises(NeutralError, match="--held-out: labelled data has its own validation files"):
        data.load("ner", source, held_out=source)
    with pytest.raises(NeutralError, match="--task colour: unknown; use one of mlm, clm, ner, pos, nli"):
        data.load("colour", source)
    with pytest.raises(NeutralError, match="say which languages to load"):
        data.load("ner", "unimelb-nlp/wikiann")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(NeutralError, match="pip install datasets"):
        data.load("nli", "facebook/xnli", ["en"])


def test_a_data_set_of_the_hub_has_a_configuration_a_language(monkeypatch):
    asked, frame = [], pd.DataFrame({"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [0, 2]})

    class Hub:
        @staticmethod
        def load_dataset(name, configuration):
            asked.append((name, configuration))
            kind = type("Class", (), {"names": ["entailment", "neutral", "contradiction"]})
            split = type("Split", (), {"to_pandas": lambda _: frame.copy(), "features": {"label": kind}})
            return {"train": split(), "validation": split()}

    monkeypatch.setitem(sys.modules, "datasets", Hub)
    corpus = data.load("nli", "facebook/xnli", ["en", "sw"])
    assert asked == [("facebook/xnli", "en"), ("facebook/xnli", "sw")]
    assert corpus.labels == ("contradiction", "entailment")
    assert corpus.train["sw"] == [Example(("a", "c"), 1), Example(("b", "d"), 0)]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_folders_in_the_layout_of_the_hub_are_read_in_silence(tmp_path, monkeypatch, capfd, form):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    names = ["entailment", "neutral", "contradiction"]
    features = datasets.Features(
        {
            "premise": datasets.Value("string"),
            "hypothesis": datasets.Value("string"),
            "label": datasets.ClassLabel(names=names),
        }
    )
    rows = {"premise": list("abc"), "hypothesis": list("def"), "label": [0, 1, 2]}
    for code in ("en", "sw"):
        folder = tmp_path / "xnli" / code
        folder.mkdir(parents=True)
        for split in ("train", "validation", "test"):
            made = datasets.Dataset.from_dict(rows, features=features)
            if form == "parquet":
                made.to_parquet(folder / f"{split}-00000-of-00001.parquet")
            else:
                made.to_json(folder / f"{split}.jsonl")
    capfd.readouterr()
    corpus = data.load("nli", tmp_path / "xnli")
    assert capfd.readouterr() == ("", "")
    assert corpus.labels == (tuple(sorted(names)) if form == "parquet" else ("0", "1", "2"))
    assert [example.texts for example in corpus.train["sw"]] == [("a", "d"), ("b", "e"), ("c", "f")]


@pytest.mark.parametrize(
    "place", ["{}/elsewhere/e.parquet", "../../elsewhere/e.parquet", "http://127.0.0.1:9/e.parquet"]
)
def test_the_card_of_a_folder_names_its_classes_and_no_file_elsewhere(tmp_path, monkeypatch, place):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "xnli" / "en"
    folder.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for file, word in ((tmp_path / "elsewhere" / "e.parquet", "secret"), (folder / "x", "own")):
        rows = pd.DataFrame({"premise": [word] * 3, "hypothesis": list("def"), "label": [0, 1, 2]})
        for split in ("train", "validation") if word == "own" else ("",):
            rows.to_parquet(folder / f"{split}-00000-of-00001.parquet" if split else file)
    names = "".join(f"          '{i}': {name}\n" for i, name in enumerate(("entailment", "neutral", "contradiction")))
    texts = "".join(f"  - name: {name}\n    dtype: string\n" for name in ("premise", "hypothesis"))
    label = f"  - name: label\n    dtype:\n      class_label:\n        names:\n{names}"
    named = f"configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: {place.format(tmp_path)}\n"
    (folder / "README.md").write_text(f"---\ndataset_info:\n  features:\n{texts}{label}{named}---\n")
    corpus = data.load("nli", tmp_path / "xnli")
    assert {example.texts[0] for example in corpus.train["en"] + corpus.held_out["en"]} == {"own"}
    assert corpus.labels == ("contradiction", "entailment", "neutral")


@pytest.mark.parametrize("task", ["ner", "nli"])
@pytest.mark.parametrize("packed", [gzip, lzma])
def test_packed_files_give_the_same_data(task, packed, tmp_path):
    source = tiny.labelled(tmp_path / task, task, ("en",))
    plain = data.load(task, source)
    for path in list((source / "en").iterdir()):
        packing = path.with_name(path.name + {gzip: ".gz", lzma: ".xz"}[packed])
        packing.write_bytes(packed.compress(path.read_bytes()))
        path.unlink()
    assert data.load(task, source).train == plain.train
    assert data.load(task, source).hashes == plain.hashes
    packing.write_bytes(b"no archive")
    with pytest.raises(FileError, match="cannot be read"):
        data.load(task, source)
