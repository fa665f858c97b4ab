"""What a device does of a transfer: make the mask of a run, train it on the target, and score it before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from neutral import scores
from neutral.corpora import Corpus
from neutral.curves import NOWHERE, Curves
from neutral.masks import Mask
from neutral.runs import timing
from neutral.runs.plans.transfer import Run, TransferPlan, apart
from neutral.runs.records import scored
from neutral.runs.subject import Subject, subject
from neutral.runs.units import Tell, Unit, Worker
from neutral.search import controls
from neutral.search.search import Search
from neutral.study import FULL, PRETRAINED
from neutral.transfer import baselines
from neutral.transfer.sources import JOINED, REINITIALISED, RESEEDED, THINNED

Place = tuple[str, float, int]
"""Which mask: language, sparsity and seed."""


def reads(plan: TransferPlan, run: Run) -> list[Place]:
    """Return the masks that a run's mask is made of; those of a control lend it their shapes."""
    source, sparsity, seed = run.source, run.sparsity, plan.mask_seed
    if source.name == FULL:
        return []
    if source.name in ("random", PRETRAINED):
        return [(next(iter(plan.sources), run.target), sparsity, seed)]
    if source.name in JOINED:
        return [(code, sparsity, seed) for code in plan.sources if apart(code, run.target)]
    if source.name == THINNED:
        return [(run.target, source.sparsity, seed)]
    if source.name == RESEEDED:
        return [(run.target, sparsity, source.seed)]
    return [(run.target if source.name == REINITIALISED else source.name, sparsity, seed)]


def called(place: Place) -> str:
    """Return the name under which a worker is given a mask."""
    code, sparsity, seed = place
    return f"mask {code} {sparsity:g} seed {seed}"


def loaded(plan: TransferPlan, corpus: Corpus, device: str, options: Mapping[str, Any]) -> Subject:
    """Return the plan's model with its task and text, on a device."""
    common = {"length": plan.length, "held_out": plan.held_out, "examples": plan.examples, "device": device}
    common |= {"seed": plan.seeds[0], "wording": plan.wording}
    return subject(plan.model, plan.task, corpus, plan.targets, **common, **options)


def trainer(
    model: str,
    device: str,
    *,
    plan: TransferPlan,
    corpus: Corpus,
    curves: Curves,
    options: Mapping[str, Any],
) -> Trainer:
    """Return a worker, whose model is loaded from where it is on this machine."""
    plan = replace(plan, model=model)
    return Trainer(plan, loaded(plan, corpus, device, options), curves)


class Trainer(Worker):
    """One model and its text. The plan's scope is that of its controls."""

    def __init__(self, plan: TransferPlan, subject: Subject, curves: Curves = NOWHERE) -> None:
        self.plan, self.subject, self.curves = plan, subject, curves

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[dict]:
        """Train and score, and yield the result's entries."""
        search, mask, run = self.search(unit.asked), self.mask(unit.asked, given), unit.asked
        words = ("transfer", self.plan.task, run.source.name, "to", run.target, f"sparsity {run.sparsity:g}")
        search.curve = self.curves.of(*words, f"seed {run.seed}")
        entries = {"steps": search.recipe.steps}
        if search.task.metric == "perplexity":  # a new head scores nothing before it is trained
            search.rewind(mask)
            entries["untrained"] = search.evaluate().value
        yield entries | scored(search.trained(mask, tell))

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Estimate how long a run takes, from a few steps and one evaluation."""
        search = self.search(unit.asked)
        step, evaluation = timing.training(search, self.mask(unit.asked, given))
        evaluations = 2 if search.task.metric == "perplexity" else 1
        return step * search.recipe.steps + evaluations * evaluation

    def search(self, run: Run) -> Search:
        """Return a search on a run's target, from the run's weights, for its training and scoring."""
        plan = self.plan
        search = self.subject.search(run.target, plan.recipe, seed=run.seed, scope=plan.scope, passes=plan.passes)
        if run.source.name == REINITIALISED:
            search.origin = baselines.reinitialised(search.model, run.seed)
        return search

    def mask(self, run: Run, given: Mapping[str, Mask]) -> Mask | None:
        """Return the mask of a run, made of those that it reads (`called`); None for the full model.

        Names are those of this task's model; a pooler is left out if that has none.
        """
        plan, source, sparsity = self.plan, run.source.name, run.sparsity
        masks = [given[called(place)].fitted(self.subject.origin) for place in reads(plan, run)]
        if source == FULL:
            return None
        if source == "random":
            return Mask.random(masks[0], sparsity, run.seed)
        if source == THINNED:
            return baselines.thinned(masks[0], sparsity, run.seed)
        if source != PRETRAINED and source not in JOINED:
            return masks[0]
        origin, scope = self.subject.start(run.seed), scores.scope_of(plan.method, plan.scope)
        across = scores.transposed(self.subject.model)
        if source == PRETRAINED:
            return controls.pretrained(origin, masks[0].names, sparsity, scope, transposed=across)
        return baselines.MAKERS[source](masks, origin, sparsity, scope, transposed=across)
