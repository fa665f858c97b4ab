"""A `transform` table after its continuous parts have listened to the full model on a little text.

Codes and bits stay. The directions, the rows' lengths and the mean row are trained so that the model with the table
predicts what the full model predicts (KL divergence at the scored tokens), and then rounded to what is stored: int8
and a scale, float16. So the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.small.subject import Case
from neutral.compression.codec import Codec
from neutral.compression.methods.transform import Transformed
from neutral.compression.placement import put_in
from neutral.tasks import stacked

BLOCKS = 8  # a step
RATE = 3e-3  # of a part's root mean square, a step
_SEED = 7


class Listening(Codec):
    """The parts of a `Transformed` table as numbers that a gradient can change: x̂ = µ + g · ŷ B."""

    method = "listening"
    parts = ("coded", "basis", "lengths", "offset")
    trainable = ("basis", "lengths", "offset")

    def decode(self, tensors: Mapping[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
        """See `Codec.decode`."""
        rows = tensors["coded"][ids] @ tensors["basis"]
        return rows * tensors["lengths"][ids].unsqueeze(-1) + tensors["offset"]

    def logits(self, tensors: Mapping[str, torch.Tensor], hidden: torch.Tensor) -> torch.Tensor:
        """See `Codec.logits`; all rows at once."""
        scaled = (hidden @ tensors["basis"].T) @ tensors["coded"].T * tensors["lengths"]
        return scaled + (hidden @ tensors["offset"]).unsqueeze(-1)


def train(case: Case, table: Transformed, *, steps: int, blocks: int = BLOCKS, rate: float = RATE) -> Transformed:
    """Return the table of `steps` steps later, of the same bytes. The case's model is left as it was."""
    device = case.matrix.device
    table = table.to(device)
    units = {"lengths": torch.ones_like(table.tensors["lengths"]), "offset": torch.zeros_like(table.tensors["offset"])}
    identity = torch.ones(table.shape[1], dtype=torch.float32, device=device)
    plain = {"directions": torch.eye(table.shape[1], device=device).to(torch.int8), "scales": identity}
    coded = Transformed(table.shape, table.tensors | units | plain).matrix()
    start = {"basis": table.tensors["directions"].float() * table.tensors["scales"].float().unsqueeze(1)} | {
        name: table.tensors[name].float() for name in units
    }
    student = deepcopy(case.model)
    put_in(student, Listening(table.shape, {"coded": coded, **start}))
    parts = {name.split(".")[-1]: part for name, part in student.named_parameters() if part.requires_grad}
    groups = [{"params": [p], "lr": rate * float(p.detach().square().mean().sqrt())} for p in parts.values()]
    adam = torch.optim.Adam(groups, betas=(0.9, 0.98))
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    rows = np.concatenate(list(case.blocks.values()))
    draw = np.random.default_rng((_SEED, case.seed))
    for step in range(steps):
        chosen = rows[draw.choice(len(rows), blocks)]
        batch = stacked(case.task.example(row, (_SEED, case.seed, step, i)) for i, row in enumerate(chosen))
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.no_grad():
            wanted = case.task.predictions(case.model, batch)[0].float().log_softmax(dim=-1)
        with torch.enable_grad():
            given = case.task.predictions(student, batch)[0].float().log_softmax(dim=-1)
            loss = F.kl_div(given, wanted, log_target=True, reduction="batchmean")
            adam.zero_grad()
            loss.backward()
        adam.step()
        decay.step()
    basis = parts["basis"].detach()
    scales = basis.abs().amax(dim=1) / 127
    learnt = {
        "directions": (basis / scales.unsqueeze(1)).round().to(torch.int8),
        "scales": scales,
        "lengths": parts["lengths"].detach().half(),
        "offset": parts["offset"].detach().half(),
    }
    return Transformed(table.shape, table.tensors | learnt)
