"""k-means of many small sets at a time."""

from __future__ import annotations

import torch

_ROUNDS = 12


def kmeans(points: torch.Tensor, entries: int, draw: torch.Generator, rounds: int = _ROUNDS) -> torch.Tensor:
    """Return the centroids (sets, entries, h) of each set of `points` (sets, n, h).

    They start at points drawn; one that loses all its points starts again at one.
    """
    sets, count, width = points.shape
    chosen = torch.randint(count, (sets, entries), generator=draw, device=points.device)
    books = points.gather(1, chosen.unsqueeze(-1).expand(-1, -1, width)).clone()
    for _ in range(rounds):
        codes = nearest(points, books)
        sums = torch.zeros_like(books).scatter_add_(1, codes.unsqueeze(-1).expand(-1, -1, width), points)
        counts = torch.zeros(sets, entries, device=points.device).scatter_add_(
            1, codes, torch.ones_like(points[..., 0])
        )
        again = torch.randint(count, (sets, entries), generator=draw, device=points.device)
        fresh = points.gather(1, again.unsqueeze(-1).expand(-1, -1, width))
        books = torch.where((counts > 0).unsqueeze(-1), sums / counts.clamp(min=1).unsqueeze(-1), fresh)
    return books


def nearest(points: torch.Tensor, books: torch.Tensor, most: int = 2**26) -> torch.Tensor:
    """Return the places (sets, n) of the entries of `books` (sets, k, h) that are nearest to `points` (sets, n, h)."""
    step = max(1, most // (books.shape[0] * books.shape[1]))
    squares = books.square().sum(dim=-1).unsqueeze(1)
    parts = [
        torch.baddbmm(squares, part, books.transpose(1, 2), alpha=-2).argmin(dim=-1) for part in points.split(step, 1)
    ]
    return torch.cat(parts, dim=1)
