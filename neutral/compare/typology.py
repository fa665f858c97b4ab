"""A pinned view of typology: how the overlap of masks goes with each distance between languages (Spearman's ρ)."""

from __future__ import annotations

import pandas as pd

from neutral import association, summary
from neutral.compare import masks
from neutral.compare.again import placed
from neutral.compare.pins import MaskPin
from neutral.compare.views import RHO, View, place_of, rows
from neutral.errors import NeutralError
from neutral.study import Study
from neutral.summary import Choice, Source
from neutral.typology import filled, similarity
from neutral.typology.rows import read


def view(pin: MaskPin, source: Source) -> View:
    """Return what a pin shows of masks: ρ with every distance that is known between their languages, without tests.

    Raises `NeutralError` when there are no such masks, and for too few languages.
    """
    pin, every = masks.chosen(pin, source)
    choice = Choice(pin.task, pin.method, pin.sparsity, pin.seed)
    counts = placed(summary.counts_of(source, choice, pin.measure, list(pin.members) or every), pin)
    spoken = similarity.languages(counts.members)
    if len(spoken.codes) < association.LEAST:
        raise NeutralError(f"{pin.study}: {len(spoken.codes)} languages; a correlation takes {association.LEAST}")
    overlap = similarity.similarity(summary.pairs(counts, pin.measure), spoken)
    far = filled(read(source) if isinstance(source, Study) else pd.DataFrame(), spoken.codes)
    tested = association.associations(overlap, far, count=1).dropna(subset="rho")
    if tested.empty:
        raise NeutralError(f"{pin.study}: the overlap is the same for all pairs, or no distance is known")
    where = f", {place_of(pin)}" if place_of(pin) else ""
    name = f"Typology of {len(spoken.codes)} languages{where}"
    title = str(source.info.get("title") or source.path.name)
    told = masks.settings(pin, title, name)
    whole = float(tested["rho"].abs().mean())
    return View(pin, name, title, told, RHO, "", whole, {"distance": rows(tested["distance"], tested["rho"])})
