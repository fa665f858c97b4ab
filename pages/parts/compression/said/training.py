"""What tables cost on the way to them: by step, by the loss that they are trained on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pages.parts.compression.said.choices import BY
from pages.parts.compression.said.numbers import times
from pages.parts.text import as_text, code

UNITS = {"epoch": "Epoch (autoencoder)", "iterations": "Iterations (svd randomized)", "rounds": "Round (direction)"}
STEP_ERRORS = {"cosine": "Cosine distance", "rmse": "RMSE", "mae": "MAE", "power": "Mean |error|^0.6"}
STEPS_CAPTION = (
    "Solid: held-out text, at most eight blocks a language, table in the input. Dotted: the little training text that "
    "decides which step is kept (large marker); the rounds of direction are decided by its cosine distance alone."
)
LOSSES = (
    "The paper's auto-encoder, whose training differs in the loss alone. Bars: from the best seed to the worst. Lower "
    "is better in all three."
)
LOSS_NAMES = {
    "cosine": "the cosine distance alone",
    "paper": "the paper's loss",
    "cosine+rmse": "cosine distance with RMSE",
    "power": "the power of the error alone",
    "rmse": "RMSE alone",
}
SAME_LOSS = "Choose two losses that were tried at the same size."


def steps(chosen: pd.DataFrame, who: str) -> str:
    """Say which step each fit kept, and what choosing on the reported text would have shown (`steps.choices`)."""
    parts = []
    for row in chosen.itertuples():
        seed = f" under seed {as_text(row.seed)}" if chosen["seed"].nunique() > 1 else ""
        kept = f"**{as_text(row.line)}{seed}** keeps {_step(row.unit, row.step)}: {row.held_out:.3g} × on held-out text"
        least = f"{_step(row.unit, row.least_step)}, {row.least:.3g} ×"
        parts.append(kept + (", the least of all" if row.step == row.least_step else f" (least: {least})"))
    sentence = f"Perplexity over the full model's, {who}: {'; '.join(parts)}."
    if set(chosen["unit"]) == {"rounds"}:
        return sentence
    if not chosen["gain"].max() > 0:
        return f"{sentence} The text that is reported would have chosen the same."
    low, high = (f"{gain:.1%}" for gain in (chosen["gain"].min(), chosen["gain"].max()))
    more = low if low == high else f"{low} to {high}"
    return f"{sentence} Chosen on the text that is reported, as in the paper's scripts, it would be {more} lower."


def _step(unit: str, step: int) -> str:
    return {"epoch": f"epoch {step}", "rounds": f"round {step}"}.get(unit, f"{step} iteration{'s' * (step != 1)}")


def losses(versus: pd.DataFrame, one: str, other: str) -> str:
    """Say whether one loss beats another at equal size: the table is that of `losses.versus`.

    Yes or no where that is beyond the seeds at every size.
    """
    ahead = versus[versus["beyond"] & (versus["gain"] < 1)]
    verdict = f"At {_ratios(ahead)} only" if len(ahead) else "Not shown"
    if versus["beyond"].all():
        verdict = "Yes" if len(ahead) == len(versus) else verdict if len(ahead) else "No"
    first, second = (LOSS_NAMES.get(name) or code(name) for name in (one, other))
    joined = "although" if len(ahead) == len(versus) and (versus["rmse"] > 1).all() else "and"
    sentence = (
        f"**{verdict}: at {_ratios(versus)} {first} gives {times(versus['one'])} times the full model's perplexity, "
        f"{second} {times(versus['other'])} times, {joined} RMSE is {_percents(versus['rmse'])} with the first** "
        f"(mean of languages and seeds). The cosine distance is {_percents(versus['cosine'])}. Rebuilt rows are "
        f"{times(versus['length'])} times as long as the full ones with the first, {times(versus['other_length'])} "
        "times with the other."
    )
    return f"{sentence} {_beyond(versus)}"


def _ratios(versus: pd.DataFrame) -> str:
    return f"{', '.join(f'{ratio:g}' for ratio in versus['ratio'])} ×"


def _percents(shares: pd.Series) -> str:
    """Write ratios as differences: "3.1%, 4% higher", "0.2%, 0.1% lower" or each with its sign."""
    percents = [100 * (share - 1) for share in shares]
    texts = ", ".join(f"{abs(percent):.2g}%" for percent in percents)
    if all(percent > 0 for percent in percents):
        return f"{texts} higher"
    return f"{texts} lower" if all(percent < 0 for percent in percents) else ", ".join(f"{p:+.2g}%" for p in percents)


def _beyond(versus: pd.DataFrame) -> str:
    """Say at which sizes the difference is larger than that between seeds."""
    seeds = versus["seeds"].min()
    if seeds < 2:
        return "One seed: whether that is more than chance is not known."
    beyond, within = versus[versus["beyond"]], versus[~versus["beyond"]]
    parts = []
    if len(beyond):
        parts.append(f"At {_ratios(beyond)} every seed of the better is better than every seed of the other")
    if len(within):
        parts.append(f"at {_ratios(within)} the seeds overlap")
    counts = ", ".join(f"{row.languages} of {row.n}" for row in versus.itertuples())
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]} ({seeds} seeds). The first is better in {counts} languages."


def no_steps(by: str, others: Sequence[str]) -> str:
    """Say where a study has perplexities by step, or how it gets them."""
    return _counted_otherwise(by, others) or (
        "This study has no perplexities by epoch or iteration. `python -m neutral compress --follow` writes them down, "
        "for tables that are in the study too."
    )


def no_losses(by: str, others: Sequence[str]) -> str:
    """Say where a study has tables of several losses, or how it gets them."""
    return _counted_otherwise(by, others) or (
        f"No size by {by} was tried under two losses here. Go on with this study by `python -m neutral compress … "
        "--methods autoencoder,autoencoder:cosine,autoencoder:rmse`, with the settings that it was made with."
    )


def _counted_otherwise(by: str, others: Sequence[str]) -> str:
    if not others:
        return ""
    return f"Nothing of this is counted in {by} here: choose {BY[others[0]]} under Size counted in, in the sidebar."
