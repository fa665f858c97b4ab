"""Glottolog's tree: what it holds, and order, branches, relations and distances on it."""

import gzip
import random
import time
from itertools import combinations

import pytest

from neutral.errors import FileError
from neutral.languages import (
    PAPER_ORDER,
    branches,
    glottolog,
    in_tree_order,
    language,
    relation,
    relations,
    tree_distance,
)
from neutral.members import relations as relations_of_members

TEN = ("fi", "tr", "ja", "ko", "th", "ta", "yo", "id", "eu", "ka")
ELEVEN = """
Indo-European / Balto-Slavic: ru
Indo-European / Germanic: de en
Indo-European / Indo-Iranian: hi ur fa
Indo-European / Italic: fr es
Afro-Asiatic / Semitic: ar
Atlantic-Congo / Volta-Congo: sw
Sino-Tibetan / Sinitic: zh
"""
THE_TEN = """
Atlantic-Congo / Volta-Congo: yo
Austronesian / Malayo-Polynesian: id
Basque / Basque: eu
Dravidian / South Dravidian: ta
Japonic / Japanesic: ja
Kartvelian / Georgian-Zan: ka
Koreanic / Korean: ko
Tai-Kadai / Kam-Tai: th
Turkic / Common Turkic: tr
Uralic / Finnic: fi
"""
MANY = """
Indo-European / Albanian: sqi
Indo-European / Armenic: hye
Indo-European / Balto-Slavic: lav lit bel rus ukr bul mkd bos hrv srp-Cyrl srp-Latn slv ces slk pol
Indo-European / Celtic: cym gle
Indo-European / Germanic: swe dan fao isl nob nno ltz gsw-BE gsw-ZH deu afr nld eng-IN eng-GB eng-US
Indo-European / Graeco-Phrygian: ell
Indo-European / Indo-Iranian: ben pan snd-Arab mar guj nep hin urd div sin ckb-Arab kmr pus prs tgk-Cyrl fas
Indo-European / Italic: ron ita fra fra-CA cat spa spa-MX glg por por-BR
Atlantic-Congo / North-Central Atlantic: fuc wol
Atlantic-Congo / Volta-Congo: kin swa bem ssw nde xho zul nso tsn ven sna-Latn nya yor ibo ewe
Afro-Asiatic / Berber: shi
Afro-Asiatic / Chadic: hau
Afro-Asiatic / Cushitic: som orm
Afro-Asiatic / Semitic: mey mlt arb heb amh tir
Austronesian / Basap-Greater Barito: mlg
Austronesian / Eastern Malayo-Polynesian: fij smo mri tah ton
Austronesian / Greater Central Philippine: fil
Austronesian / Malayo-Chamic: ind msa
Turkic / Kipchak-Turkestan: bak tat kir kaz uig uzb
Turkic / Oghuz: aze-Latn tuk tur
Sino-Tibetan / Bodic: bod dzo
Sino-Tibetan / Burmo-Qiangic: mya
Sino-Tibetan / Sinitic: zho-CN zho-TW yue
Dravidian / South Dravidian I: kan mal tam
Dravidian / South Dravidian II: tel
Uralic / Finnic: est fin
Uralic / Hungaric: hun
Austroasiatic / Khmeric: khm
Austroasiatic / Vietic: vie
Tai-Kadai / Lao: lao
Tai-Kadai / Thai: tha
Basque / Basque: eus
Hmong-Mien / Hmongic: hmn
Japonic / Japanesic: jpn
Kartvelian / Georgian-Zan: kat
Koreanic / Korean: kor
Mongolic-Khitan / Mongolic: mon
"""
"""NTREX-128's languages, as its files are called."""


@pytest.mark.parametrize("table", [ELEVEN, THE_TEN, MANY], ids=["the eleven", "ten others", "NTREX"])
def test_order_family_and_branch_of_languages_are_those_of_the_tree(table):
    right = []
    for line in table.strip().splitlines():
        groups, labels = line.split(": ")
        right += [(label, *groups.split(" / ")) for label in labels.split()]
    labels = [label for label, *_ in right]
    shuffled = random.Random(0).sample(labels, len(labels))
    branch = branches(shuffled)
    assert [(label, language(label).family, branch[label]) for label in in_tree_order(shuffled)] == right


def test_a_branch_is_the_level_that_splits_the_languages_shown():
    assert branches(["en", "de", "nl", "sv"]) == {  # all are Northwest Germanic
        **dict.fromkeys(("en", "de", "nl"), "West Germanic"),
        "sv": "North Germanic",
    }
    assert branches(["en"]) == {"en": "Classical Indo-European"}
    assert branches(["sr_Cyrl", "sr_Latn", "hr"]) == dict.fromkeys(
        ("sr_Cyrl", "sr_Latn", "hr"), "Classical Indo-European"
    )
    assert branches([]) == {}


def test_what_has_no_family_comes_last_by_name_and_has_no_branch():
    assert in_tree_order(["mlm", "eo", "sw", "American", "de", "en"]) == ["de", "en", "sw", "American", "eo", "mlm"]
    assert branches(["eo", "io", "mlm"]) == dict.fromkeys(("eo", "io", "mlm"), "Unknown")


def test_relations_are_told_for_the_languages_shown():
    def related(a, b, shown):
        return relation(language(a), language(b), among=shown)

    assert related("fa", "ur", PAPER_ORDER) == "same branch"
    assert related("fa", "ur", ["fa", "ur", "hi"]) == "same family"
    assert related("fr", "es", PAPER_ORDER) == "same branch"
    assert related("ja", "ko", TEN) == "unrelated"
    assert related("fi", "eu", TEN) == "same script"
    assert related("eo", "io", ["eo", "io"]) == "same script", "artificial languages are no family"
    assert related("ase", "fsl", ["ase", "fsl"]) == "unrelated", "nor are sign languages"
    assert related("mlm", "mlm", ["mlm"]) == "unrelated"


def test_relations_of_many_pairs_are_those_of_each():
    shown = [*PAPER_ORDER, *TEN, "sr_Cyrl", "sr_Latn", "eo", "mlm"]
    pairs = list(combinations(map(language, shown), 2))
    assert relations(pairs, among=shown) == [relation(one, other, among=shown) for one, other in pairs]
    assert relations([], among=shown) == []


def test_relations_of_members_are_those_of_the_languages_behind_them():
    members = ["en/0", "en/1", "de", "fr", "sw (yours)", "my run"]
    pairs = [("en/0", "de"), ("en/0", "en/1"), ("de", "sw (yours)"), ("de", "my run")]
    expected = ["same branch", "same branch", "same script", "unrelated"]
    assert relations_of_members(pairs, members) == expected


def plain_distance(one, other):
    """From names alone: the path from the family to the language, itself last."""
    if "Unknown" in (one.family, other.family):
        return None
    ways = [[*each.lineage, each.glottocode] for each in (one, other)]
    same = [
        all(a == b for a, b in zip(*(way[:n] for way in ways), strict=True)) for n in range(1, min(map(len, ways)) + 1)
    ]
    return 1 - 2 * sum(same) / (len(ways[0]) + len(ways[1]))


def test_distances_on_the_tree_are_the_share_of_levels_that_are_not_shared():
    spoken = list(map(language, (*PAPER_ORDER, *TEN, "eo", "nob", "nno", "hrv", "srp")))
    for one, other in combinations(spoken, 2):
        distance, plain = tree_distance(one, other), plain_distance(one, other)
        assert distance == pytest.approx(tree_distance(other, one), abs=0, nan_ok=True)
        assert (distance != distance) if plain is None else distance == pytest.approx(plain)
    near = {
        pair: tree_distance(*map(language, pair.split())) for pair in ("en de", "en fr", "en zh", "nob nno", "eu ja")
    }
    assert near == {"en de": 1 - 10 / 24, "en fr": pytest.approx(1 - 4 / 29), "en zh": 1, "nob nno": 0, "eu ja": 1}
    assert tree_distance(language("eo"), language("epo")) == 0
    assert tree_distance(language("mlm"), language("en")) != tree_distance(language("mlm"), language("en"))


def test_the_tree_is_glottologs():
    tree = glottolog.tree()
    assert len(tree) == 13_399
    assert [languoid.name for languoid in tree.path(tree.find("yue"))] == [
        *("Sino-Tibetan", "Sinitic", "Classical-Middle-Modern Sinitic", "Middle-Modern Sinitic", "Yue-Pinghua"),
        "Yue Chinese",
    ]
    assert tree.find("eus") == tree.find("basq1248")
    assert tree.find("eus").iso3 == "eus"
    assert tree.find("nothing") is None
    assert glottolog.path("espe1235") == ()


def test_the_tree_is_read_in_a_tenth_of_a_second():
    times = []
    for _ in range(3):
        start = time.process_time()
        glottolog.Tree(gzip.decompress(glottolog.FILE.read_bytes()).decode()).find("eus")
        times.append(time.process_time() - start)
    assert min(times) < 0.1


def test_a_damaged_tree_is_one_line(monkeypatch, tmp_path):
    broken = tmp_path / "glottolog.tsv.gz"
    broken.write_bytes(glottolog.FILE.read_bytes()[:1000])
    monkeypatch.setattr(glottolog, "FILE", broken)
    with pytest.raises(FileError, match="cannot be read as Glottolog's tree"):
        glottolog.tree.__wrapped__()
