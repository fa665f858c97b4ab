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
    """Load a task's data from a folder or the hub.

    Parameters
    ----------
    task : str
        One of `making.NAMES`.
    source : str or Path
        A folder, or the id of a data set of the hub.
    languages : sequence of str, optional
        By default all that a folder has. For a mixture, "en+fa", the corpus has the data of its parts, and lists the
        mixture among its languages.
    held_out : str or Path, optional
        Text to score on; for plain text only.

    Raises
    ------
    FileError, NeutralError
        Naming the file, language or option that is missing or cannot be read.
    """
    making.require(task)
    requested = list(dict.fromkeys(languages)) if languages is not None else None
    single = (
        None if requested is None else list(dict.fromkeys(part for code in requested for part in corpora.parts(code)))
    )
    if task in making.TEXT:
        corpus = corpora.load(source, single, held_out=held_out)
    elif held_out:
        raise NeutralError("--held-out: labelled data has its own validation files; this is for plain text")
    else:
        corpus = _labelled(task, source, single)
    if requested is None:
        return corpus
    mixed = {code: corpora.digest([corpus.hashes[part] for part in corpora.parts(code)]) for code in requested}
    return replace(
        corpus,
        asked=tuple(requested),
        hashes=corpus.hashes | {code: each for code, each in mixed.items() if code not in corpus.hashes},
    )


def _labelled(task: str, source: str | Path, languages: Sequence[str] | None) -> Corpus:
    read = classification.read if task == "nli" else partial(tagging.read, task)
    split_pairs = {code: read(place) for code, place in _places(source, languages).items()}
    train = [train for train, _ in split_pairs.values()]
    names = classification.classes(train) if task == "nli" else tagging.names(train)
    return Corpus(
        str(source),
        {code: train.examples(names) for code, (train, _) in split_pairs.items()},
        {code: held.examples(names) for code, (_, held) in split_pairs.items()},
        {code: corpora.digest(train.lines() + held.lines()) for code, (train, held) in split_pairs.items()},
        tuple(names),
    )


def _places(source: str | Path, languages: Sequence[str] | None) -> dict[str, str | Path]:
    """Return language -> the folder, or the hub's configuration, that has its data."""
    if not splits.is_local(source):
        if not languages:
            raise NeutralError(f"{source}: say which languages to load (--languages en,fr)")
        return {code: f"{source}:{code}" for code in languages}
    folder = Path(source).expanduser()
    existing = [path.name for path in sorted(folder.glob("*/")) if any(path.glob("train*"))] if folder.is_dir() else []
    if not existing:
        raise FileError(folder, "has no labelled data: no folder a language with a train file, such as en/train.tsv")
    if missing := [code for code in languages or [] if code not in existing]:
        raise FileError(folder, f"no data for {', '.join(missing)}; it has {', '.join(existing)}")
    return {code: folder / code for code in languages or existing}
