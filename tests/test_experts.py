"""Experts are prunable one matrix at a time, and Wanda sees what each of them sees."""

import architectures
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, logging

from neutral import models, scores
from neutral.masks import Mask
from neutral.models import experts
from neutral.models.prunable import ROUTER, candidates
from neutral.scores import padding
from neutral.search.rewind import snapshot
from neutral.training import Masking

pytestmark = pytest.mark.numeric
logging.set_verbosity_error()

MIXTURES = ("qwen3_moe", "mixtral", "qwen3_next", "gpt_oss", "deepseek_v3")


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def batch(texts=3, tokens=12, seed=0):
    ids = torch.randint(6, 590, (texts, tokens), generator=torch.Generator().manual_seed(seed))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def layers_of_experts(model):
    """Module name -> module, of those that hold several experts' matrices."""
    return {name: module for name, module in model.named_modules() if dict(experts.stacked(module))}


def plain_norms(name, model, given):
    """Weight name -> norms of an expert's inputs, from what its layer is called with; and tokens by expert."""
    calls = {}
    hooks = [
        module.register_forward_pre_hook(
            lambda _m, args, kwargs, at=at: calls.update({at: (args, kwargs)}), with_kwargs=True
        )
        for at, module in layers_of_experts(model).items()
    ]
    with torch.no_grad():
        model(**given)
    for hook in hooks:
        hook.remove()
    norms, tokens = {}, {}
    for at, (args, kwargs) in calls.items():
        module = model.get_submodule(at)
        hidden, index, _ = [*args, *kwargs.values()]
        hidden = hidden.reshape(-1, hidden.shape[-1]).double()
        for expert in range(module.num_experts):
            rows = hidden[(index.reshape(len(hidden), -1) == expert).any(dim=1)]
            first, second = module.gate_up_proj[expert].detach().double(), module.down_proj[expert].detach().double()
            if name == "gpt_oss":  # stored (inputs, outputs); gate and up alternate; both are clamped
                both = rows @ first + module.gate_up_proj_bias[expert].detach().double()
                gate, up = both[:, ::2].clamp(max=module.limit), both[:, 1::2].clamp(-module.limit, module.limit)
                between = (up + 1) * gate * torch.sigmoid(gate * module.alpha)
            else:
                gate, up = (rows @ first.T).chunk(2, dim=-1)
                between = nn.functional.silu(gate) * up
            assert between.shape[1] == second.shape[0 if name == "gpt_oss" else 1]
            norms[f"{at}.{expert}.gate_up_proj.weight"] = rows.square().sum(0).sqrt()
            norms[f"{at}.{expert}.down_proj.weight"] = between.square().sum(0).sqrt()
            tokens[f"{at}.{expert}.gate_up_proj.weight"] = tokens[f"{at}.{expert}.down_proj.weight"] = len(rows)
    return norms, tokens


@pytest.mark.parametrize("name", MIXTURES)
def test_wanda_takes_the_inputs_that_each_expert_sees(made, name):
    model, given = load(made(name)), batch()
    expected, tokens = plain_norms(name, model, given)
    norms = scores.input_norms(model, models.prunable(model), [given])
    assert {n for n in norms if ".experts." in n} == set(expected)
    for weight, norm in expected.items():
        torch.testing.assert_close(norms[weight], norm, rtol=2e-5, atol=1e-6)
    assert norms.tokens == tokens
    assert set(tokens.values()) != {given["input_ids"].numel()}  # no expert sees everything, or nothing is tested


@pytest.mark.parametrize("name", MIXTURES)
def test_a_cut_by_wanda_removes_the_lowest_of_each_row_of_each_expert(made, name):
    model, given = load(made(name)), batch()
    expected, _ = plain_norms(name, model, given)
    weights = models.prunable(model)
    mask = scores.cut(scores.wanda(model, weights, [given]), 0.5, "row")
    for weight, norm in expected.items():
        matrix = weights[weight].double()
        across = name == "gpt_oss"
        rows = (matrix.T if across else matrix).abs() * norm
        kept = torch.from_numpy(mask.array(weight))
        kept = kept.T if across else kept
        lowest_kept = rows.masked_fill(~kept, torch.inf).amin(1)
        highest_cut = rows.masked_fill(kept, -torch.inf).amax(1)
        assert (highest_cut <= lowest_kept * (1 + 1e-4)).all()
        assert (kept.sum(1) == rows.shape[1] // 2).all()


def test_padding_is_not_seen_by_any_expert(made):
    model, given = load(made("mixtral")), batch(2, 10)
    padded = {key: tensor.clone() for key, tensor in given.items()}
    padded["attention_mask"][1, 6:] = 0
    padded["input_ids"][1, 6:] = 1
    short = [
        {key: tensor[:1] for key, tensor in given.items()},
        {key: tensor[1:, :6] for key, tensor in given.items()},
    ]
    weights = models.prunable(model)
    norms, expected = scores.input_norms(model, weights, [padded]), scores.input_norms(model, weights, short)
    assert norms.tokens == expected.tokens
    for name, norm in expected.items():
        torch.testing.assert_close(norms[name], norm, rtol=1e-6, atol=1e-8)


def test_texts_go_by_their_own_masks():
    given = {
        "input_ids": torch.tensor([[5, 6, 1], [7, 8, 9]]),
        "attention_mask": torch.tensor([[1, 1, 0], [1, 1, 1]]),
        "decoder_input_ids": torch.tensor([[2, 3], [2, 4]]),
        "decoder_attention_mask": torch.tensor([[1, 1], [1, 0]]),
    }
    first, second = padding.texts(given)
    assert [first["input_ids"].tolist(), first["decoder_input_ids"].tolist()] == [[[5, 6]], [[2, 3]]]
    assert [second["input_ids"].tolist(), second["decoder_input_ids"].tolist()] == [[[7, 8, 9]], [[2]]]


def test_a_batch_without_masks_is_read_whole():
    given = {"input_ids": torch.tensor([[5, 6, 7]]), "labels": torch.tensor([[6, 7, -100]])}
    assert padding.texts(given) == [given]


def test_an_answer_ends_where_its_labels_end_whatever_the_length_of_the_text():
    given = {
        "input_ids": torch.tensor([[5, 6, 1, 1], [7, 8, 9, 3]]),
        "attention_mask": torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]),
        "labels": torch.tensor([[8, 9, 3, 1], [4, -100, -100, -100]]),
    }
    first, second = padding.texts(given, answers=True)
    assert [first["labels"].tolist(), second["labels"].tolist()] == [[[8, 9, 3, 1]], [[4]]]
    assert [first["input_ids"].tolist(), second["input_ids"].tolist()] == [[[5, 6]], [[7, 8, 9, 3]]]
    first, _ = padding.texts(given)  # labels of tokens go by the tokens
    assert first["labels"].tolist() == [[8, 9]]


def test_an_expert_that_no_token_reaches_has_no_tokens_and_norms_of_zero(made):
    model = load(made("mixtral"))
    with torch.no_grad():
        model.get_submodule("model.layers.0.mlp.gate").weight[3:] = 0
        model.get_submodule("model.layers.0.mlp.gate").weight[:2] *= 100
    given = batch(1, 3)
    norms = scores.input_norms(model, models.prunable(model), [given])
    unreached = [name for name, count in norms.tokens.items() if not count]
    assert unreached
    assert all(not norms[name].any() for name in unreached)


@pytest.mark.parametrize("name", MIXTURES)
def test_experts_layers_run_as_before_when_wanda_is_done(made, name):
    model, given = load(made(name)), batch()
    with torch.no_grad():
        before = model(**given).logits
        implementation = model.config._experts_implementation
        scores.input_norms(model, models.prunable(model), [given])
        assert torch.equal(model(**given).logits, before)
    assert model.config._experts_implementation == implementation


@pytest.mark.parametrize("name", MIXTURES)
def test_routers_and_gates_are_no_experts(made, name):
    left_out = [each.name for each in candidates(load(made(name))) if each.reason == ROUTER]
    assert left_out
    assert all(".mlp.gate." in n or ".mlp.router." in n for n in left_out)
    assert not any("gate.weight" in n or "router" in n for n in models.prunable(load(made(name))))


def test_a_matrix_of_an_expert_is_a_view_of_the_network(made):
    model = load(made("gpt_oss"))
    weights = models.prunable(model)
    weight = weights["model.layers.1.mlp.experts.2.down_proj.weight"]
    parameter, place = experts.owner(weight)
    assert parameter is model.get_submodule("model.layers.1.mlp.experts").down_proj
    assert place == 2
    with torch.no_grad():
        weight.zero_()
    assert not parameter[2].any()
    assert parameter[1].all()


def test_fisher_of_an_expert_is_that_of_its_part_of_the_parameter(made):
    model, given = load(made("mixtral")), batch(2)

    def loss(network, example):
        return nn.functional.cross_entropy(network(**example).logits[0, :-1], example["input_ids"][0, 1:])

    fisher = scores.fisher(model, models.prunable(model), [given], loss)
    expected = torch.zeros_like(model.get_submodule("model.layers.0.mlp.experts").down_proj)
    for place in range(2):
        model.zero_grad()
        loss(model, {key: tensor[place : place + 1] for key, tensor in given.items()}).backward()
        expected += model.get_submodule("model.layers.0.mlp.experts").down_proj.grad.square() / 2
    for expert in range(4):
        name = f"model.layers.0.mlp.experts.{expert}.down_proj.weight"
        torch.testing.assert_close(fisher[name], expected[expert])


def test_change_and_magnitude_take_each_expert_by_its_name(made):
    model = load(made("mixtral"))
    origin, weights = snapshot(model), models.prunable(model)
    name = "model.layers.1.mlp.experts.1.gate_up_proj.weight"
    with torch.no_grad():
        weights[name].add_(0.25)
    changed = scores.change(weights, origin)
    torch.testing.assert_close(changed[name], torch.full_like(changed[name], 0.25))
    assert sum(float(each.sum()) for n, each in changed.items() if n != name) == 0
    assert torch.equal(scores.magnitude(weights)[name], weights[name].abs())


def test_a_mask_with_experts_is_kept_in_training_and_applied_to_the_network(made):
    model = load(made("mixtral"))
    weights = models.prunable(model)
    mask = scores.cut(scores.random(weights, 0), 0.5, "tensor")
    masking = Masking(weights, {name: kept.float() for name, kept in mask.to_tensors().items()})
    given = batch(2)
    model(**given).logits.sum().backward()
    layer = model.get_submodule("model.layers.0.mlp.experts")
    for expert in range(4):
        removed = ~torch.from_numpy(mask.array(f"model.layers.0.mlp.experts.{expert}.down_proj.weight"))
        assert not layer.down_proj[expert][removed].any()
        assert not layer.down_proj.grad[expert][removed].any()
    masking.on_train_end(None, None, None)
    other = load(made("mixtral"))
    mask.apply(other)
    assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), model.state_dict().values(), strict=True))


def test_a_mask_of_some_experts_leaves_the_others_whole(made):
    model = load(made("mixtral"))
    weights = models.prunable(model)
    name = "model.layers.0.mlp.experts.1.down_proj.weight"
    before = snapshot(model)
    mask = Mask.from_tensors({name: torch.zeros(weights[name].shape)})
    Masking(weights, {name: torch.zeros(weights[name].shape)})
    assert not weights[name].any()
    assert all(torch.equal(weights[n], before[n]) for n in weights if n != name)
    mask.apply(model)


@pytest.mark.parametrize("name", ["mamba", "jamba"])
def test_wanda_sees_a_weight_that_its_block_multiplies_without_calling_its_layer(made, name):
    model, given = load(made(name)), batch(2)
    inside = {}

    def keep(of):
        return lambda _module, _args, output: inside.setdefault(of, []).append(output.detach().double())

    mixers = [n for n, module in model.named_modules() if hasattr(module, "dt_proj")]
    assert mixers
    for n in mixers:  # Jamba norms what Mamba takes as it is
        mixer = model.get_submodule(n)
        (mixer.dt_layernorm if name == "jamba" else mixer.x_proj).register_forward_hook(keep(n))
    with torch.no_grad():
        model(**given)
    ranks = {n: model.get_submodule(n).dt_proj.in_features for n in mixers}
    expected = {n: sum(x[..., : ranks[n]].flatten(0, 1).square().sum(0) for x in inside[n]).sqrt() for n in mixers}
    inside.clear()
    norms = scores.input_norms(model, models.prunable(model), [given, given])
    for n in mixers:
        torch.testing.assert_close(norms[f"{n}.dt_proj.weight"], expected[n] * 2**0.5, rtol=1e-5, atol=1e-7)
    if name == "jamba":  # the batch that goes through twice is counted once
        assert sum(count for n, count in norms.tokens.items() if "down_proj" in n) == 2 * 2 * given["input_ids"].numel()


def test_experts_that_are_layers_of_their_own_are_seen_alike(tmp_path):
    model = architectures.make("nllb-moe", tmp_path).eval()
    given = batch(2)
    given |= {"decoder_input_ids": given["input_ids"], "decoder_attention_mask": given["attention_mask"]}
    seen = {}
    for name, module in model.named_modules():
        if name.rpartition(".")[2] == "fc1" and ".experts." in name:
            module.register_forward_pre_hook(lambda _m, args, name=name: seen.update({name: args[0].detach().double()}))
    with torch.no_grad():
        model(**given)
    norms = scores.input_norms(model, models.prunable(model), [given], lambda network, each: network(**each))
    experts_of_layer = [name for name in norms.tokens if name.endswith("fc1.weight")]
    assert len(experts_of_layer) == 8  # of one layer of the encoder and one of the decoder
    for name in experts_of_layer:
        rows = seen.get(name.removesuffix(".weight"), torch.zeros(0, 64).double())
        torch.testing.assert_close(norms[name], rows.square().sum(0).sqrt(), rtol=1e-5, atol=1e-8)
        assert norms.tokens[name] == len(rows)
    assert not any("router" in name for name in norms)
