"""Every architecture of the table in docs/methods.md is found, labelled and compressed right, or refused in one line.

The everyday run takes those in `EVERYDAY`, which cover every kind of layout; `pytest -m long` takes the others.
"""

import re
from pathlib import Path

import architectures
import pytest
import tiny
import torch
from torch import nn
from transformers import logging
from transformers.pytorch_utils import Conv1D

from neutral import labels, models, scores
from neutral.compression.layout import Layout
from neutral.compression.placement import embedding, put_in, require_placeable, tied
from neutral.compression.table import Rebuilt
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.runs.compression import compress
from neutral.runs.plans.compression import CompressionPlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.search import find
from neutral.runs.subject import subject
from neutral.tasks import data

logging.set_verbosity_error()

EVERYDAY = {
    *(
        "bert",
        "xmod",
        "deberta-v2-lm-head",
        "modernbert",
        "jina_embeddings_v3",
        "gpt2",
        "opt-projected",
        "gemma3n_text",
    ),
    *("falcon-new", "gpt_oss", "qwen3_next", "deepseek_v3", "mamba", "gemma4", "t5", "canine", "jetmoe", "ibert"),
}
METHODS = (Path(__file__).parent.parent / "docs" / "methods.md").read_text(encoding="utf-8")
SECTION = METHODS.partition("\n## Architectures\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| ((?:`[^`|]+`(?:, )?)+) \| (.+?) \| (.+?) \| (.+?) \|$", SECTION, re.MULTILINE)
REASONS = {
    number: " ".join(text.split()).strip("`")
    for number, text in re.findall(r"^(\d+)\. (.+(?:\n   .+)*)", SECTION, re.MULTILINE)
}
TABLE = {name: said for names, *said in ROWS for name in re.findall(r"`([^`]+)`", names)}
"""Architecture -> what the table says of find, of labels and of compress: yes, or the numbers of reasons why not."""

LENGTH = 32


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Task -> a corpus of one language; encoder-decoders take inference as text to text."""
    whole = tiny.text(("en",), 30)
    plain = Corpus(whole.name, {"en": whole.train["en"][:12]}, {"en": whole.held_out["en"][:6]}, whole.hashes)
    labelled = data.load("nli", tiny.labelled(tmp_path_factory.mktemp("nli"), "nli", ("en",), lines=8), ["en"])
    return {"mlm": plain, "clm": plain, "nli": labelled}


@pytest.fixture(autouse=True)
def _full_precision(monkeypatch):
    """In bfloat16 experts that run one after the other round otherwise than those that run at once."""
    for supported in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, supported, lambda: False)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in EVERYDAY else [pytest.mark.long]) for name in architectures.ARCHS]
)
def test_the_table_is_true_of(name, tmp_path, text):
    architectures.make(name, tmp_path / "model")
    checks = (check_find, check_labels, check_compress)
    outcomes = [outcome(check, str(tmp_path / "model"), text, tmp_path) for check in checks]
    assert outcomes == [REASONS.get(said.removeprefix("no, "), said) for said in TABLE[name]]


def test_the_table_has_every_architecture_once():
    names = [name for names, *_ in ROWS for name in re.findall(r"`([^`]+)`", names)]
    assert sorted(names) == sorted(architectures.ARCHS)
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"[{len(architectures.ARCHS)} architectures](docs/methods.md#architectures)" in " ".join(readme.split())


def outcome(check, folder, text, out):
    """Return "yes" where a check holds, else the one line of the refusal, with MODEL for the folder."""
    try:
        check(folder, text, out)
    except NeutralError as error:
        return str(error).replace(folder, "MODEL")
    return "yes"


def task_of(folder):
    return models.natural_task(folder).replace("seq2seq", "nli")


def plan(folder, task, method):
    own = {"recipe": Recipe(steps=0), "length": LENGTH, "blocks": 4, "held_out": 2}
    return SearchPlan(folder, task, ("en",), method, (0.5,), **own)


def check_find(folder, text, out):
    """Masks of `find` are those of a plain computation, and models are scored under them."""
    task = task_of(folder)
    for method in ("wanda", "magnitude"):
        study = find(plan(folder, task, method), text[task], out / "study", device="cpu", quiet=True)
    loaded = subject(folder, task, text[task], ["en"], length=LENGTH, held_out=2, device="cpu")
    search = loaded.search("en", Recipe(), seed=0)
    weights, across = search.weights, scores.transposed(loaded.model)
    if hasattr(loaded.model.config, "_experts_implementation"):
        loaded.model.set_experts_implementation("eager")
    squares = plain_squares(search, 4)
    masks = {method: study.mask(task, method, 0.5, 0, "en") for method in ("wanda", "magnitude")}
    assert masks["wanda"].names == masks["magnitude"].names == tuple(map(labels.canonical, weights))
    in_experts = {name for name in weights if "expert" in labels.label(name).part}
    own = {name for name in weights if name not in squares}
    assert all(name in in_experts or "dt_proj" in name for name in own), own
    for name, weight in weights.items():
        kept = torch.from_numpy(masks["wanda"].array(labels.canonical(name)))
        if name in squares:
            cells = weight.detach().double().abs()
            cells = cells.T * squares[name].sqrt() if name in across else cells * squares[name].sqrt()
            assert_lowest_are_cut(cells, kept.T if name in across else kept)
    sizes = torch.cat([weight.detach().abs().flatten() for weight in weights.values()])
    kept = torch.cat([t.flatten() for t in masks["magnitude"].to_tensors().values()])
    stacks = {"": sizes}
    if not models.stack(loaded.model):  # an encoder-decoder's stacks are cut apart
        stack = [labels.label(n).stack for n, weight in weights.items() for _ in range(weight.numel())]
        stacks = {s: torch.tensor([each == s for each in stack]) for s in ("encoder", "decoder")}
        for chosen in stacks.values():
            assert_lowest_are_cut(sizes[chosen][None], kept[chosen][None])
    else:
        assert_lowest_are_cut(sizes[None], kept[None])
    results = study.rows("score")
    assert {row["sparsity"] for row in results} == {0.0, 0.5}
    assert all(row["loss"] == row["loss"] and abs(row["loss"]) < 1e4 for row in results)


def plain_squares(search, count):
    """Weight name -> (inputs,) float64: squares of what goes into each layer, over `count` items as `find` takes them.

    These are the even and the odd ones apart; of those that are padded, one at a time.
    """
    sums, hooks = {}, []
    for name, module in search.model.named_modules():
        if isinstance(module, nn.Linear | Conv1D):

            def see(_module, args, name=f"{name}.weight"):
                rows = args[0].detach().reshape(-1, args[0].shape[-1]).double()
                sums[name] = sums.get(name, 0) + rows.square().sum(0)

            hooks.append(module.register_forward_pre_hook(see))
    models.adapters.speak(search.model, "en")
    together = [list(range(0, count, 2)), list(range(1, count, 2))]
    if search.task.name == "nli":
        together = [[i] for i in range(count)]
    search.model.eval()
    with torch.no_grad():
        for places in together:
            rows = [search.task.example(search.train_items[i], (0, i)) for i in places]
            search.task.forward(search.model, search.task.collate(rows))
    for hook in hooks:
        hook.remove()
    return sums


def assert_lowest_are_cut(cells, kept):
    """Half of every row is cut, and no cell that is cut lies above one that is kept, but for rounding."""
    assert (kept.sum(1) == cells.shape[1] - round(cells.shape[1] * 0.5)).all()
    highest_cut = cells.masked_fill(kept, -torch.inf).amax(1)
    lowest_kept = cells.masked_fill(~kept, torch.inf).amin(1)
    assert (highest_cut <= lowest_kept * (1 + 1e-5)).all()


def check_labels(folder, text, out):
    """Every prunable matrix has a component and the stack that the model is; `model show` tells of every parameter."""
    model = shown_model(folder)
    stack = models.stack(model)
    named = {name: labels.label(name, stack) for name in models.prunable(model)}
    assert all(label.stack == stack for label in named.values() if stack)
    assert not [name for name, label in named.items() if label.component == "other" and "layernorm.mlp" not in name]
    shown = models.inventory(model)
    matrices = {id(p): p.numel() for p in model.parameters() if p.ndim >= 2}
    assert shown.weights + sum(group.weights for group in shown.left_out) == sum(matrices.values())


def shown_model(folder):
    """The model that `model show` shows: with the head of a language model, or without one if there is none."""
    try:
        return models.load_model(folder, models.natural_task(folder))
    except NeutralError:
        return models.load_model(folder, "base")


def check_compress(folder, text, out):
    """A table in place acts as its matrix would if it were the model's own; `compress` scores one."""
    check_placement(folder)
    task = models.natural_task(folder)
    own = {"length": LENGTH, "held_out": 1, "lines": 10, "calibration": 1, "by": ("bytes",), "ratios": (3.0,)}
    plan = CompressionPlan(folder, task, ("en",), ("int8",), **own)
    study = compress(plan, text.get(task), out / "tables", device="cpu", quiet=True)
    full, *placed = [row["loss"] for row in study.rows("perplexity")]
    assert placed
    assert all(abs(loss - full) < 0.05 for loss in placed)


def check_placement(folder):
    """A table in place acts as its matrix would if it were the model's own."""
    model = models.load_model(folder, models.natural_task(folder))
    models.adapters.speak(model, "en")
    layer = embedding(model)
    other = layer.weight.detach() + 0.05 * torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(1))
    layout = Layout.of(model)
    require_placeable(model, layout.dense(layout.matrix(model)), models.trial(model))
    table = Rebuilt(tuple(other.shape), {"dense": other})
    where = "both" if tied(model) else "input"
    with put_in(model, table, where, train=False):
        placed = logits(model)
    before = logits(model)
    with torch.no_grad():
        layer.weight.copy_(other)
    replaced = logits(model)
    torch.testing.assert_close(placed, replaced, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before, replaced, rtol=1e-3, atol=1e-3)


def logits(model):
    """The model's logits of two rows of tokens."""
    ids = torch.randint(6, 300, (2, 12), generator=torch.Generator().manual_seed(0))
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder:
        given["decoder_input_ids"] = ids
    with torch.no_grad():
        return model.eval()(**given).logits
