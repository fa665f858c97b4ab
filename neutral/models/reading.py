"""What transformers reads from a hub id or a folder, with its many failures turned into one line.

Code that a model brings is never run: nothing asks whether it may.
"""

from __future__ import annotations

import re
import traceback
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedConfig, PreTrainedModel

from neutral.errors import MemoryLimitError, NeutralError
from neutral.models import folders
from neutral.system import is_lack_of_memory

_LINE = 300  # letters of a reason, at most

# What transformers and torch say of files that they refuse, with advice that must not be followed: what we say instead.
_REFUSED = (
    (
        re.compile(r"trust_remote_code|custom code"),
        "it needs code of its own (auto_map in its configuration), which is never run here; take a model whose "
        "architecture transformers has",
    ),
    (
        re.compile(r"does not recognize this architecture|Unrecognized model"),
        f"its architecture (model_type in config.json) is not one that transformers {version('transformers')} has",
    ),
    (
        re.compile(r"weights_only|Weights only|[Uu]npickl|torch\.load|pickle (?:data|file|module)"),
        "its weights are a pickle that holds code, or is damaged, so it is not opened; take the model's safetensors "
        "file, or make one on a machine where you trust its author",
    ),
    (
        re.compile(r"PytorchStreamReader|zip archive|miniz"),
        "its weights (pytorch_model.bin) are cut or damaged; copy or download them again",
    ),
)
_COUNTS = re.compile(r"heads|size|dim|layers?$|groups|kernel|^n_|^d_|^num_|factor")  # settings that cannot be 0


def from_pretrained(loader: type, source: str | Path, **options: object):
    """Call `loader.from_pretrained` without the code that the model may bring.

    Raises `NeutralError`, one line that names the source, whatever transformers stumbles over.
    """
    path = folders.require(source, gguf=options.get("gguf_file"))
    try:
        return loader.from_pretrained(str(path or source), trust_remote_code=False, **options)
    except (NeutralError, torch.OutOfMemoryError):
        raise
    except ImportError as error:
        require_memory(error, source)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise NeutralError(f"{source}: cannot be loaded without a package: {' '.join(lines)[:_LINE]}") from error
    except Exception as error:  # of any type: files from outside are read with all of transformers
        require_memory(error, source)
        if loader is AutoConfig and path and not options.get("gguf_file") and not (path / "config.json").is_file():
            raise NeutralError(
                f"{source}: has no config.json, so it is no model's folder{folders.gguf_of(path)}"
            ) from error
        if path and not options.get("gguf_file") and (setting := _setting(path, error)):
            raise NeutralError(f"{source}/config.json: {setting}") from error
        is_said = isinstance(error, (OSError, ValueError)) or _known(error)
        hint = "" if is_said and not options.get("gguf_file") else f"; {_hint(loader, path, error, options)}"
        raise NeutralError(f"{source}: cannot be loaded as {loader.__name__}: {reason(error, source)}{hint}") from error


def require_memory(error: Exception, source: str | Path) -> None:
    """Raise `MemoryLimitError` naming the source if that is what an exception comes from."""
    if is_lack_of_memory(error):
        raise MemoryLimitError(f"{source}: this machine has too little memory for it") from error


def configuration(source: str | Path, **options: object) -> PreTrainedConfig:
    """Return the configuration of a model; of `options`, those that it has replace its own values.

    Raises `NeutralError` naming the source.
    """
    return from_pretrained(AutoConfig, source, **options)


def shaped(source: str | Path, config: PreTrainedConfig) -> PreTrainedModel:
    """Return the base model of a configuration without any weights: its shapes, on torch's meta device.

    Raises `NeutralError` naming the source.
    """
    try:
        with torch.device("meta"):
            return AutoModel.from_config(config, trust_remote_code=False)
    except Exception as error:
        raise NeutralError(f"{source}: its config.json makes no model: {reason(error, source)}") from error


def reason(error: Exception, source: str | Path) -> str:
    """Return an exception's reason in one line, with its type where the words alone say little."""
    text = " ".join(str(error).replace(str(source), "this folder").split())
    if own := _known(error):
        return own
    text = f"{text[:_LINE]} …" if len(text) > _LINE else text
    if isinstance(error, (OSError, ValueError)) and text:
        return text
    return f"{text} ({type(error).__name__})"


def _known(error: Exception) -> str:
    """Return what we say of a refusal in place of transformers' words; "" if these will do."""
    told = (str(error), type(error).__name__)
    return next((own for pattern, own in _REFUSED if any(map(pattern.search, told))), "")


def _setting(path: Path, error: Exception) -> str:
    """Return what setting of config.json an exception without words is about: a zero, or a name that nothing has."""
    if not isinstance(error, (ZeroDivisionError, KeyError)) or not (path / "config.json").is_file():
        return ""
    settings = folders.json_object(path / "config.json")
    if isinstance(error, KeyError):
        unknown = [name for name, value in settings.items() if isinstance(value, str) and error.args == (value,)]
        return f"{unknown[0]} is {error.args[0]!r}, which transformers does not have" if unknown else ""
    zeros = [name for name, value in settings.items() if type(value) in (int, float) and not value]
    zeros = [name for name in zeros if _COUNTS.search(name) and not name.endswith("_id")]
    return f"{' and '.join(zeros)} {'is' if len(zeros) == 1 else 'are'} 0" if zeros else ""


def _hint(loader: type, path: Path | None, error: Exception, options: dict) -> str:
    """Return what to look at when transformers fails in a way that it has no words for."""
    calls = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
    in_weights = bool(calls & {"load_state_dict", "_load_pretrained_model"})
    if options.get("gguf_file"):
        name = str(options["gguf_file"])
    elif in_weights and path and (files := folders.weights(path)):
        return f"does its {files[0].name} hold a dict of tensors?"
    elif loader is AutoTokenizer and "Dataclass" not in type(error).__name__:
        name = "tokenizer.json or config.json"
    else:
        name = "config.json"
    return f"is its {name} whole and right?"
