import gzip
import lzma

import pytest

from neutral import corpora
from neutral.corpora import datafiles
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


def flores(folder, **splits):
    for split, codes in splits.items():
        for code in codes.split():
            (folder / f"{code}.{split}").write_text(f"{split} of {code}\nmore\n", encoding="utf-8")
    return folder


def test_flores_trains_on_dev_and_scores_on_devtest_and_says_so(tmp_path):
    corpus = corpora.load(flores(tmp_path, dev="deu_Latn zho_Hant", devtest="deu_Latn zho_Hant"))
    assert corpus.languages == ["deu_Latn", "zho_Hant"]
    assert corpus.train["deu_Latn"][0] == "dev of deu_Latn"
    assert corpus.held_out["zho_Hant"][0] == "devtest of zho_Hant"
    assert corpus.notes == (
        "deu_Latn.dev is trained on, deu_Latn.devtest held out, and so on for 2 languages",
        "deu_Latn, zho_Hant: 1 of 2 held-out lines are in the training data too, so scores flatter",
    )


def test_a_folder_of_folders_of_splits_is_read_and_each_of_them_too(tmp_path):
    for split in ("dev", "devtest"):
        (tmp_path / split).mkdir()
        flores(tmp_path / split, **{split: "deu_Latn yor_Latn"})
    corpus = corpora.load(tmp_path)
    assert (corpus.train["yor_Latn"][0], corpus.held_out["yor_Latn"][0]) == ("dev of yor_Latn", "devtest of yor_Latn")
    assert corpora.load(tmp_path / "dev").held_out["yor_Latn"] == ["dev of yor_Latn"]
    assert list(corpora.languages_in(tmp_path / "devtest")) == ["deu_Latn", "yor_Latn"]


def test_ntrex_and_scripts_of_one_language_are_read_and_what_is_passed_over_is_said(tmp_path):
    for name in ("ref.deu", "ref.srp-Cyrl", "ref.srp-Latn", "src.eng"):
        (tmp_path / f"newstest2019-{name}.txt").write_text("one\ntwo\n", encoding="utf-8")
    for name in ("LANGUAGES.tsv", "README.md", "prepare.sh", "DOCUMENT_IDS.txt"):
        (tmp_path / name).write_text("x\n", encoding="utf-8")
    corpus = corpora.load(tmp_path)
    assert corpus.languages == ["deu", "eng", "srp-Cyrl", "srp-Latn"]
    assert f"passed over in {tmp_path.name}: DOCUMENT_IDS.txt, LANGUAGES.tsv, README.md, prepare.sh" in corpus.notes


def test_byte_order_marks_and_rare_line_ends_are_no_text_and_no_lines(tmp_path):
    (tmp_path / "en.txt").write_bytes("\ufeffHello there.\u2028Still here.\r\nSecond\x85line.\n".encode())
    assert corpora.read_lines(tmp_path / "en.txt") == ["Hello there.\u2028Still here.", "Second\x85line."]


def test_lines_that_are_trained_on_and_held_out_are_said(tmp_path):
    (tmp_path / "dev").mkdir()
    for place in (tmp_path, tmp_path / "dev"):
        (place / "en.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    assert corpora.load(tmp_path).notes == (
        "en: 3 of 3 held-out lines are in the training data too, so scores flatter",
    )


def test_a_word_before_the_language_is_no_part_of_it(tmp_path):
    for name in ("run_en.txt", "wiki.de.txt", "xx.txt"):
        (tmp_path / name).write_text("one\ntwo\n", encoding="utf-8")
    assert list(corpora.languages_in(tmp_path)) == ["de", "en", "xx"]


def test_numbers_before_all_lines_and_marks_of_articles_are_no_text_and_it_is_said(tmp_path):
    leipzig = "".join(f"{i}\tThe rain fell {i}.\n" for i in range(1, 21))
    (tmp_path / "deu_news_2020_10K-sentences.txt").write_text(leipzig, encoding="utf-8")
    article = '<doc id="1" url="x" title="T">\n12\tOslo\n\nIt rains.\n\n</doc>\n'
    (tmp_path / "sw.txt").write_text(article * 10, encoding="utf-8")
    corpus = corpora.load(tmp_path)
    assert corpus.train["deu"][0] == "The rain fell 2."
    assert set(corpus.train["sw"]) == {"12\tOslo", "It rains."}
    assert corpus.readings["sw"][0].left_out == {"<doc>": 20}
    assert corpus.notes[:2] == (
        "deu: the number before every line is no text",
        "sw: left out <doc> 20; read 20 lines",
    )


def test_a_code_that_is_a_word_is_told_by_the_names_beside_it():
    def languages(*codes):
        names = datafiles.by_neighbours([datafiles.read(f"{code}_dedup.txt", [".txt"]) for code in codes])
        return [name.language for name in names]

    assert languages("it", "new") == [None, None]
    assert languages("de", "it", "new") == ["de", "it", None]
    assert languages("de", "en", "fa", "fr", "new") == ["de", "en", "fa", "fr", "new"]


def test_two_files_of_one_language_stop_no_other(tmp_path):
    for name in ("deu_a.txt", "deu_b.txt", "eng_a.txt"):
        (tmp_path / name).write_text("text\n" * 20, encoding="utf-8")
    assert corpora.load(tmp_path, ["eng"]).languages == ["eng"]
    with pytest.raises(FileError, match="two files for language deu"):
        corpora.load(tmp_path)


def test_a_language_is_asked_for_by_any_of_its_codes_and_is_called_as_it_was_asked_for(tmp_path):
    for name in ("fin.txt", "KAT.txt", "ko_KR.txt", "sr_Cyrl.txt", "sr_Latn.txt"):
        (tmp_path / name).write_text(f"{name}\n" * 10, encoding="utf-8")
    corpus = corpora.load(tmp_path, ["fi", "ka", "ko", "srp_Latn"])
    assert {code: lines[0] for code, lines in corpus.train.items()} == {
        "fi": "fin.txt",
        "ka": "KAT.txt",
        "ko": "ko_KR.txt",
        "srp_Latn": "sr_Latn.txt",
    }
    with pytest.raises(FileError, match="no text for hr"):
        corpora.load(tmp_path, ["hr"])
    with pytest.raises(FileError, match="no text for fi"):
        corpora.load(tmp_path, ["fi", "fin"])
    (tmp_path / "fin.txt.xz").write_bytes(b"")
    with pytest.raises(FileError, match=r"two files for language fi: fin.txt and fin.txt.xz"):
        corpora.load(tmp_path, ["fi"])
    assert corpora.load(tmp_path, ["ka"]).languages == ["ka"]
