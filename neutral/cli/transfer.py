"""`transfer`: train the mask of one language on the data of another, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import running
from neutral.runs.plans.transfer import TransferPlan

GONE = {"--devices": "is now --device for one, and --engine ray for all devices of this machine or of a cluster"}


def add_transfer(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    text = "train each language's mask on every language's data, into a study"
    running.add(commands, "transfer", text, TransferPlan, page="Transfer", gone=GONE)
