"""Why the perplexity of unweighted product quantization goes up and down with size: three rows of the table.

    python -m benchmarks.zigzag [--text data/sentences] [--languages sw,ar] [--ratios 5,7.5,10,12.5,16,20]

mini-mbert's table is compressed by `pq` at each ratio by bytes and put into the input and the output layer: as it is,
with the row of <mask> exact, and with those of <mask>, <s> and </s> exact. A number is the perplexity over the full
model's on the same text. Fits take from 5 s to two minutes each.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from neutral import compression, corpora, models
from neutral.compression.placement import embedding, put_in
from neutral.compression.table import Rebuilt
from neutral.tasks import LanguageModelling

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "data" / "models" / "mini-mbert"
MARKS = ("<mask>", "<s>", "</s>")
BLOCKS = 16


class Measured(NamedTuple):
    """Perplexities of a language over the full model's."""

    language: str
    ratio: float
    plain: float
    mask: float  # with the row of <mask> exact
    marks: float  # with those of all `MARKS` exact


def measured(text: Path, languages: list[str], ratios: list[float]) -> Iterator[Measured]:
    """Yield what each language pays at each ratio."""
    model, tokenizer = models.load_model(str(MODEL)).eval(), models.load_tokenizer(str(MODEL))
    task = LanguageModelling("mlm", tokenizer, length=128)
    matrix = compression.checked(embedding(model).weight).clone()
    rows = [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS]
    files = corpora.languages_in(text)
    blocks = {code: task.blocks(corpora.read_lines(files[code]))[:BLOCKS] for code in languages}
    full = {code: task.evaluate(model, blocks[code]).loss for code in languages}
    for ratio in ratios:
        rebuilt = compression.fit(matrix, "pq", ratio, by="bytes").matrix()
        factors = []
        for exact in ([], rows[:1], rows):
            table = rebuilt.clone()
            table[exact] = matrix[exact]
            with put_in(model, Rebuilt(tuple(table.shape), {"dense": table}), "both", train=False):
                losses = {code: task.evaluate(model, blocks[code]).loss for code in languages}
            factors.append({code: math.exp(losses[code] - full[code]) for code in languages})
        for code in languages:
            yield Measured(code, ratio, *(factor[code] for factor in factors))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=ROOT / "data" / "sentences")
    parser.add_argument("--languages", default="sw,ar")
    parser.add_argument("--ratios", default="5,7.5,10,12.5,16,20")
    chosen = parser.parse_args()
    print(f"language  ratio{'as it is':>12}{'<mask> exact':>15}{'all three exact':>18}")
    ratios = [float(ratio) for ratio in chosen.ratios.split(",")]
    for row in measured(chosen.text, chosen.languages.split(","), ratios):
        print(f"{row.language:8}{row.ratio:7g}{row.plain:12.2f}{row.mask:15.2f}{row.marks:18.2f}", flush=True)


if __name__ == "__main__":
    main()
