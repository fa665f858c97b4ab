"""How wide a figure is on paper or on a slide, and how large its text is there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neutral.errors import NeutralError

MM = 25.4  # in an inch
PX = 96.0  # in an inch, for browsers and SVG
BASE = 12.0
"""px: what figures write most of their text in. It becomes the chosen size, and all else grows or shrinks with it."""

WIDTHS = (20.0, 1200.0)  # mm
FONTS = (4.0, 60.0)  # pt

_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(mm|cm|in|pt|px)\s*", re.IGNORECASE)
_UNITS = {"mm": 1.0, "cm": 10.0, "in": MM, "pt": MM / 72, "px": MM / PX}


@dataclass(frozen=True)
class Size:
    """The width of a figure, its text's size, and how fine its pixels are.

    - `width`, in mm
    - `font`, in pt: what most of its text has
    - `dpi`, pixels in an inch of a PNG

    Raises `NeutralError` for what is no size of a figure.
    """

    width: float
    font: float = 8.0
    dpi: float = 300.0

    def __post_init__(self) -> None:
        for name, value, (least, most), unit in (
            ("width", self.width, WIDTHS, "mm"),
            ("font size", self.font, FONTS, "pt"),
            ("dpi", self.dpi, (30.0, 1200.0), ""),
        ):
            if not least <= value <= most:
                allowed = f"{least:g} to {most:g} {unit}".rstrip()
                raise NeutralError(f"a figure's {name} is {allowed}; got {value:g}")

    @property
    def columns(self) -> float:
        """The width that the figure is laid out in, in px, so that its text comes out as `font` says."""
        return self.width / MM * 72 / self.font * BASE

    @property
    def enlarged(self) -> float:
        """How many px of a browser a px of the layout is on paper."""
        return self.width / MM * PX / self.columns


PRESETS = {
    "One column, 85 mm": Size(85.0, 8.0),
    "Two columns, 170 mm": Size(170.0, 8.0),
    "Slide, 1920 px": Size(254.0, 14.0, dpi=192.0),
}
"""Name -> size: columns of a journal, and the width of a slide of 10 inches."""


def sized(text: str, font: float = 8.0) -> Size:
    """Return the size that a width with its unit is: mm, cm, in, pt, or px, which a PNG then has.

    Raises `NeutralError` if it is none.

    >>> sized("8.5cm").width
    85.0
    >>> sized("960px").width, sized("960px").dpi
    (254.0, 96.0)
    """
    match = _LENGTH.fullmatch(text)
    if not match:
        raise NeutralError(f"“{text}” is no width; write 85mm, 8.5cm, 3.3in or 1200px")
    width = float(match[1]) * _UNITS[match[2].lower()]
    return Size(round(width, 6), font, dpi=PX if match[2].lower() == "px" else 300.0)
