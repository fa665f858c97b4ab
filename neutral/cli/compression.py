"""`compress`: smaller token tables, their errors and costs, into a study; `study budget`: which to take; `trim`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from neutral.cli import options, running
from neutral.cli.options import codes, command, print_table, quiet_libraries
from neutral.compression import FORMS
from neutral.errors import NeutralError, one_line
from neutral.runs.plans.compression import PERPLEXITIES, CompressionPlan

if TYPE_CHECKING:
    import pandas as pd

    from neutral.study import Study

_RATIO, _FORM = 10.0, "neutral"  # of `trim --compress`

BUDGET = ["method", "ratio", "bound", "low", "high", "again", "breaks", "mb_before", "mb_after", "command"]
"""Columns of `study budget`; mb_before and mb_after are of the token table, in float32 and compressed."""


def add_compress(commands: argparse._SubParsersAction) -> None:
    """Add the commands."""
    text = "compress the token table, and see what it costs each language"
    running.add(commands, "compress", text, CompressionPlan, page="Compression")
    text = (
        "cut a model's vocabulary to the tokens of some languages, into a folder that transformers reads; --compress "
        "compresses the table that is left"
    )
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
    trim.add_argument(
        "--compress", metavar="METHOD", help="also compress the table that is left, by a method of `compress`: mixed"
    )
    trim.add_argument(
        "--ratio", type=float, metavar="N", help=f"how many times smaller than the trimmed table (default: {_RATIO:g})"
    )
    trim.add_argument("--as", dest="form_of_folder", choices=FORMS, help=f"its form on disk (default: {_FORM})")
    trim.add_argument("--quiet", action="store_true", help="nothing on standard error but errors")
    options.form(trim)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens")
    return int(text)


def _run_trim(chosen: argparse.Namespace) -> None:
    if chosen.compress:
        _run_trim_and_compress(chosen)
        return
    for flag, value in {"--ratio": chosen.ratio, "--as": chosen.form_of_folder}.items():
        if value is not None:
            raise NeutralError(f"{flag} {value}: says how the table is compressed; give --compress METHOD too")
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


def _run_trim_and_compress(chosen: argparse.Namespace) -> None:
    import pandas as pd

    from neutral import corpora
    from neutral.progress import say
    from neutral.runs.compression import trimmed

    quiet_libraries()
    ratio, form = _RATIO if chosen.ratio is None else chosen.ratio, chosen.form_of_folder or _FORM
    plan = trimmed.planned(chosen.compress, ratio, form, gguf=chosen.gguf or "")
    corpus = corpora.load(chosen.text, chosen.languages, held_out=chosen.held_out)
    small = trimmed.write(chosen.model, corpus, chosen.out, plan, chosen.tokens, **options.loaders(chosen))
    say(small.facts.notes, quiet=chosen.quiet)
    rows = zip(small.facts.languages, small.costs, strict=True)
    print_table(pd.DataFrame([asdict(kept) | asdict(cost) for kept, cost in rows]), chosen.format)
    (full, left), (before, after) = small.facts.rows, small.facts.bytes
    cut = f"{left:,} of {full:,} tokens, {after / 1e6:,.1f} MB of weights instead of {before / 1e6:,.1f} MB"
    say([f"trimmed to {cut}", small.written.line], quiet=chosen.quiet)


def add_budget(inner: argparse._SubParsersAction) -> None:
    """Add `study budget`."""
    text = "how small a token table may get for a language and a tolerance, by every method that a study has tried"
    added = command(inner, "budget", text, _run_budget)
    added.add_argument("folder", metavar="DIR", help="a study that `compress` made")
    added.add_argument(
        "--language", default="worst", metavar="LANG", help="by any code; all: their mean; worst: every one (default)"
    )
    added.add_argument("--within", default="10%", metavar="PERCENT", help="how much worse perplexity may be")
    added.add_argument("--by", choices=("bytes", "parameters"), default="bytes", help="how ratios are counted")
    added.add_argument("--where", choices=("input", "both"), help="(default: both, where the study has it)")
    added.add_argument("--words", action="store_true", help="whole words masked")
    added.add_argument("--perplexity", choices=PERPLEXITIES, default="blocks")
    added.add_argument("--trim", action="store_true", help="tables of a trimmed vocabulary as well")
    options.form(added)


def _run_budget(chosen: argparse.Namespace) -> None:
    from neutral.compression import choosing
    from neutral.study import Study

    study = Study(chosen.folder)
    scores = _scores(study, chosen)
    language = _language(chosen.language, scores)
    tolerance = _tolerance(chosen.within)
    rows = choosing.within(scores, chosen.by, language, tolerance)
    if rows.empty:
        raise NeutralError(f"{chosen.folder}: no ratio was set by {chosen.by}; there is {', '.join(set(scores['by']))}")
    table = rows.assign(
        method=rows["line"],
        mb_before=choosing.table_bytes(study.info) / 1e6,
        mb_after=[choosing.table_bytes(study.info, ratio) / 1e6 for ratio in rows["ratio_bytes"]],
        command=[choosing.command(study.info, row) for _, row in rows.iterrows()],
    )[BUDGET].round({"ratio": 3, "low": 3, "high": 3, "mb_before": 3, "mb_after": 3})
    who = {"worst": "every language", "all": "the mean of languages"}.get(language, language)
    place = "input and output layer" if scores["where"].iloc[0] == "both" else "input only"
    said = f"{who} within {100 * tolerance:g}% of the full model's perplexity, {place}, by {chosen.by}"
    print(one_line(f"neutral: {said}"), file=sys.stderr)
    if chosen.format == "table":
        best = table.iloc[0]
        table = table.drop(columns="command")
        if best["bound"] != "below":
            print(one_line(f"neutral: the first is made by {best['command']}"), file=sys.stderr)
    print_table(table, chosen.format)


def _scores(study: Study, chosen: argparse.Namespace) -> pd.DataFrame:
    """Return the scores of one place and masking. Raises `NeutralError` where a study has none."""
    from neutral.compression import results

    every = results.scores(study.whole_table("perplexity"), results.tables(study.whole_table("table")))
    if every.empty:
        raise NeutralError(f"{chosen.folder}: has no perplexities of token tables; `compress` makes them")
    where = chosen.where or ("both" if "both" in set(every["where"]) else "input")
    words = chosen.words or chosen.perplexity == "lines"  # lines are scored with whole words masked
    rows = every[(every["where"] == where) & (every["words"] == words) & (every["scoring"] == chosen.perplexity)]
    rows = rows if chosen.trim else rows[~rows["trimmed"]]
    if rows.empty:
        masked = " with whole words masked" if words else ""
        raise NeutralError(f"{chosen.folder}: has no perplexities of {chosen.perplexity}{masked}, table in {where}")
    return rows


def _language(written: str, scores: pd.DataFrame) -> str:
    """Return the study's name of a language that is written in any code, or one of the words `all` and `worst`."""
    from neutral.language import nearest

    if written in ("all", "worst"):
        return written
    return nearest.member_called(written, list(dict.fromkeys(scores["language"])), "perplexity")


def _tolerance(written: str) -> float:
    """Return the share that a percentage is. Raises `NeutralError` for what is none."""
    try:
        percent = float(written.removesuffix("%"))
    except ValueError:
        raise NeutralError(f"--within {written[:40]}: a percentage, such as 10%") from None
    return percent / 100
