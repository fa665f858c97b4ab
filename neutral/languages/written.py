"""Labels in a code of the user's choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from neutral.errors import NeutralError
from neutral.languages.codes import language
from neutral.languages.tags import read

CODES = ("written", "bcp47", "iso639-3", "glottocode", "name")
"""How labels can be written: as they are, as BCP 47 has them, by ISO 639-3, by Glottolog, and as names for people."""


def written(labels: Sequence[str], codes: str = "written") -> list[str]:
    """Return labels in one of `CODES`, all different; a label that is no language's stays as it is.

    Where several labels are one language by the code, those that name a script or a region have it behind the code;
    where that does not tell them apart, as of Bosnian and Croatian by Glottolog, they have the label behind it.

    >>> written(["en", "srp_Latn", "srp_Cyrl", "my run"], "iso639-3")
    ['eng', 'srp-Latn', 'srp-Cyrl', 'my run']
    >>> written(["eng", "eng-GB", "zho-TW"], "bcp47")
    ['en', 'en-GB', 'zh-TW']
    >>> written(["hrv", "bos"], "glottocode")
    ['sout1528-hrv', 'sout1528-bos']

    Raises `NeutralError` for other codes, and for labels that the code does not tell apart.
    """
    if codes not in CODES:
        raise NeutralError(f"unknown codes {codes!r}; use one of {', '.join(CODES)}")
    plain = [_code(label, codes) for label in labels]
    told = _apart(plain, [_told(label, code) for label, code in zip(labels, plain, strict=True)])
    told = _apart(told, [f"{code}-{label}" for label, code in zip(labels, told, strict=True)])
    by_code: dict[str, str] = {}
    for label, code in zip(labels, told, strict=True):
        if code in by_code:
            raise NeutralError(f"{by_code[code]} and {label} are both {code} by {codes}; leave one out, or use written")
        by_code[code] = label
    return told


def _apart(codes: Sequence[str], longer: Sequence[str]) -> list[str]:
    """Return codes, and of those that come again the longer ones."""
    times = Counter(codes)
    return [long if times[code] > 1 else code for code, long in zip(codes, longer, strict=True)]


def _code(label: str, codes: str) -> str:
    spoken = language(label)
    if codes == "written" or not spoken.glottocode:
        return label
    if codes == "bcp47":
        return _told(label, tag.language) if (tag := read(label)) else spoken.iso3
    return {"iso639-3": spoken.iso3, "glottocode": spoken.glottocode, "name": spoken.name}[codes]


def _told(label: str, code: str) -> str:
    """Return a code with the script and region that a label names."""
    tag = read(label)
    return "-".join(filter(None, (code, tag.script, tag.region))) if tag else code
