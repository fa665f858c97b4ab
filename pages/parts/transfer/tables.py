"""What the Transfer page shows: experiments of studies and of the paper, and their tables, remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from neutral.errors import NeutralError
from neutral.metrics import by_accuracy, has_accuracy
from neutral.study import FULL, Study
from neutral.summary import Choice
from neutral.transfer import across, answers, association, published, results, seeds
from neutral.transfer.sources import reseeded_from
from pages.parts import catalogue, memory
from pages.parts.overlap import tables as overlap_tables

PAPER = published.NAME


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
    by: str = "metric"  # what scores are: the task's metric, or the accuracy of language modelling

    @property
    def selection(self) -> tuple:
        """The arguments that select its rows in the study."""
        return self.task, self.method, self.sparsity, self.chosen, self.seed, self.own, self.by

    @property
    def measures(self) -> list[str]:
        """By what its runs can be compared: `by`'s values."""
        rows = () if self.study is None else catalogue.table(self.study, "transfer")
        accuracy = len(rows) and has_accuracy(results.select(rows, self.task, self.sparsity, method=self.method))
        return ["metric", *(["accuracy"] if accuracy else [])]

    @property
    def line(self) -> str:
        """What its line is called in a figure of several sparsities."""
        return f"{self.sparsity:.0%} removed" + ("" if self.seed is None else f", training seed {self.seed}")

    @property
    def key(self) -> str:
        """Tells the widgets of experiments on one page apart."""
        return f"{self.title}-{self.model}-{self.task}-{self.sparsity:g}"

    @property
    def settings(self) -> dict:
        """The settings of its runs; empty if they are not known."""
        return self.study.settings(self.task, f"transfer {self.task}") if self.study else {}

    @property
    def mask_seed(self) -> int | None:
        """The seed that the masks were found under; None if it is not known."""
        return self.settings.get("mask_seed")

    @property
    def steps(self) -> int | None:
        """The number of steps of a training; None if it is not known."""
        return self.settings.get("recipe", {}).get("steps")

    def cells(self) -> pd.Series:
        """See `seeds.cells`."""
        return _cells(self.study, self.task, self.sparsity, self.method)

    @property
    def usual_seed(self) -> int | None:
        """See `seeds.usual`."""
        return seeds.usual(self.cells(), self.mask_seed, self.method)

    @property
    def fitted_seed(self) -> int | None:
        """See `seeds.fitted`."""
        if self.study is None:
            return None
        return seeds.fitted(self.cells(), self.mask_seed, self.method, self.seed)

    @property
    def reseeded(self) -> list[Experiment]:
        """The same experiment against own masks that were found under other seeds."""
        others = {reseeded_from(source) for source in self.matrix()["source"]} - {None}
        return [replace(self, own=seed) for seed in sorted(others)]

    def matrix(self) -> pd.DataFrame:
        """`results.against_own` of the experiment's matrix."""
        if self.study is None:
            return _published(self.model, self.task, self.chosen)
        return _matrix(self.study, *self.selection)

    def bootstrap(self) -> pd.DataFrame:
        """`results.bootstrap`; empty for the paper, whose single predictions are not known."""
        if self.study is None:
            return pd.DataFrame(columns=["source", "target", "gain", "low", "high", "p"])
        return _bootstrap(self.study, *self.selection)

    def left_out(self) -> pd.DataFrame:
        """`results.left_out`; empty if no core was trained, as in the paper."""
        if self.study is None:
            return pd.DataFrame(columns=results.LEFT_OUT)
        return _left_out(self.study, *self.selection)

    def others(self) -> list[Experiment]:
        """The same experiment at other sparsities, under the seed that `seeds.alike` returns."""
        if self.study is None:
            return []
        others = (e for e in experiments_of(self.study) if (e.task, e.method) == (self.task, self.method))
        return [
            replace(
                other,
                chosen=self.chosen,
                by=self.by,
                seed=seeds.alike(other.cells(), self.seed, other.mask_seed, self.method),
            )
            for other in others
            if other.sparsity != self.sparsity
        ]

    def across(self) -> pd.DataFrame:
        """`across.cross_task` of the study's runs at this sparsity (see `seeds.preferred`), or the paper's."""
        if self.study is None:
            return published.cross_task()
        every, chosen = (_across(self.study, self.method, self.sparsity, self.chosen, s) for s in (None, self.seed))
        return seeds.preferred(chosen, every)

    def multilingual(self) -> pd.DataFrame:
        """`across.multilingual` of all the study's tasks at this sparsity, or the paper's."""
        if self.study is None:
            return published.multilingual_ticket()
        others = (e for e in experiments_of(self.study) if (e.method, e.sparsity) == (self.method, self.sparsity))
        tasks = {e.task: replace(e, chosen=(), seed=None) for e in (self, *others)}
        return pd.concat([_multilingual(self.study, *experiment.selection) for experiment in tasks.values()])

    def overlap(self) -> pd.DataFrame:
        """The overlap of the masks, group, source, target, value; empty if the study lacks their counts."""
        if self.study is None:
            return pd.DataFrame()
        choice = Choice(self.task, self.method, self.sparsity, self.mask_seed or 0)
        try:
            return overlap_tables.pairs(self.study, choice, "jaccard", "all", self.chosen)
        except NeutralError:
            return pd.DataFrame()

    def association(self) -> pd.DataFrame:
        """`association.with_overlap` of the experiment's matrix; empty if the overlap is not known."""
        return pd.DataFrame() if self.study is None else _association(self.study, self, *self.selection)

    def drops(self) -> pd.DataFrame:
        """`answers.drops` at every sparsity of the study."""
        experiments = sorted([self, *self.others()], key=lambda each: each.sparsity)
        return memory.remembered(answers.drops)(
            {each.line: matrix for each in experiments if len(matrix := each.matrix())}
        )


def experiments_of(study: Study) -> list[Experiment]:
    """Return the experiments that a study has runs of."""
    title = study.info.get("title") or study.path.name
    return [Experiment(title, *key, study) for key in _experiments(study)]


@catalogue.remembered
def _experiments(study: Study) -> list[tuple[str, float, str]]:
    """Return task, sparsity and method of each."""
    table = catalogue.table(study, "transfer")
    if table.empty:
        return []
    masked = table[(table["method"] != FULL) & (table["source_task"] == table["task"])]
    return list(masked[["task", "sparsity", "method"]].drop_duplicates().itertuples(index=False, name=None))


@catalogue.remembered
def _cells(study: Study, task: str, sparsity: float, method: str) -> pd.Series:
    return seeds.cells(results.select(catalogue.table(study, "transfer"), task, sparsity, method=method))


@catalogue.remembered
def _matrix(study: Study, *selection: object) -> pd.DataFrame:
    return results.against_own(results.matrix(_selected(study, *selection)))


@catalogue.remembered
def _association(study: Study, _one: Experiment, *selection: object) -> pd.DataFrame:
    return association.with_overlap(_one.matrix(), _one.overlap())


@catalogue.remembered
def _bootstrap(study: Study, *selection: object) -> pd.DataFrame:
    return results.bootstrap(_selected(study, *selection))


@catalogue.remembered
def _left_out(
    study: Study, task: str, method: str, sparsity: float, chosen: tuple[str, ...], *rest: object
) -> pd.DataFrame:
    table = results.left_out(_selected(study, task, method, sparsity, (), *rest))  # the core is of all languages
    return table[table["target"].isin(chosen)] if chosen else table


@catalogue.remembered
def _across(study: Study, method: str, sparsity: float, chosen: tuple[str, ...], seed: int | None) -> pd.DataFrame:
    table = catalogue.table(study, "transfer")
    table = table if seed is None else table[table["seed"] == seed]
    return across.cross_task(table, sparsity, method=method, languages=chosen)


@catalogue.remembered
def _multilingual(study: Study, task: str, *selection: object) -> pd.DataFrame:
    return across.multilingual(_selected(study, task, *selection), task)


def _selected(
    study: Study,
    task: str,
    method: str,
    sparsity: float,
    chosen: tuple[str, ...],
    seed: int | None,
    own: int | None,
    by: str,
) -> pd.DataFrame:
    rows = results.select(catalogue.table(study, "transfer"), task, sparsity, method=method, languages=chosen)
    rows = by_accuracy(rows) if by == "accuracy" else rows
    rows = rows if seed is None else rows[rows["seed"] == seed]
    return rows if own is None else results.reseeded(rows, own)


@st.cache_data(max_entries=20, show_spinner=False)
def _published(model: str, task: str, chosen: tuple[str, ...]) -> pd.DataFrame:
    return results.against_own(published.transfer(model, task))
