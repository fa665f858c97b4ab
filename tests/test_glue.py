"""GLUE's tasks: their files, classes, metrics, and what is said of data that are not theirs."""

import json
import sys

import datasets
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from scipy.stats import pearsonr, spearmanr
from test_classification import WRITERS, Hub

from neutral import models
from neutral.errors import NeutralError
from neutral.tasks import benchmarks, glue, splits
from neutral.tasks.examples import Example
from neutral.tasks.glue import TASKS, Glue


def rows(name, labels=(0, 1, 0, 1)):
    columns = TASKS[name].columns
    texts = {column: [f"{column} {i}" for i in range(len(labels))] for column in columns}
    return pd.DataFrame({**texts, "label": list(labels), "idx": range(len(labels))})


def write(folder, name, form="parquet", **changed):
    folder.mkdir(exist_ok=True)
    for split in ("train", *TASKS[name].held_out):
        WRITERS[form](changed.get(split, rows(name)), folder / f"{split}.{form}")
    return folder


@pytest.mark.parametrize(("name", "form"), list(zip(TASKS, [*WRITERS, *WRITERS, "csv"], strict=True)))
def test_every_task_is_read_with_its_own_columns_and_scored_by_its_own_metrics(name, form, tmp_path):
    data = benchmarks.load(write(tmp_path / name, name, form))
    assert data.task == name
    assert list(data.held_out) == list(TASKS[name].held_out)
    for examples in (data.train, *data.held_out.values()):
        assert [example.label for example in examples] == [0, 1, 0, 1]
        assert examples[2].texts == tuple(f"{column} 2" for column in TASKS[name].columns)
    expected = {"cola": ["matthews"], "mrpc": ["f1", "accuracy"], "qqp": ["f1", "accuracy"]}
    expected["stsb"] = ["pearson", "spearman"]
    assert list(TASKS[name].metrics) == expected.get(name, ["accuracy"])


def test_names_of_classes_stand_for_their_numbers(tmp_path):
    named = rows("mnli").assign(label=["contradiction", "entailment", "neutral", "entailment"])
    data = benchmarks.load(write(tmp_path / "mnli", "mnli", "jsonl", train=named))
    assert [example.label for example in data.train] == [2, 0, 1, 0]


def test_json_of_other_shapes_and_dev_for_validation_are_read(tmp_path):
    rows("rte").to_json(tmp_path / "train.json", orient="records")
    (tmp_path / "dev.json").write_text(json.dumps(rows("rte").to_dict("list")))
    examples, left_out = glue.read("rte", tmp_path)
    assert examples["train"] == examples["validation"]
    assert len(examples["train"]) == 4
    assert left_out == {"train": {}, "validation": {}}


def test_a_snapshot_of_the_hub_is_read_in_pieces_without_its_secret_labels(tmp_path, monkeypatch):
    features = datasets.Features(
        {"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=list(TASKS["cola"].classes))}
    )
    folder = tmp_path / "glue" / "cola"
    folder.mkdir(parents=True)
    for split, labels in (("train", [1, 0]), ("train", [0, 1]), ("validation", [1, -1, 0]), ("test", [-1, -1])):
        made = datasets.Dataset.from_dict({"sentence": [f"s{i}" for i in labels], "label": labels}, features=features)
        piece = len(list(folder.glob(f"{split}-*")))
        made.to_parquet(folder / f"{split}-{piece:05}-of-{2 if split == 'train' else 1:05}.parquet")
    monkeypatch.setitem(sys.modules, "datasets", None)  # it isn't needed
    for source in (folder, folder.parent):  # the one data set in a folder will do
        data = benchmarks.load(source, "cola")
        assert [example.label for example in data.train] == [1, 0, 0, 1]
        assert [example.label for example in data.held_out["validation"]] == [1, 0]
        assert data.left_out == {"validation": {"no class (-1)": 1}}
    (folder / "validation-00000-of-00001.parquet").unlink()
    with pytest.raises(NeutralError, match="has no validation file"):
        benchmarks.load(folder)
    with pytest.raises(NeutralError, match=r"test-00000-of-00001\.parquet: every label is -1, so kept secret"):
        splits.tables(folder, {".parquet": pd.read_parquet}, named=False)
    (folder / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(NeutralError, match=r"train-00001-of-00002\.parquet: this piece of the split is missing"):
        benchmarks.load(folder)


def test_the_hub_is_asked_for_the_configuration_of_the_task(monkeypatch):
    hub = Hub(train=rows("stsb", [0.0, 5.0, 2.5]), validation=rows("stsb", [1.0, 4.8]), test=rows("stsb", [-1.0]))
    monkeypatch.setitem(sys.modules, "datasets", hub)
    data = benchmarks.load("nyu-mll/glue:stsb")
    assert hub.asked == ("nyu-mll/glue", "stsb")
    assert [example.label for example in data.train] == [0, 5, 2.5]
    benchmarks.load("nyu-mll/glue", "STS-B")
    assert hub.asked == ("nyu-mll/glue", "stsb")


@pytest.mark.parametrize(
    ("name", "train", "message"),
    [
        ("mrpc", rows("mrpc").drop(columns="sentence2"), "train.jsonl has no column sentence2; mrpc has sentence1, "),
        ("cola", rows("cola", [0, 1, 2]), r"train.jsonl: row 3 has the label 2; cola has 0 \(unacceptable\), 1 "),
        ("cola", rows("cola", [0, 1, "good"]), "row 3 has the label good; cola has"),
        ("cola", rows("cola", [0, 1, None]), "row 3 has the label"),
        ("stsb", rows("stsb", [0.5, 7]), "row 2 has the label 7.0; stsb has numbers from 0 to 5"),
        ("stsb", rows("stsb", [0.5, "x"]), "row 2 has the label x"),
        ("rte", rows("rte").assign(sentence2=["a", " ", "b", "c"]), "row 2 has no text in column sentence2"),
        ("sst2", rows("sst2", [-1, -1]), "train.jsonl: every label is -1, so kept secret"),
        ("sst2", rows("sst2")[:0], "train.jsonl has no "),
    ],
)
def test_what_is_not_the_tasks_is_refused_in_one_line(tmp_path, name, train, message):
    with pytest.raises(NeutralError, match=message) as raised:
        benchmarks.load(write(tmp_path / name, name, "jsonl", train=train))
    assert "\n" not in str(raised.value)


def test_a_broken_line_and_several_data_sets_are_named(tmp_path):
    write(tmp_path / "rte", "rte", "jsonl")
    (tmp_path / "rte" / "train.jsonl").write_text('{"sentence1": "a"}\n{"sentence1"\n')
    with pytest.raises(NeutralError, match=r"train\.jsonl: cannot be read as a table of texts: line 2 is no JSON"):
        benchmarks.load(tmp_path / "rte")
    write(tmp_path / "cola", "cola")
    with pytest.raises(NeutralError, match="has several data sets; give one of them: cola, rte"):
        benchmarks.load(tmp_path, "cola")
    with pytest.raises(NeutralError, match="--finetune-task xnli: unknown"):
        benchmarks.load(tmp_path, "xnli")


def test_regression_is_scored_by_both_correlations_and_trained_on_squares(tmp_path):
    folder = tiny.saved(tmp_path)
    task = Glue("stsb", models.load_tokenizer(folder))
    torch.manual_seed(0)
    model = models.load_model(folder, task.head, **task.model_options).eval()
    draw = np.random.default_rng(0)
    texts = tiny.text().train["en"][:12]
    examples = [Example((text, texts[i - 1]), float(draw.integers(0, 6))) for i, text in enumerate(texts)]
    with torch.no_grad():
        given = [model(**task.tokenizer(*e.texts, return_tensors="pt")).logits.item() for e in examples]
        batch = task.collate([task.example(e) for e in examples])
        loss = task.mean_loss(model, batch).item()
    true = [example.label for example in examples]
    pearson, spearman = task.scores(model, examples, batch_size=5)
    assert (pearson.metric, spearman.metric, pearson.count) == ("pearson", "spearman", 12)
    assert pearson.value == pytest.approx(pearsonr(given, true)[0], abs=5e-3)  # this model says almost the same of all
    assert spearman.value == pytest.approx(spearmanr(pearson.parts[:, 0], true)[0])
    assert pearson.loss == pytest.approx(np.square(np.subtract(given, true)).mean(), rel=1e-4)
    assert loss == pytest.approx(np.square(np.subtract(given, true)).mean(), rel=1e-4)
