"""`typology`: which distances between languages go with the overlap of their masks."""

from __future__ import annotations

import argparse

from neutral.cli import options
from neutral.cli.options import command, decimals, print_table, quiet_libraries, words

COLUMNS = [
    *("method", "sparsity", "measure", "distance", "scheme", "rho", "tested", "p", "holm"),
    *("permutations", "languages", "pairs"),
]


def add_typology(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    typology = command(commands, "typology", "what explains the overlap of a study's masks, into the study", _run)
    options.study(typology, help="a study of masks; results go there")
    typology.add_argument("--model", help="for the vocabulary's overlap: the model whose tokenizer counts --text")
    typology.add_argument("--gguf", metavar="FILE", help="a .gguf file in the model's folder that has the tokenizer")
    typology.add_argument(
        "--text", help="a folder of <lang>.txt[.gz|.xz]: the text that the model or masks were made from"
    )
    typology.add_argument(
        "--methods", type=words, default=(), help="of finding masks (default: all that the study has)"
    )
    typology.add_argument("--sparsity", type=decimals, default=(0.5,), help="0.3,0.5 (default: 0.5)")
    typology.add_argument(
        "--mask-seed", type=int, help="which of the masks found under several seeds (default: the lowest)"
    )
    typology.add_argument("--measures", type=words, default=("jaccard", "beyond"), help="jaccard,beyond,phi,…")
    typology.add_argument(
        "--by", type=words, default=("all", "layer"), help="all,layer,component,expert,…; the first is printed"
    )
    typology.add_argument(
        "--controls", type=words, default=("family", "script", "occurrences"), help="distances held, one at a time"
    )
    typology.add_argument("--permutations", type=int, default=9999)
    typology.add_argument("--seed", type=int, default=0)
    options.form(typology)
    options.progress(typology)


def _run(chosen: argparse.Namespace) -> None:
    from neutral import corpora
    from neutral.errors import NeutralError
    from neutral.runs.plans.typology import TypologyPlan
    from neutral.runs.typology import explain, study_at, token_counts

    if bool(chosen.model) != bool(chosen.text):
        raise NeutralError("--model and --text go together: the model's tokenizer counts the text's tokens")
    study = study_at(chosen.study)
    counts = None
    if chosen.model:
        quiet_libraries()
        corpus = corpora.load(chosen.text, list(study.info["languages"]))
        counts = token_counts(chosen.model, corpus, **options.loaders(chosen))
    plan = TypologyPlan(
        methods=chosen.methods,
        sparsities=chosen.sparsity,
        mask_seed=chosen.mask_seed,
        measures=chosen.measures,
        by=chosen.by,
        controls=chosen.controls,
        permutations=chosen.permutations,
        seed=chosen.seed,
    )
    table = explain(study, plan, counts=counts, progress=chosen.progress, quiet=chosen.quiet)
    if chosen.format == "table":
        table = table[table["controls"] == ""][COLUMNS].round(4)
    print_table(table, chosen.format)
    options.done(study.path, chosen, "Typology")
