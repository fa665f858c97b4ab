"""What the page Layers says of masks of other methods: whether their overlap goes with that of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from neutral.metrics import SIGNIFICANT
from pages.parts.text import as_text

if TYPE_CHECKING:  # scipy takes a while to import: only pages that test import it
    from neutral.association.agreement import Agreement


AGREEMENT = "p is a Mantel test's: exchanging any languages, and only relatives. Layers are no sample and have no p."


def agreement(method: str, others: Sequence[tuple[str, str, Agreement]], few: Mapping[str, int]) -> str:
    """Say, a line for each of the others, whether its overlap goes with that of the masks of `method`.

    `others` are the masks' name, the overlap's name, and how they agree; `few` is name -> number of languages of masks
    of too few languages.
    """
    lines = []
    for masks, overlap, agreed in others:
        rho, p = agreed.family["tested"], agreed.family["p"]
        way = "goes with" if p < SIGNIFICANT and rho > 0 else "is not seen to go with" if p == p else "beside"
        related = "cannot be tested among relatives"
        if p == p:
            related = f"exchanging relatives only ρ = {rho:.2f}, p = {p:.4f}"
        lines.append(
            f"- {overlap} of **{as_text(masks)}** masks {way} that of {as_text(method)}: over pairs of languages ρ = "
            f"**{agreed.plain['rho']:.2f}** (p = {agreed.plain['p']:.4f}; {related}). Whether languages meet in "
            f"the same layers is another question: over layers ρ = **{agreed.layers.means:.2f}**."
        )
    lines += [
        f"- **{as_text(name)}** masks are of {n} languages, too few to correlate pairs." for name, n in few.items()
    ]
    return "\n".join(lines)


def agreement_by_layer(method: str) -> str:
    """Explain the figure of the agreement by layer."""
    return (
        f"Rank correlation with {as_text(method)} over the pairs of languages. Filled: p < 0.05, exchanging relatives "
        "only, not corrected for the layers (Holm's is in the table)."
    )


def agreement_table(others: Sequence[tuple[str, str, Agreement]]) -> pd.DataFrame:
    """Return the agreement with others as a table, under the headings that the page shows."""
    return pd.DataFrame(
        {
            "Masks": masks,
            "Overlap": overlap,
            "ρ over pairs": agreed.plain["rho"],
            "p": agreed.plain["p"],
            "ρ, relatives": agreed.family["tested"],
            "p, relatives": agreed.family["p"],
            "Languages": agreed.languages,
            "ρ over layers": agreed.layers.means,
            "ρ over pairs and layers": agreed.layers.cells,
        }
        for masks, overlap, agreed in others
    )
