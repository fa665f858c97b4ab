"""What is known of the language that a label names: name, codes, script, family and place.

Codes and names are CLDR's (in the package `langcodes`), families and places Glottolog's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from neutral.languages import glottolog
from neutral.languages.spoken import NO_SCRIPT, UNKNOWN, Language
from neutral.languages.tags import Tag, read

_GLOTTOCODE = re.compile(r"[a-z0-9]{4}\d{4}", re.ASCII)
_NAMES = {
    "fa": "Farsi",
    "pes": "Farsi",
    "arb": "Arabic",
    "cmn": "Chinese",
    "swh": "Swahili",
    "nah": "Nahuatl",
    "ber": "Berber",
    "luo": "Luo",
}
"""Names that differ from CLDR's."""
_USUAL = {"ak": "twi", "hmn": "mww", "iu": "ike", "man": "mnk", "no": "nob"}
"""Macrolanguage -> the language that is usually meant, where CLDR names none or one that is seldom written."""
_PLACED = {
    "nob": "norw1258", "nno": "norw1258", "nor": "norw1258",
    "hbs": "sout1528", "srp": "sout1528", "hrv": "sout1528", "bos": "sout1528", "cnr": "sout1528",
    "lvs": "latv1249", "ltg": "latv1249", "ajp": "nort3139", "sgs": "lith1251",
    "twi": "akan1250", "nbl": "ngun1267", "ber": "berb1260", "nah": "azte1234",
}  # fmt: skip
"""ISO 639-3 code -> Glottolog's code, where Glottolog has it as a dialect, as a group, or under another code."""
_RIGHT_TO_LEFT = {"Adlm", "Arab", "Aran", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"}
_SCRIPTS = {"hmn": "Latn", "mww": "Latn", "sh": "Latn", "cnr": "Latn"}
"""Usual scripts that CLDR does not give, or gives for a new script that few texts are in."""
_ONE_SCRIPT = {"ar", "fa", "ps", "qu"}
"""Macrolanguages all of whose languages are written alike."""
_IN_TWO_SCRIPTS = {"az", "sh", "sr", "uz", "zh", "azj", "uzn"}
"""Languages whose script is said wherever a label names it."""
_REGION_SAID = {"en", "pt"}
"""Languages of which no region is the usual one."""


@lru_cache(maxsize=4096)
def language(label: str) -> Language:
    """Return the language that a label names; a label that is no language's is its own name, and the rest is unknown.

    >>> language("srp_Latn").name, language("pt-BR").name, language("my run").name
    ('Serbian (Latin)', 'Portuguese (Brazil)', 'my run')
    """
    tag = read(label)
    languoid = _languoid(tag.language) if tag else _coded(label)
    if languoid is None:
        return Language(label, label, label)
    iso3 = _iso3(tag.language) if tag else languoid.iso3 or label
    tag = tag or Tag(_shortest(languoid.iso3) or label)
    way = glottolog.path(languoid.glottocode)
    script = tag.script or usual_script(tag.language, tag.region)
    return Language(
        code=label,
        name=_name(tag, script, languoid.name),
        iso3=iso3,
        glottocode=languoid.glottocode,
        family=way[0].name if way else UNKNOWN,
        lineage=tuple(group.name for group in way[:-1]),
        script=script,
        region=tag.region,
        right_to_left=script in _RIGHT_TO_LEFT,
        macroarea=languoid.macroarea,
        latitude=languoid.latitude,
        longitude=languoid.longitude,
    )


def alike(labels: Iterable[str]) -> list[list[str]]:
    """Return the labels that name one language in one script and region, together; nothing of labels that are alone.

    >>> alike(["en", "deu", "eng", "pt-BR", "por"])
    [['en', 'eng']]
    """
    groups: dict[Tag, list[str]] = {}
    for label in labels:
        if tag := read(label):
            groups.setdefault(tag, []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def matching(label: str, labels: Iterable[str]) -> str | None:
    """Return which of some labels names the language that a label does; None for none or several.

    The label itself goes first, then one of the same language, script and region, then one of the same language and
    script if either names no region.

    >>> matching("fi", ["fin", "deu"]), matching("ko", ["ko_KR"]), matching("sr_Latn", ["sr_Cyrl"])
    ('fin', 'ko_KR', None)
    """
    labels = list(labels)
    if label in labels:
        return label
    asked = language(label)
    others = [language(each) for each in labels] if asked.glottocode else []
    same = [each for each in others if (each.iso3, each.script) == (asked.iso3, asked.script)]
    exact = [each for each in same if each.region == asked.region]
    near = exact or [each for each in same if not (each.region and asked.region)]
    return near[0].code if len(near) == 1 else None


def usual_script(code: str, region: str = "") -> str:
    """Return the script that a language is usually written in, `NO_SCRIPT` where CLDR does not know it.

    `code` is CLDR's; a region may have a script of its own (zh in TW). CLDR's likely subtags and IANA's suppressed
    scripts count, but not that CLDR takes a language of which it knows nothing for a Latin one.
    """
    from langcodes.data_dicts import DEFAULT_SCRIPTS, LIKELY_SUBTAGS, MACROLANGUAGES

    if code in _SCRIPTS:
        return _SCRIPTS[code]
    known = [code]
    wider = MACROLANGUAGES.get(code)
    if wider and (wider in _ONE_SCRIPT or _iso3(wider) == _iso3(code)):
        known.append(wider)
    for each in known:
        likely = (region and LIKELY_SUBTAGS.get(f"{each}-{region}")) or LIKELY_SUBTAGS.get(each)
        if likely:
            return likely.split("-")[1]
    return DEFAULT_SCRIPTS.get(code, NO_SCRIPT)


def _coded(label: str) -> glottolog.Languoid | None:
    """Return the language of a glottocode, None for any other label."""
    return glottolog.tree().find(label) if _GLOTTOCODE.fullmatch(label) else None


def _usual_member(code: str) -> str | None:
    """Return the language that a macrolanguage's code usually means."""
    return _USUAL.get(code) or _members().get(code)


@cache
def _members() -> dict[str, str]:
    from langcodes.data_dicts import NORMALIZED_MACROLANGUAGES

    return {wider: code for code, wider in NORMALIZED_MACROLANGUAGES.items() if len(code) == 3}


def _iso3(code: str) -> str:
    """Return the ISO 639-3 code of the one language that a code means: swh for sw, ekk for et, pes for fa."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3

    single = _usual_member(code) or code
    return single if len(single) == 3 else LANGUAGE_ALPHA3.get(code, code)


def _shortest(iso3: str) -> str:
    from langcodes.data_dicts import LANGUAGE_REPLACEMENTS

    return LANGUAGE_REPLACEMENTS.get(iso3, iso3)


def _languoid(code: str) -> glottolog.Languoid | None:
    """Return where Glottolog has a language, given by CLDR's code; None if it has it nowhere."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3

    iso3 = _iso3(code)
    wider = LANGUAGE_ALPHA3.get(code, code) if len(code) == 2 else code
    for each in (_PLACED.get(iso3), iso3, wider):
        if each and (languoid := glottolog.tree().find(each)):
            return languoid
    return None


def _name(tag: Tag, script: str, otherwise: str) -> str:
    """Return a language's English name, and in brackets what of a label is not the usual."""
    from langcodes import Language as Named

    name = _NAMES.get(tag.language) or Named.make(language=tag.language).display_name("en")
    if name.startswith("Unknown language"):
        name = otherwise
    name = name.removesuffix(" (individual language)").removesuffix(" (macrolanguage)")
    said = [tag.remark] if tag.remark else []
    if tag.region and _is_told(tag, script):
        said.insert(0, Named.make(territory=tag.region).territory_name("en").split(" SAR")[0])
    if _is_unusual(tag, script):
        said.insert(0, script_name(script))
    return f"{name} ({', '.join(said)})" if said else name


def script_name(script: str) -> str:
    """Return the English name of a script by its ISO 15924 code.

    >>> script_name("Cyrl")
    'Cyrillic'
    """
    from langcodes import Language as Named

    return Named.make(script=script).script_name("en")


def _is_unusual(tag: Tag, script: str) -> bool:
    """Whether a name says the script: another than the usual one, or that of a language that has two."""
    usual = usual_script(tag.language)
    other = script != usual and usual != NO_SCRIPT and script != "Hang"  # which is in Kore
    return other or bool(tag.script and tag.language in _IN_TWO_SCRIPTS)


def _is_told(tag: Tag, script: str) -> bool:
    """Whether a name says the region: another than where the language, in this script, is at home."""
    from langcodes.data_dicts import LIKELY_SUBTAGS

    home = LIKELY_SUBTAGS.get(f"{tag.language}-{script}") or LIKELY_SUBTAGS.get(tag.language, "")
    return tag.language in _REGION_SAID or not home.endswith(f"-{tag.region}")
