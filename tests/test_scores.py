import numpy as np
import pytest
import tiny
import torch
from torch import nn
from torch.nn.utils import prune
from transformers.pytorch_utils import Conv1D

from neutral import labels, models, scores
from neutral.errors import MismatchError, NeutralError
from neutral.masks import Mask

pytestmark = pytest.mark.numeric

SHAPES = [(4, 6), (5, 3), (1, 7), (8, 8)]
ENCODERS, DECODERS = ("bert", "distilbert"), ("gpt2", "llama")


def layers(values):
    """Linear layers of `SHAPES` that hold the values, in order."""
    found, start = [], 0
    for rows, columns in SHAPES:
        layer = nn.Linear(columns, rows, bias=False)
        layer.weight.data = values[start : start + rows * columns].view(rows, columns).clone()
        start += rows * columns
        found.append(layer)
    return found


def torch_masks(modules, amount):
    prune.global_unstructured([(m, "weight") for m in modules], prune.L1Unstructured, amount=amount)
    return [module.weight_mask.bool() for module in modules]


SIZE = sum(rows * columns for rows, columns in SHAPES)


@pytest.mark.parametrize("seed", range(40))
def test_a_global_cut_is_torchs_bit_for_bit_on_distinct_scores(seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randperm(SIZE, generator=generator) + 1.0
    values *= torch.randint(0, 2, (SIZE,), generator=generator) * 2 - 1
    if seed % 2:
        values = values.mul(0.1).exp() - 1e-7  # many magnitudes
    modules = layers(values)
    weights = {f"{i}.weight": module.weight for i, module in enumerate(modules)}
    amount = torch.randint(0, SIZE, (1,), generator=generator).item()
    amount, share = (amount, amount / SIZE) if seed % 3 else (amount / SIZE * 0.997, amount / SIZE * 0.997)
    mask = scores.cut(scores.magnitude(weights), share)
    expected = torch_masks(modules, amount)
    assert all(torch.equal(kept, expected[i]) for i, kept in enumerate(mask.to_tensors().values()))


@pytest.mark.parametrize("seed", range(10))
def test_a_global_cut_keeps_as_many_as_torchs_on_tied_scores(seed):
    generator = torch.Generator().manual_seed(seed)
    modules = layers(torch.randint(-2, 3, (SIZE,), generator=generator).float())
    weights = {f"{i}.weight": module.weight for i, module in enumerate(modules)}
    share = torch.rand(1, generator=generator).item()
    mask = scores.cut(scores.magnitude(weights), share)
    assert mask.kept == sum(int(kept.sum()) for kept in torch_masks(modules, share))


def test_of_tied_scores_the_first_are_dropped():
    mask = scores.cut({"a": torch.ones(2, 2), "b": np.ones((2, 3))}, 0.5)
    assert mask.to_arrays()["a"].tolist() == [[False, False], [False, False]]
    assert mask.to_arrays()["b"].tolist() == [[False, True, True], [True, True, True]]


def drawn(*names, seed=0, shape=(6, 10)):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(shape, generator=generator) for name in names}


@pytest.mark.parametrize("share", [0, 0.1, 0.33, 0.5, 0.99])
def test_each_group_of_a_scope_loses_exactly_its_share(share):
    weights = models.prunable(tiny.model("mt5"))
    found = scores.magnitude(weights)
    for scope in ("global", "stack", "component", "tensor"):
        mask = scores.cut(found, share, scope)
        groups = {}
        for name, kept in mask.kept_by_tensor().items():
            group = labels.group(name, "all" if scope == "global" else scope)
            sizes = groups.setdefault(group, [0, 0])
            sizes[0] += mask.sizes[name] - kept
            sizes[1] += mask.sizes[name]
        assert len(groups) == {"global": 1, "stack": 2, "component": 11, "tensor": len(weights)}[scope]
        assert all(dropped == round(share * size) for dropped, size in groups.values())
    mask = scores.cut(found, share, "row")
    assert all((~kept).sum(1).eq(round(share * kept.shape[1])).all() for kept in mask.to_tensors().values())


def test_a_scope_compares_within_its_groups_only():
    low, high = torch.rand(4, 4), torch.rand(4, 4) + 5
    found = {"encoder.layer.0.attention.self.query.weight": low, "decoder.block.0.layer.0.SelfAttention.k.weight": high}
    together, apart = scores.cut(found, 0.5), scores.cut(found, 0.5, "stack")
    assert list(together.kept_by_tensor().values()) == [0, 16]
    assert list(apart.kept_by_tensor().values()) == [8, 8]
    assert apart == scores.cut(found, 0.5, "component") == scores.cut(found, 0.5, "tensor")


@pytest.mark.parametrize("scope", scores.SCOPES)
def test_rounds_of_cuts_count_the_original_weights(scope):
    kept, names = None, ("encoder.layer.0.output.dense.weight", "encoder.layer.1.output.dense.weight")
    for r in range(1, 10):
        following = scores.cut(drawn(*names, seed=r), r / 10, scope, kept=kept)
        assert following.kept == following.size * (10 - r) // 10
        if kept is not None:
            assert following & kept == following
        kept = following


def test_a_cut_after_a_larger_one_drops_nothing_else():
    kept = scores.cut(drawn("a", "b"), 0.7, language="en")
    assert scores.cut(drawn("a", "b", seed=1), 0.5, kept=kept) == kept


def test_weights_that_were_dropped_go_first_even_where_scores_are_lower():
    kept = Mask.from_tensors({"a": torch.tensor([[0, 1, 1, 1]])})
    lowest = torch.tensor([[9.0, -torch.inf, 0.0, 1.0]])
    for scope in scores.SCOPES:
        assert scores.cut({"a": lowest}, 0.25, scope, kept=kept) == kept
        assert scores.cut({"a": lowest}, 0.5, scope, kept=kept).to_arrays()["a"].tolist() == [
            [False, False, True, True]
        ]


def test_a_mask_made_of_wrapped_names_is_gone_on_from():
    kept = Mask.from_tensors({"module.a.weight_mask": torch.tensor([[0, 1]])})
    mask = scores.cut({"a.weight": torch.ones(1, 2)}, 0.5, kept=kept)
    assert mask.to_arrays()["a.weight"].tolist() == [[False, True]]


def test_the_header_says_the_sparsity_and_what_is_given():
    mask = scores.cut(drawn("a"), 0.3, language="sw", method="magnitude", seed=1)
    assert mask.header == {"sparsity": 0.3, "language": "sw", "method": "magnitude", "seed": 1}


def test_bad_cuts_are_refused_in_one_line():
    good = drawn("a", "b")
    for share in (-0.1, 1, 1.5, float("nan")):
        with pytest.raises(NeutralError, match="the share to drop"):
            scores.cut(good, share)
    with pytest.raises(NeutralError, match="unknown scope 'layer'"):
        scores.cut(good, 0.5, "layer")
    for scope in scores.SCOPES:
        with pytest.raises(NeutralError, match="b: a score is NaN"):
            scores.cut({**good, "b": torch.tensor([[1.0, torch.nan]])}, 0.5, scope)
    with pytest.raises(NeutralError, match="a: has 1 dimensions"):
        scores.cut({"a": torch.ones(4)}, 0.5, "row")
    with pytest.raises(MismatchError, match="c: the mask to go on from has it"):
        scores.cut(good, 0.5, kept=scores.cut(drawn("a", "b", "c"), 0.5))
    with pytest.raises(MismatchError, match="b: the mask to go on from lacks it"):
        scores.cut(good, 0.5, kept=scores.cut(drawn("a"), 0.5))
    with pytest.raises(MismatchError, match="a: the scores are 6×10, but the mask"):
        scores.cut(good, 0.5, kept=scores.cut(drawn("a", "b", shape=(10, 6)), 0.5))


def test_magnitude_is_the_absolute_weight():
    weights = models.prunable(tiny.model())
    found = scores.magnitude(weights)
    assert found.keys() == weights.keys()
    assert all(torch.equal(score, weights[name].detach().abs()) for name, score in found.items())
    halved = scores.magnitude(models.prunable(tiny.model().bfloat16()))
    assert all(score.dtype == torch.float32 and not score.requires_grad for score in halved.values())


def test_random_depends_on_the_seed_and_the_name_only():
    weights = models.prunable(tiny.model())
    found, names = scores.random(weights, 3), list(weights)
    alone = scores.random({names[1]: weights[names[1]]}, 3)
    assert torch.equal(found[names[1]], alone[names[1]])
    assert not torch.equal(found[names[0]], found[names[1]])
    assert not torch.equal(found[names[0]], scores.random(weights, 4)[names[0]])
    assert all(score.dtype == torch.float32 and 0 <= score.min() <= score.max() < 1 for score in found.values())


def test_change_is_the_distance_from_the_origin():
    before, after = tiny.model(seed=0), tiny.model(seed=1)
    weights, origin = models.prunable(after), before.state_dict()
    found = scores.change(weights, origin)
    assert all(torch.equal(score, (weights[n] - origin[n]).abs().detach()) for n, score in found.items())
    name = next(iter(weights))
    for wrong in ({n: w for n, w in origin.items() if n != name}, {**origin, name: torch.ones(2)}):
        with pytest.raises(MismatchError, match=name):
            scores.change(weights, wrong)


def batch(kind, texts=3, length=7, padding=0, seed=0):
    """Token ids with labels; the last `padding` tokens of the first text are padding."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 400, (texts, length), generator=generator)
    mask = torch.ones_like(ids)
    if padding:
        mask[0, -padding:] = 0
        ids = ids * mask
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.where(mask.bool(), ids, -100)}


def loss(model, batch):
    return model(**batch).loss


@pytest.mark.parametrize("kind", ENCODERS + DECODERS)
def test_fisher_is_the_mean_of_squared_gradients_of_single_examples(kind):
    model = tiny.model(kind).train()
    weights = models.prunable(model)
    whole = batch(kind)
    examples = [{key: value[i : i + 1] for key, value in whole.items()} for i in range(3)]
    found = scores.fisher(model, weights, examples, loss)
    assert model.training
    assert all(weight.grad is None for weight in model.parameters())

    expected = dict.fromkeys(weights, 0)
    model.eval()
    for example in examples:
        model.zero_grad()
        loss(model, example).backward()
        for name, weight in weights.items():
            expected[name] = expected[name] + weight.grad**2 / 3
    assert all(torch.allclose(score, expected[n], rtol=1e-4, atol=0) for n, score in found.items())
    together = scores.fisher(model, weights, [whole], loss)
    assert all(torch.allclose(score, found[n], rtol=1e-4, atol=0) for n, score in together.items())


def test_fisher_scores_frozen_weights_and_those_out_of_reach():
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig(vocab_size=400, **tiny.SHAPES["bert"])).requires_grad_(False)
    weights = models.prunable(model)
    text = {"input_ids": batch("bert")["input_ids"]}
    found = scores.fisher(model, weights, [text], lambda m, b: m(**b).last_hidden_state.square()[0, 0, :4].sum())
    assert not any(weight.requires_grad for weight in model.parameters())
    assert not found["pooler.dense.weight"].any()
    assert found["encoder.layer.0.attention.self.query.weight"].any()
    with pytest.raises(NeutralError, match="at least one example"):
        scores.fisher(model, weights, [], loss)


def plain_norms(model, weights, batches):
    """‖X_j‖₂ from the formula: all inputs of one layer at a time, one text at a time, without padding."""
    found = {}
    for name in weights:
        layer, seen = model.get_submodule(name.removesuffix(".weight")), []
        hook = layer.register_forward_hook(lambda _layer, args, _output, seen=seen: seen.append(args[0]))
        with torch.no_grad():
            for each in batches:
                for ids, mask in zip(each["input_ids"], each["attention_mask"], strict=True):
                    model.eval()(input_ids=ids[mask.bool()][None])
        hook.remove()
        tokens = torch.cat([x.reshape(-1, x.shape[-1]) for x in seen]).double()
        found[name] = torch.sqrt(sum(token**2 for token in tokens))
    return found


@pytest.mark.parametrize("kind", ENCODERS + DECODERS)
def test_wanda_is_weight_times_input_norm_without_padding(kind):
    model = tiny.model(kind).train()
    weights = models.prunable(model)
    batches = [batch(kind, padding=2), batch(kind, texts=2, length=5, seed=1), batch(kind, padding=5, seed=2)]
    found = scores.wanda(model, weights, batches)
    assert model.training
    assert not any(module._forward_pre_hooks for module in model.modules())
    norms = plain_norms(model, weights, batches)
    for name, score in found.items():
        layer = model.get_submodule(name.removesuffix(".weight"))
        norm = norms[name][:, None] if isinstance(layer, Conv1D) else norms[name][None, :]
        assert score.shape == weights[name].shape
        assert score.dtype == torch.float32
        assert torch.allclose(score.double(), weights[name].detach().abs().double() * norm, rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", ENCODERS + DECODERS)
def test_padding_does_not_change_input_norms(kind):
    model = tiny.model(kind)
    weights = models.prunable(model)
    short = batch(kind)
    long = {key: torch.nn.functional.pad(value, (0, 6)) for key, value in short.items()}
    bare, padded = (scores.input_norms(model, weights, [each]) for each in (short, long))
    assert all(torch.allclose(norm, padded[name], rtol=1e-5, atol=0) for name, norm in bare.items())
    unmasked = scores.input_norms(model, weights, [{"input_ids": long["input_ids"]}])
    assert not torch.allclose(unmasked[name := next(iter(bare))], bare[name], rtol=1e-2)


@pytest.mark.parametrize(
    "forward",
    [
        lambda model, each: model(each["input_ids"], attention_mask=each["attention_mask"]),
        lambda model, each: model(each["input_ids"], each["attention_mask"]),
        lambda model, each: model.base_model(each["input_ids"], each["attention_mask"]),
        torch.inference_mode()(lambda model, each: model.base_model(**{k: each[k] for k in list(each)[:2]})),
    ],
)
def test_any_forward_pass_serves(forward):
    model = tiny.model("bert")
    weights = models.prunable(model)
    batches = [batch("bert", padding=3)]
    expected = scores.input_norms(model, weights, batches)
    found = scores.input_norms(model, weights, batches, forward)
    assert all(torch.allclose(norm, expected[name]) for name, norm in found.items())


def test_norms_of_halves_join_to_those_of_the_whole():
    model = tiny.model("gpt2")
    weights = models.prunable(model)
    batches = [batch("gpt2", seed=seed, padding=seed) for seed in range(4)]
    first, second = (scores.input_norms(model, weights, batches[i::2]) for i in (0, 1))
    whole, joined = scores.input_norms(model, weights, batches), scores.join(first, second)
    assert joined.transposed == whole.transposed == set(weights)
    assert all(torch.allclose(norm, joined[name], rtol=1e-12) for name, norm in whole.items())
    expected = scores.wanda(model, weights, batches)
    assert all(torch.equal(score, expected[n]) for n, score in scores.from_norms(weights, whole).items())
    with pytest.raises(MismatchError, match="cannot be joined"):
        scores.join(first, scores.Scores({"x": torch.ones(3)}))


@pytest.mark.parametrize("kind", ENCODERS + DECODERS)
def test_a_row_cut_takes_the_same_share_of_every_output(kind):
    model = tiny.model(kind)
    weights = models.prunable(model)
    found = scores.wanda(model, weights, [batch(kind)])
    mask = scores.cut(found, 0.4, "row")
    for name, kept in mask.to_tensors().items():
        if kind == "gpt2":
            kept, score = kept.T, found[name].T
        else:
            score = found[name]
        assert kept.shape[1] == model.get_submodule(name.removesuffix(".weight")).weight.shape[kind != "gpt2"]
        assert (~kept).sum(1).eq(round(0.4 * kept.shape[1])).all()
        lowest_kept = score.masked_fill(~kept, torch.inf).min(1).values
        assert (score.masked_fill(kept, -torch.inf).max(1).values <= lowest_kept).all()
    if kind == "gpt2":
        by_name = scores.cut(dict(found), 0.4, "row", transposed=scores.transposed(model))
        assert by_name == mask != scores.cut(dict(found), 0.4, "row")


def test_an_encoder_decoder_pads_its_two_stacks_apart():
    model = tiny.model("mt5")
    weights = models.prunable(model)
    whole = batch("mt5", padding=0)
    answer = torch.randint(5, 400, (3, 4), generator=torch.Generator().manual_seed(9))
    bare = {k: whole[k] for k in ("input_ids", "attention_mask")} | {
        "decoder_input_ids": answer,
        "decoder_attention_mask": torch.ones_like(answer),
    }
    padded = {k: torch.nn.functional.pad(v, (0, 3 if "decoder" in k else 5)) for k, v in bare.items()}
    expected, found = (scores.input_norms(model, weights, [each]) for each in (bare, padded))
    assert all(torch.allclose(norm, found[name], rtol=1e-5) for name, norm in expected.items())


def test_layers_that_share_their_input_share_its_norms():
    model = tiny.model("bert")
    weights = models.prunable(model)
    norms = scores.input_norms(model, weights, [batch("bert", padding=2)])
    attention = "bert.encoder.layer.1.attention.self"
    assert torch.equal(norms[f"{attention}.query.weight"], norms[f"{attention}.value.weight"])


def test_wanda_says_what_it_cannot_do():
    model = tiny.model("bert")
    weights = models.prunable(model)
    with pytest.raises(NeutralError, match="needs a text"):
        scores.wanda(model, weights, [])
    embedding = {"positions.weight": model.bert.embeddings.position_embeddings.weight}
    with pytest.raises(NeutralError, match="is not the weight of a linear layer"):
        scores.wanda(model, embedding, [batch("bert")])
    head = {"cls.predictions.transform.dense.weight": model.cls.predictions.transform.dense.weight}
    with pytest.raises(NeutralError, match="does not use this weight"):
        scores.wanda(model, head, [batch("bert")])
    square = torch.ones(3, 1, 7, 7)
    with pytest.raises(NeutralError, match="attention_mask must be"):
        scores.wanda(model, weights, [{**batch("bert"), "attention_mask": square}])
    assert not any(module._forward_pre_hooks for module in model.modules())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none here")
@pytest.mark.parametrize("kind", ENCODERS + DECODERS)
def test_a_gpu_gives_the_same_masks(kind):
    model = tiny.model(kind)
    there = tiny.model(kind).cuda()
    texts = batch(kind, padding=2)
    texts_there = {key: value.cuda() for key, value in texts.items()}
    pairs = [
        (score(models.prunable(model)), score(models.prunable(there)))
        for score in (scores.magnitude, lambda weights: scores.random(weights, 1))
    ]
    kept = kept_there = None
    for scope in scores.SCOPES:
        for here, other in pairs:
            assert scores.cut(here, 0.5, scope) == scores.cut(other, 0.5, scope)
            kept = scores.cut(here, 0.3, scope, kept=scores.cut(pairs[1][0], 0.2, scope))
            kept_there = scores.cut(other, 0.3, scope, kept=scores.cut(pairs[1][1], 0.2, scope))
            assert kept == kept_there
    found = scores.wanda(model, models.prunable(model), [texts])
    found_there = scores.wanda(there, models.prunable(there), [texts_there])
    assert all(torch.allclose(score, found_there[n].cpu(), rtol=1e-3) for n, score in found.items())
    moved = scores.Scores({n: score.cpu() for n, score in found_there.items()}, transposed=found_there.transposed)
    assert scores.cut(moved, 0.5, "row") == scores.cut(found_there, 0.5, "row")
