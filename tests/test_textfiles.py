import gzip
import lzma

import pytest

from neutral.corpora import textfiles
from neutral.errors import FileError

MARK = "\ufeff"


@pytest.mark.parametrize(("ending", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_byte_order_marks_are_no_text_at_the_start_and_between_joined_files(tmp_path, ending, pack):
    path = tmp_path / f"en.txt{ending}"
    path.write_bytes(pack(f"{MARK}one\n{MARK}two\nt{MARK}hree\n".encode()))
    assert textfiles.lines(path) == ["one", "two", f"t{MARK}hree"]


def test_a_line_ends_at_line_feeds_and_carriage_returns_only(tmp_path):
    path = tmp_path / "en.txt"
    path.write_bytes("a\x85b\u2028c\x1cd\r\ne\u00a0f\x0bg\n\nlast".encode())
    assert textfiles.lines(path) == ["a\x85b\u2028c\x1cd", "e\u00a0f\x0bg", "", "last"]


def test_what_is_not_utf8_is_said_in_one_line(tmp_path):
    path = tmp_path / "en.txt"
    path.write_text("hello", encoding="utf-16")
    with pytest.raises(FileError, match=r"is not UTF-8 text \(byte 0\), it is UTF-16; save it as UTF-8"):
        textfiles.lines(path)
    with pytest.raises(FileError, match="no such file"):
        textfiles.lines(tmp_path / "none.txt")


def test_letters_with_zeros_between_them_are_no_text_and_one_zero_is(tmp_path):
    path = tmp_path / "en.txt"
    path.write_bytes("hello\n".encode("utf-16-le"))
    with pytest.raises(FileError, match="holds zero bytes, so it is no UTF-8 text"):
        textfiles.lines(path)
    path.write_bytes(b"hello\n" * 40 + b"\0\n")
    assert len(textfiles.lines(path)) == 41


@pytest.mark.parametrize("text", ["", "\n", "a", "a\n", "a\r\n\r\nb", "a\rb\r", "\n\n", f"{MARK}", f"a\n{MARK}"])
def test_lines_are_those_of_the_text_cut_at_line_ends(tmp_path, text):
    path = tmp_path / "en.txt"
    path.write_bytes(text.encode())
    plain = textfiles.read(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert textfiles.lines(path) == [line.lstrip(MARK) for line in (plain if plain[-1] else plain[:-1])]
