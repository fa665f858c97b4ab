"""Data of every task by language: plain text, or labelled examples with one set of labels over all languages.

A folder of labelled data holds a folder a language (`en/train.conll`, `en/validation.conll`; `sw/train.tsv`, …); a data
set of the hub has a configuration a language (`unimelb-nlp/wikiann`, `facebook/xnli`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from neutral import corpora
from neutral.corpora import Corpus
from neutral.errors import FileError, NeutralError
from neutral.tasks import classification, making, splits, tagging


def load(
    task: str, source: str | Path, languages: Sequence[str] | None = None, *, held_out: str | Path | None = None
) -> Corpus:
    """Load a task's data of `languages` (all that a folder has, if None) from a folder or the hub.

    A language may be a mixture, "en+fa": the corpus then has the data of its parts, and lists the mixture among its
    languages. `held_out` is for plain text only.

    Raises `FileError` / `NeutralError` naming what is missing or cannot be read.
    """
    making.require(task)
    asked = list(dict.fromkeys(languages)) if languages is not None else None
    single = None if asked is None else list(dict.fromkeys(part for code in asked for part in corpora.parts(code)))
    if task in making.TEXT:
        corpus = corpora.load(source, single, held_out=held_out)
    elif held_out:
        raise NeutralError("--held-out: labelled data has its own validation files; this is for plain text")
    else:
        corpus = _labelled(task, source, single)
    if asked is None:
        return corpus
    mixed = {code: corpora.digest([corpus.hashes[part] for part in corpora.parts(code)]) for code in asked}
    return replace(
        corpus,
        asked=tuple(asked),
        hashes=corpus.hashes | {code: each for code, each in mixed.items() if code not in corpus.hashes},
    )


def _labelled(task: str, source: str | Path, languages: Sequence[str] | None) -> Corpus:
    read = classification.read if task == "nli" else partial(tagging.read, task)
    found = {code: read(place) for code, place in _places(source, languages).items()}
    train = [train for train, _ in found.values()]
    names = classification.classes(train) if task == "nli" else tagging.names(train)
    return Corpus(
        str(source),
        {code: train.examples(names) for code, (train, _) in found.items()},
        {code: held.examples(names) for code, (_, held) in found.items()},
        {code: corpora.digest(train.lines() + held.lines()) for code, (train, held) in found.items()},
        tuple(names),
    )


def _places(source: str | Path, languages: Sequence[str] | None) -> dict[str, str | Path]:
    """Return where the data of every language is."""
    if not splits.is_local(source):
        if not languages:
            raise NeutralError(f"{source}: say which languages to load (--languages en,fr)")
        return {code: f"{source}:{code}" for code in languages}
    folder = Path(source).expanduser()
    there = [path.name for path in sorted(folder.glob("*/")) if any(path.glob("train*"))] if folder.is_dir() else []
    if not there:
        raise FileError(folder, "has no labelled data: no folder a language with a train file, such as en/train.tsv")
    if missing := [code for code in languages or [] if code not in there]:
        raise FileError(folder, f"no data for {', '.join(missing)}; it has {', '.join(there)}")
    return {code: folder / code for code in languages or there}
