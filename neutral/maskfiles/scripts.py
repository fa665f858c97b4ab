"""Masks as the scripts of Foroutan et al. (2022) read them: names of tensors for BERT and for mT5.

Their functions look tensors up by name, so a name is all that matters:

- BERT: `bert.encoder.layer.N.….weight_mask`, `bert.pooler.dense.weight_mask` where there is a pooler;
- mT5: `module.encoder.block.N.….weight_mask` and `module.decoder.…`, because their network is always wrapped in
  `DataParallel`; their reader takes the prefix from its own model, and their overlap takes it for granted.

Values are float32 zeros and ones, under `torch.save`. Both overlap functions and the reader of BERT's masks go through
exactly twelve layers.
"""

from __future__ import annotations

import re

from neutral.errors import NeutralError
from neutral.masks import Mask

LAYERS = 12
_BERT = (
    *("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"),
    *("intermediate.dense", "output.dense"),
)
_ATTENTION, _FEED_FORWARD = ("q", "k", "v", "o"), ("wi_0", "wi_1", "wo")
_MT5 = {
    "encoder": (
        *(f"layer.0.SelfAttention.{part}" for part in _ATTENTION),
        *(f"layer.1.DenseReluDense.{part}" for part in _FEED_FORWARD),
    ),
    "decoder": (
        *(f"layer.0.SelfAttention.{part}" for part in _ATTENTION),
        *(f"layer.1.EncDecAttention.{part}" for part in _ATTENTION),
        *(f"layer.2.DenseReluDense.{part}" for part in _FEED_FORWARD),
    ),
}
_BERT_NAME = re.compile(r"^(?:bert\.)?(encoder\.layer\.\d+\..+|pooler\.dense)\.weight$")
_MT5_NAME = re.compile(r"^(?:transformer\.)?((?:encoder|decoder)\.block\.\d+\..+)\.weight$")


def tensor_names(mask: Mask) -> dict[str, str]:
    """Return a mask's weight names -> the scripts' names of its tensors, in the scripts' order.

    Raises `NeutralError` for a network that is neither BERT nor mT5, or that lacks a matrix which the scripts look up.
    """
    bert, mt5 = ({n: m[1] for n in mask.names if (m := form.match(n))} for form in (_BERT_NAME, _MT5_NAME))
    theirs, prefix = (bert, "bert.") if len(bert) >= len(mt5) else (mt5, "module.")
    if len(theirs) < len(mask.names):
        other = next(name for name in mask.names if name not in theirs)
        raise NeutralError(
            f"{other}: the paper's scripts read masks of BERT and mT5 only; `--as torch` keeps this network's names"
        )
    layers = _layers(theirs.values())
    required = [f"encoder.layer.{i}.{part}" for i in layers for part in _BERT]
    if prefix == "module.":
        required = [f"{stack}.block.{i}.{part}" for stack, parts in _MT5.items() for i in layers for part in parts]
    if missing := [name for name in required if name not in theirs.values()]:
        raise NeutralError(f"{missing[0]}: the paper's scripts look it up, and this mask lacks it")
    return {name: f"{prefix}{bare}.weight_mask" for name, bare in theirs.items()}


def has_their_layers(mask: Mask) -> bool:
    """Whether a mask has the twelve layers that the scripts go through."""
    return _layers(mask.names) == list(range(LAYERS))


def _layers(names: object) -> list[int]:
    """Return the numbers of the layers in names."""
    return sorted({int(match[1]) for name in names if (match := re.search(r"\.(?:layer|block)\.(\d+)\.", name))})
