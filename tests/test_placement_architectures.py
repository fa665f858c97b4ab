"""A compressed table in models of every layout: as if the matrix itself had been replaced, wherever it is used."""

import architectures
import pytest
import tiny
import torch
import transformers
from safetensors import safe_open

from neutral import vocabulary
from neutral.compression.calibration import output_metric
from neutral.compression.exports import write as export
from neutral.compression.placement import embedding, put_in, tied
from neutral.compression.table import Rebuilt
from neutral.errors import NeutralError
from neutral.models import load_tokenizer
from neutral.models.output import further_tables, multiplier
from neutral.runs.compression.bench import Bench
from neutral.runs.plans.compression import CompressionPlan, Trial
from neutral.tasks import LanguageModelling

pytestmark = pytest.mark.numeric

# An ordinary tied head; a table that is projected; an output layer of another width; DeBERTa's head, which multiplies
# with the embedding; an output layer that is asked for its type; further tables; three embeddings with scaled outputs.
LAYOUTS = ("electra", "opt-projected", "rembert", "deberta-v2-lm-head", "mamba", "gemma4_text", "t5")


def loaded(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    model = getattr(transformers, config.architectures[0]).from_pretrained(folder).eval()
    if config.model_type == "xmod":
        model.set_default_language("en_XX")
    return model


@torch.no_grad()
def logits(model, ids=None):
    ids = torch.randint(5, 255, (2, 12), generator=torch.Generator().manual_seed(0)) if ids is None else ids
    target = {"decoder_input_ids": ids.flip(0)} if model.config.is_encoder_decoder else {}
    return model(input_ids=ids, attention_mask=torch.ones_like(ids), **target).logits


def a_table(model):
    """A table of other numbers than the model's own."""
    shape = tuple(embedding(model).weight.shape)
    return Rebuilt(shape, {"dense": torch.randn(shape, generator=torch.Generator().manual_seed(3)) * 0.1})


def check_put_in(name, folder, out):
    """A table in place gives the logits of a model whose matrix was replaced; so does the exported folder."""
    model, replaced = loaded(folder), loaded(folder)
    own, table = logits(model), a_table(model)
    with torch.no_grad():
        embedding(replaced).weight.copy_(table.matrix())  # whatever shares the matrix shares the numbers
    expected = logits(replaced)
    assert not torch.allclose(expected, own, atol=1e-2)
    where = "both" if tied(model) else "input"
    with put_in(model, table, train=False) as placed:
        assert placed.where == where
        torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(logits(model), own)
    export(model, table, load_tokenizer(folder), out / "both")
    torch.testing.assert_close(logits(loaded(out / "both")), expected, rtol=1e-4, atol=1e-4)
    with safe_open(out / "both" / "model.safetensors", framework="pt") as stored:
        assert {*stored.keys()} <= {*model.state_dict()}, "by its own names, so that transformers reads it alone"
    if where == "input":
        return
    with put_in(model, table, "input", train=False):
        only_input = logits(model)
    for other in (own, expected):
        assert not torch.allclose(only_input, other, atol=1e-3)
    if multiplier(model) is not None:
        with pytest.raises(NeutralError, match='use where="both"'):
            export(model, table, load_tokenizer(folder), out / "input", where="input")
        return
    export(model, table, load_tokenizer(folder), out / "input", where="input")
    torch.testing.assert_close(logits(loaded(out / "input")), only_input, rtol=1e-4, atol=1e-4)


def check_trim(name, folder):
    """A trimmed model gives the logits of the tokens that stay."""
    model = loaded(folder)
    keep = sorted({*range(5), *range(6, embedding(model).weight.shape[0], 2)})
    new = torch.randint(5, len(keep), (2, 12), generator=torch.Generator().manual_seed(0))
    expected = logits(model, torch.tensor(keep)[new])[..., keep]
    vocabulary.trim_embedding(model, keep)
    torch.testing.assert_close(logits(model, new), expected, rtol=1e-4, atol=1e-4)
    assert model.config.get_text_config().vocab_size == len(keep)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    made = {}

    def folder(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            architectures.make(name, made[name])
        return made[name]

    return folder


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_table_in_place_is_as_if_the_matrix_were_replaced(name, folder_of, tmp_path):
    check_put_in(name, folder_of(name), tmp_path)


@pytest.mark.parametrize("name", ["deberta-v2-lm-head", "gemma4_text", "rembert"])
def test_a_trimmed_model_gives_the_logits_of_the_tokens_that_stay(name, folder_of):
    check_trim(name, folder_of(name))


def test_with_a_table_in_the_input_a_multiplying_head_keeps_the_models_own_matrix(folder_of):
    model = loaded(folder_of("deberta-v2-lm-head"))
    head, matrix, table, seen = multiplier(model), embedding(model).weight.detach().clone(), a_table(model), []
    with put_in(model, table, "input", train=False):
        handle = head.LayerNorm.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        given = logits(model)
        handle.remove()
    torch.testing.assert_close(given, seen[0] @ matrix.T + head.bias)
    assert multiplier(model) is head


def test_a_gradient_reaches_a_table_through_a_multiplying_head(folder_of):
    model = loaded(folder_of("deberta-v2-lm-head"))
    table = a_table(model)
    table.trainable = ("dense",)
    ids = torch.randint(5, 255, (2, 12))
    with put_in(model, table, train=True):
        loss = model(input_ids=ids, labels=ids).loss
        stored = [parameter for parameter in model.parameters() if parameter.shape == table.shape]
        assert len(stored) == 1
        assert torch.autograd.grad(loss, stored)[0].any(dim=1).all(), "every token is an output"


def test_the_metric_is_that_of_what_a_multiplying_head_multiplies(folder_of):
    folder = folder_of("deberta-v2-lm-head")
    model, task = loaded(folder), LanguageModelling("mlm", load_tokenizer(folder), length=32)
    blocks, seen = task.blocks(tiny.text().train["en"])[:2], []
    handle = multiplier(model).LayerNorm.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    metric = output_metric(model, task, {"en": blocks})
    handle.remove()
    vectors = torch.cat([each.flatten(0, -2) for each in seen]).double()
    moment = vectors.T @ vectors
    torch.testing.assert_close(metric, moment / moment.trace() * len(moment))


def test_a_further_table_is_left_as_it_is_and_said(folder_of):
    folder = folder_of("gemma4_text")
    own = {"tables": "tokens", "length": 32, "held_out": 2, "calibration": 2}
    plan = CompressionPlan(str(folder), "clm", ("en", "sw"), ("svd",), (2.0,), **own)
    bench = Bench(plan, tiny.text(lines=12), torch.device("cpu"))
    assert list(further_tables(bench.model)) == ["model.embed_tokens_per_layer"]
    assert bench.notes == (
        "Gemma4ForCausalLM has a further table of tokens, model.embed_tokens_per_layer (600 × 64 numbers), which is "
        "left as it is",
    )
    before = further_tables(bench.model)["model.embed_tokens_per_layer"].weight.clone()
    with put_in(bench.model, bench.fit(Trial("svd", "parameters", 2.0, "uniform"), plan)):
        assert torch.equal(further_tables(bench.model)["model.embed_tokens_per_layer"].weight, before)
