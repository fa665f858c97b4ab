"""Links: a value that is not there is said, one in other words is understood, and Copy link says every choice."""

from urllib.parse import parse_qs

import apppages
import pytest
from apppages import opened, text
from streamlit.testing.v1 import AppTest

from pages.parts import links, pickers


def every_picker():
    """A page with a picker of each kind."""
    import streamlit as st

    from neutral.members import display
    from pages.parts import links, pickers

    pickers.start("All")
    chosen = {
        "language": pickers.pick("Language", ["eng", "eus", "zho-TW"], "language", names=display),
        "measure": pickers.pick_measure([]),
        "sparsity": pickers.pick("Sparsity", [0.3, 0.5], "sparsity", default=0.5, names=lambda s: f"{s:.0%}"),
        "seed": pickers.pick("Seed", [0], "seed"),
        "training": pickers.pick("Training", [None, 1], "training", default=1, names=lambda s: str(s) if s else "All"),
        "part": pickers.pick_part(["Perplexity", "Errors"], "part"),
        "folded": pickers.pick_some("Fold", ["Bantu", "Uralic"], "folded", default=["Bantu"]),
        "links": pickers.pick_number("Links", [1, 2, 3], "links", default=2),
        "word": pickers.pick_text("Word", "word", default="weather"),
        "paper": pickers.pick_whether("Paper", "paper"),
        "drawn": pickers.pick_drawn(["eng", "eus"], 2),
    }
    st.json(chosen)
    for line in pickers.unknown():
        st.warning(line)
    st.code(links.whole())


DEFAULTS = {
    "language": "eng",
    "measure": "jaccard",
    "sparsity": 0.5,
    "seed": 0,
    "training": 1,
    "part": "Perplexity",
    "folded": ["Bantu"],
    "links": 2,
    "word": "weather",
    "paper": False,
    "drawn": [],
}


def visited(**address):
    """The page of all pickers under an address: what is chosen, what is said, and the link that it offers."""
    at = AppTest.from_function(every_picker, default_timeout=60)
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    return looked_at(at)


def looked_at(at):
    import json

    assert not at.exception, at.exception[0].message
    link = parse_qs(at.code[0].value.lstrip("?"), keep_blank_values=True)
    return json.loads(at.json[0].value), [said.value for said in at.warning], link


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("language", "xx", "Language: there is no “xx” here, so this shows English. There is English, Basque, Chinese"),
        ("measure", "Foo", "Measure: there is no “Foo” here, so this shows Jaccard."),
        ("sparsity", "55%", "Sparsity: there is no “55%” here, so this shows 50%. There is 30%, 50%."),
        ("seed", "7", "Seed: there is no “7” here, so this shows 0."),
        ("training", "9", "Training: there is no “9” here, so this shows 1."),
        ("part", "Foo", "Part: there is no “Foo” here, so this shows Perplexity."),
        ("folded", "Foo", "Fold: there is no “Foo” here, so this shows Bantu."),
        ("links", "99", "Links: there is no “99” here, so this shows 2."),
        ("paper", "maybe", "Paper: there is no “maybe” here, so this shows false."),
        ("drawn", "xx", "Lines of: there is no “xx” here, so it is left out. There is English, Basque."),
    ],
)
def test_an_unknown_value_is_said_for_every_kind_of_picker_and_the_default_is_shown(key, value, said):
    chosen, lines, _ = visited(**{key: value})
    assert chosen[key] == DEFAULTS[key]
    assert len(lines) == 1
    assert lines[0].startswith(said)


@pytest.mark.parametrize(
    ("key", "value", "means"),
    [
        *(("language", code, "eus") for code in ("eus", "eu", "Basque", "basque", "basq1248")),
        ("language", "Chinese", "zho-TW"),
        ("language", "zh-TW", "zho-TW"),
        ("measure", "dice", "dice"),
        ("measure", "Dice", "dice"),
        *(("sparsity", written, 0.3) for written in ("30%", "0.3", ".30")),
        ("training", "all", None),
        ("part", "errors", "Errors"),
        ("folded", ["uralic", "Bantu"], ["Bantu", "Uralic"]),
        ("links", "3.0", 3),
        ("word", "sun", "sun"),
        ("paper", "true", True),
        ("drawn", ["eu"], ["eus"]),
    ],
)
def test_a_value_in_other_words_is_understood_without_a_line(key, value, means):
    chosen, lines, _ = visited(**{key: value})
    assert (chosen[key], lines) == (means, [])


def test_what_is_known_of_several_values_is_shown_and_the_rest_is_said():
    chosen, lines, _ = visited(folded=["Uralic", "Foo"], drawn=["English", "xx"])
    assert (chosen["folded"], chosen["drawn"]) == (["Uralic"], ["eng"])
    assert [line.partition(". ")[0] for line in lines] == [
        "Fold: there is no “Foo” here, so this shows Uralic",
        "Lines of: there is no “xx” here, so this shows English",
    ]


def test_a_text_that_is_too_long_is_cut_and_that_is_said():
    chosen, lines, _ = visited(word="w" * 99)
    assert (chosen["word"], lines) == (
        "w" * 60,
        ["Word: the link has more than 60 characters; this shows the first 60."],
    )


def test_no_value_is_said_where_the_link_says_none():
    assert visited()[:2] == (DEFAULTS, [])


def test_a_line_stays_until_the_reader_chooses_another():
    at = AppTest.from_function(every_picker, default_timeout=60)
    at.query_params["measure"] = "Foo"
    at.run()
    at.text_input[0].set_value("sun").run()
    assert len(at.warning) == 1
    at.selectbox(key="measure").set_value("dice").run()
    assert not at.warning


def test_the_link_to_copy_says_every_choice_and_restores_it_when_defaults_change():
    _, _, link = visited(measure="Dice", folded="Uralic")
    assert link == {
        "language": ["English"],
        "measure": ["Dice"],
        "sparsity": ["50%"],
        "seed": ["0"],
        "training": ["1"],
        "part": ["Perplexity"],
        "folded": ["Uralic"],
        "links": ["2"],
        "word": ["weather"],
        "paper": ["false"],
    }
    again, lines, same = visited(**link)
    assert not lines
    assert same == link
    assert (again["measure"], again["folded"]) == ("dice", ["Uralic"])


def test_an_empty_choice_is_in_the_link_too():
    at = AppTest.from_function(every_picker, default_timeout=60)
    at.run()
    at.button_group(key="folded").set_value([]).run()
    link = looked_at(at)[2]
    assert link["folded"] == [""]
    assert visited(**link)[0]["folded"] == []


@pytest.fixture
def on_pages(studies, tmp_path, monkeypatch):
    """The app finds the synthetic studies, and no others."""
    apppages.only(studies, tmp_path, monkeypatch)


def test_pages_say_what_a_link_names_and_they_do_not_have_in_a_line_each(on_pages):
    at = opened("pages/pair.py", study="encoder", a="xx", b="deu", measure="Foo", sparsity="55%")
    lines = [warning.value for warning in at.warning]
    assert [line.partition(":")[0] for line in lines] == ["Sparsity", "One language", "Measure"]
    assert "so this shows Russian" in lines[1]
    assert at.selectbox(key="b").value == "de"
    assert "no study called" not in text(at)


PICKED = [
    *("app.py", "pages/overlap.py", "pages/language.py", "pages/pair.py", "pages/layers.py", "pages/inside.py"),
    *("pages/tickets.py", "pages/transfer.py", "pages/typology.py", "pages/compression.py", "pages/runs.py"),
]
KEPT = {"word", "a", "b", "languages", "show", "study", "runs", "tables", "members"}
"""Said in lines of their own, or a text that may be anything; each has a test above or below."""


@pytest.mark.parametrize("page", PICKED)
def test_whatever_a_page_lets_choose_an_unknown_value_of_it_is_said(on_pages, page):
    at = opened(page)
    pickers_there = set(at.session_state["_present"]) - KEPT
    asked = dict.fromkeys(pickers_there, "nonsense")
    wrong = opened(page, **asked)
    said = [line.value for line in wrong.warning if "nonsense" in line.value]
    assert len(said) >= len(pickers_there), (pickers_there, said)


def test_a_run_that_is_not_there_is_said(on_pages):
    at = opened("pages/runs.py", run="lost", new="{}")
    assert [line.value for line in at.warning] == ["Run: there is no “lost” here, so it is left out."]
    at = opened("pages/runs.py", new='{"command": "dance"}')
    assert at.warning[0].value.startswith("What to do: there is no “dance” here")
    assert "What is filled in" in opened("pages/runs.py", new="{").warning[0].value


def test_sets_of_languages_and_the_readers_picks_are_said_as_well(on_pages):
    at = opened("pages/overlap.py", study="encoder", languages=["swa", "English", "xx"])
    assert [w.value.partition(".")[0] for w in at.warning] == [
        "Languages: there is no “xx” here, so this shows Swahili, English"
    ]
    assert at.multiselect(key="languages").value == ["sw", "en"]


def test_copy_link_of_a_page_has_the_address_and_what_is_chosen(on_pages):
    at = opened("pages/overlap.py", study="encoder", measure="Dice", languages=["English", "Swahili"])
    link = parse_qs(next(block.value for block in at.get("text") if "measure=" in block.value).partition("?")[2])
    assert (
        link.items()
        >= {
            "study": ["encoder"],
            "method": ["Magnitude"],
            "sparsity": ["50%"],
            "measure": ["Dice"],
            "order": ["Family"],
            "languages": ["English", "Swahili"],
        }.items()
    )


def test_what_an_address_holds_beside_pickers_is_copied_and_markup_in_it_stays_text():
    assert "measure" not in pickers.MEASURE_NAMES  # names are not keys
    assert links.HELP
    _, lines, _ = visited(measure="<b>*x*</b>")
    assert lines[0].startswith("Measure: there is no “\\<b>\\*x\\*\\</b>” here")


@pytest.mark.parametrize(
    ("page", "keys"),
    [
        ("pages/language.py", ("language",)),
        ("pages/pair.py", ("a", "b")),
        ("pages/layers.py", ("who",)),
        ("pages/typology.py", ()),
        ("pages/overlap.py", ()),
        ("pages/tickets.py", ()),
        ("pages/inside.py", ()),
        ("app.py", ()),
    ],
)
def test_a_language_keeps_its_name_when_the_study_changes_to_one_with_other_codes(page, keys):
    at = opened(page, study="gemma-3-270m-ntrex", members="mine", languages=["Urdu", "Hindi", "Amharic"])
    for key, code in zip(keys, ("urd", "hin"), strict=False):
        at.selectbox(key=key).set_value(code)
    at.run()
    at.selectbox(key="study").set_value("mini-mbert-mlm").run()
    assert not at.exception
    assert not at.error, at.error
    assert "has no" not in text(at)
    for key, code in zip(keys, ("ur", "hi"), strict=False):
        assert at.selectbox(key=key).value == code


def test_a_language_that_the_other_study_lacks_is_said():
    at = opened("pages/language.py", study="gemma-3-270m-ntrex")
    at.selectbox(key="language").set_value("amh").run()
    at.selectbox(key="study").set_value("mini-mbert-mlm").run()
    assert at.warning[0].value.startswith("Language: there is no “Amharic” here, so this shows ")
    assert at.selectbox(key="language").value in ("ru", "en", "de")


def test_links_to_other_pages_have_what_several_pages_share_and_no_choice_of_one_page():
    def some():
        from pages.parts import pickers

        pickers.start("Compression")
        pickers.pick("Language", ["de", "sw"], "of")
        pickers.pick("Measure", ["jaccard", "dice"], "measure")
        import streamlit as st

        st.json(pickers.address(tables="t"))

    at = AppTest.from_function(some)
    at.query_params["of"] = "sw"
    at.query_params["measure"] = "dice"
    at.run()
    import json

    assert json.loads(at.json[0].value) == [["measure", "dice"], ["tables", "t"]]
