"""Controls of masks that a study keeps, added to it: those that need no text, and so no search.

- shuffled: each mask shuffled within its tensors;
- pretrained: the mask that the untouched weights of the masks' model give, and what each mask changes against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neutral import hashes, maskfiles, models, overlap, scores, summary
from neutral.errors import FileError, NeutralError
from neutral.files import storing
from neutral.lock import only_writer
from neutral.masks import Mask
from neutral.progress import bar
from neutral.runs.records import remember, require_model
from neutral.search import controls
from neutral.study import PRETRAINED, Study
from neutral.summary import Choice
from neutral.training import memory_limit

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

KINDS = ("shuffled", "pretrained")
_COUNTS = {"shuffled": ("shuffled",), "pretrained": ("pretrained", "beyond")}


def add(
    folder: str | Path,
    kinds: Sequence[str],
    *,
    model: str = "",
    scope: str = "",
    quiet: bool = False,
    **options: object,
) -> Study:
    """Count the controls of a study's masks that it lacks; what it has is not made again.

    Parameters
    ----------
    folder : str or Path
        A study that keeps its masks.
    kinds : sequence of str
        Of `KINDS`.
    model : str
        Hub id or folder of the masks' model, for `pretrained`.
    scope : str
        Among which weights the pretrained mask is cut (`scores.cut`); by default as the study says of the masks, else
        in each row for Wanda and over the whole network for other methods.
    quiet : bool
    **options
        Go to the model's loader.

    Raises
    ------
    NeutralError
        For a study without masks, a model that does not fit them or is another than before, another scope than before.
    StorageError
        If the system refuses.
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise NeutralError(f"--controls {unknown[0]}: unknown; there are {' and '.join(KINDS)}")
    if scope and scope not in scores.SCOPES:
        raise NeutralError(f"--scope {scope}: unknown; use one of {', '.join(scores.SCOPES)}")
    if "pretrained" in kinds and not model:
        raise NeutralError("--controls pretrained: takes the masks' model; name its folder or id with --model")
    study = Study(folder)
    with only_writer(folder), storing(folder), memory_limit("end other programs and run the same command again"):
        todo = [(choice, kind) for choice in summary.choices(study) for kind in kinds if _lacks(study, choice, kind)]
        reference = _Reference(study, model, **options) if any(kind == "pretrained" for _, kind in todo) else None
        with bar(len(todo), "control", quiet=quiet) as shown:
            for choice, kind in todo:
                shown.set_description(f"{choice.method} {choice.sparsity:.0%} {kind}")
                masks = _masks(study, choice)
                if kind == "shuffled":
                    _count(study, choice, {code: mask.shuffled(choice.seed) for code, mask in masks.items()}, kind)
                else:
                    _pretrained(study, choice, masks, reference, _scope(study, choice, scope, reference))
                shown.update()
    return Study(folder)


def _lacks(study: Study, choice: Choice, kind: str) -> bool:
    return not all(study.counts_path(*choice, part).is_file() for part in _COUNTS[kind])


def _masks(study: Study, choice: Choice) -> dict[str, Mask]:
    """Return the masks behind a choice's counts. Raises `FileError` if they are not kept, or were changed."""
    files = study.masks_of(*choice)
    masks = {}
    for code in study.counts(*choice).members:
        if code not in files:
            raise FileError(study.path, f"does not keep the mask of {code}, which a control takes")
        masks[code] = maskfiles.read(files[code])
        remember(study, "masks", {files[code].stem: hashes.mask(masks[code])}, "the mask")
    return masks


def _count(study: Study, choice: Choice, masks: Mapping[str, Mask], kind: str) -> None:
    overlap.count(list(masks.values()), list(masks)).save(study.counts_path(*choice, kind))


def _scope(study: Study, choice: Choice, asked: str, reference: _Reference) -> str:
    """Return the scope of a pretrained mask, and write it down. Raises `NeutralError` for another than before."""
    settings = study.settings(choice.task, choice.method)
    before = settings.get("scope", "")
    if before and scores.scope_of(choice.method, asked or before) != before:
        told = f"its {choice.method} masks go with --scope {before}, not {asked}"
        raise NeutralError(f"{study.path}: {told}; use that, or another --study")
    scope = before or scores.scope_of(choice.method, asked or reference.scope)
    if not before:
        of_task = {"settings": {choice.method: {"scope": scope}}}
        info = of_task if study.info.get("task") == choice.task else {"tasks": {choice.task: of_task}}
        study.info = Study.create(study.path, info).info
    return scope


class _Reference:
    """The untouched model of a study's masks. Raises `NeutralError` if the study was made with another."""

    def __init__(self, study: Study, source: str, **options: object) -> None:
        self.source, self.scope = source, models.natural_scope(source, **options)
        model = _loaded(source, **options)
        self.weights: dict[str, torch.Tensor] = models.prunable(model)
        self.transposed = scores.transposed(model)
        digest = {"weights": hashes.digest(self.weights)}
        require_model(study, digest)
        known = {"model": Path(source).name} if "model" not in study.info else {}
        study.info = Study.create(study.path, digest | known).info

    def fitted(self, mask: Mask) -> Mask:
        """Return a mask under the model's names. Raises `NeutralError` if it is of another network."""
        try:
            return mask.fitted(self.weights)
        except NeutralError as error:
            raise NeutralError(f"{self.source}: is not the masks' model: {error}") from error


def _loaded(source: str, **options: object) -> PreTrainedModel:
    """Load a model under its own head, as a search does, or without where it is made for labelled tasks only."""
    try:
        return models.load(source, models.natural_task(source, **options), **options).model
    except NeutralError:
        return models.load(source, "base", **options).model


def _pretrained(study: Study, choice: Choice, masks: Mapping[str, Mask], reference: _Reference, scope: str) -> None:
    """Count masks beside the pretrained one, as sparse as they are in the mean, and what each changes against it."""
    fitted = {code: reference.fitted(mask) for code, mask in masks.items()}
    sparsity = sum(mask.sparsity() for mask in fitted.values()) / len(fitted)
    names = next(iter(fitted.values())).names
    untouched = controls.pretrained(reference.weights, names, sparsity, scope, transposed=reference.transposed)
    untouched = untouched.bridged(next(iter(fitted.values())))
    if PRETRAINED in fitted:
        raise NeutralError(f"{study.path}: has a mask called {PRETRAINED}, which is the name of this control")
    _count(study, choice, {**fitted, PRETRAINED: untouched}, "pretrained")
    _count(study, choice, {code: mask ^ untouched for code, mask in fitted.items()}, "beyond")
