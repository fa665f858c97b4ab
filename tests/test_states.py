"""States of sentences against a plain loop, layer names against the weights', and parallel text."""

import copy
import gzip

import numpy as np
import pytest
import tiny
import torch
from tokenizers import processors

from neutral import labels, models
from neutral.errors import FileError, NeutralError
from neutral.inside import states
from neutral.inside.definitions import POOLINGS

pytestmark = pytest.mark.numeric

SENTENCES = tiny.text().train["en"][:9]


@pytest.fixture(scope="module", params=["bert", "gpt2", "llama"])
def network(request, tmp_path_factory):
    folder = tiny.saved(tmp_path_factory.mktemp(request.param), request.param)
    head = "mlm" if request.param == "bert" else "clm"
    return models.load_model(folder, head), models.load_tokenizer(folder)


@torch.no_grad()
def plainly(model, tokenizer, sentence, pooling="mean"):
    """One sentence, one layer, one token at a time."""
    ids = tokenizer.backend_tokenizer.encode(sentence, add_special_tokens=False).ids
    first, last = (tokenizer.cls_token_id, [tokenizer.sep_token_id])
    if model.config.model_type != "bert":
        # What this tokenizer adds besides the first token comes after the sentence, where a decoder does not see it.
        first, last = tokenizer.bos_token_id, []
    hidden = model.base_model(torch.tensor([[first, *ids, *last]]), output_hidden_states=True).hidden_states
    if pooling == "cls":
        return [layer[0, 0].numpy() for layer in hidden]
    places = range(1, 1 + len(ids)) if pooling == "mean" else range(hidden[0].shape[1])
    return [sum(layer[0, i] for i in places).numpy() / len(places) for layer in hidden]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_states_are_pooled_from_the_tokens_that_count(network, pooling):
    model, tokenizer = network
    if pooling == "cls" and model.config.model_type != "bert":
        with pytest.raises(NeutralError, match=r"--pooling cls: .* no first token that may sum a sentence up"):
            states.states(model, tokenizer, SENTENCES, pooling=pooling)
        return
    if pooling == "mean-with-special" and model.config.model_type != "bert":
        # Without the token that this tokenizer adds after a sentence, which is not what is asked here.
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A", special_tokens=[("[CLS]", tokenizer.bos_token_id)]
        )
    pooled = states.states(model, tokenizer, SENTENCES, pooling=pooling, batch=4)
    for i, sentence in enumerate(SENTENCES):
        for layer, expected in zip(pooled, plainly(model, tokenizer, sentence, pooling), strict=True):
            np.testing.assert_allclose(pooled[layer][i], expected, atol=2e-6)


def test_the_usual_pooling_is_the_papers_but_for_decoders(network):
    model, tokenizer = network
    usual = "mean-with-special" if model.config.model_type == "bert" else "mean"
    assert states.usual_pooling(model) == usual
    said, unsaid = states.states(model, tokenizer, SENTENCES, pooling=usual), states.states(*network, SENTENCES)
    assert all(np.array_equal(said[layer], unsaid[layer]) for layer in said)
    with pytest.raises(NeutralError, match="--pooling max: unknown; use one of mean, mean-with-special, cls"):
        states.states(model, tokenizer, SENTENCES, pooling="max")


def test_layers_are_called_as_the_weights_groups(network):
    model, _ = network
    groups = {labels.group(name, "layer") for name in models.prunable(model)} - {"pooler"}
    assert states.layers(model) == ["embeddings", *sorted(groups, key=labels.sort_key)]


def test_layers_stand_in_the_order_of_tables(network):
    names = states.layers(network[0])
    assert sorted(names, key=labels.sort_key) == names


def test_the_batch_and_the_neighbours_make_no_difference(network):
    one, many = (states.states(*network, SENTENCES, batch=size) for size in (1, 32))
    for layer in one:
        np.testing.assert_allclose(one[layer], many[layer], atol=2e-6)
        assert one[layer].dtype == np.float32
        assert one[layer].shape == (9, 16)


def test_the_model_is_left_as_it_was(network):
    model, tokenizer = network
    model.train()
    before = [weight.clone() for weight in model.parameters()]
    states.states(model, tokenizer, SENTENCES[:2])
    assert model.training
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_states_are_what_the_blocks_hand_on(network):
    model, tokenizer = network
    blocks = next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    seen = []
    hook = blocks[0].register_forward_hook(
        lambda _module, _inputs, output: seen.append(output[0] if isinstance(output, tuple) else output)
    )
    found = states.states(model, tokenizer, SENTENCES[:1], pooling="mean")
    hook.remove()
    tokens = seen[0][0, 1:-1] if seen[0].shape[1] > 1 else seen[0][0]
    first = next(layer for layer in found if layer.endswith(" 0"))
    np.testing.assert_allclose(found[first][0], tokens.mean(0).numpy(), atol=2e-6)


def test_an_encoder_decoder_is_looked_at_in_its_encoder(tmp_path):
    tokenizer = models.load_tokenizer(tiny.saved(tmp_path))
    model = tiny.model("mt5", len(tokenizer))
    found = states.states(model, tokenizer, SENTENCES)
    assert list(found) == ["embeddings", "encoder 0", "encoder 1"]


def test_long_sentences_are_cut(network):
    whole = states.states(*network, [SENTENCES[0]], length=256)
    cut = states.states(*network, [SENTENCES[0]], length=5)
    assert not np.allclose(whole["embeddings"], cut["embeddings"])


def test_a_sentence_without_tokens_is_named(network):
    with pytest.raises(NeutralError, match="sentence 2 has no token"):
        states.states(*network, ["one", " "])
    with pytest.raises(NeutralError, match="no sentences"):
        states.states(*network, [])


def test_parallel_text_comes_in_the_order_asked_for(tmp_path):
    (tmp_path / "en.txt").write_text("one\ntwo\n\n", encoding="utf-8")
    with gzip.open(tmp_path / "sw.txt.gz", "wt", encoding="utf-8") as file:
        file.write("moja\nmbili")
    assert states.parallel(tmp_path, ("sw", "en")) == {"sw": ["moja", "mbili"], "en": ["one", "two"]}
    assert list(states.parallel(tmp_path)) == ["en", "sw"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"moja\n", "not parallel text.*2 lines in en.txt, 1 in sw.txt"),
        (b"moja\n\nmbili\n", "line 2 is empty"),
        (b"moja\n\xff\n", "is not UTF-8"),
    ],
)
def test_text_that_is_not_parallel_is_refused(tmp_path, content, message):
    (tmp_path / "en.txt").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "sw.txt").write_bytes(content)
    with pytest.raises(FileError, match=message):
        states.parallel(tmp_path)
    with pytest.raises(FileError, match="no sentences for fr; it has en, sw"):
        states.parallel(tmp_path, ("en", "fr"))


def test_the_bundled_sentences_are_parallel():
    sentences = states.parallel(tiny.SENTENCES)
    assert len(sentences) == 11
    assert {len(lines) for lines in sentences.values()} == {264}
