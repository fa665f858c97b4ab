"""How a study was made: every study records it, and a run refuses to continue a study that was made otherwise."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path

from neutral import __version__
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.files import storing
from neutral.lock import RECORD, only_writer
from neutral.runs.plans.search import path
from neutral.study import Study, current_settings
from neutral.tasks import Score
from neutral.tasks.wording import Wording


def provenance(corpus: Corpus, languages: Sequence[str]) -> dict:
    """Return the entries of study.json for its text, the day, and the versions of the software."""
    return {
        "text": {
            "name": Path(corpus.name).name,
            "hashes": {code: corpus.hashes[code] for code in languages},
            "trained_on": {code: len(corpus.train[code]) for code in languages if code in corpus.train},
        },
        "created": date.today().isoformat(),
        "versions": {
            "neutral": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "numpy")},
        },
    }


_MADE_WITH = {
    "weights": "other weights",
    "config": "another configuration (config.json)",
    "rest": "other embeddings, norms or biases",
    "tokenizer": "another tokenizer",
}
"""Entries of study.json that are hashes of a part of the model, and how a message calls one that differs."""


def require_model(study: Study, made_with: Mapping[str, object]) -> None:
    """Raise `NeutralError`, naming it, for a part of the model that is another than the study was made with.

    Older studies do not say all of them.
    """
    for name, called in _MADE_WITH.items():
        if name in made_with and study.info.get(name, made_with[name]) != made_with[name]:
            raise NeutralError(
                f"{study.path}: was made with {called} of {study.info.get('model')}; use that one, or another --study"
            )


def remember(study: Study, entry: str, hashes: Mapping[str, str], called: str) -> None:
    """Write hashes of what a run reads into an entry of study.json, unless they are there.

    `called` says in a message what the names are of. Raises `NeutralError` naming what is another than before; older
    studies do not say.
    """
    require_same(study, entry, hashes, called)
    if hashes.items() - study.info.get(entry, {}).items():
        study.info = Study.create(study.path, {entry: dict(hashes)}).info


def require_same(study: Study, entry: str, hashes: Mapping[str, str], called: str) -> None:
    """Raise what `remember` raises; nothing is written."""
    before = study.info.get(entry, {})
    if changed := [name for name, value in hashes.items() if before.get(name, value) != value]:
        raise NeutralError(
            f"{study.path}: {called} {', '.join(changed)} is not what its results were made with; put that back, or "
            "choose another --study"
        )


def scored(score: Score) -> dict:
    """Return the entries of a result for a model's score.

    `accuracy` is that of language modelling, beside its perplexity; `characters` and `bytes` are how much text a causal
    model was scored on. `parts` holds what each held-out example adds to
    the metric, a list for each of `metrics.METRICS`' parts; a paired bootstrap over the examples compares two models
    by them.
    """
    counted = "tokens" if score.metric == "perplexity" else "examples"
    entries = {"metric": score.metric, "value": score.value, "loss": score.loss, counted: score.count}
    if score.accuracy is not None:
        entries["accuracy"] = score.accuracy
    if score.characters is not None:
        entries |= {"characters": score.characters, "bytes": score.bytes}
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
        values = (row.get(name) for name in self.fields)
        return tuple(str(value) if isinstance(value, (list, dict)) else value for value in values)  # of later kinds


@contextmanager
def writing(folder: str | Path) -> Iterator[None]:
    """Within, a run is the only writer in `folder` (`lock.only_writer`): what is done is read and written within.

    A refusal removes the study that the run made, and the folders, if nothing is in it yet. A study with a result, a
    mask or any other file stays, and so does one that was there before. What the system refuses is a `StorageError`.
    """
    folder = Path(folder)
    with only_writer(folder):
        was_study = (folder / "study.json").exists()
        try:
            with storing(folder):
                yield
        except NeutralError:
            written = [path for path in folder.rglob("*") if not path.is_dir() and path.name != RECORD]
            if not was_study and [path.name for path in written] == ["study.json"]:
                written[0].unlink()
                for path in sorted(folder.rglob("*"), reverse=True):
                    if path.is_dir():
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
        If the study has another model configuration, tokenizer or other weights, other `fixed` entries, or another text
        or other settings of the task.
    """
    return Study.create(folder, accepted(folder, info, fixed=fixed, kept=kept, grows=grows), fixed=fixed)


def accepted(
    folder: str | Path, info: dict, *, fixed: tuple[str, ...], kept: tuple[str, ...] = (), grows: tuple[str, ...] = ()
) -> dict:
    """Return the entries that `begin` writes. Arguments and errors are its; nothing is written."""
    folder = Path(folder)
    if (folder / "study.json").is_file():
        if "files" in Study(folder).info:
            told = "was saved from mask files, and no run goes on from those"
            raise NeutralError(f"{folder}: {told}; choose another --study")
        require_model(Study(folder), info)
        before, task = Study(folder).info, info["task"]
        own = {name: info[name] for name in ("text", "settings")}
        if "task" not in fixed and task != before.get("task", task):
            info = {name: value for name, value in info.items() if name not in _FIRST} | {"tasks": {task: own}}
            before = before.get("tasks", {}).get(task, {})
        _require_same(folder, before, own, grows)
        info = {name: value for name, value in info.items() if name not in kept}
        Study.require(folder, info, fixed=fixed)
    return info


_DEFAULTS = {
    "only": "",
    "labels": {},
    "text_lines": None,
    "held_out_lines": None,
    "tables": ["tokens"],
    **asdict(Wording()),
}
"""Settings that are not written if they have this value."""

_LATER = ("rounds", "functional_blocks")
"""Settings that are held against those before elsewhere: they may come with a later run."""

_FIRST = ("title", "task", "text", "settings", "created", "parameters", "prunable", "layers")
"""Entries that describe a study's first task only."""


def _require_same(folder: Path, before: dict, requested: dict, grows: tuple[str, ...]) -> None:
    """Refuse another text of a language, or other settings of a method, than `before`."""
    for entry, called in (("hashes", "text"), ("trained_on", "number of training examples")):
        stored = before.get("text", {}).get(entry, {})
        changed = [code for code, value in requested["text"].get(entry, {}).items() if stored.get(code, value) != value]
        if changed:
            raise NeutralError(f"{folder}: the {called} of {', '.join(changed)} is not what the study was made with")
    for method, settings in requested["settings"].items():
        stored = current_settings(before.get("settings", {}).get(method, {}))
        if not stored:
            continue
        # Older studies of tables say their languages only once.
        languages = {"languages": sorted(before["languages"])} if "languages" in before else {}
        stored = {**_DEFAULTS, **languages, **stored}
        _require_path(folder, method, stored, settings.get("rounds"))
        for name, value in {**_DEFAULTS, **json.loads(json.dumps(settings))}.items():
            if name not in (*grows, *_LATER) and stored.get(name, value) != value:
                raise NeutralError(
                    f"{folder}: its {method} results were made with {name} {_said(stored[name])}, not "
                    f"{_said(value)}; choose another --study"
                )


def _require_path(folder: Path, method: str, stored: dict, rounds: Mapping[str, float] | None) -> None:
    """Refuse other rounds on the way to a mask that is there: it would be another mask.

    `rounds` are those of a search that cuts in several: sparsity -> that of the round before. Older studies say the
    sparsities alone, which are those of one search.
    """
    if rounds is None:
        return
    before = stored.get("rounds") or path(stored.get("sparsities", ()))
    for sparsity, last in rounds.items():
        if before.get(sparsity, last) != last:
            raise NeutralError(
                f"{folder}: its {method} masks at {float(sparsity):.0%} were cut in other rounds, from "
                f"{before[sparsity]:.0%} and not from {last:.0%} (--step); choose another --study"
            )


def _said(value: object) -> object:
    """A setting's value as a message says it: 0 is a value."""
    return "unset" if value in ("", None, {}) else value
