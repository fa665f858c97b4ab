"""`controls`: what the masks of a study are compared with, without a search."""

from __future__ import annotations

import argparse

from neutral.cli import running
from neutral.runs.plans.controls import ControlsPlan


def add_controls(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    text = "count what a study's masks are compared with that takes no text, into the study"
    running.add(commands, "controls", text, ControlsPlan, page="Overlap")
