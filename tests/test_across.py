"""Two studies of the same languages beside each other: rows, the shell, the page."""

import numpy as np
import pandas as pd
import pytest
import tiny
from scipy.stats import spearmanr

from neutral import across, figures, overlap, typology
from neutral.cli import main
from neutral.errors import NeutralError
from neutral.figures.families import Families
from neutral.runs import search
from neutral.runs.plans.search import SearchPlan
from neutral.study import Study
from neutral.study.duplicate import duplicate
from neutral.summary import Choice

CODES = ("en", "fr", "de", "ru", "sw")
CHOICE = Choice("mlm", "wanda", 0.5, 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three studies: five languages with halves, four of them from other lines, and three."""
    folder = tmp_path_factory.mktemp("across")
    model = str(tiny.saved(folder / "model", languages=CODES))
    several = {"one": (CODES, 60, True), "two": (CODES[1:], 20, False), "few": (CODES[2:], 20, False)}
    for name, (codes, lines, halves) in several.items():
        plan = SearchPlan(model, "mlm", codes, "wanda", (0.5,), length=16, blocks=4, held_out=2, halves=halves)
        search.find(plan, tiny.text(codes, lines), folder / name, device="cpu", quiet=True)
    return folder


@pytest.fixture
def studies(made, tmp_path):
    for name in ("one", "two"):
        duplicate(made / name, tmp_path / name)
    return Study(tmp_path / "one"), Study(tmp_path / "two")


def jaccard(study, codes):
    masks = [study.mask("mlm", "wanda", 0.5, 0, code) for code in codes]
    return overlap.count(masks, codes).jaccard()["value"].to_numpy()


def test_rows_are_what_the_masks_themselves_say(studies):
    one, two = studies
    codes = list(CODES[1:])
    rows = across.compare(one, two, CHOICE, "other lines")
    own = pd.DataFrame(rows["across"]).set_index("language")["value"]
    assert own.index.tolist() == codes
    for code in codes:
        first, second = (study.mask("mlm", "wanda", 0.5, 0, code) for study in studies)
        assert own[code] == pytest.approx(overlap.count([first, second]).jaccard()["value"].item(), abs=1e-6)
    alike = pd.DataFrame(rows["alike"])
    whole = alike[alike["by"] == "all"].set_index(["what", "distance"])
    here, there = (jaccard(study, codes) for study in studies)
    assert whole.at[("between", ""), "here"] == pytest.approx(here.mean(), abs=1e-6)
    assert whole.at[("between", ""), "there"] == pytest.approx(there.mean(), abs=1e-6)
    assert whole.at[("order", ""), "there"] == pytest.approx(spearmanr(here, there)[0], abs=1e-6)
    assert whole.at[("own", ""), "there"] == pytest.approx(own.mean(), abs=1e-6)
    assert whole.at[("own", ""), "again"] == "halves"
    far = typology.square(typology.distances(codes), "geographic", codes).to_numpy()[np.triu_indices(4, 1)]
    assert whole.at[("distance", "geographic"), "here"] == pytest.approx(spearmanr(here, far)[0], abs=1e-6)
    assert whole.at[("distance", "geographic"), "there"] == pytest.approx(spearmanr(there, far)[0], abs=1e-6)
    assert set(alike[alike["by"] == "layer"]["what"]) == {"own", "between", "order"}
    assert (alike["languages"] == 4).all()


def test_a_study_beside_itself_changes_nothing(studies):
    rows = across.compare(studies[0], studies[0], CHOICE, "itself")
    assert all(row["value"] == 1 for row in rows["across"])
    order = [row for row in rows["alike"] if row["what"] == "order" and row["there"] is not None]
    assert all(row["there"] == pytest.approx(1) for row in order)
    assert all(row["here"] == row["there"] for row in rows["alike"] if row["what"] not in ("order", "own"))


def test_masks_that_are_not_kept_leave_the_overlap_to_compare(studies):
    for path in studies[1].masks_index()["path"]:
        path.unlink()
    rows = across.compare(*studies, CHOICE, "other lines")
    assert rows["across"] == []
    assert {row["what"] for row in rows["alike"]} >= {"between", "order", "branch", "distance"}


def test_masks_of_another_model_are_compared_by_their_overlap_alone(studies, tmp_path):
    model = tiny.saved(tmp_path / "model", "distilbert", languages=CODES)
    plan = SearchPlan(str(model), "mlm", CODES, "wanda", (0.5,), length=16, blocks=4, held_out=2)
    search.find(plan, tiny.text(CODES, 60), tmp_path / "model-study", device="cpu", quiet=True)
    rows = across.compare(studies[0], Study(tmp_path / "model-study"), CHOICE, "another model")
    assert rows["across"] == []
    assert {row["what"] for row in rows["alike"]} >= {"between", "order", "distance"}


def test_the_shell_writes_once_and_prints(studies, capsys):
    one, two = (str(study.path) for study in studies)
    assert main(["study", "across", one, two, "--called", "other lines", "--format", "csv"]) == 0
    printed = capsys.readouterr().out
    assert "other lines,order" in printed
    before = (studies[0].path / "results.jsonl").read_bytes()
    assert main(["study", "across", one, two, "--called", "other lines", "--format", "csv"]) == 0
    assert capsys.readouterr().out == printed
    assert (studies[0].path / "results.jsonl").read_bytes() == before
    alike, own = across.read(Study(one), CHOICE)
    assert list(alike.columns) == across.ALIKE
    assert set(own["called"]) == {"other lines"}
    assert across.read(Study(one), CHOICE._replace(sparsity=0.3))[0].empty


def test_what_cannot_be_compared_is_one_line(studies, made, tmp_path, capsys):
    one, two = (str(study.path) for study in studies)
    assert main(["study", "across", one, two, "--called", "x"]) == 0
    duplicate(two, tmp_path / "three")
    assert main(["study", "across", one, str(tmp_path / "three"), "--called", "x"]) == 2
    assert "other masks, of two, are called 'x'; give another --called" in capsys.readouterr().err
    (tmp_path / "elsewhere").mkdir()
    duplicate(two, tmp_path / "elsewhere" / "two")
    for path in (tmp_path / "elsewhere" / "two" / "counts").glob("*languages*"):
        path.write_bytes((studies[0].path / "counts" / path.name).read_bytes())
    assert main(["study", "across", one, str(tmp_path / "elsewhere" / "two"), "--called", "x"]) == 2
    assert "other masks, of two, are called 'x'" in capsys.readouterr().err
    before = (studies[0].path / "results.jsonl").read_bytes()
    for called in ("a\nb", "\x1b[31mred", "x" * 101, "   "):
        assert main(["study", "across", one, two, "--called", called]) == 2
        assert "one line of 1 to 100 characters" in capsys.readouterr().err
    assert main(["study", "across", one, one]) == 2
    assert "is the same study; name another" in capsys.readouterr().err
    assert (studies[0].path / "results.jsonl").read_bytes() == before, "nothing of it is written"
    assert main(["study", "across", one, two, "--sparsity", "0.3"]) == 2
    with pytest.raises(NeutralError, match=r"few: has 3 languages of .*one; 4 are the least$"):
        across.compare(studies[0], Study(made / "few"), CHOICE, "few")


def test_a_comparison_that_was_stopped_between_its_rows_is_completed(studies):
    one, two = studies
    one.extend("across", [row | {"read": "?"} for row in across.compare(one, two, CHOICE, "x")["across"]])
    across.write(one, two, CHOICE, "x")
    assert len(list(one.rows("across"))) == 4, "not twice"
    assert {row["what"] for row in one.rows("alike")} >= {"own", "order"}


def test_figures_have_a_mark_for_every_language_and_study(studies):
    rows = across.compare(*studies, CHOICE, "<b>other")
    drawn = figures.own_masks(pd.DataFrame(rows["across"]), pd.Series({"<b>other": 0.9}), Families(CODES))
    assert sum(len(trace.x) for trace in drawn.data) == 4
    assert drawn.layout.shapes[0].y0 == 0.9
    assert "<b>" not in drawn.layout.xaxis.ticktext[0]
    table = pd.DataFrame(rows["alike"])
    table = table[table["what"] == "distance"]
    drawn = figures.reasons(table)
    assert drawn.data[0].name == "this study"
    assert len(drawn.data) == 2
    assert list(drawn.data[1].x) == table["there"].tolist()[::-1]
    fewer = table.assign(called="few", languages=3, here=0.5, there=0.1)
    drawn = figures.reasons(pd.concat([table, fewer]))
    assert [trace.name for trace in drawn.data][2:] == ["this study, the same 3", "few"]
    assert set(drawn.data[2].x) == {0.5}, "of the same languages"
