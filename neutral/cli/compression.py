"""`compress`: smaller token tables, their errors and what they do to perplexity, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import finetuning, options
from neutral.cli.options import codes, command, common, decimals, numbers, quiet_libraries, words
from neutral.compression import variants
from neutral.errors import NeutralError

METHODS = "svd,direction,int8,int4,pq,mixed"
ELU = {"none": "linear", "both": "elu", "encoder": "elu-encoder", "decoder": "elu-decoder"}


def add_compress(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    compress = command(commands, "compress", "compress the token table, and see what it costs each language", _run)
    options.model(compress)
    compress.add_argument("--task", default="auto", choices=("auto", "mlm", "clm"))
    compress.add_argument(
        "--methods",
        type=variants.split,
        default=words(METHODS),
        help=f"default: {METHODS}; also autoencoder, autoencoder:cosine|power|rmse|elu|from-svd|from-direction|c1=1,…, "
        "svd:randomized, "
        "direction:project|free, mixed:plain",
    )
    compress.add_argument("--ratios", type=decimals, default=(2.5, 5.0, 10.0), help="how many times smaller: 2.5,5,10")
    compress.add_argument(
        "--rank", type=numbers, default=(), metavar="RANKS", help="size of the low-rank methods, instead of ratios: 75"
    )
    compress.add_argument("--by", type=words, default=("parameters", "bytes"), help="parameters,bytes (default: both)")
    compress.add_argument("--weights", type=words, default=("uniform",), help="of tokens: uniform,frequency,sqrt")
    options.text(compress, help="a folder of <lang>.txt[.gz|.xz], or wikimedia/wikipedia")
    compress.add_argument("--languages", type=codes, help="en,fr,… (default: all that the text has)")
    options.study(compress)
    compress.add_argument("--title", default="")
    compress.add_argument(
        "--where", type=words, default=(), help="input,both: with the tied output or not (default: both)"
    )
    compress.add_argument("--words", choices=("no", "yes", "both"), default="no", help="mask whole words (mlm)")
    compress.add_argument(
        "--perplexity",
        type=words,
        default=("blocks",),
        help="blocks,lines: of packed blocks, or line by line as in the paper's scripts (mlm; default: blocks)",
    )
    compress.add_argument("--trim", action="store_true", help="first cut the vocabulary to the tokens of the text")
    compress.add_argument(
        "--iterations",
        type=numbers,
        default=(1, 2, 5, 9, 29),
        help="of svd:randomized (default: 1,2,5,9,29); of several, perplexity on training text chooses",
    )
    compress.add_argument(
        "--follow",
        action="store_true",
        help="write down perplexity and errors by epoch (autoencoder), iterations (svd:randomized), round (direction)",
    )
    _autoencoder(compress.add_argument_group("training of the auto-encoder (defaults: the paper's)"))
    compress.add_argument("--length", type=int, default=128, help="tokens a block")
    compress.add_argument("--held-out-blocks", type=int, default=32, help="at most so many blocks are scored")
    compress.add_argument("--lines", type=int, default=4000, help="lines a language in which tokens are counted")
    compress.add_argument(
        "--seed", type=numbers, default=(0,), help="0, or 0,1,2: the methods that draw random numbers under each"
    )
    compress.add_argument("--keep", action="store_true", help="keep the tables in the study's folder tables/")
    compress.add_argument("--picture", action="store_true", help="draw the tokens before and after, by UMAP")
    compress.add_argument("--export", metavar="DIR", help="write a plain Hugging Face folder for every table")
    finetuning.add(compress)
    common(compress)


def _autoencoder(group: argparse._ArgumentGroup) -> None:
    """Add the options of the auto-encoder's training; all but `--epochs` name a variant."""
    group.add_argument("--epochs", type=int, default=30, help="30: 20 in which alpha falls, and 10 more")
    group.add_argument("--c1", type=float, help="coefficient of the cosine distance (0.9975; a fifth of it counts)")
    group.add_argument("--c2", type=float, help="coefficient of the mean of |error|^alpha (0.0025)")
    group.add_argument("--c3", type=float, help="coefficient of the RMSE (0)")
    group.add_argument("--alpha", metavar="A[-B]", help="from A to B, or always A (1-0.1)")
    group.add_argument("--alpha-epochs", type=int, metavar="N", help="epochs in which alpha falls (20)")
    group.add_argument("--rate", type=float, help="Adam's first rate (0.001)")
    group.add_argument("--halving", type=int, metavar="N", help="epochs after which the rate is cut (4)")
    group.add_argument("--decay", type=float, help="what it is multiplied by then (0.5)")
    group.add_argument("--batch", type=int, help="tokens a batch (32)")
    group.add_argument("--elu", choices=tuple(ELU), help="where an ELU follows (none)")
    group.add_argument("--start", choices=variants.STARTS, help="the first weights (random)")
    group.add_argument(
        "--stop",
        choices=variants.STOPS,
        help="which epoch is kept: least loss on training text (train), on the text that is reported, as the paper's "
        "scripts do (held-out), or the last",
    )


def _methods(chosen: argparse.Namespace) -> tuple[str, ...]:
    """Return the methods, the auto-encoder's with the options of its training as its variant.

    Raises `NeutralError` for such options without an auto-encoder.
    """
    keys = ("c1", "c2", "c3", "alpha", "alpha-epochs", "rate", "halving", "decay", "batch", "stop")
    given = {key: getattr(chosen, key.replace("-", "_")) for key in keys}
    parts = [f"{key}={value}" for key, value in given.items() if value is not None]
    parts += [ELU[chosen.elu]] if chosen.elu else []
    parts += [f"from-{chosen.start}"] if chosen.start else []
    if not parts:
        return chosen.methods
    if not any(name.partition(":")[0] == "autoencoder" for name in chosen.methods):
        raise NeutralError(f"{', '.join(parts)}: only the auto-encoder is trained; add autoencoder to --methods")
    shared = variants.options(",".join(parts))
    return tuple(
        f"autoencoder:{variants.name({**shared, **variants.options(own)})}" if method == "autoencoder" else name
        for name, (method, _, own) in ((name, name.partition(":")) for name in chosen.methods)
    )


def _run(chosen: argparse.Namespace) -> None:
    from neutral import corpora
    from neutral.runs import finetuning as tuning
    from neutral.runs import tables
    from neutral.runs.compression import Compressor, compress
    from neutral.runs.plans.compression import CompressionPlan, check

    quiet_libraries()
    task, loaders = options.task_of(chosen), options.loaders(chosen)
    corpus = corpora.load(chosen.text, chosen.languages, held_out=chosen.held_out)
    plan = CompressionPlan(
        model=chosen.model,
        task=task,
        languages=tuple(corpus.languages),
        methods=_methods(chosen),
        ratios=chosen.ratios,
        ranks=chosen.rank,
        by=chosen.by,
        weights=chosen.weights,
        where=chosen.where,
        words={"no": (False,), "yes": (True,), "both": (False, True)}[chosen.words],
        trim=chosen.trim,
        perplexity=chosen.perplexity,
        seed=chosen.seed[0],
        more_seeds=chosen.seed[1:],
        epochs=chosen.epochs,
        iterations=chosen.iterations,
        follow=chosen.follow,
        length=chosen.length,
        held_out=chosen.held_out_blocks,
        lines=chosen.lines,
        keep=chosen.keep,
        picture=chosen.picture,
        title=chosen.title,
    )
    check(plan)
    tuned = finetuning.plan_of(chosen)
    data = (
        tuning.prepare(tuned, plan.model, plan.length, trim=plan.trim, quiet=chosen.quiet, **loaders) if tuned else {}
    )

    def then(work: Compressor) -> None:
        if chosen.export:
            tables.export(work, chosen.export)
        if tuned:
            tuning.tune(work, tuned, data, **how, **loaders)

    how = {"device": chosen.device, "progress": chosen.progress, "quiet": chosen.quiet}
    study = compress(plan, corpus, chosen.study, then=then, **how, **loaders)
    options.done(study.path, chosen)
