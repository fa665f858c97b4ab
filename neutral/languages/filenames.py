"""The language in the name of a file or a folder.

Short codes are words of file names as well: `it`, `no`, `id`, `run`, `min`. Where it is in doubt whether a word is a
language, it is none, and where a name has several languages, none is taken.
"""

from __future__ import annotations

import re
from functools import cache

from neutral.languages.homonyms import ALONE, AMBIGUOUS, NO_CODES, PLAIN
from neutral.languages.tags import REGIONAL, WHOLE, read

_ENDINGS = re.compile(
    r"\.(?:pt|pth|bin|ckpt|safetensors|gguf|npz|npy|pkl|pickle|h5|txt|text|tsv|csv|json|jsonl|ndjson|parquet|arrow|"
    r"conll|conllu|conll03|iob|iob2|bio|md|yaml|yml|py|sh|zip|tar|tgz|gz|bz2|xz|zst|7z)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_PHRASES = re.compile(
    r"(?<![^\W_])(?:de[-_ ]?novo|et[-_ ]al|as[-_ ]is|in[-_ ]situ|hi[-_ ]?res)(?![^\W_])", re.IGNORECASE
)
_TREEBANK = re.compile(r"([a-z]{2,3})_[a-z0-9]+-ud(?:[-.]|$)")
_DUMP = re.compile(r"([a-z][a-z_]*?)wiki[-_.](?:\d|latest)")
"""Wikipedia's dumps: zh_min_nanwiki-20230101-pages-articles."""
_AFTER = re.compile(
    r"$|[-_. ](?:0\.\d|(?:seed|round|s|r|train|dev|devtest|test|valid|validation)\d*(?:[^A-Za-z0-9]|$))", re.IGNORECASE
)
"""What may come after a word that is a code as well: nothing, a sparsity, a seed, a round, a part of a data set."""
_MASK = re.compile(r"[-_. ]masks?(?:[^A-Za-z]|$)", re.IGNORECASE)
_BETWEEN = re.compile(r"[-_. +](?:(?:and|minus|plus|to|vs|2)[-_. +])?", re.IGNORECASE)
"""What may stand between the two codes of a pair."""
_MORE = {"acm", "acq", "ajp", "cjk", "dik", "fil", "kbp", "lzh", "quy", "sgs", "taq", "tgl", "tl", "vro"}
"""Codes of NLLB and of Wikipedias that count in a name, though CLDR does not say how many speak the language."""


def in_name(text: str) -> str | None:
    """Return the one language in the name of a file or folder, as it is written there; None for none or several.

    >>> [in_name(name) for name in ("mask_pt-BR.pt", "newstest2019-ref.swa.txt", "deu_Latn.dev", "mask_en_de.pt")]
    ['pt-BR', 'swa', 'deu_Latn', None]
    """
    name = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    while (shorter := _ENDINGS.sub("", name)) != name and shorter:
        name = shorter
    if read(name) and "-x-" not in name.lower():  # nothing but the code
        return name
    if (match := _TREEBANK.match(name) or _DUMP.match(name)) and (tag := read(match[1])):
        whole = name.partition("-ud")[0]  # no_nynorsk is another language than no
        return whole if (other := read(whole)) and other.language != tag.language else match[1]
    codes = _codes(_PHRASES.sub(lambda phrase: "0" * len(phrase[0]), name))
    tags = {(tag.language, tag.script, tag.region): code for code in codes if (tag := read(code))}
    return next(iter(tags.values())) if len(tags) == 1 else None


def words(name: str) -> list[str]:
    """Return the words of a name; a tag of several parts is one.

    >>> words("LT_pt-BR_57")
    ['LT', 'pt-BR', '57']
    """
    return [name[start:end] for start, end in _spans(name)]


def is_word(word: str) -> bool:
    """Whether a word of a name may be a language's code or tag; `is_sure` if it is hardly anything else.

    >>> is_word("it"), is_word("sr_Latn"), is_word("run"), is_word("mask")
    (True, True, False, False)
    """
    if word.lower() in ALONE:
        return False
    return word.lower() in of_use() if word.isalnum() else read(word) is not None


def is_sure(word: str) -> bool:
    """Whether a word of a name is a language's code or tag, and not an ordinary word as well.

    >>> is_sure("it"), is_sure("sr_Latn"), is_sure("fr")
    (False, True, True)
    """
    return is_word(word) and word.lower() not in AMBIGUOUS


def _codes(name: str) -> list[str]:
    """Return the words that are languages."""
    spans = [(start, end) for start, end in _spans(name) if is_word(name[start:end])]
    first = next((match.start() for match in _WORD.finditer(name)), 0)
    codes = []
    for start, end in spans:
        word = name[start:end]
        sure = is_sure(word) or (start > first and _AFTER.match(name, end))
        sure = sure or (word.lower() not in PLAIN and _MASK.match(name, end))
        paired = any(_is_pair(name, (start, end), other) for other in spans)  # it-en
        if sure or paired:
            codes.append(word)
    return codes


def _spans(name: str) -> list[tuple[int, int]]:
    """Return where words begin and end; a tag of several parts is one word."""
    matches = list(_WORD.finditer(name))
    spans, i = [], 0
    while i < len(matches):
        length = next((n for n in (4, 3, 2) if i + n <= len(matches) and _is_tag(name, matches[i : i + n])), 1)
        spans.append((matches[i].start(), matches[i + length - 1].end()))
        i += length
    return spans


def _is_tag(name: str, parts: list[re.Match]) -> bool:
    """Whether words in a row are one tag: a language with a script or a region, or Wikipedia's code."""
    text = name[parts[0].start() : parts[-1].end()]
    tag = read(text) if re.fullmatch(r"[A-Za-z]{2,6}(?:[-_][A-Za-z0-9]+)*", text) else None
    if tag is None:
        return False
    whole = text.lower().replace("_", "-")
    if whole in WHOLE:
        return True
    if whole.split("-")[1] == "x":
        return False
    region = parts[1][0]
    if tag.script or len(parts) > 2 or not tag.region:
        return True
    return region.isdecimal() or tag.language in REGIONAL or (region.isupper() and parts[0][0].islower())


def _is_pair(name: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two codes stand side by side, written alike: it-en, it_vs_en."""
    first, second = sorted((one, other))
    alike = name[slice(*first)].islower() == name[slice(*second)].islower()
    return alike and _BETWEEN.fullmatch(name[first[1] : second[0]]) is not None


@cache
def of_use() -> frozenset[str]:
    """Return the codes that count in a name with other words: ISO 639-1 and -2, and those of languages much written."""
    from langcodes.data_dicts import (
        LANGUAGE_ALPHA3,
        LANGUAGE_ALPHA3_BIBLIOGRAPHIC,
        LANGUAGE_REPLACEMENTS,
        NORMALIZED_MACROLANGUAGES,
    )
    from language_data.population_data import LANGUAGE_SPEAKING_POPULATION

    two = {code for code in LANGUAGE_ALPHA3 if code not in LANGUAGE_REPLACEMENTS}
    three = {*LANGUAGE_ALPHA3.values(), *LANGUAGE_ALPHA3_BIBLIOGRAPHIC.values(), *NORMALIZED_MACROLANGUAGES}
    spoken = {code for code, speakers in LANGUAGE_SPEAKING_POPULATION.items() if speakers >= 100_000 and len(code) == 3}
    return frozenset((two | three | spoken | _MORE) - NO_CODES)
