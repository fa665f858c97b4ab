import numpy as np
import pandas as pd
import plaintables
import pytest
import tiny
import torch

from neutral import models
from neutral.compression import finetuning
from neutral.compression.placement import CompressedEmbedding
from neutral.errors import NeutralError
from neutral.tasks import classification
from neutral.tasks.classification import Classification
from neutral.training import Recipe

RECIPE = Recipe(steps=40, batch_size=16, rate=1e-2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Is it about rain or bread? Other words stand around the one that tells."""
    folder, draw = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    words = ["the", "old", "house", "by", "river", "was", "not", "seen", "at", "night"]
    for name, size in (("train", 200), ("validation", 60)):
        labels = draw.integers(0, 2, size)
        texts = []
        for label in labels:
            text = draw.permutation(words)[:5].tolist()
            text.insert(int(draw.integers(0, 6)), ("rain", "bread")[label])
            texts.append(" ".join(text))
        pd.DataFrame({"text": texts, "label": labels}).to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def tables(folder):
    """Tables that hold about what the model's own does: codes, and factors of full rank."""
    own = models.load_model(folder).get_input_embeddings().weight.detach()
    u, s, v = torch.linalg.svd(own * 5, full_matrices=False)
    return {
        "full": None,
        "factors": plaintables.Factors(own.shape, {"latents": (u * s).half(), "decoder": v.half()}),
        "codes": plaintables.Codes(own.shape, {"codes": (own * 500).round().clamp(-127, 127).to(torch.int8)}),
    }


def test_full_and_compressed_models_learn_the_task(folder, data, tables):
    rows = pd.DataFrame(finetuning.finetune(folder, data, tables, RECIPE, (3,), quiet=True))
    assert rows["table"].tolist() == ["full", "factors", "codes"]
    assert (rows["seed"] == 3).all()
    assert (rows["metric"] == "accuracy").all()
    assert (rows["value"] > 0.8).all(), rows
    assert (rows["examples"] == 60).all()
    assert (rows["loss"] < 0.5).all()
    v, d = tables["codes"].shape
    assert rows["numbers"].tolist() == [v * d, v * d + d * d, 0]


def test_the_same_seed_gives_the_same_rows_and_done_ones_are_passed_over(folder, data, tables):
    few = Recipe(steps=3, batch_size=8, rate=5e-3)
    chosen = {name: tables[name] for name in ("full", "factors")}
    rows = list(finetuning.finetune(folder, data, chosen, few, (0, 1), quiet=True))
    assert [(row["table"], row["seed"]) for row in rows] == [("full", 0), ("factors", 0), ("full", 1), ("factors", 1)]
    again = list(finetuning.finetune(folder, data, chosen, few, (0, 1), quiet=True, done={("full", 0), ("factors", 1)}))
    assert again == [rows[1], rows[2]]
    assert rows[0]["loss"] != rows[2]["loss"]


def test_the_table_stays_compressed_and_what_can_train_is_trained(folder, data, tables):
    loaded = classification.load(data)
    task = Classification(models.load_tokenizer(folder))
    for name, trains in (("factors", True), ("codes", False)):
        model = finetuning.start(folder, loaded, task, tables[name], seed=0, device="cpu")
        before = tables[name].matrix()
        finetuning.fit(model, task, loaded, Recipe(steps=3, batch_size=8, rate=1e-2), lambda *_: None)
        layer = model.get_input_embeddings()
        assert isinstance(layer, CompressedEmbedding)
        assert layer.table().bytes == tables[name].bytes
        assert {n: t.shape for n, t in layer.stored.state_dict().items()} == {
            n: t.shape for n, t in tables[name].tensors.items()
        }
        assert torch.equal(layer.table().matrix(), before) != trains
        assert torch.equal(tables[name].matrix(), before)


def test_every_table_starts_from_the_same_classifier(folder, data, tables):
    loaded, task = classification.load(data), Classification(models.load_tokenizer(folder))
    heads = [
        finetuning.start(folder, loaded, task, table, seed, "cpu").classifier.weight
        for table, seed in ((None, 0), (tables["codes"], 0), (None, 1))
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_what_does_not_fit_is_said(folder, data, tmp_path):
    with pytest.raises(NeutralError, match="the table is 7 × 16 but"):
        next(finetuning.finetune(folder, data, {"codes": plaintables.codes(7, 16)}, RECIPE, quiet=True))
    with pytest.raises(NeutralError, match="nothing to fine-tune"):
        next(finetuning.finetune(folder, data, {}, RECIPE, quiet=True))
    with pytest.raises(NeutralError, match="has no train file"):
        next(finetuning.finetune(folder, tmp_path, {"full": None}, RECIPE, quiet=True))
