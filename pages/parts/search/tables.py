"""What the Winning tickets page shows of a study, remembered: tickets by sparsity, random masks, and recipes."""

from __future__ import annotations

import pandas as pd

from neutral.metrics import by_accuracy, has_accuracy
from neutral.recipes import PARTS, UNWRITTEN
from neutral.search import winning
from neutral.transfer import published
from pages.parts import catalogue, pickers
from pages.parts.overlap import tables
from pages.parts.search import words
from pages.parts.views import View


def measures(view: View) -> list[str]:
    """Return by what tickets can be judged: their task's metric, and the accuracy of language modelling if scored."""
    return ["metric", *(["accuracy"] if _has_accuracy(view.source, view.choice.task) else [])]


@catalogue.remembered
def _has_accuracy(source: catalogue.Source, task: str) -> bool:
    runs = winning.runs(source)
    return bool(len(runs)) and has_accuracy(runs[runs["task"] == task])


def levels(view: View, by: str = "metric") -> tuple[pd.DataFrame, bool]:
    """`winning.levels` of the languages chosen, and whether the masks were retrained; `by` is one of `measures`."""
    if view.choice.method == "upload":
        return pd.DataFrame(columns=winning.COLUMNS), True
    for variant in ("trained", "untrained"):
        table = _levels(view.source, view.choice.task, view.choice.method, variant, view.chosen, by)
        if len(table):
            return table, variant == "trained"
    return table, True


@catalogue.remembered
def _levels(
    source: catalogue.Source, task: str, method: str, variant: str, chosen: tuple[str, ...], by: str
) -> pd.DataFrame:
    return winning.levels(_measured(source, by), task, method, variant=variant, languages=chosen)


def randoms(view: View, language: str, by: str = "metric", *, trained: bool) -> pd.DataFrame:
    """See `winning.randoms`."""
    variant = "trained" if trained else "untrained"
    return winning.randoms(_runs(view.source, by), view.choice.task, language, variant=variant)


@catalogue.remembered
def _runs(source: catalogue.Source, by: str) -> pd.DataFrame:
    return _measured(source, by).drop(columns="parts", errors="ignore")


def _measured(source: catalogue.Source, by: str) -> pd.DataFrame:
    runs = winning.runs(source)
    return by_accuracy(runs) if by == "accuracy" else runs


def recipes(views: list[View]) -> pd.DataFrame:
    """Return how tickets were trained, a row a study and task and those of the paper, as text."""
    rows = {_name(view): _recipe(view) for view in views}
    printed, overlap = published.training().set_index("setting"), published.seed_overlap().set_index("task")["jaccard"]
    for task in printed.columns:
        rows[f"The paper, {pickers.TASKS.get(task, task)}"] = words.recipe(
            examples=printed.at["train_examples", task],
            steps=published.steps(task),
            batch=printed.at["batch_size", task],
            rate=printed.at["learning_rate_mbert", task],
            parts=PARTS["paper"],
            seeds=3,
            again=overlap[task],
        )
    return pd.DataFrame(rows).T


def _name(view: View) -> str:
    return f"{view.source.info.get('model', view.title)}, {pickers.TASKS.get(view.choice.task, view.choice.task)}"


def _again(view: View) -> list[float]:
    """Return each language's overlap with itself under other seeds at the sparsity of the paper's; empty without it."""
    choice = view.choice._replace(sparsity=published.SPARSITY)
    if choice not in tables.choices(view.source) or "seeds" not in tables.kinds(view.source, choice):
        return []
    return list(tables.within(view.source, choice, "seeds", "jaccard", "all")["value"])


def _recipe(view: View) -> dict[str, str]:
    """Return how one study's tickets were trained."""
    settings = view.source.settings(view.choice.task, view.choice.method)
    recipe, examples = settings.get("recipe", {}), settings.get("examples")
    if recipe.get("steps") and examples is None:  # text, of which a training sees so much
        examples = f"{recipe['steps'] * recipe['batch_size']:,} blocks"
    again = _again(view)
    return words.recipe(
        examples=examples,
        steps=recipe.get("steps"),
        batch=recipe.get("batch_size"),
        rate=recipe.get("rate"),
        parts={name: recipe.get(name, UNWRITTEN.get(name)) for name in PARTS["paper"]} if recipe else {},
        seeds=len({other.seed for other in tables.choices(view.source) if other[:3] == view.choice[:3]}),
        again=sum(again) / len(again) if again else None,
    )
