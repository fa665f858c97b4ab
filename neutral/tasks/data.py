"""Data of every task by language: plain text, or labelled examples with one set of labels over all languages.

`layout` says how a folder of labelled data is laid out; a data set of the hub has a configuration a language
(`unimelb-nlp/wikiann`, `facebook/xnli`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from neutral import corpora
from neutral.corpora import Corpus, Survey, readings
from neutral.errors import NeutralError
from neutral.tasks import examples, labelsets, layout, making, sentences, splits
from neutral.tasks.examples import NLI, TextSplit
from neutral.tasks.layout import Place
from neutral.tasks.sentences import TagSplit

Parts = tuple[TagSplit, TagSplit] | tuple[TextSplit, TextSplit]


def load(
    task: str,
    source: str | Path,
    languages: Sequence[str] | None = None,
    *,
    held_out: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    documents: str | Path | None = None,
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
    labels : old -> new, optional
        What labels are called here, for languages that spell them otherwise; for labelled data only.
    documents : str or Path, optional
        A file with the document of each line; for plain text only (`corpora.load`).

    Raises
    ------
    FileError, NeutralError
        Naming the file, language or option that is missing or cannot be read, and labels that do not agree.
    """
    read = survey(task, source, languages, held_out=held_out, labels=labels, documents=documents)
    for problem in read.problems.values():
        raise problem
    return read.corpus


def survey(
    task: str,
    source: str | Path,
    languages: Sequence[str] | None = None,
    *,
    held_out: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    documents: str | Path | None = None,
) -> Survey:
    """Read data as `load` does, and go on where a language's cannot be read.

    Labels that do not agree are a problem under the key "". Raises the errors of `load` that concern all languages.
    """
    making.require(task)
    requested = list(dict.fromkeys(languages)) if languages is not None else None
    single = (
        None if requested is None else list(dict.fromkeys(part for code in requested for part in corpora.parts(code)))
    )
    if task in making.TEXT:
        if labels:
            raise NeutralError("--labels: for labelled data; text has no labels")
        read = corpora.survey(source, single, held_out=held_out, documents=documents)
    elif documents:
        raise NeutralError("--documents: for plain text; labelled data has its own validation files")
    elif held_out:
        raise NeutralError("--held-out: labelled data has its own validation files; this is for plain text")
    else:
        read = _labelled(task, source, single, labels or {})
    if requested is None or read.problems:
        return read
    corpus = read.corpus
    mixed = {code: corpora.digest([corpus.hashes[part] for part in corpora.parts(code)]) for code in requested}
    hashes = corpus.hashes | {code: each for code, each in mixed.items() if code not in corpus.hashes}
    return Survey(replace(corpus, asked=tuple(requested), hashes=hashes), {})


def _labelled(task: str, source: str | Path, languages: Sequence[str] | None, renamed: Mapping[str, str]) -> Survey:
    places, notes = _places(task, source, languages)
    pairs, problems = {}, {}
    for code, place in places.items():
        try:
            pairs[code] = _read(task, code, place, renamed)
        except NeutralError as error:
            problems[code] = error
    read = {code: (train.reading(), held.reading()) for code, (train, held) in pairs.items()}
    train, held_out, names = {}, {}, []
    try:
        notes += _agreed(task, pairs, renamed)
        names = _names(task, pairs)
        train = {code: train.examples(names) for code, (train, _) in pairs.items()}
        held_out = {code: held.examples(names) for code, (_, held) in pairs.items()}
    except NeutralError as error:
        problems[""] = error
    notes += readings.twins(pairs)
    notes += readings.grouped({code: (one + other).notes for code, (one, other) in read.items()})
    notes += readings.grouped(readings.left_out({code: one + other for code, (one, other) in read.items()}))
    notes += readings.grouped(
        {code: corpora.notes_on_shared(train[code], held, read[code][1].unit) for code, held in held_out.items()}
    )
    hashes = {code: corpora.digest(train.lines() + held.lines()) for code, (train, held) in pairs.items()}
    corpus = Corpus(str(source), train, held_out, hashes, tuple(names), readings=read, notes=tuple(notes))
    return Survey(corpus, problems)


def _read(task: str, code: str, place: Place, renamed: Mapping[str, str]) -> Parts:
    """Return a language's split to train on, and the one to score; without one every tenth example is held out."""
    of = examples.of if task == NLI else sentences.of
    tables = place.tables(_readers(task))
    read = [of(task, name, layout.of_language(code, name, rows), renamed) for name, rows in tables]
    if len(read) > 1:
        return tuple(read)
    whole = read[0]
    train, held = corpora.parted(range(len(whole.lines())))
    if not train:
        raise NeutralError(f"{whole.name}: one example alone is no data to train on and to score")
    return whole.at(train), replace(whole.at(held), left_out={})  # which are counted once


def _readers(task: str) -> splits.Readers:
    return examples.READERS if task == NLI else sentences.readers(task)


def _agreed(task: str, pairs: Mapping[str, Parts], renamed: Mapping[str, str]) -> list[str]:
    """Return notes on labels that some languages lack. Raises `NeutralError` for labels that do not agree."""
    both = {code: train.labels() | held.labels() for code, (train, held) in pairs.items()}
    labelsets.require_used(renamed, task, set().union(*both.values()))
    apart = {code: train.labels() for code, (train, _) in pairs.items()}
    apart |= {f"the held-out data of {code}": held.labels() for code, (_, held) in pairs.items()}
    kept = {old for old, new in renamed.items() if old == new}
    labelsets.require_one_spelling(task, apart, kept)
    written = set().union(*(split.written for parts in pairs.values() for split in parts))
    return labelsets.unused(renamed, task, written) + labelsets.lacking(task, both) + labelsets.numbered(both)


def _names(task: str, pairs: Mapping[str, Parts]) -> list[str]:
    """Return the names of all labels: classes must be in the training data, tags need not."""
    if task == NLI:
        return examples.classes(train for train, _ in pairs.values()) if pairs else []
    return sentences.names(split for both in pairs.values() for split in both)


def _places(task: str, source: str | Path, languages: Sequence[str] | None) -> tuple[dict[str, Place], list[str]]:
    """Return language -> where its data is, and notes."""
    if splits.is_local(source):
        return layout.places(source, languages, _readers(task), mixed=task == NLI)
    if not languages:
        raise NeutralError(f"{source}: say which languages to load (--languages en,fr)")
    return {code: Place(hub=f"{source}:{code}") for code in languages}, []
