"""Models: load any Hugging Face id or folder, and find the weights that can be pruned.

Prunable are the 2-D weights of linear layers inside the repeated blocks, and a BERT pooler; they are
found by walking the model, so a new architecture needs no table.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.pytorch_utils import Conv1D

from neutral import labels
from neutral.errors import NeutralError

_HEADS = {
    "mlm": AutoModelForMaskedLM,
    "clm": AutoModelForCausalLM,
    "seq2seq": AutoModelForSeq2SeqLM,
    "classification": AutoModelForSequenceClassification,
    "tagging": AutoModelForTokenClassification,
    "answering": AutoModelForQuestionAnswering,
    "base": AutoModel,
}


def device(name: str = "auto") -> torch.device:
    """Return the device called `name`: auto | cpu | cuda | mps; auto takes the best that this machine has.

    Raises `NeutralError` for another name, or a device that this machine lacks.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise NeutralError(f"--device {name}: not a device; use auto, cpu, cuda or mps") from error
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(chosen.type, False):
        raise NeutralError(f"--device {name}: this machine has none that torch can use; try --device auto")
    return chosen


def load_tokenizer(source: str | Path, **options: object) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a hub id or a folder."""
    return _load(AutoTokenizer, source, **options)


def load_model(
    source: str | Path, head: str = "mlm", *, dtype: torch.dtype = torch.float32, **options: object
) -> PreTrainedModel:
    """Load a model with a head: mlm | clm | seq2seq | classification | tagging | answering | base.

    Raises `NeutralError` naming the source if it is no model, or has no such head.
    """
    if head not in _HEADS:
        raise NeutralError(f"{source}: no such head: {head}; there are {', '.join(_HEADS)}")
    return _load(_HEADS[head], source, dtype=dtype, **options)


def natural_task(source: str | Path, **options: object) -> str:
    """Return mlm for an encoder, clm for a decoder, seq2seq for an encoder-decoder.

    Raises `NeutralError` naming the source if its model has no such head.
    """
    config = _load(AutoConfig, source, **options)
    if getattr(config, "is_encoder_decoder", False):
        return "seq2seq"
    names = " ".join(config.architectures or [])
    if "CausalLM" in names or "LMHeadModel" in names:
        return "clm"
    if "MaskedLM" in names or config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return "mlm"
    if config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return "clm"
    raise NeutralError(f"{source}: {config.model_type} has neither a masked nor a causal language-model head")


def load_seeded(source: str | Path, head: str, seed: int, **options: object) -> tuple[PreTrainedModel, frozenset[str]]:
    """Load a model as `load_model` does, and draw the weights that the checkpoint lacks from `seed`.

    Return the model and the names of these weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, loading_info = load_model(source, head, output_loading_info=True, **options)
    return model, frozenset(loading_info["missing_keys"])


def is_encoder_decoder(source: str | Path, **options: object) -> bool:
    """Whether a model is an encoder-decoder."""
    return bool(getattr(_load(AutoConfig, source, **options), "is_encoder_decoder", False))


def natural_scope(source: str | Path, **options: object) -> str:
    """Return the groups of weights that a cut compares: stack for an encoder-decoder, as in the paper; else global."""
    return "stack" if is_encoder_decoder(source, **options) else "global"


def prunable(model: nn.Module, only: str = "") -> dict[str, nn.Parameter]:
    """Return name -> 2-D weight of every linear layer in the repeated blocks, and of a pooler.

    Weights shared between layers (ALBERT) appear once. `only` takes those of one stack: encoder | decoder.

    Raises `NeutralError` if there are none.
    """
    blocks = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, nn.ModuleList))
    weights: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    for name, module in model.named_modules():
        inside = name.startswith(blocks) or name.endswith("pooler.dense")
        if inside and isinstance(module, (nn.Linear, Conv1D)) and id(module.weight) not in seen:
            seen.add(id(module.weight))
            weights[f"{name}.weight"] = module.weight
    if not weights:
        raise NeutralError(f"{type(model).__name__}: no linear layers in repeated blocks, so nothing to prune")
    if only:
        weights = {name: weight for name, weight in weights.items() if labels.label(name).stack == only}
        if not weights:
            raise NeutralError(f"--only {only}: {type(model).__name__} has no linear layers there")
    return weights


def _load(loader: type, source: str | Path, **options: object):
    """Call `loader.from_pretrained`, turning its many failures into one line."""
    path = Path(source)
    if (str(source).startswith((".", "/", "~")) or path.exists()) and not path.expanduser().is_dir():
        raise NeutralError(f"{source}: not a model folder (a folder with config.json and weights)")
    try:
        return loader.from_pretrained(str(path.expanduser() if path.is_dir() else source), **options)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise NeutralError(f"{source}: cannot be loaded as {loader.__name__}: {reason}") from error
