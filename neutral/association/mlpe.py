"""What explains a similarity of pairs: a linear mixed model in which pairs share languages, families and areas (MLPE).

A pair of languages i, j has the similarity

    y_ij = x_ij·b + u_i + u_j + f_(family of i, family of j) + a_(area of i, area of j) + e_ij

with normal u, f, a and e: two pairs that share a language are alike by its variance, two pairs of the same two families
(areas) by that pair's. So 7,140 pairs of 120 languages do not count as 7,140 observations.

Clarke, Rothery & Raybould (2002), Confidence limits for regression relationships between distance matrices: estimating
gene flow with distance, Journal of Agricultural, Biological and Environmental Statistics 7, 361-372 (u_i + u_j,
"maximum-likelihood population effects"). Huisman (2023), Taal en Tongval, simulates it for distances of languages.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

EXPLAINED = (
    *("group", "distance", "beta", "se", "df", "t", "p", "holm", "lr", "lr_p", "aic", "bic", "weight"),
    *("r2", "r2_conditional", "partial", "partial_p", "r2_added", "language", "family", "area", "residual"),
    *("languages", "pairs", "left_out"),
)


def explained(
    similarity: pd.DataFrame,
    distances: pd.DataFrame,
    kinds: Sequence[str],
    *,
    families: Mapping[str, Hashable] | None = None,
    areas: Mapping[str, Hashable] | None = None,
    controls: Sequence[str] = (),
    by_ranks: bool = True,
) -> pd.DataFrame:
    """Explain every group of `similarity` by each of the distances `kinds`: a row a group and kind, `EXPLAINED`.

    Rows of kind "mixed" are these rows. `families` and `areas`: label of a language -> block; None: no such effect.

    - beta, se, df, t, p, holm: the standardised coefficient of the distance alone (with `controls`) by REML.
    - lr, lr_p: twice the gain of log-likelihood over the null model (controls only), by ML; its p (χ², one degree).
    - aic, bic: less those of the null model, negative if the distance is worth it; weight: Akaike's, among the kinds.
    - r2, r2_conditional: variance explained by the distance, and by it and the random effects.
    - partial, partial_p: the coefficient beside all other kinds; r2_added: what of r2 goes if it is left out of all.
    - language, family, area, residual: shares of the variance that the distance leaves.
    """
    raise NotImplementedError
