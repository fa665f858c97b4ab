"""`typology`: which distances between languages go with the overlap of their masks."""

from __future__ import annotations

import argparse

from neutral.cli import running
from neutral.runs.plans.typology import TypologyPlan


def add_typology(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    text = "what explains the overlap of a study's masks, into the study"
    running.add(commands, "typology", text, TypologyPlan, page="Typology")
