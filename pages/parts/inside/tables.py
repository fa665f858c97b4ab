"""What the page Inside the model computes: retrieval and representations by layer, beside the masks' overlap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from neutral.figures.inside import CURVES, LINES
from neutral.inside import representations, retrieval
from neutral.labels import sort_key
from neutral.study import Study
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.views import View

ROOT = Path(__file__).parents[3]
_SPECIAL = ("full", "core", "pretrained", "random")
MIDDLE = (1 / 3, 2 / 3)
"""Where the middle of a network lies, as a share of its layers."""


@catalogue.remembered
def _retrieval(source: catalogue.Source) -> pd.DataFrame:
    return retrieval.table(source.table("retrieval"))


@catalogue.remembered
def _representation(source: catalogue.Source) -> pd.DataFrame:
    return representations.table(source.table("representation"))


@catalogue.remembered
def pairs(source: catalogue.Source, choice: Choice, members: tuple[str, ...], what: str) -> pd.DataFrame:
    """Return values by kind of mask, layer and pair: line, layer, source, target, value, chance, sentences.

    `what` is at1, at5 (retrieval, ordered pairs) or a measure of representations. Lines are those of
    `figures.inside.LINES`; own is the mean under the masks of the two languages of the pair, other the mean under those
    of the rest of the members.
    """
    found = _retrieval(source) if what in ("at1", "at5") else _representation(source)
    columns = ["line", "layer", "source", "target", "value", "chance", "sentences"]
    if found.empty:
        return pd.DataFrame(columns=columns)
    if what in ("at1", "at5"):
        chance = int(what.removeprefix("at")) / found["sentences"].astype(float)
        found = found.assign(value=found[what], chance=chance.clip(upper=1))
    else:
        found = found[found["measure"] == what]
    found = found[_chosen(found, choice) & found["source"].isin(members) & found["target"].isin(members)]
    found = found[found["mask"].isin([*_SPECIAL, *members])]
    own = (found["mask"] == found["source"]) | (found["mask"] == found["target"])
    special = found["mask"].isin(_SPECIAL)
    found = found.assign(line=found["mask"].where(special, own.map({True: "own", False: "other"})))
    keys = ["line", "layer", "source", "target"]
    return found.groupby(keys, sort=False, as_index=False)[["value", "chance", "sentences"]].mean()[columns]


def _chosen(table: pd.DataFrame, choice: Choice) -> pd.Series:
    """Which rows are of the full model or of the masks that were chosen."""
    masked = (
        (table["method"] == choice.method)
        & ((table["sparsity"].astype(float) - choice.sparsity).abs() < 1e-6)
        & (table["seed"] == choice.seed)
    )
    return (table["task"] == choice.task) & ((table["mask"] == "full") | masked)


def lines(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of pairs by line and layer, and the middle half of the pairs: line, layer, value, low, high,
    chance."""
    grouped = table.groupby(["line", "layer"], sort=False)
    return pd.DataFrame(
        {
            "value": grouped["value"].mean(),
            "low": grouped["value"].quantile(0.25),
            "high": grouped["value"].quantile(0.75),
            "chance": grouped["chance"].mean(),
        }
    ).reset_index()


def there(table: pd.DataFrame) -> list[str]:
    """Return the lines in a table, in order."""
    return [line for line in LINES if line in set(table["line"])]


def layers(table: pd.DataFrame) -> list[str]:
    """Return the layers of a table, in order."""
    return sorted(dict.fromkeys(table["layer"]), key=sort_key)


def curves(view: View, measure: str, found: pd.DataFrame, alike: pd.DataFrame, line: str) -> pd.DataFrame:
    """Return the mean overlap of masks, retrieval and representations by layer: curve, layer, value.

    Only layers that all of them have: embeddings have no mask, and a pooler has no states. `found` and `alike` are
    tables of `pairs`; the lines of one kind of mask are taken.
    """
    overlap = view.pairs(measure, "layer").groupby("group", sort=False)["value"].mean().rename("value")
    parts = {"overlap": overlap.rename_axis("layer").reset_index()}
    for curve, table in (("retrieval", found), ("representation", alike)):
        rows = table[table["line"] == line]
        if len(rows):
            parts[curve] = rows.groupby("layer", sort=False, as_index=False)["value"].mean()
    common = set.intersection(*(set(part["layer"]) for part in parts.values()))
    tables = [part[part["layer"].isin(common)].assign(curve=curve) for curve, part in parts.items()]
    return pd.concat(tables, ignore_index=True)[["curve", "layer", "value"]]


def shapes(table: pd.DataFrame) -> pd.DataFrame:
    """Return where each curve is highest and lowest, and how it runs along with the overlap.

    Columns curve, high, low (values), peak, bottom (layers), at (the peak's place, 0 next to the input, 1 at the end;
    of equal peaks the mean), middle (it peaks in the middle third and falls off to both ends), rho (Spearman's, over
    layers, with the overlap).
    """
    order = layers(table)
    wide = table.pivot(index="layer", columns="curve", values="value").reindex(order)
    rows = []
    for curve in [name for name in CURVES if name in wide]:
        values = wide[curve].to_numpy(dtype=float)
        peaks = np.flatnonzero(np.isclose(values, np.nanmax(values), rtol=0, atol=1e-9))
        at = float(peaks.mean()) / max(1, len(values) - 1)
        high = float(np.nanmax(values))
        middle = MIDDLE[0] <= at <= MIDDLE[1] and values[0] < high and values[-1] < high
        varies = len(order) > 2 and wide[[curve, "overlap"]].nunique().min() > 1
        rho = float(wide[curve].corr(wide["overlap"], method="spearman")) if varies else np.nan
        rows.append(
            {
                "curve": curve,
                "high": high,
                "low": float(np.nanmin(values)),
                "peak": order[peaks[0]],
                "bottom": order[int(np.nanargmin(values))],
                "at": at,
                "middle": middle,
                "rho": rho,
            }
        )
    return pd.DataFrame(rows)


def command(source: catalogue.Source, choice: Choice, name: str) -> str:
    """Return the shell command that makes a study's rows."""
    study, model = "STUDY", "MODEL"
    if isinstance(source, Study):
        path = source.path.resolve()
        study = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
        model = str(source.info.get("model") or model)
        bundled = ROOT / "data" / "models" / model
        model = str(bundled.relative_to(ROOT)) if bundled.is_dir() else model
    masks = "full,each,core,random,pretrained"
    chosen = f"--method {choice.method} --sparsity {choice.sparsity:g} --seed {choice.seed}"
    return f"python -m neutral {name} --study {study} --model {model} --masks {masks} {chosen}"
