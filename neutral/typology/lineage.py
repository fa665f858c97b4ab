"""What is known of languages, as a table; families and branches are Glottolog's."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neutral.errors import NeutralError
from neutral.languages import UNKNOWN, Language, branches, language
from neutral.typology import uriel


def about(codes: Sequence[str]) -> pd.DataFrame:
    """Return what is known of languages: code, name, iso3, family, branch, script, in_uriel.

    Branches are those of these languages (`languages.branches`). Raises `NeutralError` for a code that is no
    language's.
    """
    rows, branch = [], branches(codes)
    for code in codes:
        spoken = known(code)
        in_uriel = uriel.has(spoken.iso3)
        rows.append((code, spoken.name, spoken.iso3, spoken.family, branch[code], spoken.script, in_uriel))
    return pd.DataFrame(rows, columns=["code", "name", "iso3", "family", "branch", "script", "in_uriel"])


def families(codes: Sequence[str]) -> dict[str, str]:
    """Return code -> family; a language of unknown family is a family of its own.

    Raises `NeutralError` for a code that is no language's.
    """
    names = {code: known(code).family for code in codes}
    return {code: family if family != UNKNOWN else f"{UNKNOWN} {code}" for code, family in names.items()}


def areas(codes: Sequence[str]) -> dict[str, str]:
    """Return code -> Glottolog's macroarea, "" where it is unknown. Raises `NeutralError` for no language's code."""
    return {code: known(code).macroarea for code in codes}


def known(code: str) -> Language:
    """Return the language of a code. Raises `NeutralError` if there is none."""
    spoken = language(code)
    if not spoken.glottocode:
        raise NeutralError(
            f"{code}: no language has this code; languages are named by codes such as en, swh or deu_Latn"
        )
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
