"""Masks as the paper's scripts read them, against a plain version of how they do, and what goes on equal scores."""

import numpy as np
import pytest
import tiny
import torch
from torch import nn
from torch.nn.utils import prune
from transformers import AutoConfig, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

from neutral import cli, maskfiles, models, options, scores
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.runs.plans.search import SearchPlan

BERT = {"hidden_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 60}
MT5 = {"d_model": 8, "d_kv": 4, "d_ff": 12, "num_layers": 12, "num_heads": 2, "vocab_size": 60}
MODELS = {
    "mlm": lambda: AutoModelForMaskedLM.from_config(AutoConfig.for_model("bert", **BERT)),
    "nli": lambda: AutoModelForSequenceClassification.from_config(AutoConfig.for_model("bert", **BERT)),
    "mt5": lambda: AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model("mt5", **MT5)),
}


BERT_PARTS = (
    *("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"),
    *("intermediate.dense", "output.dense"),
)
MT5_PARTS = {
    "encoder": {0: ("SelfAttention", "qkvo"), 1: ("DenseReluDense", ("wi_0", "wi_1", "wo"))},
    "decoder": {
        0: ("SelfAttention", "qkvo"),
        1: ("EncDecAttention", "qkvo"),
        2: ("DenseReluDense", ("wi_0", "wi_1", "wo")),
    },
}


def looked_up(model):
    """Module -> the name under which the scripts look its mask up: BERT's twelve layers, or an mT5 in DataParallel."""
    if not model.config.is_encoder_decoder:
        keys = {
            model.bert.encoder.layer[n].get_submodule(part): f"bert.encoder.layer.{n}.{part}.weight_mask"
            for n in range(12)
            for part in BERT_PARTS
        }
        return keys if model.bert.pooler is None else {**keys, model.bert.pooler.dense: "bert.pooler.dense.weight_mask"}
    wrapped = nn.DataParallel(model)
    names = [
        f"{stack}.block.{n}.layer.{i}.{block}.{part}"
        for stack, blocks in MT5_PARTS.items()
        for n in range(len(model.encoder.block))
        for i, (block, parts) in blocks.items()
        for part in parts
    ]
    return {wrapped.module.get_submodule(name): f"module.{name}.weight_mask" for name in names}


@pytest.mark.parametrize("kind", MODELS)
def test_the_scripts_prune_the_same_weights_with_a_converted_mask(kind, tmp_path, capsys, in_process):
    torch.manual_seed(0)
    model = MODELS[kind]()
    origin = {name: weight.detach().clone() for name, weight in models.prunable(model).items()}
    mask = scores.cut(scores.magnitude(origin), 0.5, language="en")
    maskfiles.write(mask, tmp_path / "mlm-en.safetensors")
    arguments = [
        "masks",
        "convert",
        str(tmp_path / "mlm-en.safetensors"),
        "--as",
        "mask.pt",
        "-o",
        str(tmp_path / "out"),
    ]
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert (out.strip(), err) == (str(tmp_path / "out" / "mlm-en" / "mask.pt"), "")
    tensors = torch.load(out.strip())
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    modules = looked_up(model)
    assert set(modules.values()) == set(tensors), "nothing that they do not look up, and all that they do"
    for module, key in modules.items():
        prune.CustomFromMask.apply(module, "weight", mask=tensors[key])
    pruned = {name: module.weight for name, module in model.named_modules() if module in modules}
    for name, weight in pruned.items():
        assert torch.equal(weight, origin[f"{name}.weight"] * mask.to_tensors()[f"{name}.weight"])
    zeros = sum(int((tensor == 0).sum()) for tensor in tensors.values())  # as they take a mask's sparsity
    assert zeros / sum(tensor.nelement() for tensor in tensors.values()) == pytest.approx(mask.sparsity())
    assert maskfiles.read(out.strip()) == mask, "round trip"


def test_the_names_of_a_bare_model_get_the_prefix_that_the_scripts_use():
    bare = Mask.from_tensors({f"encoder.layer.0.{part}.weight": np.eye(2) for part in BERT_PARTS})
    names = maskfiles.scripts.tensor_names(bare)
    assert names["encoder.layer.0.output.dense.weight"] == "bert.encoder.layer.0.output.dense.weight_mask"
    assert not maskfiles.scripts.has_their_layers(bare)
    with pytest.raises(NeutralError, match=r"intermediate\.dense: the paper's scripts look it up"):
        maskfiles.scripts.tensor_names(
            Mask.from_tensors(
                {"encoder.layer.0.attention.self.query.weight": np.eye(2)}
                | {f"encoder.layer.0.{part}.weight": np.eye(2) for part in BERT_PARTS if "inter" not in part}
            )
        )


def test_other_networks_and_other_depths_are_said(tmp_path, capsys):
    maskfiles.write(Mask.random(models.prunable(tiny.model("gpt2")), 0.5, 0), tmp_path / "gpt2.safetensors")
    maskfiles.write(Mask.random(models.prunable(tiny.model("bert")), 0.5, 0), tmp_path / "bert.safetensors")
    for name, code, word in (("gpt2", 2, "BERT and mT5 only"), ("bert", 0, "has not the 12 layers")):
        file = str(tmp_path / f"{name}.safetensors")
        assert cli.main(["masks", "convert", file, "--as", "mask.pt", "-o", str(tmp_path / "out")]) == code
        err = capsys.readouterr().err
        assert word in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(("form", "end"), [("torch", ".pt"), ("numpy", ".npz"), ("safetensors", ".safetensors")])
def test_other_forms_come_back_too(form, end, tmp_path, capsys, in_process):
    mask = Mask.random(models.prunable(tiny.model("bert")), 0.5, 0)
    maskfiles.write(mask, tmp_path / "one.safetensors")
    arguments = ["masks", "convert", str(tmp_path / "one.safetensors"), "--as", form, "-o", str(tmp_path / "out")]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.strip().endswith(f"one{end}")
    assert maskfiles.read(tmp_path / "out" / f"one{end}") == mask


def pruned_by_torch(weights, shares):
    """What `prune.global_unstructured` keeps after rounds, as the scripts call it: shares of what is left."""
    modules = {name: nn.Linear(*weight.shape[::-1], bias=False) for name, weight in weights.items()}
    for name, module in modules.items():
        module.weight.data = weights[name].clone()
    for share in shares:
        prune.global_unstructured(
            [(module, "weight") for module in modules.values()], pruning_method=prune.L1Unstructured, amount=share
        )
    return {name: module.weight_mask.bool() for name, module in modules.items()}


def test_of_equal_scores_ours_drops_the_first_and_torch_as_many_but_any():
    """torch's mask is that of `topk`, which promises no order among equals: only how many of them go."""
    draw = np.random.default_rng(0)
    for _ in range(10):
        weights = {f"w{i}": torch.from_numpy(draw.integers(-3, 4, (9, 11)).astype("float32")) for i in range(3)}
        magnitude = torch.cat([weight.abs().ravel() for weight in weights.values()])
        ours = scores.cut(scores.magnitude(weights), 0.3).to_tensors()
        kept = torch.cat([keep.ravel() for keep in ours.values()])
        threshold = magnitude[~kept].max()
        assert (kept == (magnitude > threshold))[magnitude != threshold].all()
        equal = kept[magnitude == threshold]
        dropped = int((~equal).sum())
        assert not equal[:dropped].any(), "the first of the equal ones go"
        assert equal[dropped:].all()
        theirs = torch.cat([keep.ravel() for keep in pruned_by_torch(weights, [0.3]).values()])
        assert magnitude[kept].sort().values.equal(magnitude[theirs].sort().values), "as many of each magnitude"


def test_of_distinct_scores_rounds_drop_the_same_weights_as_torch_but_for_one_of_rounding():
    torch.manual_seed(1)
    weights = {f"w{i}": torch.randn(9, 11) for i in range(3)}
    ours = None
    for step in (1, 2, 3):
        ours = scores.cut(scores.magnitude(weights), step / 10, kept=ours)
    theirs = pruned_by_torch(weights, [1 / (10 - r) for r in range(3)])
    different = sum(int((keep != theirs[name]).sum()) for name, keep in ours.to_tensors().items())
    assert different <= 1


def test_a_weight_of_zero_that_is_kept_may_be_dropped_once_only():
    """A dropped weight counts as such in the next round, whatever its magnitude; kept ones of magnitude 0 go first."""
    weights = {"w": torch.tensor([[0.0, 0.0, 3.0, 2.0]])}
    first = scores.cut(scores.magnitude(weights), 0.25)
    assert first.array("w").tolist() == [[False, True, True, True]]
    second = scores.cut(scores.magnitude(weights), 0.5, kept=first)
    assert second.array("w").tolist() == [[False, False, True, True]]
    assert torch.equal(pruned_by_torch(weights, [1 / 4, 1 / 3])["w"], torch.tensor([[False, False, True, True]]))


def test_the_papers_component_wise_pruning_is_the_scope_tensor():
    """`component_wise_pruning_model` cuts every matrix alone, by `prune.l1_unstructured`."""
    torch.manual_seed(2)
    model = tiny.model("bert")
    weights = models.prunable(model)
    ours = scores.cut(scores.magnitude(weights), 0.5, "tensor").to_tensors()
    for name, weight in weights.items():
        alone = nn.Linear(*weight.shape[::-1], bias=False)
        alone.weight.data = weight.detach().clone()
        prune.l1_unstructured(alone, "weight", amount=0.5)
        assert torch.equal(alone.weight_mask.bool(), ours[name])
    (scope,) = (each for each in options.fields(SearchPlan) if each.name == "scope")
    assert "tensor is the component-wise pruning of the paper's scripts" in scope.help
    other = scores.cut(scores.magnitude(weights), 0.5, "component")
    assert other.sparsity("component")["value"].tolist() == pytest.approx([0.5] * 6, abs=1e-3)
    assert other.sparsity("tensor")["value"].std() > 1e-4
