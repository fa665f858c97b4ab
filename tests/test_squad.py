"""SQuAD: exact match and F1 by hand, windows over long contexts, the likeliest span, and files of both layouts."""

import json
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from test_classification import Hub

from neutral import models
from neutral.errors import NeutralError
from neutral.tasks import answers, benchmarks, squad
from neutral.tasks.squad import Question, Squad

CONTEXT = "The old mill stood by the river. Ada Lovelace, aged nine, lived in it until 1824."
FULL = "by the river"


def row(question="Where did the mill stand?", texts=(FULL, "the river"), context=CONTEXT):
    starts = [context.find(text) for text in texts]
    return {"id": "7", "context": context, "question": question, "answers": {"text": texts, "answer_start": starts}}


@pytest.mark.parametrize(
    ("answer", "truths", "exact", "f1"),
    [
        ("the River", ["river"], True, 1.0),
        ("river!", ["a sea", "The river."], True, 1.0),
        ("by the river", ["the river"], False, 2 / 3),
        ("Ada Lovelace, aged nine", ["Ada Lovelace"], False, 2 * (2 / 4) * 1 / (2 / 4 + 1)),
        ("1825", ["1824"], False, 0.0),
        ("no no yes", ["no yes yes"], False, 2 / 3),  # bags: one no and one yes are shared
        ("", ["the river"], False, 0.0),
        ("half a mile", ["half-mile"], False, 0.0),  # a hyphen joins: halfmile
        ("an anthem", ["anthem"], True, 1.0),  # the article alone goes
    ],
)
def test_exact_match_and_f1_are_those_of_hand_made_cases(answer, truths, exact, f1):
    assert answers.exact_match(answer, truths) is exact
    assert answers.f1(answer, truths) == pytest.approx(f1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


def questions(count=3):
    texts = tiny.text().train["en"]
    made = []
    for i in range(count):
        context = " ".join(texts[3 * i : 3 * i + 3 + i])
        word = context.split()[4 * i + 2]
        made.append(Question(f"What of {texts[i]}", context, (word,), (context.index(word),)))
    return made


def test_windows_hold_the_whole_context_overlap_by_the_stride_and_know_the_answer(folder):
    task = Squad(models.load_tokenizer(folder), length=40, stride=6)
    for row in questions():
        windows = task.items([row])
        assert len(windows) > 1
        assert all(len(window.tokens["input_ids"]) <= 40 for window in windows)
        whole = task.tokenizer(row.context, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        read = [tuple(map(int, letters)) for window in windows for letters in window.letters]
        assert list(dict.fromkeys(read)) == whole
        for one, other in pairwise(windows):
            assert np.array_equal(one.letters[-6:], other.letters[:6])
        spans = [(window, window.span) for window in windows if window.span != (0, 0)]
        assert spans
        for window, (first, last) in spans:
            start, end = window.letters[first - window.first][0], window.letters[last - window.first][1]
            assert row.context[start:end] == row.answers[0]
        without = [window for window in windows if window.span == (0, 0)]
        start = row.starts[0]
        assert all(window.letters[0][0] > start or window.letters[-1][1] < start + 1 for window in without)


def test_the_likeliest_span_is_that_of_all_pairs():
    draw = np.random.default_rng(0)
    for n in (1, 4, 50):
        first, last = draw.normal(size=(2, n))
        pairs = [(first[i] + last[j], i, j) for i in range(n) for j in range(i, min(n, i + 7))]
        assert squad.likeliest(first, last, 7) == pytest.approx(max(pairs))


def test_the_answer_is_the_best_over_all_windows_of_a_question(folder, monkeypatch):
    torch.manual_seed(0)
    model = models.load_model(folder, Squad.head).eval()
    task = Squad(models.load_tokenizer(folder), length=40, stride=6)
    rows, expected, losses = questions(), [], []
    for row in rows:
        best = (-np.inf, "")
        for window in task.items([row]):
            batch = task.collate([task.example(window)])
            with torch.no_grad():
                output = model(**{name: tensor for name, tensor in batch.items() if name != "labels"})
                losses.append(task.mean_loss(model, batch).item())
            logits = [output.start_logits[0].numpy(), output.end_logits[0].numpy()]
            first, last = (values[window.first : window.first + len(window.letters)] for values in logits)
            score, i, j = squad.likeliest(first, last)
            best = max(best, (score, row.context[window.letters[i][0] : window.letters[j][1]]))
        expected.append(best[1])
    monkeypatch.setattr("neutral.tasks.base.gains_from_bfloat16", lambda _: False)
    given, loss = task.answers(model, rows, batch_size=4)
    exact, shared = task.scores(
        model, [Question(r.question, r.context, (a,), (0,)) for r, a in zip(rows, expected, strict=True)]
    )
    assert given == expected
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert (exact.metric, exact.value, shared.metric, shared.value) == ("exact_match", 1, "answer_f1", 1)


def original(rows):
    """The rows as SQuAD's own JSON has them."""
    paragraphs = [
        {
            "context": row["context"],
            "qas": [
                {
                    "id": row["id"],
                    "question": row["question"],
                    "answers": [
                        {"text": text, "answer_start": start}
                        for text, start in zip(*row["answers"].values(), strict=True)
                    ],
                }
            ],
        }
        for row in rows
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "Mills", "paragraphs": paragraphs}]})


def test_every_layout_gives_the_same_questions(tmp_path, monkeypatch):
    rows = [row(), row("Who?", ("Ada Lovelace",))]
    expected = [
        Question("Where did the mill stand?", CONTEXT, (FULL, "the river"), (19, 22)),
        Question("Who?", CONTEXT, ("Ada Lovelace",), (33,)),
    ]
    for name in ("original", "squad/plain_text", "lines/squad", "table/squad"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "original" / "train-v1.1.json").write_text(original(rows))
    (tmp_path / "original" / "dev-v1.1.json").write_text(original(rows))
    for split in ("train", "validation"):
        pd.DataFrame(rows).to_parquet(tmp_path / "squad" / "plain_text" / f"{split}-00000-of-00001.parquet")
        pd.DataFrame(rows).to_json(tmp_path / "lines" / "squad" / f"{split}.jsonl", orient="records", lines=True)
        table = pd.DataFrame(rows)
        table["answers"] = table["answers"].map(json.dumps)
        table.to_csv(tmp_path / "table" / "squad" / f"{split}.csv", index=False)
    for name in ("original", "squad", "squad/plain_text", "lines/squad", "table/squad"):
        data = benchmarks.load(tmp_path / name)
        assert data.task == "squad"
        assert data.train == data.held_out["validation"] == expected
    monkeypatch.setitem(sys.modules, "datasets", Hub(train=pd.DataFrame(rows), validation=pd.DataFrame(rows)))
    assert benchmarks.load("rajpurkar/squad").train == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answers": {"text": [], "answer_start": []}}, "row 2 has no answer; questions without one"),
        ({"answers": {"text": ["mill"], "answer_start": [3]}}, "row 2: the answer 'mill' is not at letter 3"),
        ({"answers": "the mill"}, "row 2: column answers holds no"),
        ({"answers": {"text": ["mill"], "answer_start": []}}, "row 2 has not as many answers as beginnings"),
        ({"question": ""}, "row 2 has no text in column question"),
    ],
)
def test_rows_that_are_no_questions_are_refused_in_one_line(tmp_path, changed, message):
    table = pd.DataFrame([row(), row() | changed])
    for split in ("train", "validation"):
        table.to_json(tmp_path / f"{split}.jsonl", orient="records", lines=True)
    with pytest.raises(NeutralError, match=message) as raised:
        squad.read(tmp_path)
    assert "train.jsonl" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_column_and_too_short_windows_are_said(tmp_path, folder):
    for split in ("train", "validation"):
        pd.DataFrame([row()]).drop(columns="context").to_parquet(tmp_path / f"{split}.parquet")
    with pytest.raises(NeutralError, match="has no column context; squad has context, question, answers, this file id"):
        squad.read(tmp_path)
    with pytest.raises(NeutralError, match=r"--finetune-length 32: leaves 13 tokens .* --finetune-stride 13 take more"):
        Squad(models.load_tokenizer(folder), length=32, stride=13)
