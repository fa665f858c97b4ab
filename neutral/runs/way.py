"""How a plan is carried out, or asked what it would do: what all commands have in common there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neutral.curves import Curves
from neutral.progress import Progress
from neutral.runs.execution import Execution

if TYPE_CHECKING:
    from neutral.runs.dry import Estimate
    from neutral.runs.units import Work

Show = Callable[[str], object]

LOGS = "logs"
"""The folder of a study that takes TensorBoard's files."""


class Way(NamedTuple):
    """How a plan is carried out: what the functions of this module have in common."""

    command: str
    execution: Execution
    show: Show
    progress: Progress | None  # None: a dry run
    noted: dict[str, Any]  # by a dry run, of the text

    @property
    def single(self) -> dict[str, Any]:
        """What a run in this process takes."""
        return {"device": self.execution.device, "progress": self.progress, "quiet": self.execution.quiet}

    @property
    def units(self) -> dict[str, Any]:
        """What a run of units takes: the engine that does them, and what is told of them."""
        from neutral.runs import engines

        asked = self.execution
        shares = {"cpus_per_run": asked.cpus_per_run, "gpus_per_run": asked.gpus_per_run}
        engine = engines.named(asked.engine, device=asked.device, address=asked.address, **shares)
        return {"engine": engine, "progress": self.progress, "quiet": asked.quiet}

    @property
    def dry(self) -> dict[str, Any]:
        """What a work takes that is asked what it would do."""
        return {"device": self.execution.device, "quiet": self.execution.quiet}

    def estimate(self, summary: str, plan: Any, works: Callable[[], list[Work]], **more: str) -> None:
        """Show what some works would do; `more` goes to `dry.Estimate`."""
        from neutral import models
        from neutral.models import overview
        from neutral.runs import dry
        from neutral.training import memory_limit

        with memory_limit("lower --length or --batch, or take a larger device"):
            if getattr(plan, "model", ""):
                looked = models.look(plan.model, **loaders_of(plan))
                self.noted["model"] = overview.facts(looked, getattr(plan, "only", ""))
            began = time.perf_counter()
            made = works()
            of = {"command": self.command, "summary": summary, **self.noted, **more}
            of["notes"] = (dry.beside(time.perf_counter() - began),)
            self.tell(dry.of(made, self.execution.study, self.execution.device, **of))

    def tell(self, estimate: Estimate) -> None:
        """Show an estimate in the form that was asked for."""
        if self.execution.dry_run == "json":
            self.show(json.dumps(estimate.facts(), ensure_ascii=False, indent=1))
            return
        for line in estimate.lines():
            self.show(line)

    @property
    def curves(self) -> dict[str, Any]:
        """Where the curves of training go."""
        folder = Path(self.execution.study).absolute() / LOGS
        return {"curves": Curves(self.execution.report_to, str(folder))}


def loaders_of(plan: Any) -> dict[str, str]:
    """Return what a plan sets for the loaders of model and tokenizer."""
    return {"gguf_file": plan.gguf} if getattr(plan, "gguf", "") else {}
