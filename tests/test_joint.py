"""The Jaccard of n masks at once: against a plain version, by chance, and where only counts are stored."""

import itertools
import json
from functools import reduce
from operator import and_, or_

import numpy as np
import pytest
from test_overlap import GROUPED, GROUPS, drawn

from neutral import cli, maskfiles, overlap, summary
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.masksets import MaskSet
from neutral.study import Study
from neutral.summary import Choice

CODES = ("en", "fr", "sw", "zh")
CHOICE = Choice("mlm", "magnitude", 0.5, 0)


def plain(masks, tensors):
    """Kept by all and by any of the masks in some tensors, bit by bit."""
    bits = joined(masks, tensors)
    return int(reduce(and_, bits).sum()), int(reduce(or_, bits).sum())


def joined(masks, tensors):
    return [np.concatenate([array.ravel() for n, array in mask.to_arrays().items() if n in tensors]) for mask in masks]


@pytest.mark.parametrize("by", GROUPS)
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_it_equals_the_plain_one_in_every_grouping(by, n):
    names = list(GROUPED)
    for seed in range(5):
        masks = drawn(np.random.default_rng(seed), GROUPED, n)
        table = overlap.joint(overlap.count(masks), by)
        assert table["group"].tolist() == list(GROUPS[by])
        assert set(table["masks"]) == {n}
        for row, places in zip(table.itertuples(), GROUPS[by].values(), strict=True):
            every, some = plain(masks, {names[i] for i in places})
            assert (row.kept_by_all, row.kept_by_any) == (every, some)
            assert row.value == pytest.approx(every / some if some else np.nan, nan_ok=True)
            number = np.sum(joined(masks, {names[i] for i in places}), axis=0)
            assert row.agreement == pytest.approx(((number == 0) | (number == n)).mean())


def test_chance_is_what_independent_masks_of_unequal_tensors_have():
    shapes = dict.fromkeys(GROUPED, (200, 300))
    densities = np.random.default_rng(0).uniform(0.2, 0.9, (4, 4))
    draw = np.random.default_rng(1)
    masks = [
        Mask.from_tensors({name: draw.random(shape) < p for (name, shape), p in zip(shapes.items(), row, strict=True)})
        for row in densities
    ]
    table = overlap.joint(overlap.count(masks, CODES), "layer")
    every = [sum(np.prod(densities[:, t]) for t in places) for places in GROUPS["layer"].values()]
    some = [sum(1 - np.prod(1 - densities[:, t]) for t in places) for places in GROUPS["layer"].values()]
    np.testing.assert_allclose(table["chance"], np.divide(every, some), atol=0.005)
    assert table["excess"].abs().max() < 0.01


def test_of_a_pair_it_is_the_pairs_jaccard_whatever_was_counted():
    masks = drawn(np.random.default_rng(3), GROUPED, 4)
    counts = overlap.count(masks, CODES)
    for pair in itertools.combinations(CODES, 2):
        table = overlap.joint(counts.select(pair), "tensor")
        np.testing.assert_allclose(table["value"], counts.select(pair).jaccard("tensor")["value"])
        np.testing.assert_allclose(table["chance"], counts.select(pair).chance("tensor")["value"])


@pytest.fixture
def study(tmp_path):
    masks = drawn(np.random.default_rng(4), GROUPED, 4)
    study = Study.create(tmp_path / "study", {"title": "S", "task": "mlm", "languages": list(CODES)})
    overlap.count(masks, CODES).save(study.counts_path(*CHOICE, "languages"))
    for code, mask in zip(CODES, masks, strict=True):
        mask.header["language"] = code
        maskfiles.write(mask, study.mask_path(*CHOICE, code))
    return study, masks


def test_chosen_members_are_counted_from_masks_and_refused_where_only_counts_are_stored(study):
    study, masks = study
    chosen = ("en", "sw", "zh")
    expected = overlap.joint(overlap.count([masks[CODES.index(code)] for code in chosen], chosen), "layer")
    assert summary.joint(study, CHOICE, "layer", chosen).equals(expected)
    together = MaskSet(masks, CODES)
    assert summary.joint(together, summary.choices(together)[0], "layer", chosen).equals(expected)
    assert summary.joint(study, CHOICE).equals(overlap.joint(overlap.count(masks, CODES)))
    study.mask_path(*CHOICE, "sw").unlink()
    with pytest.raises(NeutralError, match="only counts are stored here"):
        summary.joint(study, CHOICE, "layer", chosen)
    assert len(summary.joint(study, CHOICE, "layer", ("en", "sw"))) == 3


def test_the_command_takes_masks_members_and_counts(study, capsys):
    study, masks = study
    files = [str(path) for path in study.masks_of(*CHOICE).values()]
    assert cli.main(["overlap", *files, "--joint", "--by", "layer", "--members", "en,fr,zh", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["group"] for row in rows] == list(GROUPS["layer"])
    assert rows[-1]["value"] == pytest.approx(
        np.divide(*plain([masks[0], masks[1], masks[3]], {list(GROUPED)[3]})), nan_ok=True
    )
    counts = str(study.counts_path(*CHOICE, "languages"))
    assert cli.main(["overlap", counts, "--joint", "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("all,4,")
    for wrong, word in (
        (["--members", "en,fr,zh"], "only counts are stored"),
        (["--members", "en,xx"], "no mask 'xx'"),
        (["--measure", "dice"], "not allowed with"),
    ):
        assert cli.main(["overlap", counts, "--joint", *wrong]) == 2
        assert word in capsys.readouterr().err
    assert cli.main(["overlap", *files, "--members", "en,xx"]) == 2
    assert "--members xx" in capsys.readouterr().err
