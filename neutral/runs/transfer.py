"""Run transfers into a study: they can be resumed, and run side by side on several devices."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

import torch

from neutral import children, hashes, maskfiles, models, scores
from neutral.corpora import Corpus, parts
from neutral.errors import MemoryLimitError, NeutralError
from neutral.masks import Mask
from neutral.progress import bar, say
from neutral.runs import scopes
from neutral.runs.plans.transfer import Run, TransferPlan, apart, check, settings
from neutral.runs.records import Finished, begin, provenance, remember, scored, writing
from neutral.runs.subject import Subject, facts, ready, subject
from neutral.search import controls
from neutral.search.search import Search
from neutral.study import FULL, PRETRAINED, Study
from neutral.tasks import making
from neutral.training import memory_limit
from neutral.transfer import baselines
from neutral.transfer.sources import JOINED, REINITIALISED, RESEEDED, THINNED

KEY = ("task", "source_task", "method", "sparsity", "seed", "source", "target")
"""Fields that tell the results of a transfer apart."""

_TIMED_STEPS = 4  # of a dry run's estimate


class Worker:
    """One device's model: makes the mask of a run, trains it on the target, and scores it before and after."""

    def __init__(self, plan: TransferPlan, corpus: Corpus, masks: Path, device: str, options: dict) -> None:
        self.plan = _scoped(plan, masks, options)
        self.corpus, self.masks, self.device, self.options = corpus, Study(masks), device, options

    @cached_property
    def subject(self) -> Subject:
        """The model with its task and data. Raises `MismatchError` at once for masks that do not fit it."""
        plan = self.plan
        common = {"length": plan.length, "held_out": plan.held_out, "examples": plan.examples, "device": self.device}
        common |= {"seed": plan.seeds[0], "wording": plan.wording}
        made = subject(plan.model, plan.task, self.corpus, plan.targets, **common, **self.options)
        if plan.sources:
            self._read(plan.sources[0], plan.sparsities[0]).fitted(made.origin)
        return made

    def search(self, run: Run) -> Search:
        """Return a search on a run's target, from the run's weights, for its training and scoring."""
        plan = self.plan
        search = self.subject.search(run.target, plan.recipe, seed=run.seed, scope=plan.scope, passes=plan.passes)
        if run.source.name == REINITIALISED:
            search.origin = baselines.reinitialised(search.model, run.seed)
        return search

    def mask(self, run: Run) -> Mask | None:
        """Return the mask of a run; None for the full model."""
        plan, source, sparsity = self.plan, run.source, run.sparsity
        if source.name == FULL:
            return None
        origin = self.subject.start(run.seed)
        scope, across = scores.scope_of(plan.method, plan.scope), scores.transposed(self.subject.model)
        if source.name in ("random", PRETRAINED):
            like = self._stored(next(iter(plan.sources), run.target), sparsity)
            if source.name == "random":
                return Mask.random(like, sparsity, run.seed)
            return controls.pretrained(origin, like.names, sparsity, scope, transposed=across)
        if source.name in JOINED:
            others = [self._stored(code, sparsity) for code in plan.sources if apart(code, run.target)]
            return baselines.MAKERS[source.name](others, origin, sparsity, scope, transposed=across)
        if source.name == THINNED:
            return baselines.thinned(self._stored(run.target, source.sparsity), sparsity, run.seed)
        if source.name == RESEEDED:
            return self._stored(run.target, sparsity, source.seed)
        return self._stored(run.target if source.name == REINITIALISED else source.name, sparsity)

    def do(self, run: Run) -> dict:
        """Train and score, and return the result's entries."""
        search, mask = self.search(run), self.mask(run)
        entries = {"steps": search.recipe.steps}
        if search.task.metric == "perplexity":  # a new head scores nothing before it is trained
            search.rewind(mask)
            entries["untrained"] = search.evaluate().value
        return entries | scored(search.trained(mask))

    def seconds(self, run: Run) -> float:
        """Estimate how long a run takes, from a few steps and one evaluation."""
        search, mask = self.search(run), self.mask(run)
        steps = search.recipe.steps
        search.recipe = replace(search.recipe, steps=1)
        search.trained(mask)  # warm
        start = time.perf_counter()
        search.evaluate()
        evaluation = time.perf_counter() - start
        search.recipe = replace(search.recipe, steps=_TIMED_STEPS)
        start = time.perf_counter()
        search.trained(mask)
        step = max(0.0, time.perf_counter() - start - evaluation) / _TIMED_STEPS
        evaluations = 2 if search.task.metric == "perplexity" else 1
        return step * steps + evaluations * evaluation

    def _stored(self, code: str, sparsity: float, seed: int | None = None) -> Mask:
        """Return a language's mask under the names of this task's model, without a pooler if that has none."""
        return self._read(code, sparsity, seed).fitted(self.subject.origin)

    def _read(self, code: str, sparsity: float, seed: int | None = None) -> Mask:
        plan = self.plan
        return self.masks.mask(plan.masks_of, plan.method, sparsity, plan.mask_seed if seed is None else seed, code)


def transfer(
    plan: TransferPlan,
    corpus: Corpus,
    folder: str | Path,
    *,
    masks: str | Path | None = None,
    devices: Sequence[str] = ("auto",),
    quiet: bool = False,
    **options: object,
) -> Study:
    """Do the runs of a plan that the study in `folder` lacks, and return the study.

    Parameters
    ----------
    plan : TransferPlan
    corpus : Corpus
    folder : str or Path
        The study that takes the results.
    masks : str or Path, optional
        The study that has the masks; by default that in `folder`.
    devices : sequence of str
        With several devices each has a process of its own, and takes the next run when it is free; a device may be
        named more than once.
    quiet : bool
        Whether to show no progress.
    **options
        Go to the loaders of model and tokenizer.

    Raises
    ------
    NeutralError
        For a plan that cannot be carried out, naming the first missing mask, and for a study that was made with
        another model, text or settings.
    MemoryLimitError
        If a device's memory is too small.
    """
    check(plan)
    masks_folder = Path(masks or folder)
    advice = "lower --batch or --length and run the same command again; it goes on where it stopped"
    with writing(folder), memory_limit(advice):
        plan = _scoped(plan, masks_folder, options, folder)
        todo = pending(plan, folder, masks_folder)
        with bar(len(todo), "run", quiet=quiet) as shown, ExitStack() as ending:
            study = _study(plan, corpus, folder, options, quiet)
            _remember_masks(plan, study, masks_folder)
            results = _results(study)
            done = ending.enter_context(closing(_done(plan, corpus, masks_folder, list(devices), options, todo)))
            for run, entries in done:
                results.append("transfer", **_row(plan, run), **entries)
                shown.set_description(f"{run.source} on {run.target}, {run.sparsity:.0%}")
                shown.update()
    return study


def _remember_masks(plan: TransferPlan, study: Study, masks: Path) -> None:
    """Write into the study which masks the plan reads, and refuse one that has changed since it was found or read."""
    source = Study(masks)
    for code, sparsity, seed in sorted(_needed(plan, plan.runs())):
        path = source.mask_path(plan.masks_of, plan.method, sparsity, seed, code)
        if path.is_file():  # all that are still to be read are there
            hashed = {path.stem: hashes.mask(maskfiles.read(path))}
            remember(study, "masks", hashed, f"the mask (in {path.parent})")
            if source.info.get("masks", {}).get(path.stem):
                remember(source, "masks", hashed, "the mask")


def _needed(plan: TransferPlan, runs: Iterable[Run]) -> set[tuple[str, float, int]]:
    """Return language, sparsity and seed of the masks that runs read, beside those of all sources."""
    needed = {(code, s, plan.mask_seed) for code in plan.sources for s in plan.sparsities}
    for run in runs:
        if run.source.name == THINNED:
            needed.add((run.target, run.source.sparsity, plan.mask_seed))
        if run.source.name == RESEEDED:
            needed.add((run.target, run.sparsity, run.source.seed))
        if run.source.name == REINITIALISED:
            needed.add((run.target, run.sparsity, plan.mask_seed))
    return needed


def pending(plan: TransferPlan, folder: str | Path, masks: str | Path) -> list[Run]:
    """Return the runs that are not done yet. Raises `NeutralError` naming the first missing mask."""
    check(plan)
    todo = list(plan.runs())
    if (Path(folder) / "study.json").is_file():
        results = _results(Study(folder))
        todo = [run for run in todo if not results.has("transfer", **_row(plan, run))]
    study = Study(masks)
    for code, sparsity, seed in sorted(_needed(plan, todo)):
        path = study.mask_path(plan.masks_of, plan.method, sparsity, seed, code)
        if not path.is_file():
            raise NeutralError(
                f"{path}: no such mask; find it with `python -m neutral find --task {plan.masks_of} --method "
                f"{plan.method} --sparsity {sparsity:g} --seeds {seed} --languages {code}`"
            )
    return todo


def estimate(
    plan: TransferPlan,
    corpus: Corpus,
    folder: str | Path,
    *,
    masks: str | Path | None = None,
    devices: Sequence[str] = ("auto",),
    **options: object,
) -> tuple[int, float]:
    """Return how many runs are left and about how many seconds they take, measured on a few steps of the first."""
    masks_folder = Path(masks or folder)
    plan = _scoped(plan, masks_folder, options, folder)
    todo = pending(plan, folder, masks_folder)
    if not todo:
        return 0, 0.0
    worker = Worker(plan, corpus, masks_folder, devices[0], options)
    return len(todo), worker.seconds(todo[0]) * len(todo) / len(devices)


def _done(
    plan: TransferPlan, corpus: Corpus, masks: Path, devices: list[str], options: dict, todo: list[Run]
) -> Iterator[tuple[Run, dict]]:
    """Yield each run with its result, as they finish."""
    if not todo:
        return
    if len(devices) == 1:
        worker = Worker(plan, corpus, masks, devices[0], options)
        for run in todo:
            yield run, worker.do(run)
        return
    threads = max(1, (os.cpu_count() or 1) // len(devices))
    waiting = iter(todo)
    busy: dict[Future, tuple[ProcessPoolExecutor, Run]] = {}

    def give(pool: ProcessPoolExecutor) -> None:
        run = next(waiting, None)
        if run is not None:
            busy[pool.submit(_do, run)] = pool, run

    with children.pools(len(devices)) as pools:
        for pool, device in zip(pools, devices, strict=True):
            pool.submit(_start, plan, corpus, masks, device, options, threads)
            give(pool)
        while busy:
            ended, _ = wait(busy, return_when=FIRST_COMPLETED)
            for future in sorted(ended, key=lambda future: future.exception() is not None):  # no result is lost
                pool, run = busy.pop(future)
                entries = _result(future)
                give(pool)
                yield run, entries


def _result(future: Future) -> dict:
    """Return a run's entries. Raises `MemoryLimitError` if its process was ended by another."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise MemoryLimitError(
            "a process that trained was ended from outside, most often by the system for want of memory; what is done "
            "is kept: lower --batch or name fewer --devices, and run the same command again"
        ) from error


_worker: Callable[[], Worker] | None = None  # of a worker process


def _start(plan: TransferPlan, corpus: Corpus, masks: Path, device: str, options: dict, threads: int) -> None:
    global _worker
    torch.set_num_threads(threads)
    _worker = cache(lambda: Worker(plan, corpus, masks, device, options))


def _do(run: Run) -> dict:
    return _worker().do(run)


def _scoped(plan: TransferPlan, masks: Path, options: dict, folder: str | Path | None = None) -> TransferPlan:
    """Return the plan with the scope of its controls: as the study in `folder` has it, else as the masks were cut.

    Wanda's masks say nothing: they are cut within rows whatever the scope. Raises `NeutralError` for a mixture of
    languages on a model that has parts for each.
    """
    codes = [code for code in (*plan.targets, *plan.sources) if len(parts(code)) > 1]
    if codes and models.adapters.tongues(models.configuration(plan.model, **options)):
        raise NeutralError(
            f"--sources, --targets {codes[0]}: {plan.model} reads each language with parts of its own, so there is no "
            "mask of a mixture; name single languages"
        )
    begun = [(folder, plan.task, f"transfer {plan.task}")] if folder else []
    cut = [(masks, plan.masks_of, plan.method)] if plan.method != "wanda" else []
    return replace(plan, scope=scopes.used(plan.scope, plan.model, *begun, *cut, **options))


def _loaded(plan: TransferPlan, corpus: Corpus, options: dict, quiet: bool) -> tuple[dict, dict]:
    """Load the model once to say what there is to say; return that, for study.json, and settings: hashes of its parts.

    The weights that masks prune have their names in the base model, which are the same under every task's head; a
    pooler is left out, as it may be new.
    """
    codes = list(dict.fromkeys(part for code in plan.targets for part in parts(code)))
    own = {"length": plan.length, "wording": plan.wording, "device": "cpu"}
    prepared = ready(plan.model, plan.task, corpus, codes, **own, **options)
    loaded = prepared.load(plan.seeds[0])
    model = loaded.model
    notes = (*loaded.notes, *prepared.notes, *models.adapters.prepare(model, plan.targets))
    say(notes, quiet=quiet)
    prefix = f"{model.base_model_prefix}." if model.base_model is not model else ""
    pruned = {name: weight for name, weight in models.prunable(model).items() if "pooler" not in name}
    rest, head = hashes.beside(model, pruned, loaded.new)
    made_with = {"weights": hashes.digest({name.removeprefix(prefix): weight for name, weight in pruned.items()})}
    made_with |= {"rest": rest} | ({"head": head} if head else {})
    told = facts(notes, prepared.unknown) | {"tokenizer": hashes.tokenizer(prepared.task.tokenizer)}
    return told, made_with


def _study(plan: TransferPlan, corpus: Corpus, folder: str | Path, options: dict, quiet: bool) -> Study:
    """Open or make the study. Raises `NeutralError` for one that was made otherwise."""
    told, made_with = _loaded(plan, corpus, options, quiet)
    examples = {}
    if plan.task in making.LABELLED:  # as `subject.subject` takes them
        single = {part for target in plan.targets for part in parts(target)}
        examples["examples"] = plan.examples or min(len(corpus.train[code]) for code in single)
        examples["classes"] = list(corpus.labels)
    info = {
        "title": plan.title or f"{Path(plan.model).name}: transfer",
        "model": Path(plan.model).name,
        "config": hashes.configured(plan.model, **options),
        "task": plan.task,
        "languages": list(plan.targets),
        "methods": [plan.method],
        "seeds": list(plan.seeds),
        "length": plan.length,
        **provenance(corpus, plan.targets),
        **told,
        "settings": {f"transfer {plan.task}": settings(plan) | examples | made_with},
    }
    kept = ("created", *(() if plan.title else ("title",)))  # of the study that found the masks
    return begin(folder, info, fixed=("model", "length"), kept=kept)


def _row(plan: TransferPlan, run: Run) -> dict:
    """Return the fields that tell a run's result from others."""
    return {
        "task": plan.task,
        "source_task": plan.masks_of,
        "method": FULL if run.source.name == FULL else plan.method,
        "sparsity": run.sparsity,
        "seed": run.seed,
        "source": str(run.source),
        "target": run.target,
    }


def _results(study: Study) -> Finished:
    """Return the runs that a study has. The full model's run counts whatever task the masks were found on."""

    def seen_as(row: dict) -> dict:
        return row | {"source_task": ""} if row.get("method") == FULL else row

    return Finished(study, KEY, kind="transfer", seen_as=seen_as)
