"""What the Transfer page shows: experiments of ours and of the paper, and their tables, remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import association, typology
from neutral.errors import NeutralError
from neutral.members import order
from neutral.metrics import metric
from neutral.search.lottery import ITERATIVE
from neutral.study import Study
from neutral.summary import Choice
from neutral.transfer import across, published, results
from neutral.transfer.sources import is_language, reseeded_from
from pages.parts import catalogue, pickers
from pages.parts.typology import tables

PAPER = "Foroutan et al. 2022"
SIGNIFICANT = 0.05
MARKED = "\\* differs from the own mask (paired bootstrap over held-out examples, p < 0.05, not corrected)"
NO_STUDY = """
There is no transfer of ours here yet, so this page shows the paper's. To train each language's mask on every language's
data, in a study that has masks:

```sh
python -m neutral transfer --study STUDY --model MODEL --text TEXT --sparsity 0.5 --baselines full,random,core --dry-run
```
"""


@dataclass(frozen=True)
class Experiment:
    """One transfer matrix: a study's, at one task, method and sparsity, or one of the paper's."""

    title: str
    task: str
    sparsity: float
    method: str = "magnitude"
    study: Study | None = None
    model: str = ""  # of the paper
    chosen: tuple[str, ...] = ()
    seed: int | None = None  # of the training; None is all
    own: int | None = None  # the seed of the own masks that others are compared with; None is that of all masks

    @property
    def asked(self) -> tuple:
        """What tells its rows in the study."""
        return self.task, self.method, self.sparsity, self.chosen, self.seed, self.own

    @property
    def key(self) -> str:
        """Tells the widgets of experiments on one page apart."""
        return f"{self.title}-{self.model}-{self.task}-{self.sparsity:g}"

    @property
    def mask_seed(self) -> int | None:
        """The seed that the masks were found under."""
        if self.study is None:
            return None
        of = catalogue.of_task(self.study, self.task)
        return of.get("settings", {}).get(f"transfer {self.task}", {}).get("mask_seed")

    @property
    def steps(self) -> int | None:
        """How many steps a training had; None where that is not known."""
        if self.study is None:
            return None
        asked = catalogue.of_task(self.study, self.task).get("settings", {}).get(f"transfer {self.task}", {})
        return asked.get("recipe", {}).get("steps")

    def cells(self) -> pd.Series:
        """How many runs of languages' masks there are under each seed."""
        rows = catalogue.table(self.study, "transfer")
        rows = results.select(rows, self.task, self.sparsity, method=self.method)
        return rows[rows["source"].map(is_language)].groupby("seed").size()

    @property
    def usual_seed(self) -> int | None:
        """All seeds, if there are as many runs under each, else one that has most.

        Where own masks are fitted to the examples of one of them (`own_examples`), another, if it has as many.
        """
        cells = self.cells()
        most = list(cells.index[cells == cells.max()])
        fitted = [seed for seed in most if str(seed) == replace(self, seed=None).own_examples]
        if not fitted and cells.nunique() <= 1:
            return None
        return int(next((seed for seed in most if seed not in fitted), most[0]))

    @property
    def own_examples(self) -> str:
        """The seed under which own masks are trained on examples in the order they were found on; "" for none."""
        found = self.mask_seed
        if found is None or self.method not in ITERATIVE:  # others were not found by this training
            return ""
        seeds = self.cells().index if self.seed is None else [self.seed]
        return str(found) if found in seeds else ""

    @property
    def reseeded(self) -> list[Experiment]:
        """The same experiment against own masks that were found under other seeds."""
        found = {reseeded_from(source) for source in self.matrix()["source"]} - {None}
        return [replace(self, own=seed) for seed in sorted(found)]

    def matrix(self) -> pd.DataFrame:
        """`results.against_own` of the experiment's matrix."""
        if self.study is None:
            return _published(self.model, self.task, self.chosen)
        return _matrix(self.study, *self.asked)

    def bootstrap(self) -> pd.DataFrame:
        """`results.bootstrap`; empty for the paper, whose single predictions are not known."""
        if self.study is None:
            return pd.DataFrame(columns=["source", "target", "gain", "low", "high", "p"])
        return _bootstrap(self.study, *self.asked)

    def left_out(self) -> pd.DataFrame:
        """`results.left_out`; empty where no core was trained, as in the paper."""
        if self.study is None:
            return pd.DataFrame(columns=results.LEFT_OUT)
        return _left_out(self.study, *self.asked)

    def others(self) -> list[Experiment]:
        """The same experiment at other sparsities; under the same seed, where that has as many runs as any there."""
        if self.study is None:
            return []
        found = []
        for other in ours(self.study):
            if (other.task, other.method) == (self.task, self.method) and other.sparsity != self.sparsity:
                cells = other.cells()
                same = cells.get(self.seed) == cells.max()
                found.append(replace(other, chosen=self.chosen, seed=self.seed if same else other.usual_seed))
        return found

    def across(self) -> pd.DataFrame:
        """`across.cross_task` of the study's runs at this sparsity, or the paper's.

        A target task's runs are of the chosen seed where masks of other tasks were trained under it, else of all.
        """
        if self.study is None:
            return published.cross_task()
        every, chosen = (_across(self.study, self.method, self.sparsity, self.chosen, s) for s in (None, self.seed))
        return pd.concat([chosen, every[~every["target_task"].isin(chosen["target_task"])]])

    def multilingual(self) -> pd.DataFrame:
        """`across.multilingual` of all the study's tasks at this sparsity, or the paper's."""
        if self.study is None:
            return published.multilingual_ticket()
        every = [self, *(e for e in ours(self.study) if (e.method, e.sparsity) == (self.method, self.sparsity))]
        tasks = {e.task: e for e in every}
        return pd.concat([_multilingual(self.study, *replace(e, chosen=(), seed=None).asked) for e in tasks.values()])

    def overlap(self) -> pd.DataFrame:
        """The overlap of the masks, group, source, target, value; empty where their counts are not known."""
        if self.study is None:
            return pd.DataFrame()
        choice = Choice(self.task, self.method, self.sparsity, self.mask_seed or 0)
        try:
            return catalogue.pairs(self.study, choice, "jaccard", "all", self.chosen)
        except NeutralError:
            return pd.DataFrame()


def ours(study: Study) -> list[Experiment]:
    """Return the experiments that a study has runs of."""
    table = catalogue.table(study, "transfer")
    if table.empty:
        return []
    masked = table[(table["method"] != "full") & (table["source_task"] == table["task"])]
    keys = masked[["task", "method", "sparsity"]].drop_duplicates().itertuples(index=False)
    title = study.info.get("title") or study.path.name
    return [Experiment(title, row.task, row.sparsity, row.method, study) for row in keys]


def choose(notices: DeltaGenerator) -> list[Experiment]:
    """Draw the sidebar's pickers and return what to show: the experiment chosen, and the paper's beside it if asked."""
    studies, broken = catalogue.studies()
    for line in broken:
        notices.error(line)
    there = {name: found for name, study in studies.items() if (found := ours(study))}
    asked = st.query_params.get("runs")
    if asked and asked not in (*there, PAPER):
        notices.warning(f"There are no runs called “{asked}” here. There are {', '.join([*there, PAPER])}.")
    name = pickers.pick("Runs", [*there, PAPER], "runs")
    if not there:
        notices.markdown(NO_STUDY)
    if name == PAPER:
        return [_of_paper()]
    found = there[name]
    task = pickers.pick("Task", list(dict.fromkeys(e.task for e in found)), "task", names=pickers.task_name)
    method = pickers.pick("Method", list(dict.fromkeys(e.method for e in found if e.task == task)), "method")
    levels = sorted({e.sparsity for e in found if (e.task, e.method) == (task, method)})
    sparsity = pickers.pick("Sparsity", levels, "sparsity", default=0.5, names=lambda s: f"{s:.0%}")
    one = next(e for e in found if (e.task, e.method, e.sparsity) == (task, method, sparsity))
    spoken = order(list(dict.fromkeys(one.matrix()["target"])))
    one = replace(one, chosen=pickers.pick_members(spoken), seed=_pick_seed(one))
    if not st.toggle("The paper's table below", key="paper", bind="query-params"):
        return [one]
    return [one, _of_paper(one.task)]


def _pick_seed(one: Experiment) -> int | None:
    """Choose a seed of the training, or all."""
    options = [None, *sorted(one.cells().index)]
    if len(options) < 3:
        return None
    names = {seed: "All" if seed is None else str(seed) for seed in options}
    return pickers.pick("Training seed", options, "training", default=one.usual_seed, names=names.__getitem__)


def association_of(one: Experiment) -> pd.DataFrame:
    """Test whether overlap goes with transfer: `association.associations`, plain and within families, a row each.

    The "distance" is by how much worse a mask does than the target's own, relative to it and whatever the metric,
    averaged over both directions.
    """
    overlap, table = one.overlap(), one.matrix()
    if overlap.empty:
        return pd.DataFrame()
    spoken = set(filter(tables.is_language, {*overlap["source"], *overlap["target"]}))
    overlap = overlap[overlap["source"].isin(spoken) & overlap["target"].isin(spoken)]
    cost = table[(table["source"] != table["target"]) & table["source"].isin(spoken) & table["target"].isin(spoken)]
    sign = -1 if metric(table["metric"].iloc[0]).higher_is_better else 1
    cost = cost.assign(distance="transfer", value=sign * cost["relative"])[["distance", "source", "target", "value"]]
    rows = []
    for scheme in ("plain", "family"):
        within = typology.families(sorted(spoken)) if scheme == "family" else None
        rows.append(association.associations(overlap, cost, within=within).assign(scheme=scheme))
    return pd.concat(rows, ignore_index=True)


def _of_paper(task: str = "") -> Experiment:
    there = published.experiments()
    names = {pair: f"{published.MODELS[pair[0]]}, {pickers.task_name(pair[1])}" for pair in there}
    default = next((pair for pair in there if pair[1] == published.TASKS.get(task)), there[0])
    model, task = pickers.pick("The paper's table", there, "table", default=default, names=names.__getitem__)
    return Experiment(PAPER, task, 0.5, model=model)


@catalogue.remembered
def _matrix(study: Study, *asked: object) -> pd.DataFrame:
    return results.against_own(results.matrix(_selected(study, *asked)))


@catalogue.remembered
def _bootstrap(study: Study, *asked: object) -> pd.DataFrame:
    return results.bootstrap(_selected(study, *asked))


@catalogue.remembered
def _left_out(
    study: Study, task: str, method: str, sparsity: float, chosen: tuple[str, ...], seed: int | None, own: int | None
) -> pd.DataFrame:
    found = results.left_out(_selected(study, task, method, sparsity, (), seed, own))  # the core is of all languages
    return found[found["target"].isin(chosen)] if chosen else found


@catalogue.remembered
def _across(study: Study, method: str, sparsity: float, chosen: tuple[str, ...], seed: int | None) -> pd.DataFrame:
    table = study.table("transfer")
    table = table if seed is None else table[table["seed"] == seed]
    return across.cross_task(table, sparsity, method=method, languages=chosen)


@catalogue.remembered
def _multilingual(study: Study, task: str, *asked: object) -> pd.DataFrame:
    return across.multilingual(_selected(study, task, *asked), task)


def _selected(
    study: Study, task: str, method: str, sparsity: float, chosen: tuple[str, ...], seed: int | None, own: int | None
) -> pd.DataFrame:
    rows = results.select(study.table("transfer"), task, sparsity, method=method, languages=chosen)
    rows = rows if seed is None else rows[rows["seed"] == seed]
    return rows if own is None else results.reseeded(rows, own)


@st.cache_data(max_entries=20, show_spinner=False)
def _published(model: str, task: str, chosen: tuple[str, ...]) -> pd.DataFrame:
    return results.against_own(published.transfer(model, task))
