"""Pruned models whose zeros are the mask, and masks in which 1 means removed: read so on request, and never unasked."""

import json

import numpy as np
import pytest
import torch
from maskbytes import npz_bytes, torch_bytes

from neutral import cli, maskfiles
from neutral.masks import Mask

MATRICES = {
    **{f"model.layers.{i}.self_attn.q_proj.weight": (8, 8) for i in range(2)},
    **{f"model.layers.{i}.mlp.up_proj.weight": (16, 8) for i in range(2)},
    "model.layers.1.mlp.experts.gate_up_proj": (3, 8, 8),
}
OTHERS = {
    "model.embed_tokens.weight": (20, 8),
    "lm_head.weight": (20, 8),
    "model.layers.0.input_layernorm.weight": (8,),
    "model.layers.0.self_attn.q_proj.bias": (8,),
    "model.layers.0.mlp.gate.weight": (3, 8),
    "model.layers.0.self_attn.relative_attention_bias.weight": (4, 4),
    "model.layers.0.conv1d.weight": (8, 1, 4),
    "model.norm.weight": (8,),
}
SIZE = sum(np.prod(shape) for shape in MATRICES.values())


def pruned(dtype=torch.float32, share=0.5):
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.rand(shape, generator=generator) + 0.1 for name, shape in (MATRICES | OTHERS).items()}
    for name, tensor in tensors.items():
        if name != "lm_head.weight":
            tensor[torch.rand(tensor.shape, generator=generator) < share] = 0
    return {name: tensor.to(dtype) for name, tensor in tensors.items()}


@pytest.fixture(params=["safetensors", "bin", "npz"])
def checkpoint(request, tmp_path, in_process):
    from safetensors.torch import save

    def written(tensors):
        path = tmp_path / f"en.{request.param}"
        if request.param == "npz":
            tensors = {name: tensor.float().numpy() for name, tensor in tensors.items()}
            path.write_bytes(npz_bytes(**tensors))
        else:
            path.write_bytes({"safetensors": save, "bin": torch_bytes}[request.param](tensors))
        return path

    return written


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_the_zeros_of_the_blocks_matrices_are_the_mask_on_request(checkpoint, dtype):
    tensors = pruned(dtype)
    mask = maskfiles.read(checkpoint(tensors), from_zeros=True)
    assert mask == Mask.from_tensors({name: tensors[name] != 0 for name in MATRICES})
    said = mask.header["notes"]
    assert said.startswith("left out matrices that are no linear layers of the blocks: ")
    assert said.endswith(" and 4 more")


def test_a_model_where_a_mask_should_be_is_refused_and_told_how(checkpoint, capsys):
    path = str(checkpoint(pruned()))
    assert cli.main(["masks", "info", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "--from-zeros" in err
    assert "Zeros are the mask" in err
    assert cli.main(["masks", "convert", path, "--from-zeros", "-o", f"{path}-packed"]) == 0
    written = maskfiles.read(capsys.readouterr().out.strip())
    assert written == maskfiles.read(path, from_zeros=True)


@pytest.mark.parametrize("zeros", [0, 1])
def test_a_model_that_is_not_pruned_is_told_so(checkpoint, capsys, zeros):
    tensors = pruned(share=0)
    tensors[next(iter(MATRICES))].view(-1)[:zeros] = 0
    tensors["model.layers.0.mlp.big.weight"] = torch.ones(40, 40)
    assert cli.main(["masks", "convert", str(checkpoint(tensors)), "--from-zeros", "-o", "unused"]) == 2
    assert f"{zeros} of {SIZE + 1600:,} weights in its blocks are zero: it is not pruned" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"model.layers.0.mlp.up_proj.qweight": torch.zeros(4, 4).int()}, "quantised or compressed"),
        ({"model.layers.0.mlp.up_proj.weight": torch.zeros(4, 4).char()}, "whole numbers: quantised weights"),
        ({"model.layers.0.mlp.up_proj.weight": torch.full((4, 4), torch.nan)}, "has NaN"),
        ({"lm_head.weight": torch.zeros(4, 4)}, "no matrices of linear layers in numbered blocks"),
    ],
)
def test_models_whose_zeros_say_nothing_are_refused(in_process, tensors, said):
    (one,) = maskfiles.read_uploads([("en.bin", torch_bytes(tensors))], from_zeros=True)
    assert said in one.problem


def test_a_file_with_masks_of_its_own_gives_those(in_process):
    tensors = {"layer.0.x.weight_mask": torch.eye(4), "layer.0.x.weight_orig": torch.ones(4, 4)}
    (one,) = maskfiles.read_uploads([("en.bin", torch_bytes(tensors))], from_zeros=True)
    assert one.mask.kept == 4
    assert "masks of its own" in one.notes[0]


def test_the_zeros_of_a_large_model_are_read_in_little_memory(tmp_path):
    import tracemalloc

    from safetensors.torch import save_file

    save_file({f"layers.{i}.up_proj.weight": torch.eye(2048) for i in range(4)}, tmp_path / "en.safetensors")
    tracemalloc.start()
    try:
        assert maskfiles.read(tmp_path / "en.safetensors", from_zeros=True).kept == 4 * 2048
        assert tracemalloc.get_traced_memory()[1] < 12e6, "64 MB of weights, 2 MB of bits"
    finally:
        tracemalloc.stop()


# ---- which number means kept


def test_kept_and_removed_are_turned_into_each_other_on_request_only(tmp_path, capsys):
    kept = np.random.default_rng(0).random((16, 16)) < 0.3
    name = "encoder.layer.0.attention.self.query.weight"
    for code, array in (("en", kept), ("fr", ~kept)):
        np.savez(tmp_path / f"{code}.npz", **{name: array})
    files = [str(tmp_path / f"{code}.npz") for code in ("en", "fr")]
    assert cli.main(["overlap", *files, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["value"] == 0
    assert cli.main(["masks", "convert", files[1], "--invert", "-o", str(tmp_path / "turned")]) == 0
    out, err = capsys.readouterr()
    assert "1 meant removed" in err
    assert maskfiles.read(out.strip()) == maskfiles.read(files[0])
    for command in (["sparsity"], ["masks", "info"]):
        assert cli.main([*command, files[1], "--invert", "--format", "json"]) == 0
        row = json.loads(capsys.readouterr().out)[0]
        assert row.get("sparsity", row.get("value")) == pytest.approx(1 - kept.mean())


def test_a_mask_that_keeps_almost_nothing_is_read_as_it_is_with_a_hint(tmp_path):
    np.savez(tmp_path / "en.npz", w=np.eye(40))
    (one,) = maskfiles.readings([tmp_path / "en.npz"])
    assert one.mask.kept == 40
    assert one.notes == ("keeps 2.5%: if 1 means removed in it, turn it (--invert, “1 means removed”)",)


@pytest.mark.parametrize("command", [["masks", "info"], ["masks", "convert"], ["overlap"], ["sparsity"]])
def test_every_command_says_that_1_means_kept(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([*command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 means kept, 0 removed" in shown
    assert "--invert" in shown
    assert "--from-zeros" in shown
