"""The output layer on chosen positions: the logits of the plain forward pass, whatever the head reads."""

import architectures
import pytest
import torch
import transformers

from neutral.tasks.positions import logits_at, only_positions


def check_chosen_logits(name, folder):
    """The logits at chosen positions are those of the plain forward pass, bit for bit; returns what was filtered."""
    config = transformers.AutoConfig.from_pretrained(folder)
    model = getattr(transformers, config.architectures[0]).from_pretrained(folder).eval()
    if name == "xmod-no-default":
        model.set_default_language("en_XX")
    draw = torch.Generator().manual_seed(0)
    inputs = {"input_ids": torch.randint(5, 300, (3, 16), generator=draw), "attention_mask": torch.ones(3, 16).long()}
    inputs["attention_mask"][1, 12:] = 0
    wanted = torch.rand(3, 16, generator=draw) < 0.3
    with torch.no_grad():
        expected = model(**inputs).logits[wanted]
        assert torch.equal(logits_at(model, wanted, **inputs), expected)
        with only_positions(model, wanted) as seen:
            assert model(**inputs).logits.shape == ((1, *expected.shape) if seen else (3, 16, expected.shape[1]))
    return seen


@pytest.mark.parametrize("name", ["opt-projected", "xlm", "deberta-v2-lm-head"])
def test_logits_at_chosen_positions_are_those_of_the_plain_forward_pass(name, tmp_path):
    architectures.make(name, tmp_path)
    assert check_chosen_logits(name, tmp_path)


def test_a_head_that_reads_its_states_elsewhere_gives_the_same_logits(tmp_path, monkeypatch):
    """Here the base model is run by its forward function, past all hooks."""
    architectures.make("llama", tmp_path)

    def past_hooks(self, *arguments, **named):
        return self.forward(*arguments, **named)

    monkeypatch.setattr(transformers.LlamaModel, "__call__", past_hooks)
    assert check_chosen_logits("llama", tmp_path) == []
