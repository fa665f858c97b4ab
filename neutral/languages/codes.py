"""What a language's code means, the eleven or any other.

The name, ISO 639-3 code and likely script of other languages come from `langcodes`, which has them from IANA's registry
and Unicode's CLDR.
"""

from __future__ import annotations

from functools import cache

from neutral.languages.eleven import LANGUAGES, NO_SCRIPT, UNKNOWN, Language

_STANDARD = {
    "ara": "arb", "aym": "ayr", "fas": "pes", "grn": "gug", "kur": "kmr", "mlg": "plt", "mon": "khk",
    "que": "quz", "sqi": "als", "swa": "swh", "uzb": "uzn", "zho": "cmn",
    "azj": "aze", "ekk": "est", "gaz": "orm", "lvs": "lav", "nob": "nor", "npi": "nep", "ory": "ori", "pbt": "pus",
    "ydd": "yid", "zsm": "msa", "fil": "tgl",
}  # fmt: skip
"""ISO 639-3 code -> the one under which URIEL+ describes the language.

Most macrolanguage codes are replaced by the language that they usually mean (first two lines). Of some of these
languages URIEL+ knows little or nothing, and describes the macrolanguage instead (the rest).
"""
_RIGHT_TO_LEFT = {"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg", "Mand", "Samr"}


@cache
def language(code: str) -> Language:
    """Return the language of an ISO 639-1 or 639-3 code; any other label is its own name, and the rest is unknown.

    The eleven have a family and a branch; for others `neutral.typology` knows more.
    """
    known = LANGUAGES.get(code) or next((each for each in LANGUAGES.values() if each.iso3 == code), None)
    return known or _looked_up(code) or Language(code, code, code, UNKNOWN, UNKNOWN, NO_SCRIPT)


def _looked_up(code: str) -> Language | None:
    """Return a language that `langcodes` knows, None if it knows none of that code."""
    if not (code.isascii() and code.isalpha() and code.islower() and len(code) in (2, 3)):
        return None
    import langcodes

    entry = langcodes.Language.get(code)
    name = entry.display_name()
    if not entry.is_valid() or name.startswith("Unknown language"):
        return None
    iso3 = entry.to_alpha3()
    script = entry.maximize().script or NO_SCRIPT
    return Language(code, name, _STANDARD.get(iso3, iso3), UNKNOWN, UNKNOWN, script, script in _RIGHT_TO_LEFT)
