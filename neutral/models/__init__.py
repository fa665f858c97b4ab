"""Models: load any Hugging Face id or folder, say what kind of model it is, and find the weights that can be pruned."""

from neutral.models import adapters, ids
from neutral.models.checkpoint import Loaded, Looked, load, load_model, look, require_positions
from neutral.models.checks import positions
from neutral.models.devices import device
from neutral.models.inventory import Inventory, inventory
from neutral.models.kinds import is_encoder_decoder, natural_scope, natural_task, stack
from neutral.models.prunable import prunable
from neutral.models.reading import configuration
from neutral.models.tokenizers import load_tokenizer, require_known
from neutral.models.trying import trial

__all__ = [
    "Inventory",
    "Loaded",
    "Looked",
    "adapters",
    "configuration",
    "device",
    "ids",
    "inventory",
    "is_encoder_decoder",
    "load",
    "load_model",
    "load_tokenizer",
    "look",
    "natural_scope",
    "natural_task",
    "positions",
    "prunable",
    "require_known",
    "require_positions",
    "stack",
    "trial",
]
