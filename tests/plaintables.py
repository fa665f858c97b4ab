"""The plainest compressed tables, for tests of what uses tables."""

import torch

from neutral.compression.table import Table


class Codes(Table):
    """One byte a number: nothing trains."""

    method = "test-codes"
    parts = ("codes",)

    def decode(self, tensors, ids):
        return tensors["codes"][ids].float() / 100


class Factors(Table):
    """Two factors, stored in float16."""

    method = "test-factors"
    parts = ("latents", "decoder")
    trainable = ("latents", "decoder")

    def decode(self, tensors, ids):
        return tensors["latents"][ids].float() @ tensors["decoder"].float()


def codes(v, d):
    draw = torch.Generator().manual_seed(1)
    return Codes((v, d), {"codes": torch.randint(-60, 60, (v, d), generator=draw, dtype=torch.int8)})


def factors(v, d, rank=3):
    draw = torch.Generator().manual_seed(2)
    latents, decoder = torch.randn(v, rank, generator=draw), torch.randn(rank, d, generator=draw) / 5
    return Factors((v, d), {"latents": latents.half(), "decoder": decoder.half()})
