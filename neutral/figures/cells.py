"""Numbers on the cells of a heatmap: black or white, whichever is easier to read on the cell's colour.

Plotly writes them in #444 or white, which on the middle of a scale is 3.3 to 1 where 4.5 is wanted. Of black and white
one always has 4.58 or more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

BLACK, WHITE = "#000000", "#ffffff"
_EVEN = 0.179
"""The relative luminance of a ground on which black and white are as easy to read."""
_NARROWEST = 390  # px of all columns where a figure is as narrow as can be (`theme.LEAST`)
_LETTER = 0.58  # width of a digit by its height
_SIZES = 9, 12  # px


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return the relative luminance (WCAG 2.2) of colours (…, 3) of 0 to 255: 0 is black, 1 is white.

    >>> luminance(np.array([[0, 0, 0], [255, 255, 255]])).round(4).tolist()
    [0.0, 1.0]
    """
    share = np.asarray(rgb, dtype=float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def coloured(shares: np.ndarray, scale: list | tuple) -> np.ndarray:
    """Return the colours (…, 3) of 0 to 255 that plotly gives to shares (0 to 1) of a scale: pairs of share, colour."""
    stops = np.array([float(stop) for stop, _ in scale])
    hues = np.array([_channels(hue) for _, hue in scale], dtype=float)
    return np.stack([np.interp(shares, stops, hues[:, i]) for i in range(3)], axis=-1)


def inks(shares: np.ndarray, scale: list | tuple) -> np.ndarray:
    """Return BLACK or WHITE for each share (0 to 1) of a scale of colours."""
    return np.where(luminance(coloured(shares, scale)) > _EVEN, BLACK, WHITE)


def ink(figure: go.Figure) -> None:
    """Write the numbers on all heatmaps of a figure in black or white, by the cells' luminance."""
    for trace in figure.data:
        if trace.type != "heatmap" or not trace.texttemplate or trace.text is None or trace.colorscale is None:
            continue
        values = np.array(trace.z, dtype=float)
        low, high = (
            end if end is not None else of(values) for end, of in ((trace.zmin, np.nanmin), (trace.zmax, np.nanmax))
        )
        shares = np.clip((values - low) / (high - low), 0, 1) if high > low else np.full(values.shape, 0.5)
        hues = inks(np.nan_to_num(shares), trace.colorscale)
        trace.textfont.size = trace.textfont.size or _size(trace.text)  # plotly's own would count the tags as letters
        trace.text = [
            [_written(*cell) for cell in zip(*row, strict=True)]
            for row in zip(trace.text, hues, np.isfinite(values), strict=True)
        ]


def _size(texts: Sequence[Sequence[str]]) -> int:
    """Return the px of numbers that fit the cells of a heatmap as narrow as one is drawn."""
    longest = max((len(text or "") for row in texts for text in row), default=0)
    cell = _NARROWEST / max(1, len(texts[0]))
    return int(min(_SIZES[1], max(_SIZES[0], cell / (_LETTER * max(1, longest)))))


def _written(text: str, hue: str, is_drawn: bool) -> str:
    return f'<span style="color:{hue}">{text}</span>' if text and is_drawn else text


def _channels(hue: str) -> list[int]:
    if hue.startswith("#"):
        return [int(hue[i : i + 2], 16) for i in (1, 3, 5)]
    return [int(float(part)) for part in hue[hue.index("(") + 1 : hue.index(")")].split(",")[:3]]
