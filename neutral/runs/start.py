"""Carry out a plan as it was asked: one way in for the shell, the app and Python.

`start` reads the text, fills in what is asked of it (the task, the languages), and runs the plan into its study.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from neutral import options
from neutral.curves import Curves
from neutral.errors import NeutralError
from neutral.progress import Progress, heard, say
from neutral.runs.execution import Execution
from neutral.runs.plans import (
    COMMANDS,
    CompressionPlan,
    ControlsPlan,
    PretrainPlan,
    RepresentPlan,
    RetrievePlan,
    SearchPlan,
    TransferPlan,
    TypologyPlan,
)
from neutral.runs.plans.inside import InsidePlan
from neutral.runs.way import Show, Way, loaders_of

if TYPE_CHECKING:
    from neutral.corpora import Corpus, Survey
    from neutral.runs.units import Work
    from neutral.study import Study


def start(
    plan: Any, execution: Execution, *, show: Show = print, first: Callable[[], object] = lambda: None
) -> Study | None:
    """Carry out a plan into `execution.study`, and return the study; None for a dry run, and for a model that is made.

    Parameters
    ----------
    plan : one of `plans.COMMANDS`' classes
        As asked: the task may be auto, and no language named.
    execution : Execution
    show : callable
        Takes what is printed: the lines of a dry run, the tests of `typology`.
    first : callable
        Called before anything large is imported, when the run can be asked to stop and its progress read.

    Raises
    ------
    NeutralError
        For what cannot be carried out, naming the option, and whatever the run raises.
    StoppedError
        Behind a piece that is written, if a clean stop was asked for.
    """
    execution.check_asked()
    carry_out, command = _WAYS[type(plan)], {cls: name for name, cls in COMMANDS.items()}[type(plan)]
    _refuse(plan, execution)
    if execution.dry_run:
        first()
        return carry_out(plan, Way(command, execution, show, None, {}))
    told = {"quiet": execution.quiet, "file": execution.json_progress or None}
    with heard(), Progress(command, execution.study, **told) as progress:
        first()
        return carry_out(plan, Way(command, execution, show, progress, {}))


def _refuse(plan: Any, execution: Execution) -> None:
    """Refuse what a run does not know, rather than pass it over."""
    for each in options.fields(Execution):
        if each.name in plan.WITHOUT and getattr(execution, each.name) != each.default:
            raise NeutralError(f"{each.flag}: not for this command")
    Curves(execution.report_to).require()


def read(plan: Any, languages: Sequence[str], way: Way) -> tuple[str, Corpus]:
    """Return the task and the data of a plan; a dry run takes note of what came of reading it, and shows it as text.

    Raises `NeutralError` for a language that cannot be read, and for labels that do not agree.
    """
    from neutral.tasks import data, overview

    task = task_of(plan)
    named = {"labels": dict(plan.labels), **_apart(plan)}
    survey = data.survey(task, plan.text, list(languages) or None, **named)
    if way.execution.dry_run:
        _note(survey, plan.model, loaders_of(plan), way)
    overview.require(survey)
    return task, survey.corpus


def read_text(plan: Any, languages: Sequence[str], way: Way, model: str) -> Corpus:
    """Return the plain text of a plan; a dry run takes note of it, as `read` does, with a model's tokenizer.

    Raises `NeutralError` for a language that cannot be read.
    """
    from neutral import corpora

    named = _apart(plan)
    if way.execution.dry_run:
        from neutral.tasks import data

        survey = data.survey("mlm", plan.text, list(languages) or None, **named)
        _note(survey, model, loaders_of(plan), way)
    return corpora.load(plan.text, list(languages) or None, **named)


def _apart(plan: Any) -> dict[str, str | None]:
    """Return how a plan's text is parted: which is scored, and the documents that are kept whole."""
    return {"held_out": getattr(plan, "held_out_text", "") or None, "documents": getattr(plan, "documents", "") or None}


def task_of(plan: Any) -> str:
    """Return the task of a plan; by default the one that the model was made for."""
    from neutral import models

    return models.natural_task(plan.model, **loaders_of(plan)) if plan.task == "auto" else plan.task


def _note(survey: Survey, model: str, loaders: dict[str, str], way: Way) -> None:
    """Take note of what came of reading data, and show it as text."""
    from neutral import models
    from neutral.tasks import overview

    told = overview.facts(survey, models.load_tokenizer(model, **loaders) if model else None)
    say(survey.corpus.notes, quiet=way.execution.quiet)
    if told and way.execution.dry_run == "text":
        way.show(overview.table(told).to_string(index=False))
    overview.require(survey, told)
    way.noted["data"] = told


def _find(plan: SearchPlan, way: Way) -> Study | None:
    from neutral.runs.plans.search import check, filled, summary
    from neutral.runs.search import Finder, find, require_enough

    task, corpus = read(plan, plan.languages, way)
    plan = filled(plan, task, corpus.languages)
    if way.execution.dry_run:
        check(plan)
        require_enough(plan)
        line = summary(plan, {code: len(examples) for code, examples in corpus.train.items()})
        return way.estimate(
            line, plan, lambda: [Finder(plan, corpus, way.execution.study, **way.dry, **loaders_of(plan))]
        )
    return find(plan, corpus, way.execution.study, **way.units, **way.curves, **loaders_of(plan))


def _transfer(plan: TransferPlan, way: Way) -> Study | None:
    from neutral.runs.plans.transfer import filled
    from neutral.runs.transfer import Transfers, transfer

    task, corpus = read(plan, plan.targets, way)
    plan, folder = filled(plan, task, corpus.languages), way.execution.study
    how = {"masks": plan.masks or None, **loaders_of(plan)}
    if way.execution.dry_run:
        line = f"transfer of {plan.method} masks to {len(plan.targets)} languages: {len(list(plan.runs())):,} runs"
        return way.estimate(line, plan, lambda: [Transfers(plan, corpus, folder, **way.dry, **how)], called="runs")
    return transfer(plan, corpus, folder, **way.units, **way.curves, **how)


def _controls(plan: ControlsPlan, way: Way) -> Study | None:
    from neutral.runs import controls
    from neutral.runs.plans.controls import kinds

    if way.execution.dry_run:
        line = f"what a study's masks are compared with: {', '.join(kinds(plan))}"
        made = lambda: [controls.Controls(plan, way.execution.study, **loaders_of(plan))]  # noqa: E731
        return way.estimate(line, plan, made)
    return controls.add(plan, way.execution.study, **way.units, **loaders_of(plan))


def _typology(plan: TypologyPlan, way: Way) -> Study:
    from neutral.runs.typology import Explainer, explain, printed, study_at, token_counts

    study = study_at(way.execution.study)
    counts = None
    if plan.model:
        corpus = read_text(plan, study.info["languages"], way, plan.model)
        counts = token_counts(plan.model, corpus, **loaders_of(plan))
    if way.execution.dry_run:
        line = f"the overlap of a study's masks against distances, {plan.permutations:,} permutations a test"
        return way.estimate(line, plan, lambda: [Explainer(study, plan, counts)])
    way.show(printed(explain(study, plan, counts=counts, **way.units), plan.format))
    return study


def _inside(plan: InsidePlan, way: Way) -> Study:
    from neutral.runs import inside

    if way.execution.dry_run:
        kind = inside.RETRIEVAL if isinstance(plan, RetrievePlan) else inside.REPRESENTATION
        line = f"{kind} by layer, under masks: {', '.join(inside.filled(plan).masks)}"
        made = lambda: [inside.Inside(kind, plan, way.execution.study, **way.dry, **loaders_of(plan))]  # noqa: E731
        return way.estimate(line, plan, made)
    work = inside.retrieve if isinstance(plan, RetrievePlan) else inside.represent
    return work(plan, way.execution.study, **way.units, **loaders_of(plan))


def _compress(plan: CompressionPlan, way: Way) -> Study:
    from neutral.runs import finetuning, tables
    from neutral.runs.compression import Compressor, compress
    from neutral.runs.plans.compression import check, filled

    corpus = read_text(plan, plan.languages, way, plan.model)
    plan = filled(plan, task_of(plan), corpus.languages)
    check(plan)
    tuned, how, loaders = plan.finetuning, way.units, loaders_of(plan)
    told = {"trim": plan.trim, "quiet": way.execution.quiet}
    data = finetuning.prepare(tuned, plan.model, plan.length, **told, **loaders) if tuned else {}

    if way.execution.dry_run:

        def works() -> list[Work]:
            work = Compressor(plan, corpus, way.execution.study, **way.dry, **loaders)
            tuning = [finetuning.Tuning(work, tuned, data, quiet=way.execution.quiet, **loaders)] if tuned else []
            return [work, *tuning]

        line = f"{len(list(plan.trials()))} token tables, scored in {len(plan.languages)} languages"
        return way.estimate(line, plan, works)

    def then(work: Compressor) -> None:
        if plan.export:
            tables.export(work, plan.export)
        if tuned:
            finetuning.tune(work, tuned, data, **how, **way.curves, **loaders)

    return compress(plan, corpus, way.execution.study, then=then, **how, **loaders)


def _pretrain(plan: PretrainPlan, way: Way) -> None:
    from neutral import pretraining
    from neutral.pretraining import timing
    from neutral.runs import dry

    corpus = read_text(plan, plan.languages, way, plan.source)
    sizes = {"size": plan.vocabulary, "length": plan.length, "mask_share": plan.mask_share, "shape": plan.shape}
    how = {"recipe": plan.recipe, **sizes, **way.single, **way.curves}
    if way.execution.dry_run:
        one = {"recipe": plan.recipe, **sizes, "device": way.execution.device}
        seconds, size = timing.estimate(plan.source or None, corpus, way.execution.study, **one)
        reads = f"{sum(map(len, corpus.train.values())):,} lines of {len(corpus.train)} languages"
        each = dry.Each("pretraining", reads, "a model's folder", seconds) if seconds else None
        line = f"a masked language model of {plan.vocabulary:,} tokens at most, trained for {plan.steps:,} steps"
        own = {"folder": way.execution.study, "more": size, "timed": "a few of its steps"}
        return way.tell(dry.single(way.command, line, each, **own, **way.noted))
    pretraining.pretrain(plan.source or None, corpus, way.execution.study, **how)


_WAYS: dict[type, Callable[[Any, Way], Study | None]] = {
    SearchPlan: _find,
    ControlsPlan: _controls,
    TransferPlan: _transfer,
    TypologyPlan: _typology,
    RetrievePlan: _inside,
    RepresentPlan: _inside,
    CompressionPlan: _compress,
    PretrainPlan: _pretrain,
}
