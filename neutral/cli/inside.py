"""`retrieve` and `represent`: what the network makes of parallel sentences, layer by layer, into a study."""

from __future__ import annotations

import argparse

from neutral.cli import running
from neutral.runs.plans.inside import RepresentPlan, RetrievePlan


def add_inside(commands: argparse._SubParsersAction) -> None:
    """Add both commands."""
    text = "find each sentence's translation by its states, layer by layer, into a study"
    running.add(commands, "retrieve", text, RetrievePlan, page="Inside the model")
    text = "compare the representations of languages layer by layer (SVCCA, PWCCA, CKA), into a study"
    running.add(commands, "represent", text, RepresentPlan, page="Inside the model")
