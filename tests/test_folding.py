"""Trees with families folded: against SciPy's drawing of the whole tree, and what a folded branch is."""

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import dendrogram, leaves_list

from neutral import figures
from neutral.figures.families import Families
from neutral.typology import folding, trees

NAMES = ["en", "de", "fr", "hi", "fi", "hu", "ar", "sw"]
FAMILY = {
    **dict.fromkeys(["en", "de", "fr", "hi"], "Indo-European"),
    "fi": "Uralic",
    "hu": "Uralic",
    "ar": "A",
    "sw": "B",
}


def square(seed):
    draw = np.random.default_rng(seed)
    far = draw.uniform(0.2, 1, (8, 8)) + [
        [0.0 if FAMILY[a] == FAMILY[b] else draw.random() for b in NAMES] for a in NAMES
    ]
    far = (far + far.T) / 2
    np.fill_diagonal(far, 0)
    return pd.DataFrame(far, index=NAMES, columns=NAMES)


@pytest.mark.parametrize("seed", range(20))
def test_a_tree_with_nothing_folded_is_as_scipy_draws_it(seed):
    made = trees.tree(square(seed))
    found, plain = folding.fold(made, NAMES, FAMILY), dendrogram(made, no_plot=True)
    assert [row for (row,) in found.rows] == [NAMES[i] for i in leaves_list(made)]
    assert set(found.heights) == {0}
    lines = {tuple(zip(b["place"], b["height"], strict=True)) for _, b in found.brackets.groupby("line")}
    theirs = zip(plain["icoord"], plain["dcoord"], strict=True)
    assert lines == {tuple(((x - 5) / 10, y) for x, y in zip(xs, ys, strict=True)) for xs, ys in theirs}


@pytest.mark.parametrize("seed", range(20))
def test_a_folded_branch_is_the_largest_whose_languages_are_of_one_closed_family(seed):
    made = trees.tree(square(seed))
    heights = trees.heights(made, NAMES)
    found = folding.fold(made, NAMES, FAMILY, ["Indo-European", "Uralic"])
    assert [name for row in found.rows for name in row] == [NAMES[i] for i in leaves_list(made)]
    for row, height in zip(found.rows, found.heights, strict=True):
        assert len({FAMILY[name] for name in row}) == 1
        assert height == pytest.approx(heights.loc[list(row), list(row)].to_numpy().max())
        # What joins the branch next is of another family, or a branch that holds one.
        outside = heights.loc[list(row)].drop(columns=list(row)).min().min()
        joined = [name for name in NAMES if heights.loc[row[0], name] <= outside]
        assert len({FAMILY[name] for name in joined}) > 1
    assert len(found.brackets) == 4 * (len(found.rows) - 1)


def test_a_family_that_is_all_there_is_folds_into_one_row():
    made = trees.tree(square(0).loc[["en", "de", "fr"], ["en", "de", "fr"]])
    found = folding.fold(made, ["en", "de", "fr"], FAMILY, ["Indo-European"])
    assert [set(row) for row in found.rows] == [{"en", "de", "fr"}]
    assert found.brackets.empty
    assert figures.dendrogram(found, Families(NAMES), notes={}, title="d", name="t").layout.yaxis.ticktext


def test_only_families_of_several_languages_can_be_folded():
    assert folding.foldable(FAMILY) == ["Indo-European", "Uralic"]


def test_a_deep_tree_is_folded_without_recursion():
    names = [f"l{i}" for i in range(1500)]
    made = np.array([[0 if i == 0 else 1500 + i - 1, i + 1, i + 1.0, i + 2] for i in range(1499)])
    assert len(folding.fold(made, names, dict.fromkeys(names, "x")).rows) == 1500
    assert len(folding.fold(made, names, dict.fromkeys(names, "x"), ["x"]).rows) == 1


def test_a_folded_family_is_a_wedge_that_names_its_languages():
    three = [*NAMES[:2], "ar"]
    far = pd.DataFrame([[0, 0.1, 0.9], [0.1, 0, 0.9], [0.9, 0.9, 0]], three, three)
    made = trees.tree(far)
    found = folding.fold(made, three, FAMILY, ["Indo-European"])
    figure = figures.dendrogram(found, Families(NAMES), notes={"ar": "Semitic"}, title="distance", name="tree")
    texts = figure.layout.yaxis.ticktext
    assert sum("Indo-European, 2 languages" in text for text in texts) == 1
    assert sum("Arabic" in text and "Semitic" in text for text in texts) == 1
    (wedge,) = [trace for trace in figure.data if trace.fill == "toself"]
    assert "English" in wedge.text
    assert "German" in wedge.text
