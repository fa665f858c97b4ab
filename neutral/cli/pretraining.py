"""`pretrain`: make a small masked language model, from an encoder or from nothing."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.options import codes, command, common, quiet_libraries


def add_pretrain(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    pretrain = command(commands, "pretrain", "make a small masked language model", _run_pretrain)
    pretrain.add_argument("--from", dest="source", metavar="MODEL", help="an encoder to trim and tune (default: none)")
    options.text(pretrain, metavar="DIR", help="a folder of <lang>.txt[.gz|.xz], or wikimedia/wikipedia")
    pretrain.add_argument("--languages", type=codes)
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
    common(pretrain)


def _run_pretrain(chosen: argparse.Namespace) -> None:
    from neutral import corpora, pretraining
    from neutral.training import Recipe

    quiet_libraries()
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
