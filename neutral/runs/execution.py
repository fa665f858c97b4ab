"""How a run is carried out: where its results go, on what it runs, and how it tells of itself. It decides no result."""

from __future__ import annotations

from dataclasses import MISSING, dataclass

from neutral.curves import PLACES
from neutral.errors import NeutralError
from neutral.options import check, harmless, option

ENGINES = ("local", "ray")

_HOW = harmless("how the run is carried out")


@dataclass(frozen=True)
class Execution:
    """How a run is carried out; the same for every command, but for what a plan's class has `WITHOUT`."""

    study: str = option(
        MISSING, "where results go; an existing study is continued", kind="folder", group="main", decides=_HOW
    )
    device: str = option("auto", "auto, cpu, cuda or mps; cuda:1 is the second", group="running", decides=_HOW)
    engine: str = option(
        "local",
        "local: this process, one device; ray: all devices of this machine or of a cluster",
        choices=ENGINES,
        group="running",
        decides=_HOW,
    )
    address: str = option(
        "",
        "of a Ray cluster's head, host:port; auto: the one that this machine belongs to (default: one is started here)",
        group="running",
        only_for={"engine": ("ray",)},
        decides=_HOW,
    )
    cpus_per_run: float | None = option(
        None,
        "CPUs that a unit of work takes; fractions share one (default: 1)",
        group="running",
        above=0,
        only_for={"engine": ("ray",)},
        decides=_HOW,
    )
    gpus_per_run: float | None = option(
        None,
        "GPUs that a unit of work takes; fractions share one (default: 1 where there are any)",
        group="running",
        least=0,
        only_for={"engine": ("ray",)},
        decides=_HOW,
    )
    quiet: bool = option(False, "no progress", group="running", decides=_HOW)
    json_progress: str = option(
        "", "write the state of the run there every second, as JSON", kind="file", group="running", decides=_HOW
    )
    report_to: str = option(
        "none",
        "where the curves of training go: files in the study's folder logs (tensorboard), trackio, or wandb",
        choices=PLACES,
        group="running",
        decides=_HOW,
    )
    dry_run: str = option(
        "",
        "say what is read and what would be done, as text or json, and stop; nothing is written",
        choices=("", "text", "json"),
        bare="text",
        group="running",
        decides=_HOW,
    )

    def check_asked(self) -> None:
        """Raise `NeutralError`, naming the option, for what cannot be."""
        check(self)
        of_ray = (self.address or None, self.cpus_per_run, self.gpus_per_run)
        if self.engine != "ray" and any(value is not None for value in of_ray):
            raise NeutralError("--address, --cpus-per-run, --gpus-per-run: only with --engine ray")
        if self.engine == "ray" and self.device != "auto":
            raise NeutralError(f"--device {self.device}: only with --engine local; Ray gives each unit its device")
        if self.address and self.report_to in ("tensorboard", "trackio"):
            raise NeutralError(
                f"--report-to {self.report_to}: not with --address, since its files would stay on the cluster's "
                "machines; use wandb, or leave it out"
            )
