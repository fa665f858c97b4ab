"""The form of numbers on pages."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

NUMBERS = {
    **{name: st.column_config.NumberColumn(format="%.2f") for name in ("Perplexity", "Full model")},
    **{name: st.column_config.NumberColumn(format="%.3f") for name in ("Ratio",)},
    **{
        name: st.column_config.NumberColumn(format="%.4f")
        for name in ("Mean", "Lowest", "Highest", "Jaccard", "By chance", "Above chance")
    },
}
"""Column -> the form of its numbers in a table."""


class Tile(NamedTuple):
    """A key number, with its label, a note, and an explanation."""

    label: str
    number: str
    note: str
    explained: str | None = None


def share(value: float | None, digits: int = 3) -> str:
    """Write an overlap; a dash for a missing one."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write an overlap as per cent; a dash for a missing one."""
    return "–" if value is None or value != value else f"{value:.{digits}%}"


def amount(n: int) -> str:
    """Write a number of weights.

    >>> amount(950), amount(85_054_464)
    ('950', '85.1 M')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return str(n)


def count(n: int, thing: str) -> str:
    """Write a number of things.

    >>> count(1, "pair"), count(2, "pair")
    ('1 pair', '2 pairs')
    """
    return f"{n} {thing}{'s' if n != 1 else ''}"


def number_column(name: str, help: str | None = None, *, digits: int = 4) -> dict:
    """Return the configuration of a table's column of numbers, with so many decimals."""
    return st.column_config.NumberColumn(name, format=f"%.{digits}f", help=help)
