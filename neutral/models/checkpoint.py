"""Load a model with the head that a task takes, and hold it against all `checks`, so that nothing is silently wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from neutral.errors import NeutralError, one_line
from neutral.models import adapters, checks, folders, heads, precision, stored, texts, trying, weights
from neutral.models.devices import device as chosen_device
from neutral.models.devices import gains_from_bfloat16
from neutral.models.kinds import is_multimodal, natural_task
from neutral.models.reading import configuration, from_pretrained, shaped

_HEADS = {
    "mlm": AutoModelForMaskedLM,
    "clm": AutoModelForCausalLM,
    "seq2seq": AutoModelForSeq2SeqLM,
    "classification": AutoModelForSequenceClassification,
    "tagging": AutoModelForTokenClassification,
    "answering": AutoModelForQuestionAnswering,
    "base": AutoModel,
}

_CALLED = {
    "mlm": "masked language model",
    "clm": "causal language model",
    "seq2seq": "encoder-decoder language model",
    "classification": "head for the classes of texts (nli)",
    "tagging": "head for tags (ner, pos)",
    "answering": "head for answers (squad)",
    "base": "model without a head",
}

# Older names: what the model lacks, what the file has in its place, and the setting, on or off, that fits it.
_OLDER = (
    ("cls.predictions.", "lm_predictions.", "legacy"),  # DeBERTa's head as it was trained
    ("lm_predictions.", "cls.predictions.", "legacy"),
)


@dataclass(frozen=True)
class Loaded:
    """A model that has passed all checks.

    Attributes
    ----------
    model : PreTrainedModel
        On its device, in float32; of a multimodal model, its text model.
    new : frozenset of str
        Names of the weights that the checkpoint lacks: of a task's new head, and of a pooler before it.
    notes : tuple of str
        What the user should know of the model; a study keeps them.
    """

    model: PreTrainedModel
    new: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def load(
    source: str | Path,
    head: str = "mlm",
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    length: int | None = None,
    labels: Sequence[str] = (),
    seed: int = 0,
    device: str | torch.device = "cpu",
    new_head: bool = False,
    dtype: torch.dtype = torch.float32,
    **options: object,
) -> Loaded:
    """Load a model with a head, and check it.

    Parameters
    ----------
    source : str or Path
        Hub id or folder.
    head : str
        mlm | clm | seq2seq | classification | tagging | answering | base.
    tokenizer : PreTrainedTokenizerBase, optional
        The tokenizer that it will read with; every token must have a row in the model's table.
    length : int, optional
        Tokens that it will read at once; it must have as many positions.
    labels : sequence of str
        The labels of a task in their order. A head that the checkpoint has for the same labels is put into this order;
        one for other labels is drawn anew.
    seed : int
        The weights that the checkpoint lacks are drawn from it.
    device : str or torch.device
    dtype : torch.dtype
        Of the weights.
    new_head : bool
        Whether a language model's head may be new too: for `pretrain`, which trains it.
    **options
        Go to the configuration and to the model's loader.

    Raises
    ------
    NeutralError
        In one line that names the source: if it is no model, has no such head, lacks weights that are not new by
        design, has some that are no numbers, reads the other way than the task, has fewer positions than `length` or
        fewer rows than tokens, or fails on a small text.
    """
    if head not in _HEADS:
        raise NeutralError(f"{source}: no such head: {head}; there are {', '.join(_HEADS)}")
    count = {"num_labels": len(labels)} if labels else {}
    config = configuration(source, **{name: value for name, value in options.items() if name not in count})
    checks.require_kind(source, config, head)
    adapters.require_tongues(source, config)
    named = heads.labels_of(config)
    for name, value in count.items():
        setattr(config, name, value)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, info = _read(source, head, config, dtype, options | count)
        new = weights.require(source, model, head, info, new_head=new_head)
        weights.require_numbers(source, model)
        drawn, said = heads.fit(source, model, named, labels, new) if labels else (frozenset(), ())
    _check(source, model, head, tokenizer, length)
    new |= drawn
    model.to(chosen_device(device) if isinstance(device, str) else device)
    trying.require_running(source, model, head)
    notes = (*_notes(model, config, info), *said, *_told_new(new, seed), *_slowed(model))
    return Loaded(model, new, tuple(map(one_line, notes)))


class Looked(NamedTuple):
    """A model as its folder has it, to be looked at: it may lack weights."""

    model: PreTrainedModel
    task: str
    """The task that it is made for: mlm, clm, seq2seq; "" for a model for labelled tasks only."""
    missing: tuple[str, ...]
    """Names of the weights that the checkpoint lacks; the model has random ones there."""
    notes: tuple[str, ...]


def look(source: str | Path, **options: object) -> Looked:
    """Load a model to look at it, whatever it lacks. Raises `NeutralError` for one that cannot be read at all."""
    config = configuration(source, **options)
    adapters.require_tongues(source, config)
    task, notes = "", ()
    try:
        task = natural_task(source, **options)
        checks.require_kind(source, config, task)
    except NeutralError as error:
        task, notes = "", (f"for labelled tasks only: {error}",)
    model, info = _read(source, task or "base", config, torch.float32, options)
    missing = tuple(weights.lacking(model, info))
    if broken := weights.not_numbers(model):
        notes = (*notes, f"not all of these weights are numbers (NaN or infinite): {weights.names(broken)}")
    notes = (*notes, *_notes(model, config, info))
    return Looked(model.eval(), task, missing, tuple(map(one_line, notes)))


def load_model(source: str | Path, head: str = "mlm", **options: object) -> PreTrainedModel:
    """Load a model with a head and check it, as `load` does, and return the model alone."""
    return load(source, head, **options).model


def require_positions(source: str | Path, length: int, **options: object) -> None:
    """Raise `NeutralError` if a model has fewer positions than `length`; only its shape is looked at, not its weights.

    For work that comes to a model late, and should not begin if it cannot end.
    """
    config, _ = texts.alone(configuration(source, **options), AutoModel, {})
    checks.require_positions(source, shaped(source, config), length)


def _read(
    source: str | Path, head: str, config: PreTrainedConfig, dtype: torch.dtype, options: dict
) -> tuple[PreTrainedModel, dict]:
    """Return a model as transformers loads it, and what it tells of the loading; older names are mapped."""
    own, renamed = texts.alone(config, _HEADS[head], options)
    loader = texts.loader(own, _HEADS[head], head)
    if type(own) not in loader._model_mapping:
        raise NeutralError(f"{source}: {own.model_type} has no {_CALLED[head]} in transformers")
    if not options.get("gguf_file"):
        if path := folders.require(source):
            folders.require_weights(source, path)
        stored.require_plain(source, path, config)
        stored.require_size(source, path, own, loader)
    rest = {name: value for name, value in options.items() if not hasattr(config, name)} | renamed
    rest |= {"dtype": dtype, "output_loading_info": True, "ignore_mismatched_sizes": True}
    model, info = from_pretrained(loader, source, config=own, **rest)
    for lacked, older, setting in _OLDER:
        if hasattr(own, setting) and _any(info["missing_keys"], lacked) and _any(info["unexpected_keys"], older):
            setattr(own, setting, not getattr(own, setting))
            model, info = from_pretrained(loader, source, config=own, **rest)
            break
    stored.require_no_scales(source, config, info["unexpected_keys"])
    if renamed:  # what is saved of a text model has its own names, not those in the whole model
        vars(model).pop("_weight_conversions", None)
    if own is config and is_multimodal(config):
        texts.deafen(model)
    return model, info


def _any(names: Sequence[str], beginning: str) -> bool:
    return any(name.startswith(beginning) for name in names)


def _check(
    source: str | Path,
    model: PreTrainedModel,
    head: str,
    tokenizer: PreTrainedTokenizerBase | None,
    length: int | None,
) -> None:
    """Hold a model against its tokenizer and the length it will read."""
    if tokenizer is not None:
        checks.require_tokenizer(source, model, tokenizer, head)
    if length is not None:
        checks.require_positions(source, model, length)


def _notes(model: PreTrainedModel, config: PreTrainedConfig, info: dict) -> list[str]:
    """Return the notes on what of a checkpoint is left out."""
    notes, left = [], set(info["unexpected_keys"])
    if is_multimodal(config):
        towers = texts.towers(model, left)
        left -= towers
        more = f"; weights of its other parts are left out ({len(towers)})" if towers else ""
        notes.append(f"of the multimodal model ({config.model_type}) only the text model is loaded{more}")
    if left:
        name = type(model).__name__
        notes.append(f"weights of the checkpoint that have no place in {name} are left out: {weights.names(left)}")
    return notes


def _told_new(new: frozenset[str], seed: int) -> list[str]:
    if not new:
        return []
    return [f"new weights, drawn from seed {seed}: {', '.join(sorted(new))}"]


def _slowed(model: PreTrainedModel) -> list[str]:
    """Make a model run in float32 where its device would gain from bfloat16 and it cannot; return the note on that."""
    if not gains_from_bfloat16(model.device) or precision.runs_in_bfloat16(model, trying.trial(model)):
        return []
    precision.in_full_precision(model)
    return [f"{type(model).__name__} cannot run in bfloat16, so it runs in float32, which takes longer here"]
