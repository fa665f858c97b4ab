"""Tags of names: every scheme comes to the same names in BIO."""

import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from neutral.tasks import iob

BIO = [["B-PER", "O", "B-LOC", "I-LOC", "B-LOC", "O"], ["O", "B-ORG", "I-ORG", "I-ORG"], ["B-PER", "B-LOC"]]


def spans(tags):
    return get_entities(list(tags))


def written(tags, scheme):
    """BIO in another scheme, name by name."""
    single, last = {"IOBES": "SE", "BILOU": "UL", "BMES": "SE"}.get(scheme, "BI")
    inside = "M" if scheme == "BMES" else "I"
    made = ["O"] * len(tags)
    for kind, start, end in spans(tags):
        if scheme == "IOB1":
            before = start and tags[start - 1] != "O" and tags[start - 1][2:] == kind
            letters = ("B" if before else "I") + "I" * (end - start)
        else:
            letters = single if start == end else f"B{inside * (end - start - 1)}{last}"
        made[start : end + 1] = [f"{letter}-{kind}" for letter in letters]
    return made


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "IOBES", "BILOU", "BMES"])
def test_every_scheme_is_read_as_bio(scheme):
    assert iob.to_bio([written(tags, scheme) for tags in BIO]) == (list(map(tuple, BIO)), scheme)


@pytest.mark.parametrize("scheme", ["IOB1", "IOBES", "BILOU"])
def test_names_are_the_same_on_many_random_sentences(scheme):
    draw = np.random.default_rng(0)
    for _ in range(100):
        tags = ["O"]
        for _ in range(10):
            kind = draw.choice(["PER", "LOC"])
            tags.append(draw.choice(["O", f"B-{kind}", tags[-1].replace("B-", "I-")]))
        other = ["B-PER", "I-PER", "O", "B-LOC"]
        (read, _), _ = iob.to_bio([written(tags, scheme), written(other, scheme)])
        assert list(read) == tags


def test_a_file_of_bio_stays_though_a_name_begins_with_i():
    tags = [("B-PER", "O", "I-LOC"), ("B-LOC", "I-LOC")]
    assert iob.to_bio(tags) == (tags, "BIO")


def test_capitals_of_the_letters_do_not_matter():
    assert iob.to_bio([["b-PER", "o", "i-per"]])[0] == [("B-PER", "O", "I-per")]
