"""Which method, at which size, for a language and a tolerance; and what a size costs, by the curves of a study.

Between two measured ratios the logarithm of the perplexity is taken to be linear in the logarithm of the ratio, as in
`results.breaking`. Beyond what was measured nothing is said: a line that holds at the largest ratio that was tried
holds *at least* so far.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from math import floor
from typing import NamedTuple

import numpy as np
import pandas as pd

from neutral.compression import variants
from neutral.compression.results import ALL, LINE, TRIM, VIEW, at_size, crossing, mean
from neutral.errors import NeutralError

WORST = "worst"
"""In place of a language: every one of them."""

TOLERANCE = 0.1
"""How much worse a perplexity may be, as a share of the full model's, unless it is said."""

EXPORTED = ("--export", "models", "--as", "neutral")
"""What a command says to write a model folder with its table, compressed."""

COLUMNS = [*LINE, "line", *VIEW, "ratio", "bound", "sizes", "low", "high", "again", "breaks", "asked", "ratio_bytes"]
UNSTEADY_COLUMNS = ["line", "method", "weights", "peak", "factor", "cosine", "later", "less", "later_cosine"]
_POINT = ["size", "factor", "cosine"]
_UNSTEADY = 1.2  # times: a smaller rise and fall may be chance
_RUINED = 2.0  # times the full perplexity: what is above it all the way is ruined, this way or that
_FIXED = ("int8", "int4")
_PLACES = 100  # ratios in hundredths
_SAME = 1e-9  # of a ratio: rounding
_NEAR = 1e-3  # of a ratio: tables of one size, but for the last digits of what was asked


def within(scores: pd.DataFrame, by: str, language: str = WORST, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Return up to which ratio each line keeps a language within a tolerance, the one that reaches furthest first.

    Parameters
    ----------
    scores : DataFrame
        As `results.scores` returns it, of one place and masking.
    by : str
        "parameters" or "bytes": how the ratio is counted.
    language : str
        A language of the study; `results.ALL` for the geometric mean over all, `WORST` for every single one.
    tolerance : float
        0.1 for a perplexity at most 10 % above the full model's.

    Returns
    -------
    DataFrame
        `COLUMNS`, of which

        - ratio: as reached; bound: "above" where every ratio that was tried holds (it is then the largest), "below"
          where the smallest breaks already, else "";
        - sizes: how many ratios were tried; low, high: the measured ones that it lies between;
        - again: whether a smaller ratio breaks: of a curve that goes up and down, the largest ratio that was measured
          within the tolerance is taken, and nothing is interpolated;
        - breaks: of several languages the one that breaks first, or suffers most where none is kept; else "";
        - asked: the ratio to ask `compress` for, NaN for a method of one size; ratio_bytes: by bytes of float32.

        Lines of bound "below" come last.

    Raises
    ------
    NeutralError
        For a language that was not scored, and for a tolerance below 0.
    """
    limit = limit_of(tolerance)
    rows = at_size(of_language(scores, language), by)
    found = []
    for keys, line in rows.groupby([*LINE, "line", *VIEW], sort=False):
        found.append([*keys, *_reached(line, by, limit, language)])
    table = pd.DataFrame(found, columns=COLUMNS)
    order = table.assign(holds=table["bound"] != "below").sort_values(
        ["holds", "ratio"], ascending=False, kind="stable"
    )
    return table.loc[order.index].reset_index(drop=True)


def limit_of(tolerance: float) -> float:
    """Return the largest perplexity that a tolerance allows, over the full model's. Raises `NeutralError` below 0.

    >>> limit_of(0.1)
    1.1
    """
    if not 0 <= tolerance < np.inf:
        raise NeutralError(f"a tolerance of {tolerance:.0%}: 0 % or more, of the full model's perplexity")
    return 1 + tolerance


def of_language(scores: pd.DataFrame, language: str) -> pd.DataFrame:
    """Return the scores of one language, their geometric mean for `ALL`, or those of all for `WORST`.

    Raises `NeutralError` for a language that was not scored.
    """
    if language == WORST:
        return scores
    if language == ALL:
        means = mean(scores)
        return means.assign(language=ALL, nats=np.log(means["factor"].astype(float)))
    rows = scores[scores["language"] == language]
    if rows.empty:
        there = ", ".join(dict.fromkeys(scores["language"])) or "none"
        raise NeutralError(f"{language}: was not scored; there is {there}")
    return rows


def curve(scores: pd.DataFrame, by: str, language: str = WORST) -> pd.DataFrame:
    """Return the measured points of every line, for a language, the mean or the one that suffers most (`WORST`).

    A row a size, with `results.scores`' columns line, method, factor, size (the ratio as reached) and, of several
    languages, low and high. Raises as `of_language` does.
    """
    if language != WORST:
        return at_size(of_language(scores, language), by)
    means = mean(scores)
    return at_size(means.assign(factor=means["high"]), by)


def estimate(points: pd.DataFrame, ratio: float) -> float:
    """Return the perplexity over the full model's at a ratio, from the `curve` of one line; NaN beyond its points.

    >>> estimate(pd.DataFrame({"size": [4.0, 16.0], "factor": [1.0, 1.21]}), 8.0)
    1.1
    """
    points = points.sort_values("size")
    sizes, factors = points["size"].to_numpy(dtype=float), points["factor"].to_numpy(dtype=float)
    if not len(sizes) or not sizes[0] * (1 - _NEAR) <= ratio <= sizes[-1] * (1 + _NEAR):
        return float("nan")
    return round(float(np.exp(np.interp(np.log(ratio), np.log(sizes), np.log(factors)))), 12)


def estimated(points: pd.DataFrame, lines: Iterable[str], ratios: Iterable[float]) -> list[float]:
    """Return the `estimate` of each line at its ratio; NaN for a line that has no curve."""
    pairs = zip(lines, ratios, strict=True)
    return [estimate(points[points["line"] == line], ratio) for line, ratio in pairs]


def estimates(points: pd.DataFrame, ratio: float) -> pd.DataFrame:
    """Return the estimate of every line of a `curve` at a ratio that it was measured around, the least first.

    Columns line and factor; a line of one size stands for itself alone.
    """
    lines = {line: estimate(rows, ratio) for line, rows in points.groupby("line", sort=False)}
    table = pd.DataFrame({"line": list(lines), "factor": list(lines.values())}).dropna()
    return table.sort_values("factor", kind="stable").reset_index(drop=True)


def nearest(scores: pd.DataFrame, by: str, language: str = WORST) -> pd.Series:
    """Return the point of least perplexity of all that were measured: what is nearest to the full model."""
    points = curve(scores, by, language)
    return points.iloc[int(points["factor"].argmin())]


def unsteady(points: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of a `curve` that go up by more than a fifth and come down to a use again: a row each.

    Columns line, method, weights; peak, factor and cosine of the worst size before a better one; later, less and
    later_cosine of the best size after it.
    """
    found = []
    for line, rows in points.sort_values("size").groupby("line", sort=False):
        factors = rows["factor"].to_numpy(dtype=float)
        after = np.array([factors[i:].min() for i in range(len(factors))])
        peak = int((factors / after).argmax())
        if factors[peak] > _UNSTEADY * after[peak] and after[peak] < _RUINED:
            best = peak + int(factors[peak:].argmin())
            high, low = rows.iloc[peak], rows.iloc[best]
            found.append([line, high["method"], high["weights"], *high[_POINT], *low[_POINT]])
    return pd.DataFrame(found, columns=UNSTEADY_COLUMNS)


def table_bytes(info: Mapping[str, object], ratio_bytes: float = 1.0) -> float:
    """Return the bytes of a study's token table in float32, or of one that is so many times smaller.

    NaN for a study that does not say how large its table is.
    """
    size = [info.get("vocabulary"), info.get("width")]
    return 4.0 * size[0] * size[1] / ratio_bytes if all(isinstance(n, int) for n in size) else float("nan")


class Change(NamedTuple):
    """A perplexity with the full table and with a compressed one; of a language, or of `ALL`."""

    language: str
    before: float
    after: float


def change(scores: pd.DataFrame, by: str, row: pd.Series, language: str = WORST) -> Change:
    """Return what perplexity is before and after the table of a row of `within` is put in.

    Of a language; of `ALL` it is the geometric mean, of `WORST` the language that suffers most at that ratio. `scores`
    are those that `within` was given; between measured sizes `estimate` says what it is. Raises as `of_language` does.
    """
    rows = at_size(scores[(scores[[*LINE, *VIEW]] == row[[*LINE, *VIEW]]).all(axis=1)], by)
    codes = list(dict.fromkeys(rows["language"])) if language == WORST else [language]
    factors = {code: estimate(curve(rows, by, code), row["ratio"]) for code in codes}
    most = max(factors, key=factors.__getitem__)
    own = rows if most == ALL else rows[rows["language"] == most]
    before = float(np.exp((np.log(own["value"].astype(float)) - own["nats"].astype(float)).mean()))
    return Change(most, before, before * factors[most])


def placeholder(info: Mapping[str, object]) -> str:
    """Return what stands for a model of which a study has recorded no more than a name; "" for an id of the hub."""
    recorded = str(info.get("model") or "MODEL")
    return "" if "/" in recorded else f"PATH/TO/{recorded}"


def command(info: Mapping[str, object], row: pd.Series, model: str = "") -> str:
    """Return the shell command that makes the table of a row of `within`, and a model with it that transformers reads.

    The table is kept beside its errors and scores. `model` is where the study's model is, if it is known; else what the
    study recorded or its `placeholder`. TEXT stands for a folder of text.
    """
    method, usual = str(row["method"]), {"autoencoder": variants.USUAL}
    variant = "" if row["variant"] == usual.get(method, "") else f":{row['variant']}"
    words = ["neutral", "compress", "--model", model or placeholder(info) or str(info["model"]), "--text", "TEXT"]
    if isinstance(info.get("languages"), list):
        words += ["--languages", ",".join(map(str, info["languages"]))]
    words += ["--methods", "int8" if method == TRIM else method + variant, "--by", str(row["by"])]
    if not np.isnan(row["asked"]):
        words += ["--ratios", f"{row['asked']:g}"]
    if row["weights"] != "uniform":
        words += ["--weights", str(row["weights"])]
    tables = (info.get("settings") or {}).get("compress", {}).get("tables")
    if isinstance(tables, list) and len(tables) == 1:  # of a model that has two
        words += ["--tables", str(tables[0])]
    more = ["--trim"] if row["trimmed"] else []
    return shlex.join([*words, *more, "--where", str(row["where"]), "--keep", "--study", "tables", *EXPORTED])


def _reached(line: pd.DataFrame, by: str, limit: float, language: str) -> list[object]:
    """Return `COLUMNS` from ratio on, of the rows of one line."""
    nats, found = float(np.log(limit)), []
    for code, rows in line.groupby("language", sort=False):
        ratio, bound = crossing(rows["size"].to_numpy(), rows["nats"].to_numpy(), nats)
        found.append((bound != "below", ratio, bound == "above", str(code), bound))
    _, ratio, _, code, bound = min(found, key=lambda each: each[:3])
    sizes = line.drop_duplicates("size").sort_values("size")
    measured = sizes["size"].to_numpy(dtype=float)
    holds = line.groupby("size")["nats"].max() <= nats  # sorted by size
    again = bool(holds.any() and holds.index[holds][-1] > ratio * (1 + _SAME))
    if again:
        ratio, code = float(holds.index[holds][-1]), ""
        bound = "above" if ratio == measured[-1] else ""
    low, high = measured[measured <= ratio * (1 + _SAME)].max(), measured[measured >= ratio * (1 - _SAME)].min()
    ratio_bytes = np.exp(np.interp(np.log(ratio), np.log(measured), np.log(sizes["ratio_bytes"].to_numpy(dtype=float))))
    if bound == "below":  # who suffers most there
        first = line[line["size"] == measured[0]]
        code = str(first["language"].iloc[int(first["nats"].argmax())])
    breaks = code if bound != "above" and language == WORST else ""
    asked = _asked(sizes, ratio, measured=bool(bound) or low == high)
    return [ratio, bound, len(measured), low, high, again, breaks, asked, float(ratio_bytes)]


def _asked(sizes: pd.DataFrame, ratio: float, *, measured: bool) -> float:
    """Return the ratio to ask for: that of the measured table, or the one that is interpolated, rounded down."""
    if sizes["method"].iloc[0] in (*_FIXED, TRIM):
        return float("nan")
    if measured:
        return float(sizes["ratio"].iloc[int((sizes["size"] - ratio).abs().argmin())])
    return floor(ratio * _PLACES) / _PLACES


__all__ = [
    "COLUMNS",
    "TOLERANCE",
    "WORST",
    "Change",
    "change",
    "command",
    "curve",
    "estimate",
    "estimated",
    "estimates",
    "limit_of",
    "nearest",
    "of_language",
    "placeholder",
    "table_bytes",
    "unsteady",
    "within",
]
