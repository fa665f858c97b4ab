"""What the commands share: their options, and how a table is printed."""

from __future__ import annotations

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from neutral import recipes
from neutral.errors import NeutralError, one_line

if TYPE_CHECKING:
    import pandas as pd


SCOPES = ("global", "stack", "component", "row", "tensor")  # as in `scores`, which takes longer to import
SCOPE = (
    "among which weights a cut compares: all; those of a stack (encoder, decoder), of a component over all layers (all "
    "query matrices), of an output row, or of one matrix: tensor is the component-wise pruning of the paper's scripts"
)


def command(
    commands: argparse._SubParsersAction, name: str, text: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """Add a command that `run` carries out."""
    added = commands.add_parser(name, help=text, description=text)
    added.set_defaults(run=run)
    return added


def model(added: argparse.ArgumentParser, *, help: str = "a Hugging Face id or folder", required: bool = True) -> None:
    """Add `--model`, and `--gguf` for a model whose weights are in a GGUF file."""
    added.add_argument("--model", required=required, help=help)
    added.add_argument("--gguf", metavar="FILE", help="a .gguf file in the model's folder to load the weights from")


def loaders(chosen: argparse.Namespace) -> dict[str, str]:
    """Return the options that `--gguf` sets for the loaders of model and tokenizer."""
    return {"gguf_file": chosen.gguf} if chosen.gguf else {}


def task_of(chosen: argparse.Namespace) -> str:
    """Return the chosen task; by default the one that the model was made for."""
    if chosen.task != "auto":
        return chosen.task
    from neutral import models

    return models.natural_task(chosen.model, **loaders(chosen))


def text(
    added: argparse.ArgumentParser, *, help: str | None, metavar: str | None = None, tail: str = "a tenth"
) -> None:
    """Add `--text` and `--held-out`; `tail` says which part of the text is held out by default."""
    added.add_argument("--text", required=True, metavar=metavar, help=help)
    added.add_argument("--held-out", metavar="DIR", help=f"text to score on (default: TEXT/dev, else {tail})")


def labels(added: argparse.ArgumentParser) -> None:
    """Add `--labels`."""
    added.add_argument(
        "--labels",
        default="",
        metavar="OLD=NEW,…",
        help="for ner, pos and nli: what labels are called here, where languages spell them otherwise: "
        "contradictory=contradiction,0=entailment; of names, types: person=PER",
    )


def renamed(chosen: argparse.Namespace) -> dict[str, str]:
    """Return the chosen names of labels, old -> new. Raises `NeutralError` for `--labels` that says none."""
    from neutral.tasks import labelsets

    return labelsets.mapping(chosen.labels) if chosen.labels else {}


def study(added: argparse.ArgumentParser, *, help: str = "where results go; an existing study is continued") -> None:
    """Add `--study`."""
    added.add_argument("--study", required=True, metavar="DIR", help=help)


def scope(added: argparse.ArgumentParser) -> None:
    """Add `--scope`."""
    added.add_argument(
        "--scope",
        default="",
        choices=SCOPES,
        help=f"{SCOPE} (default: the study's, else stack for an encoder-decoder, global for other models)",
    )


def wording(added: argparse.ArgumentParser) -> None:
    """Add `--prompt` and `--answer`, for text to text."""
    added.add_argument(
        "--prompt",
        default="mt5",
        help="for nli on an encoder-decoder, what it reads: mt5 (default), paper, or a text with {premise} and "
        "{hypothesis}",
    )
    added.add_argument(
        "--answer",
        default="likeliest",
        choices=("likeliest", "generated"),
        help="there, its answer: the likeliest class (default), or the text that it writes, to the letter",
    )


def training(added: argparse.ArgumentParser, *, steps: str, batch: str, length: str) -> None:
    """Add the options of training; `steps`, `batch` and `length` are their help texts."""
    added.add_argument("--recipe", default="default", help="default, or paper: as the paper's scripts train")
    added.add_argument("--steps", type=int, help=f"{steps} (default: 100)")
    added.add_argument("--epochs", type=float, help="passes over a language's examples, in place of --steps")
    added.add_argument("--batch", type=int, default=8, help=batch)
    added.add_argument("--accumulate", type=int, help="batches a step (default: 1)")
    added.add_argument("--length", type=int, default=128, help=length)
    added.add_argument("--rate", type=float, default=5e-5, help="peak learning rate")
    added.add_argument("--decay", type=float, default=0.0, help="weight decay")
    added.add_argument("--clip", type=float, default=1.0, help="greatest norm of a step's gradient; 0: any")
    added.add_argument(
        "--precision", default="auto", choices=recipes.PRECISIONS, help="auto: bfloat16 where it is faster"
    )
    added.add_argument("--warmup", type=float, help="share of the schedule in which the rate rises (0.05; paper: 0)")


def rounds(added: argparse.ArgumentParser) -> None:
    """Add the options of training in rounds."""
    added.add_argument(
        "--schedule",
        choices=recipes.SCHEDULES,
        help="the rate falls to 0 within every round (default); or, from the peak anew in every round, as slowly as "
        "over the whole of all rounds (paper); or once over all rounds",
    )
    added.add_argument(
        "--examples",
        choices=recipes.EXAMPLES,
        help="every round trains on the same examples, or goes on through them (default, paper)",
    )
    added.add_argument(
        "--head", choices=recipes.HEADS, help="the task's head is rewound with the network (default), or kept (paper)"
    )


def recipe(chosen: argparse.Namespace) -> recipes.Recipe:
    """Return the chosen recipe. Raises `NeutralError` for one that cannot be."""
    if chosen.steps is not None and chosen.epochs is not None:
        raise NeutralError("--steps, --epochs: one of the two")
    steps = chosen.steps if chosen.steps is not None else 0 if chosen.epochs is not None else None
    parts = {name: getattr(chosen, name, None) for name in ("schedule", "examples", "head")}
    return recipes.named(
        chosen.recipe,
        steps=steps,
        epochs=chosen.epochs,
        batch_size=chosen.batch,
        accumulate=chosen.accumulate,
        rate=chosen.rate,
        decay=chosen.decay,
        clip=chosen.clip,
        precision=chosen.precision,
        warmup=chosen.warmup,
        **parts,
    )


KEPT = "1 means kept, 0 removed"
"""Which number means what in a mask file."""


def mask_files(added: argparse.ArgumentParser, help: str) -> None:
    """Add mask files, and how they are read: `--from-zeros`, `--invert`."""
    added.add_argument("files", nargs="+", metavar="FILE", help=f"{help}; {KEPT}")
    added.add_argument(
        "--from-zeros",
        action="store_true",
        help="the files are pruned models, and their zeros are the mask: of the linear layers in the blocks",
    )
    added.add_argument("--invert", action="store_true", help="1 means removed in these files: turn them")


def form(added: argparse.ArgumentParser) -> None:
    """Add `--format`."""
    added.add_argument("--format", choices=("table", "csv", "json"), default="table")


def done(path: str | Path, chosen: argparse.Namespace, page: str = "") -> None:
    """Say on standard error where the results are, and the command that shows them, from whatever folder."""
    if not chosen.quiet:
        where = f"on the page {page} of " if page else "with "
        show = shlex.join(["neutral", "app", "--studies", str(Path(path).absolute())])
        print(f"done: {one_line(path)}; look at it {where}`{one_line(show)}`", file=sys.stderr)


def common(added: argparse.ArgumentParser) -> None:
    """Add `--device` and `--quiet`, which every command that computes has."""
    added.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    added.add_argument("--quiet", action="store_true", help="no progress")


def print_table(table: pd.DataFrame, form: str) -> None:
    """Write a table to standard output as csv, json (a record a row) or aligned text."""
    if form == "csv":
        table.to_csv(sys.stdout, index=False)
    elif form == "json":
        print(table.to_json(orient="records", force_ascii=False, indent=1))
    else:
        print(table.to_string(index=False))


def quiet_libraries() -> None:
    """Keep model libraries from reporting on standard error what our own lines say."""
    from transformers.utils import logging

    warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\b|transformers\b")
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def codes(text: str) -> list[str]:
    """Read "en,fr"."""
    return [code.strip() for code in text.split(",") if code.strip()]


def words(text: str) -> tuple[str, ...]:
    """Read "svd,direction"."""
    return tuple(codes(text))


def numbers(text: str) -> tuple[int, ...]:
    """Read "0,1"."""
    return tuple(int(part) for part in codes(text))


def decimals(text: str) -> tuple[float, ...]:
    """Read "0.3,0.5", ascending."""
    return tuple(sorted(float(part) for part in codes(text)))
