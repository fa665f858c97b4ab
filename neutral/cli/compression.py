"""`compress`: smaller token tables, their errors and what they do to perplexity; `trim`: a model for some languages."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from neutral.cli import options, running
from neutral.cli.options import codes, command, print_table, quiet_libraries
from neutral.runs.plans.compression import CompressionPlan


def add_compress(commands: argparse._SubParsersAction) -> None:
    """Add the commands."""
    text = "compress the token table, and see what it costs each language"
    running.add(commands, "compress", text, CompressionPlan, page="Compression")
    text = "cut a model's vocabulary to the tokens of some languages, into a folder that transformers reads"
    trim = command(commands, "trim", text, _run_trim)
    options.model(trim)
    trim.add_argument("--languages", type=codes, help="en,fr,… (default: all that the text has)")
    trim.add_argument(
        "--text", required=True, metavar="DIR", help="a folder of <lang>.txt[.gz|.xz]; the tokens that it uses stay"
    )
    trim.add_argument(
        "--held-out", metavar="DIR", help="text that tells what is lost (default: TEXT/dev, else a tenth)"
    )
    trim.add_argument("--out", required=True, metavar="DIR", help="an empty folder for the model")
    trim.add_argument("--tokens", type=_count, metavar="N", help="keep the N tokens that the text needs most")
    trim.add_argument("--quiet", action="store_true", help="nothing on standard error but errors")
    options.form(trim)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens")
    return int(text)


def _run_trim(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral import corpora
    from neutral.compression import trimmed
    from neutral.progress import say

    quiet_libraries()
    corpus = corpora.load(chosen.text, chosen.languages, held_out=chosen.held_out)
    facts = trimmed.write(chosen.model, corpus, chosen.out, chosen.tokens, **options.loaders(chosen))
    say(facts.notes, quiet=chosen.quiet)
    print_table(pd.DataFrame(map(asdict, facts.languages)), chosen.format)
    (full, left), (before, after) = facts.rows, facts.bytes
    cut = f"{left:,} of {full:,} tokens, {after / 1e6:,.1f} MB of weights instead of {before / 1e6:,.1f} MB"
    say([f"{chosen.out}: {cut}"], quiet=chosen.quiet)
