import gzip
import lzma

import pytest

from neutral import corpora
from neutral.errors import FileError, NeutralError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "en.txt").write_text("one\n\n two \n" + "more\n" * 18, encoding="utf-8")
    with gzip.open(tmp_path / "ru.txt.gz", "wt", encoding="utf-8") as file:
        file.write("раз\n" * 20)
    with lzma.open(tmp_path / "zh.txt.xz", "wt", encoding="utf-8") as file:
        file.write("一\n" * 20)
    (tmp_path / "notes.md").write_text("not text of a language")
    return tmp_path


def test_plain_and_packed_files_are_found_by_language(folder):
    assert list(corpora.languages_in(folder)) == ["en", "ru", "zh"]
    assert corpora.read_lines(folder / "en.txt")[:2] == ["one", "two"]


def test_without_a_dev_folder_a_tenth_of_the_lines_is_held_out(folder):
    corpus = corpora.load(folder, ["ru", "en"])
    assert corpus.languages == ["ru", "en"]
    assert (len(corpus.train["ru"]), len(corpus.held_out["ru"])) == (18, 2)


def test_a_dev_folder_beside_the_text_is_the_held_out_text(folder):
    (folder / "dev").mkdir()
    (folder / "dev" / "en.txt").write_text("held out\n", encoding="utf-8")
    corpus = corpora.load(folder, ["en"])
    assert corpus.held_out["en"] == ["held out"]
    assert len(corpus.train["en"]) == 20


def test_the_hash_changes_with_the_text(folder):
    before = corpora.load(folder, ["en"]).hashes["en"]
    (folder / "en.txt").write_text("other\n" * 20, encoding="utf-8")
    assert corpora.load(folder, ["en"]).hashes["en"] != before


def test_bad_text_is_named_in_one_line(folder, tmp_path):
    with pytest.raises(FileError, match="no text for sw; it has en, ru, zh"):
        corpora.load(folder, ["sw"])
    with pytest.raises(FileError, match="no such folder"):
        corpora.load(tmp_path / "nowhere")
    (folder / "fr.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(FileError, match=r"fr\.txt: is not UTF-8"):
        corpora.load(folder, ["fr"])
    (folder / "fr.txt.xz").write_bytes(b"not xz")
    with pytest.raises(FileError, match="two files for language fr"):
        corpora.load(folder)
    (folder / "fr.txt").unlink()
    with pytest.raises(FileError, match=r"fr\.txt\.xz: cannot be read"):
        corpora.load(folder, ["fr"])
    (folder / "de.txt").write_text("\n")
    with pytest.raises(NeutralError, match="too little text for language de"):
        corpora.load(folder, ["de"])
