"""`transfer`: train the mask of one language on the data of another, into a study."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext

from neutral.cli import options
from neutral.cli.options import codes, command, common, decimals, numbers, quiet_libraries, words


def add_transfer(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    transfer = command(commands, "transfer", "train each language's mask on every language's data, into a study", _run)
    options.study(transfer)
    transfer.add_argument("--masks", metavar="STUDY", help="the study that has the masks (default: --study)")
    options.model(transfer)
    options.text(transfer, help="text or labelled data, as for `find`")
    options.labels(transfer)
    transfer.add_argument("--task", default="auto", help="what is trained and scored: mlm, clm, ner, pos, nli")
    transfer.add_argument("--source-task", default="", help="what the masks were found on (default: --task)")
    transfer.add_argument("--method", default="magnitude", help="how the masks were found")
    transfer.add_argument("--sparsity", type=decimals, default=(0.5,), help="0.5,0.8")
    transfer.add_argument("--targets", type=codes, help="languages to train on (default: all that the text has)")
    transfer.add_argument("--sources", type=codes, help="languages whose masks are trained (default: the targets)")
    transfer.add_argument(
        "--baselines",
        type=words,
        default=("full", "random"),
        help="full,random,pretrained,core,union,vote,thinned,reseeded,reinitialised (default: full,random)",
    )
    transfer.add_argument(
        "--thinned", type=decimals, default=(), help="sparsities of tickets to thin at random: 0.1,0.3"
    )
    transfer.add_argument(
        "--reseeded",
        type=numbers,
        default=(),
        help="seeds, not of --seeds, that the targets' own masks were found under too",
    )
    transfer.add_argument(
        "--seeds",
        type=numbers,
        default=(1,),
        help="of the training (default: 1, not --mask-seed's: own masks are fitted to the examples they were found on)",
    )
    transfer.add_argument("--mask-seed", type=int, default=0, help="which of the masks found under several seeds")
    options.scope(transfer)
    options.wording(transfer)
    options.training(transfer, steps="training steps a run", batch="blocks or examples a step", length="tokens a block")
    transfer.add_argument("--held-out-blocks", type=int, default=1000, help="at most so many are scored")
    transfer.add_argument(
        "--train-examples", type=int, help="labelled examples a language to train on (default: as the fewest)"
    )
    transfer.add_argument("--passes", type=int, default=1, help="maskings of the held-out text a score averages over")
    transfer.add_argument("--title", default="")
    transfer.add_argument(
        "--dry-run", action="store_true", help="say what is read, how many runs there are and how long, and stop"
    )
    common(transfer)


def _run(chosen: argparse.Namespace) -> None:
    from neutral.cli import data as reading
    from neutral.lock import only_writer
    from neutral.runs.plans.transfer import TransferPlan
    from neutral.runs.transfer import estimate, transfer
    from neutral.tasks.wording import Wording

    quiet_libraries()
    task = options.task_of(chosen)
    renamed = options.renamed(chosen)
    corpus = reading.read(task, chosen.targets, renamed, chosen)
    numbered = [name for name in ("thinned", "reseeded") if getattr(chosen, name)]
    plan = TransferPlan(
        model=chosen.model,
        task=task,
        source_task=chosen.source_task,
        sources=tuple(chosen.sources if chosen.sources is not None else corpus.languages),
        targets=tuple(corpus.languages),
        sparsities=chosen.sparsity,
        method=chosen.method,
        baselines=tuple(dict.fromkeys([*chosen.baselines, *numbered])),
        thinned=chosen.thinned,
        reseeded=chosen.reseeded,
        seeds=chosen.seeds,
        mask_seed=chosen.mask_seed,
        scope=chosen.scope,
        wording=Wording(chosen.prompt, chosen.answer),
        labels=tuple(renamed.items()),
        recipe=options.recipe(chosen),
        length=chosen.length,
        held_out=chosen.held_out_blocks,
        examples=chosen.train_examples,
        passes=chosen.passes,
        title=chosen.title,
    )
    where = {"masks": chosen.masks, "device": chosen.device, **options.loaders(chosen)}
    with nullcontext() if chosen.dry_run else only_writer(chosen.study):  # to be refused before it is measured
        left, seconds = estimate(plan, corpus, chosen.study, **where)
        message = f"{left} runs to do of {len(list(plan.runs()))}, about {_time(seconds)}"
        if chosen.dry_run:
            print(message)
            return
        print(message, file=sys.stderr)
        study = transfer(plan, corpus, chosen.study, quiet=chosen.quiet, **where)
    options.done(study.path, chosen)


def _time(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
