"""Text that a user gives the app: it is looked at before it is stored, and stored whole or not at all."""

import gzip
import lzma

import pytest

from neutral import home
from neutral.errors import NeutralError
from neutral.jobs import folders, texts

LINES = b"Habari ya asubuhi.\n" * 10


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path))
    return tmp_path


def test_files_are_stored_as_they_came_in_a_folder_that_runs_may_read():
    files = [("en.txt", LINES), ("sw.txt.gz", gzip.compress(LINES)), ("sr_Cyrl.txt.xz", lzma.compress(LINES))]
    folder = texts.add("mine", files)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict(files)
    assert folders.allowed(folder, folders.roots(local=False)) == folder.resolve()
    assert folders.listing(home.text(), folders.roots(local=False)).texts == [folder]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "there are no files"),
        ([("../en.txt", LINES)], "is no file of text"),
        ([(".en.txt", LINES)], "is no file of text"),
        ([("en.py", LINES)], "is no file of text"),
        ([("notes.txt", LINES)], "has no code of a language"),
        ([("en.txt", b"a\0b")], "has a zero byte"),
        ([("en.txt", b"\xff\xfea\x00")], "cannot be read as text in UTF-8"),
        ([("en.txt", b" \n\n")], "is empty"),
        ([("en.txt.gz", LINES)], "cannot be read as text in UTF-8"),
        ([("en.txt.gz", gzip.compress(b"a" * 300_000))], "is too large"),
        ([("en.txt", LINES), ("en.txt.gz", gzip.compress(LINES))], "en.txt and en.txt.gz"),
        ([("en.txt", LINES), ("sw.txt", b"\xff")], "sw.txt"),
    ],
)
def test_what_is_no_text_is_refused_in_a_line_and_nothing_is_stored(monkeypatch, files, said):
    monkeypatch.setattr(texts, "UNPACKED", 200_000)
    with pytest.raises(NeutralError, match=said) as error:
        texts.add("mine", files)
    assert "\n" not in str(error.value)
    assert not home.text().exists() or not any(home.text().iterdir())


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", ".hidden", "a\0"])
def test_a_name_that_is_none_of_a_folder_is_refused(name):
    with pytest.raises(NeutralError, match="is no name for a folder"):
        texts.add(name, [("en.txt", LINES)])


def test_a_text_is_never_replaced_and_there_is_an_end_to_the_room(monkeypatch):
    texts.add("mine", [("en.txt", LINES)])
    with pytest.raises(NeutralError, match="is there already"):
        texts.add("mine", [("fr.txt", LINES)])
    with pytest.raises(NeutralError, match="there is no room"):
        texts.add("other", [("fr.txt", LINES)], most=300)
    monkeypatch.setattr(texts, "FILES", 1)
    with pytest.raises(NeutralError, match="at most 1"):
        texts.add("other", [("fr.txt", LINES), ("en.txt", LINES)])
    assert [path.name for path in home.text().iterdir()] == ["mine"]
