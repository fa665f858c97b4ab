"""What the README of mini-mbert's token table says of fine-tuning, held against the study's rows."""

import pytest
from claims import ROOT, rounds, rows

from neutral.study import Study

PAGE = "data/studies/mini-mbert-compression/README.md"
TABLES = {
    "full": "full",
    "svd": "svd_parameters_{}_uniform",
    "direction": "direction_parameters_{}_uniform",
    "autoencoder": "autoencoder_linear_parameters_{}_uniform",
    "pq, frequency": "pq_bytes_{}_frequency",
    "mixed, frequency": "mixed_bytes_{}_frequency",
}
TRAINS = {"the table": "table", "its factors": "factors", "its decoder": "decoder", "nothing of it": "none"}


@pytest.fixture(scope="module")
def scores():
    """(table, what trains) -> Matthews correlations, a seed each."""
    table = Study(ROOT / "data/studies/mini-mbert-compression").table("finetune")
    assert (table["metric"] == "matthews").all()
    assert (table["examples"] == 583).all()
    assert (table["steps"] == 60).all()
    return table.groupby(["table", "train"])["value"].apply(list)


def test_every_cell_of_the_fine_tuned_tables(scores):
    cells = rows(PAGE, "fine-tuned", "ratio")
    assert len(cells) == len(scores), "every table and what trains of it has its row"
    for name, ratio, trains, mean, least, most in cells:
        values = scores[TABLES[name].format(ratio), TRAINS[trains]]
        assert len(values) == 3
        for text, value in ((mean, sum(values) / 3), (least, min(values)), (most, max(values))):
            assert rounds(text, value), (name, ratio, trains, text, value)


def test_low_rank_at_ten_times_learns_nothing_and_others_are_near_the_full_table(scores):
    for name in ("svd", "direction", "autoencoder"):
        for (table, _), values in scores.items():
            if table == TABLES[name].format(10):
                assert max(map(abs, values)) < 0.03
    full = scores["full", "table"]
    for (table, _), values in scores.items():
        if "_2.5_" in table and min(values) > 0:
            assert 0.075 < (sum(full) - sum(values)) / 3 < 0.125
    for name, way in (("svd", "none"), ("direction", "none"), ("autoencoder", "decoder")):
        table = TABLES[name].format(2.5)
        assert sum(scores[table, way]) > sum(scores[table, "factors"])
    assert min(scores[TABLES["autoencoder"].format(2.5), "factors"]) == 0
    for name in ("pq, frequency", "mixed, frequency"):
        values = scores[TABLES[name].format(10), "none"]
        assert max(values) > min(full)
        assert sum(values) / 3 < sum(full) / 3
