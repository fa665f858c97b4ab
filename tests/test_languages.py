"""What is known about languages, the eleven and others."""

import pytest

from neutral.languages import LANGUAGES, language


def test_the_eleven_are_found_by_either_code():
    for code, spoken in LANGUAGES.items():
        assert language(code) is language(spoken.iso3) is spoken


@pytest.mark.parametrize(
    ("code", "name", "iso3", "script", "right_to_left"),
    [
        ("pl", "Polish", "pol", "Latn", False),
        ("he", "Hebrew", "heb", "Hebr", True),
        ("jpn", "Japanese", "jpn", "Jpan", False),
        ("lv", "Latvian", "lav", "Latn", False),
        ("nb", "Norwegian Bokmål", "nor", "Latn", False),
        ("tl", "Filipino", "tgl", "Latn", False),
        ("fas", "Persian", "pes", "Arab", True),
        ("arz", "Egyptian Arabic", "arz", "Arab", True),
    ],
)
def test_others_have_their_name_and_script(code, name, iso3, script, right_to_left):
    found = language(code)
    assert (found.name, found.iso3, found.script, found.right_to_left) == (name, iso3, script, right_to_left)
    assert found.family == "Unknown"


@pytest.mark.parametrize("label", ["xx", "qqq", "en 2", "my run", "EN", "pretrained", "", "core", "ticket"])
def test_any_other_label_is_its_own_name(label):
    found = language(label)
    assert found.name == found.code == label
    assert found.script == "Zyyy"
