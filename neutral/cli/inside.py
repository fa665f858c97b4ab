"""`retrieve` and `represent`: what the network makes of parallel sentences, layer by layer, into a study."""

from __future__ import annotations

import argparse
import sys

from neutral.cli.options import command, common, quiet_libraries, words


def add_inside(commands: argparse._SubParsersAction) -> None:
    """Add both commands."""
    for name, text in (
        ("retrieve", "find each sentence's translation by its states, layer by layer, into a study"),
        ("represent", "compare the representations of languages layer by layer (SVCCA, PWCCA, CKA), into a study"),
    ):
        added = command(commands, name, text, _run)
        added.set_defaults(what=name)
        added.add_argument("--study", required=True, metavar="DIR", help="a study of this model; results are appended")
        added.add_argument("--model", required=True, help="a Hugging Face id or folder, the one of the study")
        added.add_argument("--gguf", metavar="FILE", help="a .gguf file in the model's folder to load the weights from")
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

    quiet_libraries()
    plan = inside.InsidePlan(
        model=chosen.model,
        masks=chosen.masks or (("full", "each") if chosen.mask_files else ("full",)),
        method=chosen.method,
        sparsity=chosen.sparsity,
        seed=chosen.seed,
        files=tuple(chosen.mask_files),
        sentences=chosen.sentences or inside.SENTENCES,
        languages=chosen.languages,
        batch=chosen.batch,
    )
    work = inside.retrieve if chosen.what == "retrieve" else inside.represent
    options = {"gguf_file": chosen.gguf} if chosen.gguf else {}
    study = work(plan, chosen.study, device=chosen.device, quiet=chosen.quiet, **options)
    if not chosen.quiet:
        print(f"done: {study.path}; look at it with `streamlit run app.py`", file=sys.stderr)
