"""Token tables on a GPU: every method fits there, and computes there what it computes on a processor."""

import pytest
import torch

from neutral import compression
from neutral.compression import METHODS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none here"),
]
OPTIONS = {"autoencoder": {"epochs": 3}}


def matrix() -> torch.Tensor:
    """Rows (900, 64) with a mean in common and a spectrum that falls; one is zero."""
    draw = torch.Generator().manual_seed(3)
    rows = torch.randn(900, 64, generator=draw) * torch.linspace(2, 0.1, 64) + torch.randn(64, generator=draw)
    rows[7] = 0
    return rows


def fitted(rows: torch.Tensor, method: str) -> compression.Table:
    ratio = {"int8": 3.7, "int4": 6.4}.get(method, 8)
    weights = torch.linspace(2, 0.1, len(rows), device=rows.device)
    return compression.fit(rows, method, ratio, by="bytes", weights=weights, **OPTIONS.get(method, {}))


@pytest.mark.parametrize("method", METHODS)
def test_a_table_fitted_on_a_gpu_is_as_near_as_one_fitted_here(method):
    rows = matrix()
    there, here = fitted(rows.cuda(), method), fitted(rows, method)
    assert there.matrix().is_cuda
    assert there.bytes == here.bytes

    def error(table: compression.Table) -> float:
        return float((table.matrix().cpu() - rows).square().mean())

    assert error(there) == pytest.approx(error(here), rel=0.1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("vectors", [1, 5, 40])
def test_a_table_on_a_gpu_gives_the_rows_and_logits_that_it_gives_here(method, vectors):
    here = fitted(matrix(), method)
    there = here.to("cuda")
    ids = torch.tensor([[5, 899], [7, 5]])
    assert torch.allclose(there.rows(ids).cpu(), here.rows(ids), atol=1e-4)
    hidden = torch.randn(vectors, 64, generator=torch.Generator().manual_seed(4))
    plain = hidden.double() @ here.matrix().double().T
    found = there.logits(there.tensors, hidden.cuda()).cpu()
    assert (found - plain).abs().max() < 1e-3 * plain.abs().max()
