"""Carry out a plan as it was asked: one way in for the shell, the app and Python.

`start` reads the text, fills in what is asked of it (the task, the languages), and runs the plan into its study.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neutral.errors import NeutralError
from neutral.runs import execution as executions
from neutral.runs.execution import Execution
from neutral.runs.plans import (
    CompressionPlan,
    PretrainPlan,
    RepresentPlan,
    RetrievePlan,
    SearchPlan,
    TransferPlan,
    TypologyPlan,
)
from neutral.runs.plans.inside import InsidePlan

if TYPE_CHECKING:
    from neutral.corpora import Corpus, Survey
    from neutral.study import Study

Show = Callable[[str], object]


@dataclass(frozen=True)
class Asked:
    """What a plan's text and model come to."""

    task: str
    corpus: Corpus


def start(plan: Any, execution: Execution, *, show: Show = print) -> Study | None:
    """Carry out a plan into `execution.study`, and return the study; None for a dry run.

    Parameters
    ----------
    plan : one of `plans.COMMANDS`' classes
        As asked: the task may be auto, and no language named.
    execution : Execution
    show : callable
        Takes the lines of a dry run.

    Raises
    ------
    NeutralError
        For what cannot be carried out, naming the option, and whatever the run raises.
    """
    executions.check(execution)
    for flag, value, usual in (
        ("--engine", execution.engine, "local"),
        ("--json-progress", execution.json_progress, ""),
        ("--report-to", execution.report_to, "none"),
    ):
        if value != usual:  # what a run does not know yet is refused, and not passed over
            raise NeutralError(f"{flag} {value}: not there yet")
    if execution.dry_run == "json":
        raise NeutralError("--dry-run json: not there yet; use --dry-run")
    if execution.dry_run and not isinstance(plan, (SearchPlan, TransferPlan)):
        raise NeutralError("--dry-run: not there yet for this command")
    return _WAYS[type(plan)](plan, execution, show)


def read(plan: Any, languages: Sequence[str], execution: Execution, show: Show) -> Asked:
    """Return the task and the data of a plan; a dry run shows first what came of reading it.

    Raises `NeutralError` for a language that cannot be read, and for labels that do not agree.
    """
    from neutral import models
    from neutral.tasks import data, overview

    loaders = loaders_of(plan)
    task = models.natural_task(plan.model, **loaders) if plan.task == "auto" else plan.task
    named = {"held_out": plan.held_out_text or None, "labels": dict(plan.labels)}
    survey = data.survey(task, plan.text, list(languages) or None, **named)
    if execution.dry_run:
        _show(survey, plan, loaders, show)
    overview.require(survey)
    return Asked(task, survey.corpus)


def loaders_of(plan: Any) -> dict[str, str]:
    """Return what a plan sets for the loaders of model and tokenizer."""
    return {"gguf_file": plan.gguf} if plan.gguf else {}


def _show(survey: Survey, plan: Any, loaders: Mapping[str, str], show: Show) -> None:
    from neutral import models
    from neutral.progress import say
    from neutral.tasks import overview

    told = overview.facts(survey, models.load_tokenizer(plan.model, **loaders))
    say(survey.corpus.notes)
    if told:
        show(overview.table(told).to_string(index=False))
    overview.require(survey, told)


def _find(plan: SearchPlan, execution: Execution, show: Show) -> Study | None:
    from neutral.runs.plans.search import check, filled, summary
    from neutral.runs.search import find

    asked = read(plan, plan.languages, execution, show)
    plan = filled(plan, asked.task, asked.corpus.languages)
    if execution.dry_run:
        check(plan)
        show(summary(plan, {code: len(examples) for code, examples in asked.corpus.train.items()}))
        return None
    return find(plan, asked.corpus, execution.study, **_how(execution), **loaders_of(plan))


def _transfer(plan: TransferPlan, execution: Execution, show: Show) -> Study | None:
    import sys
    from contextlib import nullcontext

    from neutral.lock import only_writer
    from neutral.runs.plans.transfer import filled
    from neutral.runs.transfer import estimate, transfer

    asked = read(plan, plan.targets, execution, show)
    plan = filled(plan, asked.task, asked.corpus.languages)
    how = {"masks": plan.masks or None, "devices": (execution.device,), **loaders_of(plan)}
    with nullcontext() if execution.dry_run else only_writer(execution.study):  # to be refused before it is measured
        left, seconds = estimate(plan, asked.corpus, execution.study, **how)
        message = f"{left} runs to do of {len(list(plan.runs()))}, about {_time(seconds)}"
        if execution.dry_run:
            show(message)
            return None
        print(message, file=sys.stderr)
        return transfer(plan, asked.corpus, execution.study, quiet=execution.quiet, **how)


def _time(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def _typology(plan: TypologyPlan, execution: Execution, show: Show) -> Study:
    from neutral import corpora
    from neutral.runs.typology import explain, printed, study_at, token_counts

    study = study_at(execution.study)
    counts = None
    if plan.model:
        corpus = corpora.load(plan.text, list(study.info["languages"]))
        counts = token_counts(plan.model, corpus, **loaders_of(plan))
    show(printed(explain(study, plan, counts=counts, quiet=execution.quiet), plan.format))
    return study


def _inside(plan: InsidePlan, execution: Execution, _show: Show) -> Study:
    from neutral.runs import inside

    work = inside.retrieve if isinstance(plan, RetrievePlan) else inside.represent
    return work(plan, execution.study, **_how(execution), **loaders_of(plan))


def _compress(plan: CompressionPlan, execution: Execution, _show: Show) -> Study:
    from neutral import corpora, models
    from neutral.runs import finetuning, tables
    from neutral.runs.compression import Compressor, compress
    from neutral.runs.plans.compression import check, filled

    loaders, tuned = loaders_of(plan), plan.finetuning
    task = models.natural_task(plan.model, **loaders) if plan.task == "auto" else plan.task
    corpus = corpora.load(plan.text, list(plan.languages) or None, held_out=plan.held_out_text or None)
    plan = filled(plan, task, corpus.languages)
    check(plan)
    shown = {"quiet": execution.quiet, **loaders}
    data = finetuning.prepare(tuned, plan.model, plan.length, trim=plan.trim, **shown) if tuned else {}

    def then(work: Compressor) -> None:
        if plan.export:
            tables.export(work, plan.export)
        if tuned:
            finetuning.tune(work, tuned, data, device=execution.device, **shown)

    return compress(plan, corpus, execution.study, device=execution.device, then=then, **shown)


def _pretrain(plan: PretrainPlan, execution: Execution, _show: Show) -> None:
    from neutral import corpora, pretraining

    corpus = corpora.load(plan.text, list(plan.languages) or None, held_out=plan.held_out_text or None)
    sizes = {"size": plan.vocabulary, "length": plan.length, "mask_share": plan.mask_share, "shape": plan.shape}
    how = {"recipe": plan.recipe, **sizes, **_how(execution)}
    pretraining.pretrain(plan.source or None, corpus, execution.study, **how)


def _how(execution: Execution) -> dict[str, Any]:
    return {"device": execution.device, "quiet": execution.quiet}


_WAYS: dict[type, Callable[[Any, Execution, Show], Study | None]] = {
    SearchPlan: _find,
    TransferPlan: _transfer,
    TypologyPlan: _typology,
    RetrievePlan: _inside,
    RepresentPlan: _inside,
    CompressionPlan: _compress,
    PretrainPlan: _pretrain,
}
