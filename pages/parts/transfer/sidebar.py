"""What the sidebar of the Transfer page chooses: runs of a study, and the paper's table beside them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import opening
from neutral.members import order
from neutral.transfer import answers, published
from pages.parts import catalogue, pickers, whose
from pages.parts import settings as asked
from pages.parts.errors import tell
from pages.parts.overlap import tables as overlap
from pages.parts.runs import lead
from pages.parts.text import as_text
from pages.parts.transfer import words
from pages.parts.transfer.tables import PAPER, Experiment, experiments_of


def choose(notices: DeltaGenerator) -> list[Experiment]:
    """Draw the sidebar's pickers and return what to show: the experiment chosen, and the paper's beside it if asked."""
    studies, broken = catalogue.studies()
    every, more = catalogue.of_each(studies, experiments_of)
    tell(broken + more, notices)
    experiments = {name: of_study for name, of_study in every.items() if of_study}
    linked = st.query_params.get("runs")
    if linked and linked not in (*experiments, PAPER):
        names = ", ".join(map(as_text, [*experiments, PAPER]))
        notices.warning(f"There are no runs called “{as_text(linked)}” here. There are {names}.")
    asked = pickers.studied() or catalogue.first(studies) or opening.study(studies, overlap.tells)
    name = pickers.pick("Study with runs", [*experiments, PAPER], "runs", default=asked, told=False)
    if not experiments:
        notices.markdown(words.NO_STUDY)
    elif asked in studies and asked not in experiments and not linked:
        notices.markdown(words.elsewhere(asked, name))
    if name == PAPER:
        return [_of_paper()]
    of_study = experiments[name]
    task = pickers.pick("Task", list(dict.fromkeys(e.task for e in of_study)), "task", names=pickers.task_name)
    method = pickers.pick("Method", list(dict.fromkeys(e.method for e in of_study if e.task == task)), "method")
    levels = {e.sparsity: e for e in of_study if (e.task, e.method) == (task, method)}
    telling = answers.costliest({level: levels[level].matrix() for level in sorted(levels)}) or opening.USUAL
    sparsity = pickers.pick("Sparsity", sorted(levels), "sparsity", default=telling, names=lambda s: f"{s:.0%}")
    one = levels[sparsity]
    spoken = order(list(dict.fromkeys(one.matrix()["target"])))
    one = replace(one, chosen=whose.pick_members(spoken, notices), seed=_pick_seed(one))
    one = replace(one, by=pickers.pick_score(one.measures))
    if not pickers.pick_whether("The paper's table below", "paper"):
        return [one]
    return [one, _of_paper(one.task)]


def lacking() -> None:
    """Offer to make runs of the study that was chosen on other pages, if it has none and another's are shown."""
    studies = catalogue.studies()[0]
    asked = pickers.studied() or catalogue.first(studies) or opening.study(studies, overlap.tells)
    if asked not in studies or catalogue.of_each({asked: studies[asked]}, experiments_of)[0].get(asked):
        return
    with st.container(border=True):
        st.markdown(words.to_make(asked))
        lead.offer("transfer", asked, words.MAKE, "transfer")


def settings(one: Experiment) -> dict[str, str]:
    """Return what a caption says of an experiment."""
    told = asked.of_study(one.study) if one.study else {"Study": one.title, "Model": published.MODELS[one.model]}
    return {**told, "Task": pickers.task_name(one.task), "Method": one.method, "Sparsity": f"{one.sparsity:.0%}"}


def _pick_seed(one: Experiment) -> int | None:
    """Choose a seed of the training, or all."""
    options = [None, *sorted(one.cells().index)]
    if len(options) < 3:
        return None
    names = {seed: "All" if seed is None else str(seed) for seed in options}
    return pickers.pick("Training seed", options, "training", default=one.usual_seed, names=names.__getitem__)


def _of_paper(task: str = "") -> Experiment:
    pairs = published.experiments()
    names = {pair: f"{published.MODELS[pair[0]]}, {pickers.task_name(pair[1])}" for pair in pairs}
    default = next((pair for pair in pairs if pair[1] == published.TASKS.get(task)), pairs[0])
    model, task = pickers.pick("The paper's table", pairs, "table", default=default, names=names.__getitem__)
    return Experiment(PAPER, task, 0.5, model=model)
