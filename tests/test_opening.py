"""What a comparison of many languages opens on: the paper's eleven by any code, or one language a family."""

import pytest
from many import CODES

from neutral import opening
from neutral.languages import PAPER_ORDER, language, the_eleven

NTREX = ["eng-US", "fra", "deu", "zho-CN", "rus", "spa", "fas", "urd", "arb", "hin", "swa"]


def test_the_eleven_are_found_among_the_128_of_ntrex_and_in_any_order():
    assert the_eleven(CODES) == the_eleven(reversed(CODES)) == NTREX
    assert list(opening.eleven([f"{code}/0" for code in CODES])) == [f"{code}/0" for code in NTREX]


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (PAPER_ORDER, list(PAPER_ORDER)),
        (["eng", "eng-GB"], ["eng"]),
        (["eng-IN", "eng-GB"], ["eng-GB"]),
        (["simple", "en"], ["en"]),
        (["zho_Hant", "zho_Hans", "yue"], ["zho_Hans"]),
        (["zh-TW"], ["zh-TW"]),
        (["prs", "tgk", "arz", "swc", "my run"], []),
        (["urd_Latn", "hi-Latn", "ur"], ["ur", "hi-Latn"]),
    ],
)
def test_of_variants_the_usual_script_then_the_home_region_then_the_plain_one_is_taken(labels, found):
    assert the_eleven(labels) == found


def test_a_few_are_all_shown_and_many_with_the_eleven_open_on_them():
    assert opening.sets(PAPER_ORDER) == {"all": ()}
    sets = opening.sets(CODES)
    assert list(sets) == ["eleven", "all"]
    assert (list(sets["eleven"]), sets["all"]) == (NTREX, ())


def test_many_without_the_eleven_open_on_one_language_of_each_of_the_largest_families():
    others = [code for code in CODES if code not in {c for c in CODES if language(c).iso3 in _IN_PAPER}]
    few = opening.sets(others)["few"]
    families = [language(code).family for code in few]
    assert len(families) == len(set(families)) == 12
    assert families[:3] == ["Indo-European", "Atlantic-Congo", "Afro-Asiatic"]
    assert opening.sets(others[:30]) == {"all": ()}
    assert len(opening.sets([f"run {i}x" for i in range(200)])["few"]) == 12


_IN_PAPER = {language(code).iso3 for code in PAPER_ORDER}
