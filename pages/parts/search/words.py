"""What the Winning tickets page says: where tickets are lost, and how they were trained and tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from neutral.search import winning
from neutral.transfer import published
from pages.parts import formats
from pages.parts.text import as_text, listed
from pages.parts.views import View

LEAD = "How many weights can be removed for a language before the retrained rest is worse than the full model?"
RULES = {"within_std": "within one standard deviation", "not_worse": "not significantly worse, by bootstrap"}
PAPER = "Foroutan et al. 2022 (mBERT)"
NO_SCORES = (
    "These masks come without scores of retrained tickets. `python -m neutral find --method magnitude` trains and "
    "scores a ticket at every sparsity, and the full model alike."
)
RECIPES = f"The paper: mBERT, Table 7 and section 5; masks of 50 % sparsity. {published.CITATION}."
COLUMNS = {
    "language": "Language",
    "full": "Full model",
    "ticket": "Ticket",
    "sparsity": "Sparsity",
    "random": "Random",
}
"""Columns of the paper's table -> what the page calls them."""


def answer(winners: pd.DataFrame, levels: pd.DataFrame, languages: Sequence[str]) -> str:
    """Say how much can be removed before tickets lose, a sentence a rule.

    The tables are those of `winning.winners` and `winning.levels`; `languages` are in the order of the figures. The
    most that was tried is no limit: a ticket that wins there may win beyond.
    """
    sentences = []
    for rule, sparsities in winning.by_rule(winners).items():
        told: dict[str, list[str]] = {}
        judged = [code for code in languages if code in sparsities]
        for code in sorted(judged, key=lambda code: -sparsities[code] if sparsities[code] == sparsities[code] else 1):
            tried = levels[levels["language"] == code]["sparsity"]
            told.setdefault(_won(sparsities[code], tried), []).append(code)
        parts = [f"{won} for {listed(codes, most=NAMED)}" for won, codes in told.items()]
        sentences.append(f"**As good as the full model**, {RULES[rule]}: {'; '.join(parts)}.")
    return "\n\n".join(sentences)


def what(view: View, levels: pd.DataFrame) -> str:
    """Say in a line which masks are shown, of every sparsity that was tried."""
    method = [] if view.choice.method == "upload" else [as_text(view.choice.method)]
    low, high = levels["sparsity"].min(), levels["sparsity"].max()
    removed = f"{low:.0%} removed" if low == high else f"{low:.0%} to {high:.0%} removed"
    return " · ".join([as_text(view.title), *method, removed])


def heading(*, trained: bool) -> str:
    """Return what is above the bars: a mask that was not retrained is no ticket."""
    if trained:
        return "Sparsest winning ticket of each language"
    return "Sparsest mask of each language that needs no training"


def tried(levels: pd.DataFrame, *, trained: bool) -> str:
    """Say which sparsities were tried, and whether tickets were trained."""
    count = formats.count(levels["sparsity"].nunique(), "level")
    done = (
        "Tickets were retrained"
        if trained
        else "**These masks are no tickets that were retrained**: they were scored as they are, without any training,"
    )
    return f"{done} at {count} of sparsity, up to {levels['sparsity'].max():.0%}."


def _won(sparsity: float, tried: pd.Series) -> str:
    """Say how much can be removed, of the sparsities that were tried."""
    if sparsity != sparsity:
        return f"not even {tried.min():.0%} removed, the least that was tried,"
    if sparsity >= tried.max():
        return f"at least {sparsity:.0%} removed, the most that was tried,"
    return f"up to {sparsity:.0%} removed"


NAMED = 6
"""Languages that a sentence names."""


def curve(levels: pd.DataFrame, *, trained: bool) -> str:
    """Say what the band and the circles of one language's curve mean."""
    few, many, full = int(levels["seeds"].min()), int(levels["seeds"].max()), int(levels["full_seeds"].iloc[0])
    sentences = ["The band is one standard deviation of the full model over its seeds."] if full > 1 else []
    if levels["not_worse"].notna().any():
        sentences.append(
            "Open circles: worse than the full model by a paired bootstrap over the held-out examples (95 %)."
        )
    else:
        sentences.append("Not tested by bootstrap: the scores of single examples were not stored.")
    alike = ", trained for as many steps" if trained else ", neither trained"
    seeds = formats.count(many, "seed") if few == many else f"{few} to {many} seeds"
    sentences.append(f"{seeds} of a {'ticket' if trained else 'mask'}, {full} of the full model{alike}.")
    return " ".join(sentences)


def undecided(languages: Sequence[str]) -> str:
    """Say for which languages no rule could be applied, and why."""
    return (
        f"Not decided for {listed(languages)}: there is one seed, so no standard deviation, and the "
        "scores of the held-out examples were not stored for the bootstrap."
    )


def paper(metric: str) -> str:
    """Say what the paper's table is of."""
    return (
        f"Table 2, {metric}, means of three runs; the random mask is of the ticket's sparsity. The paper prints no "
        f"standard deviations, so its rule cannot be applied again. {published.CITATION}."
    )


def recipe(
    *,
    examples: object,
    steps: object,
    batch: object,
    rate: object,
    parts: Mapping[str, object],
    seeds: int,
    again: float | None,
) -> dict[str, str]:
    """Write how tickets were trained, and one language's overlap under other seeds at 50 % sparsity (`again`, a share).

    `parts` are those of `recipes.PARTS`; empty for masks that were not trained.
    """
    written = {
        "Training examples": examples,
        "Steps a round": steps,
        "Batch size": batch,
        "Learning rate": rate,
        "Rate falls": _SCHEDULES.get(parts.get("schedule")),
        "Warm-up": f"{parts['warmup']:.0%}" if parts else None,
        "Examples of a round": _EXAMPLES.get(parts.get("examples")),
        "Task's head": _HEADS.get(parts.get("head")),
        "Seeds of masks": seeds,
        "Overlap with itself, other seeds, at 50%": None if again is None else f"{again:.2%}",
    }
    return {name: _setting(value) for name, value in written.items()}


_SCHEDULES = {
    "round": "to 0 in every round",
    "whole": "as over all rounds, anew in each",
    "continuous": "once, over all rounds",
}
_EXAMPLES = {"same": "the same in all", "fresh": "fresh ones"}
_HEADS = {"rewind": "rewound", "keep": "kept from round to round"}


def _setting(value: object) -> str:
    """Write a setting: as printed, or a number without needless digits; a dash for none."""
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{int(value):,}" if str(value).isdigit() else str(value)
