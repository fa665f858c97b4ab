"""Models that hold a compressed table, as transformers loads and saves them: its quantizer of the method `METHOD`.

`import neutral` registers it. A folder's `config.json` says what the table is, and its weights hold the table's tensors
under the name of the token embedding. `from_pretrained` puts the table in its place before anything is read, so the
full matrix is never built; `save_pretrained` writes the same again. The table itself does not train; the rest does.

Only modules that transformers has read by then are imported above: it imports this one in the middle of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from transformers.quantizers.auto import register_quantization_config, register_quantizer
from transformers.quantizers.base import HfQuantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from neutral.errors import NeutralError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from neutral.compression.codec import Codec
    from neutral.compression.layers import Stored

METHOD = "neutral (import neutral first)"
"""The name in `config.json`. Where `neutral` was not imported, transformers and other tools print it and stop."""

GUARD = "weight"
"""An empty tensor in the place of the full matrix: who does not know the method stops at its shape."""

TYPES = {str(kind).removeprefix("torch."): kind for kind in (torch.int8, torch.uint8, torch.int16, torch.int32)}
TYPES |= {str(kind).removeprefix("torch."): kind for kind in (torch.int64, torch.float16, torch.float32)}
TYPES |= {"bfloat16": torch.bfloat16}


@register_quantization_config(METHOD)
class CompressedTableConfig(QuantizationConfigMixin):
    """What `config.json` says of a compressed table.

    Attributes
    ----------
    table : {"method", "shape": [V, d], "settings", "tensors": {name: [type, shape]}}
    where : "input" or "both"
        Whether the output layer uses the table too.
    """

    def __init__(self, table: Mapping[str, object], where: str, quant_method: str = METHOD, **_: object) -> None:
        self.quant_method, self.table, self.where = quant_method, dict(table), where

    @classmethod
    def of(cls, table: Codec, where: str) -> CompressedTableConfig:
        """Return the configuration of a table."""
        kinds = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in table.tensors.items()}
        tensors = {name: [kinds[name], list(tensor.shape)] for name, tensor in table.tensors.items()}
        said = {"method": table.method, "shape": list(table.shape), "settings": table.settings, "tensors": tensors}
        return cls(said, where)

    def empty(self) -> Codec:
        """Return the table with tensors that hold no numbers (on "meta").

        Raises `NeutralError` for what is no table of a known method.
        """
        from neutral.compression import methods  # noqa: F401  (defines the classes of tables)
        from neutral.compression.table import KINDS, require_shape

        try:
            kind, shape, settings = KINDS[self.table["method"]], self.table["shape"], dict(self.table["settings"])
            tensors = {
                name: torch.empty([int(n) for n in size], dtype=TYPES[of], device="meta")
                for name, (of, size) in self.table["tensors"].items()
            }
            require_shape(shape, sum(tensor.nbytes for tensor in tensors.values()))
            if any(kind.lacking(tensors, settings)):
                raise NeutralError(f"it has {', '.join(tensors)}")
            return kind(shape, tensors, settings)
        except (KeyError, TypeError, ValueError, RuntimeError, NeutralError) as error:
            raise NeutralError(
                f"config.json: its quantization_config is of no table that is known ({error})"
            ) from error


@register_quantizer(METHOD)
class CompressedTableQuantizer(HfQuantizer):
    """Puts an empty table in the place of a model's embedding, into which transformers then reads the file's."""

    requires_calibration = True  # `from_pretrained` of a full model does not fit a table: `neutral compress` does
    quantization_config: CompressedTableConfig

    def _process_model_before_weight_loading(self, model: PreTrainedModel, **_: object) -> None:
        from neutral.compression.placement import put_in, tied

        _tie(model)
        where = self.quantization_config.where
        place = "both" if where == "both" and tied(model) else "input"
        put_in(model, self.quantization_config.empty(), place, train=False)
        settle(model)

    def _process_model_after_weight_loading(self, model: PreTrainedModel, **_: object) -> None:
        from neutral.compression.layers import CompressedEmbedding, Stored

        for module in model.modules():
            if isinstance(module, CompressedEmbedding):
                module.restore_scale()
            if isinstance(module, Stored):
                _require_read(model, module)

    def get_state_dict_and_metadata(self, model: PreTrainedModel) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        """Return what is saved of a model: its state, and the guard."""
        return guarded(model.state_dict(), model), {}

    def is_serializable(self) -> bool:
        """It is."""
        return True

    @property
    def is_trainable(self) -> bool:
        """The rest of the model is."""
        return True

    @property
    def is_qat_trainable(self) -> bool:
        """The rest of the model trains without adapters."""
        return True


def settle(model: PreTrainedModel) -> None:
    """Make a model in which a table was put forget that its output layer was tied to a matrix, and expect the guard."""
    from transformers import PreTrainedModel

    for part in model.modules():
        if not isinstance(part, PreTrainedModel):
            continue
        gone = {f"{name}.weight" for name, module in part.named_modules() if _holds(module)}
        part.all_tied_weights_keys = {
            target: source for target, source in part.all_tied_weights_keys.items() if not {target, source} & gone
        }
        if part._tied_weights_keys:
            part._tied_weights_keys = {
                target: source for target, source in part._tied_weights_keys.items() if not {target, source} & gone
            }
    guards = {rf"(^|\.){place.rpartition('.')[2]}\.{GUARD}$" for place in _places(model)}
    model._keys_to_ignore_on_load_unexpected = {*(model._keys_to_ignore_on_load_unexpected or ()), *guards}


def guarded(state: Mapping[str, torch.Tensor], model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return a model's state and the guard (`GUARD`) beside the tensors of each of its tables."""
    return {**state, **{f"{place}.{GUARD}": torch.zeros(0) for place in _places(model)}}


def stored_names(model: PreTrainedModel) -> set[str]:
    """Return the names of the tables' tensors in a model's state."""
    return {f"{name}.{tensor}" for name, module in _stored(model) for tensor in module.tensors}


def _places(model: PreTrainedModel) -> list[str]:
    """Return the names of the embeddings that hold the tables' tensors."""
    return [name.rpartition(".")[0] for name, _ in _stored(model)]


def _stored(model: PreTrainedModel) -> list[tuple[str, Stored]]:
    from neutral.compression.layers import Stored

    return [(name, module) for name, module in model.named_modules() if isinstance(module, Stored)]


def _tie(model: PreTrainedModel) -> None:
    """Tie a model that was just made, which tells what uses the table: transformers ties it only when it is read."""
    for target, source in model.all_tied_weights_keys.items():
        parent, _, name = target.rpartition(".")
        setattr(model.get_submodule(parent), name, model.get_parameter_or_buffer(source))


def _holds(module: torch.nn.Module) -> bool:
    from neutral.compression.layers import CompressedEmbedding, CompressedHead

    return isinstance(module, CompressedEmbedding | CompressedHead)


def _require_read(model: PreTrainedModel, stored: torch.nn.Module) -> None:
    """Raise `NeutralError` for a table whose tensors were not all in the file."""
    missing = [name for name, tensor in stored.tensors.items() if not getattr(tensor, "_is_hf_initialized", False)]
    if missing:
        folder = model.config.name_or_path
        raise NeutralError(f"{folder}: its weights lack tensors of the compressed table ({', '.join(missing)})")
