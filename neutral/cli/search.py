"""`find`: the sub-network of each language, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import running
from neutral.runs.plans.search import SearchPlan


def add_find(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    running.add(commands, "find", "find the sub-network of each language, into a study", SearchPlan)
