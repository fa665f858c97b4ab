"""Make a small multilingual masked language model, from an encoder or from nothing.

From an encoder: trim the vocabulary to the text, add a masked-language-model head tied to the embedding, and
train with the languages sampled evenly. From nothing: a WordPiece tokenizer and a BERT of a given shape. The result
is an ordinary Hugging Face folder in float16 with a model card of measured figures.

A run may be killed at any moment. Settings, tokenizer and untrained model are written before the training, and
checkpoints on the way; the model comes into its folder when it is whole, and the scores into the record are last. The
same call goes on, to the same model as without a kill.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import checkpoints, models
from neutral.corpora import Corpus
from neutral.curves import NOWHERE, Curve, Curves
from neutral.errors import NeutralError
from neutral.files import storing
from neutral.lock import only_writer
from neutral.pretraining import record, start
from neutral.pretraining.card import PASSES, card
from neutral.pretraining.record import Scores
from neutral.pretraining.start import Shape
from neutral.progress import Part, Progress, say
from neutral.tasks import LanguageModelling, Order
from neutral.training import Recipe, memory_limit, train

__all__ = ["PASSES", "Scores", "Shape", "measure", "pretrain"]

_EVERY = 500  # steps between checkpoints, at most; of a shorter run a tenth
_LISTED = 8  # languages whose perplexities make one line


def pretrain(
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
    progress: Progress | None = None,
    curves: Curves = NOWHERE,
    quiet: bool = False,
) -> Scores:
    """Train a masked language model on a corpus and save it as a Hugging Face folder.

    Checkpoints lie in `out`/checkpoints until the model is finished; a run that was stopped goes on from the last whole
    one. A finished folder stays as it is, and its scores come back.

    Parameters
    ----------
    source : str or None
        Hub id or folder of an encoder to trim and train; None makes a model from nothing.
    corpus : Corpus
    out : str or Path
        The folder of the model.
    size : int
        Tokens in the vocabulary, at most.
    recipe : Recipe
    length : int
        Tokens in a block.
    mask_share : float
        Share of the tokens that are masked in training.
    shape : Shape, optional
        Shape of a model made from nothing.
    device : str
        auto | cpu | cuda | mps.
    progress : Progress, optional
        What is told how far the training is, and asked whether to stop; by default a bar.
    curves : Curves
        Where loss and rate by step go.
    quiet : bool
        Whether to show no progress.

    Returns
    -------
    language -> (Score of the model, Score of the unigram model)

    Raises
    ------
    NeutralError
        If `out` was begun with other settings, text or encoder, naming them, or holds a model that was not made so; if
        another process writes there; for several languages of a model that reads each with parts of its own.
    """
    if not 0 < mask_share <= 1:
        raise NeutralError(f"--mask-share {mask_share:g}: a share of the tokens, above 0 and at most 1")
    if recipe.steps < 1:
        raise NeutralError(f"--steps {recipe.steps}: at least 1")
    out, shape = Path(out), shape or Shape()
    encoder = None if source is None else start.encoder(source, corpus, length=length, seed=recipe.seed)
    sizes = {"vocabulary": size, "length": length, "mask_share": mask_share}
    asked = record.settings(source, encoder, corpus, recipe, shape, **sizes)

    def untrained() -> start.Untrained:
        return start.untrained(encoder, corpus, size, shape, length=length, seed=recipe.seed)

    scores = record.scores_of(out, asked)
    if scores is not None and not (out / "checkpoints").exists():
        say([f"{out}: is finished; {_perplexities(scores)}"], quiet=quiet)
        return scores
    with only_writer(out), storing(out):
        scores = record.scores_of(out, asked)  # again, as another process may have written there
        if scores is None:
            say(() if encoder is None else encoder.notes, quiet=quiet)
            material = _begun(out, asked, untrained, corpus, length, mask_share)
            facts = {"from": source, "size": size, "length": length, "mask_share": mask_share}
            curve = curves.of("pretraining", f"seed {recipe.seed}")
            with nullcontext(progress) if progress else closing(Progress(quiet=quiet)) as shown:
                scores = _trained(material, corpus, out, recipe, facts, _How(device, shown, curve))
            record.finish(out, asked, scores)
        shutil.rmtree(out / "checkpoints")
    say([f"{out}: done; {_perplexities(scores)}"], quiet=quiet)
    return scores


class _How(NamedTuple):
    """How the training is carried out; it decides nothing of the model."""

    device: str
    progress: Progress
    curve: Curve | None


class _Material(NamedTuple):
    """What training takes."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    task: LanguageModelling
    blocks: dict[str, np.ndarray]


def _begun(
    out: Path, asked: dict, untrained: Callable[[], start.Untrained], corpus: Corpus, length: int, mask_share: float
) -> _Material:
    """Return what training takes as the folder has it, written there first if it is not whole.

    Every run reads it from there, the first one too, so all have the same. What is refused leaves nothing.
    """
    folder = out / "checkpoints" / "start"
    if checkpoints.is_whole(folder):
        return _read(folder, corpus, length, mask_share)
    try:
        record.begin(out, asked)
        shutil.rmtree(folder.parent, ignore_errors=True)
        model, tokenizer = untrained()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        material = _read(folder, corpus, length, mask_share)
        checkpoints.seal(folder)
    except NeutralError:
        shutil.rmtree(folder.parent, ignore_errors=True)
        (out / record.FILE).unlink(missing_ok=True)
        raise
    return material


def _read(folder: Path, corpus: Corpus, length: int, mask_share: float) -> _Material:
    tokenizer = models.load_tokenizer(folder)
    model = models.load_model(folder, "mlm", tokenizer=tokenizer, length=length)
    models.adapters.require_one(model, corpus.languages)
    task = LanguageModelling("mlm", tokenizer, length=length, mask_share=mask_share)
    blocks = {code: task.blocks(lines) for code, lines in corpus.train.items()}
    for lines in corpus.held_out.values():
        task.blocks(lines)  # what it refuses, it refuses before the training
    return _Material(model, tokenizer, task, blocks)


def _trained(material: _Material, corpus: Corpus, out: Path, recipe: Recipe, facts: dict, how: _How) -> Scores:
    """Train from the last whole checkpoint on, score the model and save it with its card."""
    model, tokenizer, task, blocks = material
    began, place, work = time.monotonic(), models.device(how.device), out / "checkpoints"
    say((*corpus.notes, *models.adapters.prepare(model, corpus.languages)), quiet=how.progress.quiet)
    models.adapters.speak(model, corpus.languages[0])
    model.to(place)
    examples = recipe.steps * recipe.examples_a_step
    advice = f"lower --batch, and choose another --out or remove {out}"
    part = Part(("train",), "pretraining", float(recipe.steps))
    how.progress.expect([part])
    with how.progress.doing(part) as tell, memory_limit(advice):
        train(
            model,
            task,
            Order(task, blocks, examples, recipe.seed),
            recipe,
            folder=work,
            every=min(_EVERY, -(-recipe.steps // 10)),
            tell=tell,
            progress=how.progress,
            curve=how.curve,
        )
    scores = measure(model, tokenizer, corpus, blocks, facts["length"])
    facts = facts | {
        "recipe": recipe,
        "tokens": examples * facts["length"],
        "hours": (time.monotonic() - began) / 3600,
        "device": str(place),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    _save(model, tokenizer, card(facts, scores), out)
    return scores


def measure(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    blocks: dict[str, np.ndarray],
    length: int,
) -> Scores:
    """Score the model and the unigram model of its training text on the held-out text, 15 % masked."""
    task = LanguageModelling("mlm", tokenizer, length=length)
    scores = {}
    for code, lines in corpus.held_out.items():
        held = task.blocks(lines)
        scores[code] = (
            task.evaluate(model, held, passes=PASSES),
            task.unigram(blocks[code], held, passes=PASSES),
        )
    return scores


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str, out: Path) -> None:
    """Save in float16, with the model card: apart first, then what makes a folder a model comes last into `out`."""
    draft = out / "checkpoints" / "result"
    shutil.rmtree(draft, ignore_errors=True)
    model.to(dtype=torch.float16).save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    (draft / "README.md").write_text(text, encoding="utf-8")
    for path in sorted(draft.iterdir(), key=lambda path: path.name == "config.json"):
        os.replace(path, out / path.name)


def _perplexities(scores: Scores) -> str:
    """Return the model's perplexities for a line: of many languages the lowest and the highest."""
    values = {code: score.value for code, (score, _) in scores.items()}
    if len(values) <= _LISTED:
        return "perplexity " + ", ".join(f"{code} {value:.1f}" for code, value in values.items())
    low, high = min(values, key=values.get), max(values, key=values.get)
    return f"perplexity from {values[low]:.1f} ({low}) to {values[high]:.1f} ({high})"
