"""Column files as they are distributed: the lines below have their shapes, with other content."""

import pytest

from neutral.errors import FileError
from neutral.tasks import columns


def read(tmp_path, text, task="ner", name="train.txt"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return columns.read(task, path)


def pairs(result):
    return [list(zip(words, tags, strict=True)) for words, tags in zip(result.words, result.tags, strict=True)]


LENA = [[("Lena", "B-PER"), ("lives", "O"), ("in", "O"), ("Oslo", "B-LOC")], [("Kim", "B-PER"), ("left", "O")]]

SHAPES = {
    "MasakhaNER": "Lena B-PER\nlives O\nin O\nOslo B-LOC\n\nKim B-PER\nleft O\n\n",
    "CoNLL-2003": "-DOCSTART- -X- -X- O\n\nLena NNP B-NP B-PER\nlives VBZ B-VP O\nin IN B-PP O\nOslo NNP B-NP B-LOC\n\n"
    "Kim NNP B-NP B-PER\nleft VBD B-VP O\n",
    "numbered, one column more": "1 Lena NNP I-NP B-PER\n2 lives VBZ I-VP O\n3 in IN I-PP O\n4 Oslo NNP I-NP B-LOC\n\n"
    "1 Kim NNP I-NP B-PER\n2 left VBD I-VP O\n",
    "WikiNEuRal": "0\tLena\tB-PER\n1\tlives\tO\n2\tin\tO\n3\tOslo\tB-LOC\n\n0\tKim\tB-PER\n1\tleft\tO\n",
    "numbered without blank lines": "1 Lena B-PER\n2 lives O\n3 in O\n4 Oslo B-LOC\n1 Kim B-PER\n2 left O\n",
    "GermEval": "#\thttp://example.org\t[2009]\n1\tLena\tB-PER\tO\n2\tlives\tO\tO\n3\tin\tO\tO\n4\tOslo\tB-LOC\tB-ORG\n\n"
    "#\thttp://example.org\t[2010]\n1\tKim\tB-PER\tO\n2\tleft\tO\tO\n",
    "UNER": "# sent_id = a\n# text = Lena lives in Oslo\n1\tLena\tB-PER\t-\t-\n2\tlives\tO\t-\t-\n3\tin\tO\t-\t-\n"
    "4\tOslo\tB-LOC\t-\t-\n\n# sent_id = b\n1\tKim\tB-PER\t-\t-\n2\tleft\tO\t-\t-\n",
    "MultiCoNER": "# id 7f3a-1 domain=xx\nLena _ _ B-PER\nlives _ _ O\nin _ _ O\nOslo _ _ B-LOC\n\n"
    "# id 7f3a-2\tdomain=xx\nKim _ _ B-PER\nleft _ _ O\n",
    "HIPE": "TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tMISC\n# id = 1\nLena\tB-PER\tO\t_\nlives\tO\tO\t_\nin\tO\tO\t_\n"
    "Oslo\tB-LOC\tB-ORG\tNoSpaceAfter\n\nKim\tB-PER\tO\t_\nleft\tO\tO\t_\n",
    "Windows": "\ufeff-DOCSTART- O\r\n\r\nLena\tB-PER\r\nlives\tO\r\nin\tO\r\nOslo\tB-LOC\t\r\n"
    " \r\nKim\tB-PER\r\nleft\tO\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_names_are_read_from_every_shape_of_column_file(tmp_path, shape):
    result = read(tmp_path, SHAPES[shape])
    assert pairs(result) == LENA
    assert not result.left_out


CONLLU = (
    "# sent_id = 1\n# text = Du lac\n1-2\tDu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tDe\tde\tADP\tP\t_\t2\tcase\t_\t_\n"
    "2\tle\tle\tDET\tD\t_\t3\tdet\t_\t_\n3\tlac\tlac\tNOUN\tN\t_\t0\troot\t_\tSpaceAfter=No\n"
    "3.1\tvu\tvoir\tVERB\tV\t_\t_\t_\t0:root\t_\n"
)


@pytest.mark.parametrize("name", ["train.conllu", "train.conll", "train.txt", "train.tsv", "train"])
def test_ten_numbered_columns_are_conllu_under_any_ending(tmp_path, name):
    result = read(tmp_path, CONLLU, "pos", name)
    assert pairs(result) == [[("De", "ADP"), ("le", "DET"), ("lac", "NOUN")]]
    assert not result.left_out


def test_conllu_holds_no_names_and_two_columns_no_parts_of_speech(tmp_path):
    with pytest.raises(FileError, match="has no column of tags of names"):
        read(tmp_path, CONLLU)
    with pytest.raises(FileError, match="has no column of parts of speech"):
        read(tmp_path, "Lena B-PER\nleft O\n", "pos")


def test_parts_of_speech_are_the_last_column_that_holds_them_and_it_is_said(tmp_path):
    result = read(tmp_path, SHAPES["CoNLL-2003"], "pos")
    assert result.tags[1] == ["NNP", "VBD"]
    assert result.notes == ["parts of speech are read from column 2, as those after it hold none"]


def test_of_names_in_names_the_first_column_is_read_and_it_is_said(tmp_path):
    assert read(tmp_path, SHAPES["GermEval"]).notes == ["columns 3 and 4 hold names; 3 is read"]


def test_spaces_that_do_not_break_stay_in_their_word(tmp_path):
    assert read(tmp_path, "10\u00a0000 O\na\u2028b\x85c B-PER\n").words == [["10\u00a0000", "a\u2028b\x85c"]]
    assert read(tmp_path, "New York\tB-LOC\nis\tO\n").words == [["New York", "is"]]


def test_a_word_that_begins_with_a_number_sign_is_a_word(tmp_path):
    text = "# id 3\nWe O\nuse O\n# O\n#tag B-MISC\n\n# O\n1 O\n"
    assert read(tmp_path, text).words == [["We", "use", "#", "#tag"], ["#", "1"]]


GOOD = "Lena B-PER\nleft O\nOslo B-LOC\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Kim", "no tag"),
        (" O", "no word"),
        ("\tO", "no word"),
        ("\u200b O", "no word"),
        ("\u00a0 B-PER", "no word"),
        ("10 000 O", "more columns"),
        ("Kim PER", "no tag of a name"),
    ],
)
def test_a_bad_line_is_passed_over_and_counted(tmp_path, line, reason):
    result = read(tmp_path, f"{GOOD}{line}\nagain O\n\n{GOOD}")
    assert result.words == [["Lena", "left", "Oslo", "again"], ["Lena", "left", "Oslo"]]
    assert result.left_out == {reason: 1}


def test_a_file_of_bad_lines_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"2 of 5 lines hold no word with its tag \(the first is line 4; no tag 2\)"):
        read(tmp_path, f"{GOOD}Kim\nRa\n")
    with pytest.raises(FileError, match="line 1 holds a word without a tag: Kim"):
        read(tmp_path, "Kim\nleft\n")
