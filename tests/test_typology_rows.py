"""Distances of many languages are a row a kind, of few a row a pair; both are read as one table."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from neutral.errors import FileError, NeutralError
from neutral.runs.typology.distances import distances, known
from neutral.study import Study
from neutral.typology import rows

FEW = ["en", "fr", "sw"]
CODES = (
    "afr amh arb bel ben bul cat ces cym dan deu ell est eus fin fra gle heb hin hrv hun hye ind isl ita jpn kat kaz"
)
MANY = [*CODES.split(), "khm", "kor", "lao", "lit", "mal"]


def study(tmp_path, languages):
    return Study.create(tmp_path / "study", {"title": "Made", "languages": list(languages)})


@pytest.mark.parametrize("languages", [FEW, MANY], ids=["few", "many"])
def test_stored_distances_come_back_whatever_their_rows(tmp_path, languages):
    made = study(tmp_path, languages)
    before = known(made, languages)
    stored = distances(made, languages)
    pd.testing.assert_frame_equal(stored, before, rtol=1e-5)
    kinds = {row["kind"] for row in made.rows()}
    assert kinds == ({rows.SINGLE} if languages == FEW else {rows.WHOLE})
    size = (made.path / "results.jsonl").stat().st_size
    distances(made, languages)
    assert (made.path / "results.jsonl").stat().st_size == size, "what is there is not written again"


def test_languages_that_are_added_have_rows_of_their_own(tmp_path):
    made = study(tmp_path, MANY)
    distances(made, MANY[:-1])
    added = distances(made, MANY)
    assert {row["kind"] for row in made.rows()} == {rows.WHOLE, rows.SINGLE}
    syntactic = added[added["distance"] == "syntactic"]
    assert len(syntactic) == len(MANY) * (len(MANY) - 1) // 2


def test_a_row_whose_values_are_not_of_its_pairs_is_refused(tmp_path):
    made = study(tmp_path, FEW)
    made.append("distances", distance="syntactic", languages=FEW, values=[0.1, 0.2])
    with pytest.raises(NeutralError, match="3 languages have 3 pairs, and the row has 2 values"):
        rows.read(made)
    made.append("distances", distance="syntactic", languages=FEW, values=["x"])
    with pytest.raises(FileError, match="values"):
        rows.read(made)


def test_whole_rows_hold_what_single_ones_do():
    draw = np.random.default_rng(0)
    languages = [f"l{i}" for i in range(rows.MANY + 1)]
    pairs = list(combinations(languages, 2))
    made = [
        {"distance": kind, "source": a, "target": b, "value": float(value), "features": int(value * 9)}
        for kind in ("one", "two")
        for (a, b), value in zip(pairs, draw.random(len(pairs)), strict=True)
    ]
    kind, packed = rows.packed(made, languages)
    assert (kind, len(packed)) == (rows.WHOLE, 2)
    assert rows.unpacked(pd.DataFrame(), packed).to_dict("records") == made
