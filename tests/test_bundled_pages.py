"""The app opens on every bundled study, whenever its rows were written."""

import apppages
import pytest
from conftest import ROOT

from neutral.study import find_studies

STUDIES = [path.name for path in find_studies(ROOT / "data/studies") if "compression" not in path.name]
PAGES = ["app.py", *(f"pages/{page}.py" for page in ("overlap", "layers", "typology", "language", "pair"))]


@pytest.mark.long
@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_masks_opens_on_every_bundled_study(page, study):
    at = apppages.opened(page, study=study)
    assert not [error.value for error in at.error]


@pytest.mark.parametrize("study", ["mini-mbert-mlm", "gemma-3-270m-clm"])
def test_the_tests_of_older_studies_are_read(study):
    at = apppages.opened("pages/typology.py", study=study)
    assert not [error.value for error in at.error]
    assert "R² = " in apppages.text(at)


def test_other_texts_of_the_bundled_study_are_shown():
    said = apppages.text(apppages.opened("pages/typology.py", study="gemma-3-270m-ntrex", section="Other text"))
    for called in ("other documents", "words shuffled", "romanised", "equal lines"):
        assert f"**{called}**: a language's mask overlaps 0." in said
    assert "0.823 of the 51 in other scripts than Latin, 0.967 of the 77 in Latin" in said, "the README's 0.823"
