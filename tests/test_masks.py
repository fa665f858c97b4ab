"""Masks: packing, algebra, random masks, and putting a mask on a model."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.utils import prune

from neutral.errors import MismatchError, NeutralError
from neutral.masks import Mask

QUERY = "bert.encoder.layer.0.attention.self.query.weight"
OUTPUT = "bert.encoder.layer.1.output.dense.weight"
POOLER = "bert.pooler.dense.weight"


def arrays(seed: int = 0, density: float = 0.5) -> dict[str, np.ndarray]:
    """Tensors whose sizes are not multiples of 8."""
    rng = np.random.default_rng(seed)
    shapes = {QUERY: (5, 7), OUTPUT: (3, 4, 3), POOLER: (1,)}
    return {name: rng.random(shape) < density for name, shape in shapes.items()}


def mask(seed: int = 0, **header: object) -> Mask:
    return Mask.from_tensors(arrays(seed), **header)


def test_importing_masks_and_overlap_does_not_import_torch():
    code = "import sys, neutral.masks, neutral.overlap; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", "float16", "bfloat16", "float32", "float64"])
def test_torch_tensors_of_every_kind_go_in_and_come_out(kind: str):
    tensors = {name: torch.from_numpy(a).to(getattr(torch, kind)) for name, a in arrays().items()}
    back = Mask.from_tensors(tensors).to_tensors()
    assert list(back) == list(tensors)
    for name, tensor in tensors.items():
        assert back[name].dtype == torch.bool
        assert torch.equal(back[name], tensor.bool())


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int32, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_kind_and_order_go_in_and_come_out(kind: type, order: str):
    back = Mask.from_tensors({n: np.asarray(a, dtype=kind, order=order) for n, a in arrays().items()}).to_arrays()
    for name, array in arrays().items():
        assert back[name].dtype == bool
        np.testing.assert_array_equal(back[name], array)


def test_parameters_views_scalars_and_lists_are_taken():
    weight = torch.nn.Parameter(torch.eye(3))
    packed = Mask.from_tensors({"a": weight, "b": torch.ones(4, 6).t()[::2], "c": torch.tensor(1.0), "d": [[0, 1]]})
    assert packed.shapes == {"a": (3, 3), "b": (3, 4), "c": (), "d": (1, 2)}
    assert packed.kept_by_tensor() == {"a": 3, "b": 12, "c": 1, "d": 1}


def test_bits_are_packed_big_endian_with_zero_padding():
    packed = Mask.from_tensors({"w": [1, 0, 0, 0, 0, 0, 0, 0, 1, 1]})
    assert packed.bits["w"].tolist() == [0b1000_0000, 0b1100_0000]
    assert (~packed).bits["w"].tolist() == [0b0111_1111, 0]
    assert (packed.size, packed.kept) == (10, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        torch.tensor([0.0, 0.5]),
        torch.tensor([0, 2]),
        torch.tensor([0.0, math.nan], dtype=torch.bfloat16),
        np.array([0, -1]),
        np.array([1.0, np.inf]),
        np.array([1 + 0j]),
        np.array(["1"]),
        np.array([None]),
        torch.tensor([1.0, 0.0]).to_sparse(),
        torch.ones(2, device="meta"),
    ],
    ids=str,
)
def test_other_values_are_refused_by_the_tensors_name(wrong: object):
    with pytest.raises(NeutralError, match=f"^{QUERY}: a mask "):
        Mask.from_tensors({QUERY: wrong})


def test_negative_zero_is_zero():
    assert Mask.from_tensors({"w": torch.tensor([-0.0, 1.0])}).kept == 1


def test_names_become_canonical_and_two_for_one_weight_are_refused():
    one = [[1, 0]]
    assert Mask.from_tensors({f"module.{QUERY}_mask": one}).names == (QUERY,)
    with pytest.raises(NeutralError, match=f"two tensors for the weight {QUERY}"):
        Mask.from_tensors({QUERY: one, f"{QUERY}_mask": one})


@pytest.mark.parametrize(
    ("bits", "shapes", "says"),
    [
        ({}, {}, "at least one tensor"),
        ({"w": np.zeros(1, np.uint8)}, {"w": (9,)}, "w: .* takes 2 packed bytes"),
        ({"w": np.zeros(1, np.int8)}, {"w": (8,)}, "w: .* got int8"),
        ({"w": np.full(1, 1, np.uint8)}, {"w": (7,)}, "w: the padding"),
        ({"w": np.zeros(1, np.uint8)}, {"w": (7,), "v": (7,)}, "v: has a shape or bits"),
    ],
)
def test_bits_that_do_not_fit_are_refused(bits: dict, shapes: dict, says: str):
    with pytest.raises(NeutralError, match=says):
        Mask(bits, shapes)


def test_algebra_is_that_of_the_booleans():
    a, b = mask(1), mask(2)
    for result, plain in (
        (a & b, np.logical_and),
        (a | b, np.logical_or),
        (a ^ b, np.logical_xor),
    ):
        for name, array in result.to_arrays().items():
            np.testing.assert_array_equal(array, plain(arrays(1)[name], arrays(2)[name]))
    assert ~a == Mask.from_tensors({name: ~array for name, array in arrays(1).items()})
    assert ~~a == a
    assert (a & ~a).kept == 0
    assert (a | ~a).kept == a.size
    assert a ^ b == (a | b) & ~(a & b)
    assert a != b
    assert a != "a"


def test_algebra_does_not_depend_on_the_order_of_names():
    a = mask(1)
    turned = Mask.from_tensors(dict(reversed(arrays(1).items())))
    assert a == turned
    assert (a ^ turned).kept == 0


def test_a_result_says_what_both_masks_say():
    a = mask(1, model="m", task="mlm", language="en", sparsity=0.5)
    b = mask(2, model="m", task="mlm", language="fr", sparsity=0.5)
    assert (a & b).header == {"model": "m", "task": "mlm"}
    assert (~a).header == {"model": "m", "task": "mlm", "language": "en"}


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({QUERY: np.ones((5, 7))}, f"{OUTPUT} is in en, but not in fr"),
        ({**arrays(), "extra": np.ones(3)}, "extra is in fr, but not in en"),
        ({**arrays(), QUERY: np.ones((7, 5))}, f"{QUERY} is 5×7 in en, 7×5 in fr"),
    ],
)
def test_masks_of_different_models_are_named_by_their_first_difference(other: dict, says: str):
    with pytest.raises(MismatchError, match=says):
        mask(language="en") & Mask.from_tensors(other, language="fr")


def test_named_is_the_language_or_the_files_stem():
    assert mask(language="en", stem="mask_1").named == "en"
    assert mask(stem="mask_1").named == "mask_1"
    assert mask().named == "mask"


@pytest.mark.parametrize("sparsity", [0, 0.1, 0.5, 0.77, 1])
def test_a_random_mask_removes_the_exact_number_in_every_tensor(sparsity: float):
    shapes = {"a": (33, 31), "b": (100,), "c": (1,), "d": (0, 3)}
    drawn = Mask.random(shapes, sparsity, seed=3)
    assert drawn.shapes == shapes
    for name, kept in drawn.kept_by_tensor().items():
        assert kept == math.prod(shapes[name]) - round(sparsity * math.prod(shapes[name]))


def test_random_masks_follow_their_seed():
    like = mask(model="m")
    a = Mask.random(like, 0.5, 1, language="en")
    assert a == Mask.random(like, 0.5, 1)
    assert a != Mask.random(like, 0.5, 2)
    assert a.header == {"model": "m", "method": "random", "sparsity": 0.5, "seed": 1, "language": "en"}
    alone = Mask.random({QUERY: like.array(QUERY)}, 0.5, 1)
    np.testing.assert_array_equal(alone.bits[QUERY], a.bits[QUERY])


def test_random_masks_prefer_no_place():
    draws = [Mask.random({"w": (10,)}, 0.3, seed).array("w") for seed in range(3000)]
    share = np.mean(draws, axis=0)
    # The standard error of a share of 0.7 over 3000 draws is 0.0084.
    np.testing.assert_allclose(share, 0.7, atol=0.04)


def test_a_sparsity_outside_0_to_1_is_refused():
    for sparsity in (-0.1, 1.1, math.nan):
        with pytest.raises(NeutralError, match="0 to 1"):
            Mask.random(mask(), sparsity, 0)


def test_shuffled_keeps_each_tensors_count_and_is_independent_between_masks():
    like = {"a": (64, 64), "b": (5, 5)}
    a, b = Mask.random(like, 0.5, 1, language="en"), Mask.random(like, 0.5, 2)
    shuffled = a.shuffled(0)
    assert shuffled.kept_by_tensor() == a.kept_by_tensor()
    assert shuffled == a.shuffled(0)
    assert shuffled != a
    assert shuffled != a.shuffled(1)
    assert shuffled.named == "en"
    # Independent masks of density 1/2 share a quarter; the standard error for 4096 weights is 0.008.
    for other in (a, b.shuffled(0)):
        assert (shuffled & other).kept / a.size == pytest.approx(0.25, abs=0.04)


def test_sparsity_is_the_share_removed():
    a = Mask.from_tensors({QUERY: np.ones((2, 2)), OUTPUT: np.zeros((2, 6)), POOLER: [[1, 0], [1, 1]]})
    assert a.sparsity() == pytest.approx(13 / 20)
    by_layer = a.sparsity(by="layer")
    assert by_layer["group"].tolist() == ["encoder 0", "encoder 1", "pooler"]
    assert by_layer["value"].tolist() == [0, 1, 0.25]
    with pytest.raises(NeutralError, match="grouping"):
        a.sparsity(by="head")


class Block(torch.nn.Module):
    """A network with the given module paths as linear layers without a bias."""

    def __init__(self, *paths: str) -> None:
        super().__init__()
        for path in paths:
            *parents, leaf = path.split(".")
            here = self
            for part in parents:
                if not hasattr(here, part):
                    here.add_module(part, torch.nn.Module())
                here = getattr(here, part)
            here.add_module(leaf, torch.nn.Linear(3, 2, bias=False))


PATHS = ("encoder.layer.0.output.dense", "encoder.layer.1.output.dense")


@pytest.mark.parametrize(("of_mask", "of_model"), [("", ""), ("bert.", ""), ("", "bert."), ("bert.", "bert.")])
def test_apply_zeroes_what_the_mask_removes_whatever_the_base_is_called(of_mask: str, of_model: str):
    model = Block(*(of_model + path for path in PATHS), "head")
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    a = Mask.random({f"{of_mask}{path}.weight": (2, 3) for path in PATHS}, 0.5, 0)
    a.apply(model)
    for path in PATHS:
        name = f"{of_model}{path}.weight"
        kept = torch.from_numpy(a.array(f"{of_mask}{path}.weight"))
        assert torch.equal(dict(model.named_parameters())[name], before[name] * kept)
    assert torch.equal(model.head.weight, before["head.weight"])


def test_apply_reaches_wrapped_and_pruned_models():
    model = torch.nn.DataParallel(Block(*PATHS))
    linear = model.module.get_submodule(PATHS[0])
    prune.identity(linear, "weight")
    Mask.from_tensors({f"bert.{path}.weight": np.zeros((2, 3)) for path in PATHS}).apply(model)
    assert not linear.weight_orig.any()
    assert not model.module.get_submodule(PATHS[1]).weight.any()


def test_apply_refuses_a_model_of_other_names_or_shapes_and_leaves_it_alone():
    model = Block(*PATHS)
    whole = {f"{path}.weight": np.zeros((2, 3)) for path in PATHS}
    missing = Mask.from_tensors({**whole, "pooler.dense.weight": np.zeros((2, 3))})
    with pytest.raises(MismatchError, match=r"^pooler.dense.weight: the mask has it, the model does not$"):
        missing.apply(model)
    with pytest.raises(MismatchError, match="shape 3×2, the model 2×3"):
        Mask.from_tensors({**whole, f"{PATHS[1]}.weight": np.zeros((3, 2))}).apply(model)
    assert all(weight.any() for weight in model.parameters())
    missing.apply(model, strict=False)
    assert not any(weight.any() for weight in model.parameters())
    with pytest.raises(MismatchError, match="and 1 more"):
        Mask.from_tensors({"x": [1], "y": [1]}).apply(model, strict=False)


def test_apply_refuses_to_guess_between_two_places():
    model = Block("encoder.layer.0.dense", "decoder.layer.0.dense")
    with pytest.raises(MismatchError, match="fits two weights of the model"):
        Mask.from_tensors({"layer.0.dense.weight": np.zeros((2, 3))}).apply(model)


@pytest.mark.parametrize("inside", [True, False])
def test_a_mask_fits_the_text_model_alone_and_inside_of_one_of_several_media(inside):
    alone, within = ("model.layers.0.mlp.up.weight", "model.language_model.layers.0.mlp.up.weight")
    name, other = (alone, within) if inside else (within, alone)
    mask = Mask.from_tensors({name: np.eye(2)}, language="en")
    fitted = mask.fitted({"lm_head.weight": np.zeros((9, 2)), other: np.zeros((2, 2))})
    assert fitted == Mask.from_tensors({other: np.eye(2)})
    assert fitted.header == mask.header
    with pytest.raises(MismatchError, match=f"^{name}: the mask has shape 2×2, the model 2×3$"):
        mask.fitted({other: np.zeros((2, 3))})


def test_a_mask_is_fitted_without_a_pooler_but_with_all_its_layers():
    names = ("bert.encoder.layer.0.output.dense.weight", "bert.encoder.layer.1.output.dense.weight")
    whole = dict.fromkeys(names, np.eye(2))
    assert Mask.from_tensors({**whole, POOLER: np.eye(2)}).fitted(whole) == Mask.from_tensors(whole)
    with pytest.raises(MismatchError, match=f"^{names[1]}: the mask has it, the model does not$"):
        Mask.from_tensors(whole).fitted({names[0]: np.eye(2)})
