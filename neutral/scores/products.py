"""See matrix products where no hook can: those that a module makes with a parameter inside its own forward call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

See = Callable[[torch.Tensor, torch.Tensor, bool], None]
"""Takes both factors of a product, and whether it is one with a matrix: left @ right; else left @ right.T."""

_PRODUCTS = {
    nn.functional.linear: False,
    **dict.fromkeys((torch.matmul, torch.mm, torch.bmm, torch.Tensor.__matmul__), True),
    **dict.fromkeys((torch.Tensor.matmul, torch.Tensor.mm, torch.Tensor.bmm), True),
}


def watch(module: nn.Module, see: See) -> Callable[[], None]:
    """Show every matrix product of the module's forward calls to `see`; return what ends that."""
    forward = module.forward

    def watched(*args: Any, **named: Any) -> Any:
        with _Products(see):
            return forward(*args, **named)

    own = "forward" in vars(module)
    module.forward = watched
    return partial(setattr, module, "forward", forward) if own else partial(delattr, module, "forward")


class _Products(TorchFunctionMode):
    """Within, every matrix product is shown to `see` before it is made."""

    def __init__(self, see: See) -> None:
        super().__init__()
        self.see = see

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), named: Mapping | None = None) -> Any:
        if (is_matrix := _PRODUCTS.get(function)) is not None and len(args) > 1:
            with torch._C.DisableTorchFunction():
                self.see(args[0], args[1], is_matrix)
        return function(*args, **(named or {}))
