"""Tables on pages are in the pages' words; what is downloaded keeps the library's."""

import numpy as np
import pandas as pd

from neutral import glossary
from pages.parts import columns


def test_a_table_has_names_of_languages_headings_and_values_for_people():
    table = pd.DataFrame(
        {
            "group": ["encoder 3 attention_output", "all"],
            "source": ["fr", "my run"],
            "target": ["sw", None],
            "level": ["halves", "between"],
            "metric": ["perplexity", None],
            "value": [0.5, np.nan],
            "holm_within": [0.1, 0.2],
            "sure": [0.95, 1.0],
        }
    )
    shown = columns.for_people(table)
    assert list(shown) == [
        *("Where", "Language", "Other language", "Compared with", "Score", "Value", "Holm, in families"),
        "Keeps its rank or better",
    ]
    assert shown["Where"].tolist() == ["Encoder 3 attention output", "All"]
    assert shown["Language"].tolist() == ["French", "my run"]
    assert shown["Compared with"].tolist() == ["Same language, other half", "Between languages"]
    assert shown["Score"].tolist()[0] == "Perplexity"
    assert shown["Other language"].isna().tolist() == [False, True], "a placeholder stands there"
    assert list(table) == ["group", "source", "target", "level", "metric", "value", "holm_within", "sure"]


def test_codes_beside_names_are_dropped_and_no_heading_comes_twice():
    assert list(columns.for_people(pd.DataFrame({"language": ["en"], "name": ["English"]}))) == ["Language"]
    shown = columns.for_people(pd.DataFrame({"source": ["en"], "language": ["fr"], "std": [1.0], "deviation": [2.0]}))
    assert list(shown) == ["Language", "Language (language)", "Deviation", "Deviation (deviation)"]


def test_columns_that_take_explaining_have_the_glossarys_line():
    table = pd.DataFrame({"chance": [0.1], "sparsity": [0.5], "holm": [0.2]})
    settings = columns.formatted(table, 4)
    assert set(settings) == {"By chance", "Sparsity", "Holm"}
    assert settings["By chance"]["help"] == glossary.line("chance")
    assert set(columns.HELP.values()) <= set(glossary.TERMS)


def test_columns_of_a_measure_have_its_name_and_unit():
    table = pd.DataFrame({"language_a": ["en"], "language_b": ["fr"], "jaccard": [0.5], "jaccard_bound": [0.1]})
    shown = columns.for_people(table)
    assert list(shown) == [
        *("Language", "Other language", "Jaccard overlap (share)"),
        "Jaccard overlap (share): same-language bound of the difference",
    ]
    assert shown.iloc[0].tolist()[:2] == ["English", "French"]
