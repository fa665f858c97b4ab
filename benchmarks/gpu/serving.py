"""How fast a model runs on a GPU with its token table compressed: beside the dense one in float32 and bfloat16.

    python -m benchmarks.serving --device cuda --model drawn|FOLDER [--out FILE] [--seconds 90] [--methods …]

Rows, each written as it is measured (timing.write), a kind of number at a time, so that little is lost at the limit:

    layer       the output layer alone: seconds a call from Python, and on the GPU alone, by a graph that is played back
                after 256 MB were written, which leaves nothing of the table in the cache; the limit by bytes read
    serving     tokens a second, generated and scored, with the table in input and output
    memory      the most that torch held

Kernels are compiled first, by processes beside each other, since that takes longer than all that is measured; `compile`
says how long. On a processor everything runs once, to see that it does.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional as F

from benchmarks.gpu import drawn
from benchmarks.gpu.timing import wait, write
from benchmarks.serving import DENSE, embedding_size, generate, score
from neutral import compression
from neutral.compression.kernels.cuda import products as cuda
from neutral.compression.placement import embedding, put_in
from neutral.compression.table import Table

METHODS = "mixed,transform,int8,int4,svd,pq"
BATCHES = (1, 16, 256)
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
TASKS = {
    "generate 1": (generate, 1, 16),
    "generate 16": (generate, 16, 16),
    "score 1 × 128": (score, 1, 128),
    "score 16 × 16": (score, 16, 16),
}
_MIB = 2**20
_FLUSHED = 256 * _MIB  # bytes: several times a GPU's cache


def main(chosen: argparse.Namespace) -> None:
    """Measure what can be measured in the seconds given."""
    began, place = time.monotonic(), torch.device(chosen.device)
    methods, out = (chosen.methods or METHODS).split(","), Path(chosen.out or "/dev/null")
    if chosen.compile:
        compile_for(place, chosen)
        return
    if place.type == "cuda":
        name, count = torch.cuda.get_device_name(place), torch.cuda.get_device_properties(place).multi_processor_count
        write(out, step="card", name=name, processors=count, torch=torch.__version__)
        compile_all(methods, chosen, out)
    matrix = None if chosen.model == "drawn" else embedding(loaded(chosen.model, torch.float32, place)).weight.detach()
    shape = (chosen.rows, drawn.SHAPE[1]) if matrix is None else tuple(matrix.shape)
    tables = {method: made(method, chosen, matrix, place) for method in methods}
    reading = bandwidth(place)
    write(out, step="bandwidth", bytes_a_second=round(reading), place=place.type)
    rows = Rows(out, began + chosen.seconds)
    try:
        layers(rows, tables, shape, reading, place)
        serving(rows, tables, chosen, place)
        memory(rows, tables, chosen, place)
    except TimeoutError:
        write(out, step="stopped", seconds=chosen.seconds)
    write(out, step="end", seconds=round(time.monotonic() - began, 1))


class Rows:
    """A file of results until a time; the first row after it raises `TimeoutError`, once it is written."""

    def __init__(self, file: Path, ends: float) -> None:
        self.file, self.ends = file, ends

    def write(self, **row: object) -> None:
        """Add a row."""
        write(self.file, **row)
        if time.monotonic() > self.ends:
            raise TimeoutError


def loaded(folder: str, kind: torch.dtype, place: torch.device):
    """Return a model on a device."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=kind).to(place).eval()


def made(method: str, chosen: argparse.Namespace, matrix: torch.Tensor | None, place: torch.device) -> Table:
    """Return a table fitted to a matrix, or a drawn one."""
    if matrix is None:
        return drawn.table(method, chosen.rows, chosen.ratio, place)
    ratio = {"int8": 3.9, "int4": 7.0}.get(method, chosen.ratio)
    return compression.fit(matrix, method, ratio, by="bytes").to(place)


def compile_all(methods: list[str], chosen: argparse.Namespace, out: Path) -> None:
    """Have a process a method compile its kernels; they stay in Triton's folder for later processes."""
    began = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.serving", *("--device", chosen.device, "--model", chosen.model)]
    command += ["--rows", str(chosen.rows), "--ratio", str(chosen.ratio), "--compile"]
    running = {method: subprocess.Popen([*command, "--methods", method]) for method in methods}
    failed = [method for method, process in running.items() if process.wait()]
    write(out, step="compile", seconds=round(time.monotonic() - began, 1), processes=len(methods), failed=failed)


def compile_for(place: torch.device, chosen: argparse.Namespace) -> None:
    """Call everything that is measured once."""
    matrix = None if chosen.model == "drawn" else embedding(loaded(chosen.model, torch.float32, place)).weight.detach()
    table = made(chosen.methods, chosen, matrix, place)
    table.rows([0, 1])
    for kind in KINDS.values():
        for count in BATCHES:
            table.logits(table.tensors, torch.randn(count, table.shape[1], device=place, dtype=kind))
    wait(place)


def bandwidth(place: torch.device) -> float:
    """Return the bytes a second that a sum over 2 GB reads at best, in ten tries."""
    numbers = torch.ones(500_000_000 if place.type == "cuda" else 5_000_000, device=place)
    return numbers.nbytes / min(on_gpu(numbers.sum, place) for _ in range(10))


def on_gpu(call: Callable[[], object], place: torch.device) -> float:
    """Return the seconds of a call: those between events on a GPU."""
    wait(place)
    if place.type != "cuda":
        began = time.perf_counter()
        call()
        return time.perf_counter() - began
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    wait(place)
    return start.elapsed_time(end) / 1000


def layers(out: Rows, tables: dict[str, Table], shape: tuple[int, int], reading: float, place: torch.device) -> None:
    """Time the output layer alone."""
    for kind in KINDS.values():
        dense = torch.randn(shape, device=place, dtype=kind)
        for count in BATCHES:
            hidden = torch.randn(count, shape[1], device=place, dtype=kind)
            calls = {DENSE: lambda h=hidden, m=dense: F.linear(h, m)}
            calls |= {name: lambda h=hidden, t=table: t.logits(t.tensors, h) for name, table in tables.items()}
            base = None
            for name, call in calls.items():
                held = dense.nbytes if name == DENSE else tables[name].bytes
                row = {"step": "layer", "table": name, "kind": str(kind)[6:], "vectors": count, "bytes": held}
                row["limit"] = round((held + count * shape[0] * dense.itemsize) / reading, 7)
                if name != DENSE:
                    row["error"] = error(tables[name], hidden)
                    row["fast"] = fast(tables[name], hidden) and not (name == "pq" and count > cuda.FEW)
                row["called"], row["on_gpu"] = (round(s, 7) for s in both(call, place, graph=row.get("fast", True)))
                base = base or (row["called"], row["on_gpu"])
                row["times_as_fast"] = [
                    round(b / s, 2) for b, s in zip(base, (row["called"], row["on_gpu"]), strict=True)
                ]
                out.write(**row)
        del dense


def fast(table: Table, hidden: torch.Tensor) -> bool:
    """Whether kernels do it."""
    return table._on_gpu(table.tensors, hidden) is not None


def both(call: Callable[[], object], place: torch.device, *, graph: bool = True) -> tuple[float, float]:
    """Return the median seconds of a call from Python, thirty in a row, and on the GPU alone.

    `graph` says whether it can be played back; the plain code waits for the GPU now and then, and can't.
    """
    if place.type != "cuda":
        return on_gpu(call, place), on_gpu(call, place)
    for _ in range(3):
        call()

    def many() -> None:
        for _ in range(30):
            call()

    called = median(on_gpu(many, place) / 30 for _ in range(3))
    replay = call
    if graph:
        played = torch.cuda.CUDAGraph()
        with torch.cuda.graph(played):
            call()
        replay = played.replay
    space, seconds = torch.empty(_FLUSHED, dtype=torch.uint8, device=place), []
    for _ in range(15):
        space.fill_(1)
        seconds.append(on_gpu(replay, place))
    return called, median(seconds)


def error(table: Table, hidden: torch.Tensor) -> float:
    """Return how far logits lie from those of the plain code in float32, over the largest of these."""
    known, some = cuda.fits, hidden[:3]
    found = table.logits(table.tensors, hidden)[:3].float()
    try:
        cuda.fits = lambda _hidden: False
        plain = table.logits(table.tensors, some.float())
    finally:
        cuda.fits = known
    return float(f"{float((found - plain).abs().max() / plain.abs().max()):.1e}")


def model_of(chosen: argparse.Namespace, kind: torch.dtype, place: torch.device):
    """Return the model."""
    if chosen.model == "drawn":
        return drawn.gemma(chosen.rows, kind, place, 18 if place.type == "cuda" else 1)
    return loaded(chosen.model, kind, place)


@contextmanager
def placed(model, table: Table | None) -> Iterator[None]:
    """Have a table in place, or none."""
    with put_in(model, table, "both", train=False) if table else nullcontext():
        yield


def serving(out: Rows, tables: dict[str, Table], chosen: argparse.Namespace, place: torch.device) -> None:
    """Time generation and scoring, the best of `chosen.rounds`, after one that is not counted."""
    for kind in KINDS.values():
        model = model_of(chosen, kind, place)
        model.generation_config.eos_token_id = None
        for task, (run, batch, tokens) in TASKS.items():
            base = None
            for name, table in {DENSE: None, **tables}.items():
                with placed(model, table):
                    seconds = []
                    for _ in range(1 + chosen.rounds):
                        wait(place)
                        began = time.perf_counter()
                        run(model, batch, tokens)
                        wait(place)
                        seconds.append(time.perf_counter() - began)
                least = min(seconds[1:])
                base = base or least
                row = {
                    "step": "serving",
                    "task": task,
                    "table": name,
                    "kind": str(kind)[6:],
                    "seconds": round(least, 5),
                }
                out.write(**row, tokens_a_second=round(batch * tokens / least, 1), times_as_fast=round(base / least, 3))
        del model
        gc.collect()


def memory(out: Rows, tables: dict[str, Table], chosen: argparse.Namespace, place: torch.device) -> None:
    """Tell the most that torch holds while a model with one table generates and scores, in MiB."""
    if place.type != "cuda":
        return
    kept = {name: table.to("cpu") for name, table in tables.items()}
    tables.clear()
    for kind in KINDS.values():
        for name, table in {DENSE: None, **kept}.items():
            gc.collect()
            torch.cuda.empty_cache()
            before = torch.cuda.memory_allocated(place)
            model = model_of(chosen, kind, place)
            if table:
                put_in(model, table, "both", train=False)
            gc.collect()
            held = torch.cuda.memory_allocated(place) - before
            torch.cuda.reset_peak_memory_stats(place)
            generate(model, 1, 4)
            score(model, 1, 32)
            most = torch.cuda.max_memory_allocated(place) - before
            size = round(table.bytes / _MIB, 1) if table else None
            row = {"step": "memory", "table": name, "kind": str(kind)[6:], "its_mib": size}
            out.write(
                **row, held_mib=round(held / _MIB, 1), most_mib=round(most / _MIB, 1), tokens=embedding_size(model)
            )
            del model
