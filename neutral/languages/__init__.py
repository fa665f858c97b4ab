"""The languages: code, name, family, branch, script and writing direction.

Families and branches follow the usual genealogical classification (Glottolog's top level and the
branch that separates our eleven); scripts are ISO 15924 codes. What is known of other languages (name, ISO 639-3 code,
likely script) comes from `langcodes`, which has it from IANA's registry and Unicode's CLDR.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol


@dataclass(frozen=True)
class Language:
    """A language as the project's tables and figures name it."""

    code: str
    name: str
    iso3: str
    family: str
    branch: str
    script: str
    right_to_left: bool = False


_KNOWN = (
    Language("en", "English", "eng", "Indo-European", "Germanic", "Latn"),
    Language("de", "German", "deu", "Indo-European", "Germanic", "Latn"),
    Language("fr", "French", "fra", "Indo-European", "Romance", "Latn"),
    Language("es", "Spanish", "spa", "Indo-European", "Romance", "Latn"),
    Language("ru", "Russian", "rus", "Indo-European", "Slavic", "Cyrl"),
    Language("fa", "Farsi", "pes", "Indo-European", "Iranian", "Arab", True),
    Language("ur", "Urdu", "urd", "Indo-European", "Indo-Aryan", "Arab", True),
    Language("hi", "Hindi", "hin", "Indo-European", "Indo-Aryan", "Deva"),
    Language("ar", "Arabic", "arb", "Afro-Asiatic", "Semitic", "Arab", True),
    Language("zh", "Chinese", "cmn", "Sino-Tibetan", "Sinitic", "Hans"),
    Language("sw", "Swahili", "swh", "Niger-Congo", "Bantu", "Latn"),
)

LANGUAGES: dict[str, Language] = {language.code: language for language in _KNOWN}
"""The eleven, in family order: relatives stand next to each other."""

PAPER_ORDER: tuple[str, ...] = ("en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw")


UNKNOWN = "Unknown"
NO_SCRIPT = "Zyyy"

RELATIONS = ("same branch", "same family", "same script", "unrelated")
"""How two languages relate, the closest that holds: branch, family, else only the script, else nothing."""

_STANDARD = {
    "ara": "arb", "aym": "ayr", "fas": "pes", "grn": "gug", "kur": "kmr", "mlg": "plt", "mon": "khk",
    "que": "quz", "sqi": "als", "swa": "swh", "uzb": "uzn", "zho": "cmn",
    "azj": "aze", "ekk": "est", "gaz": "orm", "lvs": "lav", "nob": "nor", "npi": "nep", "ory": "ori", "pbt": "pus",
    "ydd": "yid", "zsm": "msa", "fil": "tgl",
}  # fmt: skip
"""ISO 639-3 code -> the one under which URIEL+ describes the language.

Most macrolanguage codes give way to the language that they usually mean (first two lines); for some it has little or
nothing about that language, and what it knows stands under the macrolanguage (the rest).
"""

_RIGHT_TO_LEFT = {"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg", "Mand", "Samr"}


@cache
def language(code: str) -> Language:
    """Return what is known about an ISO 639-1 or 639-3 code; any other label is its own name, all else unknown.

    The eleven have a family and a branch; for others `neutral.typology` knows more.
    """
    known = LANGUAGES.get(code) or next((each for each in _KNOWN if each.iso3 == code), None)
    return known or _looked_up(code) or Language(code, code, code, UNKNOWN, UNKNOWN, NO_SCRIPT)


def _looked_up(code: str) -> Language | None:
    """Return a language that `langcodes` knows, None if it knows none of that code."""
    if not (code.isascii() and code.isalpha() and code.islower() and len(code) in (2, 3)):
        return None
    import langcodes

    found = langcodes.Language.get(code)
    name = found.display_name()
    if not found.is_valid() or name.startswith("Unknown language"):
        return None
    iso3 = found.to_alpha3()
    script = found.maximize().script or NO_SCRIPT
    return Language(code, name, _STANDARD.get(iso3, iso3), UNKNOWN, UNKNOWN, script, script in _RIGHT_TO_LEFT)


def by_family(codes: list[str] | tuple[str, ...]) -> list[str]:
    """Order `codes` so that relatives stand together; unknown codes follow, by name."""
    place = {code: i for i, code in enumerate(LANGUAGES)}
    return sorted(codes, key=lambda code: (place.get(code, len(place)), code))


class Lineage(Protocol):
    """What tells how a language relates to others; `UNKNOWN` and `NO_SCRIPT` where nothing is known."""

    family: str
    branch: str
    script: str


def relation(one: Lineage, other: Lineage) -> str:
    """Return how two languages relate: one of `RELATIONS`. What is unknown of both is nothing that they share."""
    if one.family == other.family != UNKNOWN:
        return "same branch" if one.branch == other.branch else "same family"
    return "same script" if one.script == other.script != NO_SCRIPT else "unrelated"
