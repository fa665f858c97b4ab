"""Colours of language families: one each for the ten largest of a comparison, one for the others, grey for unknown.

The first hues are Okabe & Ito's (2008); all ten can be told apart by colour-blind readers, on light and on dark ground.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from neutral.figures import theme
from neutral.languages import UNKNOWN, language
from neutral.members import order, speaker

USUAL = {
    "Indo-European": "#0a7fc4",
    "Afro-Asiatic": "#d55e00",
    "Sino-Tibetan": "#009e73",
    "Atlantic-Congo": "#cc79a7",
    "Austronesian": "#e69f00",
    "Turkic": "#56b4e9",
    "Uralic": "#9a2cf0",
    "Dravidian": "#8a4520",
    "Austroasiatic": "#c4b45c",
    "Tai-Kadai": "#a3157d",
}
"""Ten families -> their colour wherever they are among the ten that have one, and so all the hues there are."""
OTHERS = "Other families"
GREYS = {OTHERS: "#56665a", UNKNOWN: theme.NEUTRAL}
"""What has no colour of its own -> its grey."""

_MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "triangle-down", "star", "cross")


class Families:
    """The families of a comparison's members, each with one colour in all figures that are given this.

    The ten that most languages are of have a colour of their own; of several as large those of `USUAL` come first, then
    those first by name. A family keeps its usual colour; the others get what is left, the largest first.
    """

    def __init__(self, members: Sequence[str]) -> None:
        self.members = order(list(dict.fromkeys(members)))
        spoken = dict.fromkeys(map(speaker, self.members))
        sizes = Counter(language(label).family for label in spoken)
        unknown = sizes.pop(UNKNOWN, 0)
        ranked = sorted(sizes, key=lambda family: (-sizes[family], family not in USUAL, family))
        own, rest = ranked[: len(USUAL)], ranked[len(USUAL) :]
        free = iter([hue for family, hue in USUAL.items() if family not in own])
        hues = {family: USUAL.get(family) or next(free) for family in own}
        self.colours = {family: hues[family] for family in sorted(own, key=lambda family: (-sizes[family], family))}
        """Name in the legend -> colour, in the legend's order: that of `languages.in_tree_order`, as on axes."""
        self.colours |= {name: GREYS[name] for name, some in ((OTHERS, rest), (UNKNOWN, unknown)) if some}

    def name(self, member: str) -> str:
        """Return the name under which a legend has a member: its family, `OTHERS` or Unknown."""
        family = self.family(member)
        return family if family in self.colours else UNKNOWN if family == UNKNOWN else OTHERS

    @staticmethod
    def family(member: str) -> str:
        """Return a member's family, whether it has a colour of its own or not."""
        return language(speaker(member)).family

    def colour(self, member: str) -> str:
        """Return the colour of a member's family."""
        name = self.name(member)
        return self.colours[name] if name in self.colours else GREYS[name]

    def square(self, member: str) -> str:
        """Return a square of a member's colour, as the text of an axis has it."""
        return f'<span style="color:{self.colour(member)};font-size:14px">■</span>'

    def among(self, members: Sequence[str]) -> dict[str, list[str]]:
        """Return name in the legend -> those of `members` that stand under it, in the legend's order."""
        names = [*self.colours, *(name for name in GREYS if name not in self.colours)]
        groups = {name: [member for member in members if self.name(member) == name] for name in names}
        return {name: group for name, group in groups.items() if group}

    def line(self, member: str) -> dict:
        """Return line and marker of a member: its family's colour, and a dash with a marker that are its own.

        Up to 24 lines are told apart without their colours, as in grey print.
        """
        colour = self.colour(member)
        place = self.members.index(member) if member in self.members else len(self.members)
        return {
            "line": {"color": colour, "dash": theme.DASHES[place % len(theme.DASHES)], "width": 1.8},
            "marker": {"color": colour, "symbol": _MARKERS[place % len(_MARKERS)], "size": 7},
        }


def legend(figure: go.Figure, members: Sequence[str], families: Families) -> None:
    """Name the families of `members` in a figure's legend."""
    for name, under_it in families.among(members).items():
        figure.add_trace(
            go.Scatter(
                x=[None],
                y=[None],
                mode="markers",
                name=name,
                marker={"color": families.colour(under_it[0]), "size": 12, "symbol": "square"},
                hoverinfo="skip",
                showlegend=True,
            )
        )
