"""Every architecture trains, scores and is looked into on labelled data, or says in one line why not.

The checks take (name of `architectures.ARCHS`, folder) and can be run on all of them; here on one of each kind: a
tokenizer in Python, a decoder, an encoder-decoder without a shift of its own, adapters, no head.
"""

import math
from pathlib import Path

import architectures
import pytest
import tiny
import torch
import transformers

from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.runs.inside import represent, retrieve
from neutral.runs.plans.inside import InsidePlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.search import find
from neutral.tasks import data

pytestmark = pytest.mark.numeric

HEADS = {
    "nli": transformers.AutoModelForSequenceClassification,
    "ner": transformers.AutoModelForTokenClassification,
}


def has_head(task, folder):
    """Whether transformers has a head for a task; nli takes encoder-decoders as text to text."""
    config = transformers.AutoConfig.from_pretrained(folder)
    if task == "nli" and config.is_encoder_decoder:
        return True
    return bool({type(config), type(config.get_text_config())} & {*HEADS[task]._model_mapping})


def check_labelled(task, name, folder, out, method="random"):
    """Two steps of training and a score for each language, or one line; return the study, or None with the line."""
    corpus = data.load(task, tiny.labelled(out / "data", task, lines=14), ["en", "sw"])
    plan = SearchPlan(
        *(str(folder), task, ("en", "sw"), method, (0.5,)),
        recipe=Recipe(steps=2, batch_size=2),
        length=32,
        held_out=4,
        blocks=4,
    )
    study, line = None, ""
    try:
        study = find(plan, corpus, out / "study", device="cpu", quiet=True)
    except NeutralError as error:
        line = str(error)
    assert bool(line) != has_head(task, folder), f"{name}: {line}"
    assert "\n" not in line
    if study is None:
        return None
    scores = study.rows("score")
    assert {(row["language"], row["sparsity"]) for row in scores} == {(c, s) for c in ("en", "sw") for s in (0.0, 0.5)}
    assert all(math.isfinite(row["loss"]) and 0 <= row["value"] <= 1 for row in scores)
    return study


def check_inside(name, folder, study, out):
    """Sentences are retrieved and compared by layer, under the full model and under masks."""
    for code in ("en", "sw"):
        lines = Path(tiny.SENTENCES / f"{code}.txt").read_text(encoding="utf-8").splitlines()[:6]
        (out / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    plan = InsidePlan(str(folder), ("full", "each"), "random", 0.5, sentences=out, languages=("en", "sw"))
    retrieve(plan, study.path, device="cpu", quiet=True)
    represent(plan, study.path, device="cpu", quiet=True)
    rows = [*study.rows("retrieval"), *study.rows("representation")]
    assert {row["mask"] for row in rows} == {"full", "en", "sw"}
    assert all(len(row["layers"]) > 2 for row in rows)


@pytest.fixture(autouse=True)
def _quick(monkeypatch, in_process):
    """Masks are read in this process; and XMOD cannot run under a bfloat16 autocast."""
    for supported in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, supported, lambda: False)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        pytest.param("ner", "byt5", marks=pytest.mark.long),
        ("ner", "m2m_100"),
        pytest.param("nli", "m2m_100", marks=pytest.mark.long),
        ("nli", "xmod"),
    ],
)
def test_labelled_tasks_work_or_say_why_not(task, name, tmp_path):
    architectures.make(name, tmp_path / "model")
    study = check_labelled(task, name, tmp_path / "model", tmp_path)
    if (task, name) == ("nli", "m2m_100"):
        check_inside(name, tmp_path / "model", study, tmp_path)
