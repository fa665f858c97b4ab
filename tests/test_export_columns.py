"""The columns of a file say of what it is, and nothing that is not so of a row."""

import pandas as pd

from neutral.export import columns


def header(table, settings):
    return columns.csv(table, settings).splitlines()[0]


def test_rows_of_several_methods_are_not_said_to_be_of_the_one_chosen():
    reach = pd.DataFrame({"line": ["mixed, frequency", "int8"], "ratio": [16.0, 4.0]})
    assert header(reach, {"Study": "s", "Method": "int8"}) == "study,line,ratio"
    assert header(reach[["ratio"]], {"Study": "s", "Method": "int8"}) == "study,method,ratio"


def test_the_file_of_a_pair_names_the_pair_once():
    asked = {"Study": "s", "One language": "Urdu", "The other": "Hindi"}
    layers = pd.DataFrame({"layer": [0], "jaccard": [0.9]})
    assert columns.csv(layers, asked).splitlines() == [
        "study,language_a,language_b,layer,jaccard",
        "s,Urdu,Hindi,0,0.9",
    ]
    pairs = layers.assign(language_a="en", language_b="de")
    assert header(pairs, asked) == "study,layer,jaccard,language_a,language_b"
