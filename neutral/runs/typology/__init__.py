"""What explains the overlap of a study's masks: distances between its languages, and their association with overlap.

It writes rows into the study. "distance": distance, source, target, value (null if unknown), features (how many it
rests on; null if it counts none). "association": the choice of masks (task, method, sparsity, seed), measure, by,
scheme (`association.schemes.SCHEMES`), controls, members, and the columns of
`association.associations`. "regression" alike, and "leaving" (associations without a family or a script).
"mixed", "process" (by distances), "properties" (of languages) and "recovery" have the columns of
`association.models.COLUMNS` and of `recovery.recovered`.

`worker` tests an overlap, `work` is the plan in the process that owns the study, `distances` has what it is tested
against.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from neutral import association, labels, typology
from neutral.association import neighbours
from neutral.errors import NeutralError
from neutral.lock import only_writer
from neutral.progress import Progress, say
from neutral.runs.engines import Engine, Local, carry_out
from neutral.runs.plans.typology import TypologyPlan, check
from neutral.runs.typology.distances import distances, token_counts
from neutral.runs.typology.work import KEY, Explainer
from neutral.study import Study
from neutral.typology import similarity

__all__ = ["KEY", "Explainer", "distances", "explain", "notes", "printed", "study_at", "token_counts"]

_PRINTED = [
    *("method", "sparsity", "measure", "distance", "scheme", "rho", "tested", "p", "holm"),
    *("permutations", "languages", "pairs"),
]


def explain(
    study: Study,
    plan: TypologyPlan,
    *,
    counts: dict[str, np.ndarray] | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Test the overlap of the study's masks against every distance, and write the tests that the study lacks.

    Returns the tests of the plan's first grouping, all weights by default: choice, measure, by, scheme, controls,
    members and the columns of `association.associations`. Without an engine this process does them; without `progress`
    a bar shows how far it is.

    Raises `NeutralError` when the study has no such masks, or of fewer than four languages, and for a plan that `check`
    refuses.
    """
    check(plan)
    with only_writer(study.path):
        work = Explainer(study, plan, counts)
        say(notes(work.members), quiet=quiet)
        carry_out(work, engine or Local("cpu"), progress, quiet=quiet)
    table = study.whole_table("association")
    tested = {(*each.choice, each.measure, each.by) for each in work.overlaps if each.by == plan.by[0]}
    keys = table[["task", "method", "sparsity", "seed", "measure", "by"]].itertuples(index=False, name=None)
    table = table[[key in tested for key in keys]].reset_index(drop=True)
    if lacking := [name for name in typology.kinds_in(work.apart) if name not in set(table["distance"])]:
        older = f"the study's tests are older than the distances {', '.join(lacking)} and lack them"
        say([f"{older}; the page Typology tests them, and so does a new study"], quiet=quiet)
    return table.assign(group=table["group"].map(labels.renamed))  # older rows may have former names


def printed(table: pd.DataFrame, form: str) -> str:
    """Return tests as text, in one of the plan's forms: a table has the plain tests' main columns."""
    if form == "csv":
        return table.to_csv(index=False).removesuffix("\n")
    if form == "json":
        return table.to_json(orient="records", force_ascii=False, indent=1)
    return table[table["controls"] == ""][_PRINTED].round(4).to_string(index=False)


def notes(languages: Sequence[str]) -> list[str]:
    """Return what to know of the tests of some languages.

    Who is not in URIEL+, on the tree or on the globe, and what families leave to exchange.
    """
    said = []
    if lacking := similarity.languages(languages).outside_uriel:
        said.append(f"not in URIEL+, so left out of its distances: {', '.join(lacking)}")
    for where, near in (("tree", neighbours.on_tree), ("globe", neighbours.on_globe)):
        if lacking := sorted(set(languages) - set(near(languages).index)):
            said.append(f"without a known place on the {where}, so left out of tests along it: {', '.join(lacking)}")
    ways = association.possible(languages, typology.families(languages))
    if ways == 1:
        said.append(f"no two of the {len(languages)} languages are of one family: tests within families have no p")
    elif ways < len(languages) ** 2:
        said.append(f"within families there are only {ways} permutations: no p is below {1 / ways:.2g}")
    return said


def study_at(folder: str | Path) -> Study:
    """Open a study of masks. Raises `NeutralError` for a study about something else."""
    study = Study(folder)
    if study.info.get("about"):
        raise NeutralError(f"{folder}: is a study of {study.info['about']}, not of masks")
    return study
