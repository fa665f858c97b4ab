"""A run that is asked for: as a command to check, to copy and to start."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from neutral import home, jobs
from neutral.errors import NeutralError
from neutral.jobs import Limits, folders, job, records, sources
from neutral.study.duplicate import duplicate
from pages.parts.runs import facts, progress, tables


@dataclass(frozen=True)
class Asked:
    """A run that is asked for.

    Attributes
    ----------
    command : str
    arguments : tuple of str
        What makes the plan.
    study : Path
        Where it writes.
    origin : Path or None
        The study of which that will be a copy.
    device : str
    limits : Limits
    form : dict
        What fills the form in again.
    """

    command: str
    arguments: tuple[str, ...]
    study: Path
    origin: Path | None
    device: str
    limits: Limits
    form: dict = field(repr=False)

    @property
    def words(self) -> list[str]:
        """The words of the command, behind `neutral`, for a check: what is not copied yet is read where it is."""
        return self._words(self.origin or self.study)

    @property
    def shell(self) -> str:
        """The same thing as a command to copy."""
        command = shlex.join(["neutral", *self._words(self.study)])
        if self.origin is None:
            return command
        made, copied = shlex.join([str(self.study.parent)]), shlex.join([str(self.origin), str(self.study)])
        return f"mkdir -p {made} && cp -r {copied} &&\n{command}"

    @property
    def read(self) -> list[str]:
        """The folders that it reads, but for a study that a run is writing: that one changes all the time."""
        written = {str(each.study) for each in jobs.all_jobs() if each.state in records.AT_WORK}
        named = [word for word in self.arguments if Path(word).is_absolute()]
        places = [*named, str(self.origin or self.study), str(self.study)]
        return [place for place in places if place not in written]

    @property
    def seconds(self) -> float | None:
        """How long it takes, as its check said; None if it was not checked."""
        return facts.number((tables.known(self.words, self.read) or {}).get("seconds"))

    def allowed(self) -> list[str]:
        """Return `words` with the real paths of what they name. Raises `NeutralError` for what it may not read."""
        arguments = sources.checked(self.command, self.arguments, folders.roots(tables.is_local()))
        return job.words(self.command, arguments, self.origin or self.study, self.device)

    def start(self) -> str:
        """Put it in the queue, and return its id. Raises `NeutralError` for what is not allowed."""
        if why := tables.why_not():
            raise NeutralError(why)
        self.allowed()
        if self.origin:
            home.made(home.studies())
            duplicate(self.origin, self.study)
        request = self.form | ({progress.SECONDS: self.seconds} if self.seconds else {})
        how = {"device": self.device, "limits": self.limits, "request": request, "local": tables.is_local()}
        try:
            return jobs.add(self.command, self.arguments, study=self.study, name=self.study.name, **how).id
        except NeutralError:
            is_left = all(each.study != self.study for each in jobs.all_jobs())
            if self.origin and is_left:  # the copy would be in the way of the next try
                shutil.rmtree(self.study, ignore_errors=True)
            raise

    def _words(self, study: Path) -> list[str]:
        return job.words(self.command, self.arguments, study, self.device)
