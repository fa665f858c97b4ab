"""`retrieve` and `represent`: what the network makes of parallel sentences, layer by layer, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.options import command, common, quiet_libraries, words
from neutral.inside.definitions import CANDIDATES, PAPER, POOLINGS, SCORES


def add_inside(commands: argparse._SubParsersAction) -> None:
    """Add both commands."""
    for name, text in (
        ("retrieve", "find each sentence's translation by its states, layer by layer, into a study"),
        ("represent", "compare the representations of languages layer by layer (SVCCA, PWCCA, CKA), into a study"),
    ):
        added = command(commands, name, text, _run)
        added.set_defaults(what=name)
        options.study(added, help="a study of this model; results are appended")
        options.model(added, help="a Hugging Face id or folder, the one of the study")
        added.add_argument(
            "--sentences", metavar="DIR", help="<lang>.txt[.gz|.xz], line n the same meaning in all (default: bundled)"
        )
        added.add_argument("--languages", type=words, default=(), help="en,fr,… (default: the study's)")
        added.add_argument(
            "--masks",
            type=words,
            help="some of full, each (all sentences under every mask in turn), own (each sentence under its own "
            "language's mask, the paper's way), core, random, pretrained (default: full; each too with files)",
        )
        added.add_argument("--mask-files", nargs="+", default=(), metavar="FILE", help="masks in place of the study's")
        added.add_argument("--method", default="magnitude", help="whose masks")
        added.add_argument("--sparsity", type=float, default=0.5)
        added.add_argument("--seed", type=int, default=0)
        _definition(added, retrieval=name == "retrieve")
        added.add_argument("--batch", type=int, default=32, help="sentences at a time")
        common(added)


def _definition(added: argparse.ArgumentParser, *, retrieval: bool) -> None:
    """Add the options that say what retrieval is, or of them the one that states have without it."""
    added.add_argument(
        "--pooling",
        choices=POOLINGS,
        help="a sentence's state: the mean of its own tokens, of all tokens with special ones, or that of [CLS] "
        "(default: mean-with-special, the paper's; mean for a decoder, whose first token would outweigh the others)",
    )
    if retrieval:
        added.add_argument(
            "--candidates",
            choices=CANDIDATES,
            default=PAPER.candidates,
            help="what the score ranks: the 5 nearest sentences by cosine (default, the paper's), or all",
        )
        added.add_argument(
            "--score",
            choices=SCORES,
            default=PAPER.score,
            help="the cosine over the mean cosine of both sentences' neighbours (default, the paper's), less that "
            "mean, or alone",
        )


def _run(chosen: argparse.Namespace) -> None:
    from neutral.runs import inside
    from neutral.runs.plans.inside import SENTENCES, InsidePlan

    quiet_libraries()
    plan = InsidePlan(
        model=chosen.model,
        masks=chosen.masks or (("full", "each") if chosen.mask_files else ("full",)),
        method=chosen.method,
        sparsity=chosen.sparsity,
        seed=chosen.seed,
        files=tuple(chosen.mask_files),
        sentences=chosen.sentences or SENTENCES,
        languages=chosen.languages,
        candidates=getattr(chosen, "candidates", PAPER.candidates),
        pooling=chosen.pooling,
        score=getattr(chosen, "score", PAPER.score),
        batch=chosen.batch,
    )
    work = inside.retrieve if chosen.what == "retrieve" else inside.represent
    how = {"device": chosen.device, "progress": chosen.progress, "quiet": chosen.quiet}
    study = work(plan, chosen.study, **how, **options.loaders(chosen))
    options.done(study.path, chosen)
