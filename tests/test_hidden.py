"""Hidden states are those of the blocks, in order, in every architecture; or one line says that they are not."""

import architectures
import pytest
import torch
import transformers
from torch import nn

from neutral.errors import NeutralError
from neutral.inside.hidden import hidden
from neutral.inside.states import _base, layers, states
from neutral.models import load_tokenizer

LINES = ["The rain fell all night.", "We walked home.", "Nobody had seen it before, she said, not even once."]


def loaded(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    model = getattr(transformers, config.architectures[0]).from_pretrained(folder).eval()
    if config.model_type == "xmod":
        model.set_default_language("en_XX")
    return model


def check_hidden(name, folder):
    """States are what the first block gets, what every block gives, and at the end what the network hands on."""
    model, seen = loaded(folder), []
    base, blocks = _base(model), len(layers(model)) - 1

    def keep(_module, inputs, named, output):
        given = inputs[0] if inputs else named.get("hidden_states")
        seen.append((given, output[0] if isinstance(output, tuple) else output))

    lists = [m for m in base.modules() if isinstance(m, nn.ModuleList) and (len(m) == blocks or "albert" in name)]
    handles = [block.register_forward_hook(keep, with_kwargs=True) for block in lists[0]]
    ids = torch.randint(5, 255, (2, 12), generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.no_grad():
        given = hidden(base, blocks, inputs)
        for handle in handles:
            handle.remove()
        handed_on = base(**inputs).last_hidden_state
    assert len(given) == blocks + 1
    assert torch.equal(given[-1], handed_on)
    if len(seen) < blocks or name == "xlm":  # XLM has no blocks, but lists of their parts
        return
    pairs = seen[:: len(seen) // blocks]
    first, last_outputs = pairs[0][0], [output for _, output in seen[len(seen) // blocks - 1 :: len(seen) // blocks]]
    if first.ndim == 4:  # Gemma 3n's streams
        active = model.config.get_text_config().altup_active_idx
        first, last_outputs = first[active], [output[active] for output in last_outputs]
    for state, expected in zip(given, [first, *last_outputs[:-1]], strict=False):
        assert torch.equal(state, expected)


@pytest.mark.parametrize("name", ["mamba", "gemma3n_text", "albert-groups", "opt-projected", "eurobert", "t5"])
def test_states_are_those_of_the_blocks(name, tmp_path):
    architectures.make(name, tmp_path)
    check_hidden(name, tmp_path)
    by_layer = states(loaded(tmp_path), load_tokenizer(tmp_path), LINES, batch=2)
    widths = [array.shape[1] for array in by_layer.values()]
    assert widths[:-1] == [64] * (len(widths) - 1)
    assert widths[-1] == (32 if name == "opt-projected" else 64)
    alone = states(loaded(tmp_path), load_tokenizer(tmp_path), LINES[:1])
    for layer, array in by_layer.items():
        torch.testing.assert_close(torch.tensor(array[:1]), torch.tensor(alone[layer]), rtol=1e-4, atol=1e-4)


def test_a_network_that_reads_letters_and_groups_of_them_has_no_states_by_block(tmp_path):
    architectures.make("canine", tmp_path)
    with pytest.raises(NeutralError, match="CanineModel: has 7 layers of states, not 3, so none is known by block"):
        states(loaded(tmp_path), transformers.CanineTokenizer(), LINES)
