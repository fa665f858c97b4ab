"""What keeps perplexity within 10 % of the full model in every language at ten times fewer bytes than float32?

    python -m benchmarks.tenfold --model data/models/mini-mbert --text TEXT [--ratio 10]

Every idea gets the same bytes and is put in for input and (tied) output. Perplexity is a ratio to the full
model's on the same tokens: its geometric mean over the languages, and the worst language. `tenfold.md` has the results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from math import exp
from pathlib import Path

import numpy as np
import torch

from neutral import compression, corpora, models
from neutral.compression import distortion, tokens
from neutral.compression.placement import put_in
from neutral.compression.table import Rebuilt
from neutral.errors import NeutralError
from neutral.runs.compression import Bench
from neutral.runs.plans.compression import CompressionPlan


def mixed(bench: Bench, ratio: float, *, weights: str = "uniform", metric: bool = False, **options: object):
    """Mixed widths, with or without the text's frequencies and the model's metric."""
    token_weights = tokens.weights(weights, bench.frequency)
    moment = bench.metric() if metric else None
    table = compression.fit(bench.matrix, "mixed", ratio, by="bytes", weights=token_weights, metric=moment, **options)
    return table.matrix(), table.bytes


def other(bench: Bench, ratio: float, method: str, **options: object):
    """Another method of the library."""
    table = compression.fit(bench.matrix, method, ratio, by="bytes", **options)
    return table.matrix(), table.bytes


def no_map(bench: Bench, ratio: float):
    """Rotation and levels only: no map that moves noise away from where rows hardly differ."""
    return mixed(bench, ratio, directions=0)


def residual(bench: Bench, ratio: float, *, rank: int = 8):
    """A low-rank correction of the error of plain quantization, paid for with bits."""
    vocabulary, width = bench.matrix.shape
    correction = 2 * rank * (vocabulary + width)
    remaining = 4 * vocabulary * width / ratio - correction
    first = compression.fit(bench.matrix, "mixed", 4 * vocabulary * width / remaining, by="bytes")
    rebuilt = first.matrix()
    error = bench.matrix - rebuilt
    basis = torch.linalg.eigh((error.T @ error).double())[1][:, -rank:].float()
    return rebuilt + (error @ basis).half().float() @ basis.half().float().T, first.bytes + correction


def by_script(bench: Bench, ratio: float):
    """An offset and a map for every script, instead of one for all; scripts of few tokens share one."""
    rebuilt, spent = torch.zeros_like(bench.matrix), 0
    groups = [members for members in bench.groups["script"].values() if members.sum() >= 1000]
    for members in [*groups, ~np.any(groups, axis=0)]:
        ids = torch.from_numpy(np.flatnonzero(members))
        if len(ids):
            table = compression.fit(bench.matrix[ids], "mixed", ratio, by="bytes")
            rebuilt[ids], spent = table.matrix(), spent + table.bytes
    return rebuilt, spent


# Name -> function of (subject, ratio) that returns the rebuilt matrix (V, d) and the bytes that it takes.
IDEAS: dict[str, Callable] = {
    "product quantization of unit rows": lambda s, r: other(s, r, "pq"),
    "low rank (direction)": lambda s, r: other(s, r, "direction"),
    "rotated rows, normal levels": no_map,
    "+ map from the rows alone": mixed,
    "+ map, one a script": by_script,
    "+ map and a low-rank correction": residual,
    "+ map from the model (metric)": lambda s, r: mixed(s, r, metric=True),
    "+ bits by frequency": lambda s, r: mixed(s, r, weights="frequency"),
    "+ bits by √frequency and metric": lambda s, r: mixed(s, r, weights="sqrt", metric=True),
    "+ bits by frequency and metric": lambda s, r: mixed(s, r, weights="frequency", metric=True),
}


def losses(bench: Bench, held_out: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the mean loss of each language on its held-out blocks, nats a token."""
    return {code: bench.tasks[False].evaluate(bench.model, blocks).loss for code, blocks in held_out.items()}


def texts(bench: Bench, other_text: str | None, blocks: int) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield the name and the blocks of the held-out text, and of text of another kind that no method has seen."""
    yield "held out", bench.held_out
    if other_text:
        lines = corpora.load(other_text, list(bench.held_out)).train
        yield "other text", {code: bench.tasks[False].blocks(lines[code])[:blocks] for code in bench.held_out}


def main() -> None:
    """Print a line an idea."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="data/models/mini-mbert")
    parser.add_argument("--gguf")
    parser.add_argument("--text", required=True)
    parser.add_argument("--other", default="data/sentences", help="text of another kind, to check")
    parser.add_argument("--ratio", type=float, default=10)
    parser.add_argument("--blocks", type=int, default=16)
    parser.add_argument("--only", help="ideas whose names hold this")
    chosen = parser.parse_args()
    options = {"gguf_file": chosen.gguf} if chosen.gguf else {}
    corpus = corpora.load(chosen.text)
    plan = CompressionPlan(
        model=chosen.model,
        task=models.natural_task(chosen.model, **options),
        languages=tuple(corpus.languages),
        methods=("mixed",),
        ratios=(chosen.ratio,),
        held_out=chosen.blocks,
    )
    bench = Bench(plan, corpus, torch.device("cpu"), **options)
    held_out_texts = dict(texts(bench, chosen.other, chosen.blocks))
    full = {name: losses(bench, held_out) for name, held_out in held_out_texts.items()}
    print(f"{Path(chosen.model).name}, {chosen.ratio:g} times fewer bytes; perplexity over the full model's")
    print("| idea | ratio | cosine distance |" + "".join(f" {name}: mean | worst |" for name in held_out_texts))
    print("| --- | --- | --- |" + " --- | --- |" * len(held_out_texts))
    for idea, make in IDEAS.items():
        if chosen.only and chosen.only not in idea:
            continue
        try:
            rebuilt, spent = make(bench, chosen.ratio)
        except NeutralError as error:
            print(f"| {idea} | {error} |")
            continue
        table = Rebuilt(rebuilt.shape, {"dense": rebuilt})
        distance = distortion.cosine_distance(bench.matrix, table).nanmean()
        line = f"| {idea} | {4 * bench.matrix.numel() / spent:.2f} | {distance:.4f} |"
        for name, held_out in held_out_texts.items():
            with put_in(bench.model, table):
                compressed = losses(bench, held_out)
            change = {code: compressed[code] - full[name][code] for code in compressed}
            worst = max(change, key=change.get)
            line += f" {exp(min(np.mean(list(change.values())), 99)):.3g} | {worst} {exp(min(change[worst], 99)):.3g} |"
        print(line, flush=True)


if __name__ == "__main__":
    main()
