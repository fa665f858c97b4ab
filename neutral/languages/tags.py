"""A label read as a language tag: the language's code, its script and its region.

What people write: ISO 639-1, -2 and -3, BCP 47 (RFC 5646), with `-` or `_` and in any case; tags of NLLB (`deu_Latn`)
and mBART (`en_XX`), and the codes of Wikipedias. The codes and their replacements are those of CLDR and IANA, in the
package `langcodes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from neutral.languages.homonyms import NO_CODES

_SHAPE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*(?:[-_]classical)?", re.ASCII)
_REGION = re.compile(r"[a-z]{2}|\d{3}", re.ASCII)

WHOLE = {
    "simple": ("en", "Simple"),
    "bat-smg": ("sgs", ""),
    "be-x-old": ("be", "Taraškievica"),
    "be-tarask": ("be", "Taraškievica"),
    "cbk-zam": ("cbk", ""),
    "fiu-vro": ("vro", ""),
    "map-bms": ("jv", "Banyumasan"),
    "nds-nl": ("nds", "Netherlands"),
    "roa-rup": ("rup", ""),
    "roa-tara": ("nap", "Tarantino"),
    "zh-classical": ("lzh", ""),
    "bh": ("bho", ""),
    "bih": ("bho", ""),
    "eml": ("egl", ""),
    **{f"{code}-rom": (f"{code}-Latn", "") for code in ("bn", "hi", "ta", "te", "ur")},
    "my-zaw": ("my", "Zawgyi"),
    "ns": ("nso", ""),
    "zho-simpl": ("zh-Hans", ""),
    "zho-trad": ("zh-Hant", ""),
    "ar-ar": ("ar", ""),
    "es-la": ("es-419", ""),
    "gsw-be": ("gsw", "Bern"),
    "gsw-zh": ("gsw", "Zürich"),
}
"""Labels that are no tags, or mean something else than the tag: what they stand for, and what to say in brackets.

Wikipedia's; CC-100's (XLM-R's text); M2M-100's `ns`; FLORES-101's two of Chinese; Facebook's ar_AR and es_LA (not
Argentina and Laos); NTREX's two of Swiss German (not Belgium). Wikipedia's `als` is not here: it is Alemannic there and
Tosk Albanian in ISO 639-3.
"""
REGIONAL = {"ar", "de", "en", "es", "fr", "pt", "zh"}
"""Languages whose regions are written in small letters as well, and are not a second language: en-us, fr-ch."""
_MAJOR = 1_000_000
"""Speakers from which a region's lower-case code is taken for a second language (en-de), if it is one's code."""


@dataclass(frozen=True)
class Tag:
    """What a label names: CLDR's code of the language (the shortest), script and region ("" if none), and a remark."""

    language: str
    script: str = ""
    region: str = ""
    remark: str = ""


@lru_cache(maxsize=4096)
def read(label: str) -> Tag | None:
    """Return what a label names, None if it is no language's tag.

    >>> read("pt_BR"), read("run1")
    (Tag(language='pt', script='', region='BR', remark=''), None)
    """
    from langcodes.data_dicts import ALL_SCRIPTS, LANGUAGE_REPLACEMENTS

    whole = label.lower().replace("_", "-")
    if whole in WHOLE:
        tag, remark = WHOLE[whole]
        plain = read(tag)
        return plain and Tag(plain.language, plain.script, plain.region, remark)
    if not _SHAPE.fullmatch(label) or "_x_" in label.lower():  # private use is written en-x-…
        return None
    written = re.split("[-_]", label)
    for count in (3, 2):  # zh-min-nan, zh-yue-Hant, no-nynorsk
        if len(written) >= count and (new := LANGUAGE_REPLACEMENTS.get("-".join(written[:count]).lower())):
            return read("-".join([new, *written[count:]])) if "-x-" not in new else None
    code = _code(written[0].lower())
    rest = written[1:]
    if rest and len(rest[0]) == 3 and rest[0].isalpha() and _is_within(rest[0].lower(), code):
        code = _code(rest.pop(0).lower())
    script = region = ""
    if rest and rest[0].title() in ALL_SCRIPTS:
        script = rest.pop(0).title()
    if rest and _is_region(rest[0], beside=written[0], code=code):
        region = rest.pop(0).upper()
    remark = "-".join(rest).lower()
    if not code or (written[0].lower() in NO_CODES and not script) or (remark and not _is_variant(code, remark)):
        return None
    return Tag(code, script, "" if region == "XX" else region, remark.removeprefix("x-"))


def _code(code: str) -> str:
    """Return CLDR's code for an ISO 639 code; "" if that is no language's."""
    from langcodes import Language
    from langcodes.data_dicts import LANGUAGE_REPLACEMENTS

    if code in _KEPT:
        return _KEPT[code]
    shorter = LANGUAGE_REPLACEMENTS.get(code, code)
    code = code if "-" in shorter else shorter  # prs stays prs, and is not Farsi in Afghanistan
    return code if Language.make(language=code).is_valid() else ""


_KEPT = {"sh": "sh", "hbs": "sh", "tl": "tl", "tgl": "tl", "cnr": "cnr", "scc": "sr", "mol": "ro"}
"""Codes that CLDR would replace by another language's: Serbo-Croatian by Serbian, Tagalog by Filipino."""


def _is_within(code: str, macrolanguage: str) -> bool:
    """Whether a code is one of the languages of a macrolanguage: arz of ar, yue of zh."""
    from langcodes.data_dicts import MACROLANGUAGES

    return MACROLANGUAGES.get(code) == macrolanguage


def _is_region(part: str, *, beside: str, code: str) -> bool:
    """Whether a part of a tag is a region, and no second language: en-GB and pt-br are, en-de may be two languages."""
    from langcodes import Language
    from langcodes.data_dicts import LANGUAGE_ALPHA3, LANGUAGE_REPLACEMENTS, LIKELY_SUBTAGS

    if not _REGION.fullmatch(part.lower()):
        return False
    region, other = part.upper(), part.lower()
    if region == "XX":
        return True
    if Language.make(territory=region).territory_name("en").startswith("Unknown"):
        return False
    alike = part.islower() == beside.islower()  # en-de, EN-DE
    if not alike or other not in LANGUAGE_ALPHA3 or other in LANGUAGE_REPLACEMENTS:
        return True
    spoken_there = LIKELY_SUBTAGS.get(f"und-{region}", "").split("-")[0]
    minor = Language.make(language=other).speaking_population() < _MAJOR
    return spoken_there == code or (code in REGIONAL and minor)


def _is_variant(code: str, rest: str) -> bool:
    """Whether the end of a tag is a registered variant (ca-valencia) or a private remark (x-…)."""
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        tag = Language.get(f"{code}-{rest}")
    except LanguageTagError:
        return False
    return tag.is_valid() and not (tag.script or tag.territory or tag.extlangs or tag.extensions)
