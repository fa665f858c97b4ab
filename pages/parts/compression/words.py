"""The compression page's sentences about curves and errors: what is drawn, and which error foretells perplexity.

Those of the answer are in `budget_words`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neutral.compression.downstream import TRAINS, best_and_worst, pairs_of_ways
from neutral.compression.live import DRAWN
from neutral.metrics import metric
from neutral.study import FULL, Study
from pages.parts import formats
from pages.parts.compression.tables import TableChoice
from pages.parts.text import as_text, code

BY = {"bytes": "Bytes", "parameters": "Parameters"}
WHERE = {"both": "Input and output", "input": "Input only"}
MASKING = {("blocks", False): "Single tokens", ("blocks", True): "Whole words", ("lines", True): "Line by line"}
MASKING_HELP = (
    "What was scored: single tokens or whole words of packed blocks of text, or single lines as in the scripts of "
    "Bałazy et al. (lines of 20 tokens or more, words by ##, padding attended to, means over batches of four lines)."
)
MASKED = {
    ("blocks", False): "tokens masked",
    ("blocks", True): "whole words masked",
    ("lines", True): "line by line, as in the paper's scripts",
}
WEIGHTS = {"uniform": "Uniform", "sqrt": "√frequency", "frequency": "Frequency"}
VOCABULARY = {False: "Full", True: "Trimmed to the text"}
VOCABULARY_HELP = "All tokens, or only those of the text: then all else is compressed after that cut."
WEIGHTS_HELP = "How much each token counted in the fit. A method that has no such results shows those it has."

RUINED = 100_000  # times the full perplexity: digits above it say nothing

HELP = {
    "model": "A folder with config.json, safetensors and tokenizer.json: this study's model, the bundled ones, and "
    "those in the folders that this server allows (`neutral app --folders`).",
    "method": "svd: fewest squared errors at a rank. direction: rows turn least. int8, int4: rounded numbers. mixed: "
    "more bits for tokens that are used more.",
    "bytes": "The bytes of the full table in float32 ÷ every stored byte.",
    "parameters": "The numbers of the full table ÷ the stored numbers.",
    "estimate": "Perplexity over the full model's, of the language chosen above: read off this study's curves at the "
    "size that was reached, interpolated between measured sizes; nothing beyond them. Not measured here.",
    "cosine": "1 − cos of the angle between a row and the rebuilt one, mean over drawn tokens: 0 is no turn.",
    "rmse": "Root of the mean squared error of a number of the table.",
    "mae": "Mean absolute error of a number of the table.",
    "norm_ratio": "Length of the rebuilt row ÷ length of the row, mean: below 1 it is shorter.",
    "neighbours": "Of a token's ten nearest neighbours among the drawn ones, how many it keeps: mean of 100 tokens.",
    "by": "Every stored byte against float32; or stored numbers.",
    "where": "A tied model has one table for input and output: compressed in both, or in the input alone.",
}

NO_STUDY = """
## There is no study of token tables here yet

Such a study holds perplexities of a model whose token table was compressed. Make one from any Hugging Face model and a
folder of text, one file a language (`en.txt`, `sw.txt`, …):

```sh
python -m neutral compress --model MODEL --methods svd,direction --ratios 2.5,5,10 --text TEXT \\
    --study data/studies/mine
```
"""
PQ = (
    "Its codes are learnt from a sample of the rows. A few rows are like no others, those of the mask and of the marks "
    "around a text, and they stand in every example: how near a code comes to them changes with each size, by chance. "
    "With Token weights by frequency or its root they are always in the sample."
)
MEASURED = "mini-mbert-compression"
PQ_MEASURED = (
    "Measured on the bundled sentences: at 10 × Swahili has 3.57 times the perplexity, and 1.03 times with the rows of "
    "&lt;mask>, &lt;s> and &lt;/s> exact; then its line only rises (1.01, 1.03, 1.03, 1.13, 1.17, 1.39 times from 5 to "
    "20 ×; `benchmarks/zigzag.py`)."
)
NO_RESULTS = "This study has no perplexities for this choice. Choose another size, place or masking in the sidebar."
BOUNDS = "▷ kept at the largest ratio measured, ◁ passed at the smallest."
NOT_INDEPENDENT = (
    "All tables, by parameters and by bytes. Tables of one method are not independent, so the interval over whole "
    "methods is the fairer one."
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
MAP = (
    "Each side is laid out from its own nearest neighbours by cosine, the right one starting from the left. Tokens "
    "that are near share neighbours; distances between far groups mean nothing."
)
UNITS = {"epoch": "Epoch (autoencoder)", "iterations": "Iterations (svd randomized)", "rounds": "Round (direction)"}
STEP_ERRORS = {"cosine": "Cosine distance", "rmse": "RMSE", "mae": "MAE", "power": "Mean |error|^0.6"}
STEPS_CAPTION = (
    "Solid: held-out text, at most eight blocks a language, table in the input. Dotted: the little training text that "
    "decides which step is kept (large marker); the rounds of direction are decided by its cosine distance alone."
)
NO_TUNING = (
    "This study has no fine-tuning yet. Go on with it by the same `python -m neutral compress` command with "
    "`--finetune DATA`: GLUE's tasks, SQuAD v1.1, or any classification of texts."
)
TUNING = (
    "A dot is a mean over seeds, its bar goes from the least to the best of them; dotted: the full model. In the "
    "paper's way the decoder of the auto-encoder trains and nothing of any other compressed table. Intervals in the "
    "table resample the held-out examples, the same for both models."
)
MEASURE_NAMES = {"cosine": "cosine distance", "rmse": "RMSE", "perplexity": "perplexity"}

TAKE_HOME = "The table alone, still compressed: `neutral.compression.load(FILE)` reads it, `put_in` puts it in a model."
TAKE_HOME_MODEL = (
    "Or a model folder with such a table, which transformers reads after `import neutral` (`--as plain` and "
    "`--as compressed-tensors`: without). TEXT is a folder of `<lang>.txt`, with which `mixed` sees the outputs too."
)


def title(study: Study) -> str:
    """Return the study's name for people."""
    return study.info.get("title") or study.path.name


def elsewhere(asked: str, study: Study) -> str:
    """Say that the study of masks chosen on other pages is not what this page shows."""
    return (
        f"Studies of masks, such as “{as_text(asked)}”, have no token tables; these are of “{as_text(title(study))}”."
    )


def what(study: Study, choice: TableChoice) -> str:
    """Say in a line what is shown."""
    info = study.info
    size = f"{info['vocabulary']:,} × {as_text(info['width'])}" if {"vocabulary", "width"} <= set(info) else ""
    place = "compressed table in the input and in the tied output layer"
    if choice.where == "input":
        place = "compressed table in the input only" + (", output layer as it was" if info.get("tied") else "")
    masking = {"mlm": MASKED[choice.scoring, choice.words]}.get(info.get("task"), "")
    return " · ".join(filter(None, [as_text(title(study)), f"table of {size}" if size else "", place, masking]))


def curve(points: pd.DataFrame, top: float, limit: float, off: Sequence[str]) -> str:
    """Say what is dotted, and which lines go on above the axis, which ends at `top` (0: it does not), or lie there."""
    sentences = [f"Dotted: the full model, and {limit:g} × its perplexity."]
    drawn = points[~points["line"].isin(off)]
    if 0 < top < drawn["factor"].max():
        sentences.append("Lines that leave at the top go on.")
    if off:
        names = ", ".join(
            f"{as_text(line)} ({_times(points.loc[points['line'] == line, 'factor'].head(1))} times at "
            f"{points.loc[points['line'] == line, 'size'].min():.3g} ×)"
            for line in off
        )
        sentences.append(f"Above {top:g} times at every size, so not drawn: {names}.")
    return " ".join(sentences)


def broken(lines: pd.DataFrame, limit: float) -> str:
    """Say which lines keep no language within the limit even at the least ratio that was tried; "" for none."""
    names = ", ".join(f"{as_text(row.line)} ({row.ratio:.3g} ×)" for row in lines.itertuples())
    return f"Past {limit:g} × in every language at the least ratio tried already: {names}." if names else ""


def unsteady(lines: pd.DataFrame, study: Study, bundled: bool) -> str:
    """Say why a line goes up and down with size: the table is that of `choosing.unsteady`."""
    parts = []
    for row in lines.itertuples():
        steady = " while the mean error over all tokens grows" if row.cosine < row.later_cosine else ""
        parts.append(
            f"**{as_text(row.line)} goes up and down**: {row.factor:.3g} times at {row.peak:.3g} ×, {row.less:.3g} "
            f"times at {row.later:.3g} ×{steady}."
        )
    if ((lines["method"] == "pq") & (lines["weights"] == "uniform")).any():
        parts.append(PQ)
        if bundled and study.path.name == MEASURED:
            parts.append(PQ_MEASURED)
    return " ".join(parts)


def prediction(by_table: pd.DataFrame, by_method: pd.DataFrame, disagreements: tuple[int, float], who: str) -> str:
    """Say whether the cosine distance foretells the perplexity of a language better than RMSE does.

    The tables are those of `predictions.correlations`, resampled by table and by method. What the first alone shows is
    said of these tables only.
    """
    row, wide = (_row(table, who, "rmse") for table in (by_table, by_method))
    verdict = "Neither error clearly foretells perplexity better"
    if row["lead_low"] > 0:
        verdict = "Cosine distance foretells perplexity better than RMSE"
    elif row["lead_high"] < 0:
        verdict = "RMSE foretells perplexity better than cosine distance"
    if row["lead_low"] * row["lead_high"] > 0 and not wide["lead_low"] * wide["lead_high"] > 0:
        verdict += " over these tables; over whole methods that is not shown"
    sentence = (
        f"**{verdict}.** Rank correlation {_row(by_table, who, 'cosine')['rho']:.3f} for cosine distance, "
        f"{row['rho']:.3f} for RMSE; difference {row['lead']:+.3f} (95% interval {row['lead_low']:+.3f} to "
        f"{row['lead_high']:+.3f} over {row['n']} tables, {wide['lead_low']:+.3f} to {wide['lead_high']:+.3f} over "
        "whole methods)."
    )
    count, share = disagreements
    if count:
        sentence += (
            f" Where they disagree on which of two tables is better ({count:,} pairs), perplexity sides with cosine "
        )
        sentence += f"distance in {share:.0%}."
    return sentence


def tuning(rows: pd.DataFrame) -> str:
    """Say what each compressed table costs in one setting, and what it matters which of its numbers train."""
    name = metric(rows["metric"].iloc[0]).label
    full = rows[rows["train"] == "table"]
    tables = rows[rows["line"] != FULL]
    seeds = formats.count(int(rows["seeds"].max()), "seed")
    if full.empty or tables.empty:
        listed = ", ".join(f"{as_text(row.line)} {row.value:.3f}" for row in rows.itertuples())
        return f"**{name}** after fine-tuning ({seeds}): {listed}."
    best, worst = best_and_worst(tables)
    sentence = f"**{name}: {full['value'].iloc[0]:.3f} with the full table, {_tuned(best)}"
    sentence += "**" if best.name == worst.name else f" and {_tuned(worst)}**"
    parts = [
        f"{as_text(row.line)} {row.value:.3f} with {TRAINS[row.train]} trained, {row.all:.3f} with all its factors"
        for row in pairs_of_ways(rows).itertuples()
    ]
    more = f" What trains: {'; '.join(parts)}." if parts else ""
    return f"{sentence} ({seeds}, {full['examples'].iloc[0]:,} examples).{more}"


def _tuned(row: pd.Series) -> str:
    """Write a table's score, with its distance from the full model's."""
    interval = ""
    if row["gain_low"] == row["gain_low"]:
        interval = f"; 95% interval {row['gain_low']:+.3f} to {row['gain_high']:+.3f}"
    return (
        f"{row['value']:.3f} with {as_text(row['line'])}, {TRAINS[row['train']]} trained ({row['gain']:+.3f}{interval})"
    )


def _row(table: pd.DataFrame, language: str, error: str) -> pd.Series:
    return table[(table["language"] == language) & (table["error"] == error)].iloc[0]


def pairs(table: pd.DataFrame) -> str:
    """Say who wins at equal rank: the table is that of `predictions.paired`."""
    rows = table.set_index("measure")
    parts = []
    for measure, row in rows.iterrows():
        n = row["wins"] + row["losses"] + row["ties"]
        parts.append(f"{MEASURE_NAMES[measure]} lower in {row['wins']:.0f} of {n:.0f}{_p(row['p'])}")
    ratio = rows.loc["perplexity", "ratio"]
    return (
        f"**direction against svd, at equal rank:** {'; '.join(parts)}. Its perplexity is {ratio:.3g} times that of "
        "svd in the geometric mean."
    )


def _p(p: float) -> str:
    if p != p:
        return ""
    return " (sign test p < 0.001)" if p < 0.001 else f" (sign test p = {p:.2g})"


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
        f"**{verdict}: at {_ratios(versus)} {first} gives {_times(versus['one'])} times the full model's perplexity, "
        f"{second} {_times(versus['other'])} times, {joined} RMSE is {_percents(versus['rmse'])} with the first** "
        f"(mean of languages and seeds). The cosine distance is {_percents(versus['cosine'])}. Rebuilt rows are "
        f"{_times(versus['length'])} times as long as the full ones with the first, {_times(versus['other_length'])} "
        "times with the other."
    )
    return f"{sentence} {_beyond(versus)}"


def _times(factors: pd.Series) -> str:
    return ", ".join(_factor(value) for value in factors)


def _factor(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}" if value < RUINED else f"more than {RUINED:,.0f}"


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


def _counted_otherwise(by: str, others: Sequence[str]) -> str:
    if not others:
        return ""
    return f"Nothing of this is counted in {by} here: choose {BY[others[0]]} under Size counted in, in the sidebar."


def no_losses(by: str, others: Sequence[str]) -> str:
    """Say where a study has tables of several losses, or how it gets them."""
    return _counted_otherwise(by, others) or (
        f"No size by {by} was tried under two losses here. Go on with this study by `python -m neutral compress … "
        "--methods autoencoder,autoencoder:cosine,autoencoder:rmse`, with the settings that it was made with."
    )


def full_table(rows: int, width: int, weights: str, one_size: Sequence[str]) -> str:
    """Say how large the table compressed live is, and what the methods see of the tokens."""
    return (
        f"Full table: {rows:,} × {width}, {4 * rows * width / 1e6:.3g} MB in float32. Token weights: "
        f"{WEIGHTS[weights]}. {', '.join(one_size)} have one size; mixed weighs by frequency and sees the table alone, "
        f"not the model. Errors: over {min(rows, DRAWN):,} drawn tokens."
    )


def estimates(table: pd.DataFrame, ratio: float, by: str, who: str) -> str:
    """Say what the study's curves tell of a ratio: the table is that of `choosing.estimates`."""
    if table.empty:
        return f"No curve of this study reaches from below {ratio:g} × by {by} to above it: no estimate."
    listed = ", ".join(f"{as_text(row.line)} {row.factor:.2f} ×" for row in table.head(5).itertuples())
    return (
        f"**Estimated perplexity at {ratio:g} × by {by}**, over the full model's ({as_text(who)}; read off this "
        f"study's curves, not measured now): {listed}."
    )


def computing(title: str) -> str:
    """Say what is computed; grey rows are those of before."""
    return f"Computing {title} … grey rows are of the ratio before."


def no_model(name: str, *, another: bool) -> str:
    """Say that a model is not on this machine, and whether another one is shown."""
    instead = " Shown instead: a model that is." if another else ""
    return f"This part needs the folder of {as_text(name)}, which is not on this machine.{instead}"


def too_large(name: str, rows: int, width: int) -> str:
    """Say that a table is too large to be compressed on the page."""
    return f"The table of {as_text(name)}, {rows:,} × {width}, is too large to be compressed here: use the shell."


def too_few(tables: int) -> str:
    """Say that there are too few tables for a rank correlation."""
    return f"It takes four compressed tables to tell; there are {tables}."
