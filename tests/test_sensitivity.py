"""What an error of the token table costs, against errors that are really made."""

import pytest
import tiny
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from neutral.compression import sensitivity as subject
from neutral.compression.sensitivity import sensitivity
from neutral.tasks import LanguageModelling, stacked

pytestmark = pytest.mark.numeric
SIZE = 1e-3
DRAWS = 60


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tiny.saved(tmp_path_factory.mktemp("model"))
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    task = LanguageModelling("mlm", AutoTokenizer.from_pretrained(folder), length=32)
    return model, task, task.blocks(tiny.text().train["en"])[:6]


def batch_of(task, blocks):
    return stacked(task.example(row, (subject._SEED, i)) for i, row in enumerate(blocks))


@torch.no_grad()
def divergence(model, task, batch, hook, layer):
    """Mean divergence of a scored token's prediction with noise from the one without, over draws; nats for noise 1."""
    own = task.predictions(model, batch)[0].log_softmax(-1)
    total = 0.0
    for _ in range(DRAWS):
        handle = layer.register_forward_hook(hook)
        noisy = task.predictions(model, batch)[0].log_softmax(-1)
        handle.remove()
        total += float((own.exp() * (own - noisy)).sum(-1).mean())
    return total / DRAWS / SIZE**2


def test_the_trace_is_what_noise_of_every_use_costs(case):
    """An error e costs ½ eᵀMe, so noise of covariance I costs half the trace: at the input, and at the output."""
    model, task, blocks = case
    batch, draw = batch_of(task, blocks), torch.Generator().manual_seed(0)

    def at_input(_module, _inputs, output):
        return output + SIZE * torch.randn(output.shape, generator=draw)

    def at_output(_module, inputs, output):
        return output + SIZE * inputs[0] @ torch.randn(inputs[0].shape[-1], output.shape[-1], generator=draw)

    cost = divergence(model, task, batch, at_input, model.get_input_embeddings())
    cost += divergence(model, task, batch, at_output, model.get_output_embeddings())
    moments = [sensitivity(model, task, {"en": blocks}, batch_size=size) for size in (1, 2, 3, 6)]  # other answers
    assert float(sum(moments).trace()) / len(moments) / 2 == pytest.approx(cost, rel=0.15)


def test_languages_count_alike_and_the_model_stays_as_it_was(case):
    model, task, blocks = case
    model.train()
    asked = [each.requires_grad for each in model.parameters()]
    parts = [sensitivity(model, task, {"en": some}) for some in (blocks[:4], blocks[4:])]
    both = sensitivity(model, task, {"en": blocks[:4], "sw": blocks[4:]})
    assert torch.allclose(both, sum(parts) / 2, rtol=1e-5)
    assert torch.allclose(both, both.T)
    assert float(torch.linalg.eigvalsh(both)[0]) > -1e-6 * float(both.trace())
    assert model.training
    assert [each.requires_grad for each in model.parameters()] == asked
    assert not model.get_input_embeddings()._forward_hooks
    model.eval()


def test_a_scaled_embedding_counts_by_the_rows_that_are_stored(case):
    model, task, blocks = case
    layer = model.get_input_embeddings()
    plain = sensitivity(model, task, {"en": blocks})
    weight = layer.weight.data.clone()
    handle = layer.register_forward_hook(lambda _m, _i, output: 4 * output)
    layer.weight.data /= 4
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(weight)  # its own now: only the input counts
    try:
        scaled = sensitivity(model, task, {"en": blocks})
    finally:
        handle.remove()
        layer.weight.data = weight
    alone = sensitivity(model, task, {"en": blocks})
    head.weight = layer.weight
    assert torch.allclose(scaled, 16 * alone, rtol=1e-3, atol=1e-6)
    assert alone.trace() < plain.trace()
