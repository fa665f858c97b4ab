"""What is timed on a GPU: drawn tables are as large as fitted ones, and every kind of number is measured."""

import json
from argparse import Namespace

import pytest
import torch

from benchmarks.gpu import drawn, serving

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("method", "ratio"),
    [
        *[pytest.param(method, 10, marks=pytest.mark.long) for method in ("mixed", "transform")],
        *[("svd", 10), ("pq", 10), ("int8", 3.9), ("int4", 7.4)],
    ],
)
def test_a_drawn_table_is_one_of_its_ratio(method, ratio):
    table = drawn.table(method, 3000, 10, CPU)
    table.require_sound()
    assert ratio <= table.ratio("bytes") <= 1.1 * ratio
    assert table.logits(table.tensors, torch.randn(1, 640)).isfinite().all()


def test_rows_of_results_tell_layers_and_tokens_a_second(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(serving, "TASKS", {"score": (serving.score, 1, 8)})
    monkeypatch.setattr(serving, "BATCHES", (1,))
    file = tmp_path / "rows.jsonl"
    given = {"methods": "int8", "rows": 1500, "ratio": 10, "rounds": 1, "seconds": 60, "compile": False}
    with torch.no_grad():
        serving.main(Namespace(device="cpu", model="drawn", out=str(file), **given))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["step"] for row in rows] == ["bandwidth", *["layer"] * 4, *["serving"] * 4, "end"]
    assert capsys.readouterr().out == file.read_text()
    layer = rows[2]
    assert (layer["table"], layer["vectors"], layer["fast"]) == ("int8", 1, False)
    assert layer["bytes"] == 1500 * 642
    assert layer["error"] < 1e-3
    assert rows[6]["tokens_a_second"] == pytest.approx(8 / rows[6]["seconds"], rel=0.01)
