"""How a study was made: every study records it, and a run refuses to continue a study that was made otherwise."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from neutral import __version__, models
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.files import storing
from neutral.study import Study, current_settings
from neutral.tasks import Score
from neutral.tasks.wording import Wording


def provenance(corpus: Corpus, languages: Sequence[str]) -> dict:
    """Return the entries of study.json for its text, the day, and the versions of the software."""
    return {
        "text": {"name": Path(corpus.name).name, "hashes": {code: corpus.hashes[code] for code in languages}},
        "created": date.today().isoformat(),
        "versions": {
            "neutral": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "numpy")},
        },
    }


def digest(weights: Mapping[str, torch.Tensor]) -> str:
    """Return 16 hexadecimal digits that change when a weight does.

    A text model inside of one of several media (Qwen3.5 under a head for tags) has the names that it has alone.
    """
    hasher = hashlib.sha256()
    for name, weight in weights.items():
        hasher.update(re.sub(r"^model\.language_model\.", "model.", name).encode())
        hasher.update(np.ascontiguousarray(weight.detach().float().cpu().numpy()).data)
    return hasher.hexdigest()[:16]


_NO_MATTER = ("transformers_version", "_name_or_path", "architectures", "dtype", "torch_dtype", "use_cache")
_NO_MATTER += ("id2label", "label2id", "problem_type", "quantization_config", "auto_map")
"""Entries of a configuration that change nothing of what a network computes here, or that its weights tell."""


def configured(source: str | Path, **options: object) -> str:
    """Return 16 hexadecimal digits that change with a model's configuration: the same weights compute something else.

    Values that are transformers' defaults do not count, so a file that spells them out is the same. `options` go to the
    loader. Raises `NeutralError` naming the source.
    """

    def kept(entry: object) -> object:
        if isinstance(entry, dict):
            return {str(name): kept(value) for name, value in entry.items() if name not in _NO_MATTER}
        return entry

    said = models.configuration(source, **options).to_diff_dict()
    return hashlib.sha256(json.dumps(kept(said), sort_keys=True, default=str).encode()).hexdigest()[:16]


def require_configured(study: Study, config: str) -> None:
    """Raise `NeutralError` if a study was made with another configuration; older studies do not say with which."""
    if study.info.get("config", config) != config:
        raise NeutralError(
            f"{study.path}: was made with another configuration (config.json) of {study.info.get('model')}; use that "
            "one, or another --study"
        )


def scored(score: Score) -> dict:
    """Return the entries of a result for a model's score.

    `accuracy` is that of language modelling, beside its perplexity. `parts` holds what each held-out example adds to
    the metric, a list for each of `metrics.METRICS`' parts; a paired bootstrap over the examples compares two models
    by them.
    """
    counted = "tokens" if score.metric == "perplexity" else "examples"
    entries = {"metric": score.metric, "value": score.value, "loss": score.loss, counted: score.count}
    if score.accuracy is not None:
        entries["accuracy"] = score.accuracy
    if score.parts is not None:
        entries["parts"] = [[round(value, 4) for value in column] for column in score.parts.T.tolist()]
    return entries


class Finished:
    """The results that a study has, told apart by `fields`; new results are written and remembered.

    `kind` reads the results of one kind only; `seen_as` maps a result to the one that it counts as.
    """

    def __init__(
        self,
        study: Study,
        fields: Sequence[str],
        *,
        kind: str | None = None,
        seen_as: Callable[[dict], dict] = dict,
    ) -> None:
        self.study, self.fields, self.seen_as = study, ("kind", *fields), seen_as
        self._keys = {self._key(row) for row in study.rows(kind)}

    def has(self, kind: str, **row: object) -> bool:
        """Whether the study has a result of a kind with these fields."""
        return self._key({"kind": kind, **row}) in self._keys

    def append(self, kind: str, **row: object) -> None:
        """Write a result, unless it is there."""
        self.extend(kind, [row])

    def extend(self, kind: str, rows: Iterable[dict]) -> None:
        """Write those results that are not there, in one go: they belong together."""
        rows = [row for row in rows if not self.has(kind, **row)]
        self.study.extend(kind, rows)
        self._keys |= {self._key({"kind": kind, **row}) for row in rows}

    def _key(self, row: dict) -> tuple:
        row = self.seen_as(row)
        return tuple(row.get(name) for name in self.fields)


@contextmanager
def withdrawn(folder: str | Path) -> Iterator[None]:
    """Within, a refusal removes the study that the run made in `folder`, and the folders, if nothing is in it yet.

    A study with a result, a mask or any other file stays, and so does one that was there before. What the system
    refuses is a `StorageError`.
    """
    folder = Path(folder)
    was_study = (folder / "study.json").exists()
    made = [path for path in (folder, *folder.parents) if not path.exists()]  # the innermost first
    try:
        with storing(folder):
            yield
    except NeutralError:
        written = [path.name for path in folder.rglob("*") if path.is_file()]
        if not was_study and written == ["study.json"]:
            (folder / "study.json").unlink()
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir()
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        raise


def begin(
    folder: str | Path, info: dict, *, fixed: tuple[str, ...], kept: tuple[str, ...] = (), grows: tuple[str, ...] = ()
) -> Study:
    """Make the study in `folder`, or continue it.

    A study may hold several tasks of one model, unless "task" is `fixed`: text and settings of all tasks but the first
    are in its entry `tasks`.

    Parameters
    ----------
    folder : str or Path
    info : dict
        The entries of study.json.
    fixed : tuple of str
        Entries that must be those of an existing study.
    kept : tuple of str
        Entries that an existing study keeps as they are.
    grows : tuple of str
        Settings that may differ: they list what was asked for so far.

    Raises
    ------
    NeutralError
        If the study has another model configuration, other `fixed` entries, or another text or other settings of the
        task.
    """
    folder = Path(folder)
    if (folder / "study.json").is_file():
        if "config" in info:
            require_configured(Study(folder), info["config"])
        before, task = Study(folder).info, info["task"]
        own = {name: info[name] for name in ("text", "settings")}
        if "task" not in fixed and task != before.get("task", task):
            info = {name: value for name, value in info.items() if name not in _FIRST} | {"tasks": {task: own}}
            before = before.get("tasks", {}).get(task, {})
        _require_same(folder, before, own, grows)
        info = {name: value for name, value in info.items() if name not in kept}
    return Study.create(folder, info, fixed=fixed)


_DEFAULTS = {"only": "", **asdict(Wording())}
"""Settings that are not written if they have this value."""

_FIRST = ("title", "task", "text", "settings", "created", "parameters", "prunable", "layers")
"""Entries that describe a study's first task only."""


def _require_same(folder: Path, before: dict, requested: dict, grows: tuple[str, ...]) -> None:
    """Refuse another text of a language, or other settings of a method, than `before`."""
    hashes = before.get("text", {}).get("hashes", {})
    changed = [code for code, value in requested["text"]["hashes"].items() if hashes.get(code, value) != value]
    if changed:
        raise NeutralError(f"{folder}: the text of {', '.join(changed)} is not what the study was made with")
    for method, settings in requested["settings"].items():
        stored = current_settings(before.get("settings", {}).get(method, {}))
        if not stored:
            continue
        stored = {**_DEFAULTS, **stored}
        for name, value in {**_DEFAULTS, **json.loads(json.dumps(settings))}.items():
            if name not in grows and stored.get(name, value) != value:
                raise NeutralError(
                    f"{folder}: its {method} results were made with {name} {_said(stored[name])}, not "
                    f"{_said(value)}; choose another --study"
                )


def _said(value: object) -> object:
    """A setting's value as a message says it: 0 is a value."""
    return "unset" if value in ("", None) else value
