"""Models: load any Hugging Face id or folder, say what kind of model it is, and find the weights that can be pruned."""

from neutral.models import adapters
from neutral.models.devices import device
from neutral.models.inventory import Inventory, inventory
from neutral.models.kinds import is_encoder_decoder, natural_scope, natural_task, stack
from neutral.models.loading import load_model, load_seeded, load_tokenizer
from neutral.models.prunable import prunable

__all__ = [
    "Inventory",
    "adapters",
    "device",
    "inventory",
    "is_encoder_decoder",
    "load_model",
    "load_seeded",
    "load_tokenizer",
    "natural_scope",
    "natural_task",
    "prunable",
    "stack",
]
