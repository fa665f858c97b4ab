"""Error rates on a sample of languages as it is: what is drawn, what is tested, and going on."""

import json

import numpy as np
import pytest

from neutral.association import error_rates
from neutral.association.error_rates import STRUCTURES, found, run, sample, simulated, traits
from neutral.association.mantel import mantel

CODES = ["eng", "deu", "nld", "fra", "spa", "rus", "ukr", "hin", "arb", "heb", "zho", "swa", "fin", "est", "tur"]


@pytest.fixture(scope="module")
def among():
    return sample([*CODES, "epo", "tlh"])


def test_languages_of_unknown_family_or_place_are_no_part_of_the_sample(among):
    assert among.codes == tuple(CODES)


def test_traits_follow_what_they_are_said_to(among):
    rng = np.random.default_rng(0)
    place = among.codes.index
    family = traits(among, rng, {"family": 1})
    np.testing.assert_allclose(family[place("eng")], family[place("hin")], atol=1e-6)
    branch = traits(among, rng, {"branch": 1})
    np.testing.assert_allclose(branch[place("eng")], branch[place("nld")], atol=1e-6)
    assert not np.allclose(branch[place("eng")], branch[place("hin")])
    drawn = np.stack([traits(among, rng, {"place": 1}) for _ in range(300)])
    near, far = ((drawn[:, place("nld")] * drawn[:, place(other)]).mean() for other in ("deu", "swa"))
    assert near > 0.55
    assert far < 0.3
    assert abs(np.stack([traits(among, rng, {"tree": 2}) for _ in range(300)]).std() - 2) < 0.1


def test_tests_are_those_of_the_library(among):
    similarity, distances = simulated(among, "tree 2", 0)
    shares = found(among, similarity, distances, 99, 5)
    for scheme, permuted in among.drawn(99, 5).items():
        for name, controls in (("", None), (", family held", among.family_distance[None])):
            p = mantel(similarity[None], distances, permuted, controls).p[0]
            assert shares[f"{scheme}{name}"] == [np.mean(half <= 0.05) for half in np.split(p, 2)]


def test_the_plain_test_finds_what_is_not_there_and_an_effect_is_found(among):
    shares = [found(among, *simulated(among, "family 2", number), 99, number) for number in range(6)]
    plain, tree = (np.mean([each[name] for each in shares], axis=0) for name in ("plain", "tree, family held"))
    assert plain[0] > 0.4
    assert tree[0] < plain[0] / 2
    free = [found(among, *simulated(among, "nothing", number), 99, number)["plain"] for number in range(6)]
    assert np.mean(free, axis=0)[0] < 0.2
    assert np.mean(free, axis=0)[1] > 0.3


def test_a_run_that_was_stopped_goes_on(among, tmp_path, capsys, monkeypatch):
    path = tmp_path / "rates.jsonl"
    first = run(among, path, 1, 19)
    kept = [next(first), next(first)]
    rest = list(run(among, path, 1, 19))
    assert [row["structure"] for row in kept + rest] == list(STRUCTURES)
    assert len(path.read_text().splitlines()) == len(STRUCTURES)
    table = error_rates.rates([json.loads(line) for line in path.read_text().splitlines()])
    assert set(table["simulations"]) == {1}
    monkeypatch.setattr("sys.argv", ["error_rates", str(path), *CODES, "--simulations", "1"])
    error_rates.main()
    assert "tree, place held" in capsys.readouterr().out


def test_models_are_looked_at_in_each_of_their_forms(among):
    shares = error_rates.modelled(among, *simulated(among, "nothing", 0))
    assert list(shares) == ["mixed", "mixed, families", "mixed, families, areas", "process"]
    assert all(0 <= share <= 1 for pair in shares.values() for share in pair)
