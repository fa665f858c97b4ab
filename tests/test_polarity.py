"""Masks of which one says 1 for kept and another for removed: told, and never turned."""

import numpy as np
import pytest

from neutral import cli, maskfiles, overlap
from neutral.masks import Mask
from neutral.overlap.polarity import OPPOSED

SHAPES = {"bert.encoder.layer.0.output.dense.weight": (40, 50)}


def near(code, seed, share=0.5, **header):
    """A mask that shares most of what it keeps with those of other seeds."""
    common, own = np.random.default_rng(0).random(2000), np.random.default_rng(seed + 1).random(2000)
    score = common + 0.2 * own
    kept = (score >= np.quantile(score, 1 - share)).reshape(40, 50)
    return Mask.from_tensors(dict.fromkeys(SHAPES, kept), language=code, **header)


def opposed(*masks):
    return overlap.opposed(overlap.count(masks))


def test_a_mask_that_says_1_for_removed_is_opposed_to_the_others_and_they_are_not_among_themselves():
    en, fr, fi = near("en", 0), near("fr", 1), near("fi", 2)
    counts = overlap.count([en, fr, ~fi])
    assert overlap.opposed(counts) == [("en", "fi"), ("fr", "fi")]
    a, b = (mask.array(next(iter(SHAPES))).ravel() for mask in (en, ~fi))
    assert np.corrcoef(a, b)[0, 1] <= OPPOSED
    assert opposed(en, fr, fi) == opposed(~en, ~fr, ~fi) == []


def test_independent_masks_and_sparse_masks_with_nothing_in_common_are_not_opposed():
    assert opposed(*(Mask.random(SHAPES, 0.5, seed, language=code) for seed, code in enumerate(("en", "fi")))) == []
    thirds = np.arange(2000).reshape(40, 50) % 4
    assert opposed(*(Mask.from_tensors(dict.fromkeys(SHAPES, thirds == i), language=f"m{i}") for i in range(4))) == []


def test_complements_that_a_search_made_are_meant_and_a_mask_turned_later_is_not():
    said = {"method": "magnitude", "sparsity": 0.5}
    en, fi = near("en", 0, **said), near("fi", 1, **said)
    assert opposed(en, Mask((~fi).bits, fi.shapes, fi.header)) == []
    assert opposed(en, ~fi) == [("en", "fi")]


@pytest.mark.parametrize(
    ("turned", "line"),
    [
        ("fi", "fi shares far fewer weights than chance with every other mask: it may say 1"),
        ("fi sw", "en and fi; en and sw; fr and fi and 1 more share far fewer weights than chance: one of each"),
    ],
)
def test_the_line_names_the_mask_that_is_against_all_others_or_the_pairs(turned, line):
    masks = [near(code, seed) for seed, code in enumerate(("en", "fr", "fi", "sw"))]
    counts = overlap.count([~mask if mask.named in turned else mask for mask in masks])
    assert overlap.about_opposed(counts).startswith(line)


def test_overlap_says_it_in_one_line_and_turns_nothing(tmp_path, capsys):
    masks = {"en": near("en", 0), "fi": ~near("fi", 1)}
    for code, mask in masks.items():
        maskfiles.write(mask, tmp_path / f"{code}.safetensors")
    files = [str(tmp_path / f"{code}.safetensors") for code in masks]
    assert cli.main(["overlap", *files, "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.startswith("neutral: en and fi share far fewer weights than chance: one of them may say 1 for what is")
    assert "--invert" in err
    value = (masks["en"] & masks["fi"]).kept / (masks["en"] | masks["fi"]).kept
    assert float(out.splitlines()[1].split(",")[-1]) == pytest.approx(value, abs=1e-4)
    assert cli.main(["sparsity", *files]) == 0
    assert capsys.readouterr().err == ""
