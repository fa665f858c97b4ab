"""`retrieve` and `represent`: what the network makes of parallel sentences, layer by layer, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.options import command, common, quiet_libraries, words


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
            "--masks", type=words, help="some of full,each,core,random,pretrained (default: full; each too with files)"
        )
        added.add_argument("--mask-files", nargs="+", default=(), metavar="FILE", help="masks in place of the study's")
        added.add_argument("--method", default="magnitude", help="whose masks")
        added.add_argument("--sparsity", type=float, default=0.5)
        added.add_argument("--seed", type=int, default=0)
        added.add_argument("--batch", type=int, default=32, help="sentences at a time")
        common(added)


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
        batch=chosen.batch,
    )
    work = inside.retrieve if chosen.what == "retrieve" else inside.represent
    study = work(plan, chosen.study, device=chosen.device, quiet=chosen.quiet, **options.loaders(chosen))
    options.done(study.path, chosen)
