"""What a search says that it will write is about what it writes."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from conftest import ROOT

from neutral.runs.plans.search import SearchPlan
from neutral.runs.search import effects
from neutral.runs.search.effects import effect
from neutral.runs.search.worker import Control, Masks
from neutral.runs.units import Unit
from neutral.study import Study

NTREX = Study(ROOT / "data" / "studies" / "gemma-3-270m-ntrex")
CODES = NTREX.counts("clm", "wanda", 0.5).members
MATRICES = NTREX.info["inventory"]["wanda"]["matrices"]


def written(kind, sparsity=0.5):
    return NTREX.counts_path("clm", "wanda", sparsity, 0, kind).stat().st_size


@pytest.mark.parametrize("kind", ["languages", "beyond", "pretrained", "halves"])
def test_counts_of_many_languages_take_about_what_is_said(kind):
    assert effects.counts(kind, CODES, MATRICES) == pytest.approx(written(kind), rel=0.2)


def test_a_search_of_many_languages_says_how_large_its_counts_will_be():
    sparsities = (0.3, 0.5, 0.7)
    plan = SearchPlan(
        "model", "clm", CODES, "wanda", sparsities, halves=True, controls=("pretrained",), keep=(), length=256
    )
    given = {"cut": True, "scores": []}
    work = SimpleNamespace(plan=plan, languages=list(CODES), given=lambda unit: given)
    sizes = dict.fromkeys(CODES, 100)
    units = [Unit(("masks", code), code, asked=Masks(code, 0)) for code in CODES]
    told = sum(effect(work, unit, sizes, 0, MATRICES).bytes for unit in units)
    files = sum(written(kind, s) for kind in ("languages", "halves") for s in sparsities)
    assert told == pytest.approx(files, rel=0.2)
    control = effect(work, Unit(("control",), "control", asked=Control(0.5, 0)), sizes, 0, MATRICES)
    assert control.bytes == pytest.approx(written("pretrained") + written("beyond"), rel=0.2)


def test_more_seeds_are_counted_within_each_language_once():
    plan = SearchPlan("model", "clm", CODES, "wanda", (0.5,))
    one, three = (SimpleNamespace(plan=each, languages=CODES) for each in (plan, replace(plan, seeds=(0, 1, 2))))
    added = effects._counted(three, MATRICES) - effects._counted(one, MATRICES)
    assert added == effects.counts("seeds", CODES, MATRICES, 3) // 3
