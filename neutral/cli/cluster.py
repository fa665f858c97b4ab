"""`cluster slurm`: a job script that runs a long command on all machines of an allocation."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from neutral.cli.options import command
from neutral.errors import NeutralError

REFUSED = ("--engine", "--address", "--json-progress", "--dry-run")
"""What the script itself says, or has no use for."""


def add_cluster(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    cluster = commands.add_parser("cluster", help="job scripts that run a long command on a cluster")
    inner = cluster.add_subparsers(required=True, metavar="slurm")
    text = "print a job script for Slurm that starts Ray inside the allocation and runs the command that follows on it"
    slurm = command(inner, "slurm", text, partial(_run, parsers=commands.choices))
    slurm.add_argument("--nodes", type=int, required=True, metavar="N", help="machines")
    slurm.add_argument("--gpus-per-node", type=int, default=0, metavar="G", help="GPUs of each (default: none)")
    slurm.add_argument("--cpus-per-node", type=int, metavar="C", help="CPUs of each (default: the partition's)")
    slurm.add_argument("--time", default="", metavar="T", help="12:00:00, 2-00:00:00 (default: the partition's)")
    slurm.add_argument("--partition", default="", metavar="P")
    slurm.add_argument("--account", default="", metavar="A")
    slurm.add_argument("--mem", default="", metavar="M", help="memory of each machine: 64G (default: the partition's)")
    slurm.add_argument("words", nargs="+", metavar="-- COMMAND …", help="find, transfer, compress, … and its options")


def _run(chosen: argparse.Namespace, *, parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    from neutral.cluster import slurm

    words = chosen.words[1:] if chosen.words[0] == "--" else chosen.words
    _require_long(words, parsers)
    allocation = slurm.Allocation(
        nodes=chosen.nodes,
        gpus=chosen.gpus_per_node,
        cpus=chosen.cpus_per_node,
        time=chosen.time,
        partition=chosen.partition,
        account=chosen.account,
        memory=chosen.mem,
    )
    print(slurm.script(words, allocation, folder=os.getcwd()), end="")


def _require_long(words: Sequence[str], parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    """Raise `NeutralError` for words that are no long command with a study, or that say what the script says."""
    from neutral import options
    from neutral.runs.execution import Execution
    from neutral.runs.plans import COMMANDS

    cls = COMMANDS.get(words[0])
    if cls is None or "engine" in cls.WITHOUT:
        several = ", ".join(name for name, each in COMMANDS.items() if "engine" not in each.WITHOUT)
        raise NeutralError(f"{words[0]}: not a command that Ray can run; there are {several}")
    chosen = parsers[words[0]].parse_args(words[1:])
    options.read(cls, chosen)
    execution = options.read(Execution, chosen)
    usual = {each.name: each for each in options.fields(Execution)}
    for flag in REFUSED:
        each = usual[flag.removeprefix("--").replace("-", "_")]
        if getattr(execution, each.name) != each.default:
            raise NeutralError(f"{flag}: leave it out; the script says it, or has no use for it")
    replace(execution, engine="ray", address="auto").check_asked()
