"""The loops of Bałazy et al. (2021), written from their description with torch alone, against the library."""

import pytest
import torch
from torch import nn

from neutral import compression

pytestmark = pytest.mark.numeric

ROWS, WIDTH, RANK = 100, 16, 4
RATIO = ROWS * WIDTH / (RANK * (ROWS + WIDTH) + WIDTH)  # room for the decoder's bias


def matrix():
    draw = torch.Generator().manual_seed(0)
    return torch.randn(ROWS, WIDTH, generator=draw) * torch.arange(1, WIDTH + 1) ** -0.5 + 0.1


def plain_losses(rebuilt, rows, alpha):
    """A fifth of the mean cosine distance, and the mean of |error|^α: coefficients 0.9975 and 0.0025."""
    cosine = 1 - nn.CosineSimilarity(dim=1, eps=1e-6)(rebuilt, rows)
    return 0.9975 / 5 * cosine.mean() + 0.0025 * ((rebuilt - rows).abs() + 1e-10).pow(alpha).mean()


@pytest.mark.parametrize("variant", ["linear", "elu"])
def test_epochs_of_the_autoencoder_end_alike(variant):
    """Started from the SVD's factors, which draw nothing; six epochs, so that the rate is halved once."""
    table, epochs = matrix(), 6
    right = compression.fit(table, "svd", RATIO).tensors["decoder"]  # (k, d); ELU minds the vectors' signs
    encoder, decoder = nn.Linear(WIDTH, RANK), nn.Linear(RANK, WIDTH)
    activated = nn.ELU() if variant == "elu" else nn.Identity()
    with torch.no_grad():
        encoder.weight.copy_(right)
        decoder.weight.copy_(right.T)
        encoder.bias.zero_()
        decoder.bias.zero_()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.001)
    halving = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)
    order = torch.Generator().manual_seed(1)  # the library's order of rows under seed 0
    for epoch in range(epochs):
        alpha = 1.0 - (1.0 - 0.1) * epoch / 20
        for ids in torch.randperm(ROWS, generator=order).split(32):
            optimizer.zero_grad()
            plain_losses(activated(decoder(activated(encoder(table[ids])))), table[ids], alpha).backward()
            optimizer.step()
        halving.step()
    with torch.no_grad():
        latents = activated(encoder(table))
        rebuilt = activated(decoder(latents))
    found = compression.fit(table, "autoencoder", RATIO, seed=0, variant=variant, start="svd", epochs=epochs)
    assert found.rank == RANK
    assert torch.allclose(found.matrix(), rebuilt, atol=1e-4)
    assert not torch.allclose(found.matrix(), table @ right.T @ right, atol=1e-2), "it moved"
