"""The shell: `python -m neutral …`.

Results go to standard output (or a study) and nothing else does; progress and messages go to standard error. Exit
codes: 0 done, 2 the user's input was wrong (one line says how), 1 a fault of ours.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from neutral import __version__
from neutral.errors import NeutralError

GROUPINGS = ("all", "stack", "layer", "component", "layer-component", "tensor")
MEASURES = ("jaccard", "dice", "agreement", "phi", "chance")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        chosen = _parser().parse_args(arguments)
        chosen.run(chosen)
        sys.stdout.flush()
    except NeutralError as error:
        print(f"neutral: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("neutral: stopped; run the same command again to go on", file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, like every other mistake of the user's."""

    def error(self, message: str) -> NoReturn:
        raise NeutralError(f"{message} (`{self.prog} --help` lists what there is)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="neutral", description="Which weights a multilingual language model shares between languages."
    )
    parser.add_argument("--version", action="version", version=f"neutral {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _masks(commands)
    _overlap(commands)
    _find(commands)
    _pretrain(commands)
    _study(commands)
    return parser


def _masks(commands: argparse._SubParsersAction) -> None:
    masks = commands.add_parser("masks", help="look into mask files, and convert them")
    inner = masks.add_subparsers(required=True, metavar="info|convert")
    info = _command(inner, "info", "what is in a mask file", _run_info)
    info.add_argument("files", nargs="+", metavar="FILE")
    info.add_argument("--format", choices=("table", "csv", "json"), default="table")
    convert = _command(inner, "convert", "any known format to packed .safetensors", _run_convert)
    convert.add_argument("files", nargs="+", metavar="FILE")
    convert.add_argument("-o", "--out", required=True, metavar="DIR")


def _overlap(commands: argparse._SubParsersAction) -> None:
    for name, text, run in (
        ("overlap", "how much the masks of languages overlap, pair by pair", _run_overlap),
        ("sparsity", "what share of the weights each mask removes", _run_sparsity),
    ):
        command = _command(commands, name, text, run)
        command.add_argument("files", nargs="+", metavar="FILE")
        command.add_argument("--by", choices=GROUPINGS, default="all")
        command.add_argument("--format", choices=("table", "csv", "json"), default="table")
        if name == "overlap":
            command.add_argument("--measure", choices=MEASURES, default="jaccard")


def _find(commands: argparse._SubParsersAction) -> None:
    find = _command(commands, "find", "find the sub-network of each language, into a study", _run_find)
    find.add_argument("--model", required=True, help="a Hugging Face id or folder")
    find.add_argument("--gguf", metavar="FILE", help="a .gguf file in the model's folder to load the weights from")
    find.add_argument("--task", default="auto", choices=("auto", "mlm", "clm"))
    find.add_argument("--text", required=True, help="a folder of <lang>.txt[.gz|.xz], or wikimedia/wikipedia")
    find.add_argument(
        "--held-out", metavar="DIR", help="text to score on (default: TEXT/dev, else a tenth of the text)"
    )
    find.add_argument("--languages", type=_codes, help="en,fr,… (default: all that the text has)")
    find.add_argument("--study", required=True, metavar="DIR", help="where results go, and are gone on from")
    find.add_argument("--title", default="")
    find.add_argument("--method", default="magnitude", choices=("magnitude", "random", "change", "fisher", "wanda"))
    find.add_argument("--sparsity", type=_shares, default=(0.5,), help="0.5; one-shot methods take several: 0.3,0.5")
    find.add_argument("--step", type=float, default=0.1, help="share of the weights that a round removes")
    find.add_argument("--scope", default="global", choices=("global", "stack", "component", "row", "tensor"))
    find.add_argument("--seeds", type=_numbers, default=(0,))
    find.add_argument("--steps", type=int, default=100, help="training steps a round; 0 scores without training")
    find.add_argument("--batch", type=int, default=8, help="blocks a step")
    find.add_argument("--length", type=int, default=128, help="tokens a block")
    find.add_argument("--rate", type=float, default=5e-5, help="peak learning rate")
    find.add_argument("--blocks", type=int, default=64, help="blocks of text that wanda and fisher look at")
    find.add_argument("--held-out-blocks", type=int, default=1000, help="at most so many blocks are scored")
    find.add_argument("--passes", type=int, default=1, help="maskings of the held-out text a score averages over")
    find.add_argument("--halves", action="store_true", help="one-shot masks on two halves of the text as well")
    find.add_argument("--controls", type=_words, default=(), help="pretrained,shuffled")
    find.add_argument("--functional", type=_shares, default=(), help="sparsities for the functional check")
    find.add_argument("--keep", type=_shares, help="keep masks of these sparsities only (default: all)")
    _common(find)


def _pretrain(commands: argparse._SubParsersAction) -> None:
    pretrain = _command(commands, "pretrain", "make a small masked language model", _run_pretrain)
    pretrain.add_argument("--from", dest="source", metavar="MODEL", help="an encoder to trim and tune (default: none)")
    pretrain.add_argument("--text", required=True, metavar="DIR")
    pretrain.add_argument("--held-out", metavar="DIR")
    pretrain.add_argument("--languages", type=_codes)
    pretrain.add_argument("--vocabulary", type=int, required=True, metavar="N", help="pieces, characters included")
    pretrain.add_argument("--out", required=True, metavar="DIR")
    pretrain.add_argument("--steps", type=int, default=5000)
    pretrain.add_argument("--batch", type=int, default=8)
    pretrain.add_argument("--length", type=int, default=128)
    pretrain.add_argument("--rate", type=float, default=5e-4)
    pretrain.add_argument("--decay", type=float, default=0.01)
    pretrain.add_argument("--mask-share", type=float, default=0.15)
    pretrain.add_argument("--seed", type=int, default=0)
    for name, default in (("layers", 6), ("width", 256), ("heads", 4), ("feed-forward", 1024)):
        pretrain.add_argument(f"--{name}", type=int, default=default, help="of a model made from nothing")
    _common(pretrain)


def _study(commands: argparse._SubParsersAction) -> None:
    study = commands.add_parser("study", help="what is in a study")
    show = _command(study.add_subparsers(required=True, metavar="show"), "show", "what is in a study", _run_study)
    show.add_argument("folder", metavar="DIR")


def _command(
    commands: argparse._SubParsersAction, name: str, text: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    command.add_argument("--quiet", action="store_true", help="no progress")


def _run_info(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral import maskfiles

    rows = []
    for file in chosen.files:
        mask = maskfiles.read(file)
        said = {k: mask.header[k] for k in ("language", "task", "method", "seed") if mask.header.get(k) is not None}
        rows.append(
            {"file": file, "tensors": len(mask.names), "weights": mask.size, "kept": mask.kept}
            | {"sparsity": round(mask.sparsity(), 6), "says": ", ".join(f"{k} {v}" for k, v in said.items())}
        )
    _print(pd.DataFrame(rows), chosen.format)


def _run_convert(chosen: argparse.Namespace) -> None:
    from neutral import maskfiles

    out = Path(chosen.out)
    targets = [out / f"{Path(file).stem}.safetensors" for file in chosen.files]
    for i, target in enumerate(targets):
        if target in targets[:i]:
            raise NeutralError(f"{chosen.files[i]}: two files would become {target}; convert them to different folders")
        if target.exists() and target.resolve() == Path(chosen.files[i]).resolve():
            raise NeutralError(f"{chosen.files[i]}: would be written over itself; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    for file, target in zip(chosen.files, targets, strict=True):
        maskfiles.write(maskfiles.read(file), target)
        print(target)


def _run_overlap(chosen: argparse.Namespace) -> None:
    from neutral import maskfiles, overlap

    if len(chosen.files) < 2:
        raise NeutralError("overlap needs two masks or more")
    counts = overlap.count([maskfiles.read(file) for file in chosen.files])
    _print(counts.measure(chosen.measure, chosen.by), chosen.format)


def _run_sparsity(chosen: argparse.Namespace) -> None:
    from neutral import maskfiles, overlap

    counts = overlap.count([maskfiles.read(file) for file in chosen.files])
    _print(counts.sparsity(chosen.by), chosen.format)


def _run_find(chosen: argparse.Namespace) -> None:
    from neutral import corpora, jobs, lottery, models
    from neutral.plan import Plan
    from neutral.training import Recipe

    _quiet_libraries()
    options = {"gguf_file": chosen.gguf} if chosen.gguf else {}
    task = chosen.task if chosen.task != "auto" else models.natural_task(chosen.model, **options)
    corpus = corpora.load(chosen.text, chosen.languages, held_out=chosen.held_out)
    sparsities = chosen.sparsity
    if chosen.method in lottery.ITERATIVE:
        sparsities = tuple(lottery.levels(max(sparsities), chosen.step))
    plan = Plan(
        model=chosen.model,
        task=task,
        languages=tuple(corpus.languages),
        method=chosen.method,
        sparsities=sparsities,
        seeds=chosen.seeds,
        scope=chosen.scope,
        recipe=Recipe(steps=chosen.steps, batch_size=chosen.batch, rate=chosen.rate),
        length=chosen.length,
        blocks=chosen.blocks,
        held_out=chosen.held_out_blocks,
        passes=chosen.passes,
        halves=chosen.halves,
        controls=chosen.controls,
        functional=chosen.functional,
        keep=chosen.keep,
        title=chosen.title,
    )
    study = jobs.find(plan, corpus, chosen.study, device=chosen.device, quiet=chosen.quiet, **options)
    if not chosen.quiet:
        print(f"done: {study.path}; look at it with `streamlit run app.py`", file=sys.stderr)


def _run_pretrain(chosen: argparse.Namespace) -> None:
    from neutral import corpora, pretraining
    from neutral.training import Recipe

    _quiet_libraries()
    corpus = corpora.load(chosen.text, chosen.languages, held_out=chosen.held_out)
    recipe = Recipe(
        steps=chosen.steps,
        batch_size=chosen.batch,
        rate=chosen.rate,
        warmup=0.03,
        decay=chosen.decay,
        seed=chosen.seed,
    )
    pretraining.pretrain(
        chosen.source,
        corpus,
        chosen.out,
        size=chosen.vocabulary,
        recipe=recipe,
        length=chosen.length,
        mask_share=chosen.mask_share,
        shape=pretraining.Shape(chosen.layers, chosen.width, chosen.heads, chosen.feed_forward),
        device=chosen.device,
        quiet=chosen.quiet,
    )


def _run_study(chosen: argparse.Namespace) -> None:
    from neutral.study import Study

    study = Study(chosen.folder)
    info = study.info
    print(f"{info.get('title', study.path.name)}")
    for key in ("model", "task", "languages", "methods", "seeds", "prunable", "created"):
        value = info.get(key)
        print(f"  {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    kinds = [row.get("kind") for row in study.rows()]
    print("  results: " + (", ".join(f"{kinds.count(k)} {k}" for k in dict.fromkeys(kinds)) or "none"))
    index = study.counts_index()
    for (method, kind), rows in index.groupby(["method", "kind"]):
        levels = ", ".join(f"{s:.0%}" for s in sorted(rows.sparsity.unique()))
        print(f"  counts: {method} {kind} at {levels}")
    print(f"  masks: {len(study.masks_index())}")


def _print(table, form: str) -> None:
    """Write a table to standard output as csv, json (a record a row) or aligned text."""
    if form == "csv":
        table.to_csv(sys.stdout, index=False)
    elif form == "json":
        print(table.to_json(orient="records", force_ascii=False, indent=1))
    else:
        print(table.to_string(index=False))


def _quiet_libraries() -> None:
    """Keep model libraries from reporting on standard error what our own lines say."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def _words(text: str) -> tuple[str, ...]:
    return tuple(_codes(text))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _codes(text))


def _shares(text: str) -> tuple[float, ...]:
    return tuple(sorted(float(part) for part in _codes(text)))
