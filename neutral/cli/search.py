"""`find`: the sub-network of each language, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.options import codes, command, common, decimals, numbers, quiet_libraries, words


def add_find(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    find = command(commands, "find", "find the sub-network of each language, into a study", _run_find)
    options.model(find)
    find.add_argument("--task", default="auto", choices=("auto", "mlm", "clm", "ner", "pos", "nli"))
    options.text(
        find,
        metavar="DATA",
        help="a folder of <lang>.txt[.gz|.xz], or wikimedia/wikipedia; for ner, pos and nli a folder of "
        "<lang>/train.conll|tsv|… and <lang>/validation.…, or unimelb-nlp/wikiann, facebook/xnli",
        tail="a tenth of the text",
    )
    find.add_argument(
        "--languages", type=codes, help="en,fr,…, en+fa+fr+zh for a mixture (default: all that the text has)"
    )
    find.add_argument(
        "--train-examples", type=int, help="training examples a language (default: of the one with fewest)"
    )
    options.labels(find)
    options.study(find)
    find.add_argument("--title", default="")
    find.add_argument("--method", default="magnitude", choices=("magnitude", "random", "change", "fisher", "wanda"))
    find.add_argument("--sparsity", type=decimals, default=(0.5,), help="0.5; one-shot methods take several: 0.3,0.5")
    find.add_argument("--step", type=float, default=0.1, help="share of the weights that a round removes")
    options.scope(find)
    options.wording(find)
    find.add_argument(
        "--only", default="", choices=("encoder", "decoder"), help="prune one stack of an encoder-decoder"
    )
    find.add_argument("--seeds", type=numbers, default=(0,))
    options.training(
        find,
        steps="training steps a round; 0 scores without training",
        batch="blocks or examples a step",
        length="tokens a block or example",
    )
    options.rounds(find)
    find.add_argument("--blocks", type=int, default=64, help="blocks or examples that wanda and fisher look at")
    find.add_argument("--held-out-blocks", type=int, default=1000, help="at most so many blocks or examples are scored")
    find.add_argument("--passes", type=int, default=1, help="maskings of the held-out text a score averages over")
    find.add_argument("--halves", action="store_true", help="one-shot masks on two halves of the text as well")
    find.add_argument("--controls", type=words, default=(), help="pretrained,shuffled")
    find.add_argument("--functional", type=decimals, default=(), help="sparsities for the functional check")
    find.add_argument("--keep", type=decimals, help="keep masks of these sparsities only (default: all)")
    find.add_argument("--dry-run", action="store_true", help="say what is read and what would be done, and stop")
    common(find)


def _run_find(chosen: argparse.Namespace) -> None:
    from neutral.cli import data as reading
    from neutral.runs.plans.search import SearchPlan, check, summary
    from neutral.runs.search import find
    from neutral.search import ITERATIVE, lottery
    from neutral.tasks.wording import Wording

    quiet_libraries()
    task = options.task_of(chosen)
    renamed = options.renamed(chosen)
    corpus = reading.read(task, chosen.languages, renamed, chosen)
    sparsities = chosen.sparsity
    if chosen.method in ITERATIVE:
        sparsities = tuple(lottery.levels(max(sparsities), chosen.step))
    plan = SearchPlan(
        model=chosen.model,
        task=task,
        languages=tuple(corpus.languages),
        method=chosen.method,
        sparsities=sparsities,
        seeds=chosen.seeds,
        scope=chosen.scope,
        wording=Wording(chosen.prompt, chosen.answer),
        labels=tuple(renamed.items()),
        only=chosen.only,
        recipe=options.recipe(chosen),
        length=chosen.length,
        blocks=chosen.blocks,
        held_out=chosen.held_out_blocks,
        examples=chosen.train_examples,
        passes=chosen.passes,
        halves=chosen.halves,
        controls=chosen.controls,
        functional=chosen.functional,
        keep=chosen.keep,
        title=chosen.title,
    )
    if chosen.dry_run:
        check(plan)
        print(summary(plan, {code: len(corpus.train[code]) for code in corpus.train}))
        return
    study = find(plan, corpus, chosen.study, device=chosen.device, quiet=chosen.quiet, **options.loaders(chosen))
    options.done(study.path, chosen)
