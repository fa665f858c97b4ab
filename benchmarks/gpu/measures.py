"""Time what runs on a GPU beside torch's own way on the same GPU, and beside the processor.

    python -m benchmarks.gpu.measures SUBJECT --out FILE [--tiny]

The first row of a subject is its baseline, the others have a ratio to it. Times are medians, and wait for the device.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.nn.utils import prune

from benchmarks.direction import made_up
from benchmarks.gpu.timing import Comparison
from benchmarks.selection import by_torch
from benchmarks.selection import weights as mbert_weights
from neutral import compression, models, scores
from neutral.cli.options import quiet_libraries
from neutral.recipes import Recipe
from neutral.tasks import LanguageModelling, Order, autocast, stacked
from neutral.training import Masking, train

MODEL = "data/models/mini-mbert"
BATCH, LENGTH = 32, 128
CPU = torch.device("cpu")


def selection(file: Path, gpu: torch.device, tiny: bool) -> None:
    """Drop half of the weights of mBERT's shape, of all together and within rows."""
    magnitudes = {name: tensor.abs() for name, tensor in mbert_weights(1 if tiny else 12).items()}
    copies = {name: tensor.to(gpu) for name, tensor in magnitudes.items()}
    weights = sum(tensor.numel() for tensor in magnitudes.values())
    compared = Comparison(file, "selection, all together", weights=weights)
    compared.add("torch global_unstructured", lambda: by_torch(copies), gpu, times=3, warm=1)

    def kth() -> list[torch.Tensor]:
        joined = torch.cat([tensor.flatten() for tensor in copies.values()])
        threshold = joined.kthvalue(len(joined) // 2).values
        return [tensor > threshold for tensor in copies.values()]

    compared.add("torch kthvalue and compare", kth, gpu, times=5)
    compared.add("scores.cut", lambda: scores.cut(copies, 0.5), gpu, times=5)
    compared.add("scores.cut", lambda: scores.cut(magnitudes, 0.5), CPU, times=3, warm=1)
    compared = Comparison(file, "selection, within rows", weights=weights)

    def top() -> list[torch.Tensor]:
        kept = []
        for tensor in copies.values():
            places = tensor.topk(tensor.shape[1] // 2, dim=1).indices
            kept.append(torch.zeros_like(tensor, dtype=torch.bool).scatter_(1, places, True))
        return kept

    compared.add("torch topk", top, gpu, times=5)
    compared.add("scores.cut", lambda: scores.cut(copies, 0.5, "row"), gpu, times=5)
    compared.add("scores.cut", lambda: scores.cut(magnitudes, 0.5, "row"), CPU, times=2, warm=1)


def wanda(file: Path, gpu: torch.device, tiny: bool) -> None:
    """Score mini-mbert's weights by 64 blocks of text."""
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 10_000, (2 if tiny else 64, LENGTH), generator=draw)
    compared = Comparison(file, "wanda", blocks=len(ids))
    model = models.load_model(MODEL)
    for place, names in ((gpu, ("a hook a layer, in torch", "scores.wanda")), (CPU, ("scores.wanda",))):
        there = deepcopy(model).to(place).eval()
        batches = [{"input_ids": part, "attention_mask": torch.ones_like(part)} for part in ids.to(place).split(16)]
        weights = models.prunable(there)
        calls = {
            "scores.wanda": lambda m=there, w=weights, b=batches: scores.wanda(m, w, b),
            "a hook a layer, in torch": lambda m=there, w=weights, b=batches: hooked(m, w, b),
        }
        for name in names:
            compared.add(name, calls[name], place, times=5, warm=1)


@torch.no_grad()
def hooked(model: torch.nn.Module, weights: dict, batches: list[dict]) -> dict[str, torch.Tensor]:
    """Return Wanda's scores as one would write them at first: every layer sums the squares of its inputs."""
    sums = {}

    def hook(name: str) -> Callable:
        def add(_layer: torch.nn.Module, inputs: tuple, _output: torch.Tensor) -> None:
            sums[name] = sums.get(name, 0) + inputs[0].float().flatten(0, -2).square().sum(0)

        return add

    modules = dict(model.named_modules())
    handles = [modules[name.removesuffix(".weight")].register_forward_hook(hook(name)) for name in weights]
    for batch in batches:
        model.base_model(**batch)
    for handle in handles:
        handle.remove()
    return {name: weight.abs() * sums[name].sqrt() for name, weight in weights.items()}


def step(file: Path, gpu: torch.device, tiny: bool) -> None:
    """Train mini-mbert for a step of 32 × 128 tokens: plainly, masked by torch's pruning or ours, and by Trainer."""
    task = LanguageModelling("mlm", models.load_tokenizer(MODEL), length=LENGTH)
    lines = Path("data/sentences/en.txt").read_text(encoding="utf-8").splitlines()
    blocks, model, batch_size = task.blocks(lines), models.load_model(MODEL), 2 if tiny else BATCH
    compared = Comparison(file, "training step", batch=batch_size, length=LENGTH)
    order = Order(task, {"": blocks}, 10**6, 0)
    times = 2 if tiny else 20
    for place in (gpu, CPU):
        for way in ("torch.nn.utils.prune", "plain", "neutral.training.Masking"):
            if place == CPU and way.startswith("torch"):
                continue
            call = one_step(deepcopy(model).to(place).train(), task, order, batch_size, way)
            compared.add(way, call, place, times=times if place == gpu else 2, warm=1 if place == CPU else 5)
    compared.add("making its examples", lambda: stacked(order[i] for i in range(batch_size)), CPU, times=times)
    trained = deepcopy(model).to(gpu).train()
    weights = models.prunable(trained)
    keep = scores.cut(scores.magnitude(weights), 0.5).to_tensors()
    steps = 2 if tiny else 100
    several = Comparison(file, f"training.train, {steps} steps", batch=batch_size, length=LENGTH)

    def run() -> None:
        with TemporaryDirectory() as folder:
            recipe = Recipe(steps=steps, batch_size=batch_size)
            train(trained, task, order, recipe, folder=folder, weights=weights, keep=keep)

    several.add("Trainer, masked", run, gpu, times=2, warm=1)
    first, held_out = 1 if tiny else 64, blocks[: 1 if tiny else 64]
    scored = Comparison(file, "scoring held-out text", blocks=first)
    scored.add("task.evaluate", lambda: task.evaluate(trained, held_out), gpu, times=3, warm=1)


def one_step(
    model: torch.nn.Module, task: LanguageModelling, order: Order, batch_size: int, way: str
) -> Callable[[], None]:
    """Return a call that trains a model for a step, its batch ready, with half of its weights masked in some way."""
    place = next(model.parameters()).device
    weights = models.prunable(model)
    keep = {name: bits.to(place) for name, bits in scores.cut(scores.magnitude(weights), 0.5).to_tensors().items()}
    if way.startswith("torch"):
        modules = dict(model.named_modules())
        for name, bits in keep.items():
            prune.custom_from_mask(modules[name.removesuffix(".weight")], "weight", bits)
    masking = Masking(weights, keep) if way.startswith("neutral") else None
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    batch = {key: value.to(place) for key, value in stacked(order[i] for i in range(batch_size)).items()}

    def call() -> None:
        with autocast(place):
            loss = task.mean_loss(model, batch)
        loss.backward()
        optimizer.step()
        if masking:
            masking.enforce()
        optimizer.zero_grad()

    return call


def direction(file: Path, gpu: torch.device, tiny: bool) -> None:
    """Fit `direction` to a made-up table of multilingual BERT's shape."""
    matrix = made_up(*((600, 48) if tiny else (119_547, 768)))
    there = matrix.to(gpu)
    compared = Comparison(file, "direction", rows=len(matrix), width=matrix.shape[1], ratio=10)
    compared.add("torch.linalg.svd", lambda: torch.linalg.svd(there, full_matrices=False), gpu, times=1, warm=1)
    compared.add("compression.fit", lambda: compression.fit(there, "direction", 10), gpu, times=3, warm=1)
    compared.add(
        "compression.fit, sums on the GPU",
        lambda: compression.fit(matrix, "direction", 10, device=gpu),
        gpu,
        times=2,
        warm=1,
    )
    compared.add("compression.fit", lambda: compression.fit(matrix, "direction", 10), CPU, times=1, warm=0)


def mixed(file: Path, gpu: torch.device, tiny: bool) -> None:
    """Fit `mixed` to a made-up table of multilingual BERT's shape; score and generate with it."""
    matrix = made_up(*((600, 48) if tiny else (119_547, 768)))
    there = matrix.to(gpu)
    facts = {"rows": len(matrix), "width": matrix.shape[1], "ratio": 8}
    fitting = Comparison(file, "mixed, fit", **facts)
    fitting.add("compression.fit int8", lambda: compression.fit(there, "int8", 3, by="bytes"), gpu, times=3, warm=1)
    fitting.add("compression.fit", lambda: compression.fit(there, "mixed", 8, by="bytes"), gpu, times=2, warm=1)
    fitting.add("compression.fit", lambda: compression.fit(matrix, "mixed", 8, by="bytes"), CPU, times=1, warm=0)
    fitted = compression.fit(there, "mixed", 8, by="bytes")
    fitted_here = fitted.to("cpu")
    for subject, rows in (("mixed, scoring 614 tokens", 614), ("mixed, generating a token", 1)):
        hidden = torch.randn(rows, matrix.shape[1], generator=torch.Generator().manual_seed(1))
        hidden_there, compared = hidden.to(gpu), Comparison(file, subject, **facts)
        compared.add("full table: hidden @ table.T", lambda h=hidden_there: h @ there.T, gpu)
        compared.add("Mixed.logits", lambda h=hidden_there: fitted.logits(fitted.tensors, h), gpu, times=5)
        compared.add("Mixed.logits", lambda h=hidden: fitted_here.logits(fitted_here.tensors, h), CPU, times=2, warm=1)
    ids = torch.from_numpy(np.random.default_rng(2).integers(0, len(matrix), BATCH * LENGTH)).to(gpu)
    compared = Comparison(file, "mixed, reading 4096 rows", **facts)
    compared.add("full table: table[ids]", lambda: there[ids], gpu)
    compared.add("Mixed.decode", lambda: fitted.decode(fitted.tensors, ids), gpu)


SUBJECTS = {"step": step, "selection": selection, "wanda": wanda, "direction": direction, "mixed": mixed}


def main() -> None:
    """Time one subject."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("subject", choices=tuple(SUBJECTS))
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="rows of results are added to it")
    parser.add_argument("--tiny", action="store_true", help="small numbers, to see that it runs")
    options = parser.parse_args()
    quiet_libraries()
    SUBJECTS[options.subject](options.out, models.device(), options.tiny)


if __name__ == "__main__":
    main()
