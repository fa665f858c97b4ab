"""How a search's study was made, and whether its scores can stand beside those that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neutral import hashes, labels, models
from neutral.corpora import Corpus
from neutral.coverage import coverage
from neutral.errors import NeutralError
from neutral.runs.plans.search import SearchPlan, settings, shared
from neutral.runs.records import Finished, provenance
from neutral.runs.subject import Subject, facts
from neutral.search import METHODS
from neutral.study import Study
from neutral.tasks.overview import texts_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def info(plan: SearchPlan, subject: Subject, corpus: Corpus, options: Mapping[str, Any]) -> tuple[dict, list[str]]:
    """Return the entries of study.json, and lines about what of the model is pruned."""
    model = subject.model
    weights = models.prunable(model)
    pruned = models.prunable(model, plan.only)
    inventory = models.inventory(model, plan.only)
    known = {name: weight for name, weight in weights.items() if name not in subject.new}
    rest, head = hashes.beside(model, known, subject.new)
    chosen = settings(plan) | ({"head": head} if head else {})
    if plan.is_labelled:
        chosen |= {"examples": subject.examples, "classes": list(corpus.labels)}
    entries = {
        "title": plan.title or f"{Path(plan.model).name}: {plan.task}",
        "model": Path(plan.model).name,
        "weights": hashes.digest(known),
        "rest": rest,
        "tokenizer": hashes.tokenizer(subject.task.tokenizer),
        "task": plan.task,
        "languages": list(plan.languages),
        "methods": [plan.method],
        "seeds": list(plan.seeds),
        "length": plan.length,
        **provenance(corpus, plan.languages),
        **facts(subject.notes, subject.unknown),
        "parameters": sum(p.numel() for p in model.parameters()),
        "prunable": sum(w.numel() for w in pruned.values()),
        "layers": labels.layers(pruned, models.stack(model)),
        "inventory": {plan.method: inventory.written()},
        "settings": {plan.method: chosen},
        "config": hashes.configured(plan.model, **options),
    }
    return entries, inventory.lines()


def texts(
    tokenizer: PreTrainedTokenizerBase, unknown: Mapping[str, float], corpus: Corpus, before: Finished
) -> list[dict]:
    """Return the rows of kind "text" that a study lacks: how its model's tokenizer covers each language's text.

    `unknown` is the share of tokens that are unknown to the tokenizer, by language.
    """
    rows = []
    for code, share in unknown.items():
        if not before.has("text", language=code):
            known = asdict(coverage(tokenizer, texts_of([*corpus.train[code], *corpus.held_out[code]])))
            rows.append({"language": code, **known, "unknown": share})
    return rows


def require_comparable(plan: SearchPlan, folder: str | Path, chosen: dict) -> None:
    """Refuse settings under which the full network's score would be another than the study's other methods have.

    And a functional check on other blocks than the one that is there.
    """
    if not (Path(folder) / "study.json").is_file():
        return
    study = Study(folder)
    _require_same_check(plan, study)
    for name, settings_of in study.of_task(plan.task).get("settings", {}).items():
        if name not in METHODS or name == plan.method or ("recipe" in settings_of) != plan.trains:
            continue
        one, other = shared(settings_of), shared(chosen)
        for setting in [each for each in one if each in other and one[each] != other[each]]:
            raise NeutralError(
                f"{folder}: its {name} results were made with {setting} {one[setting]}, not {other[setting]}, and "
                "have the scores of the full network in common with these; choose another --study"
            )


def _require_same_check(plan: SearchPlan, study: Study) -> None:
    name, asked = "functional_blocks", plan.functional_blocks
    if not plan.functional or not study.has("functional", task=plan.task, method=plan.method):
        return
    if (before := study.settings(plan.task, plan.method).get(name)) != asked:
        raise NeutralError(
            f"{study.path}: its {plan.method} results were made with {name} {before or 'unset'}, not "
            f"{asked or 'unset'}; choose another --study"
        )
