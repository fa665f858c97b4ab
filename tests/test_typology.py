"""Distances between languages: URIEL+'s against the package's own, three by hand, what is missing, tokens."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from neutral import typology
from neutral.errors import FileError, MismatchError, NeutralError
from neutral.languages import language
from neutral.typology import tokens, uriel

ELEVEN = ("en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw")
ROOT = Path(__file__).parent.parent


def value(kind, a, b):
    return typology.distances((a, b), [kind])["value"].item()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package `urielplus` that may write into its folder."""
    folder = tmp_path_factory.mktemp("uriel")
    source = Path(next(iter(find_spec("urielplus").submodule_search_locations)))
    shutil.copytree(source, folder / "urielplus")
    return folder


def told(package, codes, kinds):
    """Ask the package itself, kind -> square; it answers -1 where nothing is known."""
    script = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from urielplus.urielplus import URIELPlus; u = URIELPlus()\n"
        "print(json.dumps({k: u.new_distance(k, json.loads(sys.argv[2])).tolist() for k in json.loads(sys.argv[3])}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(package), json.dumps(codes), json.dumps(kinds)],
        capture_output=True,
        check=True,
        text=True,
    )
    squares = {kind: np.array(square) for kind, square in json.loads(answer.stdout).items()}
    return {kind: np.where(square == -1, np.nan, square) for kind, square in squares.items()}


def apart(square):
    return square[~np.eye(len(square), dtype=bool)]


def test_every_distance_is_that_of_the_package_but_one_of_few_features_is_missing(package):
    codes = [language(code).iso3 for code in ELEVEN] + ["jpn", "quz"]
    for kind, theirs in told(package, codes, [kind for kind in uriel.KINDS if kind != "genetic"]).items():
        ours = np.round(uriel.distance(kind, codes), 4)  # as they do
        few = uriel.shared(kind, codes) < uriel.LEAST
        assert np.isnan(ours[few]).all()
        assert np.allclose(apart(np.where(few, np.nan, theirs)), apart(ours), atol=1e-6, equal_nan=True), kind
        if kind == "syntactic":  # quz has few features: by these it would be at no distance from two of the others
            assert (theirs[-1, :-1] == 0).sum() == 2


@pytest.fixture(scope="module")
def in_the_files():
    """Whether each feature is known of a language, kind and ISO 639-3 code -> list, plainly from the package's file."""
    folder = Path(next(iter(find_spec("urielplus").submodule_search_locations))) / "database" / "original_uriel"
    with np.load(folder / "features.npz") as file:
        names, codes, data = file["feats"].tolist(), file["langs"].tolist(), file["data"]
    starts = {"syntactic": "S_", "phonological": "P_", "inventory": "INV_", "featural": ""}

    def known(kind, code):
        row = data[codes.index(code)]
        return [any(v != -1 for v in row[i]) for i, name in enumerate(names) if name.startswith(starts[kind])]

    return known


def test_the_features_of_a_distance_are_those_known_of_both_languages(in_the_files):
    codes = ["fi", "ta", "ka", "qu", "ur"]
    table = typology.distances(codes)
    counted = table.dropna(subset="features")
    assert set(counted["distance"]) == set(uriel.COUNTED)
    known = {(kind, c): in_the_files(kind, language(c).iso3) for kind in uriel.COUNTED for c in codes}
    for row in counted.itertuples():
        one, other = known[row.distance, row.source], known[row.distance, row.target]
        both = sum(a and b for a, b in zip(one, other, strict=True))
        assert row.features == both, row
        assert np.isnan(row.value) == (both < 20), row
    features = counted.set_index(["distance", "source", "target"])["features"]
    assert features["syntactic", "fi", "ka"] == 83
    assert features["phonological", "fi", "ta"] == 0


def test_stored_distances_of_before_get_their_features_and_lose_what_rests_on_few():
    old = typology.distances(["en", "fi", "qu"], ["syntactic", "script"]).drop(columns="features")
    old["value"] = [0.5, 0.0, 0.25, 0.0, 0.0, 0.0]
    stored = old.assign(value=old["value"].astype(object)).replace({np.nan: None})
    new = typology.filled(stored, ["en", "fi", "qu"]).set_index(["distance", "source", "target"])
    few = uriel.shared("syntactic", ["eng", "fin", language("qu").iso3])
    assert new["features"]["syntactic"].tolist() == [few[0, 1], few[0, 2], few[1, 2]]
    assert few[0, 2] < uriel.LEAST < few[0, 1]
    assert new["value"]["syntactic"].tolist()[0] == 0.5
    assert np.isnan(new["value"]["syntactic"].tolist()[1:]).all()
    assert new["value"]["script"].tolist() == [0, 0, 0]


def angle(u, v):
    """2/π · arccos of the cosine of two vectors; NaN if one is all zeros."""
    lengths = np.sqrt((u @ u) * (v @ v))
    return 2 / np.pi * np.arccos(np.clip(u @ v / lengths, -1, 1)) if lengths else np.nan


@pytest.mark.parametrize("kind", uriel.KINDS)
def test_all_distances_at_once_are_those_of_a_pair_after_the_other(kind):
    codes = [language(code).iso3 for code in (*ELEVEN, "eu", "nb", "qu", "zu", "en-GB", "xx")]
    vectors = uriel.features(kind, codes).values
    plain = np.full((len(codes), len(codes)), np.nan)
    for i, u in enumerate(vectors):
        for j, v in enumerate(vectors):
            both = ~np.isnan(u) & ~np.isnan(v)
            if both.sum() >= (uriel.LEAST if kind in uriel.COUNTED else 1):
                plain[i, j] = angle(u[both], v[both])
    found = uriel.distance(kind, codes)
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-7)
    same = codes.index("eng"), codes.index("eng", 1)
    assert found[same] == 0, "equal vectors are at no distance at all"


def off_by(kind, least, shares):
    """How far distances by some of the features are from those by all, over pairs of which at least so many are known.

    Returns number of features -> (root mean square, share of pairs at 0), and the standard deviation of the pairs.
    """
    rng = np.random.default_rng(0)
    values = uriel.features(kind, list(uriel._places("features"))).values
    rich = np.flatnonzero((~np.isnan(values)).sum(axis=1) >= least)
    full, parts = [], {m: [] for m in shares}
    for one, other in (rng.choice(rich, 2, replace=False) for _ in range(600)):
        both = np.flatnonzero(~np.isnan(values[one]) & ~np.isnan(values[other]))
        full.append(angle(values[one, both], values[other, both]))
        for m in shares:
            some = rng.choice(both, m, replace=False)
            parts[m].append(angle(values[one, some], values[other, some]))
    off = {m: np.sqrt(np.nanmean((np.array(part) - full) ** 2)) for m, part in parts.items()}
    return off, {m: np.mean(np.array(part) < 1e-9) for m, part in parts.items()}, np.std(full)


def test_the_least_number_of_features_is_what_its_docstring_says():
    assert uriel.LEAST == 20
    off, at_zero, spread = off_by("syntactic", 75, (5, 10, 20))
    assert spread == pytest.approx(0.13, abs=0.01)
    assert [off[m] for m in (5, 10, 20)] == pytest.approx([0.28, 0.18, 0.11], abs=0.02)
    assert at_zero[20] < 0.015 < at_zero[10] < at_zero[5]
    off, at_zero, spread = off_by("phonological", 24, (5, 10, 20))
    assert spread == pytest.approx(0.13, abs=0.01)
    assert [off[m] for m in (5, 10, 20)] == pytest.approx([0.28, 0.16, 0.05], abs=0.02)
    off, _, spread = off_by("featural", 200, (20,))
    assert (off[20], spread) == (pytest.approx(0.15, abs=0.015), pytest.approx(0.07, abs=0.01))
    known = (~np.isnan(uriel.features("inventory", list(uriel._places("features"))).values)).sum(axis=1)
    assert set(known) == {0, 158}


@pytest.mark.long
def test_genetic_distances_are_the_packages_but_a_lineage_that_is_not_recorded_is_missing(package):
    """Few languages, as the package takes its time over this kind; it says 0 for Basque and Bokmål by their codes."""
    theirs = told(package, ["eng", "deu", "eus", "nob"], ["genetic"])["genetic"]
    assert theirs[2, 3] < 0.001
    ours = np.round(uriel.distance("genetic", ["eng", "deu", "eus", "nob"]), 4)
    assert np.isnan(ours[2]).all()
    theirs = told(package, ["eng", "deu", "nor"], ["genetic"])["genetic"]  # which has Bokmål's lineage
    described = ours[np.ix_([0, 1, 3], [0, 1, 3])]
    assert described[np.triu_indices(3, 1)] == pytest.approx(theirs[np.triu_indices(3, 1)], abs=1e-6)
    isolate = typology.distances(["eu", "en"], ["genetic", "family"]).set_index("distance")["value"]
    assert np.isnan(isolate["genetic"])
    assert isolate["family"] == 1


@pytest.mark.parametrize(
    ("kind", "a", "b", "known", "ones", "others", "shared", "expected"),
    [
        ("syntactic", "eng", "fra", 97, 37, 39, 30, 0.420423),
        ("inventory", "deu", "rus", 158, 51, 35, 29, 0.518378),
        ("genetic", "eng", "deu", 3718, 9, 6, 4, 0.633567),
    ],
)
def test_three_distances_by_hand(kind, a, b, known, ones, others, shared, expected):
    """2/π · arccos(shared / √(ones · others)), with what the vectors have counted by hand.

    English and German share four groups, down to West Germanic; below, English has five and German two.
    """
    u, v = uriel.features(kind, [a, b]).values
    both = ~np.isnan(u) & ~np.isnan(v)
    assert (both.sum(), u[both].sum(), v[both].sum(), (u * v)[both].sum()) == (known, ones, others, shared)
    assert 2 / np.pi * np.arccos(shared / np.sqrt(ones * others)) == pytest.approx(expected, abs=1e-6)
    assert uriel.distance(kind, [a, b])[0, 1] == pytest.approx(expected, abs=1e-6)


def test_one_lineage_is_at_zero_and_two_families_are_at_one():
    assert value("genetic", "hi", "ur") == 0
    assert value("genetic", "en", "zh") == pytest.approx(1)


def test_what_uriel_lacks_is_missing_and_not_zero():
    table = typology.distances(ELEVEN)
    missing = table[table["value"].isna()]
    assert set(missing["distance"]) == {"phonological", "inventory"}
    for kind, lacking in (("phonological", {"ur", "ar"}), ("inventory", {"ar"})):
        rows = missing[missing["distance"] == kind]
        assert all({a, b} & lacking for a, b in zip(rows["source"], rows["target"], strict=True))
        assert len(rows) == sum(bool({a, b} & lacking) for i, a in enumerate(ELEVEN) for b in ELEVEN[i + 1 :])
    square = typology.square(table, "phonological", ELEVEN)
    assert square.loc["ur", "ur"] == 0
    assert np.isnan(square.loc["ur", "en"])


def test_a_square_is_symmetric_and_in_the_order_asked():
    table = typology.distances(ELEVEN, ["syntactic"])
    square = typology.square(table, "syntactic", ["zh", "en", "fr"])
    assert list(square.index) == list(square.columns) == ["zh", "en", "fr"]
    assert np.array_equal(square, square.T)
    assert square.loc["en", "fr"] == value("syntactic", "fr", "en")


def test_family_and_script_are_what_one_knows():
    family = typology.square(
        typology.distances(["en", "de", "hi", "ar", "eo"], ["family"]), "family", ["en", "de", "hi", "ar", "eo"]
    )
    assert family.loc["en", ["de", "hi", "ar"]].tolist() == [0, 0.5, 1]
    assert family.loc["eo"].drop("eo").isna().all()
    again = typology.square(typology.distances(["eo", "epo"], ["family"]), "family", ["eo", "epo"])
    assert again.loc["eo", "epo"] == 0, "one language by two codes, though of no family"
    assert value("script", "fa", "ur") == 0
    assert value("script", "hi", "ur") == 1


def test_any_iso_code_works_and_joins_the_families_of_the_eleven():
    about = typology.about(["pl", "yo", "heb", "swh", "ja"]).set_index("code")
    assert about.loc["pl", ["name", "family", "branch", "script"]].tolist() == [
        "Polish",
        "Indo-European",
        "Classical Indo-European",
        "Latn",
    ]
    assert about.loc["yo", "family"] == typology.families(["sw"])["sw"] == "Atlantic-Congo"
    assert about.loc["heb", ["family", "branch"]].tolist() == ["Afro-Asiatic", "Semitic"]
    assert about.loc["swh", "name"] == "Swahili"
    assert about.loc["ja", "script"] == "Jpan"
    baltic = typology.about(["lv", "et", "nb"])
    assert baltic["family"].tolist() == ["Indo-European", "Uralic", "Indo-European"], "known under the macrolanguage"
    assert value("script", "pl", "ru") == 1


def test_a_code_that_is_no_languages_is_named():
    with pytest.raises(NeutralError, match="my run: no language has this code"):
        typology.distances(["en", "my run"])
    with pytest.raises(NeutralError, match="no distance 'occurrences' between languages alone"):
        typology.distances(["en", "fr"], ["occurrences"])


def test_the_package_is_neither_imported_nor_written_to_and_no_logging_is_configured():
    folder = Path(next(iter(find_spec("urielplus").submodule_search_locations)))
    before = sorted(map(str, folder.rglob("*")))
    script = (
        "import logging, sys; from neutral import typology; typology.distances(['en', 'fr', 'ar']);"
        "assert not logging.getLogger().handlers; assert 'urielplus' not in sys.modules; print('fine')"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("fine\n", "")
    assert sorted(map(str, folder.rglob("*"))) == before


def test_a_missing_package_and_damaged_data_are_said_in_one_line(monkeypatch, tmp_path):
    uriel._folder.cache_clear()
    monkeypatch.setattr(uriel, "find_spec", lambda _name: None)
    with pytest.raises(NeutralError, match="pip install urielplus"):
        uriel._folder()
    (tmp_path / "features.npz").write_bytes(b"PK")
    monkeypatch.setattr(uriel, "_folder", lambda: tmp_path)
    with pytest.raises(FileError, match="install urielplus again"):
        uriel._load("features", "data")


def test_token_distances_are_their_formulas():
    counts = {"en": np.array([6, 2, 0, 0, 2]), "fr": np.array([10, 0, 20, 0, 70]), "sw": np.array([0, 0, 0, 5, 0])}
    table = tokens.token_distances(counts).set_index(["distance", "source", "target"])["value"]
    assert table["types", "en", "fr"] == pytest.approx(1 - 2 / 4)
    assert table["occurrences", "en", "fr"] == pytest.approx(1 - (0.1 + 0.2))
    assert table["size", "en", "fr"] == pytest.approx(1)
    assert table["scarcity", "en", "fr"] == pytest.approx(-1)
    assert table["types", "en", "sw"] == table["occurrences", "en", "sw"] == 1
    same = tokens.token_distances({"a": counts["en"], "b": 3 * counts["en"]}).set_index("distance")["value"]
    assert same["types"] == pytest.approx(0, abs=1e-12)
    assert same["occurrences"] == pytest.approx(0, abs=1e-12)


def test_token_counts_that_cannot_be_compared_are_refused():
    with pytest.raises(MismatchError, match="different sizes"):
        tokens.token_distances({"en": np.ones(3), "fr": np.ones(4)})
    with pytest.raises(NeutralError, match="text of fr holds no token"):
        tokens.token_distances({"en": np.ones(3), "fr": np.zeros(3)})
