"""What the docstring of `neutral.association` says about false positives, on fewer simulations."""

import numpy as np
import pytest

from neutral.association import simulation
from neutral.association.simulation import LANGUAGES, STRUCTURES, family_distances, rates, traits

SIMULATIONS, COUNT = 120, 199
ABOVE = 0.13  # of 120 tests at 0.05 more than this share reject once in 3,000 times


@pytest.fixture(scope="module")
def measured():
    names = ("none", "strong family", "family, strong branch")
    return {name: rates(name, SIMULATIONS, count=COUNT, seed=1) for name in names}


def test_without_structure_every_test_keeps_its_level(measured):
    assert (measured["none"] < ABOVE).all()


def test_the_plain_test_is_not_valid_under_family_structure(measured):
    assert measured["strong family"]["plain"] > 0.9


def test_within_families_the_test_keeps_its_level_whatever_families_share(measured):
    assert measured["strong family"]["within"] < ABOVE
    assert measured["strong family"]["partial within"] < ABOVE


def test_branches_inside_a_family_inflate_the_test_within_families(measured):
    assert 0.1 < measured["family, strong branch"]["within"] < 0.4


def test_a_control_brings_the_plain_test_down_but_not_to_its_level(measured):
    assert measured["strong family"]["partial"] < measured["strong family"]["plain"] / 3
    assert measured["strong family"]["partial"] <= measured["strong family"]["residuals"]


def test_controlling_for_something_else_does_not_control_for_family():
    driven = rates("strong family, branch", SIMULATIONS, driver=0.5, count=COUNT, seed=2)
    assert driven["plain"] > 0.9
    assert driven["partial"] > ABOVE


def test_a_true_effect_is_found():
    power = rates("family", SIMULATIONS, effect=0.8, count=COUNT, seed=3)
    assert power["within"] > 0.6
    assert (power > 0.4).all()


def test_relatives_share_what_the_simulation_says_they_share():
    rng = np.random.default_rng(0)
    codes = list(LANGUAGES)
    shared, _ = traits(rng, *STRUCTURES["family, branch"])
    place = codes.index
    np.testing.assert_array_equal(shared[place("en")], shared[place("de")])
    assert not np.allclose(shared[place("en")], shared[place("hi")])
    family, _ = traits(rng, *STRUCTURES["family"])
    np.testing.assert_array_equal(family[place("en")], family[place("hi")])
    assert not np.allclose(family[place("en")], family[place("zh")])
    own = np.concatenate([traits(rng, 1, 0)[1] for _ in range(200)])
    assert own.std() == pytest.approx(1, abs=0.02)
    square = family_distances()
    assert np.bincount((2 * square).astype(int)).tolist() == [3, 25, 27]


def test_the_command_prints_a_table(capsys):
    simulation.main(1)
    assert "strong family" in capsys.readouterr().out
