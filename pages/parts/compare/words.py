"""What the page Compare says: how two views differ, where most, and whether that is more than the bound."""

from __future__ import annotations

from neutral import compare
from neutral.compare import FACTOR, Difference, View
from neutral.figures.compare import place_names, unit
from pages.parts.text import as_text

LEAD = (
    "Views that you pinned on other pages, side by side on one scale, and how each differs from the first: two pairs, "
    "two models, tickets against Wanda, before against after."
)

EMPTY = """
## Nothing is pinned yet

Go to a page that shows a matrix, a pair, a language, layers or a token table, and press **Pin** there. Then pin another
one: here they stand side by side, with their difference. The address keeps what is pinned.
"""

ONE = "One view is pinned. Pin another on any page, and their difference stands here."

BY = {
    "layer": "Layer",
    "component": "Component",
    "layer-component": "Layer and component",
    "language": "Language",
    "pair": "Pair of languages",
    "size": "Size",
}

BOUND = (
    "The bound is 1 less the overlap of a language found again, under another seed or from the other half of its text: "
    "the most by which finding one of the masks again can move an overlap. Where a dot is filled, or a cell passes it, "
    "the views differ by more than that. Usual differences of this kind are far smaller than the bound."
)

DEPTH = (
    "These networks have different layers: they are compared at the same relative depth, and values of the one with "
    "more layers are interpolated between its layers."
)

NATS = "The difference of perplexities is that of their logarithms, in nats a token: 0.1 is about 10 % more."

_PLURALS = {
    "layer": "layers",
    "component": "components",
    "layer-component": "parts of layers",
    "language": "languages",
    "pair": "pairs",
    "size": "sizes",
}


def difference(left: View, right: View, names: tuple[str, str], apart: Difference) -> str:
    """Say how the right view differs from the left one, where most, and against what bound."""
    told = compare.found(apart)
    one, other = (as_text(name) for name in names)
    if not told.places:
        return f"**{other}** and **{one}** keep nothing in common places."
    named = dict(zip(apart.table["place"], place_names(list(apart.table["place"]), apart.by), strict=True))
    rows = [f"{as_text(named[row.place])} ({_signed(row.difference)})" for row in told.most.itertuples()]
    rows[0] = f"**{as_text(named[told.most.iloc[0].place])}**{rows[0][rows[0].rindex(' (') :]}"
    where = f"They differ most in {_listed(rows)}." if told.places > 1 else ""
    means = (told.left, told.right) if apart.by in ("language", "pair") else (left.whole, right.whole)
    said = _factors(left, right, one, other) if left.measure == FACTOR else _overlaps(*means, unit(left), one, other)
    return " ".join(filter(None, [said, _others(left, right, told, apart), where, _bound(told, apart)]))


def _factors(left: View, right: View, one: str, other: str) -> str:
    return (
        f"**{other}** has **{right.whole:.2f}** times the perplexity of the full table in the mean of languages, "
        f"**{one}** {left.whole:.2f} times."
    )


def _overlaps(left: float, right: float, measure: str, one: str, other: str) -> str:
    gap = right - left
    how = f"**{abs(gap):.3f} {'more' if gap > 0 else 'less'}** than" if abs(gap) >= 0.0005 else "as much as"
    return f"**{other}** share {how} **{one}**: {measure} is {right:.3f} against {left:.3f}."


def _others(left: View, right: View, told: compare.Found, apart: Difference) -> str:
    """Say that two means are of different languages; "" if they are not."""
    n = [len(view.tables["language"]) for view in (left, right) if "language" in view.tables]
    if len(n) < 2:
        return ""
    if apart.by == "language":
        return f"That is in the mean of the {told.places} languages of both." if max(n) > told.places else ""
    if apart.by == "pair":
        return f"That is in the mean of the {told.places} pairs of both."
    return f"These are means of different languages, {n[0]} and {n[1]}." if n[0] != n[1] else ""


def _bound(told: compare.Found, apart: Difference) -> str:
    if apart.by == "size" or not told.bounded:
        return "" if apart.by == "size" else "Nothing was found twice in either, so there is no bound to read that by."
    bound = apart.table["bound"]
    low, high = bound.min(), bound.max()
    span = f"{low:.3f}" if high - low < 0.0005 else f"{low:.3f} to {high:.3f}"
    places = f"{told.places} {_PLURALS[apart.by]}"
    if not told.beyond:
        return f"None of {places} differs by more than the same-language bound ({span})."
    return f"**{told.beyond} of {places}** differ by more than the same-language bound ({span})."


def unshared(views: list[View]) -> str:
    """Say that views have nothing by which they could be set beside each other."""
    if len({view.measure for view in views}) > 1:
        return "These views are in different measures, so there is no difference of them; each is on its own scale."
    return "These views have neither layers, languages nor sizes in common; each is on its own scale."


def wrong(text: str, problem: str) -> str:
    """Say what is wrong with a pin."""
    short = text if len(text) <= 200 else f"{text[:200]}…"
    return f"The pin “{as_text(short)}” is not shown: {problem}."


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
