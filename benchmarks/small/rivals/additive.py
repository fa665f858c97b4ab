"""Additive quantization with fitted codebooks: AQLM's idea (Egiazarian and others 2024, arXiv 2401.06118).

A group of g numbers of a row is the sum of M codewords, one of each of M codebooks of 2^b, which all groups share; a
row has a scale. What is made least is eᵀHe of the row's whole error e, by turns: codes by beam search, group after
group, each told what the others' errors add to it; codebooks by gradient steps (Adam) on drawn rows; scales exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2

import torch
from torch.nn import functional as F

from benchmarks.small.rivals.kmeans import kmeans, nearest
from benchmarks.small.rivals.problem import Fitted, Problem, unreachable

_SAMPLE = 16384  # rows that codebooks are fitted to
_POINTS = 256  # groups an entry that the first codebooks see
_GAIN = 0.03  # bits a number that groups of twice the bits are worth, as longer vectors pack better
_PAIRS = 2**25  # at most so many distances at a time


@dataclass(frozen=True)
class Layout:
    """M `books` of 2^`bits` entries for groups of `size` numbers."""

    width: int
    size: int
    books: int
    bits: int

    @property
    def groups(self) -> int:
        """Groups of a row; the last may reach beyond it."""
        return ceil(self.width / self.size)

    def bytes(self, vocabulary: int) -> int:
        """All that is stored: packed codes, a float16 scale a row, float16 codebooks and mean row."""
        row = ceil(self.groups * self.books * self.bits / 8) + 2
        return vocabulary * row + 2 * self.books * 2**self.bits * self.size + 2 * self.width


def choose(vocabulary: int, width: int, room: int) -> Layout:
    """Return the layout that spends most of `room` bytes on codes; of those that spend nearly as much, large groups."""
    layouts = [
        Layout(width, size, books, bits)
        for size in range(1, min(width, 48) + 1)
        for books in range(1, 9)
        for bits in (7, 8)
    ]
    fitting = [layout for layout in layouts if layout.bytes(vocabulary) <= room]
    if not fitting:
        raise unreachable("AQLM", 4 * vocabulary * width, min(layout.bytes(vocabulary) for layout in layouts))

    def value(layout: Layout) -> float:
        of_group = layout.books * layout.bits
        return of_group * layout.groups / width + _GAIN * log2(min(of_group, 32))

    return max(fitting, key=value)


def fit(
    problem: Problem, *, layout: Layout | None = None, rounds: int = 3, sweeps: int = 2, steps: int = 60, beam: int = 4
) -> Fitted:
    """Fit codebooks to drawn rows, then code all rows."""
    vocabulary, width = problem.matrix.shape
    layout = layout or choose(vocabulary, width, problem.bytes)
    beyond = layout.groups * layout.size - width
    metric = F.pad(problem.guarded, (0, beyond, 0, beyond))
    metric.diagonal()[width:] = 1.0
    blocks = Blocks(metric, layout)
    lengths = _lengths(problem)
    ids = problem.rows(min(_SAMPLE, 4 * vocabulary), problem.weights * lengths.square()).unique()
    rows = F.pad(_unit(problem, ids, lengths), (0, beyond))
    books = _first(problem, rows, blocks)
    codes = blocks.encode(rows, books, None, beam)
    for turn in range(rounds):
        books = _learn(problem, rows, codes, books, metric, steps, 0.03 * 0.5**turn)
        codes = blocks.encode(rows, books, codes, beam)
    books = _learn(problem, rows, codes, books, metric, steps, 0.001).half()
    packed, scales = [], []
    step = max(1, _PAIRS // (beam * 2**layout.bits))
    for span in torch.arange(vocabulary, device=problem.device).split(step):
        rows, of_span = F.pad(_unit(problem, span, lengths), (0, beyond)), None
        for _ in range(sweeps):
            of_span = blocks.encode(rows, books.float(), of_span, beam)
        rebuilt = read(of_span, books.float()).flatten(1)
        mapped = rebuilt @ metric
        best = (rows * mapped).sum(dim=1) / (rebuilt * mapped).sum(dim=1).clamp(min=1e-9)
        packed.append(of_span.flatten(1).to(torch.uint8))
        scales.append((lengths[span] * best).half())

    def decode(stored: list[torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        parts = []
        for span in torch.arange(vocabulary, device=problem.device).split(8192):
            of_span = stored[0][span].long().reshape(len(span), layout.groups, layout.books)
            rows = read(of_span, tensors["books"].float()).flatten(1)[:, :width]
            parts.append(rows * tensors["scales"][span].float().unsqueeze(1))
        return torch.cat(parts) + tensors["offset"].float()

    tensors = {"books": books, "scales": torch.cat(scales), "offset": problem.offset}
    words = f"{layout.books} codebooks of {2**layout.bits}, groups of {layout.size}"
    return Fitted([(torch.cat(packed), layout.bits)], tensors, decode, words)


def read(codes: torch.Tensor, books: torch.Tensor) -> torch.Tensor:
    """Return the groups (n, groups, size) of codes (n, groups, M) from books (M, 2^b, size)."""
    return sum(books[m][codes[..., m]] for m in range(len(books)))


class Blocks:
    """The metric cut by groups: how each one's own error counts, and what it adds to others'."""

    def __init__(self, metric: torch.Tensor, layout: Layout) -> None:
        self.metric, self.layout = metric, layout
        cuts = metric.reshape(layout.groups, layout.size, layout.groups, layout.size)
        places = torch.arange(layout.groups, device=metric.device)
        self.own = cuts[places, :, places]  # (groups, size, size)
        self.inverse = torch.linalg.inv(self.own.double()).float()
        self.roots = torch.linalg.cholesky(self.own.double()).float()  # own = L Lᵀ

    def encode(self, rows: torch.Tensor, books: torch.Tensor, codes: torch.Tensor | None, beam: int) -> torch.Tensor:
        """Return codes (n, groups, M) of rows (n, groups · size), group by group; `codes`: those so far, else none.

        With e of all other groups fixed, a group's best is the one nearest to its target x + H⁻¹(what they add), in
        its own block of H. Of groups without codes so far the error counts as none.
        """
        size, out = self.layout.size, []
        fresh = codes is None
        errors = torch.zeros_like(rows) if fresh else rows - read(codes, books).flatten(1)
        for j in range(self.layout.groups):
            place = slice(j * size, (j + 1) * size)
            added = errors @ self.metric[:, place]
            if not fresh:
                added -= errors[:, place] @ self.own[j]
            target = (rows[:, place] + added @ self.inverse[j]) @ self.roots[j]
            out.append(search(target, books @ self.roots[j], beam))
            errors[:, place] = rows[:, place] - read(out[-1], books)
        return torch.stack(out, dim=1)


def search(target: torch.Tensor, books: torch.Tensor, beam: int) -> torch.Tensor:
    """Return codes (n, M) whose entries of books (M, k, g) sum nearly to target (n, g), by beam search."""
    parts = []
    step = max(1, _PAIRS // (beam * books.shape[1]))
    for left in target.split(step):
        left, codes = left.unsqueeze(1), torch.zeros(len(left), 1, 0, dtype=torch.long, device=left.device)
        for book in books:
            costs = left.square().sum(dim=-1, keepdim=True) - 2 * left @ book.T + book.square().sum(dim=-1)
            most = min(beam, costs.shape[1] * costs.shape[2])
            best = costs.flatten(1).topk(most, dim=1, largest=False).indices
            parent, entry = best // len(book), best % len(book)
            codes = codes.gather(1, parent.unsqueeze(-1).expand(-1, -1, codes.shape[-1]))
            codes = torch.cat([codes, entry.unsqueeze(-1)], dim=-1)
            left = left.gather(1, parent.unsqueeze(-1).expand(-1, -1, left.shape[-1])) - book[entry]
        parts.append(codes[:, 0])  # the nearest of the last turn comes first
    return torch.cat(parts)


def _lengths(problem: Problem) -> torch.Tensor:
    """Return each row's length in the metric (V,)."""
    parts = []
    for block in problem.matrix.split(16384):
        rows = block - problem.offset.float()
        parts.append(((rows @ problem.guarded) * rows).mean(dim=1).clamp(min=1e-12).sqrt())
    return torch.cat(parts)


def _unit(problem: Problem, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return (problem.matrix[ids] - problem.offset.float()) / lengths[ids].unsqueeze(1)


def _first(problem: Problem, rows: torch.Tensor, blocks: Blocks) -> torch.Tensor:
    """Return codebooks (M, 2^b, size) by residual k-means of groups, in the groups' mean metric."""
    layout = blocks.layout
    root = torch.linalg.cholesky(blocks.own.mean(dim=0).double()).float()
    groups = rows.reshape(-1, layout.size)
    count = min(len(groups), _POINTS * 2**layout.bits)
    left = groups[torch.randint(len(groups), (count,), generator=problem.draw, device=rows.device)] @ root
    books = []
    for _ in range(layout.books):
        book = kmeans(left.unsqueeze(0), 2**layout.bits, problem.draw)
        left = left - book[0][nearest(left.unsqueeze(0), book)[0]]
        books.append(book[0])
    return torch.stack(books) @ torch.linalg.inv(root)


def _learn(
    problem: Problem,
    rows: torch.Tensor,
    codes: torch.Tensor,
    books: torch.Tensor,
    metric: torch.Tensor,
    steps: int,
    rate: float,
    batch: int = 4096,
) -> torch.Tensor:
    """Return codebooks that cost less, at the codes given: `rate` is in parts of the entries' size."""
    books = books.clone().requires_grad_(True)
    adam = torch.optim.Adam([books], lr=rate * float(books.detach().square().mean().sqrt()), betas=(0.9, 0.95))
    with torch.enable_grad():
        for _ in range(steps):
            ids = torch.randint(len(rows), (min(batch, len(rows)),), generator=problem.draw, device=rows.device)
            error = rows[ids] - read(codes[ids], books).flatten(1)
            loss = ((error @ metric) * error).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    return books.detach()
