"""Residual vector quantization and a small trained corrector: CARVQ's idea (Gou and others 2025, arXiv 2510.12721).

Every group of columns has codebooks of 16 entries of its own, the next one for what the last left over. Beside them a
"corrective adaptor" maps a token to a few numbers of its own and those, by a small network, to a row that is added; it
is trained on the table alone. The network has one hidden layer, and the loss is the metric's; both are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import torch
from torch.nn import functional as F

from benchmarks.small.rivals.kmeans import kmeans, nearest
from benchmarks.small.rivals.problem import Fitted, Problem, unreachable

_BITS = 4
_POINTS = 8192  # rows that k-means sees
_SHARE = 0.03  # of the bytes, for the network
_OWN = (2, 4, 8, 16, 32)  # numbers of its own that a token may have


def layouts(vocabulary: int, width: int, room: int) -> list[tuple[int, int, int, int]]:
    """Return (numbers a code, codebooks a group, numbers of a token's own, hidden) that fit, one for each of `_OWN`.

    Of those with as many of its own, the one that leaves the most bits to codes.
    """
    hidden = 16
    while 2 * hidden < 1024 and 2 * 2 * hidden * (_OWN[-1] + width + 1) <= _SHARE * room:
        hidden *= 2
    found, least = [], float("inf")
    for own in _OWN:
        best = None
        for sub in (4, 6, 8, 12, 16):
            for depth in range(1, 9):
                cells = ceil(width / sub)
                books = 2 * depth * 2**_BITS * cells * sub
                network = 2 * (own * hidden + hidden + hidden * width + width)
                size = vocabulary * (ceil(cells * depth * _BITS / 8) + 2 * own) + books + network + 2 * width
                least = min(least, size)
                bits = cells * depth * _BITS / width
                if size <= room and (best is None or bits > best[0]):
                    best = bits, (sub, depth, own, hidden)
        if best:
            found.append(best[1])
    if not found:
        raise unreachable("CARVQ", 4 * vocabulary * width, least)
    return found


def fit(problem: Problem, *, steps: int = 600) -> Fitted:
    """Try every layout with few steps, and train the one whose rows cost least by the metric."""
    tried = []
    for layout in layouts(*problem.matrix.shape, problem.bytes):
        tried.append((problem.cost(_fit(problem, *layout, steps // 10).matrix()), layout))
    return _fit(problem, *min(tried)[1], steps)


def _fit(problem: Problem, sub: int, depth: int, own: int, hidden: int, steps: int) -> Fitted:
    vocabulary, width = problem.matrix.shape
    sample = problem.rows(min(_POINTS, 4 * vocabulary), problem.weights)
    books, codes, left = [], [], []
    for first in range(0, width, 8 * sub):  # eight groups of columns at a time
        place = slice(first, min(first + 8 * sub, width))
        columns = problem.matrix[:, place] - problem.offset[place].float()
        points = F.pad(columns, (0, -columns.shape[1] % sub)).reshape(vocabulary, -1, sub).transpose(0, 1).contiguous()
        of_place = []
        for _ in range(depth):
            book = kmeans(points[:, sample], 2**_BITS, problem.draw).half()
            of_place.append(nearest(points, book.float()))
            points = points - book.float().gather(1, of_place[-1].unsqueeze(-1).expand(-1, -1, sub))
            books.append(book)
        codes.append(torch.stack(of_place, dim=1).permute(2, 0, 1).to(torch.uint8))  # (V, groups, depth)
        left.append(points.transpose(0, 1).flatten(1)[:, : columns.shape[1]])
    turns = [torch.stack(books[i : i + depth], dim=1) for i in range(0, len(books), depth)]
    tensors = {
        "books": torch.cat(turns),
        "offset": problem.offset,
        **_train(problem, torch.cat(left, 1), own, hidden, steps),
    }

    def decode(stored: list[torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        cells, parts = torch.arange(len(tensors["books"]), device=problem.device), []
        for span in torch.arange(vocabulary, device=problem.device).split(8192):
            of_span = stored[0][span].long().reshape(len(span), len(cells), depth)
            rows = sum(tensors["books"][cells, d, of_span[..., d]].float() for d in range(depth)).flatten(1)[:, :width]
            parts.append(rows + _correction(tensors, span))
        return torch.cat(parts) + tensors["offset"].float()

    words = f"{depth} codebooks of 16 for {sub} numbers, {own} numbers of a token's own, {hidden} hidden"
    return Fitted([(torch.cat(codes, 1).flatten(1), _BITS)], tensors, decode, words)


def _correction(tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    """Return what is added to the rows `ids`, (n, d)."""
    inside = F.gelu(tensors["own"][ids].float() @ tensors["in"].float() + tensors["in bias"].float())
    return inside @ tensors["out"].float() + tensors["out bias"].float()


def _train(problem: Problem, left: torch.Tensor, own: int, hidden: int, steps: int) -> dict[str, torch.Tensor]:
    """Return the adaptor, float16, trained on what codes left over (V, d); it starts at the few directions of most."""
    rows = problem.rows(min(len(left), 16384), problem.weights)
    spread = float(left[rows].square().mean().sqrt())
    axes = torch.linalg.eigh((left[rows].T @ left[rows]).double())[1][:, -own:].float()
    device, width, draw = left.device, left.shape[1], problem.draw
    own_numbers = left @ axes
    shapes = {
        "own": own_numbers / own_numbers.std(dim=0).clamp(min=1e-9),
        "in": torch.randn(own, hidden, generator=draw, device=device) / own**0.5,
        "in bias": torch.zeros(hidden, device=device),
        "out": torch.randn(hidden, width, generator=draw, device=device) * spread * 0.1 / hidden**0.5,
        "out bias": torch.zeros(width, device=device),
    }
    tensors = {name: tensor.clone().requires_grad_(True) for name, tensor in shapes.items()}
    outer = [tensors["out"], tensors["out bias"]]
    groups = [
        {"params": [tensors[name] for name in ("own", "in", "in bias")], "lr": 0.01},
        {"params": outer, "lr": 0.02 * spread},
    ]
    adam = torch.optim.Adam(groups)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    order = problem.rows(4 * len(left), problem.weights)
    with torch.enable_grad():
        for _ in range(steps):
            ids = order[torch.randint(len(order), (2048,), generator=draw, device=device)]
            error = left[ids] - _correction(tensors, ids)
            loss = ((error @ problem.guarded) * error).mean() / spread**2
            adam.zero_grad()
            loss.backward()
            adam.step()
            decay.step()
    return {name: tensor.detach().half() for name, tensor in tensors.items()}
