"""The stack of a network: written into masks from the configuration, kept by counts, and read from names without it."""

import architectures
import numpy as np
import pytest
import tiny
from test_overlap import drawn

from neutral import maskfiles, models, overlap, scores
from neutral.errors import NeutralError
from neutral.inside import states
from neutral.masks import Mask
from neutral.overlap import Counts
from neutral.recipes import Recipe
from neutral.runs.plans.search import SearchPlan
from neutral.runs.search import find

LIKE_LLAMA = {f"model.layers.{i}.{leaf}.weight": (8, 8) for i in (0, 1) for leaf in ("self_attn.q_proj", "mlp.up_proj")}
MODERN_DECODER = {
    f"model.layers.{i}.{leaf}.weight": (8, 8) for i in (0, 1) for leaf in ("attn.q_proj", "attn.Wo", "mlp.Wi", "mlp.Wo")
}


def masks_of(*stacks, shapes=LIKE_LLAMA):
    masks = drawn(np.random.default_rng(0), shapes, len(stacks))
    for mask, stack in zip(masks, stacks, strict=True):
        mask.header |= {"stack": stack} if stack else {}
    return masks


@pytest.mark.long
@pytest.mark.parametrize("name", ["eurobert", "modernbert-decoder"])
def test_a_run_writes_the_configuration_s_stack_and_its_groups_have_it(name, tmp_path):
    architectures.make(name, tmp_path / "model")
    stack = {"eurobert": "encoder", "modernbert-decoder": "decoder"}[name]
    task = {"encoder": "mlm", "decoder": "clm"}[stack]
    plan = SearchPlan(
        str(tmp_path / "model"), task, ("en", "sw"), "magnitude", (0.5,), recipe=Recipe(steps=1), length=32, held_out=2
    )
    study = find(plan, tiny.text(), tmp_path / "study", device="cpu", quiet=True)
    mask, counts = study.mask(task, "magnitude", 0.5, 0, "en"), study.counts(task, "magnitude", 0.5)
    assert mask.header["stack"] == counts.header["stack"] == counts.stack == stack
    layers = [f"{stack} {i}" for i in range(study.info["layers"])]
    assert counts.groups("layer") == mask.sparsity("layer")["group"].tolist() == layers
    assert counts.groups("stack") == [stack]
    model = models.load_model(tmp_path / "model", task)
    assert states.layers(model) == ["embeddings", *layers]
    assert models.prunable(model, stack).keys() == models.prunable(model).keys()
    with pytest.raises(NeutralError, match="has no linear layers there"):
        models.prunable(model, "encoder" if stack == "decoder" else "decoder")


def test_counts_keep_the_stack_in_their_file_and_files_without_it_are_read(tmp_path):
    for stack, layer in (("encoder", "encoder 0"), ("", "decoder 0")):
        overlap.count(masks_of(stack, stack)).save(tmp_path / "counts.safetensors")
        counts = Counts.load(tmp_path / "counts.safetensors")
        assert counts.header.get("stack", "") == stack
        assert counts.groups("layer")[0] == layer


@pytest.mark.parametrize(
    ("stacks", "stack"),
    [
        (("encoder", ""), "encoder"),
        (("", "encoder"), "encoder"),
        (("encoder", "decoder"), "decoder"),  # they do not agree, so names tell
        (("", ""), "decoder"),
        (("encoder", "neither"), "encoder"),
    ],
)
def test_masks_that_say_the_stack_and_masks_that_do_not_are_compared(stacks, stack):
    one, other = masks_of(*stacks)
    counts = overlap.count([one, other], ["one", "other"])
    assert counts.stack == (one & other).stack == stack
    assert counts.groups("layer") == [f"{stack} 0", f"{stack} 1"]
    said = {each for each in stacks if each in ("encoder", "decoder")}
    assert counts.header.get("stack") == (said.pop() if len(said) == 1 else None)


def test_a_mask_keeps_its_stack_on_the_way_through_a_file_and_as_random_ones(tmp_path):
    mask = masks_of("encoder")[0]
    maskfiles.write(mask, tmp_path / "en.safetensors")
    assert maskfiles.read(tmp_path / "en.safetensors").stack == "encoder"
    assert Mask.random(mask, 0.5, 0).stack == (~mask).stack == mask.shuffled(0).stack == "encoder"


def test_names_of_one_network_are_one_stack():
    mask = masks_of("", shapes=MODERN_DECODER)[0]
    assert mask.sparsity("stack")["group"].tolist() == ["decoder"]
    head = {"bert.encoder.layer.0.output.dense.weight": (8, 8), "cls.predictions.decoder.weight": (8, 8)}
    bert = masks_of("", shapes=head)[0]
    assert bert.sparsity("layer")["group"].tolist() == ["encoder 0", "encoder other"]
    tensors = overlap.count([mask, mask], ["one", "other"]).groups("tensor")
    assert tensors[0] == "model.layers.0.attn.q_proj.weight", "layer by layer, in the order of components"
    assert [name.split(".")[2] for name in tensors] == ["0"] * 4 + ["1"] * 4


def test_a_cut_by_stack_takes_a_network_of_one_stack_as_one_group():
    draw = np.random.default_rng(0)
    weights = {name: draw.random(shape, dtype=np.float32) for name, shape in MODERN_DECODER.items()}
    assert scores.cut(weights, 0.3, "stack") == scores.cut(weights, 0.3, "global")
    both = {f"{stack}.block.0.layer.0.SelfAttention.q.weight": draw.random((8, 8)) for stack in ("encoder", "decoder")}
    assert scores.cut(both, 0.25, "stack") == scores.cut(both, 0.25, "tensor")
