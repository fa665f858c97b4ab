"""`compress`: smaller token tables, their errors and what they do to perplexity, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import running
from neutral.runs.plans.compression import CompressionPlan


def add_compress(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    text = "compress the token table, and see what it costs each language"
    running.add(commands, "compress", text, CompressionPlan, page="Compression")
