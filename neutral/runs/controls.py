"""Controls of masks that a study keeps, added to it: those that need no text, and so no search.

- shuffled: each mask shuffled within its tensors;
- pretrained: the mask that the untouched weights of the masks' model give, and what each mask changes against it.

A unit is one control of one set of masks (task, method, sparsity, seed); its piece is what is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from neutral import hashes, maskfiles, models, overlap, scores, summary
from neutral.errors import FileError, NeutralError
from neutral.files import storing
from neutral.lock import only_writer
from neutral.masks import Mask
from neutral.overlap import Counts
from neutral.progress import Progress, Tell
from neutral.runs.engines import Engine, Local, carry_out
from neutral.runs.plans.controls import ControlsPlan, check, kinds
from neutral.runs.records import remember, require_model, require_same
from neutral.runs.timing import seconds_of
from neutral.runs.units import Effect, Making, Shared, Unit, Work, Worker
from neutral.search import controls
from neutral.study import PRETRAINED, Study
from neutral.summary import Choice
from neutral.training import memory_limit

Masks = dict[str, Mask]

ADVICE = "end other programs and run the same command again; it goes on where it stopped"
_COUNTS = {"shuffled": ("shuffled",), "pretrained": ("pretrained", "beyond")}


@dataclass(frozen=True)
class Control:
    """A unit: a control of the masks of one choice."""

    choice: Choice
    kind: str


class Counted(NamedTuple):
    """A piece: kind of counts -> counts; of the pretrained control the scope of its cut and its weights' hash."""

    counts: dict[str, Counts]
    scope: str = ""
    weights: str = ""


def add(
    plan: ControlsPlan,
    folder: str | Path,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
    **options: object,
) -> Study:
    """Count the controls of a study's masks that it lacks; what it has is not made again.

    Without an engine this process does it; without `progress` a bar shows how far it is. `options` go to the model's
    loader (`gguf_file=…`, say).

    Raises `NeutralError` for a study that does not keep its masks, a model that does not fit them or is another than
    before, and another scope than before; `StorageError` if the system refuses.
    """
    with only_writer(Study(folder).path), storing(folder), memory_limit(ADVICE):
        carry_out(Controls(plan, folder, **options), engine or Local("cpu"), progress, quiet=quiet)
    return Study(folder)


class Controls(Work):
    """A plan at work: a study with masks, and the counts that it lacks."""

    def __init__(self, plan: ControlsPlan, folder: str | Path, **options: object) -> None:
        check(plan)
        self.plan, self.study, self.options = plan, Study(folder), options
        self._read: dict[str, str] = {}  # masks' files -> their hashes
        self.choices = summary.choices(self.study)
        if not self.choices:
            raise NeutralError(f"{folder}: has no overlap counts of masks, which controls stand beside")

    def units(self) -> list[Unit]:
        """See `Work.units`."""
        asked = [Control(choice, kind) for choice in self.choices for kind in kinds(self.plan)]
        return [Unit(("control", i), _called(each), 1.0, each) for i, each in enumerate(asked)]

    def is_done(self, unit: Unit) -> bool:
        """See `Work.is_done`."""
        choice, kind = unit.asked.choice, unit.asked.kind
        return all(self.study.counts_path(*choice, part).is_file() for part in _COUNTS[kind])

    def effect(self, unit: Unit) -> Effect:
        """See `Work.effect`."""
        choice, parts = unit.asked.choice, _COUNTS[unit.asked.kind]
        model = " and the model" if unit.asked.kind == "pretrained" else ""
        size = self.study.counts_path(*choice, "languages").stat().st_size * len(parts)
        return Effect(f"{len(self.study.counts(*choice).members)} masks{model}", f"counts: {', '.join(parts)}", size)

    def alike(self, unit: Unit) -> str:
        """See `Work.alike`."""
        return unit.asked.kind

    def phases(self) -> Iterator[list[Unit]]:
        """See `Work.phases`."""
        yield [unit for unit in self.units() if not self.is_done(unit)]

    def making(self) -> Making:
        """See `Work.making`."""
        return Making(Counter, self.plan.model, {"options": self.options})

    def given(self, unit: Unit) -> Mapping[str, Any]:
        """Return the masks, and the scope of the cut; "" for the model's usual one."""
        choice = unit.asked.choice
        scope = self._scope(choice) if unit.asked.kind == "pretrained" else ""
        return {"masks": Shared("/".join(map(str, choice)), partial(self._masks, choice)), "scope": scope}

    def write(self, unit: Unit, piece: Counted) -> None:
        """See `Work.write`."""
        choice = unit.asked.choice
        remember(self.study, "masks", self._read, "the mask")
        if piece.weights:
            require_model(self.study, {"weights": piece.weights})
            of_task: dict = {"settings": {choice.method: {"scope": piece.scope}}}
            info = of_task if self.study.info.get("task") == choice.task else {"tasks": {choice.task: of_task}}
            known = {"model": Path(self.plan.model).name, **self.study.info}["model"]
            self.study.info = Study.create(self.study.path, {**info, "weights": piece.weights, "model": known}).info
        for kind, counts in piece.counts.items():
            counts.save(self.study.counts_path(*choice, kind))

    def _masks(self, choice: Choice) -> Masks:
        """Return the masks behind a choice's counts. Raises `FileError` if they are not kept, or were changed."""
        files, masks = self.study.masks_of(*choice), {}
        for code in self.study.counts(*choice).members:
            if code not in files:
                raise FileError(self.study.path, f"does not keep the mask of {code}, which a control takes")
            masks[code] = maskfiles.read(files[code])
            read = {files[code].stem: hashes.mask(masks[code])}
            require_same(self.study, "masks", read, "the mask")
            self._read |= read
        return masks

    def _scope(self, choice: Choice) -> str:
        """Return the scope that was asked for, or the study's. Raises `NeutralError` if both are there and differ."""
        before, asked = self.study.settings(choice.task, choice.method).get("scope", ""), self.plan.scope
        if before and scores.scope_of(choice.method, asked or before) != before:
            told = f"its {choice.method} masks go with --scope {before}, not {asked}"
            raise NeutralError(f"{self.study.path}: {told}; use that, or another --study")
        return scores.scope_of(choice.method, before or asked)


class Counter(Worker):
    """Counts masks beside their controls; the model is loaded when the first of these needs it."""

    def __init__(self, model: str, device: str, options: Mapping[str, Any]) -> None:
        self.source, self.options = model, options
        self._untouched: Untouched | None = None

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[Counted]:
        """See `Worker.do`."""
        masks, seed = given["masks"], unit.asked.choice.seed
        if unit.asked.kind == "shuffled":
            yield Counted({"shuffled": _count({code: mask.shuffled(seed) for code, mask in masks.items()})})
        else:
            yield self._model().counted(masks, given["scope"])

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Return how long a unit takes, by doing it: it is short once the model is loaded."""
        if unit.asked.kind == "pretrained":
            self._model()
        return seconds_of(lambda: list(self.do(unit, given, lambda *_: None)))

    def _model(self) -> Untouched:
        self._untouched = self._untouched or Untouched(self.source, self.options)
        return self._untouched


class Untouched:
    """The weights of a model as they are before anything is trained."""

    def __init__(self, source: str, options: Mapping[str, Any]) -> None:
        model = _loaded(source, options)
        self.source, self.usual = source, models.natural_scope(source, **options)
        self.weights, self.transposed = models.prunable(model), scores.transposed(model)
        self.digest = hashes.digest(self.weights)

    def counted(self, masks: Masks, scope: str) -> Counted:
        """Count masks beside the pretrained one, as sparse as they are in the mean, and what each changes against it.

        Raises `NeutralError` if they are masks of another network.
        """
        if PRETRAINED in masks:
            raise NeutralError(f"a mask is called {PRETRAINED}, which is the name of this control; call it otherwise")
        try:
            fitted = {code: mask.fitted(self.weights) for code, mask in masks.items()}
        except NeutralError as error:
            raise NeutralError(f"{self.source}: is not the masks' model: {error}") from error
        first = next(iter(fitted.values()))
        sparsity, scope = sum(mask.sparsity() for mask in fitted.values()) / len(fitted), scope or self.usual
        mask = controls.pretrained(self.weights, first.names, sparsity, scope, transposed=self.transposed)
        beyond = {code: one ^ mask for code, one in fitted.items()}
        counts = {"pretrained": _count({**fitted, PRETRAINED: mask}, PRETRAINED), "beyond": _count(beyond)}
        return Counted(counts, scope, self.digest)


def _loaded(source: str, options: Mapping[str, Any]) -> Any:
    """Load a model under its own head, as a search does, or without where it is made for labelled tasks only."""
    try:
        return models.load(source, models.natural_task(source, **options), **options).model
    except NeutralError:
        return models.load(source, "base", **options).model


def _count(masks: Masks, kind: str = "") -> Counts:
    return overlap.count(list(masks.values()), list(masks), pairs=overlap.meant(kind, list(masks)))


def _called(asked: Control) -> str:
    choice = asked.choice
    return f"{choice.method} {choice.sparsity:.0%} seed {choice.seed} {asked.kind}"
