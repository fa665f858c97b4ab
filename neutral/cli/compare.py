"""`compare`: two pinned views beside each other, and how they differ, place by place."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from neutral.cli import options
from neutral.cli.options import command, print_table
from neutral.errors import NeutralError, one_line

if TYPE_CHECKING:
    from neutral.compare import View

PLACES = (  # as in `compare`, which imports longer
    *("layer", "component", "layer-component", "language", "pair"),
    *("mask", "target", "direction", "distance", "size"),
)

_PINS = (
    "what to show, of a study's folder: overlap:DIR, pair:DIR:en,fr, language:DIR:sw, typology:DIR, transfer:DIR, "
    "tickets:DIR or table:DIR:svd, and then METHOD:SPARSITY:TASK:SEED:MEASURE:LAYER:COMPONENT of masks, "
    "RATIO:BY:WHERE:MASKING:SCORING of a token table, as far as needed; "
    "docs/methods.md"
)


def add_compare(commands: argparse._SubParsersAction) -> None:
    """Add `compare`."""
    text = "two views beside each other (pairs, languages, methods, studies, models, token tables): the second minus"
    added = command(commands, "compare", f"{text} the first, against the same-language bound", _run)
    added.add_argument("pins", nargs="+", metavar="PIN", help=f"one or two; {_PINS}")
    added.add_argument("--by", choices=PLACES, help="(default: the first by which they can be compared)")
    options.form(added)


def _run(chosen: argparse.Namespace) -> None:
    from neutral import compare

    if len(chosen.pins) > 2:
        raise NeutralError(f"{len(chosen.pins)} pins: compare takes one or two")
    views = [_view(text) for text in chosen.pins]
    shared = compare.shared(views)
    by = chosen.by or next(iter(shared), PLACES[0])
    for view in views:
        print(one_line(f"neutral: {view.settings}"), file=sys.stderr)
    if len(views) == 1:
        if by not in views[0].tables:
            raise NeutralError(f"--by {by}: {views[0].name} has {', '.join(views[0].tables)}")
        print_table(views[0].tables[by], chosen.format)
        return
    apart = compare.difference(*views, by)
    told = compare.found(apart)
    bound = f", {told.beyond} of {told.bounded} beyond the bound" if told.bounded else ", no bound"
    if told.usual == told.usual:
        bound += f", {told.unusual} of {told.places} more than twice what finding the masks again usually makes"
    print(one_line(f"neutral: by {by}: {told.mean:+.4f} in the mean{bound}"), file=sys.stderr)
    print_table(apart.table, chosen.format)


def _view(text: str) -> View:
    from neutral import compare
    from neutral.study import Study

    pin = compare.read(text)
    return compare.view(pin, None if pin.study == compare.PAPER else Study(pin.study))
