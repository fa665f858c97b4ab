"""What a comparison opens on: the study and masks that tell most, the paper's eleven or one language a family."""

from types import SimpleNamespace

import pandas as pd
import pytest
from conftest import ROOT
from many import CODES

from neutral import opening, summary
from neutral.errors import NeutralError
from neutral.languages import PAPER_ORDER, language, the_eleven
from neutral.opening import Telling
from neutral.study import Study
from neutral.summary import Choice

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


BUNDLED = ROOT / "data" / "studies"
KEPT = {("mlm", "magnitude"): Telling(0, 0.1), ("mlm", "wanda"): Telling(11, 2.4), ("ner", "magnitude"): Telling(0, 0)}


def test_of_a_study_the_task_and_method_open_that_tell_most_at_half_the_weights_and_the_first_seed():
    choices = [Choice(task, method, s, seed) for task, method in KEPT for s in (0.3, 0.5, 0.7) for seed in (1, 2)]
    assert opening.choice(choices, lambda c: KEPT[c[:2]]) == Choice("mlm", "wanda", 0.5, 1)
    some = [c for c in choices if c.method == "magnitude" and c.sparsity != 0.5]
    assert opening.choice(some, lambda c: Telling(0, 0)) == Choice("mlm", "magnitude", 0.3, 1)


def test_the_study_of_most_languages_that_tells_anything_opens_and_smaller_ones_are_not_read():
    def study(languages, broken=False):
        index = [("mlm", "wanda", 0.5, 0, "languages", None)]
        columns = ["task", "method", "sparsity", "seed", "kind", "path"]
        source = SimpleNamespace(info={"languages": list(range(languages))}, broken=broken, read=0)
        source.counts_index = lambda: pd.DataFrame(index, columns=columns)
        return source

    def tells(source, choice):
        source.read += 1
        if source.broken:
            raise NeutralError("unreadable")
        return source.tells

    studies = {"few": study(4), "small": study(11), "mute": study(50), "broken": study(60, broken=True)}
    studies |= {"eleven": study(11)}
    told = {"few": Telling(4, 9), "small": Telling(11, 2), "mute": Telling(0, 0.5), "eleven": Telling(11, 3)}
    for name, each in told.items():
        studies[name].tells = each
    assert opening.study(studies, tells) == "eleven"
    assert not studies["few"].read
    assert opening.study({"mute": studies["mute"]}, tells) is None


def test_masks_tell_if_pairs_differ_by_more_than_a_language_found_again_and_there_is_a_control():
    mini, ntrex = Study(BUNDLED / "mini-mbert-mlm"), Study(BUNDLED / "gemma-3-270m-ntrex")
    wanda, magnitude, random = (Choice("mlm", method, 0.5) for method in ("wanda", "magnitude", "random"))
    assert opening.tells(mini, wanda).languages == 11
    assert opening.tells(mini, magnitude) == Telling(0, pytest.approx(0.0005 / 0.0189, rel=0.1)), "pairs differ less"
    assert opening.tells(mini, random) == Telling(0, 0.0), "there is no control"
    assert opening.choice(summary.choices(mini), lambda c: opening.tells(mini, c)) == wanda
    assert opening.study({"mini": mini, "ntrex": ntrex}, opening.tells) == "ntrex"
