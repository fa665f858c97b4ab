import numpy as np
import pandas as pd
import plaintables
import pytest
import tiny
import torch

from neutral import models
from neutral.compression import finetuning
from neutral.compression.methods.autoencoder import Autoencoder
from neutral.compression.methods.svd import SVD
from neutral.compression.placement import CompressedEmbedding
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.tasks import benchmarks

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


def rows_of(tuned):
    """The runs with their score by the first metric of the first split."""
    rows = []
    for run, scores in tuned:
        ((score, *_), *_) = scores.values()
        rows.append(run | {"metric": score.metric, "value": score.value, "loss": score.loss, "examples": score.count})
    return rows


@pytest.mark.long
def test_full_and_compressed_models_learn_the_task(folder, data, tables):
    rows = pd.DataFrame(rows_of(finetuning.finetune(folder, data, tables, RECIPE, (3,), quiet=True)))
    assert rows["table"].tolist() == ["full", "factors", "codes"]
    assert (rows["seed"] == 3).all()
    assert (rows["metric"] == "accuracy").all()
    assert (rows["value"] > 0.8).all(), rows
    assert (rows["examples"] == 60).all()
    assert (rows["loss"] < 0.5).all()
    v, d = tables["codes"].shape
    assert rows["train"].tolist() == ["table", "factors", "none"]
    assert rows["numbers"].tolist() == [v * d, v * d + d * d, 0]


@pytest.mark.long
def test_the_same_seed_gives_the_same_rows_and_done_ones_are_passed_over(folder, data, tables):
    few = Recipe(steps=3, batch_size=8, rate=5e-3)
    chosen = {name: tables[name] for name in ("full", "factors")}
    rows = rows_of(finetuning.finetune(folder, data, chosen, few, (0, 1), quiet=True))
    assert [(row["table"], row["seed"]) for row in rows] == [("full", 0), ("factors", 0), ("full", 1), ("factors", 1)]
    done = {("full", 0, "table"), ("factors", 1, "factors")}
    again = rows_of(finetuning.finetune(folder, data, chosen, few, (0, 1), quiet=True, done=done))
    assert again == [rows[1], rows[2]]
    assert rows[0]["loss"] != rows[2]["loss"]


@pytest.mark.parametrize(
    ("table", "way", "changes"),
    [
        ("factors", "factors", {"latents", "decoder"}),
        ("factors", "decoder", {"decoder"}),  # the paper's way with the auto-encoder
        ("factors", "none", set()),  # the paper's way with SVD
        ("codes", "factors", set()),
        ("full", "factors", {"weight"}),
        ("full", "none", set()),
    ],
)
def test_the_table_stays_compressed_and_only_what_is_asked_for_trains(folder, data, tables, table, way, changes):
    loaded = benchmarks.load(data)
    task = loaded.over(models.load_tokenizer(folder))
    what = finetuning.trained(tables[table], way)
    model = finetuning.start(folder, task, tables[table], 0, "cpu", train=what)
    layer = model.get_input_embeddings()
    before = {name.split(".")[-1]: tensor.clone() for name, tensor in layer.state_dict().items()}
    rest = model.bert.encoder.layer[0].output.dense.weight.clone()
    finetuning.fit(model, task, loaded.train, Recipe(steps=3, batch_size=8, rate=1e-2), lambda *_: None)
    after = {name.split(".")[-1]: tensor for name, tensor in layer.state_dict().items()}
    assert {name for name, tensor in before.items() if not torch.equal(tensor, after[name])} == changes
    assert not torch.equal(model.bert.encoder.layer[0].output.dense.weight, rest)
    if table != "full":
        assert isinstance(layer, CompressedEmbedding)
        assert layer.table().bytes == tables[table].bytes
        assert {n: t.shape for n, t in before.items()} == {n: t.shape for n, t in tables[table].tensors.items()}


def test_the_papers_way_trains_the_decoder_of_the_auto_encoder_alone(tables):
    autoencoder = Autoencoder((4, 2), {"latents": torch.ones(4, 1), "decoder": torch.ones(1, 2)}, {"variant": "linear"})
    svd = SVD((4, 2), autoencoder.tensors)
    assert [finetuning.trained(t, "paper") for t in (None, autoencoder, svd, tables["codes"])] == [
        *("table", "decoder", "none", "none")
    ]
    assert finetuning.plan({"full": None, "svd": svd}, (0,), ("paper", "none", "factors"), ()) == [
        *(("full", 0, "table"), ("full", 0, "none"), ("svd", 0, "none"), ("svd", 0, "factors"))
    ]
    assert (finetuning.paper("cola").rate, finetuning.paper("squad").rate) == (2e-5, 3e-5)
    assert finetuning.epochs(3, 100, finetuning.paper("cola")).steps == 10  # 300 examples in batches of 32


def test_every_table_starts_from_the_same_head(folder, data, tables):
    task = benchmarks.load(data).over(models.load_tokenizer(folder))
    heads = [
        finetuning.start(folder, task, table, seed, "cpu").classifier.weight
        for table, seed in ((None, 0), (tables["codes"], 0), (None, 1))
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_what_does_not_fit_is_said(folder, data, tmp_path):
    with pytest.raises(NeutralError, match="the table is 7 × 16 but"):
        next(finetuning.finetune(folder, data, {"codes": plaintables.codes(7, 16)}, RECIPE, quiet=True))
    with pytest.raises(NeutralError, match="nothing to fine-tune"):
        next(finetuning.finetune(folder, data, {}, RECIPE, quiet=True))
    with pytest.raises(NeutralError, match="--finetune-train all: unknown; there are factors, decoder, none, paper"):
        next(finetuning.finetune(folder, data, {"full": None}, RECIPE, ways=("all",), quiet=True))
    with pytest.raises(NeutralError, match="has no train file"):
        next(finetuning.finetune(folder, tmp_path, {"full": None}, RECIPE, quiet=True))
