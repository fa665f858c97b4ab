"""How long a pretraining takes, measured on a few of its steps; nothing is written."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from neutral import models
from neutral.corpora import Corpus
from neutral.pretraining import record, start
from neutral.pretraining.card import PASSES
from neutral.shape import Shape
from neutral.tasks import LanguageModelling, Order
from neutral.training import Recipe, train

_STEPS = 4
_SCORED = 8  # blocks


def estimate(
    source: str | None,
    corpus: Corpus,
    out: str | Path,
    *,
    size: int,
    recipe: Recipe,
    length: int = 128,
    mask_share: float = 0.15,
    shape: Shape | None = None,
    device: str = "auto",
) -> tuple[float, int]:
    """Return about how many seconds a pretraining takes from its start, 0 if it is finished, and the model's bytes.

    Arguments and errors are those of `pretrain`.
    """
    shape = shape or Shape()
    encoder = None if source is None else start.encoder(source, corpus, length=length, seed=recipe.seed)
    sizes = {"vocabulary": size, "length": length, "mask_share": mask_share}
    asked = record.settings(source, encoder, corpus, recipe, shape, **sizes)
    if record.scores_of(Path(out), asked) is not None:
        return 0.0, 0
    model, tokenizer = start.untrained(encoder, corpus, size, shape, length=length, seed=recipe.seed)
    model.to(models.device(device))
    task = LanguageModelling("mlm", tokenizer, length=length, mask_share=mask_share)
    blocks = {code: task.blocks(lines) for code, lines in corpus.train.items()}

    def trained(steps: int) -> float:
        began = time.perf_counter()
        train(
            model, task, Order(task, blocks, steps * recipe.examples_a_step, recipe.seed), replace(recipe, steps=steps)
        )
        return time.perf_counter() - began

    first = trained(1)
    step = max(0.0, trained(1 + _STEPS) - min(first, trained(1))) / _STEPS
    held_out = [task.blocks(lines) for lines in corpus.held_out.values()]
    began, few = time.perf_counter(), held_out[0][:_SCORED]
    task.evaluate(model, few)
    scored = (time.perf_counter() - began) / max(len(few), 1) * PASSES * sum(map(len, held_out))
    return step * recipe.steps + scored, 2 * sum(parameter.numel() for parameter in model.parameters())
