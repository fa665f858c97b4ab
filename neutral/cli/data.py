"""`data show`: what is read of a folder of text or labelled data, before it costs hours."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from neutral.cli import options
from neutral.cli.options import codes, command, print_table, quiet_libraries
from neutral.tasks import names

if TYPE_CHECKING:
    from neutral.corpora import Survey


def add_data(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    data = commands.add_parser("data", help="what is read of text or labelled data, and what is left out and why")
    inner = data.add_subparsers(required=True, metavar="show")
    text = (
        "what is read of text or labelled data, by language: sentences, examples or lines, what is left out and why, "
        "the labels, and the first example"
    )
    show = command(inner, "show", text, _run_show)
    show.add_argument("source", metavar="FOLDER", help="a folder, or the id of a data set of the hub; as for `find`")
    show.add_argument("--task", required=True, choices=names.NAMES)
    show.add_argument("--languages", type=codes, help="en,fr,… (default: all that the folder has)")
    show.add_argument("--held-out", metavar="DIR", help="text to score on, for mlm and clm")
    options.labels(show)
    options.model(show, required=False, help="a Hugging Face id or folder whose tokenizer counts the tokens")
    options.form(show)


def _run_show(chosen: argparse.Namespace) -> None:
    from neutral.tasks import data

    renamed = options.renamed(chosen)
    survey = data.survey(chosen.task, chosen.source, chosen.languages, held_out=chosen.held_out, labels=renamed)
    show(survey, chosen)


def show(survey: Survey, chosen: argparse.Namespace) -> None:
    """Print what came of reading data; raise `NeutralError` for a language that cannot be read."""
    from neutral.progress import say
    from neutral.tasks import overview

    tokenizer = None
    if chosen.model:
        from neutral import models

        quiet_libraries()
        tokenizer = models.load_tokenizer(chosen.model, **options.loaders(chosen))
    form = chosen.format
    told = overview.facts(survey, tokenizer)
    say(survey.corpus.notes)
    if form == "json":
        print(json.dumps(told, ensure_ascii=False, indent=1))
    elif told:
        print_table(overview.table(told, whole=form == "csv"), form)
    overview.require(survey, told)
