"""Text by language: a folder of a file a language, or Wikipedia where a machine has the internet.

A file is called `<lang>.txt[.gz|.xz]`, or as data sets with a file a language are distributed
(`newstest2019-ref.deu.txt`, `deu_Latn.dev`). A `Corpus` identifies its text by a content hash for each language, so
that nobody continues a study on other text unawares. It may hold labelled examples instead of lines (`tasks.data`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from neutral.corpora import datafiles, markup, textfiles
from neutral.corpora.datafiles import DEV, DEVTEST, TEST, TRAIN
from neutral.corpora.documents import parted as part_documents
from neutral.corpora.documents import read as read_documents
from neutral.corpora.readings import Reading, grouped, left_out, several, twins
from neutral.errors import FileError, NeutralError
from neutral.languages import matching

_ENDINGS = (".txt", "")
_SPLITS = (TRAIN, "", DEV, DEVTEST, TEST)  # the first that a language has is trained on; "": a name that says none
_HELD_OUT = (DEV, DEVTEST, TEST)

WIKIPEDIA = "wikimedia/wikipedia"
_WIKIPEDIA_DATE = "20231101"
_WIKIPEDIA_ARTICLES = 2000


@dataclass(frozen=True)
class Corpus:
    """Lines of text, or labelled examples, by language; training and held-out apart.

    Attributes
    ----------
    name : str
        The folder, or the hub's id, that the text came from.
    train, held_out : language -> list
        Lines, or labelled examples.
    hashes : language -> str
        16 hexadecimal digits that change when the text does (`digest`).
    labels : tuple of str
        Names of the tags or classes that the examples number; none with plain text.
    asked : tuple of str
        The languages asked for, mixtures ("en+fa") included; `train` has the data of their parts.
    readings : language -> (Reading, Reading)
        What came of reading both.
    notes : tuple of str
        What was assumed and left out, and which files were passed over.
    documents : language -> list of str
        The document of each line that is trained on; empty where nothing says so.
    """

    name: str
    train: dict[str, list]
    held_out: dict[str, list]
    hashes: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    readings: dict[str, tuple[Reading, Reading]] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    documents: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @property
    def languages(self) -> list[str]:
        """The languages asked for, mixtures included; else all that have text."""
        return list(self.asked or self.train)


def parts(language: str) -> list[str]:
    """Return the languages of a mixture ("en+fa"), or the one language.

    Raises `NeutralError` for a mixture with an empty or repeated part.
    """
    codes = language.split("+")
    if "" in codes or len(set(codes)) < len(codes):
        raise NeutralError(f"--languages {language}: a mixture is different languages with a plus between, as en+fa")
    return codes


class TextFiles(NamedTuple):
    """Files of text by language and split, "" for a name that says none; and the names of what was passed over."""

    files: dict[str, dict[str, Path]]
    passed_over: list[str]


def text_files(folder: str | Path, languages: Sequence[str] | None = None) -> TextFiles:
    """Find the files of text in a folder, sorted by language.

    A language that is asked for by another code than its file's has the code that was asked for (`languages.matching`).

    Raises `FileError` for a folder that is missing, and for two files for one split of one of the languages asked for.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileError(folder, "no such folder of text; it should hold files like en.txt or sw.txt.xz")
    files: dict[str, dict[str, Path]] = {}
    doubled: dict[str, str] = {}
    passed_over = []
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    names = [datafiles.read(path.name, _ENDINGS) if path.is_file() else None for path in paths]
    for path, name in zip(paths, datafiles.by_neighbours(names), strict=True):
        language = name and (name.language or (name.rest if name.ending and datafiles.is_code(name.rest) else None))
        if not language:
            passed_over.append(path.name + "/" * path.is_dir())
            continue
        of_language = files.setdefault(language, {})
        split = name.split or ""
        if split in of_language:
            doubled.setdefault(language, f"{of_language[split].name} and {path.name}")
        of_language.setdefault(split, path)
    for code in languages or ():
        own = matching(code, files.keys() - (set(languages) - {code}))
        if own is not None and own != code:
            files[code] = files.pop(own)
            doubled |= {code: doubled[own]} if own in doubled else {}
    if lost := [code for code in doubled if languages is None or code in languages]:
        raise FileError(folder, f"two files for language {lost[0]}: {doubled[lost[0]]}")
    return TextFiles(dict(sorted(files.items())), passed_over)


def languages_in(folder: str | Path, languages: Sequence[str] | None = None) -> dict[str, Path]:
    """Return language -> file for every language that has text in `folder`, sorted; of several splits the first.

    Raises `FileError` if there is none, or two for one of the languages asked for.
    """
    files = text_files(folder, languages).files
    if not files:
        raise FileError(folder, "holds no text; files are named by language: en.txt, fr.txt.gz, sw.txt.xz")
    return {code: next(splits[name] for name in _SPLITS if name in splits) for code, splits in files.items()}


def read_lines(path: str | Path) -> list[str]:
    """Read the non-empty lines of a UTF-8 text file, stripped and without `markup`, unpacking `.gz` and `.xz`.

    Raises `FileError` for a file that cannot be read or is not UTF-8.
    """
    return _plain(path).lines


def _plain(path: str | Path) -> markup.Plain:
    return markup.plain([text for line in textfiles.lines(path) if (text := line.strip())])


def load(
    source: str | Path,
    languages: list[str] | None = None,
    *,
    held_out: str | Path | None = None,
    share: float = 0.1,
    documents: str | Path | None = None,
) -> Corpus:
    """Load text from a folder, or from Wikipedia by its hub id.

    Parameters
    ----------
    source : str or Path
        A folder of `<lang>.txt[.gz|.xz]`, or `WIKIPEDIA`.
    languages : list of str, optional
        By default all that the folder has.
    held_out : str or Path, optional
        Folder of held-out text; by default the folder `dev` in `source`, if there is one.
    share : float
        Without such a folder every n-th line is held out and taken from training, n = 1 / share, rounded, at least 2.
    documents : str or Path, optional
        A file with the document of each line, the same for every language (`documents`): then every n-th document is
        held out.

    Raises
    ------
    FileError, NeutralError
        Naming a language that has no text, or too little.
    """
    read = survey(source, languages, held_out=held_out, share=share, documents=documents)
    for problem in read.problems.values():
        raise problem
    return read.corpus


class Survey(NamedTuple):
    """What came of reading data: the languages that could be read, and why others could not."""

    corpus: Corpus
    problems: dict[str, NeutralError]


def survey(
    source: str | Path,
    languages: list[str] | None = None,
    *,
    held_out: str | Path | None = None,
    share: float = 0.1,
    documents: str | Path | None = None,
) -> Survey:
    """Read text as `load` does, and go on where a language's cannot be read.

    Raises the errors of `load` that concern the folder or a language that is missing.
    """
    of_lines = read_documents(documents) if documents else None
    if str(source) == WIKIPEDIA:
        if of_lines:
            raise NeutralError(f"--documents: not for {WIKIPEDIA}; it is for files of which each line is known")
        files, apart, notes = dict.fromkeys(_named(languages)), {}, []
    else:
        files, apart, notes = _files(Path(source), languages, held_out)
    train, held, known, readings, problems = {}, {}, {}, {}, {}
    for code, path in files.items():
        try:
            text = markup.plain(_wikipedia(code)) if path is None else _plain(path)
            own = _plain(apart[code]) if apart else markup.Plain([], {}, ())
            train[code], held[code] = (text.lines, own.lines) if apart else parted(text.lines, share)
            if of_lines:
                known[code] = _of_lines(path, text.lines, of_lines, documents)
                if not apart:
                    train[code], held[code], known[code] = part_documents(text.lines, known[code], share)
            if not train[code] or not held[code]:
                raise NeutralError(f"{source}: too little text for language {code}")
            first = text.lines[0], held[code][0]
            readings[code] = _reading(train[code], first[0], text), _reading(held[code], first[1], own)
        except NeutralError as error:
            problems[code] = error
            train.pop(code, None), held.pop(code, None), known.pop(code, None)
    notes += twins(train)
    notes += grouped({code: (one + other).notes for code, (one, other) in readings.items()})
    notes += grouped(left_out({code: one + other for code, (one, other) in readings.items()}))
    notes += grouped({code: notes_on_shared(train[code], held[code], "lines") for code in train})
    hashes = {code: digest(train[code] + held[code] + known.get(code, [])) for code in train}
    made = {"readings": readings, "notes": tuple(notes), "documents": known}
    return Survey(Corpus(str(source), train, held, hashes, **made), problems)


def parted(items: Sequence, share: float = 0.1) -> tuple[list, list]:
    """Return what is trained on, and every n-th of the items, which is held out: n = 1 / share, rounded, at least 2."""
    every = max(2, round(1 / share))
    return [item for i, item in enumerate(items) if i % every], list(items[::every])


def notes_on_shared(train: Iterable[object], held_out: Sequence[object], unit: str) -> list[str]:
    """Return a note if a tenth or more of what is held out is in the training data too, else none."""
    known = set(train)
    shared = sum(item in known for item in held_out)
    if shared < max(1, len(held_out) / 10):
        return []
    return [f"{shared:,} of {len(held_out):,} held-out {unit} are in the training data too, so scores flatter"]


def digest(lines: list[str]) -> str:
    """Return 16 hexadecimal digits that change when the text does."""
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line.encode())
        hasher.update(b"\n")
    return hasher.hexdigest()[:16]


def _files(
    folder: Path, languages: Sequence[str] | None, held_out: str | Path | None
) -> tuple[dict[str, Path], dict[str, Path], list[str]]:
    """Return language -> file to train on, language -> file to score on (none: take a share), and notes.

    Raises `FileError`, naming them, for languages without a file.
    """
    notes = []
    files, passed_over = text_files(folder, languages)
    if not files and (inner := _inner(folder)):
        notes.append(f"{folder.name} has text in {' and '.join(path.name for path in inner)}: the first is trained on")
        folder, held_out = inner[0], held_out or (inner[1] if len(inner) > 1 else None)
        files, passed_over = text_files(folder, languages)
    found = languages_in(folder, languages)
    train = {code: path for code, path in found.items() if languages is None or code in languages}
    _require(languages, train, files, folder)
    development = Path(held_out) if held_out else folder / "dev"
    rest = {code: [name for name in _HELD_OUT if files[code].get(name, train[code]) != train[code]] for code in train}
    if held_out or development.is_dir():
        apart = languages_in(development, list(train))
        _require(train, apart, apart, development)
        passed_over = [name for name in passed_over if folder / name != development]
    elif all(rest.values()):
        apart = {code: files[code][names[0]] for code, names in rest.items()}
        pairs = {f"{path.name} is trained on, {apart[code].name} held out": code for code, path in train.items()}
        notes.append(f"{next(iter(pairs))}" + f", and so on for {len(pairs)} languages" * (len(pairs) > 1))
    else:
        apart = {}
    unused = {path.name for code in train for path in files[code].values()} - {path.name for path in train.values()}
    passed_over = sorted([*passed_over, *(unused - {path.name for path in apart.values()})])
    if passed_over:
        notes.append(f"passed over in {folder.name}: {several(passed_over)}")
    return {code: train[code] for code in languages or train}, apart, notes


def _inner(folder: Path) -> list[Path]:
    """Return the folders in a folder that are named after splits and have text, those to train on first."""
    inner = {datafiles.split_of(path.name): path for path in sorted(folder.glob("*/")) if text_files(path, ()).files}
    return [inner[split] for split in (TRAIN, *_HELD_OUT) if split in inner]


def _require(languages: Iterable[str] | None, wanted: Mapping, files: Mapping, folder: Path) -> None:
    if missing := [code for code in languages or [] if code not in wanted]:
        raise FileError(folder, f"no text for {', '.join(missing)}; it has {', '.join(files)}")


def _of_lines(path: Path, lines: Sequence[str], documents: Sequence[str], named: str | Path) -> list[str]:
    """Return the documents of a file's lines. Raises `FileError` for a file that has more lines, or fewer."""
    raw = [line.strip() for line in textfiles.lines(path)]
    if len(raw) != len(documents):
        raise FileError(path, f"has {len(raw):,} lines, and {named} (--documents) names those of {len(documents):,}")
    known = [document for line, document in zip(raw, documents, strict=True) if line]
    if len(known) != len(lines):
        raise FileError(path, "has lines that are no text (marks of articles), so --documents does not fit it")
    return known


def _reading(lines: Sequence[str], first: str, text: markup.Plain) -> Reading:
    return Reading("lines", len(lines), text.left_out, first={"text": first}, notes=text.notes)


def _named(languages: list[str] | None) -> list[str]:
    if not languages:
        raise NeutralError(f"{WIKIPEDIA}: say which languages to load")
    return languages


def _wikipedia(code: str) -> list[str]:
    """Return paragraphs of the first articles of one language's Wikipedia, streamed."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise NeutralError("text from the hub needs the package `datasets`: pip install datasets") from error
    try:
        articles = load_dataset(WIKIPEDIA, f"{_WIKIPEDIA_DATE}.{code}", split="train", streaming=True)
        texts = [article["text"] for article in articles.take(_WIKIPEDIA_ARTICLES)]
    except (OSError, ValueError) as error:
        raise NeutralError(f"{WIKIPEDIA}: no text for {code}: {error}") from error
    return [line.strip() for text in texts for line in text.split("\n") if len(line.strip()) > 40]
