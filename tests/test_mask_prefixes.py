"""One prefix may tell the names of two masks apart: they are one network, and that is said."""

import json

import numpy as np
import pytest

from neutral import cli, maskfiles, overlap, prefixes
from neutral.errors import MismatchError
from neutral.masks import Mask
from neutral.masksets import MaskSet, bridges, networks

SHAPES = {"encoder.layer.0.attention.self.query.weight": (6, 6), "encoder.layer.0.output.dense.weight": (6, 9)}


def mask(prefix="", seed=0, shapes=SHAPES, **header):
    return Mask.random({f"{prefix}{name}": shape for name, shape in shapes.items()}, 0.5, seed, **header)


def drawn(prefix, seed):
    """A mask whose bits do not depend on its names."""
    random_bits = np.random.default_rng(seed)
    return Mask.from_tensors({f"{prefix}{name}": random_bits.random(shape) < 0.5 for name, shape in SHAPES.items()})


@pytest.mark.parametrize("prefix", ["bert.", "model.", "roberta.", "transformer.", "model.bert.", "0.auto_model."])
def test_a_headed_models_mask_compares_with_the_bases(prefix):
    base, headed = drawn("", 0), drawn(prefix, 1)
    same = drawn("", 1)
    for one, other in ((base, headed), (headed, base)):
        alone = (base, same) if one is base else (same, base)
        np.testing.assert_array_equal(overlap.count([one, other]).both, overlap.count(alone).both)
    assert (base & headed) == (base & same)
    assert (headed | base).names == headed.names
    assert networks([base, headed, drawn("", 2)]) == [[0, 1, 2]]
    together = MaskSet([base, headed], ["en", "fr"])
    assert together.union() == (base | same)
    assert together.bridges == [
        f"weights of fr are called {prefix}… there, and without {prefix} in en: compared as one network"
    ]


def test_a_text_model_inside_of_another_is_bridged_too():
    shapes = {"layers.0.mlp.up_proj.weight": (4, 4)}
    inner, outer = mask("model.", shapes=shapes), mask("model.language_model.", shapes=shapes)
    assert prefixes.between(outer.shapes, inner.shapes) == ("model.language_model.", "model.")
    assert outer.bridged(inner).names == inner.names


@pytest.mark.parametrize(
    "other",
    [
        mask("bert.", shapes=dict.fromkeys(SHAPES, (3, 3))),
        mask("bert.", shapes={**SHAPES, "pooler.dense.weight": (6, 6)}),
        Mask.from_tensors({f"{p}{n}": np.ones(s) for p, (n, s) in zip(("a.", "b."), SHAPES.items(), strict=True)}),
    ],
    ids=["other shapes", "more weights", "two prefixes"],
)
def test_other_networks_are_not_bridged(other):
    with pytest.raises(MismatchError):
        overlap.count([mask(), other])
    assert networks([mask(), other]) == [[0], [1]]
    assert bridges([mask(), other], ["en", "fr"]) == []


def test_overlap_says_what_it_bridged(tmp_path, capsys):
    for code, prefix in (("en", ""), ("fr", "bert."), ("swa", "bert.")):
        maskfiles.write(drawn(prefix, 0), tmp_path / f"{code}.safetensors")
    files = [str(tmp_path / f"{code}.safetensors") for code in ("en", "fr", "swa")]
    assert cli.main(["overlap", *files, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert [row["value"] for row in json.loads(out)] == [1, 1, 1]
    assert err == (
        "neutral: weights of fr, swa are called bert.… there, and without bert. in en: compared as one network\n"
    )
    assert maskfiles.read(files[1]).names[0].startswith("bert."), "files keep their names"
