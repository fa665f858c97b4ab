"""Codes of any width come back from their bytes."""

import numpy as np
import pytest
import torch

from neutral.compression.packing import _pack_there, pack, unpack

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("widths", [[3, 3, 3], [1], [13, 13, 14], [7, 8], [14] * 9, [1] * 9, [5] * 48, [16, 1, 16]])
def test_packed_codes_of_any_width_come_back(widths):
    widths = np.array(widths)
    codes = torch.from_numpy(np.random.default_rng(0).integers(0, 1 << widths, (50, len(widths)))).int()
    packed = pack(codes, widths)
    assert packed.shape == (50, -(-widths.sum() // 8))
    assert torch.equal(_pack_there(codes, widths), packed)  # as on a GPU
    assert torch.equal(unpack(packed, widths), codes)


def test_the_first_code_is_in_the_highest_bits():
    assert pack(torch.tensor([[15, 0, 11]]), np.full(3, 4)).tolist() == [[0xF0, 0xB0]]
