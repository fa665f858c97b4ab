"""The eleven languages of Foroutan et al. (2022): code, name, family, branch, script and writing direction.

Families and branches follow the usual genealogical classification (Glottolog's top level and the branch that separates
our eleven); scripts are ISO 15924 codes.
"""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = "Unknown"
NO_SCRIPT = "Zyyy"


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


def by_family(codes: list[str] | tuple[str, ...]) -> list[str]:
    """Order `codes` so that relatives stand together; unknown codes follow, by name."""
    place = {code: i for i, code in enumerate(LANGUAGES)}
    return sorted(codes, key=lambda code: (place.get(code, len(place)), code))
