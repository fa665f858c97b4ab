"""What explains a similarity of pairs: a linear mixed model in which pairs share languages, families and areas (MLPE).

A pair of languages i, j has the similarity

    y_ij = x_ij·b + u_i + u_j + f_(family of i, family of j) + a_(area of i, area of j) + e_ij

with normal u, f, a and e: two pairs that share a language are alike by its variance, two pairs of the same two families
(areas) by that pair's. So 7,140 pairs of 120 languages do not count as 7,140 observations.

Clarke, Rothery & Raybould (2002), Confidence limits for regression relationships between distance matrices: estimating
gene flow with distance, Journal of Agricultural, Biological and Environmental Statistics 7, 361-372 (u_i + u_j,
"maximum-likelihood population effects"). Huisman (2023), Taal en Tongval, simulates it for distances of languages.

What it does not see: relatives of one family who are nearer to each other than to the rest of it, and neighbours inside
an area. Their likeness makes p too small, as with any test that takes languages of a family for exchangeable.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neutral.association.holm import holm
from neutral.association.mixed import Models, mixed, standardised
from neutral.association.pairs import Pairs, pairs
from neutral.association.squares import Batch, batches
from neutral.errors import NeutralError

EXPLAINED = (
    *("group", "distance", "beta", "se", "df", "t", "p", "holm", "lr", "lr_p", "aic", "bic", "weight"),
    *("r2", "r2_conditional", "language", "family", "area", "residual"),
    *("partial", "partial_se", "partial_p", "r2_added", "languages", "pairs", "left_out"),
)
COMPARED = (
    *("group", "model", "distances", "loglik", "parameters", "aic", "bic", "weight", "against", "lr", "lr_df", "lr_p"),
    *("r2", "r2_conditional", "language", "family", "area", "residual", "languages", "pairs", "left_out"),
)
_NONE = "a mixed model needs at least one distance"
NULL = "none"
"""The name of the model without distances."""

MEANING = {
    "p": "How rarely a distance that has nothing to do with the overlap would have so large a coefficient, if all that "
    "pairs have in common is their languages, their two families and their two areas.",
    "lr_p": "The same question, asked of the likelihood: how rarely a distance that explains nothing would make the "
    "overlaps so much more likely.",
    "partial_p": "How rarely a distance that adds nothing to all the others would have so large a coefficient beside "
    "them.",
}
"""What each p says, in a sentence for people."""


@dataclass(frozen=True)
class How:
    """How pairs are modelled, whatever they are explained by.

    Attributes
    ----------
    languages : sequence of str or None
        Those to look at; all in the similarity by default. Variants of one language are no two languages, and make p
        too small: `properties.distinct` chooses one of each.
    families, areas : language -> block, or None
        The random effects of pairs of families and of areas; None for no such effect. A language that is not in it, or
        in the block "", is a block by itself.
    controls : sequence of str
        Distances that are in every model, the null model too.
    by_ranks : bool
        Whether to use the ranks of similarity and distances over the pairs, or their values.
    """

    languages: Sequence[str] | None = None
    families: Mapping[str, Hashable] | None = None
    areas: Mapping[str, Hashable] | None = None
    controls: Sequence[str] = ()
    by_ranks: bool = True


def explained(
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    kinds: Sequence[str],
    **how: Any,
) -> pd.DataFrame:
    """Explain every group of `similarity` by each of the distances `kinds`, alone and beside the others.

    Parameters
    ----------
    similarity, distances : DataFrame
        As `association.associations` takes them.
    kinds : sequence of str
        The distances. All models of a group are of the same languages, which must have all `kinds` and `controls`;
        those that lack one are left out in the order of `associations`.
    **how
        As `How` has them.

    Returns
    -------
    DataFrame
        A row a group and kind, columns `EXPLAINED`; what cannot be known is NaN. A study's rows of kind "mixed".

        - beta, se: the standardised coefficient of the distance alone and its standard error, by REML; negative if near
          languages are similar. df: Satterthwaite's degrees of freedom. t: beta / se. p: two-sided. holm: corrected
          over all rows.
        - lr, lr_p: twice the gain of log-likelihood (ML) over the null model, and its p (χ², one degree of freedom).
        - aic, bic: less the null model's; negative if the distance is worth its coefficient. weight: Akaike's weight
          among the kinds and the null model.
        - r2, language, family, area, residual: shares of variance of what is fixed (distance and controls), of the
          random effects, and of single pairs; they add up to 1. family and area are NaN where there is no such effect,
          or where pairs cannot tell it apart (`pairs.pairs`). r2_conditional: 1 - residual.
        - partial, partial_se, partial_p: beta, se and p beside all other kinds. NaN if kinds follow from one another.
        - r2_added: the share of variance, in the model of all kinds, of what the others do not have of this one.
        - languages, pairs: how many. left_out: those that lack a distance or are not to be looked at, "ar, ur".

    Raises
    ------
    NeutralError
        For a table without its columns, no kinds, a distance that is not in the table, or a kind among the controls.
    """
    kinds, rows = list(dict.fromkeys(kinds)), []
    for batch, shared, y, x, z, null in _fitted(similarity, distances, kinds, How(**how)):
        alone = [mixed(y, np.vstack([x[d : d + 1], z]), shared, like=null) for d in range(len(kinds))]
        whole = mixed(y, np.vstack([x, z]), shared, like=null)
        own = [_own(x[d], np.vstack([np.delete(x, d, axis=0), z])) for d in range(len(kinds))]
        gains = [model.gains(null, shared.m) for model in alone]
        weights = _weights(np.array([0 * null.loglik, *(gain[2] for gain in gains)]))[1:]  # (kinds, L)
        for g, group in enumerate(batch.groups):
            for d, kind in enumerate(kinds):
                model, gain = alone[d], [each[g] for each in gains[d]]
                beta, se, df, p = (column[g, 0] for column in (model.beta, model.se, model.df, model.p))
                numbers = {"beta": beta, "se": se, "df": df, "t": beta / se, "p": p, "weight": weights[d, g]}
                numbers |= dict(zip(("lr", "lr_p", "aic", "bic"), gain, strict=True))
                beside = {"partial": whole.beta[g, d], "partial_se": whole.se[g, d], "partial_p": whole.p[g, d]}
                beside["r2_added"] = whole.beta[g, d] ** 2 * own[d] / whole.total[g]
                rows.append(
                    {"group": group, "distance": kind, **numbers, **_shares(model, g), **beside, **_sizes(batch)}
                )
    table = _ordered(rows, similarity, "distance", kinds)
    return table.assign(holm=holm(table["p"].astype(float))).reindex(columns=EXPLAINED)


def compared(
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    models: Mapping[str, Sequence[str]],
    **how: Any,
) -> pd.DataFrame:
    """Compare several explanations of every group of `similarity`, each of some distances together, by ML.

    Parameters
    ----------
    models : name -> kinds
        Say {"place": ["geographic"], "all": ["geographic", "syntactic"]}. The model `NULL`, of the controls only, comes
        before them. All models of a group are of the same languages, which must have all distances.
    similarity, distances, **how
        As in `explained`.

    Returns
    -------
    DataFrame
        A row a group and model, columns `COMPARED`.

        - distances: "geographic, syntactic". parameters: how many numbers are fitted.
        - loglik: the log-likelihood of the standardised similarity. aic, bic: less those of the null model.
        - weight: Akaike's, among all models.
        - against: the largest other model whose distances are all in this one, the null model at least; lr, lr_df,
          lr_p: the likelihood ratio against it, "" and NaN for the null model.
        - r2 and so on: as in `explained`.

    Raises
    ------
    NeutralError
        As `explained`, for a model without distances, and for a model called `NULL`.
    """
    chosen = {name: list(dict.fromkeys(kinds)) for name, kinds in models.items()}
    if NULL in chosen:
        raise NeutralError(f"a model cannot be called {NULL!r}: so is the one without distances")
    if not all(chosen.values()):
        raise NeutralError(_NONE)
    kinds, rows = list(dict.fromkeys(kind for each in chosen.values() for kind in each)), []
    for batch, shared, y, x, z, null in _fitted(similarity, distances, kinds, How(**how)):
        fits = {NULL: null}
        for name, some in chosen.items():
            fits[name] = mixed(y, np.vstack([x[[kinds.index(kind) for kind in some]], z]), shared, like=null)
        criteria = {name: model.gains(null, shared.m)[2:] for name, model in fits.items()}
        criteria[NULL] = (0 * null.loglik, 0 * null.loglik)
        weights = dict(zip(fits, _weights(np.array([aic for aic, _ in criteria.values()])), strict=True))
        for g, group in enumerate(batch.groups):
            for name, model in fits.items():
                aic, bic = (each[g] for each in criteria[name])
                numbers = {"loglik": model.loglik[g], "parameters": model.parameters, "weight": weights[name][g]}
                numbers |= {"aic": aic, "bic": bic, "against": _inside(name, chosen)}
                if name != NULL:
                    against = fits[numbers["against"]]
                    lr, lr_p, *_ = (each[g] for each in model.gains(against, shared.m))
                    numbers |= {"lr": lr, "lr_p": lr_p, "lr_df": model.parameters - against.parameters}
                said = {"group": group, "model": name, "distances": ", ".join(chosen.get(name, ()))}
                rows.append({**said, **numbers, **_shares(model, g), **_sizes(batch)})
    return _ordered(rows, similarity, "model", [NULL, *chosen]).reindex(columns=COMPARED)


def _fitted(
    similarity: pd.DataFrame, distances: pd.DataFrame, kinds: Sequence[str], how: How
) -> Iterator[tuple[Batch, Pairs, np.ndarray, np.ndarray, np.ndarray, Models]]:
    """Yield of each batch what its pairs share, similarities (L, m), distances and controls (k, m), and the null model.

    All are standardised. Raises `NeutralError` for no kinds, and for one that is among the controls.
    """
    controls = list(dict.fromkeys(how.controls))
    if not kinds:
        raise NeutralError(_NONE)
    if both := [kind for kind in kinds if kind in controls]:
        raise NeutralError(f"{both[0]} is to be explained with and controlled for; leave one of them out")
    for batch in batches(similarity, distances, [(*kinds, *controls)], among=how.languages):
        shared = pairs(batch.codes, {"family": how.families, "area": how.areas})
        vectors = (batch.similarities, batch.of(kinds), batch.of(controls))
        y, x, z = (standardised(each, by_ranks=how.by_ranks) for each in vectors)
        yield batch, shared, y, x, z, mixed(y, z, shared)


def _own(distance: np.ndarray, others: np.ndarray) -> float:
    """Return the variance of a standardised distance (m,) that the `others` (k, m) that vary do not have."""
    others = others[~np.isnan(others).any(axis=1)]
    return float((distance - others.T @ np.linalg.lstsq(others.T, distance)[0]).var()) if len(others) else 1.0


def _weights(aic: np.ndarray) -> np.ndarray:
    """Return Akaike weights (models, L): how likely each model is the best of them; 0 for one that was not fitted."""
    likely = np.nan_to_num(np.exp(-0.5 * (aic - np.nan_to_num(aic, nan=np.inf).min(axis=0))))
    total = likely.sum(axis=0)
    return likely / np.where(total > 0, total, np.nan)


def _inside(name: str, models: Mapping[str, Sequence[str]]) -> str:
    """Return the largest model whose distances are some of those of `name`; "" for the null model."""
    if name == NULL:
        return ""
    nested = {other: len(kinds) for other, kinds in models.items() if set(kinds) < set(models[name])}
    return max(nested, key=nested.__getitem__, default=NULL)


def _shares(model: Models, g: int) -> dict[str, float]:
    """Return the columns of explained variance of a model of group g."""
    shares = {name: values[g] for name, values in model.shares.items()}
    return {"r2": model.r2[g], "r2_conditional": 1 - shares["residual"], **shares}


def _sizes(batch: Batch) -> dict:
    return {"languages": len(batch.codes), "pairs": batch.pairs, "left_out": ", ".join(batch.left_out)}


def _ordered(rows: list[dict], similarity: pd.DataFrame, column: str, names: Iterable[str]) -> pd.DataFrame:
    """Return rows in the order of the similarity's groups and of `names`."""
    groups, names = list(dict.fromkeys(similarity["group"])), list(names)
    return pd.DataFrame(sorted(rows, key=lambda row: (groups.index(row["group"]), names.index(row[column]))))
