"""What the columns of the Compression page's tables are called, and their values in words."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from neutral.compression.results import ALL
from neutral.members import display

NAMES = {
    "line": "Method",
    "loss": "Loss",
    "language": "Language",
    "where": "Table in",
    "by": "Ratio by",
    "ratio": "Ratio asked",
    "size": "Ratio reached",
    "ratio_bytes": "Ratio by bytes",
    "ratio_parameters": "Ratio by parameters",
    "bytes": "Bytes",
    "parameters": "Numbers",
    "rank": "Rank",
    "value": "Perplexity",
    "factor": "Perplexity ÷ full model's",
    "nats": "Nats a token more",
    "low": "Lowest",
    "median": "Median",
    "high": "Highest",
    "n": "Languages",
    "languages": "Languages ahead",
    "limit": "Limit",
    "bound": "Bound",
    "sizes": "Sizes measured",
    "cosine": "Cosine distance",
    "rmse": "RMSE",
    "mae": "MAE",
    "power": "Mean |error|^0.6",
    "norm_ratio": "Length ratio",
    "neighbours": "Neighbours kept",
    "group": "Tokens by",
    "name": "Group",
    "label": "Group",
    "tokens": "Tokens",
    "weights": "Token weights",
    "trimmed": "Trimmed vocabulary",
    "words": "Whole words masked",
    "scoring": "Scored in",
    "seed": "Seed",
    "seeds": "Seeds",
    "unit": "Step counted in",
    "step": "Step",
    "least_step": "Step of least",
    "held_out": "Held-out ÷ full model's",
    "training": "Training text, loss",
    "least": "Least",
    "gain": "Gain",
    "chosen": "Kept",
    "error": "Error",
    "rho": "Rank correlation",
    "lead": "Lead",
    "lead_low": "Lead, 2.5%",
    "lead_high": "Lead, 97.5%",
    "one": "The first",
    "other": "The other",
    "beyond": "Beyond the seeds",
    "length": "Length ratio",
    "other_length": "Length ratio of the other",
    "setting": "Task and setting",
    "metric": "Metric",
    "examples": "Examples",
    "train": "What trains",
    "all": "Mean of languages",
    "method": "Kind of method",
    "variant": "Variant",
    "piece": "Token",
    "script": "Script",
    "before_x": "Before, x",
    "before_y": "Before, y",
    "after_x": "After, x",
    "after_y": "After, y",
    "id": "Token's number",
    "low_rho": "Rank correlation, 2.5%",
    "high_rho": "Rank correlation, 97.5%",
    "gain_low": "Gain, 2.5%",
    "gain_high": "Gain, 97.5%",
}
"""Column of a table of the library -> its heading. Another one is its own, with a capital and without underscores."""

_WORDS = {
    "bound": {"above": "at least", "below": "not at the least", "": "between"},
    "where": {"both": "input and output", "input": "input only"},
    "scoring": {"blocks": "blocks", "lines": "lines"},
    "weights": {
        "uniform": "uniform",
        "sqrt": "√frequency",
        "frequency": "frequency",
        "expected": "expected frequency",
    },
}
_TWICE = ("method", "variant")  # what the name of the line says
_ORDER = ("line", "language", "label", "loss")
_CODES = 8  # letters of a column's name that may be a language's code


def named(frame: pd.DataFrame, members: Iterable[str] = ()) -> pd.DataFrame:
    """Return a table with headings for people, languages by name, and nothing twice.

    `members` are languages that have a column each.
    """
    members, columns = set(members), list(frame.columns)
    drop = [name for name in _TWICE if name in columns and "line" in columns]
    drop += ["name"] if {"name", "label"} <= set(columns) else []
    frame = frame.drop(columns=drop)
    for column, words in _WORDS.items():
        if column in frame:
            frame[column] = [words.get(value, value) for value in frame[column]]
    if "language" in frame:
        frame["language"] = [NAMES["all"] if code == ALL else display(code) for code in frame["language"]]
    first = [name for name in _ORDER if name in frame]
    frame = frame[[*first, *(name for name in frame if name not in first)]]
    headings = {name: display(name) if name in members else heading(name) for name in frame}
    taken: dict[str, str] = {}
    for name, text in headings.items():  # two columns of one name cannot be shown
        taken[name] = text if text not in taken.values() else f"{text} ({name})"
    return frame.rename(columns=taken)


def heading(name: str) -> str:
    """Return what a column is called.

    >>> heading("ratio_bytes"), heading("fit_seconds")
    ('Ratio by bytes', 'Fit seconds')
    """
    text = NAMES.get(name) or str(name).replace("_", " ")
    return text[:1].upper() + text[1:]


def reach(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how far every method reaches (`reach.reach`), with headings."""
    shown = rows.assign(breaks_first=[display(code) if code else "" for code in rows["breaks_first"]])
    names = {
        "line": "Method",
        "within": f"Within {rows['tolerance_percent'].iloc[0]:g}%",
        "times_smaller": f"Times smaller, by {rows['counted_in'].iloc[0]}",
        "megabytes": "MB",
        "perplexity": "Perplexity",
        "change_percent": "Change in %",
        "measured_from": "Measured from",
        "measured_to": "Measured to",
        "breaks_first": "Breaks first",
    }
    told = [name for name in names if name != "breaks_first" or rows["breaks_first"].any()]
    return shown[told].rename(columns=names)
