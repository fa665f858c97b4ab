"""What a device does of a search: the masks of a language under a seed, a control, a source's functional check."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from neutral import scores
from neutral.corpora import Corpus
from neutral.curves import NOWHERE, Curve, Curves
from neutral.masks import Mask
from neutral.runs import timing
from neutral.runs.plans.search import READS_TEXT, SearchPlan
from neutral.runs.subject import Subject, subject
from neutral.runs.units import Tell, Unit, Worker
from neutral.search import ITERATIVE, controls, lottery
from neutral.search.calibration import alternating
from neutral.search.one_shot import one_shot
from neutral.search.search import Search
from neutral.study import FULL, PRETRAINED
from neutral.tasks import Score


@dataclass(frozen=True)
class Masks:
    """A unit: find and score the masks of a language under a seed."""

    code: str
    seed: int


@dataclass(frozen=True)
class Control:
    """A unit: the mask of the untouched weights that a seed starts from."""

    sparsity: float
    seed: int


@dataclass(frozen=True)
class Check:
    """A unit: the score of every target's text under one source's mask, untrained."""

    sparsity: float
    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """A piece: the score at a sparsity; of a round also the sparsity, mask and head that the next one starts with."""

    sparsity: float
    score: Score
    steps: int
    next_sparsity: float | None = None
    next_mask: Mask | None = None
    next_head: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """A piece: the masks of a one-shot method, variant -> sparsity -> mask, and what `Search` tells of experts."""

    masks: dict[str, dict[float, Mask]]
    tokens: dict[str, dict[str, int]]
    unreached: tuple[str, ...]


def loaded(plan: SearchPlan, corpus: Corpus, device: str, options: Mapping[str, Any]) -> Subject:
    """Return the plan's model with its task and text, on a device."""
    common = {"length": plan.length, "held_out": plan.held_out, "examples": plan.examples, "device": device}
    common |= {"seed": plan.seeds[0], "wording": plan.wording}
    common |= {"lines": plan.lines, "held_out_lines": plan.held_out_lines, "blocks": _looked_at(plan)}
    return subject(plan.model, plan.task, corpus, plan.languages, **common, **options)


def _looked_at(plan: SearchPlan) -> int | None:
    """Return how many blocks of a language's text a plan looks at; None for all."""
    if plan.trains:
        return None
    return plan.blocks if plan.method in READS_TEXT and not plan.lines else 0


def searcher(
    model: str,
    device: str,
    *,
    plan: SearchPlan,
    corpus: Corpus,
    curves: Curves,
    options: Mapping[str, Any],
) -> Searcher:
    """Return a worker, whose model is loaded from where it is on this machine."""
    plan = replace(plan, model=model)
    return Searcher(plan, loaded(plan, corpus, device, options), curves)


class Searcher(Worker):
    """One model and its text."""

    def __init__(self, plan: SearchPlan, subject: Subject, curves: Curves = NOWHERE) -> None:
        self.plan, self.subject, self.curves = plan, subject, curves

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[Scored | Cut | Mask | tuple[str, Score]]:
        """Yield what `Finder.write` takes; see `Worker.do`."""
        asked = unit.asked
        if isinstance(asked, Control):
            yield self.pretrained(self.plan.languages[0], asked.sparsity, asked.seed)
        elif isinstance(asked, Check):
            yield from self._functional(asked, given, tell)
        elif self.plan.method in ITERATIVE:
            yield from self._ticket(asked, given, tell)
        else:
            yield from self._one_shot(asked, given, tell)

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Estimate how long the masks of a language take, from a few steps, a little scoring and a cut."""
        plan, asked = self.plan, unit.asked
        search = self.search(asked.code, asked.seed)
        if plan.trains:
            step, evaluation = timing.training(search)
        else:
            step, evaluation = 0.0, timing.evaluation(search)
        each = step * search.recipe.steps + evaluation
        if plan.method in ITERATIVE:
            cut = timing.seconds_of(lambda: search.cut(scores.magnitude(search.weights), plan.sparsities[0]))
            return len(unit.rounds) * (each + cut)
        found = self._cutting(search) + (plan.method == "change") * step * search.recipe.steps if given["cut"] else 0.0
        return found + len(given["scores"]) * each

    def _cutting(self, search: Search) -> float:
        """Return about how long it takes to score the weights by a one-shot method, and to cut."""
        if self.plan.method == "change":  # which trains first
            weights = scores.magnitude(search.weights)
            return timing.seconds_of(lambda: [search.cut(weights, s) for s in self.plan.sparsities])
        reads = self.plan.method in READS_TEXT
        items = self.subject.calibration(search.language, self.plan.blocks).items
        sizes = [n for n in (2, 6) if n < len(items)] if reads else []
        if not sizes[1:]:
            return timing.seconds_of(lambda: self._cut(search, items))
        few, more = (timing.seconds_of(lambda n=n: self._cut(search, items[:n])) for n in sizes)
        return few + max(0.0, more - few) / (sizes[1] - sizes[0]) * (len(items) - sizes[0])

    def _cut(self, search: Search, items: Sequence[Any]) -> None:
        text = alternating(items)
        one_shot(search, self.plan.method, list(self.plan.sparsities), text=text, halves=self.plan.halves)

    def search(self, code: str, seed: int) -> Search:
        """Return the search in one language's data, from the weights that a seed starts from."""
        plan = self.plan
        own = {"seed": seed, "scope": plan.scope, "only": plan.only, "passes": plan.passes}
        search = self.subject.search(code, plan.recipe, **own)
        search.curve = self.curve(code, seed)
        return search

    def curve(self, code: str, seed: int, *words: object) -> Curve | None:
        """Return the curve of a language's training under a seed."""
        return self.curves.of(self.plan.task, self.plan.method, code, f"seed {seed}", *words)

    def pretrained(self, code: str, sparsity: float, seed: int) -> Mask:
        """Return the control at a sparsity: the mask of the untouched weights that a seed starts from."""
        search = self.search(code, seed)
        scope = scores.scope_of(self.plan.method, self.plan.scope)
        across = scores.transposed(search.model)
        return controls.pretrained(search.origin, search.weights, sparsity, scope, transposed=across)

    def _ticket(self, asked: Masks, given: Mapping[str, Any], tell: Tell) -> Iterator[Scored]:
        start = given["start"]
        if start is None:
            return
        sparsities, search = list(self.plan.sparsities), self.search(asked.code, asked.seed)
        search.head = given.get("head", {})
        rounds, done = len(sparsities) + 1 - start, 0

        def advance(step: int, steps: int) -> None:
            tell(done * steps + step, rounds * steps)

        for found in lottery.find(search, sparsities, start=start, mask=given.get("mask"), tell=advance):
            piece = Scored(found.sparsity, found.score, search.recipe.steps)
            if found.following is not None:
                following = sparsities[start + done]
                head = {name: tensor.cpu() for name, tensor in search.head.items()}
                piece = replace(piece, next_sparsity=following, next_mask=found.following, next_head=head)
            yield piece
            done += 1

    def _one_shot(self, asked: Masks, given: Mapping[str, Any], tell: Tell) -> Iterator[Cut | Scored]:
        plan, search = self.plan, self.search(asked.code, asked.seed)
        masks = {sparsity: given.get(f"mask {sparsity:g}") for sparsity in plan.sparsities}
        told = _Trainings(tell, len(given["scores"]) + (given["cut"] and plan.method == "change"))
        if given["cut"]:
            if plan.method == "random":
                search.recipe = replace(search.recipe, seed=_seed(asked.seed, asked.code))
            text = self.subject.calibration(asked.code, plan.blocks) if plan.method in READS_TEXT else None
            found = one_shot(search, plan.method, list(plan.sparsities), text=text, halves=plan.halves, tell=told)
            yield Cut(found, search.tokens, search.unreached)
            masks = found[""]
        search.recipe = replace(search.recipe, seed=asked.seed)
        for sparsity in given["scores"]:
            search.curve = self.curve(asked.code, asked.seed, f"sparsity {sparsity:g}")
            yield self._scored(search, sparsity, masks.get(sparsity), told)

    def _scored(self, search: Search, sparsity: float, mask: Mask | None, tell: Tell) -> Scored:
        if self.plan.trains:
            return Scored(sparsity, search.trained(mask, tell), search.recipe.steps)
        search.rewind(mask)
        return Scored(sparsity, search.evaluate(), 0)

    def _functional(self, asked: Check, given: Mapping[str, Any], tell: Tell) -> Iterator[tuple[str, Score]]:
        seed, first = self.plan.seeds[0], asked.targets[0]
        search = self.search(first, seed)
        mask = given.get("mask")
        if asked.source in (PRETRAINED, "random"):
            mask = self.pretrained(first, asked.sparsity, seed)
        if asked.source == "random":
            mask = Mask.random(mask, asked.sparsity, seed)
        held_out = {code: self.subject.held_out[code][: self.plan.functional_blocks] for code in asked.targets}
        sources = {asked.source: None if asked.source == FULL else mask}
        for number, (_, target, score) in enumerate(controls.functional(search, sources, held_out)):
            tell(number + 1, len(held_out))
            yield target, score


class _Trainings:
    """Tells how far several trainings of as many steps are."""

    def __init__(self, tell: Tell, trainings: int) -> None:
        self.tell, self.trainings, self.before, self.last = tell, trainings, 0, 0

    def __call__(self, step: int, steps: int) -> None:
        if step < self.last:  # the next one
            self.before += 1
        self.last = step
        self.tell(self.before * steps + step, self.trainings * steps)


def _seed(seed: int, code: str) -> int:
    """Return a seed of its own for every language, so that random masks are independent."""
    return zlib.crc32(f"{seed}/{code}".encode())
