"""Labels that agree over languages, and those that do not."""

import pytest

from neutral.errors import NeutralError
from neutral.tasks import labelsets

THREE = ["contradiction", "entailment", "neutral"]


@pytest.mark.parametrize(
    ("task", "one", "other", "hint"),
    [
        ("nli", THREE, ["contradictory", "entailment", "neutral"], "contradictory=contradiction"),
        (
            "nli",
            THREE,
            ["Contradiction", "Entailment", "Neutral"],
            "Contradiction=contradiction,Entailment=entailment,Neutral=neutral",
        ),
        ("nli", THREE, ["0", "1", "2"], "0=…,1=…,2=…"),
        ("nli", ["0", "1", "2"], ["LABEL_0", "LABEL_1", "LABEL_2"], "LABEL_0=0,LABEL_1=1,LABEL_2=2"),
        ("nli", THREE, ["entailment", "neutral", "widerspruch"], "widerspruch=contradiction"),
        ("nli", ["no", "yes"], ["ja", "nein"], "ja=…,nein=…"),
        ("ner", ["O", "B-PER", "B-LOC"], ["O", "B-person", "I-person", "B-LOC"], "person=PER"),
        ("ner", ["O", "B-PER", "B-LOC"], ["O", "B-per"], "per=PER"),
        ("pos", ["NOUN", "VERB"], ["noun", "VERB"], "noun=NOUN"),
        ("pos", ["NOUN", "VERB"], ["0", "1"], "0=…,1=…"),
    ],
)
def test_a_label_in_two_spellings_is_refused_with_the_option_that_makes_them_one(task, one, other, hint):
    with pytest.raises(NeutralError, match=r"labels differ: sw has .*, yo has ") as raised:
        labelsets.require_one_spelling(task, {"sw": one, "am": one, "yo": other})
    assert f"--labels {hint}, else " in str(raised.value)


@pytest.mark.parametrize(
    ("task", "one", "other"),
    [
        ("nli", THREE, ["entailment", "neutral"]),
        ("nli", ["entailment", "not_entailment"], ["entailment"]),
        ("nli", ["entailment"], ["neutral"]),
        ("ner", ["O", "B-PER", "B-LOC"], ["O", "B-DATE", "B-ORG"]),
        ("ner", ["B-LOC", "B-LOCderiv"], ["B-LOC", "B-ORG"]),
        ("pos", ["NN", "NNP"], ["NN", "NNS"]),
        ("pos", ["ADJ", "ADP"], ["ADV", "AUX"]),
    ],
)
def test_labels_that_are_lacking_are_said_and_not_refused(task, one, other):
    labelsets.require_one_spelling(task, {"sw": one, "yo": other})
    assert labelsets.lacking(task, {"sw": one, "yo": other})


def test_one_file_with_two_spellings_is_refused():
    with pytest.raises(NeutralError, match=r"sw has .*--labels Neutral=neutral"):
        labelsets.require_one_spelling("nli", {"sw": [*THREE, "Neutral"], "yo": THREE})


def test_labels_that_are_said_to_be_two_stay_two():
    labelsets.require_one_spelling("ner", {"sw": ["B-DATE"], "yo": ["B-DATETIME"]}, kept=["DATETIME"])


def test_a_mapping_is_read_and_held_against_the_data():
    assert labelsets.mapping(" a=b, c=d ") == {"a": "b", "c": "d"}
    for wrong in ("a", "a=", "a=b=c", "a=b,a=c"):
        with pytest.raises(NeutralError, match=r"--labels .*: takes old=new"):
            labelsets.mapping(wrong)
    labelsets.require_used({"person": "PER"}, "ner", ["O", "B-PER"])
    with pytest.raises(NeutralError, match="no data has a label that becomes PERS"):
        labelsets.require_used({"person": "PERS"}, "ner", ["O", "B-PER"])


def test_what_languages_lack_is_grouped():
    labels = {"en": ["A", "B"], "de": ["A"], "sw": ["A", "C"], "fr": ["A"]}
    assert labelsets.lacking("pos", labels) == [
        "de, sw, fr: no tag B, which other languages have",
        "en, de, fr: no tag C, which other languages have",
    ]


def test_numbers_for_labels_of_several_languages_are_said():
    assert labelsets.numbered({"en": {"0", "1"}, "sw": {"0"}}) == [
        "labels are numbers without names, taken to mean the same in all languages"
    ]
    assert labelsets.numbered({"en": {"0", "1"}}) == labelsets.numbered({"en": {"yes"}, "sw": {"0"}}) == []
