import sys
from types import SimpleNamespace

import architectures
import pandas as pd
import pytest
import tiny
import torch
from torch.nn import functional as F
from transformers import AutoConfig

from neutral import models
from neutral.errors import NeutralError
from neutral.tasks import examples
from neutral.tasks.base import tell_padding
from neutral.tasks.classification import Classification
from neutral.tasks.examples import Example

ROWS = pd.DataFrame({"text": ["good day", "bad, day", "good night", "NA"], "label": ["pos", "neg", "pos", "neg"]})
WRITERS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "parquet": lambda frame, path: frame.to_parquet(path),
}


def write(folder, train=ROWS, validation=ROWS, form="csv", second="validation"):
    for name, frame in (("train", train), (second, validation)):
        if frame is not None:
            WRITERS[form](frame, folder / f"{name}.{form}")
    return folder


@pytest.mark.parametrize("form", list(WRITERS))
def test_every_form_of_file_gives_the_same_data(form, tmp_path):
    data = examples.load(write(tmp_path, form=form))
    assert data.labels == ["neg", "pos"]
    assert data.train == data.validation
    assert data.train[1] == Example(("bad, day",), 0)
    assert [example.label for example in data.train] == [1, 0, 1, 0]
    assert data.train[3].texts == ("NA",)  # a word, and no missing value


@pytest.mark.parametrize("columns", examples.TEXTS)
def test_texts_and_pairs_of_texts_are_found_by_their_names(columns, tmp_path):
    frame = pd.DataFrame({c: [f"{c} {i}" for i in range(2)] for c in columns} | {"idx": [7, 8], "label": [0, 1]})
    data = examples.load(write(tmp_path, frame, frame))
    assert data.train[1].texts == tuple(f"{c} 1" for c in columns)


@pytest.mark.parametrize("form", list(WRITERS))
def test_numbers_as_labels_are_in_the_order_of_their_size(form, tmp_path):
    frame = pd.DataFrame({"sentence": list("abc"), "label": [10, 9, -1]})
    data = examples.load(write(tmp_path, frame, frame.assign(label=frame["label"].astype(float)), form))
    assert data.labels == ["-1", "9", "10"]
    assert [example.label for example in data.train] == [example.label for example in data.validation] == [2, 1, 0]


def test_dev_and_test_stand_in_for_validation(tmp_path):
    write(tmp_path, second="test", validation=ROWS[:2])
    assert len(examples.load(tmp_path).validation) == 2
    write(tmp_path, second="dev", validation=ROWS[:3])
    assert len(examples.load(tmp_path).validation) == 3


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        (ROWS.drop(columns="label"), ROWS, r"train.csv has no column label .*; it has text$"),
        (ROWS.rename(columns={"text": "body"}), ROWS, r"train.csv has no column of texts .*; it has body, label"),
        (ROWS.assign(label="pos"), ROWS, r"train.csv has one class only \(pos\)"),
        (ROWS[:0], ROWS, "train.csv has no rows"),
        (ROWS, ROWS[:0], "validation.csv has no rows"),
        (None, ROWS, r"has no train file \(train.parquet, train.csv, train.tsv, "),
        (ROWS, None, "has no validation file"),
        (
            ROWS.assign(label=["-", "", "-", " "]),
            ROWS,
            r"train.csv has no rows to use, or too few: no class \(-\) 2, ",
        ),
        (ROWS.assign(text=["a", "", "", "c"]), ROWS, "train.csv has no rows to use, or too few: no text 2"),
        (ROWS.assign(label=[0.5, 1, 2, 3]), ROWS, "train.csv: label 0.5 is a fraction"),
        (ROWS, ROWS.assign(label=["pos", "neg", "odd", "neg"]), "validation.csv has labels that the train.* odd$"),
    ],
)
def test_bad_data_is_said_in_one_line(train, validation, message, tmp_path):
    with pytest.raises(NeutralError, match=message) as raised:
        examples.load(write(tmp_path, train, validation))
    assert "\n" not in str(raised.value)
    assert str(tmp_path) in str(raised.value)


def test_rows_without_a_text_or_a_class_are_left_out_and_counted(tmp_path):
    rows = pd.concat([ROWS, ROWS]).assign(text=["a", None, *"bcdefg"], label=["pos", "neg", None, "-", "", *"xyx"])
    data = examples.load(write(tmp_path, rows, rows, "jsonl"))
    assert [(example.texts, data.labels[example.label]) for example in data.train] == [
        (("a",), "pos"),
        (("e",), "x"),
        (("f",), "y"),
        (("g",), "x"),
    ]
    assert data.left_out["train"] == {"no class": 2, "no text": 1, "no class (-)": 1}


def test_files_that_are_no_tables_and_folders_that_are_not_there_are_said(tmp_path):
    (tmp_path / "train.parquet").write_bytes(b"not a parquet file")
    with pytest.raises(NeutralError, match=r"train.parquet: cannot be read as a table"):
        examples.load(tmp_path)
    with pytest.raises(NeutralError, match="no such folder of labelled texts"):
        examples.load(tmp_path / "nowhere")


def test_without_the_package_a_hub_data_set_is_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(NeutralError, match="pip install datasets"):
        examples.load("nyu-mll/glue:sst2")


class Hub:
    """Stands in for the package `datasets`."""

    def __init__(self, **splits):
        self.splits, self.asked = splits, None

    def load_dataset(self, name, configuration):
        self.asked = name, configuration
        if not self.splits:
            raise FileNotFoundError("no such data set\nwith a long story")
        return {name: type("Split", (), {"to_pandas": lambda self, f=f: f})() for name, f in self.splits.items()}


def test_a_hub_data_set_is_loaded_by_id_and_configuration(monkeypatch):
    frame = pd.DataFrame({"premise": ["a", "b", "c"], "hypothesis": ["d", "e", "f"], "label": [0, -1, 1]})
    hub = Hub(train=frame, validation_matched=frame, test=frame)
    monkeypatch.setitem(sys.modules, "datasets", hub)
    data = examples.load("nyu-mll/glue:mnli")
    assert hub.asked == ("nyu-mll/glue", "mnli")
    assert data.train == data.validation == [Example(("a", "d"), 0), Example(("c", "f"), 1)]  # -1 is undecided
    examples.load("facebook/xnli")
    assert hub.asked == ("facebook/xnli", None)


def test_a_hub_data_set_that_lacks_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", Hub(train=ROWS, other=ROWS))
    with pytest.raises(NeutralError, match="has no validation split, only train, other"):
        examples.load("some/data")
    monkeypatch.setitem(sys.modules, "datasets", Hub())
    with pytest.raises(NeutralError, match=r"no data set of the hub: no such data set "):
        examples.load("some/data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


def classifier(folder, kind="bert", classes=3):
    torch.manual_seed(0)
    model = tiny.saved(folder, kind) if kind != "bert" else folder
    return models.load_model(model, "classification", num_labels=classes).eval()


def test_a_batch_is_padded_on_the_right_and_cut_at_the_length(folder):
    task = Classification(models.load_tokenizer(folder), length=8)
    rows = [task.example(Example((text,), i)) for i, text in enumerate(("rain", "the rain fell all night long again"))]
    batch = task.collate(rows)
    assert batch["input_ids"].shape == (2, 8)
    assert batch["labels"].tolist() == [0, 1]
    assert batch["attention_mask"].sum(dim=1).tolist() == [len(rows[0]["input_ids"]), 8]
    assert (batch["input_ids"][batch["attention_mask"] == 0] == task.tokenizer.pad_token_id).all()


@pytest.mark.parametrize("kind", ["bert", "distilbert", "xlm-roberta", "gpt2", "llama"])
def test_the_score_is_that_of_examples_one_by_one(kind, folder, tmp_path):
    model = classifier(folder if kind == "bert" else tmp_path, kind)
    task = Classification(models.load_tokenizer(folder if kind == "bert" else tmp_path))
    model.config.pad_token_id = task.tokenizer.pad_token_id
    texts = tiny.text().train["en"][:9]
    examples = [Example((text, text[::-1]), i % 3) for i, text in enumerate(texts)]
    right = loss = 0.0
    for example in examples:
        tokens = task.tokenizer(*example.texts, return_tensors="pt")
        with torch.no_grad():
            logits = model(**tokens).logits[0]
        right += int(logits.argmax()) == example.label
        loss -= float(F.log_softmax(logits, dim=0)[example.label])
    score = task.evaluate(model, examples, batch_size=4)
    assert score.value == pytest.approx(right / 9)
    assert score.loss == pytest.approx(loss / 9, rel=5e-2)  # bfloat16 where the processor has it
    assert score.count == 9


def test_a_tokenizer_without_padding_takes_its_end_token(folder):
    tokenizer = models.load_tokenizer(folder)
    tokenizer.pad_token, tokenizer.eos_token = None, "[SEP]"
    assert Classification(tokenizer).tokenizer.pad_token == "[SEP]"
    tokenizer.pad_token = tokenizer.eos_token = None
    with pytest.raises(NeutralError, match="neither a padding nor an end token"):
        Classification(tokenizer)


def test_a_model_with_a_text_model_in_it_knows_the_padding_in_both_configurations(folder):
    """The head for sequences asks the text model's: without, it refuses batches."""
    config = AutoConfig.for_model("qwen3_5", **architectures.ARCHS["qwen3_5"][3])
    tell_padding(SimpleNamespace(config=config, modules=list), models.load_tokenizer(folder))
    assert config.pad_token_id == config.get_text_config().pad_token_id == 0
