"""What the page Compare says: how two views differ, where most, and whether that is more than the bound."""

from __future__ import annotations

from neutral import compare
from neutral.compare import COST, FACTOR, REMOVED, RHO, Difference, View, differences
from neutral.figures.compare import place_names, unit
from pages.parts.text import as_text

LEAD = (
    "Views that you pinned on other pages, side by side on one scale, and how each differs from the first: two pairs, "
    "two models, tickets against Wanda, before against after."
)

EMPTY = """
## Nothing is pinned yet

Go to a page that shows a matrix, a pair, a language, layers, what overlap goes with, what masks cost, winning tickets
or a token table, and press **Pin** there. Then pin another
one: here they stand side by side, with their difference. The address keeps what is pinned.
"""

ONE = "One view is pinned. Pin another on any page, and their difference stands here."

BY = {
    "layer": "Layer",
    "component": "Component",
    "layer-component": "Layer and component",
    "language": "Language",
    "pair": "Pair of languages",
    "mask": "Language of the mask",
    "target": "Language trained on",
    "direction": "Mask and language",
    "distance": "Distance",
    "size": "Size",
}

BOUND = (
    "The bound is 1 less the overlap of a language found again, under another seed or from the other half of its text "
    "(of a pair the lower one of its languages; the line of the same language is the mean of both, as on all pages). "
    "It is the most by which finding one of the masks again can move an overlap. Where a dot is filled, or a cell "
    "passes it, the views differ by more than that. It is a bound for one pair; a mean of many pairs has none. "
    "What finding masks again usually makes is far smaller. It is measured "
    "where a study has overlaps between languages of both findings: by how much these differ, in the root "
    "mean square."
)

DEPTH = (
    "These networks have different layers: they are compared at the same relative depth, and values of the one with "
    "more layers are interpolated between its layers."
)

NATS = "The difference of perplexities is that of their logarithms, in nats a token: 0.1 is about 10 % more."

NOTES = {
    FACTOR: NATS,
    COST: "",
    RHO: "ρ is Spearman's, over pairs of languages; its tests are on the page Typology.",
    REMOVED: "",
}
"""What stands below differences, where it is not `BOUND`."""

MOVED_BY_SIZE = ("jaccard", "dice")
"""Measures that fall by arithmetic where more is removed."""
SAME_CHANCE = 0.01  # overlaps by chance that differ by less are of one sparsity
FEWEST = 6  # places of which a common sign says something

_PLURALS = {
    "layer": "layers",
    "component": "components",
    "layer-component": "parts of layers",
    "language": "languages",
    "pair": "pairs",
    "mask": "masks",
    "target": "languages",
    "direction": "masks on other languages",
    "distance": "distances",
    "size": "sizes",
}


def difference(left: View, right: View, names: tuple[str, str], apart: Difference) -> str:
    """Say how the right view differs from the left one, where most, and against what bound."""
    told = compare.found(apart)
    one, other = (as_text(name) for name in names)
    if not told.places:
        return f"**{other}** and **{one}** keep nothing in common places."
    named = dict(zip(apart.table["place"], place_names(list(apart.table["place"]), apart.by), strict=True))
    most = [
        (as_text(named[row.place]), _signed(row.difference, _digits(right, told))) for row in told.most.itertuples()
    ]
    rows = [f"**{place}** ({by})" if not k else f"{place} ({by})" for k, (place, by) in enumerate(most)]
    where = f"They differ most in {_listed(rows)}." if told.places > 1 else ""
    means = (told.left, told.right) if apart.by in ("language", "pair") else (left.whole, right.whole)
    says = _SAYS.get(left.measure)
    said = says(left.whole, right.whole, one, other) if says else _overlaps(*means, unit(left), one, other)
    sizes = _sizes(left, right)
    verdicts = [] if sizes else [_whole(left, right, apart), _bound(told, apart, left)]
    return " ".join(filter(None, [said, sizes, _others(left, right, told, apart), where, *verdicts]))


def _sizes(left: View, right: View) -> str:
    """Warn of views of other sparsities, whose overlaps differ by arithmetic, and compare them beyond chance."""
    chance = [view.over_all.get("chance") for view in (left, right)]
    if left.measure not in MOVED_BY_SIZE or None in chance or abs(chance[0] - chance[1]) < SAME_CHANCE:
        return ""
    first, second = (
        (view.whole - by_chance) / (1 - by_chance) for view, by_chance in zip((left, right), chance, strict=True)
    )
    more = "more" if second > first else "less"
    return (
        f"**Mind what they remove:** the fewer weights are kept, the lower the overlap by arithmetic; by chance it is "
        f"{chance[1]:.3f} against {chance[0]:.3f}. Beyond chance (0 is chance, 1 the same masks) it is "
        f"**{second:.3f}** against {first:.3f}, {abs(second - first):.3f} {more}. The differences below "
        "are not corrected for this, so no bound is read on them."
    )


def _whole(left: View, right: View, apart: Difference) -> str:
    """Say whether the difference over all weights is within what finding masks again makes."""
    if apart.by in ("language", "pair") or not left.over_all or not right.over_all:
        return ""
    size = abs(right.whole - left.whole)
    bound = 1 - min(view.over_all["lowest"] for view in (left, right))
    usual = sum(view.over_all["usual"] ** 2 for view in (left, right)) ** 0.5
    said = []
    if bound == bound:
        said.append(
            f"{'more than' if size > bound else 'within'} the most by which finding one mask again can move an overlap "
            f"({_small(bound)})"
        )
    if usual == usual:
        said.append(
            f"{'more than' if size > differences.SURE * usual else 'not more than'} twice {_USUALLY} ({_small(usual)})"
        )
    return f"Over all weights that is {' and '.join(said)}." if said else ""


def _factors(left: float, right: float, one: str, other: str) -> str:
    return (
        f"**{other}** has **{right:.2f}** times the perplexity of the full table in the mean of languages, "
        f"**{one}** {left:.2f} times."
    )


def _costs(left: float, right: float, one: str, other: str) -> str:
    return (
        f"Another language's mask costs **{_signed(right, 1)}%** of the own mask's score in the mean in **{other}**, "
        f"{_signed(left, 1)}% in **{one}**; above 0 is worse."
    )


def _correlations(left: float, right: float, one: str, other: str) -> str:
    return (
        f"The overlap goes with distances at **|ρ| = {right:.2f}** in the mean of distances in **{other}**, at "
        f"{left:.2f} in **{one}**."
    )


def _removed(left: float, right: float, one: str, other: str) -> str:
    return (
        f"The sparsest winning tickets remove **{right:.0f}%** of the weights in the mean of languages in **{other}**, "
        f"{left:.0f}% in **{one}**."
    )


_SAYS = {FACTOR: _factors, COST: _costs, RHO: _correlations, REMOVED: _removed}


def _overlaps(left: float, right: float, measure: str, one: str, other: str) -> str:
    gap = right - left
    digits = next((n for n in (3, 4) if abs(gap) >= 0.95 * 10 ** (1 - n)), 5)
    same = abs(gap) < 0.5 * 10**-digits
    how = "as much as" if same else f"**{abs(gap):.{digits}f} {'more' if gap > 0 else 'less'}** than"
    return f"**{other}** share {how} **{one}**: {measure} is {right:.{digits}f} against {left:.{digits}f}."


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


def _bound(told: compare.Found, apart: Difference, left: View) -> str:
    """Say how many places differ by more than the bound, and than what is usual; and plainly, if all of it is noise."""
    if apart.by == "size":
        return ""
    bound, places = apart.table["bound"], _PLURALS[apart.by]
    if not told.bounded:
        return _without_bound(told, places, left)
    low, high = bound.min(), bound.max()
    span = _small(low) if high - low < 0.0005 else f"{_small(low)} to {_small(high)}"
    each = (
        f"all {told.bounded} {places}" if told.bounded == told.places else f"all {told.bounded} {places} that have one"
    )
    bounded = f"{each} are within the same-language bound ({span})"
    known = told.usual == told.usual
    if told.is_noise and known:
        return (
            f"**All of it is noise:** {bounded}, and none differs by more than twice {_USUALLY} ({_small(told.usual)})."
        )
    if not told.beyond and not known:
        most = ", the most by which finding one of the masks again can move an overlap"
        return (
            f"{each[:1].upper()}{bounded[1:]}{most * (apart.by in ('language', 'pair'))}. How much finding masks "
            "again usually moves an overlap was not measured; that is far less, so this does not say that the "
            f"difference is noise.{_sign(told, places)}"
        )
    further = f"**{told.unusual} of {told.places}** differ by more than twice {_USUALLY} ({_small(told.usual)})"
    if not told.beyond:
        return (
            f"{each[:1].upper()}{bounded[1:]}, the most that finding one of the masks again can make. That is rare: "
            f"{further}.{_sign(told, places)}"
        )
    said = f"**{told.beyond} of {told.places} {places}** differ by more than the same-language bound ({span}), "
    said += f"{told.within or 'none'} {'is' if told.within == 1 else 'are'} within it"
    return f"{said}; {further}." if known else f"{said}."


def _without_bound(told: compare.Found, places: str, left: View) -> str:
    """Say what is known of noise where no bound is: of a mean of many pairs what finding all masks again makes."""
    if told.usual == told.usual:
        if told.is_noise:
            none = f"none of the {places} differs by more than twice {_USUALLY}"
            return f"**All of it is noise:** {none} ({_small(told.usual)})."
        return (
            f"**{told.unusual} of {told.places} {places}** differ by more than twice {_USUALLY} ({_small(told.usual)})."
        )
    if "pair" in left.tables:
        return (
            "These are means of many pairs: the bound of one pair says nothing of them, and how much finding the masks "
            f"again moves a mean was not measured.{_sign(told, places)}"
        )
    return "Nothing of this was measured twice in either, so there is no bound to read that by."


def _sign(told: compare.Found, places: str) -> str:
    """Say in how many places the difference has one sign, where there are enough to tell."""
    if told.places < FEWEST:
        return ""
    return f" In {told.one_sign} of {told.places} {places} it has the same sign."


_USUALLY = "what finding the masks again usually makes"


def _digits(view: View, told: compare.Found) -> int:
    """Return how many decimals tell the largest differences apart."""
    if view.measure in (COST, REMOVED):
        return 1
    return 3 if float(told.most["difference"].abs().max()) >= 0.0095 else 4


def _small(value: float) -> str:
    """Write a difference of overlaps with two digits that say something.

    >>> _small(0.0193), _small(0.000268)
    ('0.019', '0.00027')
    """
    return f"{value:.3f}" if value >= 0.0095 or value == 0 else f"{value:.2g}"


def unshared(views: list[View]) -> str:
    """Say that views have nothing by which they could be set beside each other."""
    if len({view.measure for view in views}) > 1:
        return "These views are in different measures, so there is no difference of them; each is on its own scale."
    return "These views have neither layers, languages nor sizes in common; each is on its own scale."


def wrong(text: str, problem: str) -> str:
    """Say what is wrong with a pin."""
    short = text if len(text) <= 200 else f"{text[:200]}…"
    return f"The pin “{as_text(short)}” is not shown: {problem}."


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
