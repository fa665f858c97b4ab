"""What is known of a language."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = "Unknown"
"""The family of a language of which none is known."""
NO_SCRIPT = "Zyyy"
"""The script of a language of which none is known."""


@dataclass(frozen=True)
class Language:
    """A language as a label names it: what tables and figures say of it.

    Attributes
    ----------
    code : str
        The label, as the user wrote it.
    name : str
        Its name for people, with script or region in brackets where the label names one that is not the usual one.
    iso3, glottocode : str
        The ISO 639-3 code and Glottolog's; the label itself and "" where there is none.
    family : str
        Glottolog's family; `UNKNOWN` for a label that is no language, and for languages that have none (sign
        languages, mixed languages, pidgins, artificial and unclassifiable ones).
    lineage : tuple of str
        The groups that it is in, from the family down; empty for an isolate, which is a family of its own.
    script, region : str
        ISO 15924 code (`NO_SCRIPT` if unknown), and the region that the label names, "" if none.
    macroarea, latitude, longitude
        Glottolog's, degrees; "" and None if unknown.
    """

    code: str
    name: str
    iso3: str
    glottocode: str = ""
    family: str = UNKNOWN
    lineage: tuple[str, ...] = ()
    script: str = NO_SCRIPT
    region: str = ""
    right_to_left: bool = False
    macroarea: str = ""
    latitude: float | None = None
    longitude: float | None = None
