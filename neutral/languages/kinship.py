"""How two languages relate: by branch, by family, by script alone, or not at all."""

from __future__ import annotations

from typing import Protocol

from neutral.languages.eleven import NO_SCRIPT, UNKNOWN

RELATIONS = ("same branch", "same family", "same script", "unrelated")
"""How two languages relate; the first that holds counts."""


class Lineage(Protocol):
    """The facts by which languages relate; `UNKNOWN` and `NO_SCRIPT` if nothing is known."""

    family: str
    branch: str
    script: str


def relation(one: Lineage, other: Lineage) -> str:
    """Return how two languages relate: one of `RELATIONS`. Two unknown values do not count as shared."""
    if one.family == other.family != UNKNOWN:
        return "same branch" if one.branch == other.branch else "same family"
    return "same script" if one.script == other.script != NO_SCRIPT else "unrelated"
