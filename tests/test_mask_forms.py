"""Masks as people save them: every form gives the same mask, and what is left out is said; neurons are no mask."""

import io
import json
import pickle
import struct
import warnings
from collections import defaultdict

import numpy as np
import pytest
import torch
from maskbytes import npz_bytes, problem, safetensors_bytes, torch_bytes, zip_bytes

from neutral import cli, maskfiles
from neutral.errors import FileError
from neutral.masks import Mask

PARTS = {
    "attention.self.query": (8, 8),
    "attention.self.key": (8, 8),
    "attention.self.value": (8, 8),
    "intermediate.dense": (16, 8),
    "output.dense": (8, 16),
}
MODULES = {f"encoder.layer.{i}.{part}": shape for i in range(2) for part, shape in PARTS.items()}


def drawn(seed):
    random_bits = np.random.default_rng(seed)
    return {name: torch.from_numpy((random_bits.random(shape) < 0.5).astype("f4")) for name, shape in MODULES.items()}


ONES = drawn(0)
PLAIN = {f"{module}.weight": mask for module, mask in ONES.items()}
MASK = Mask.from_tensors(PLAIN)
BIASES = {f"{module}.bias": torch.randn(mask.shape[0]) for module, mask in ONES.items()}


def weights():
    return {f"{module}.weight_orig": torch.randn(mask.shape) for module, mask in ONES.items()} | BIASES


def named(form, masks=ONES):
    return {form.format(module): mask for module, mask in masks.items()}


def tree():
    """The names taken apart at every dot: a dict of dicts, as Flax has them."""
    root = {}
    for name, mask in PLAIN.items():
        *path, leaf = name.split(".")
        at = root
        for part in path:
            at = at.setdefault(part, {})
        at[leaf] = mask
    return root


with warnings.catch_warnings(action="ignore"):  # torch calls them beta
    COMPRESSED = {
        "CSR": {name: mask.to_sparse_csr() for name, mask in PLAIN.items()},
        "CSC": {name: mask.bool().to_sparse_csc() for name, mask in PLAIN.items()},
    }

FORMS = {
    "name to mask": PLAIN,
    "two levels": {"epoch": 3, "state_dict": {"model": PLAIN}},
    "five levels": {"a": {"checkpoint": 1}, "state": 2, "masks": {"model": {"module": {"state_dict": {"net": PLAIN}}}}},
    "module to weight and bias (NNI)": {m: {"weight": k, "bias": torch.ones(k.shape[0])} for m, k in ONES.items()},
    "a tree": tree(),
    "layers in a list": {"encoder": {"layer": [tree()["encoder"]["layer"][str(i)] for i in range(2)]}},
    "beside an optimiser": {"model": PLAIN, "optimizer": {"state": {0: {"exp_avg": torch.randn(3, 3)}}}, "epoch": 1},
    "masks beside a state": {"masks": PLAIN, "state_dict": {"encoder.layer.0.x.weight": torch.randn(3, 3)}},
    "torch.nn.utils.prune": named("{}.weight_mask") | weights(),
    "torch.ao": named("{}.parametrizations.weight.0.mask") | named("{}.parametrizations.weight.original") | BIASES,
    "a sparsifier of torch.ao": {
        "state": defaultdict(dict, {f"{module}.weight": {"mask": mask} for module, mask in ONES.items()}),
        "groups": [{"sparsity_level": 0.5, "tensor_fqn": f"{module}.weight"} for module in ONES],
    },
    "ModelOpt": {
        "modelopt_state": {"modelopt_state_dict": [("sparse_magnitude", {"config": {}, "metadata": {}})]},
        "model_state_dict": named("{}._weight_mask")
        | {f"{m}.weight": torch.randn(k.shape) for m, k in ONES.items()}
        | BIASES,
    },
    "a buffer called mask": named("{}.mask") | {f"{m}.weight": torch.randn(k.shape) for m, k in ONES.items()},
    "fake-sparse layers": named("{}.weight_fake_sparse.mask"),
    "NNI's wrapper": named("{}._nni_wrapper.weight_mask"),
    "FSDP": named("_fsdp_wrapped_module.{}.weight_mask") | weights(),
    "Lightning and torch.compile": named("model._orig_mod.{}.weight_mask"),
    "PEFT": named("base_model.model.{}.base_layer.weight")
    | {f"base_model.model.{m}.lora_A.default.weight": torch.randn(2, 8) for m in ONES},
    "sparse COO": {name: mask.to_sparse() for name, mask in PLAIN.items()},
    "sparse CSR": COMPRESSED["CSR"],
    "sparse CSC": COMPRESSED["CSC"],
    "arrays": {name: mask.bool().numpy() for name, mask in PLAIN.items()},
    "buffers": PLAIN
    | {
        "embeddings.position_ids": torch.arange(5)[None],
        "embeddings.token_type_ids": torch.zeros(1, 5, dtype=torch.int64),
        "encoder.layer.0.attention.bias": torch.ones(1, 1, 4, 4).bool(),
        "encoder.layer.0.attention.masked_bias": torch.tensor(-1e4),
        "encoder.layer.0.attention.mask": torch.ones(4, 4).tril(),
        "encoder.layer.0.attention.causal_mask": torch.ones(4, 4).tril(),
        "encoder.rotary_emb.inv_freq": torch.rand(4),
        "encoder.layer.0.query.weight_scale": torch.rand(8, 1),
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_every_form_is_the_same_mask(in_process, form, legacy):
    assert maskfiles.read_bytes("en.pt", torch_bytes(FORMS[form], legacy=legacy)) == MASK


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            "module to weight and bias (NNI)",
            "left out vectors, as of biases and norms: encoder.layer.0.attention.self.query.bias and 9 more",
        ),
        ("buffers", "left out buffers, which are no weights: embeddings.position_ids and 6 more"),
        ("PEFT", "left out matrices of adapters, which are no masks: "),
        ("masks beside a state", "read masks, not state_dict"),
        ("FSDP", ""),
        ("torch.nn.utils.prune", ""),
    ],
)
def test_what_is_left_out_is_said_on_standard_error_and_in_the_header(in_process, tmp_path, capsys, form, said):
    file = tmp_path / "en.pt"
    file.write_bytes(torch_bytes(FORMS[form]))
    assert cli.main(["masks", "info", str(file), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    (row,) = json.loads(out)
    assert (row["weights"], row["kept"], row["language_from"]) == (MASK.size, MASK.kept, "file name")
    assert row["renamed"] == (10 if form in ("PEFT", "FSDP") else 0)
    assert said in err
    mask = maskfiles.read(file)
    assert said in mask.header.get("notes", "")
    maskfiles.write(mask, tmp_path / "packed.safetensors")
    assert "notes" not in maskfiles.read(tmp_path / "packed.safetensors").header, "they are not the mask's own"


def test_masks_and_buffers_in_safetensors_and_npz_are_told_apart_too():
    from safetensors.torch import save

    kept = {name: tensor.contiguous() for name, tensor in FORMS["buffers"].items()}
    assert maskfiles.read_bytes("en.safetensors", save(kept)) == MASK
    assert maskfiles.read_bytes("en.npz", npz_bytes(**{k: v.numpy() for k, v in FORMS["torch.ao"].items()})) == MASK


# ---- arrays in a pickle


@pytest.mark.parametrize("protocol", range(2, 6))
def test_arrays_in_a_bare_pickle_are_read(in_process, protocol):
    arrays = {name: mask.numpy().astype(dtype) for (name, mask), dtype in zip(PLAIN.items(), "?Bbhilefdq", strict=True)}
    arrays = {name: np.asfortranarray(array) if i % 2 else array for i, (name, array) in enumerate(arrays.items())}
    data = pickle.dumps({"masks": arrays, "sparsity": np.float64(0.5), "shape": (3, 4)}, protocol)
    assert maskfiles.read_bytes("en.pkl", data) == MASK


def test_arrays_that_lie_or_hold_objects_are_refused(in_process):
    good = pickle.dumps({"w": np.eye(4, dtype=bool)}, 4)
    assert maskfiles.read_bytes("en.pkl", good).kept == 4
    assert good.count(b"K\x04K\x04\x86") == 1
    lying = good.replace(b"K\x04K\x04\x86", b"K\x7fK\x7f\x86")
    assert "claims 127×127 bool, which its 16 bytes do not hold" in problem("en.pkl", lying)
    holds = pickle.dumps({"w": np.array([["a", 1]], object)})
    assert "tensor w is" in problem("en.pkl", holds)
    assert "holds 2, and a mask holds only 0 and 1" in problem("en.pkl", pickle.dumps({"w": np.full((2, 2), 2)}))
    assert "damaged" in problem("en.pkl", good[:-20])


def test_a_pickle_of_arrays_runs_nothing_else(in_process):
    class Payload:
        def __reduce__(self):
            return np.fromfile, ("/etc/hostname",)

    assert "asks for numpy.fromfile" in problem("en.pkl", pickle.dumps({"w": Payload()}))
    assert "asks for numpy.fromfile" in problem("en.pt", torch_bytes({"w": Payload()}))
    tensors = io.BytesIO()
    pickle.dump({"w": torch.ones(2, 2)}, tensors)
    assert "save them with torch.save" in problem("en.pkl", tensors.getvalue())


# ---- sparse tensors that are no masks


def coo(places, values, size=(2, 2)):
    return torch.sparse_coo_tensor(torch.tensor(places), torch.tensor(values), size, check_invariants=False)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (coo([[0, 0], [1, 1]], [1.0, 1.0]), "two values at one place"),
        (coo([[0, 2], [1, 1]], [1.0, 1.0]), "outside of its shape"),
        (coo([[0, 1], [1, 1]], [1.0, 0.5]), "holds 0.5"),
        (coo([[0], [0]], [1.0], (10**6, 10**6)), "claims 1e+12 weights"),
    ],
)
def test_sparse_tensors_that_are_damaged_or_no_masks_are_refused(in_process, tensor, said):
    assert said in problem("en.pt", torch_bytes({"x.weight": tensor}))


# ---- several masks in one file


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda masks: masks,
        lambda masks: {"masks": masks, "config": {"sparsity": 0.5}},
        lambda masks: {code: {"state_dict": mask} for code, mask in masks.items()},
        lambda masks: masks | {"scores": {"accuracy": torch.rand(3)}, "seed": torch.tensor(3)},
    ],
    ids=["plain", "in masks", "each a state_dict", "beside scores"],
)
def test_a_mask_a_language_in_one_file_is_several_masks(in_process, tmp_path, capsys, wrapped):
    masks = {code: named("{}.weight", drawn(i)) for i, code in enumerate(("en", "swa", "pt-BR"))}
    file = tmp_path / "all.pt"
    file.write_bytes(torch_bytes(wrapped(masks)))
    found = maskfiles.readings([file])
    assert [one.name for one in found] == list(masks)
    assert [one.language_from for one in found] == ["key in the file"] * 3
    assert [one.mask for one in found] == [Mask.from_tensors(mask) for mask in masks.values()]
    with pytest.raises(FileError, match=r"holds 3 masks \(en, swa, pt-BR\)"):
        maskfiles.read(file)
    assert cli.main(["overlap", str(file), "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("all,en,swa,0.")
    assert cli.main(["masks", "convert", str(file), "-o", str(tmp_path / "out")]) == 0
    assert [maskfiles.read(path) for path in capsys.readouterr().out.split()] == [one.mask for one in found]


def test_names_that_all_begin_with_a_language_are_several_masks_in_every_form(in_process):
    from safetensors.numpy import save

    masks = {code: named("{}.weight", drawn(i)) for i, code in enumerate(("en", "swa"))}
    arrays = {(code, name): bits.numpy() for code, mask in masks.items() for name, bits in mask.items()}
    dotted, slashed = ({mark.join(key): array for key, array in arrays.items()} for mark in "./")
    files = {
        "all.safetensors": save(dotted),
        "dotted.npz": npz_bytes(**dotted),
        "all.npz": npz_bytes(**slashed),
        "all.pt": torch_bytes(slashed),
    }
    for name, data in files.items():
        found = maskfiles.read_uploads([(name, data)])
        assert {one.name: one.mask for one in found} == {c: Mask.from_tensors(mask) for c, mask in masks.items()}


def test_masks_under_names_that_are_no_languages_are_several_if_their_weights_are_the_same(in_process):
    masks = {f"run {i}": named("{}.weight", drawn(i)) for i in range(2)}
    found = maskfiles.read_uploads([("all.pt", torch_bytes(masks))])
    assert {one.name: one.mask for one in found} == {name: Mask.from_tensors(mask) for name, mask in masks.items()}
    stacks = {"encoder": named("block.0.{}", drawn(0)), "decoder": named("block.0.{}", drawn(1))}
    (one,) = maskfiles.read_uploads([("t5.pt", torch_bytes(stacks))])
    assert len(one.mask.names) == 20, "an encoder and a decoder are one network"
    modules = {"att": {"weight": torch.ones(2, 2)}, "mlp": {"weight": torch.zeros(2, 2)}}
    assert maskfiles.read_bytes("x.pt", torch_bytes(modules)).names == ("att.weight", "mlp.weight")


# ---- neurons and heads

NEURONS = [[torch.tensor([3, 17, 40]), torch.tensor([5])], [torch.tensor([1]), torch.tensor([2, 8])]]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (NEURONS, "neurons"),
        ({"en": NEURONS[0], "fr": NEURONS[1]}, "neurons"),
        ({"en": [[3, 17], [5]], "fr": [[1], [2]]}, "neurons"),
        ({"en": {"layer.0": torch.tensor([3, 17]), "layer.1": torch.tensor([5])}}, "neurons"),
        ({"en": {0: torch.tensor([3, 17]), 1: torch.tensor([5])}}, "neurons"),
        ({"layers.0.mlp": torch.ones(9), "layers.1.mlp": torch.zeros(9)}, "neurons"),
        ({"en": torch.ones(12, 12), "fr": torch.ones(12, 12)}, "tensor en is 12×12: a mask of attention heads"),
        ({"head_mask": torch.ones(12, 12), "ffn_mask": torch.ones(12, 3072)}, "tensor head_mask is 12×12"),
        (torch.ones(12, 12), "attention heads"),
        ({f"encoder.layer.{i}.attention.head_mask": torch.ones(12) for i in range(2)}, "attention heads"),
    ],
)
def test_masks_of_neurons_and_heads_are_called_what_they_are(in_process, value, said):
    message = problem("en.pt", torch_bytes(value))
    assert said in message
    assert "a 0 or 1 for every weight" in message


def test_a_mask_of_rows_is_not_taken_for_one_of_weights(in_process):
    rows = {"x.parametrizations.weight.original": torch.randn(4, 6), "x.parametrizations.weight.0.mask": torch.ones(4)}
    assert "is 4, its weight 4×6: a mask of rows" in problem("en.pt", torch_bytes(rows))


def test_masks_of_heads_beside_those_of_weights_are_left_out(in_process):
    mask = maskfiles.read_bytes("en.pt", torch_bytes(PLAIN | {"head_mask": torch.ones(2, 12)}))
    assert mask == MASK
    assert mask.header["notes"].startswith("left out masks of heads or neurons")


def test_adapters_alone_are_no_mask():
    from safetensors.torch import save

    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    adapter = {f"{layer}.lora_A.weight": torch.randn(2, 8), f"{layer}.lora_B.weight": torch.zeros(8, 2)}
    assert "adapters (LoRA), not a mask" in problem("adapter_model.safetensors", save(adapter))


# ---- hostile files


@pytest.mark.parametrize("language", ["a\nb", "![x](http://127.0.0.1:1/x.png)", "<img src=x>", "\u202een"])
def test_a_language_that_is_no_name_is_refused(language):
    metadata = {
        "format": "neutral-mask",
        "version": "1",
        "header": json.dumps({"language": language}),
        "shapes": '{"w":[2,2]}',
    }
    header = {"__metadata__": metadata, "w": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}
    assert "no language's name" in problem("x.safetensors", safetensors_bytes(header, b"\xf0"))


@pytest.mark.parametrize(
    "header", ["{'descr': (), 'fortran_order': False, 'shape': (2, 2)}", "if 1:\n    2\n  3", "{[]:1}"]
)
def test_headers_of_arrays_that_are_no_dictionary_are_damage(header):
    text = header.encode() + b"\n"
    assert "damaged" in problem("x.npz", zip_bytes({"w.npy": b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text}))


def test_a_tensor_of_no_weights_is_no_mask():
    place = {"dtype": "U8", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}
    assert "impossible" in problem("x.safetensors", safetensors_bytes({"w": place}))
    assert "no weights at all" in problem("x.safetensors", safetensors_bytes({"w": place | {"shape": [0, 4]}}))
