"""How two languages relate: by branch, by family, by script alone, or not at all."""

from __future__ import annotations

from typing import Protocol

from neutral.languages.eleven import NO_SCRIPT, UNKNOWN

RELATIONS = ("same branch", "same family", "same script", "unrelated")
"""How two languages relate, the closest that holds: branch, family, else only the script, else nothing."""


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
