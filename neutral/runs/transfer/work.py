"""A transfer at work in the process that owns its study: which runs are left, and how their results are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from neutral.corpora import Corpus
from neutral.curves import NOWHERE, Curves
from neutral.progress import say
from neutral.runs.plans.transfer import Run, TransferPlan
from neutral.runs.records import Finished
from neutral.runs.transfer import records
from neutral.runs.transfer.worker import Trainer, called, loaded, reads, trainer
from neutral.runs.units import Effect, Making, Shared, Unit, Work
from neutral.study import Study
from neutral.tasks import making

_ROW, _EXAMPLE = 350, 8
"""Bytes of a score, and of what an example adds to its metric, about."""


class Transfers(Work):
    """A plan at work: one model, the text of its targets, the study that has the masks, and the one that takes results.

    Raises `NeutralError` for a plan that cannot be carried out, and for a model or text that does not do.
    """

    def __init__(
        self,
        plan: TransferPlan,
        corpus: Corpus,
        folder: str | Path,
        *,
        masks: str | Path | None = None,
        device: str = "auto",
        curves: Curves = NOWHERE,
        quiet: bool = False,
        **options: object,
    ) -> None:
        self.folder, self.corpus, self.options = Path(folder), corpus, options
        masks = Path(masks or folder)
        self.plan = records.scoped(plan, masks, options, folder)
        self._todo = records.pending(self.plan, folder, masks)
        self.masks = Study(masks)
        subject = loaded(self.plan, corpus, device, options)
        say(subject.notes, quiet=quiet)
        self._info = records.info(self.plan, subject, corpus, options)
        self.sizes = {code: len(items) for code, items in subject.train.items()}
        self.study = Study(folder) if (self.folder / "study.json").is_file() else None
        self._worker: Trainer | None = Trainer(self.plan, subject, curves)
        self._values = {"plan": self.plan, "corpus": corpus, "curves": curves, "options": options}

    def require(self) -> None:
        """See `Work.require`."""
        records.require(self.plan, self.folder, self._info)

    def effect(self, unit: Unit) -> Effect:
        """See `Work.effect`."""
        masks = ", ".join(dict.fromkeys(code for code, *_ in reads(self.plan, unit.asked)))
        steps = self.plan.recipe.of(self.sizes[unit.asked.target]).steps
        read = [f"the mask of {masks}"] * bool(masks) + [f"{steps:,} steps of {unit.asked.target}, its held-out text"]
        size = _ROW + (_EXAMPLE * self.plan.held_out if self.plan.task in making.LABELLED else 0)
        return Effect(", ".join(read), "a score", size)

    def begin(self) -> None:
        """See `Work.begin`. Raises `MismatchError` at once for masks that do not fit the model."""
        self.study = records.begun(self.plan, self.folder, self._info)
        vars(self).pop("results", None)
        records.remember_masks(self.plan, self.study, self.masks)
        if self._todo and self.plan.sources and self._worker:
            place = self.plan.sources[0], self.plan.sparsities[0], self.plan.mask_seed
            records.mask(self.plan, self.masks, place).fitted(self._worker.subject.origin)

    @cached_property
    def results(self) -> Finished:
        """What the study has."""
        return records.results(self.study)

    def units(self) -> list[Unit]:
        """See `Work.units`."""
        return [self._of(number, run) for number, run in enumerate(self.plan.runs())]

    def is_done(self, unit: Unit) -> bool:
        """See `Work.is_done`."""
        return self.study is not None and self.results.has("transfer", **records.row(self.plan, unit.asked))

    def phases(self) -> Iterator[list[Unit]]:
        """Yield what is left, all at once."""
        yield [unit for unit in self.units() if not self.is_done(unit)]

    def making(self) -> Making:
        """See `Work.making`."""
        return Making(trainer, self.plan.model, self._values)

    def here(self, device: str) -> Trainer:
        """See `Work.here`."""
        return self._worker or super().here(device)

    def free(self) -> None:
        """See `Work.free`."""
        self._worker = None

    def given(self, unit: Unit) -> Mapping[str, Shared]:
        """Return the masks that the run's mask is made of."""
        given = {}
        for place in reads(self.plan, unit.asked):
            path = records.path(self.plan, self.masks, place)
            given[called(place)] = Shared(path.stem, partial(records.mask, self.plan, self.masks, place))
        return given

    def write(self, unit: Unit, piece: Any) -> None:
        """See `Work.write`."""
        self.results.append("transfer", **records.row(self.plan, unit.asked), **piece)

    def _of(self, number: int, run: Run) -> Unit:
        plan = self.plan
        name = f"{run.source} on {run.target}, {run.sparsity:.0%}, seed {run.seed}"
        evaluations = 2 * plan.held_out / plan.recipe.batch_size / 3  # in steps: they have no backward pass
        return Unit((run.seed, number), name, plan.recipe.of(self.sizes[run.target]).steps + evaluations, run)
