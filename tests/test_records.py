"""Tables in files, and the examples in them."""

import gzip
import json

import pandas as pd
import pytest

from neutral.errors import NeutralError
from neutral.tasks import examples, records


def rows(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text.encode())
    ending = next(ending for ending in examples.READERS if name.endswith(ending))
    return examples.READERS[ending](path)


def read(tmp_path, name, text):
    return examples.of("nli", name, rows(tmp_path, name, text))


SNLI = {
    "annotator_labels": ["neutral"],
    "captionID": "1",
    "gold_label": "neutral",
    "sentence1": "A dog\u2028runs.",
    "sentence1_binary_parse": "( A dog )",
    "sentence2": "It rains.",
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dev.tsv", "\ufeffpremise\thypothesis\tlabel\nA dog\u2028runs.\tIt rains.\tneutral\n"),
        ("dev.tsv", "language\tgold_label\tsentence1\tsentence2\r\nen\tneutral\tA dog\u2028runs.\tIt rains.\r\n"),
        ("train.tsv", "premise\thypo\tlabel\nA dog\u2028runs.\tIt rains.\tneutral\n"),  # XNLI-MT
        ("train.txt", "gold_label\tsentence1\tsentence2\tlabel1\nneutral\tA dog\u2028runs.\tIt rains.\n"),  # SNLI, cut
        ("train.jsonl", json.dumps(SNLI, ensure_ascii=False) + "\n"),
        ("train.json", "\ufeff" + json.dumps([SNLI])),
        ("train.csv", '\ufeffLabel,Premise,Hypothesis\nneutral,"A dog\u2028runs.",It rains.\n'),
        ("train.csv", "premise;hypothesis;label\nA dog\u2028runs.;It rains.;neutral\n"),
    ],
)
def test_tables_are_read_under_the_names_that_they_come_with(tmp_path, name, text):
    split = read(tmp_path, name, text)
    assert (split.texts, split.classes) == ([("A dog\u2028runs.", "It rains.")], ["neutral"])


def test_a_csv_cell_may_have_lines_commas_and_quotes(tmp_path):
    split = read(tmp_path, "a.csv", 'premise,hypothesis,label\n"one, ""two""\nthree",b,0\n')
    assert split.texts == [('one, "two"\nthree', "b")]


@pytest.mark.parametrize("none", ["-1", "-", "", "-1.0", "NA"])
def test_rows_without_a_class_are_left_out_and_counted(tmp_path, none):
    split = read(tmp_path, "a.tsv", f"premise\thypothesis\tlabel\na\tb\t0\na\tb\t{none}\na\tb\t1\n")
    assert split.classes == ["0", "1"]
    assert sum(split.left_out.values()) == 1


def test_a_bad_line_is_counted_and_a_file_of_them_refused(tmp_path):
    head = "premise\thypothesis\tlabel\n"
    good = "a\tb\t0\nc\td\t1\n"
    assert read(tmp_path, "a.tsv", f"{head}{good}a\tb\tc\t1\n").left_out == {"more columns": 1}
    lines = [json.dumps({"premise": "a", "hypothesis": "b", "label": label}) for label in (0, 1)]
    assert read(tmp_path, "a.jsonl", "\n".join([*lines, '{"premise'])).left_out == {"no JSON": 1}
    with pytest.raises(ValueError, match="2 of 4 lines have more columns than the first, 3"):
        rows(tmp_path, "a.tsv", head + good + 2 * "a\tb\tc\t1\n")
    with pytest.raises(NeutralError, match="too few: no text 2"):
        read(tmp_path, "a.tsv", head + good + 2 * " \tb\t0\n")


def test_pieces_are_joined_with_what_was_passed_over_in_each(tmp_path):
    one = rows(tmp_path, "a.tsv", "text\tlabel\na\t0\nb\t1\nc\t1\nd\te\tf\n")
    both = records.joined([one, one.copy()])
    assert len(both) == 6
    assert records.told(both) == {"more columns": 2}


def test_a_packed_table_is_the_same_table(tmp_path):
    text = "\ufefftext\tlabel\na\t0\n"
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(text.encode()))
    pd.testing.assert_frame_equal(records.read_tsv(tmp_path / "a.tsv.gz"), rows(tmp_path, "a.tsv", text))


def write_hub(path, **columns):
    """Write a Parquet file as the package `datasets` does, with the names of classes in it."""
    import pyarrow
    from pyarrow import parquet

    features = {
        "label": {"names": columns.pop("names"), "_type": "ClassLabel"},
        "ner_tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "List"},
    }
    info = json.dumps({"info": {"features": features}})
    table = pyarrow.table(columns)
    parquet.write_table(table.replace_schema_metadata({"huggingface": info}), path)


def test_a_parquet_file_gives_the_names_of_its_classes_in_cells_and_lists(tmp_path):
    write_hub(tmp_path / "a.parquet", names=["yes", "no"], label=[1, 0, -1, None], ner_tags=[[1, 0], [], None, [0]])
    table = records.read_parquet(tmp_path / "a.parquet")
    assert list(table["label"])[:3] == ["no", "yes", -1]
    assert pd.isna(table["label"][3])
    assert list(table["ner_tags"]) == [["B-PER", "O"], [], None, ["O"]]
    write_hub(tmp_path / "b.parquet", names=["yes", "no"], label=[2])
    with pytest.raises(ValueError, match="label has the number 2, and names for 2 only"):
        records.read_parquet(tmp_path / "b.parquet")


def test_a_csv_whose_quotes_are_not_in_pairs_is_refused_and_loses_no_rows(tmp_path):
    head, row = "premise,hypothesis,label\n", "a,b,0\n"
    for bad in ('"a,b,0\n', '"a "b" c",d,0\n'):
        with pytest.raises(ValueError, match="the row that begins in line 3 is no CSV, its quotes are not in pairs"):
            rows(tmp_path, "a.csv", f"{head}{row}{bad}{row}")
    tabs = rows(tmp_path, "a.csv", (head + row + '"a,b,0\n' + row).replace(",", "\t"))
    assert list(tabs["premise"]) == ["a", '"a', "a"]


def test_cells_in_quotes_between_tabs_stay_so_and_it_is_said(tmp_path):
    split = read(tmp_path, "a.tsv", 'premise\thypothesis\tlabel\n"a ""b"""\tc\t0\n"d"\t"e" f\t1\n')
    assert split.texts[0] == ('"a ""b"""', "c")
    assert split.notes == ("cells of premise are in quotes, which stay: with tabs they are letters",)


def test_lists_and_objects_are_no_texts_and_no_classes(tmp_path):
    for cells in ({"premise": {"en": "a"}, "label": 0}, {"premise": "a", "label": ["x"]}):
        with pytest.raises(NeutralError, match=r"(premise|label) holds lists or objects in place of texts"):
            read(tmp_path, "a.jsonl", json.dumps({"hypothesis": "b", **cells}) + "\n")


def test_one_sentence_of_lists_is_a_record_and_not_columns(tmp_path):
    table = rows(tmp_path, "a.json", '{"tokens": ["Lena", "left"], "ner_tags": ["B-PER", "O"], "langs": ["en"]}\n')
    assert table["tokens"].tolist() == [["Lena", "left"]]
    assert len(rows(tmp_path, "a.json", '{"tokens": [["Lena"], ["left"]], "ner_tags": [["B-PER"], ["O"]]}')) == 2
