"""A language's family and branch: the project's own if it has them, else URIEL+'s."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neutral.errors import NeutralError
from neutral.languages import NO_SCRIPT, UNKNOWN, Language, language
from neutral.typology import uriel

_BRANCHES = {
    **{name: name for name in ("Germanic", "Romance", "Slavic", "Iranian", "Indo-Aryan", "Semitic", "Sinitic")},
    "Narrow Bantu": "Bantu",
}  # URIEL+'s name -> the project's
_FAMILIES = {"Atlantic-Congo": "Niger-Congo", "Afroasiatic": "Afro-Asiatic"}  # URIEL+'s name -> the project's


def about(codes: Sequence[str]) -> pd.DataFrame:
    """Return what is known of languages: code, name, iso3, family, branch, script, in_uriel.

    Raises `NeutralError` for a code that is no language's.
    """
    rows = []
    for code in codes:
        spoken = known(code)
        family, branch = lineage(spoken)
        rows.append((code, spoken.name, spoken.iso3, family, branch, spoken.script, uriel.has(spoken.iso3)))
    return pd.DataFrame(rows, columns=["code", "name", "iso3", "family", "branch", "script", "in_uriel"])


def families(codes: Sequence[str]) -> dict[str, str]:
    """Return code -> family; a language of unknown family is a family of its own.

    Raises `NeutralError` for a code that is no language's.
    """
    names = {code: lineage(known(code))[0] for code in codes}
    return {code: family if family != UNKNOWN else f"{UNKNOWN} {code}" for code, family in names.items()}


def known(code: str) -> Language:
    """Return the language of a code. Raises `NeutralError` if there is none."""
    spoken = language(code)
    if spoken.script == NO_SCRIPT and spoken.family == UNKNOWN and spoken.name == code:
        raise NeutralError(f"{code}: no language has this code; languages are named by ISO 639 codes such as en or swh")
    return spoken


def is_code(label: str) -> bool:
    """Whether a label is a language's code: a mixture of languages is not.

    >>> is_code("sw"), is_code("en+fr")
    (True, False)
    """
    try:
        known(label)
    except NeutralError:
        return False
    return True


def lineage(spoken: Language) -> tuple[str, str]:
    """Return family and branch: the project's own if it has them, else URIEL+'s.

    The branches of the eleven are groups of URIEL+'s as well, so that other languages join them: a language's branch is
    the one of these that it belongs to, else the largest group below the family.
    """
    if spoken.family != UNKNOWN:
        return spoken.family, spoken.branch
    groups = uriel.families(spoken.iso3)
    if not groups:
        return UNKNOWN, UNKNOWN
    branches = [_BRANCHES[group] for group in groups if group in _BRANCHES]
    below = [*branches, *groups[1:], groups[0]]
    return _FAMILIES.get(groups[0], groups[0]), below[0]
