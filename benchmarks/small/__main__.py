"""How small can a token table get? The library's methods and others' at equal bytes, in one run.

    python -m benchmarks.small --model data/models/mini-mbert --text TEXT --other OTHER --out results.jsonl
    python -m benchmarks.small --tables results.jsonl [more.jsonl]

Every method gets the same bytes, all counted, and its table is put in for the input and the tied output. A result is a
line of --out as soon as it is there, and what is there is not done again. The second command makes the tables of
`benchmarks/small.md` of such files.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from benchmarks.small import tables
from benchmarks.small.methods import METHODS, TRIM, available
from benchmarks.small.subject import SEEDS, Case, Subject
from neutral.errors import NeutralError


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", help="print the tables of these results, and run nothing")
    parser.add_argument("--model", default="data/models/mini-mbert")
    parser.add_argument("--text", help="folder of text to fit to, a file a language; its held-out part is scored")
    parser.add_argument("--other", help="folder of text of another domain, scored only")
    parser.add_argument("--out", help="file of results")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start nothing new after so long")
    parser.add_argument("--ratios", default="20,10")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--blocks", type=int, default=16, help="of 128 tokens a language and text")
    parser.add_argument("--calibration", type=int, default=8, help="blocks a language for the metric")
    parser.add_argument("--steps", type=int, default=200, help="of distillation")
    parser.add_argument("--languages", help="only these, as en,sw")
    parser.add_argument("--only", default="", help="methods whose names hold one of these, comma-separated")
    chosen = parser.parse_args()
    if chosen.tables:
        print(tables.markdown(tables.read(chosen.tables)))
        return
    if not (chosen.text and chosen.other and chosen.out):
        parser.error("give --text, --other and --out, or --tables")
    run(chosen)


def run(chosen: argparse.Namespace) -> None:
    """Do what is not done so far, seed by seed and the higher ratio first, until the time is up."""
    started, out = time.monotonic(), Path(chosen.out)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    rows = tables.read([out]) if out.exists() else []
    done = {(row["seed"], row["ratio"], row["method"]) for row in rows}
    fulls = {row["seed"]: row for row in rows if row["method"] == tables.FULL}
    subject = Subject(
        chosen.model,
        chosen.text,
        chosen.other,
        device=chosen.device,
        blocks=chosen.blocks,
        calibration=chosen.calibration,
        steps=chosen.steps,
        languages=chosen.languages.split(",") if chosen.languages else None,
    )
    names = [name for name in available() if any(part in name for part in chosen.only.split(","))]
    print(f"{subject.name} on {chosen.device}, ready after {time.monotonic() - started:.0f} s", flush=True)
    for seed in range(chosen.seeds):
        case = subject.case(seed)
        for ratio in map(float, chosen.ratios.split(",")):
            for name in names:
                if (seed, ratio, name) in done:
                    continue
                if time.monotonic() - started > chosen.seconds:
                    print("the time is up", flush=True)
                    return
                if seed not in fulls:
                    fulls[seed] = head(case, 1.0, tables.FULL) | scored(case, counts=True)
                    append(out, fulls[seed])
                append(out, result(case, ratio, name, fulls[seed]))


def result(case: Case, ratio: float, name: str, full: dict) -> dict:
    """Return the row of one method, and print what it comes to."""
    began, row = time.monotonic(), head(case, ratio, name)
    said = f"seed {case.seed} {ratio:g}x {name}"
    try:
        case = case.trimmed() if name.startswith(TRIM) else case
        rebuilt, spent, words = METHODS[name](case, case.bytes(ratio))
    except NeutralError as error:
        print(f"{said}: {error}", flush=True)
        return row | {"error": str(error)}
    if spent > case.bytes(ratio):
        raise AssertionError(f"{name} takes {spent} bytes, and has {case.bytes(ratio)}")
    fit_seconds = round(time.monotonic() - began, 1)
    with case.holding(rebuilt):
        row |= scored(case)
    row |= {"bytes": spent, "full_bytes": case.bytes(1), "rows": len(case.matrix), "words": words}
    row |= {"fit_seconds": fit_seconds, "seconds": round(time.monotonic() - began, 1)}
    print(f"{said}: {tables.glance(row, full)}; {row['seconds']} s, of fit {fit_seconds} {words}", flush=True)
    return row


def head(case: Case, ratio: float, name: str) -> dict:
    """Return what identifies a row."""
    subject = case.subject
    device = torch.cuda.get_device_name() if subject.device.type == "cuda" else "cpu"
    return {"model": subject.name, "seed": case.seed, "ratio": ratio, "method": name, "device": device}


def scored(case: Case, *, counts: bool = False) -> dict:
    """Return "losses": text -> language -> nats of each block; with `counts`, also their scored tokens."""
    found = {text: case.losses(text) for text in case.subject.texts}
    of = {"losses": 0, "counts": 1} if counts else {"losses": 0}
    return {
        name: {text: {code: pair[which] for code, pair in languages.items()} for text, languages in found.items()}
        for name, which in of.items()
    }


def append(out: Path, row: dict) -> None:
    """Write a row at once."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
