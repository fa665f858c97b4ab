"""Names of files as data sets are distributed under them."""

import pytest

from neutral.corpora import datafiles

ENDINGS = [".txt", ".conll", ".conllu", ".tsv", ".jsonl", ".parquet", ""]


@pytest.mark.parametrize(
    ("name", "language", "split", "ending"),
    [
        ("train", None, "train", ""),  # WikiAnn
        ("test.txt", None, "test", ".txt"),  # MasakhaNER
        ("en.train.conll", "en", "train", ".conll"),
        ("en_train.tsv", "en", "train", ".tsv"),
        ("train-en.tsv.gz", "en", "train", ".tsv"),
        ("de_gsd-ud-dev.conllu", "de", "dev", ".conllu"),  # Universal Dependencies
        ("multinli.train.de.tsv", "de", "train", ".tsv"),  # XNLI-MT
        ("xnli.dev.tsv", None, "dev", ".tsv"),
        ("eng.testa", "eng", "dev", ""),  # CoNLL-2003
        ("eng.testb", "eng", "test", ""),
        ("deu_Latn.devtest", "deu_Latn", "devtest", ""),  # FLORES
        ("newstest2019-ref.srp-Cyrl.txt", "srp-Cyrl", None, ".txt"),  # NTREX
        ("snli_1.0_train.jsonl", None, "train", ".jsonl"),
        ("multinli_1.0_dev_matched.txt", None, "dev", ".txt"),
        ("train-00000-of-00002.parquet", None, "train", ".parquet"),
        ("train.en", "en", "train", ""),
    ],
)
def test_a_name_gives_language_split_and_form(name, language, split, ending):
    read = datafiles.read(name, ENDINGS)
    assert (read.language, read.split, read.ending) == (language, split, ending)


@pytest.mark.parametrize(
    "name", ["README.md", "prepare.sh", "multinli_1.0_dev_mismatched.txt", "figure.pdf", "train.csv", "train.pl"]
)
def test_other_files_are_none(name):
    assert datafiles.read(name, ENDINGS) is None
