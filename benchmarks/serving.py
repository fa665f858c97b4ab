"""How fast does a model run with its token table compressed in input and output, beside the dense model?

    python -m benchmarks.serving --model FOLDER [--methods mixed,transform:20,int8 | --tables FILE …] [--rounds 3]
    python -m benchmarks.serving --device cuda --model FOLDER|drawn [--out FILE] [--seconds 90] …

One process holds the model once. Every round runs the dense model and each table in turn, so what else the machine does
meets all of them; a line has the least time of the rounds, by the clock and of the processors. A token's limit is what
has to be read for it (the network's weights and the table) over the bandwidth that a sum over 800 MB reaches in the
same run. The memory is that of a process of its own, which keeps one of the tables: its peak from when all is loaded.
What runs on a GPU is told in `benchmarks.gpu.serving`.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import AutoModelForCausalLM

from neutral import compression
from neutral.compression import methods  # noqa: F401 (whose tables `Table.load` then knows)
from neutral.compression.placement import embedding, put_in
from neutral.compression.table import Table

DENSE = "dense"
METHODS = "mixed,transform,transform:20,int8:3.9,int4:7,svd,direction,pq"
_MIB = 2**20


def generate(model, batch: int, tokens: int) -> None:
    """Generate greedily after eight tokens."""
    ids = _ids(model, batch, 8)
    model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False
    )


def score(model, batch: int, tokens: int) -> float:
    """Return the mean loss of texts of `tokens` tokens, with the logits of all at once."""
    ids = _ids(model, batch, tokens)
    logits = model(ids).logits[:, :-1].flatten(0, 1)
    return float(torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten()))


def _ids(model, batch: int, tokens: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(7)
    return torch.randint(1000, embedding_size(model), (batch, tokens), generator=draw).to(model.device)


def embedding_size(model) -> int:
    """Return V."""
    return model.get_input_embeddings().num_embeddings


# Name -> what runs, and the tokens that it makes or reads. Generation counts the tokens made.
TASKS: dict[str, tuple[Callable, int, int]] = {
    "generate 1": (generate, 1, 12),
    "generate 16": (generate, 16, 4),
    "score 1 × 128": (score, 1, 128),
    "score 16 × 16": (score, 16, 16),
}


def bandwidth() -> float:
    """Return the bytes a second that a sum over 800 MB reads at best, in five tries."""
    numbers = torch.ones(200_000_000)
    best = min(_seconds(numbers.sum) for _ in range(5))
    return numbers.nbytes / best


def _seconds(work: Callable[[], object]) -> float:
    return _times(work)[0]


def _times(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds by the clock, and those of the processors."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processors


@contextmanager
def placed(model, table: Table | None) -> Iterator[None]:
    """Have a table in place, or none."""
    with put_in(model, table, "both", train=False) if table else nullcontext():
        yield


def error(model, table: Table) -> float:
    """Return how far logits of the compiled loops lie from those of the rebuilt matrix, over the largest of these."""
    hidden = torch.randn(16, table.shape[1], generator=torch.Generator().manual_seed(1))
    plain = hidden @ table.matrix().T
    found = [table.logits(table.tensors, vectors) for vectors in (hidden[:1], hidden[:3], hidden)]
    return max(float((part - plain[: len(part)]).abs().max() / plain[: len(part)].abs().max()) for part in found)


def peak(folder: str, path: str | None) -> float:
    """Return the most MiB of a process that loads the model, keeps one table, and generates and scores a little."""
    command = [sys.executable, "-m", "benchmarks.serving", "--model", folder, "--peak", path or DENSE]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def measure_peak(folder: str, path: str) -> None:
    """Print the peak of this process from when the model is loaded, without what loading took."""
    model = _loaded(folder)
    for parameter in {id(p): p for p in model.parameters()}.values():
        parameter.data = parameter.data.clone()  # memory of its own, instead of the file's
    if path != DENSE:
        put_in(model, Table.load(path), "both", train=False)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    generate(model, 1, 4)
    score(model, 1, 32)
    status = Path("/proc/self/status").read_text()
    print(json.dumps(int(status.split("VmHWM:")[1].split()[0]) / 1024))


def _loaded(folder: str):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def main() -> None:
    """Print a table of tokens a second and one of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--ratio", type=float, default=10)
    parser.add_argument("--methods", help="default: all; each may have a ratio of its own, mixed:8; else --ratio")
    parser.add_argument("--tables", nargs="+", help="tables that `compress` or `Table.save` wrote, instead")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu", help="cpu, or as torch calls a GPU")
    parser.add_argument("--out", help="on a GPU: rows of results are added to this file")
    parser.add_argument("--seconds", type=float, default=90, help="on a GPU: nothing is begun after them")
    parser.add_argument("--rows", type=int, default=262_144, help="on a GPU: tokens of the drawn model")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_grad_enabled(False)
    if chosen.device != "cpu" or chosen.model == "drawn":
        from benchmarks.gpu import serving  # which takes its tasks from here

        serving.main(chosen)
        return
    if chosen.peak:
        measure_peak(chosen.model, chosen.peak)
        return
    model = _loaded(chosen.model)
    matrix = embedding(model).weight
    tables: dict[str, Table | None] = {DENSE: None}
    for file in chosen.tables or []:
        tables[Path(file).stem] = Table.load(file)
    for name in (chosen.methods or METHODS).split(",") if not chosen.tables else []:
        method, _, ratio = name.partition(":")
        tables[name] = compression.fit(matrix.detach(), method, float(ratio or chosen.ratio), by="bytes")
    print(f"{Path(chosen.model).name}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    speed(model, tables, chosen.rounds)
    memory(chosen.model, tables)


def speed(model, tables: dict[str, Table | None], rounds: int) -> None:
    """Print tokens a second, their ratio to the dense model's, and the limit by what must be read."""
    matrix = embedding(model).weight
    network = sum(p.nbytes for p in model.parameters()) - matrix.nbytes
    errors = {name: error(model, table) if table else 0.0 for name, table in tables.items()}  # compiles, too
    reading = bandwidth()
    took: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for task, (run, batch, tokens) in TASKS.items():
            for name, table in tables.items():
                with placed(model, table):
                    times = _times(partial(run, model, batch, tokens))
                took.setdefault((task, name), []).append(times)
    print(f"reads {reading / 1e9:.1f} GB/s; load {os.getloadavg()[0]:.1f}\n")
    print("| task | table | times smaller | error | tokens/s | over dense | of processors | limit, tokens/s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for (task, name), times in took.items():
        _, batch, tokens = TASKS[task]
        held = tables[name].bytes if tables[name] else matrix.nbytes
        made, passes = batch * tokens, tokens if task.startswith("generate") else 1
        (clock, processors), (dense_clock, dense_processors) = _least(times), _least(took[task, DENSE])
        print(
            f"| {task} | {name} | {matrix.nbytes / held:.2f} | {errors[name]:.0e} | {made / clock:.2f} | "
            f"{dense_clock / clock:.2f} | {dense_processors / processors:.2f} | "
            f"{made * reading / (passes * (network + held)):.1f} |",
            flush=True,
        )


def _least(times: list[tuple[float, float]]) -> tuple[float, float]:
    return min(clock for clock, _ in times), min(processors for _, processors in times)


def memory(folder: str, tables: dict[str, Table | None]) -> None:
    """Print the peak of a process a table, and what is saved of it beside what the table saves."""
    print("\n| table | its MiB | peak, MiB | saved | the table saves |")
    print("| --- | ---: | ---: | ---: | ---: |")
    full = dense = None
    with TemporaryDirectory() as place:
        for name, table in tables.items():
            path = None
            if table:
                path = f"{place}/{name.replace(':', '-')}.safetensors"
                table.save(path)
                full = 4 * table.shape[0] * table.shape[1]
            most = peak(folder, path)
            dense = dense or most
            held = table.bytes / _MIB if table else float("nan")
            print(
                f"| {name} | {held:.0f} | {most:.0f} | {dense - most:.0f} | {(full or 0) / _MIB - held:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
