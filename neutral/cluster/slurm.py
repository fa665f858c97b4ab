"""A job script for Slurm: Ray inside the allocation by `ray symmetric-run`, and a clean stop before the time is up."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neutral.errors import NeutralError

WARNING = 300
"""Seconds before the time limit at which the run is asked to stop."""

_NAME = re.compile(r"[\w.,:@+-]+", re.ASCII)
_TIME = re.compile(r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}", re.ASCII)
_MEMORY = re.compile(r"\d+[KMGT]?", re.ASCII)


@dataclass(frozen=True)
class Allocation:
    """What the job asks Slurm for: machines, and of each GPUs, CPUs and memory; names and times as Slurm writes them.

    Raises `NeutralError`, naming the option, for what cannot stand in a script.
    """

    nodes: int
    gpus: int = 0
    cpus: int | None = None
    time: str = ""
    partition: str = ""
    account: str = ""
    memory: str = ""

    def __post_init__(self) -> None:
        for flag, value, least in (
            ("--nodes", self.nodes, 1),
            ("--gpus-per-node", self.gpus, 0),
            ("--cpus-per-node", self.cpus, 1),
        ):
            if value is not None and value < least:
                raise NeutralError(f"{flag} {value}: a whole number, at least {least}")
        for flag, value, form, such in (
            ("--time", self.time, _TIME, "a time of Slurm's, such as 12:00:00 or 2-00:00:00"),
            ("--partition", self.partition, _NAME, "a name without spaces"),
            ("--account", self.account, _NAME, "a name without spaces"),
            ("--mem", self.memory, _MEMORY, "an amount of Slurm's, such as 64G"),
        ):
            if value and not form.fullmatch(value):
                raise NeutralError(f"{flag} {value}: {such}")

    def directives(self, name: str, folder: Path) -> list[str]:
        """Return the lines that Slurm reads; the job works in `folder`."""
        asked = {
            "job-name": name,
            "nodes": self.nodes,
            "ntasks-per-node": 1,
            "exclusive": "",  # Ray takes a machine that has no other Ray, and stops all of the user's there
            "cpus-per-task": self.cpus,
            "gpus-per-node": self.gpus or None,
            "mem": self.memory or None,
            "time": self.time or None,
            "partition": self.partition or None,
            "account": self.account or None,
            "signal": f"B:USR1@{WARNING}",
            "chdir": _quoted(folder),
        }
        given = {flag: value for flag, value in asked.items() if value is not None}
        return [f"#SBATCH --{flag}{'=' * (value != '')}{value}" for flag, value in given.items()]


def script(words: Sequence[str], allocation: Allocation, *, folder: str | Path, python: str = sys.executable) -> str:
    """Return the job script that runs `neutral WORDS` on all machines of an allocation.

    Parameters
    ----------
    words : sequence of str
        A long command and its options, without those of the engine.
    allocation : Allocation
    folder : str or Path
        Where the command is at home: relative paths start there, and so does what the job writes.
    python : str
        The interpreter, which all machines have at that path.

    Raises `NeutralError` for a folder whose name Slurm cannot read.
    """
    folder = Path(folder).absolute()
    run = shlex.join([python, "-m", "neutral", *words])
    programs = shlex.quote(str(Path(python).parent))
    gpus = f" --num-gpus={allocation.gpus}"
    cpus = "${SLURM_CPUS_PER_TASK:-$(nproc)}"
    return f"""#!/bin/bash
{chr(10).join(allocation.directives(f"neutral-{words[0]}", folder))}
# The same file may be submitted again: the run goes on where it stopped.
set -u
export RAY_USAGE_STATS_ENABLED=0 RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
export PATH={programs}:"$PATH"
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))
progress="neutral-$SLURM_JOB_ID.json"

# {WARNING // 60} minutes before the time is up the run ends behind the next piece that it writes.
told() {{
  {shlex.quote(python)} -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$progress" "$1"
}}
stop() {{
  trap '' USR1
  pid=$(told pid) && kill -USR1 "$pid"
}}
trap stop USR1

srun --nodes={allocation.nodes} --ntasks={allocation.nodes} \\
  ray symmetric-run --address "$head:$port" --min-nodes {allocation.nodes} \\
  --num-cpus="{cpus}"{gpus} -- \\
  {run} --engine ray --address "$head:$port" --json-progress "$progress" &
job=$!
wait "$job"
code=$?
if [ "$code" -eq 138 ]; then  # the signal ended the wait, not the job
  wait "$job"
  code=$?
fi
if [ "$code" -eq 0 ] && [ "$(told state)" != done ]; then
  code=1  # Ray did not start, and says so above
fi
exit "$code"
"""


def _quoted(folder: Path) -> str:
    """Return a folder as a directive has it: in quotes, since it may have spaces."""
    text = str(folder)
    if not text.isprintable() or set(text) & set("\"\\'%"):
        raise NeutralError(f"{folder}: Slurm cannot read such a name of a folder; go to another")
    return f'"{text}"'
