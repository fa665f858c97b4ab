"""The tests of `typology` behind a search, so that one command finds masks and says what goes with their overlap."""

from __future__ import annotations

from typing import Any

from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.progress import say
from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.typology import TypologyPlan
from neutral.study import Study

HALF = 0.5
"""The sparsity that `typology` tests if none is named."""


def require_enough(plan: SearchPlan) -> None:
    """Raise `NeutralError` for a plan whose masks are to be tested and are too few."""
    from neutral.association import LEAST

    if plan.typology and len(plan.languages) < LEAST:
        raise NeutralError(f"--typology: {len(plan.languages)} languages; an association takes at least {LEAST}")


def explain(study: Study, plan: SearchPlan, corpus: Corpus, *, quiet: bool = False, **how: Any) -> None:
    """Test what goes with the overlap of a plan's masks, and write that into the study.

    Tests of vocabulary and text are among them if `corpus` is the text of all languages of the study. `how` goes to
    `runs.typology.explain`, or to the loader of the tokenizer.
    """
    from neutral.runs import typology

    run = {name: how.pop(name) for name in ("engine", "progress") if name in how}
    counts = None
    if others := sorted(set(study.info["languages"]) - set(corpus.languages)):
        say([f"no tests of vocabulary and text: the text of {others[0]} is not among what was read"], quiet=quiet)
    elif not plan.is_labelled:
        counts = typology.token_counts(plan.model, corpus, **how)
    asked = TypologyPlan(
        methods=(plan.method,),
        sparsities=(min(plan.sparsities, key=lambda sparsity: abs(sparsity - HALF)),),
        mask_seed=plan.seeds[0],
    )
    typology.explain(study, asked, counts=counts, quiet=quiet, **run)
