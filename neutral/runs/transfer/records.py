"""How a transfer's study was made, which runs it has, and which masks they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neutral import hashes, maskfiles, models
from neutral.corpora import Corpus, parts
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.runs import scopes
from neutral.runs.plans.transfer import Run, TransferPlan, check, settings
from neutral.runs.records import Finished, accepted, begin, provenance, remember
from neutral.runs.subject import Subject, facts
from neutral.runs.transfer.worker import Place, reads
from neutral.study import FULL, Study
from neutral.tasks import making

KEY = ("task", "source_task", "method", "sparsity", "seed", "source", "target")
"""Fields that tell the results of a transfer apart."""


def path(plan: TransferPlan, masks: Study, place: Place) -> Path:
    """Return the file of a mask that the plan reads."""
    code, sparsity, seed = place
    return masks.mask_path(plan.masks_of, plan.method, sparsity, seed, code)


def mask(plan: TransferPlan, masks: Study, place: Place) -> Mask:
    """Return a mask that the plan reads."""
    code, sparsity, seed = place
    return masks.mask(plan.masks_of, plan.method, sparsity, seed, code)


def remember_masks(plan: TransferPlan, study: Study, masks: Study) -> None:
    """Write into the study which masks the plan reads, and refuse one that has changed since it was found or read."""
    for place in sorted(_needed(plan, plan.runs())):
        file = path(plan, masks, place)
        if file.is_file():  # all that are still to be read are there
            hashed = {file.stem: hashes.mask(maskfiles.read(file))}
            remember(study, "masks", hashed, f"the mask (in {file.parent})")
            if masks.info.get("masks", {}).get(file.stem):
                remember(masks, "masks", hashed, "the mask")


def _needed(plan: TransferPlan, runs: Iterable[Run]) -> set[Place]:
    """Return the masks of all sources, and those that runs read beside them."""
    needed = {(code, s, plan.mask_seed) for code in plan.sources for s in plan.sparsities}
    return needed | {place for run in runs for place in reads(plan, run)}


def pending(plan: TransferPlan, folder: str | Path, masks: str | Path) -> list[Run]:
    """Return the runs that are not done yet. Raises `NeutralError` naming the first missing mask."""
    check(plan)
    todo = list(plan.runs())
    if (Path(folder) / "study.json").is_file():
        finished = results(Study(folder))
        todo = [run for run in todo if not finished.has("transfer", **row(plan, run))]
    study = Study(masks)
    for place in sorted(_needed(plan, todo)):
        code, sparsity, seed = place
        if not (file := path(plan, study, place)).is_file():
            raise NeutralError(
                f"{file}: no such mask; find it with `python -m neutral find --task {plan.masks_of} --method "
                f"{plan.method} --sparsity {sparsity:g} --seeds {seed} --languages {code}`"
            )
    return todo


def scoped(plan: TransferPlan, masks: Path, options: dict, folder: str | Path | None = None) -> TransferPlan:
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


def info(plan: TransferPlan, subject: Subject, corpus: Corpus, options: Mapping[str, Any]) -> dict:
    """Return the entries of study.json: hashes of the model's parts among the settings.

    The weights that masks prune have their names in the base model, which are the same under every task's head; a
    pooler is left out, as it may be new.
    """
    model = subject.model
    prefix = f"{model.base_model_prefix}." if model.base_model is not model else ""
    pruned = {name: weight for name, weight in models.prunable(model).items() if "pooler" not in name}
    rest, head = hashes.beside(model, pruned, subject.new)
    made_with: dict[str, Any] = {}
    if plan.task in making.LABELLED:  # as `subject.subject` takes them
        single = {part for target in plan.targets for part in parts(target)}
        made_with["examples"] = plan.examples or min(len(corpus.train[code]) for code in single)
        made_with["classes"] = list(corpus.labels)
    made_with["weights"] = hashes.digest({name.removeprefix(prefix): weight for name, weight in pruned.items()})
    made_with |= {"rest": rest} | ({"head": head} if head else {})
    return {
        "title": plan.title or f"{Path(plan.model).name}: transfer",
        "model": Path(plan.model).name,
        "config": hashes.configured(plan.model, **options),
        "task": plan.task,
        "languages": list(plan.targets),
        "methods": [plan.method],
        "seeds": list(plan.seeds),
        "length": plan.length,
        **provenance(corpus, plan.targets),
        **facts(subject.notes, subject.unknown),
        "tokenizer": hashes.tokenizer(subject.task.tokenizer),
        "settings": {f"transfer {plan.task}": settings(plan) | made_with},
    }


def begun(plan: TransferPlan, folder: str | Path, info: dict) -> Study:
    """Open or make the study. Raises `NeutralError` for one that was made otherwise."""
    return begin(folder, info, **_entries(plan))


def require(plan: TransferPlan, folder: str | Path, info: dict) -> None:
    """Raise `NeutralError` for a study that was made otherwise; nothing is written."""
    accepted(folder, info, **_entries(plan))


def _entries(plan: TransferPlan) -> dict[str, tuple[str, ...]]:
    kept = ("created", *(() if plan.title else ("title",)))  # of the study that found the masks
    return {"fixed": ("model", "length"), "kept": kept}


def row(plan: TransferPlan, run: Run) -> dict:
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


def results(study: Study) -> Finished:
    """Return the runs that a study has. The full model's run counts whatever task the masks were found on."""

    def seen_as(row: dict) -> dict:
        return row | {"source_task": ""} if row.get("method") == FULL else row

    return Finished(study, KEY, kind="transfer", seen_as=seen_as)
