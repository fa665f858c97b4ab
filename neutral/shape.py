"""The shape of a BERT that is made from nothing."""

from __future__ import annotations

from dataclasses import dataclass

from neutral.errors import NeutralError
from neutral.options import COMPUTED, check, option

_GROUP = "a model made from nothing"


@dataclass(frozen=True)
class Shape:
    """The shape of a BERT made from nothing. Raises `NeutralError`, naming the option, for one that cannot be."""

    layers: int = option(6, "its layers", least=1, group=_GROUP, decides=COMPUTED)
    width: int = option(256, "numbers of a state", least=1, group=_GROUP, decides=COMPUTED)
    heads: int = option(4, "attention heads a layer", least=1, group=_GROUP, decides=COMPUTED)
    feed_forward: int = option(1024, "neurons of a layer's feed-forward part", least=1, group=_GROUP, decides=COMPUTED)

    def __post_init__(self) -> None:
        check(self)
        if self.width % self.heads:
            raise NeutralError(f"--width {self.width}: is no multiple of --heads {self.heads}, which divide it")
