"""`nearest` and `study similarity`: whose masks are nearest to a language's, and the square of all."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from neutral import glossary
from neutral.cli import options
from neutral.cli.options import codes, command, print_table
from neutral.errors import NeutralError, one_line
from neutral.labels import GROUPINGS

if TYPE_CHECKING:
    from neutral.study import Study
    from neutral.summary import Choice

# As in `summary` and `languages.written`, which take longer to import.
MEASURES = ("jaccard", "dice", "agreement", "phi", "beyond")
CODES = ("written", "bcp47", "iso639-3", "glottocode", "name")

_SHOWN = 10  # rows of a table, unless it is asked for more


def add_nearest(commands: argparse._SubParsersAction) -> None:
    """Add `nearest`."""
    text = "the languages whose masks are nearest to one language's, beside chance, control and bound"
    added = command(commands, "nearest", text, _run_nearest)
    added.add_argument("language", metavar="LANG", help="by any code: fr, fra, fra_Latn, stan1290")
    added.add_argument("--study", metavar="DIR", required=True)
    _masks(added)
    added.add_argument("--most", type=int, metavar="N", help=f"languages (default: {_SHOWN} of a table, else all)")
    options.form(added)
    added.formatter_class = argparse.RawDescriptionHelpFormatter
    added.epilog = f"Columns:\n{glossary.listed(**WORDS)}"


WORDS = {each: each for each in ("chance", "excess", "bound", "way", "sure")} | {
    "value": "overlap",
    "control": "pretrained",
}
"""Column of `nearest` -> its key in the glossary."""


def add_similarity(inner: argparse._SubParsersAction) -> None:
    """Add `study similarity`."""
    text = "how much the masks of all languages overlap, as a square: a row is a language's vector"
    added = command(inner, "similarity", text, _run_similarity)
    added.add_argument("folder", metavar="DIR")
    _masks(added)
    added.add_argument("--members", type=codes, default=(), help="en,fr,ur: the languages to take (default: all)")
    added.add_argument("--codes", choices=CODES, default="written", help="how languages are written: as in the study")
    added.add_argument("--format", choices=("table", "csv", "json"), default="csv")


def add_choice(added: argparse.ArgumentParser) -> None:
    """Add what says which of a study's masks are meant."""
    added.add_argument("--task", default="", help="needed where the study has masks of several tasks")
    added.add_argument("--method", default="", help="needed where the study has masks of several methods")
    added.add_argument("--sparsity", type=float, help="0.5, say (default: the nearest to that)")
    added.add_argument("--seed", type=int, help="(default: the lowest)")


def _masks(added: argparse.ArgumentParser) -> None:
    """Add which of a study's masks are meant, and what of them."""
    add_choice(added)
    added.add_argument("--measure", choices=MEASURES, default="jaccard")
    added.add_argument("--by", choices=GROUPINGS, default="all", help="the grouping of weights that --group is of")
    added.add_argument("--group", help='"decoder 3", say, with --by layer: only these weights')


def _run_nearest(chosen: argparse.Namespace) -> None:
    from neutral import summary
    from neutral.language import nearest
    from neutral.members import display

    if chosen.most is not None and chosen.most < 1:
        raise NeutralError(f"--most {chosen.most}: at least 1 language is shown")
    study, choice, group = _asked(chosen, chosen.study)
    member = nearest.member_called(chosen.language, summary.counts_of(study, choice, chosen.measure).members)
    table = nearest.nearest(study, choice, member, chosen.measure, chosen.by, group)
    table.insert(1, "name", [display(language) for language in table["language"]])
    most = chosen.most or (_SHOWN if chosen.format == "table" else len(table))
    more = f", the first {most} of {len(table)} (--most)" if most < len(table) else ""
    print(one_line(f"neutral: {display(member)} ({member}), {_said(choice)}{more}"), file=sys.stderr)
    print_table(table.head(most), chosen.format)


def _run_similarity(chosen: argparse.Namespace) -> None:
    from neutral.language import nearest

    study, choice, group = _asked(chosen, chosen.folder)
    square = nearest.similarity(
        study, choice, chosen.measure, chosen.by, group, members=chosen.members, codes=chosen.codes
    )
    print(f"neutral: {_said(choice)}", file=sys.stderr)
    print_table(square.rename_axis("language").reset_index(), chosen.format)


def _asked(chosen: argparse.Namespace, folder: str) -> tuple[Study, Choice, str]:
    """Return the study, the choice of masks and the group. Raises `NeutralError` for a grouping without a group."""
    from neutral.language import nearest
    from neutral.study import Study

    if (chosen.by == "all") != (chosen.group is None):
        raise NeutralError("--by and --group go together: --by layer --group 'decoder 3', say")
    study, asked = Study(folder), ("task", "method", "sparsity", "seed")
    return study, nearest.choice_of(study, **{name: getattr(chosen, name) for name in asked}), chosen.group or "all"


def _said(choice: Choice) -> str:
    return one_line(f"task {choice.task}, {choice.method} at {choice.sparsity:.0%}, seed {choice.seed}")
