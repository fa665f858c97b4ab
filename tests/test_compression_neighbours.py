"""Reading a model's table from its files, a word's neighbours before and after, and the picture of the table."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from safetensors.torch import save_file

from neutral.compression import checkpoint, neighbours, projection
from neutral.errors import FileError, NeutralError

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "distilbert", "gpt2", "llama", "mt5"])
def test_the_table_that_is_read_is_the_models_input_embedding(kind, tmp_path):
    model = tiny.model(kind)
    model.save_pretrained(tmp_path)
    expected = model.get_input_embeddings().weight
    torch.testing.assert_close(checkpoint.matrix(tmp_path), expected.detach())
    assert checkpoint.shape(tmp_path) == tuple(expected.shape)


def test_a_table_in_one_of_several_files_is_found(tmp_path):
    model = tiny.model()
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert (tmp_path / checkpoint.INDEX).is_file()
    torch.testing.assert_close(checkpoint.matrix(tmp_path), model.get_input_embeddings().weight.detach())


def test_a_folder_is_a_model_when_all_its_files_are_there(folder, tmp_path):
    assert checkpoint.is_model(folder)
    assert not checkpoint.is_model(tmp_path)


def test_a_folder_without_a_token_table_is_refused_with_words(tmp_path):
    with pytest.raises(FileError, match=r"model\.safetensors: no such file"):
        checkpoint.matrix(tmp_path)
    save_file({"layer.weight": torch.ones(2, 2)}, tmp_path / checkpoint.WEIGHTS)
    with pytest.raises(FileError, match="no tensor is called as a token table is"):
        checkpoint.matrix(tmp_path)
    with pytest.raises(FileError, match="is not there"):
        checkpoint.tokenizer(tmp_path)
    (tmp_path / checkpoint.TOKENIZER).write_text(json.dumps({"model": 3}))
    with pytest.raises(FileError, match="cannot be read as a tokenizer"):
        checkpoint.tokenizer(tmp_path)
    (tmp_path / checkpoint.INDEX).write_text("[]")
    with pytest.raises(FileError, match="cannot be read as a model's weights in safetensors"):
        checkpoint.shape(tmp_path)


def test_a_word_is_split_into_pieces_without_special_tokens(folder):
    backend = checkpoint.tokenizer(folder)
    ids = neighbours.split(backend, " good morning ")
    assert "".join(backend.id_to_token(i).removeprefix("##") for i in ids) == "goodmorning"
    assert neighbours.split(backend, "  ") == []


def test_nearest_rows_are_those_of_the_full_sort_without_the_row_itself():
    matrix = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    matrix[7] = 0  # padding
    ids, cosines = neighbours.nearest(neighbours.unit(matrix), 3, 5)
    plain = [
        float(row @ matrix[3] / (row.norm() * matrix[3].norm())) if i not in (3, 7) else -2.0
        for i, row in enumerate(matrix)
    ]
    assert ids == sorted(range(50), key=lambda i: -plain[i])[:5]
    assert cosines == pytest.approx([plain[i] for i in ids], abs=1e-6)
    with pytest.raises(NeutralError, match="token ids must be in 0 … 49; got 50"):
        neighbours.nearest(neighbours.unit(matrix), 50, 5)


def test_neighbours_are_marked_as_kept_lost_and_new():
    before = torch.eye(6)
    before[0] = torch.tensor([1, 0.9, 0.8, 0.7, 0.0, 0.0])
    after = before.clone()
    after[0] = torch.tensor([1, 0.9, 0.8, 0.0, 0.7, 0.0])
    found = neighbours.compare(neighbours.unit(before), neighbours.unit(after), 0, k=3)
    assert found["before"].tolist() == [1, 2, 3]
    assert found["kept"].tolist() == [True, True, False]
    assert found["after"].tolist() == [1, 2, 4]
    assert found["new"].tolist() == [False, False, True]


def test_an_uncompressed_table_keeps_every_neighbour():
    units = neighbours.unit(torch.randn(30, 4, generator=torch.Generator().manual_seed(0)))
    found = neighbours.compare(units, units, 5)
    assert found["kept"].all()
    assert not found["new"].any()


def test_a_sample_has_as_many_tokens_of_each_script_as_there_are_or_a_fair_share():
    scripts = ["Latn"] * 500 + ["Arab"] * 300 + ["Deva"] * 20 + ["Zyyy"] * 400
    ids = projection.sample(scripts, 420, seed=1)
    taken = pd.Series(scripts)[ids].value_counts()
    assert len(ids) == len(set(ids)) == 420
    assert taken["Deva"] == 20
    assert abs(taken["Latn"] - taken["Arab"]) <= 2
    assert abs(2 * taken["Zyyy"] - taken["Latn"]) <= 4
    assert projection.sample(scripts, 420, seed=1).tolist() == ids.tolist()
    assert projection.sample(scripts, 420, seed=2).tolist() != ids.tolist()
    assert len(projection.sample(scripts, 5000)) == len(scripts)


def test_too_few_tokens_make_no_picture():
    with pytest.raises(NeutralError, match="more than 15 tokens; there are 3"):
        projection.sample(["Latn"] * 3)
    with pytest.raises(NeutralError, match="more than 15 tokens; there are 3"):
        projection.project(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(NeutralError, match="the same rows"):
        projection.project(np.ones((30, 2)), np.ones((30, 3)))


def test_nearest_of_the_picture_are_by_cosine_and_begin_with_the_row_itself():
    rows = np.random.default_rng(0).standard_normal((20, 4))
    rows[3], rows[4] = 0, rows[5]
    ids, distances = projection.nearest(rows, 6)
    assert ids[:, 0].tolist() == list(range(20))
    assert ids[4, 1] == 5
    cosines = rows[9] @ rows[10] / np.linalg.norm(rows[9]) / np.linalg.norm(rows[10])
    assert projection.nearest(rows, 20)[1][9][projection.nearest(rows, 20)[0][9] == 10] == pytest.approx(1 - cosines)
    assert distances[3, 1:] == pytest.approx(1)


def test_a_layout_is_turned_and_scaled_onto_another():
    fixed = np.random.default_rng(0).standard_normal((30, 2))
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    np.testing.assert_allclose(projection.onto(3 * fixed @ turn + 5, fixed), fixed, atol=1e-5)


@pytest.fixture(scope="module")
def drawn():
    """Three groups of rows, and the same with one group torn between the others; layouts and what progress was told."""
    random = np.random.default_rng(1)
    centres = 6 * random.standard_normal((3, 12))
    before = np.repeat(centres, 30, axis=0) + random.standard_normal((90, 12))
    after = before.copy()
    after[60:] = np.repeat(centres[:2], 15, axis=0) + random.standard_normal((30, 12))
    told = []
    return before, after, projection.project(before, after, epochs=60, progress=told.append), told


@pytest.mark.long
def test_a_group_that_compression_tears_apart_is_torn_in_the_picture_and_others_stay(drawn):
    _, _, (first, second), _ = drawn

    def spread(layout, rows):
        return float(np.median(np.linalg.norm(layout[rows] - np.median(layout[rows], axis=0), axis=1)))

    kept, torn = slice(0, 30), slice(60, 90)
    assert spread(second, kept) < 2 * spread(first, kept)
    assert spread(second, torn) > 2 * spread(first, torn)


def test_the_picture_is_the_same_for_the_same_seed_and_progress_rises_to_one(drawn):
    before, after, (first, second), told = drawn
    again = projection.project(before, after, epochs=60)
    np.testing.assert_array_equal(again[0], first)
    np.testing.assert_array_equal(again[1], second)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_a_picture_is_written_and_read_again(tmp_path):
    pieces, scripts = ["null", ' "a,b"', "سلام"], ["Latn", "Latn", "Arab"]
    places = {key: [1.25, -2.0, 0.125] for key in projection.COLUMNS[3:]}
    table = pd.DataFrame({"id": [0, 1, 2], "piece": pieces, "script": scripts, **places})
    path = projection.write_projection(tmp_path, table, "svd", "bytes", 10.0)
    content = path.read_bytes()
    projection.write_projection(tmp_path, table, "svd", "bytes", 10.0)
    assert path.read_bytes() == content
    pd.testing.assert_frame_equal(projection.read_projection(path), table)
    (tmp_path / projection.FOLDER / "notes.csv.gz").write_bytes(b"")
    found = projection.projections(tmp_path)
    assert found[["method", "by", "ratio", "path"]].to_numpy().tolist() == [["svd", "bytes", 10.0, path]]


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"a,b\n1,2\n", mtime=0)], ids=["plain", "gzip"])
def test_another_file_is_no_picture(content, tmp_path):
    path = tmp_path / "tokens_svd_bytes_10.csv.gz"
    path.write_bytes(content)
    with pytest.raises(FileError, match="picture of tokens"):
        projection.read_projection(path)
