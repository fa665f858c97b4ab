"""A loaded model is tried once on a small text: does it run, are its logits numbers, does it read forward only?"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedModel
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
)

from neutral.errors import NeutralError
from neutral.models.checks import embeddings
from neutral.models.reading import reason, require_memory

_TRIED = 12  # tokens of a trial
_CHANGED = 4  # of these, the last ones, that are changed
_TOLERANCE = 1e-4  # of the largest logit: rounding of float32 is a hundred times less
_LABELLED = {
    "nli": MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "ner": MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
    "squad": MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
}


def trial(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return a small batch that a model can be tried on, the same one every time: input ids (2, 12) and their mask.

    The second text is the first but for its last tokens. An encoder-decoder's texts end as they must for its head for
    classes, which looks for the end.
    """
    config = model.config.get_text_config()
    rows = min(getattr(embeddings(model), "num_embeddings", 256), getattr(config, "vocab_size", None) or 256)
    taken = {getattr(config, f"{role}_token_id", None) for role in ("pad", "bos", "eos")}
    draw = torch.Generator().manual_seed(0)
    ids = [i for i in torch.randint(0, rows, (8 * _TRIED,), generator=draw).tolist() if i not in taken] or [0]
    ids = (ids * (2 * _TRIED))[: _TRIED + _CHANGED]
    one, other = ids[:_TRIED], [*ids[: _TRIED - _CHANGED], *ids[_TRIED:]]
    texts = torch.tensor([one, other], device=model.device)
    if model.config.is_encoder_decoder and isinstance(config.eos_token_id, int) and 0 <= config.eos_token_id < rows:
        texts[:, -1] = config.eos_token_id
    batch = {"input_ids": texts, "attention_mask": torch.ones_like(texts)}
    if model.config.is_encoder_decoder:
        batch["decoder_input_ids"] = texts
    if getattr(model.config, "languages", None):  # XMOD's adapters
        batch["lang_ids"] = torch.zeros_like(texts[:, 0])
    return batch


def require_running(source: str | Path, model: PreTrainedModel, head: str) -> None:
    """Run a model on a trial; a language model that should read forward is held to that.

    Raises
    ------
    NeutralError
        In one line that names the source: if the model fails, whatever it fails with; if what it returns are no
        numbers; if a changed token changes the logits before it, so that a causal model reads ahead.
    """
    batch = trial(model)
    if head != "clm":  # one text will do, and a decoder's head for classes needs no padding token then
        batch = {name: tensor[:1] for name, tensor in batch.items()}
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            logits = model(**batch)[0].float()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of any type: a configuration can be wrong in all ways
        require_memory(error, source)
        raise NeutralError(
            f"{source}: fails on a small text: {reason(error, source)}; is its config.json whole and right?"
        ) from error
    if not logits.isfinite().all() or not all(map(_is_numbers, model.buffers())):
        raise NeutralError(
            f"{source}: what it returns for a small text are no numbers (NaN or infinite), though its weights are; "
            "is its config.json whole and right?"
        )
    if head == "clm":
        _require_forward(source, model, *logits[:, : _TRIED - _CHANGED])


def _is_numbers(buffer: torch.Tensor) -> bool:
    """Whether a buffer that the model made itself (its rotary angles) has numbers only; -inf may be a mask's."""
    return not buffer.is_floating_point() or bool((buffer < torch.inf).all())


def _require_forward(source: str | Path, model: PreTrainedModel, first: torch.Tensor, second: torch.Tensor) -> None:
    if (first - second).abs().max() <= _TOLERANCE * first.abs().max():
        return
    fit = [f"--task {task}" for task, kinds in _LABELLED.items() if model.config.model_type in kinds]
    raise NeutralError(
        f"--task clm: {source} reads ahead: a later token changes what it predicts before; {type(model).__name__} is "
        f"no causal language model ({'what it can do: ' + ', '.join(fit) if fit else 'no task here fits it'})"
    )
