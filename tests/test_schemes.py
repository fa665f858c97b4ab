"""One test under two schemes, beside each other; and the same tests read back from a study."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import synthetic

from neutral import association, typology
from neutral.association import agreement, mlpe, neighbours, process, schemes, stored
from neutral.cli import main

CODES = ("en", "de", "fr", "es", "ru", "zh", "sw")
FAMILIES = {code: "Indo-European" if code not in ("zh", "sw") else code for code in CODES}


def overlaps(seed=0, groups=("all",)):
    draw = np.random.default_rng(seed)
    rows = [(group, a, b, draw.random()) for group in groups for a, b in combinations(CODES, 2)]
    return pd.DataFrame(rows, columns=["group", "source", "target", "value"])


def distances(*kinds, seed=1):
    return overlaps(seed, kinds).rename(columns={"group": "distance"})


@pytest.fixture(scope="module")
def tests():
    one, far = overlaps(groups=("a", "b")), distances("near", "far", "wide")
    return schemes.each(association.associations, one, far, families=FAMILIES, count=199)


def test_each_scheme_is_the_test_that_it_names(tests):
    one, far = overlaps(groups=("a", "b")), distances("near", "far", "wide")
    pd.testing.assert_frame_equal(tests["plain"], association.associations(one, far, count=199))
    pd.testing.assert_frame_equal(tests["family"], association.associations(one, far, within=FAMILIES, count=199))
    pd.testing.assert_frame_equal(
        tests["globe"], association.associations(one, far, along=neighbours.on_globe(CODES), count=199)
    )
    assert schemes.drawn("plain", FAMILIES) == {}
    over = schemes.both(agreement.over_pairs, one, overlaps(3, ("a", "b")), families=FAMILIES)
    assert over["plain"]["p"].tolist() != over["family"]["p"].tolist()


def test_beside_has_a_row_a_cell_and_the_other_scheme_in_columns_of_its_own(tests):
    table = schemes.beside(tests)
    assert table[["group", "distance"]].equals(tests["plain"][["group", "distance"]])
    for column in schemes.BESIDE:
        assert table[column].tolist() == tests["plain"][column].tolist()
        assert table[f"{column}_within"].tolist() == tests["family"][column].tolist()
        assert table[f"{column}_globe"].tolist() == tests["globe"][column].tolist()
    assert "p_tree" not in schemes.beside({scheme: tests[scheme] for scheme in schemes.BOTH})


def test_partial_tests_leave_the_control_itself_open(tests):
    one, far = overlaps(groups=("a", "b")), distances("near", "far", "wide")
    held = schemes.both(association.associations, one, far, families=FAMILIES, controls=("far",))
    table = schemes.with_partial(schemes.beside(tests), schemes.beside({**held, "tree": held["family"]}))
    assert table["partial_p_tree"].equals(table["partial_p_within"])
    assert table[table["partial"].isna()]["distance"].tolist() == ["far", "far"]
    near = table[table["distance"] == "near"]["partial"].tolist()
    assert near == held["plain"][held["plain"]["distance"] == "near"]["rho"].tolist()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of made masks that `neutral typology` has looked at."""
    study = synthetic.encoder_study(tmp_path_factory.mktemp("studies") / "held", CODES, layers=2, seeds=(0,))
    asked = [
        "--study",
        str(study.path),
        "--methods",
        "magnitude",
        "--measures",
        "jaccard",
        "--permutations",
        "99",
        "--quiet",
    ]
    assert main(["typology", *asked, "--format", "json"]) == 0
    return study


def held(study, by, rows=None, **other):
    counts = study.counts("mlm", "magnitude", 0.5)
    overlap = counts.jaccard(by)
    far = typology.filled(study.table("distance"), counts.members)
    key = {"task": "mlm", "method": "magnitude", "sparsity": 0.5, "seed": 0, "measure": "jaccard", "by": by}
    key |= {"members": ", ".join(counts.members), "groups": list(dict.fromkeys(overlap["group"]))}
    rows = study.table("association") if rows is None else rows
    tests = stored.read(rows, **{**key, "distances": typology.kinds_in(far), **other})
    families = typology.families(counts.members)
    return tests, schemes.each(association.associations, overlap, far, families=families, count=99)


@pytest.mark.parametrize("by", ["all", "layer"])
def test_stored_tests_are_those_that_would_be_made(study, by):
    read, made = held(study, by)
    for scheme in schemes.SCHEMES:
        pd.testing.assert_frame_equal(read[scheme], made[scheme], rtol=0, atol=stored.WRITTEN, check_dtype=False)
    assert stored.same(read, schemes.beside(made))


def test_stored_tests_of_anything_else_are_not_taken(study):
    assert held(study, "all", members="en, fr")[0] is None
    assert held(study, "all", seed=1)[0] is None
    assert held(study, "all", distances=["family"])[0] is None, "Holm's correction would be for other distances"
    assert held(study, "layer", groups=["encoder 0"])[0] is None
    assert held(study, "all", rows=pd.DataFrame())[0] is None


@pytest.mark.parametrize("column", ["rho", "p", "permutations"])
def test_stored_tests_that_say_something_else_are_not_the_same(study, column):
    rows = study.table("association")
    read, made = held(study, "all", rows.assign(**{column: 0.9 * rows[column]}))
    assert not stored.same(read, schemes.beside(made))


def test_stored_models_are_those_of_just_these_distances_in_any_order(study):
    key = {"task": "mlm", "method": "magnitude", "seed": 0, "measure": "jaccard", "by": "all"}
    key |= {"members": ", ".join(CODES), "sparsity": 0.5, "group": "all"}
    rows = study.table("regression")
    kinds = rows["kinds"].iloc[0].split(", ")
    there = stored.read_regression(rows, kinds=kinds[::-1], **key)
    assert there["plain"]["distance"].tolist() == kinds[::-1]
    assert stored.read_regression(rows, kinds=kinds[:-1], **key) is None
    rows = study.table("mixed")
    more = rows[rows["distance"].isin(kinds[:2])].assign(kinds=", ".join(kinds[:2]), beta=9.0)
    found = stored.read_models(pd.concat([rows, more]), mlpe.EXPLAINED, kinds=kinds[::-1], **key)
    assert found["beta"].tolist() == rows[(rows["by"] == "all")]["beta"].tolist()
    assert stored.read_models(rows, mlpe.EXPLAINED, kinds=kinds[:2], **key) is None


def test_stored_models_of_before_there_were_kinds_are_left_aside_and_rows_are_corrected_among_themselves():
    key = {"task": "clm", "method": "wanda", "sparsity": 0.5, "seed": 0, "measure": "jaccard", "by": "layer"}
    numbers = dict.fromkeys(process.COMPONENTS, 0.5) | {"left_out": "", "columns": 1, "component": 1}
    rows = [
        {**key, **numbers, "members": "a, b", "group": group, "predictor": name, "p": p, "holm": 0.9, "space": None}
        for group in ("decoder 0", "decoder 1")
        for name, p in (("syntactic", 0.01), ("script", 0.2))
    ]
    asked = {**key, "members": "a, b", "group": "decoder 0", "kinds": ("syntactic", "script")}
    before = pd.DataFrame(rows)
    assert stored.read_models(before, process.COMPONENTS, **asked) is None
    mixed = pd.concat([before, before.assign(kinds="script, syntactic")])
    found = stored.read_models(mixed, process.COMPONENTS, **asked)
    assert found["holm"].tolist() == pytest.approx([0.02, 0.2])
    assert found["space"].isna().all()
    assert found["space"].dtype == float
    alone = pd.DataFrame(rows).assign(kinds="", predictor="").head(1)
    assert len(stored.read_models(alone, process.COMPONENTS, **asked | {"kinds": ()})) == 1


def test_stored_tests_with_a_control_are_those_that_would_be_made(study):
    counts = study.counts("mlm", "magnitude", 0.5)
    far = typology.filled(study.table("distance"), counts.members)
    kinds = [kind for kind in typology.kinds_in(far) if kind != "geographic"]
    read, _ = held(study, "all", control="geographic", distances=kinds)
    options = {"families": typology.families(counts.members), "controls": ("geographic",), "count": 99}
    made = schemes.each(association.associations, counts.jaccard(), far, **options)
    for scheme in schemes.SCHEMES:
        pd.testing.assert_frame_equal(read[scheme], made[scheme], rtol=0, atol=stored.WRITTEN, check_dtype=False)
