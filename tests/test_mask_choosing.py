"""Which tensors of a file are its mask: none is dropped unsaid, and neither scores nor a training's state is read."""

import pickle

import numpy as np
import pytest
import torch
from maskbytes import npz_bytes, problem, torch_bytes, zip_bytes
from safetensors.torch import save_file

from neutral import cli, maskfiles
from neutral.masks import Mask

SHAPES = {"attn.c_attn": (8, 24), "attn.c_proj": (8, 8), "mlp.c_fc": (8, 32), "mlp.c_proj": (32, 8)}
MODULES = {f"h.{i}.{part}": shape for i in range(2) for part, shape in SHAPES.items()}


def drawn(seed, share=0.5):
    random_bits = np.random.default_rng(seed)
    return {name: torch.from_numpy((random_bits.random(shape) < share).astype("f4")) for name, shape in MODULES.items()}


ONES = drawn(0)
PLAIN = {f"{module}.weight": mask for module, mask in ONES.items()}
MASK = Mask.from_tensors(PLAIN)
PRUNED = {name: torch.full(mask.shape, 0.5) * mask for name, mask in PLAIN.items()}
MOMENTA = {"state": {i: {"exp_avg": torch.eye(8)} for i in range(4)}, "param_groups": [{"lr": 0.1}]}


def one(value, **how):
    (reading,) = maskfiles.read_uploads([("en.pt", torch_bytes(value))], **how)
    return reading


# ---- masks by their names


@pytest.mark.parametrize("form", ["{}.mask", "{}_mask", "{}.weight_mask", "{}.pruning_mask", "{}.binary_mask"])
def test_every_linear_layers_mask_counts_even_one_that_is_called_attention(in_process, form):
    reading = one({form.format(module): mask for module, mask in ONES.items()})
    assert [reading.mask.array(name).tolist() for name in reading.mask.names] == [
        MASK.array(name).tolist() for name in MASK.names
    ]
    assert reading.notes == ()


def test_what_hides_later_text_is_no_mask_beside_those_of_layers(in_process):
    texts = {
        "h.0.attn.mask": torch.ones(8, 8),
        "h.0.attn.causal_mask": torch.ones(8, 8),
        "h.0.mask": torch.ones(1, 1, 8, 8),
    }
    reading = one({f"{module}.mask": mask for module, mask in ONES.items()} | texts)
    assert reading.mask == MASK


def test_masks_of_experts_and_convolutions_are_read_beside_those_of_matrices(in_process):
    more = {"h.0.mlp.experts.w1.mask": torch.ones(4, 8, 8), "h.0.conv.mask": torch.zeros(4, 4, 3)}
    reading = one({f"{module}.mask": mask for module, mask in ONES.items()} | more)
    assert reading.mask.shapes["h.0.mlp.experts.w1.weight"] == (4, 8, 8)
    assert reading.mask.size == MASK.size + 256 + 48


def test_matrices_without_a_mask_beside_those_that_have_one_are_said(in_process):
    half = {f"{name}_mask" if i % 2 else name: mask for i, (name, mask) in enumerate(PLAIN.items())}
    reading = one(half)
    assert len(reading.mask.names) == 4
    assert reading.notes == ("left out matrices that have no mask of their own: h.0.attn.c_attn.weight and 3 more",)


def test_a_mask_called_by_a_head_beside_those_of_weights_is_left_out_and_said(in_process):
    reading = one({f"{name}_mask": mask for name, mask in PLAIN.items()} | {"lm_head_mask": torch.eye(8)})
    assert reading.notes == ("left out masks of heads or neurons, which are no masks of weights: lm_head_mask",)


def test_masks_in_front_of_the_names_of_their_weights_are_read(in_process):
    reading = one(PRUNED | {f"mask.{name}": mask for name, mask in PLAIN.items()}, from_zeros=True)
    assert reading.mask == MASK


def test_slashes_between_the_parts_of_names_are_dots():
    arrays = {name.replace(".", "/"): mask.numpy() for name, mask in PLAIN.items()}
    assert maskfiles.read_bytes("en.npz", npz_bytes(**arrays)) == MASK


# ---- the zeros of a model


@pytest.mark.parametrize(
    "beside",
    [
        {f"{module}.mask_scores": torch.randn(mask.shape) for module, mask in ONES.items()},
        {f"{module}.masks": mask for module, mask in ONES.items()},
        {f"{module}.exp_avg": mask for module, mask in ONES.items()},
    ],
    ids=["scores", "masks", "momenta"],
)
def test_only_weights_count_where_zeros_are_the_mask(in_process, beside):
    reading = one(PRUNED | beside, from_zeros=True)
    assert reading.mask == MASK
    assert "h.0.attn.c_attn." in reading.notes[0]


def test_scores_are_never_a_mask(in_process):
    scores = {f"{module}.mask_scores": torch.rand(mask.shape) for module, mask in ONES.items()}
    assert "holds 0." in one(scores).problem
    assert "no matrices of linear layers" in one(scores, from_zeros=True).problem


@pytest.mark.parametrize("value", [PLAIN, PRUNED], ids=["masks", "zeros"])
def test_the_state_of_a_training_beside_a_model_is_left_out_and_said(in_process, value):
    reading = one(
        {"model": value, "rng_state": torch.get_rng_state(), "optimizer": MOMENTA}, from_zeros=value is PRUNED
    )
    assert reading.mask == MASK
    assert reading.notes == ("left out rng_state, optimizer",)


@pytest.mark.parametrize("from_zeros", [False, True])
def test_the_state_of_an_optimiser_is_no_mask(in_process, from_zeros):
    assert "the state of an optimiser" in one(MOMENTA, from_zeros=from_zeros).problem


def test_zeros_of_a_model_are_not_turned_but_masks_beside_them_are(in_process):
    zeros, masks = maskfiles.read_uploads(
        [
            ("en.pt", torch_bytes(PRUNED)),
            ("fr.pt", torch_bytes({f"{name}_mask": mask for name, mask in PLAIN.items()})),
        ],
        from_zeros=True,
        invert=True,
    )
    assert zeros.mask == MASK
    assert zeros.notes == ("not turned: a zero of a model is a weight removed",)
    assert masks.mask == ~MASK


def test_a_model_pruned_to_almost_nothing_is_not_called_turned(in_process):
    sparse = {f"{module}.weight": mask for module, mask in drawn(0, 0.02).items()}
    assert one({name: mask / 2 for name, mask in sparse.items()}, from_zeros=True).notes == ()
    assert "if 1 means removed" in one(sparse).notes[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_zeros_and_ones_are_a_mask_even_where_zeros_of_models_are_asked_for(in_process, dtype):
    masks = {name: mask.to(dtype) for name, mask in PLAIN.items()} | {"wte.weight": torch.eye(8).to(dtype)}
    reading = one(masks, from_zeros=True, invert=True)
    assert reading.mask == ~Mask.from_tensors(masks)
    assert reading.notes == (
        "holds zeros and ones alone, and was read as a mask, not as a model",
        "turned: 1 meant removed in the file",
    )


# ---- several masks, or one in parts


@pytest.mark.parametrize("key", ["mask_{}", "{}_mask", "masks-{}"])
def test_the_word_mask_at_a_language_is_no_part_of_it(in_process, key):
    found = maskfiles.read_uploads([("a.pt", torch_bytes({key.format(code): PLAIN for code in ("fi", "sr_Latn")}))])
    assert [(each.name, each.language_from) for each in found] == [
        ("fi", "key in the file"),
        ("sr_Latn", "key in the file"),
    ]
    assert all(each.mask == MASK for each in found)


def test_several_masks_of_a_language_keep_what_tells_them_apart(in_process, tmp_path):
    tables = {code: dict.fromkeys(("0.5", "0.7"), PLAIN) for code in ("fi", "ta")}
    for value in (tables, {"fi_0.5": PLAIN, "fi_0.7": PLAIN, "ta_0.5": PLAIN, "ta_0.7": PLAIN}):
        found = maskfiles.read_uploads([("a.pt", torch_bytes(value))])
        assert [each.name for each in found] == ["fi/0_5", "fi/0_7", "ta/0_5", "ta/0_7"]
        assert [each.mask.header["language"] for each in found] == ["fi", "fi", "ta", "ta"]


def test_a_list_of_masks_is_several_and_a_list_of_layers_is_one(in_process):
    found = maskfiles.read_uploads([("a.pt", torch_bytes({"fi": [PLAIN, PLAIN]}))])
    assert [(each.name, each.mask) for each in found] == [("fi/0", MASK), ("fi/1", MASK)]
    blocks = [{"layer.0.SelfAttention.q": torch.eye(4), "layer.1.DenseReluDense.wi": torch.eye(4)}] * 2
    (reading,) = maskfiles.read_uploads([("a.pt", torch_bytes({"fi": blocks}))])
    assert len(reading.mask.names) == 4


def test_which_of_several_is_no_mask_is_said(in_process):
    assert one({"fi": PLAIN, "base": PRUNED}).problem.startswith(
        "en.pt: in base, tensor h.0.attn.c_attn.weight holds 0.5"
    )


@pytest.mark.parametrize(
    "parts",
    [
        {part: {f"layers.{i}.attention": torch.eye(4) for i in range(2)} for part in ("query", "value")},
        {"vision": {"layers.0.q_proj": torch.eye(4)}, "text": {"layers.0.q_proj": torch.eye(8)}},
    ],
    ids=["matrix by matrix", "two towers"],
)
def test_parts_of_one_network_are_one_mask(in_process, parts):
    assert one(parts).mask.size == sum(mask.numel() for part in parts.values() for mask in part.values())


# ---- what is refused


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({f"layer_{i}": torch.ones(12) for i in range(4)}, "tensor layer_0 is 12: a mask of attention heads"),
        ({f"layer{i}": torch.ones(12) for i in range(4)}, "tensor layer0 is 12: a mask of attention heads"),
        ({f"layer_{i}_mlp": torch.ones(99) for i in range(4)}, "tensor layer_0_mlp is 99"),
        ({"attn": torch.ones(4, 12), "ffn": torch.ones(4, 99)}, "tensor attn is 4×12: a mask of attention heads"),
        ({"activation_mask": torch.ones(4, 99)}, "tensor activation_mask is 4×99"),
        ({"names": list(PLAIN), "masks": list(PLAIN.values())}, "holds lists of tensors"),
    ],
)
def test_what_names_no_weights_is_refused(in_process, value, said):
    assert said in one(value).problem


def test_masks_of_biases_and_norms_alone_are_read(in_process):
    vectors = {"h.0.ln_1.weight": torch.ones(8), "h.0.attn.c_attn.bias": torch.zeros(24)}
    assert one(vectors).mask.size == 32


def test_a_number_that_is_almost_1_is_not_called_1(in_process):
    array = np.full((2, 2), 1 - 1e-12)
    assert "holds 0.999999999999, and" in problem("en.npz", npz_bytes(**{"layer.0.query.weight": array}))


def test_torchs_tensors_in_a_bare_pickle_are_told_what_to_do(in_process):
    assert problem("en.pkl", pickle.dumps(PLAIN)).endswith("save them with torch.save")


# ---- folders as trainers leave them


def test_a_trainers_folder_and_its_archive_give_the_model_once(tmp_path, capsys):
    folder = tmp_path / "ta"
    folder.mkdir()
    save_file(PRUNED, folder / "model.safetensors")
    torch.save(PRUNED, folder / "pytorch_model.bin")
    for name in ("optimizer.pt", "optimizer.bin", "scheduler.pt", "rng_state_0.pth", "training_args.bin"):
        torch.save(MOMENTA, folder / name)
    assert cli.main(["masks", "info", "--from-zeros", "--format", "csv", str(folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    archive = zip_bytes({f"ta/{path.name}": path.read_bytes() for path in folder.iterdir()})
    (reading,) = maskfiles.read_uploads([("a.zip", archive)], from_zeros=True)
    assert (reading.name, reading.mask) == ("ta", MASK)
